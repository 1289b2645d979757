//! Verifying a long ledger from nothing: every entry is read and parsed, the tree is built anew,
//! the root compared with a signed checkpoint.

use std::io;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use ledger::checkpoint::Checkpoint;
use ledger::note::SigningKey;
use ledger::tiles::TileReader;
use ledger::tree::{Tree, leaf_hash};
use ledger::verify::{Against, Report, Source, Verdict, verify};
use types::Timestamp;

use crate::plan::sample_entry;

/// Entries of the longest ledger; all are held in memory, about 700 octets each.
const ENTRIES_MAX: u64 = 4_000_000;

/// A signed ledger in memory, without a second copy.
struct Made {
    entries: Vec<Vec<u8>>,
    checkpoint: Vec<u8>,
}

impl Source for Made {
    fn entries(&self, from: u64, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        let from = usize::try_from(from).map_err(io::Error::other)?;
        let rest = self.entries.get(from..).unwrap_or_default();
        Ok(rest.iter().take(limit).cloned().collect())
    }

    fn checkpoint(&self) -> io::Result<Vec<u8>> {
        Ok(self.checkpoint.clone())
    }

    fn tiles(&self) -> Option<&dyn TileReader> {
        None
    }
}

/// Makes a ledger of so many entries and says how long verifying it takes on all processors.
/// `None` if that is more than can be made.
pub(crate) fn time(entries: u64) -> Option<String> {
    if entries > ENTRIES_MAX {
        return None;
    }
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let (report, took) = timed(entries, threads);
    assert_eq!(report.verdict, Verdict::Signed, "{:?}", report.fault);
    Some(format!(
        "{} entries verified from nothing on {threads} threads in {:.2} s: {}",
        report.size,
        took.as_secs_f64(),
        report.verdict
    ))
}

fn timed(entries: u64, threads: NonZeroUsize) -> (Report, Duration) {
    let mut entry = sample_entry();
    let key = SigningKey::from_seed(entry.log.clone(), &[7; 32]).expect("the name fits a key");
    let mut tree = Tree::new();
    let mut made = Made {
        entries: Vec::new(),
        checkpoint: Vec::new(),
    };
    for seq in 0..entries {
        entry.seq = seq;
        let bytes = entry.to_bytes().expect("the entry is small");
        tree.append(leaf_hash(&bytes));
        made.entries.push(bytes);
    }
    let checkpoint = Checkpoint::new(entry.log, entries, tree.root());
    let signed = checkpoint.sign(&key).expect("the key is of this log");
    made.checkpoint = signed.to_string().into_bytes();
    let against = Against {
        key: Some(key.verifier().clone()),
        copies: Vec::new(),
        now: Timestamp(0),
        copy_age_max_s: None,
        threads,
    };
    let started = Instant::now();
    let report = verify(&made, &against).expect("there is nothing to compare that needs more");
    (report, started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_ledger_is_signed_whatever_its_length() {
        for entries in [1, 255, 257, 5_000] {
            let (report, _) = timed(entries, NonZeroUsize::MIN);
            assert_eq!((report.verdict, report.size), (Verdict::Signed, entries));
        }
        assert_eq!(time(ENTRIES_MAX + 1), None);
    }
}
