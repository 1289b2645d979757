//! `sealpost config`: settings with their meaning, range and value.

use std::fs::File;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use serde_json::Value;
use service::Command;

use super::ask::{Change, Read};
use crate::control::protocol::{Ask, REQUEST_MAX_OCTETS};
use crate::exit::{Exit, Failure};
use crate::output::Column;

/// Octets of a file of changes; what is sent to the server has the same bound.
const FILE_MAX_OCTETS: u64 = REQUEST_MAX_OCTETS as u64;
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
    /// Makes all changes of a file in one append: all of them or none. One change on each line, as
    /// JSON such as {"do":"alias_add","address":"a@example.org","targets":["b@example.org"]}.
    Apply {
        /// The file, which may hold passwords; `-` reads standard input.
        file: PathBuf,
        #[command(flatten)]
        change: Change,
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
            Self::Apply { file, change } => change.carry_out(out, &commands(&read(&file)?)?),
            Self::Set { key, value, change } => {
                change.carry_out(out, &[Command::SettingSet { key, value }])
            }
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(FILE_MAX_OCTETS)
            .read_to_string(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(FILE_MAX_OCTETS).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read {}", file.display()))?;
    if text.len() as u64 == FILE_MAX_OCTETS {
        let words = format!("{} is too long for one append; split it", file.display());
        return Err(Failure::usage(words).into());
    }
    Ok(text)
}

/// One command for each line that is not empty.
fn commands(text: &str) -> Result<Vec<Command>, Failure> {
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            let wrong = |err| Failure::usage(format!("line {number} is no change: {err}"));
            serde_json::from_str(line).map_err(wrong)
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_changes_is_read_line_by_line() {
        let text = "{\"do\":\"domain_add\",\"domain\":\"example.org\"}\n\n\
                    {\"do\":\"setting_set\",\"key\":\"recipients_max\",\"value\":\"200\"}\n";
        assert_eq!(commands(text).unwrap().len(), 2);
        for wrong in [
            "nonsense",
            "{\"do\":\"format_disk\"}",
            "{\"do\":\"domain_add\"}",
        ] {
            let failure = commands(&format!("\n{wrong}\n")).unwrap_err();
            assert!(
                failure.to_string().starts_with("line 2 is no change"),
                "{failure}"
            );
        }
    }
}
