//! `sealpost queue`: mail that waits for other servers.

use std::io::Write;

use serde_json::Value;
use service::{QueueAct, QueueWanted};
use types::{Address, QueueId};

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::exit::{Exit, Failure};
use crate::output::{Column, json_line, visible};

const COLUMNS: &[Column] = &[
    Column("ID", "id"),
    Column("FROM", "from"),
    Column("TO", "to"),
    Column("STATE", "state"),
    Column("TRIED", "attempts"),
    Column("NEXT", "next"),
    Column("LAST ANSWER", "reply"),
];

/// What can be done with mail that waits for other servers. A row is one recipient of one message.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Queue {
    /// Lists what waits, the oldest first, at most 1,000 rows.
    List {
        #[command(flatten)]
        which: Which,
        /// Goes on behind the row of this number, such as the last one of the list before.
        #[arg(long, value_name = "ID")]
        after: Option<QueueId>,
        #[command(flatten)]
        read: Read,
    },
    /// Shows rows with all their values.
    Show {
        /// Their numbers, such as q_12.
        #[arg(required = true)]
        ids: Vec<QueueId>,
        #[command(flatten)]
        read: Read,
    },
    /// Says why something waits, and when it is tried next.
    Why {
        /// Numbers of rows, such as q_12, or the id of a message that its sender was told.
        #[arg(required = true)]
        of: String,
        #[command(flatten)]
        read: Read,
    },
    /// Keeps rows from being tried until they are released.
    Hold {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        change: Change,
    },
    /// Lets held rows go on.
    Release {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        change: Change,
    },
    /// Tries rows at once, also those for places that failed lately.
    Retry {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        change: Change,
    },
    /// Gives rows up; their senders are told that the mail did not arrive.
    Fail {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        change: Change,
    },
    /// Takes rows out and tells nobody. Mail of an account can be brought back for a while.
    Drop {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        change: Change,
    },
}

/// Which rows.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// Their numbers, such as q_12.
    #[arg(conflicts_with_all = ["destination", "sender", "recipient", "message", "held", "all"])]
    ids: Vec<QueueId>,
    /// Those that go there: a domain, or the host and port of a route.
    #[arg(long, value_name = "PLACE")]
    destination: Option<String>,
    /// Those from this sender of the envelope; <> for reports.
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
    /// Those for this recipient.
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<Address>,
    /// Those of the message with this id, which its sender was told.
    #[arg(long, value_name = "ID")]
    message: Option<String>,
    /// Only held ones.
    #[arg(long)]
    held: bool,
    /// All of them.
    #[arg(long)]
    all: bool,
}

impl Which {
    /// What is asked of the server; for an act something must be said.
    fn wanted(self, after: Option<QueueId>) -> QueueWanted {
        QueueWanted {
            ids: self.ids,
            message: self.message,
            destination: self.destination,
            sender: self.sender,
            recipient: self.recipient,
            held: self.held,
            after,
        }
    }

    fn for_act(self) -> anyhow::Result<QueueWanted> {
        let all = self.all;
        let wanted = self.wanted(None);
        if !all && wanted == QueueWanted::default() {
            let words = "which mail? Add numbers from `sealpost queue list`, --destination, --sender, \
                         --recipient, --message, --held or --all";
            return Err(Failure::usage(words).into());
        }
        Ok(wanted)
    }
}

impl Queue {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List { which, after, read } => {
                read.list(out, Ask::QueueList(which.wanted(after)), COLUMNS)
            }
            Self::Show { ids, read } => {
                let wanted = QueueWanted {
                    ids,
                    ..QueueWanted::default()
                };
                let rows = read.place.client()?.ask(Ask::QueueList(wanted))?;
                for row in rows.as_array().into_iter().flatten() {
                    read.format.details(out, row)?;
                }
                Ok(())
            }
            Self::Why { of, read } => tell_why(out, &of, &read),
            Self::Hold { which, change } => {
                let why = change.reason().unwrap_or("held by hand").to_owned();
                act(out, &QueueAct::Hold(why), which, &change)
            }
            Self::Release { which, change } => act(out, &QueueAct::Release, which, &change),
            Self::Retry { which, change } => act(out, &QueueAct::Retry, which, &change),
            Self::Fail { which, change } => act(out, &QueueAct::Fail, which, &change),
            Self::Drop { which, change } => act(out, &QueueAct::Drop, which, &change),
        }
    }
}

fn tell_why(out: &mut dyn Write, of: &str, read: &Read) -> anyhow::Result<()> {
    let mut wanted = QueueWanted::default();
    match of.parse() {
        Ok(id) => wanted.ids.push(id),
        Err(_) => wanted.message = Some(of.to_owned()),
    }
    let rows = read.place.client()?.ask(Ask::QueueWhy(wanted))?;
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        let words = "no message of this id waits; `sealpost trace --id` says what became of it";
        return Err(Failure::new(Exit::NotFound, words).into());
    }
    for row in rows {
        if read.format.json {
            json_line(out, row)?;
            continue;
        }
        let word = |key: &str| visible(row["row"][key].as_str().unwrap_or_default());
        writeln!(out, "{} to {}:", word("id"), word("to"))?;
        for line in row["why"].as_array().into_iter().flatten() {
            writeln!(out, "  {}", visible(line.as_str().unwrap_or_default()))?;
        }
    }
    Ok(())
}

fn act(out: &mut dyn Write, act: &QueueAct, which: Which, change: &Change) -> anyhow::Result<()> {
    let wanted = which.for_act()?;
    let verbs = match act {
        QueueAct::Hold(_) => ("Hold", "Held"),
        QueueAct::Release => ("Let go on", "Going on"),
        QueueAct::Retry => ("Try at once", "Tried at once"),
        QueueAct::Fail => ("Give up and tell the senders of", "Given up"),
        QueueAct::Drop => ("Take out and tell nobody of", "Taken out"),
    };
    let is_drop = *act == QueueAct::Drop;
    let ask = |dry_run| Ask::QueueAct {
        act: act.clone(),
        wanted: wanted.clone(),
        dry_run,
    };
    change.act(out, (ask(true), ask(false)), |told, done| {
        words(told, if done { verbs.1 } else { verbs.0 }, is_drop)
    })
}

/// What an act came to, or would.
fn words(told: &Value, verb: &str, is_drop: bool) -> Vec<String> {
    let number = |key: &str| told[key].as_u64().unwrap_or_default();
    let many = |number: u64, one: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    };
    let mut lines = match number("count") {
        0 => vec!["Nothing that this concerns waits in the queue.".to_owned()],
        count => vec![format!(
            "{verb}: {} of {}.",
            many(count, "recipient"),
            many(number("messages"), "message")
        )],
    };
    let some: Vec<_> = told["some"].as_array().into_iter().flatten().collect();
    lines.extend(
        some.iter()
            .filter_map(|row| Some(format!("  {}", row.as_str()?))),
    );
    let more = number("count").saturating_sub(some.len() as u64);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    if number("under_way") > 0 {
        let under_way = many(number("under_way"), "recipient");
        lines.push(format!("{under_way} being tried just now: not touched."));
    }
    if is_drop && number("of_nobody") > 0 {
        let of_nobody = many(number("of_nobody"), "message");
        lines.push(format!(
            "{of_nobody} of no account here: gone for good, not to be brought back."
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_act_says_whom_it_concerns_and_what_it_leaves_alone() {
        let told = json!({
            "count": 3, "messages": 1, "under_way": 1, "of_nobody": 1,
            "some": ["q_1 to bob@example.net"],
        });
        assert_eq!(
            words(&told, "Hold", false),
            [
                "Hold: 3 recipients of 1 message.",
                "  q_1 to bob@example.net",
                "  and 2 more",
                "1 recipient being tried just now: not touched.",
            ]
        );
        assert!(words(&told, "Taken out", true)[4].contains("gone for good"));
        let none = json!({ "count": 0, "messages": 0, "under_way": 0, "of_nobody": 0, "some": [] });
        assert_eq!(
            words(&none, "Hold", false),
            ["Nothing that this concerns waits in the queue."]
        );
    }
}
