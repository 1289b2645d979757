//! `sealpost log`: what the running log says, and how much.

use std::io::Write;

use policy::{LogKind, LogLevel};
use serde_json::{Value, json};
use service::Command;

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::output::Column;

const LEVELS: &[Column] = &[
    Column("KIND", "kind"),
    Column("LEVEL", "level"),
    Column("MEANING", "meaning"),
];
const LINES: &[Column] = &[
    Column("WHEN", "at"),
    Column("LEVEL", "level"),
    Column("KIND", "kind"),
    Column("WHAT", "message"),
    Column("WITH", "fields"),
];

/// What can be done with the log.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Log {
    /// Lists how much the log says of each kind, or changes it for one at once.
    Level {
        /// server, admin, ledger, sign-in, delivery, mailbox, smtp, imap, pop3, managesieve, net or store.
        #[arg(requires = "level")]
        kind: Option<LogKind>,
        /// error, warn, info, debug or trace.
        level: Option<LogLevel>,
        #[command(flatten)]
        change: Change,
    },
    /// Shows the newest lines that the running server has in memory, the newest last.
    Tail {
        /// Only of this kind.
        #[arg(long)]
        kind: Option<LogKind>,
        /// How many at most; a server keeps 1,000.
        #[arg(long, alias = "lines", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        limit: u16,
        #[command(flatten)]
        read: Read,
    },
}

impl Log {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Level {
                kind: Some(kind),
                level: Some(level),
                change,
            } => {
                let setting = kind.setting(level);
                let command = Command::SettingSet {
                    key: setting.key().to_owned(),
                    value: setting.value(),
                };
                change.carry_out(out, &[command])
            }
            Self::Level { change, .. } => {
                let read = change.as_read();
                let settings = read.place.client()?.ask(Ask::SettingList)?;
                Ok(read.format.list(out, &levels(&settings), LEVELS)?)
            }
            Self::Tail { kind, limit, read } => {
                let ask = Ask::LogTail {
                    kind: kind.map(|kind| kind.as_str().to_owned()),
                    lines: usize::from(limit),
                };
                read.list(out, ask, LINES)
            }
        }
    }
}

/// The levels among the settings.
fn levels(settings: &Value) -> Value {
    let settings = settings.as_array().map_or(&[][..], Vec::as_slice);
    let level = |kind: &LogKind| {
        let key = kind.setting(LogLevel::Info).key();
        let row = settings.iter().find(|row| row["key"] == key)?;
        Some(json!({
            "kind": kind.as_str(),
            "level": row["value"],
            "meaning": row["meaning"],
        }))
    };
    LogKind::ALL.iter().filter_map(level).collect()
}
