//! `sealpost config`: settings with their meaning, range and value.

use std::io::Write;

use serde_json::Value;
use service::Command;

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::exit::{Exit, Failure};
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("KEY", "key"),
    Column("VALUE", "value"),
    Column("DEFAULT", "default"),
    Column("TAKES", "accepted"),
];

/// What can be done with settings.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Config {
    /// Lists all settings, or explains one.
    Get {
        /// The setting.
        key: Option<String>,
        #[command(flatten)]
        read: Read,
    },
    /// Changes a setting.
    Set {
        /// The setting.
        key: String,
        /// Its new value.
        value: String,
        #[command(flatten)]
        change: Change,
    },
}

impl Config {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Get { key: None, read } => read.list(out, Ask::SettingList, COLUMNS),
            Self::Get {
                key: Some(key),
                read,
            } => {
                let rows = read.place.client()?.ask(Ask::SettingList)?;
                let row = find(&rows, &key)?;
                Ok(read.format.details(out, row)?)
            }
            Self::Set { key, value, change } => {
                change.carry_out(out, &[Command::SettingSet { key, value }])
            }
        }
    }
}

fn find<'a>(rows: &'a Value, key: &str) -> Result<&'a Value, Failure> {
    let mut rows = rows.as_array().into_iter().flatten();
    rows.find(|row| row.get("key").and_then(Value::as_str) == Some(key))
        .ok_or_else(|| {
            let words =
                format!("there is no setting {key:?}; `sealpost config get` lists them all");
            Failure::new(Exit::NotFound, words)
        })
}
