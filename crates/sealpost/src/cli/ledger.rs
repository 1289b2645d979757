//! `sealpost ledger`: the record of every change, and the proofs that it is whole.

use std::io::Write;
use std::path::PathBuf;

use ledger::note::VerifierKey;
use serde_json::{Value, json};
use service::Command;

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::exit::{Exit, Failure};
use crate::export;
use crate::offline::{self, Checked};
use crate::output::Column;
use crate::place::Found;

const COLUMNS: &[Column] = &[
    Column("SEQ", "seq"),
    Column("WHEN", "at"),
    Column("WHO", "who"),
    Column("DOOR", "door"),
    Column("WHAT", "type"),
    Column("CLASS", "class"),
    Column("EFFECT", "effects"),
];

/// Entries that are listed where nobody says how many.
const TABLE_ENTRIES: u32 = 50;
const JSON_ENTRIES: u32 = 1_000;

/// Entries of one question to the server.
const PAGE_ENTRIES: usize = 1_000;

/// What can be done with the ledger.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Ledger {
    /// Lists entries, the newest last.
    List {
        /// The first entry to list; without it, the newest ones.
        #[arg(long, value_name = "SEQ")]
        from: Option<u64>,
        /// How many at most; without it, 50 in a table and 1,000 as JSON.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        limit: Option<u32>,
        #[command(flatten)]
        read: Read,
    },
    /// Shows one entry with all its values.
    Show {
        /// The number of the entry.
        seq: u64,
        #[command(flatten)]
        read: Read,
    },
    /// Checks the whole ledger; ends with 6 if it does not prove what it should.
    Verify(Verify),
    /// Writes the ledger to a folder as files that programs of others can verify (C2SP tlog-tiles).
    ///
    /// The same folder can be named again and again: it grows, and the ledger must be a
    /// continuation of what was exported before. Ends with 6 if it is not, or not sound.
    Export(Export),
    /// Says that you have looked at what was changed past the server; grave changes go on.
    ///
    /// It is itself an entry, adopts nothing of what was changed, and is possible once the ledger
    /// and its copies are whole again.
    Acknowledge {
        #[command(flatten)]
        change: Change,
    },
    /// Prints the newest signed checkpoint, to be kept elsewhere.
    Checkpoint {
        #[command(flatten)]
        read: Read,
    },
    /// Prints the proof that an entry stands in the ledger.
    Proof {
        /// The number of the entry.
        seq: u64,
        #[command(flatten)]
        read: Read,
    },
}

/// What the ledger is checked against, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Check this folder without asking a server: a data folder, whose database must be readable by
    /// this user, or an export. The activity and trace logs are checked by a running server only.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The key that must have signed; without it, that of the start file.
    #[arg(long, value_name = "KEY")]
    vkey: Option<VerifierKey>,
    /// A checkpoint that was kept elsewhere; may be given several times.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    #[command(flatten)]
    read: Read,
}

/// Where an export goes, and which key must have signed.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// A new or empty folder, or one with an earlier export of the same ledger.
    dir: PathBuf,
    /// The key that must have signed; without it, that of the start file.
    #[arg(long, value_name = "KEY")]
    vkey: Option<VerifierKey>,
    #[command(flatten)]
    read: Read,
}

impl Ledger {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List { from, limit, read } => {
                let usual = if read.format.json {
                    JSON_ENTRIES
                } else {
                    TABLE_ENTRIES
                };
                let limit = usize::try_from(limit.unwrap_or(usual))?;
                let client = read.place.client()?;
                let page = |from, limit| {
                    let answer = client.ask(Ask::LedgerList { from, limit })?;
                    Ok(answer.as_array().cloned().unwrap_or_default())
                };
                let rows = match from {
                    Some(from) => onward(page, from, limit)?,
                    None => newest(page, limit)?,
                };
                Ok(read.format.list(out, &Value::Array(rows), COLUMNS)?)
            }
            Self::Show { seq, read } => read.show(out, Ask::LedgerShow(seq)),
            Self::Verify(verify) => verify.run(out),
            Self::Export(export) => export.run(out),
            Self::Acknowledge { change } => {
                let status = change.as_read().place.client()?.ask(Ask::Status)?;
                // Where nothing is open, the server says so.
                let through = status["unacknowledged_edit"].as_u64().unwrap_or(0);
                change.carry_out(out, &[Command::LedgerAcknowledge { through }])
            }
            Self::Checkpoint { read } => text(out, &read, Ask::LedgerCheckpoint),
            Self::Proof { seq, read } => text(out, &read, Ask::LedgerProof(seq)),
        }
    }
}

/// Entries from number `from` on, page by page.
fn onward(
    page: impl Fn(Option<u64>, usize) -> anyhow::Result<Vec<Value>>,
    from: u64,
    limit: usize,
) -> anyhow::Result<Vec<Value>> {
    let mut rows = Vec::new();
    while rows.len() < limit {
        let wanted = (limit - rows.len()).min(PAGE_ENTRIES);
        let got = page(Some(from + rows.len() as u64), wanted)?;
        let is_last = got.len() < wanted;
        rows.extend(got);
        if is_last {
            break;
        }
    }
    Ok(rows)
}

/// The newest entries, the newest last.
fn newest(
    page: impl Fn(Option<u64>, usize) -> anyhow::Result<Vec<Value>>,
    limit: usize,
) -> anyhow::Result<Vec<Value>> {
    let last = page(None, limit.min(PAGE_ENTRIES))?;
    let first = last
        .first()
        .and_then(|row| row["seq"].as_u64())
        .unwrap_or(0);
    let missing = u64::try_from(limit - last.len().min(limit))?.min(first);
    let mut rows = onward(page, first - missing, usize::try_from(missing)?)?;
    rows.extend(last);
    Ok(rows)
}

/// Prints an answer that is one text, byte for byte.
fn text(out: &mut dyn Write, read: &Read, ask: Ask) -> anyhow::Result<()> {
    let answer = read.place.client()?.ask(ask)?;
    match answer.as_str() {
        Some(text) if !read.format.json => Ok(write!(out, "{text}")?),
        _ => Ok(read.format.details(out, &answer)?),
    }
}

impl Verify {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let by_files = self.folder.is_some() || self.vkey.is_some() || !self.checkpoint.is_empty();
        let report = if by_files {
            self.by_files()?
        } else {
            self.by_server_or_files()?
        };
        self.read.format.details(out, &report)?;
        if report["good"] == Value::Bool(true) {
            return Ok(());
        }
        let verdict = report["verdict"].as_str().unwrap_or_default();
        Err(Failure::new(
            Exit::Unverified,
            format!("not sound: {}", unsound(&report, verdict)),
        )
        .into())
    }

    /// A running server also compares what it obeys; a stopped one has only its files.
    fn by_server_or_files(&self) -> anyhow::Result<Value> {
        let answer = self.read.place.client()?.ask(Ask::LedgerVerify);
        let unreachable = answer
            .as_ref()
            .err()
            .and_then(|error| error.downcast_ref::<Failure>());
        if unreachable.is_some_and(|failure| failure.exit() == Exit::Unreachable) {
            eprintln!("No server answers; checking the files of its folder.");
            return self.by_files();
        }
        answer
    }

    fn by_files(&self) -> anyhow::Result<Value> {
        let (folder, pinned) = match &self.folder {
            Some(folder) => (folder.clone(), self.read.place.pinned()?),
            None => folder_and_key(&self.read)?,
        };
        let key = self.vkey.clone().or(pinned);
        let against = checked_against(key.as_ref());
        eprintln!("The activity and trace logs are checked by a running server only.");
        let Checked { report, read } = offline::check(&folder, key, &self.checkpoint)?;
        Ok(json!({
            "verdict": report.verdict.to_string(),
            "good": report.verdict.is_good(),
            "size": report.size,
            "root": report.root.to_string(),
            "checked_against": against,
            "read": read,
            "fault": report.fault.map(|fault| format!("#{}: {}", fault.seq, fault.kind)),
        }))
    }
}

impl Export {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let (folder, pinned) = folder_and_key(&self.read)?;
        let key = self.vkey.or(pinned);
        let against = checked_against(key.as_ref());
        let exported = export::export(&self.dir, &folder, key)?;
        let verdict = &exported.report.verdict;
        self.read.format.details(
            out,
            &json!({
                "folder": std::path::absolute(&self.dir)?.display().to_string(),
                "verdict": verdict.to_string(),
                "good": verdict.is_good(),
                "size": exported.report.size,
                "earlier_size": exported.earlier_size,
                "root": exported.report.root.to_string(),
                "checked_against": against,
                "new_files": exported.new_files,
            }),
        )?;
        if verdict.is_good() {
            return Ok(());
        }
        let words = format!("the files that were written are not sound: {verdict}");
        Err(Failure::new(Exit::Unverified, words).into())
    }
}

/// The data folder that is meant, and the key that its start file pins.
fn folder_and_key(read: &Read) -> anyhow::Result<(PathBuf, Option<VerifierKey>)> {
    Ok(match read.place.find()? {
        Found::File(file) => (file.data_dir, Some(file.vkey)),
        Found::Folder(data) => (data, None),
    })
}

/// Who vouches for a ledger that was checked with this key.
fn checked_against(key: Option<&VerifierKey>) -> String {
    match key {
        Some(key) => format!("the key of {}", key.name()),
        None => "no key: nobody vouches for the entries (--vkey KEY, --config FILE)".to_owned(),
    }
}

/// What of all that was checked is not sound: the ledger, or the logs beside it.
fn unsound(report: &Value, verdict: &str) -> String {
    let logs = report["logs"].as_array().into_iter().flatten();
    let bad: Vec<_> = logs
        .filter(|log| log["good"] != Value::Bool(true))
        .map(|log| {
            let word = |key: &str| log[key].as_str().unwrap_or_default().to_owned();
            format!("the {} log: {}", word("log"), word("verdict"))
        })
        .collect();
    if bad.is_empty() {
        format!("the ledger: {verdict}")
    } else {
        bad.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_sound_is_named() {
        let log = json!({"log": "trace", "good": false, "verdict": "TAMPERED(7)"});
        let report = json!({"verdict": "SIGNED", "good": false, "logs": [log]});
        assert_eq!(unsound(&report, "SIGNED"), "the trace log: TAMPERED(7)");
        assert_eq!(
            unsound(&json!({}), "TAMPERED(3)"),
            "the ledger: TAMPERED(3)"
        );
    }

    /// A server with this many entries.
    fn server(size: u64) -> impl Fn(Option<u64>, usize) -> anyhow::Result<Vec<Value>> {
        move |from, limit| {
            assert!((1..=PAGE_ENTRIES).contains(&limit), "a page of {limit}");
            let limit = limit as u64;
            let from = from.unwrap_or(size.saturating_sub(limit));
            Ok((from..size.min(from + limit))
                .map(|seq| json!({"seq": seq}))
                .collect())
        }
    }

    fn numbers(rows: &[Value]) -> Vec<u64> {
        rows.iter().filter_map(|row| row["seq"].as_u64()).collect()
    }

    #[test]
    fn a_long_list_is_asked_for_in_pages() {
        for (size, limit) in [
            (0, 50),
            (30, 50),
            (50, 50),
            (2_500, 50),
            (2_500, 1_001),
            (2_500, 9_999),
        ] {
            let rows = newest(server(size), limit).unwrap();
            let first = size.saturating_sub(limit as u64);
            assert_eq!(
                numbers(&rows),
                (first..size).collect::<Vec<_>>(),
                "{limit} of {size}"
            );
            let rows = onward(server(size), 7, limit).unwrap();
            let end = size.min(7 + limit as u64);
            assert_eq!(
                numbers(&rows),
                (7..end).collect::<Vec<_>>(),
                "{limit} of {size} from 7"
            );
        }
    }
}
