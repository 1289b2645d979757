//! `sealpost ledger`: the record of every change, and the proofs that it is whole.

use std::io::Write;
use std::path::PathBuf;

use ledger::note::VerifierKey;
use serde_json::{Value, json};

use super::ask::Read;
use crate::control::protocol::Ask;
use crate::exit::{Exit, Failure};
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

/// What can be done with the ledger.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Ledger {
    /// Lists entries, the newest last.
    List {
        /// The first entry to list; without it, the newest ones.
        #[arg(long, value_name = "SEQ")]
        from: Option<u64>,
        /// How many at most; without it, 50 in a table and 1,000 as JSON.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
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
    /// Check this folder by its files alone: a data folder or an export.
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
                read.list(out, Ask::LedgerList { from, limit }, COLUMNS)
            }
            Self::Show { seq, read } => read.show(out, Ask::LedgerShow(seq)),
            Self::Verify(verify) => verify.run(out),
            Self::Checkpoint { read } => text(out, &read, Ask::LedgerCheckpoint),
            Self::Proof { seq, read } => text(out, &read, Ask::LedgerProof(seq)),
        }
    }
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
            format!("the ledger is not sound: {verdict}"),
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
            Some(folder) => (folder.clone(), None),
            None => match self.read.place.find()? {
                Found::File(file) => (file.data_dir, Some(file.vkey)),
                Found::Folder(data) => (data, None),
            },
        };
        let key = self.vkey.clone().or(pinned);
        let against = match &key {
            Some(key) => format!("the key of {}", key.name()),
            None => "no key: nobody vouches for the entries (--vkey KEY, --config FILE)".to_owned(),
        };
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
