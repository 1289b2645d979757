//! Rows as they are now, held against the leaves that were signed.

use std::ops::Range;

use ledger::tiles::TILE_WIDTH;
use ledger::verify::Verdict;
use policy::change::SealedLog;
use serde_json::{Value, json};
use store::{FoundRow, LogDays, LogRows, Store, StoreResult};
use types::Sha256;

use super::prove::Prover;
use super::runs::Runs;
use super::signer::{LogSigner, SealView};
use super::{LogVerdict, leaf, of};
use crate::start::Finding;

/// Wrong rows that are kept as evidence; more are counted.
const EVIDENCE_ROWS_MAX: usize = 20;
/// Octets that are kept of one of them.
const EVIDENCE_OCTETS_MAX: usize = 2_000;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not what was signed.
    Changed,
    /// It is not there, or cannot be read.
    Missing,
    /// It is not ours.
    Inserted,
    /// Nothing vouches for it: its hash tile is gone, and the rows do not lead to the root.
    Unproven,
}

impl Fault {
    fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Inserted => "not ours",
            Self::Unproven => "without proof, its hash tile is gone",
        }
    }
}

/// What a look at the rows of a log brought up.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Rows that are as they were signed.
    rows: u64,
    count: u64,
    first: Option<(i64, Fault)>,
    /// The highest number of a row that is there.
    last_row: Option<i64>,
    /// Whether something else than missing was found.
    only_missing: bool,
    pub(super) bad: Runs,
    /// Wrong rows whose number no row of ours can have.
    strays: bool,
    evidence: Vec<Value>,
    pub(super) put_back: Vec<String>,
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            only_missing: true,
            ..Self::default()
        }
    }

    /// Takes note of a wrong row.
    pub(super) fn add(&mut self, seq: u64, fault: Fault, found: Option<&FoundRow>) {
        self.bad.insert(seq..seq + 1);
        let found = found.and_then(|found| found.row.as_ref());
        let bytes = found.map(|row| leaf::bytes(seq, row));
        let shown = bytes.map(|mut bytes| {
            bytes.truncate(EVIDENCE_OCTETS_MAX);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        self.note(
            i64::try_from(seq).unwrap_or(i64::MAX),
            fault,
            shown.as_deref(),
        );
    }

    /// Takes note of a row under a number that none of ours can have.
    fn add_stray(&mut self, seq: i64) {
        self.strays = true;
        self.note(seq, Fault::Inserted, None);
    }

    fn note(&mut self, seq: i64, fault: Fault, found: Option<&str>) {
        self.count += 1;
        self.only_missing &= fault == Fault::Missing;
        if self.first.is_none_or(|(first, _)| seq < first) {
            self.first = Some((seq, fault));
        }
        if self.evidence.len() < EVIDENCE_ROWS_MAX {
            let row = json!({"row": seq.to_string(), "fault": fault.as_str(), "found": found});
            self.evidence.push(row);
        }
    }

    /// Takes another report of the same log in.
    pub(super) fn join(&mut self, other: Self) {
        self.rows += other.rows;
        self.count += other.count;
        self.only_missing &= other.only_missing;
        self.strays |= other.strays;
        let firsts = [self.first, other.first].into_iter().flatten();
        self.first = firsts.min_by_key(|(seq, _)| *seq);
        self.last_row = self.last_row.max(other.last_row);
        self.bad.extend(&other.bad);
        let room = EVIDENCE_ROWS_MAX.saturating_sub(self.evidence.len());
        self.evidence.extend(other.evidence.into_iter().take(room));
        self.put_back.extend(other.put_back);
    }

    /// Rows from `next` on are not ours: the log has given no such number.
    pub(super) fn beyond(&mut self, next: u64) {
        if let Some(last) = self.last_row
            && u64::try_from(last).is_ok_and(|last| last >= next)
        {
            self.add_stray(last);
        }
    }

    /// What the ledger is to record, unless it has recorded it.
    pub(super) fn finding(&self, signer: &LogSigner) -> Option<Finding> {
        let new = self.bad.first_not_in(signer.bad());
        if new.is_none() && !self.strays {
            return None;
        }
        let (log, count) = (signer.log(), self.count);
        let (first, fault) = self.first?;
        let what = format!(
            "{count} rows of the {log} log are not as they were signed; row {first} is {}",
            fault.as_str()
        );
        let evidence = json!({
            "log": log.as_str(), "signed": signer.size().to_string(),
            "wrong": count.to_string(), "first_rows": self.evidence,
        });
        Some(Finding {
            what,
            place: format!("{log} row {first}"),
            evidence: evidence.to_string().into_bytes(),
        })
    }

    /// What the ledger is to record of tiles that had to be made again.
    pub(super) fn tiles_finding(&self, log: SealedLog) -> Option<Finding> {
        let (first, count) = (self.put_back.first()?, self.put_back.len());
        let names: Vec<_> = self.put_back.iter().take(EVIDENCE_ROWS_MAX).collect();
        Some(Finding {
            what: format!("{count} hash tiles of the {log} log were missing or changed"),
            place: format!("log/{log}/{first}"),
            evidence: json!({"put_back": count, "first": names})
                .to_string()
                .into_bytes(),
        })
    }

    pub(super) fn verdict(&self, signer: &SealView) -> LogVerdict {
        let size = signer.tiles.size();
        let left = self.last_row.and_then(|last| u64::try_from(last + 1).ok());
        let (seq, to) = (self.first.map(|(seq, _)| seq), left.unwrap_or(0));
        let first = seq.map(|seq| u64::try_from(seq).unwrap_or(0));
        let verdict = match first {
            _ if signer.forked.is_some() => Verdict::Forked,
            None => Verdict::Signed,
            Some(first) if self.only_missing && first == to && to < size => {
                let lost = size - to;
                Verdict::RolledBack { to, lost }
            }
            Some(seq) => Verdict::Tampered { seq },
        };
        LogVerdict {
            log: signer.log.to_string(),
            verdict: verdict.to_string(),
            good: verdict.is_good(),
            size,
            root: signer.tiles.tree().root().to_string(),
            rows: self.rows,
            bad: self.count,
            first_bad: seq,
        }
    }
}

/// Checks the signed rows from `from` on, tile by tile.
pub(super) fn check(store: &Store, signer: &SealView, from: u64) -> StoreResult<Report> {
    let mut report = Report::new();
    let mut rows = of(store, signer.log).rows_blocking(LogDays::All)?;
    report.last_row = rows.spans().map(|(_, last)| last).max();
    for (first, _) in rows.spans().filter(|(first, _)| *first < 0) {
        report.add_stray(first);
    }
    let mut prover = Prover::new(store, signer.log, &signer.tiles);
    let (size, width) = (signer.tiles.size(), TILE_WIDTH as u64);
    for index in from / width..size.div_ceil(width) {
        let seqs = from.max(index * width)..size.min((index + 1) * width);
        let leaves = prover.leaves(index, &mut rows)?;
        check_tile(&mut report, signer, seqs, leaves.as_deref(), &mut rows)?;
    }
    report.put_back = prover.put_back;
    Ok(report)
}

/// Checks rows of one tile; `leaves` are all that it has.
fn check_tile(
    report: &mut Report,
    signer: &SealView,
    seqs: Range<u64>,
    leaves: Option<&[Sha256]>,
    rows: &mut LogRows,
) -> StoreResult<()> {
    let found = rows.read(seqs.clone())?;
    let mut found = found.iter().peekable();
    for seq in seqs {
        let leaf = leaves.and_then(|leaves| leaf_at(leaves, seq));
        let mut right = 0_u32;
        let mut wrong = None;
        while let Some(row) = found.next_if(|row| row.seq == seq) {
            if leaf.is_some() && leaf_of(row) == leaf && right == 0 {
                right += 1;
            } else {
                wrong = Some(row);
            }
        }
        let fault = match (leaf, right, wrong) {
            (None, _, Some(_)) => Fault::Unproven,
            (Some(_), 0, Some(_)) if leaf == Some(leaf::void(seq)) => Fault::Inserted,
            (Some(_), 0, Some(_)) => Fault::Changed,
            (Some(_), _, Some(_)) => Fault::Inserted,
            (_, 0, None) if !signer.gone.contains(seq) => Fault::Missing,
            _ => {
                report.rows += u64::from(right);
                continue;
            }
        };
        report.add(seq, fault, wrong);
    }
    Ok(())
}

/// Checks the rows of one day before it goes; gives those that are what was signed.
pub(super) fn check_day(
    store: &Store,
    signer: &SealView,
    rows: &mut LogRows,
    runs: &[Range<u64>],
) -> StoreResult<(Runs, Report)> {
    let (mut right, mut report) = (Runs::default(), Report::new());
    let mut prover = Prover::new(store, signer.log, &signer.tiles);
    let width = TILE_WIDTH as u64;
    for run in runs {
        for index in run.start / width..run.end.div_ceil(width) {
            let seqs = run.start.max(index * width)..run.end.min((index + 1) * width);
            let leaves = prover.leaves(index, rows)?;
            for row in rows.read(seqs)? {
                let leaf = leaves.as_deref().and_then(|all| leaf_at(all, row.seq));
                if leaf.is_some() && leaf_of(&row) == leaf {
                    right.insert(row.seq..row.seq + 1);
                } else {
                    let fault = leaf.map_or(Fault::Unproven, |_| Fault::Changed);
                    report.add(row.seq, fault, Some(&row));
                }
            }
        }
    }
    report.put_back = prover.put_back;
    Ok((right, report))
}

fn leaf_at(leaves: &[Sha256], seq: u64) -> Option<Sha256> {
    let position = usize::try_from(seq % TILE_WIDTH as u64).ok()?;
    leaves.get(position).copied()
}

fn leaf_of(found: &FoundRow) -> Option<Sha256> {
    let row = found.row.as_ref()?;
    Some(leaf::of_row(found.seq, row))
}
