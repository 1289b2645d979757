//! `sealpost exits`: every way by which mail can leave, and to where rules may send it.

use std::io::Write;

use serde_json::Value;
use service::Command;
use types::{Address, ExitId};

use super::ask::{Change, Read};
use super::rules::Level;
use super::screen::moment;
use crate::control::protocol::Ask;
use crate::exit::{Exit, Failure};
use crate::output::{Column, visible};

const COLUMNS: &[Column] = &[
    Column("WAY", "kind"),
    Column("ID", "id"),
    Column("WHOSE MAIL", "whose"),
    Column("TO", "to"),
    Column("PLACE", "place"),
    Column("STATE", "state"),
    Column("ALLOWED", "allowed"),
];

/// What can be done with ways out.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Exits {
    /// Lists every way by which mail can leave a mailbox, also open sessions, with the command that
    /// ends it.
    List(Read),
    /// Allows rules to send mail to exactly this address outside.
    Allow {
        /// The address.
        target: Address,
        /// Whose rules: one of the next three.
        #[command(flatten)]
        level: Level,
        /// For how many days; a year if not said.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
        days: Option<u32>,
        #[command(flatten)]
        change: Change,
    },
    /// Allows it no longer.
    Revoke {
        /// Its id or its address, as `exits list` shows them.
        exit: Allowed,
        #[command(flatten)]
        change: Change,
    },
    /// Makes a rule or a forward send nothing for the time being.
    Pause {
        /// The rule, as `exits list` shows it.
        rule: types::RuleId,
        #[command(flatten)]
        change: Change,
    },
    /// Lets a paused rule or forward send again.
    Resume {
        /// The rule, as `exits list` shows it.
        rule: types::RuleId,
        #[command(flatten)]
        change: Change,
    },
}

impl Exits {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List(read) => {
                let rows = read.place.client()?.ask(Ask::ExitList)?;
                let flags = read.place.flags();
                let below = |row: &Value| history_and_end(row, &flags);
                Ok(read.format.list_with(out, &rows, COLUMNS, &below)?)
            }
            Self::Allow {
                target,
                level,
                days,
                change,
            } => {
                let words = "for whose rules? Add --account ADDRESS, --domain DOMAIN, or --server for \
                             everyone's";
                let at = level.of().ok_or_else(|| Failure::usage(words))?;
                change.carry_out(out, &[Command::ExitAllow { target, at, days }])
            }
            Self::Revoke { exit, change } => {
                let id = exit.id(&change)?;
                change.carry_out(out, &[Command::ExitRevoke { id }])
            }
            Self::Pause { rule, change } => {
                let (id, enabled) = (rule, false);
                change.carry_out(out, &[Command::RuleEnable { id, enabled }])
            }
            Self::Resume { rule, change } => {
                let (id, enabled) = (rule, true);
                change.carry_out(out, &[Command::RuleEnable { id, enabled }])
            }
        }
    }
}

/// An address outside to which rules may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// By its id.
    Id(ExitId),
    /// By itself.
    To(Address),
}

impl std::str::FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let words = || {
            format!("{text:?} is neither an id such as x_1 nor an address; see sealpost exits list")
        };
        text.parse().map(Self::To).map_err(|_| words())
    }
}

impl Allowed {
    fn id(self, change: &Change) -> anyhow::Result<ExitId> {
        match self {
            Self::Id(id) => Ok(id),
            Self::To(address) => {
                let ways = change.as_read().place.client()?.ask(Ask::ExitList)?;
                Ok(allowed_to(&ways, &address)?)
            }
        }
    }
}

/// The one permission to send to an address.
fn allowed_to(ways: &Value, address: &Address) -> Result<ExitId, Failure> {
    let to = policy::shown::address(address);
    let rows = ways.as_array().into_iter().flatten();
    let found = rows.filter(|way| way["kind"] == "allowed" && way["to"] == to.as_str());
    let found: Vec<_> = found
        .filter_map(|way| Some((way["id"].as_str()?, way)))
        .collect();
    match found.as_slice() {
        [] => Err(Failure::new(
            Exit::NotFound,
            format!("no rule has leave to send to {to}; see sealpost exits list"),
        )),
        [(id, _)] => id
            .parse()
            .map_err(|_| Failure::new(Exit::Failed, format!("odd id {id}"))),
        several => {
            let each = several.iter().map(|(id, way)| {
                let whose = way["whose"].as_str().unwrap_or_default();
                format!("{id} for {whose}")
            });
            let each: Vec<_> = each.collect();
            Err(Failure::usage(format!("which one? {}", each.join(", "))))
        }
    }
}

/// Who made a way out, when it was last used, and the command that ends it.
fn history_and_end(row: &Value, flags: &str) -> Vec<String> {
    let word = |key: &str| row[key].as_str().map(visible);
    let mut parts = Vec::new();
    parts.extend(word("since").map(|since| format!("since {}", moment(&since))));
    parts.extend(word("by").map(|by| format!("by {by}")));
    parts.extend(row["entry"].as_u64().map(|seq| format!("entry {seq}")));
    parts.extend(word("last_used").map(|last| format!("last used {}", moment(&last))));
    let mut lines = Vec::new();
    if !parts.is_empty() {
        lines.push(format!("    {}", parts.join(", ")));
    }
    lines.extend(word("end").map(|end| format!("    to end it: {end}{flags}")));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_permission_is_found_by_its_address() {
        let way = |id: &str, whose: &str, to: &str, kind: &str| json!({"id": id, "whose": whose, "to": to, "kind": kind});
        let ways = json!([
            way("r_1", "example.org", "a@far.test", "rule"),
            way("x_1", "example.org", "a@far.test", "allowed"),
            way("x_2", "server", "b@far.test", "allowed"),
            way("x_3", "example.org", "b@far.test", "allowed"),
        ]);
        for (address, found) in [
            ("a@far.test", "Ok(ExitId(1))"),
            (
                "b@far.test",
                "which one? x_2 for server, x_3 for example.org",
            ),
            ("c@far.test", "no rule has leave to send to c@far.test"),
        ] {
            let told = format!("{:?}", allowed_to(&ways, &address.parse().unwrap()));
            assert!(told.contains(found), "{told}");
        }
        assert_eq!("x_7".parse(), Ok(Allowed::Id(ExitId(7))));
        assert!(
            "seven"
                .parse::<Allowed>()
                .unwrap_err()
                .contains("exits list")
        );
    }

    #[test]
    fn below_a_way_out_stands_who_made_it_and_what_ends_it() {
        let row = json!({
            "since": "2026-11-23T22:14:03.123456Z", "by": "ben@example.org", "entry": 31,
            "last_used": null, "end": "sealpost rules rm r_2"
        });
        assert_eq!(
            history_and_end(&row, " --data d"),
            [
                "    since 2026-11-23 22:14:03, by ben@example.org, entry 31",
                "    to end it: sealpost rules rm r_2 --data d"
            ]
        );
    }
}
