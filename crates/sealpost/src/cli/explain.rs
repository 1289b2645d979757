//! `sealpost explain`: what happened, on one screen.

use std::io::{self, Write};
use std::net::IpAddr;

use net::Clock;
use service::{Explanation, Moment, Question};
use types::{Address, RuleId, SessionId, Timestamp};

use super::ask::Read;
use super::screen::{COLUMNS, broken, labelled, moment};
use super::values::Since;
use crate::control::protocol::Ask;
use crate::output::visible;

/// Columns of the labels of the sections.
const LABEL: usize = 12;
/// Columns of the times of a timeline.
const TIME: usize = 16;

/// What can be explained. That somebody looked is recorded.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Explain {
    /// A rule: what it does and did, who made it and how; also one that is gone.
    Rule {
        /// As `rules list` shows it, such as r_1.
        rule: RuleId,
        #[command(flatten)]
        read: Read,
    },
    /// A message: what became of it, and why each rule did or did not act on it.
    Message {
        /// The Message-ID, or the id that was given when the message was accepted.
        id: String,
        #[command(flatten)]
        read: Read,
    },
    /// An account: from where it was used, what it changed; also one that is gone.
    Account {
        /// Its address.
        address: Address,
        #[command(flatten)]
        read: Read,
    },
    /// A session: who signed in from where, what was changed and read.
    Session {
        /// As alerts and other screens show it, such as s_12.
        session: SessionId,
        #[command(flatten)]
        read: Read,
    },
    /// An address of mail, inside or outside; or of the network, such as 192.0.2.7.
    Address {
        /// The address.
        address: Place,
        #[command(flatten)]
        read: Read,
    },
    /// What happened around a time, also what nobody did through this server.
    Time {
        /// Such as 2026-11-23T22:14:03Z, a day such as 2026-11-23, or 90m, 12h, 7d ago; in UTC.
        #[arg(value_parser = point)]
        time: Point,
        #[command(flatten)]
        read: Read,
    },
}

/// An address of mail or of the network.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Mail(Address),
    Network(IpAddr),
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(source) = text.parse() {
            return Ok(Self::Network(source));
        }
        let address = text.parse();
        address
            .map(Self::Mail)
            .map_err(|err: types::AddressError| err.to_string())
    }
}

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Point {
    At(Timestamp),
    Ago(Since),
}

/// Reads a time with its day, or what `--since` takes.
fn point(text: &str) -> Result<Point, String> {
    let whole = match text.trim_end_matches('Z') {
        bare if bare.contains('.') => format!("{bare}Z"),
        bare => format!("{bare}.000000Z"),
    };
    match Timestamp::from_rfc3339(&whole.replacen(' ', "T", 1)) {
        Some(at) => Ok(Point::At(at)),
        None => text.parse().map(Point::Ago).map_err(|_| {
            format!(
                "{text:?} is no time: write 2026-11-23T22:14:03Z, a day such as 2026-11-23, or 90m, \
                 12h, 7d ago"
            )
        }),
    }
}

impl Explain {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let (question, read) = self.question();
        let told = read.place.client()?.ask(Ask::Explain(question))?;
        if read.format.json {
            return Ok(read.format.details(out, &told)?);
        }
        let told: Explanation = serde_json::from_value(told)?;
        Ok(tell(out, &told, &read.place.flags())?)
    }

    fn question(self) -> (Question, Read) {
        match self {
            Self::Rule { rule, read } => (Question::Rule(rule), read),
            Self::Message { id, read } => (Question::Message(id), read),
            Self::Account { address, read } => (Question::Account(address), read),
            Self::Session { session, read } => (Question::Session(session), read),
            Self::Address { address, read } => match address {
                Place::Mail(address) => (Question::Address(address), read),
                Place::Network(source) => (Question::Source(source), read),
            },
            Self::Time { time, read } => {
                let at = match time {
                    Point::At(at) => at,
                    Point::Ago(since) => since.timestamp(Clock::real().now()),
                };
                (Question::Time(at.0), read)
            }
        }
    }
}

fn tell(out: &mut dyn Write, told: &Explanation, flags: &str) -> io::Result<()> {
    writeln!(out, "Explained: {}\n", visible(&told.subject))?;
    for line in broken(&visible(&told.sentence), COLUMNS) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    section(out, "WHAT", &told.what)?;
    section(out, "HARM", &told.harm)?;
    section(out, "WHO", &told.who)?;
    section(out, "HOW", &told.how)?;
    timeline(out, told)?;
    section(out, "ALSO", &told.also)?;
    section(out, "CONFIDENCE", &told.confidence.words)?;
    section(out, "NOT KNOWN", &told.not_known)?;
    let mut label = "DO";
    for step in &told.steps {
        // Commands are never broken: they are pasted.
        let command = visible(&step.command);
        writeln!(
            out,
            "{label:LABEL$}{command}{flags}  # {}",
            visible(&step.why)
        )?;
        label = "";
    }
    Ok(())
}

fn section(out: &mut dyn Write, label: &str, lines: &[String]) -> io::Result<()> {
    let mut label = label;
    for line in lines {
        labelled(out, label, line, LABEL)?;
        label = "";
    }
    Ok(())
}

fn timeline(out: &mut dyn Write, told: &Explanation) -> io::Result<()> {
    if told.timeline.is_empty() {
        return labelled(
            out,
            "TIMELINE",
            "Nothing is recorded a day before and after.",
            LABEL,
        );
    }
    let mut label = "TIMELINE";
    for row in &told.timeline {
        let text = moment_words(row);
        let when: String = moment(&row.at).chars().skip(5).collect();
        let mut lead = format!("{label:LABEL$}{when:TIME$}");
        for line in broken(&visible(&text), COLUMNS - LABEL - TIME) {
            writeln!(out, "{lead}{line}")?;
            lead = " ".repeat(LABEL + TIME);
        }
        label = "";
    }
    if told.timeline_more > 0 {
        let more = format!(
            "… and {} more: sealpost activity, ledger list.",
            told.timeline_more
        );
        labelled(out, "", &more, LABEL)?;
    }
    Ok(())
}

fn moment_words(row: &Moment) -> String {
    let mut text = row.what.clone();
    if row.marked {
        text.insert_str(0, "> ");
    }
    if row.times > 1 {
        text.push_str(&format!(" x{}", row.times));
    }
    let who = row.who.as_ref().map(|who| format!(", {who}"));
    let from = row.from.as_ref().map(|from| format!(", {from}"));
    let entry = row.entry.map(|entry| format!(", entry {entry}"));
    text.extend([who, from, entry].into_iter().flatten());
    text
}

#[cfg(test)]
mod tests {
    use service::Step;

    use super::*;

    #[test]
    fn a_screen_has_its_sections_in_order_and_commands_whole() {
        let row = |what: &str, marked: bool| Moment {
            at: "2026-11-23T02:12:00.000000Z".to_owned(),
            what: what.to_owned(),
            who: Some("ben@example.org".to_owned()),
            from: Some("203.0.113.7".to_owned()),
            entry: marked.then_some(17),
            times: if marked { 1 } else { 4 },
            marked,
        };
        let long = "word ".repeat(40);
        let told = Explanation {
            sentence: format!("It \u{202e}did {long}."),
            what: vec![long.clone(), "Second.".to_owned()],
            harm: vec!["None.".to_owned()],
            timeline: vec![row("sign-in failed", false), row("rule r_1 made", true)],
            timeline_more: 3,
            not_known: vec!["How.".to_owned()],
            steps: vec![Step {
                why: "end it".to_owned(),
                command: format!("sealpost rules rm r_1 {}", "9 ".repeat(60).trim()),
            }],
            ..Explanation::default()
        };
        let mut out = Vec::new();
        tell(&mut out, &told, " --data d").unwrap();
        let text = String::from_utf8(out).unwrap();
        let at = |label: &str| text.find(&format!("\n{label}")).unwrap_or(usize::MAX);
        let order = ["WHAT ", "HARM ", "TIMELINE ", "NOT KNOWN ", "DO "].map(at);
        assert!(order.is_sorted() && order[4] != usize::MAX, "{text}");
        for part in [
            "11-23 02:12:00  sign-in failed x4, ben@example.org, 203.0.113.7\n",
            "11-23 02:12:00  > rule r_1 made,",
            "… and 3 more",
            "9 9 --data d  # end it\n",
            "It \\u{202e}did",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let too_wide = |line: &&str| line.chars().count() > COLUMNS && !line.starts_with("DO");
        assert_eq!(text.lines().find(too_wide), None);
    }

    #[test]
    fn times_and_addresses_are_read_as_people_write_them() {
        let at = Timestamp::from_rfc3339("2026-11-23T22:14:03.000000Z").unwrap();
        for text in [
            "2026-11-23T22:14:03Z",
            "2026-11-23 22:14:03",
            "2026-11-23T22:14:03.000000Z",
        ] {
            assert!(
                matches!(point(text), Ok(Point::At(found)) if found == at),
                "{text}"
            );
        }
        for text in ["2h", "2026-11-23"] {
            assert!(matches!(point(text), Ok(Point::Ago(_))), "{text}");
        }
        assert!(point("noon").unwrap_err().contains("no time"));
        for (text, network) in [
            ("192.0.2.7", true),
            ("2001:db8::1", true),
            ("a@example.org", false),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(matches!(place, Place::Network(_)), network, "{text}");
        }
        assert!("nobody".parse::<Place>().is_err());
    }
}
