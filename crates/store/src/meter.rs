//! What the writer thread counts: groups, their jobs, and how long a commit takes.

use std::time::Duration;

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Shortest time and smallest group that are told apart; each bucket reaches twice as far.
const SECONDS_FIRST: f64 = 0.000_25;
const SECONDS_BUCKETS: u16 = 16;
const JOBS_BUCKETS: u16 = 9;

/// Counts of the writer thread; a clone counts the same.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Jobs of each committed group; there are as many observations as groups.
    pub group_jobs: Histogram,
    /// From the begin of a group to the end of its commit, in seconds.
    pub commit_seconds: Histogram,
}

impl Default for Meter {
    fn default() -> Self {
        let seconds = exponential_buckets(SECONDS_FIRST, 2.0, SECONDS_BUCKETS);
        Self {
            group_jobs: Histogram::new(exponential_buckets(1.0, 2.0, JOBS_BUCKETS)),
            commit_seconds: Histogram::new(seconds),
        }
    }
}

impl Meter {
    /// A group of this many jobs is on the disk.
    pub(crate) fn committed(&self, jobs: usize, took: Duration) {
        let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
        self.group_jobs.observe(f64::from(jobs));
        self.commit_seconds.observe(took.as_secs_f64());
    }
}
