//! What is under way in this process: how many jobs on each way, and which recipients.
//!
//! The leases in the store keep other servers from them; this keeps a clock that was set forward
//! from ending the leases of jobs that are still under way.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use types::QueueId;

use crate::lock;

/// All that is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights(Arc<Tower>);

#[derive(Debug, Default)]
struct Tower {
    aloft: Mutex<Aloft>,
    /// Tells whoever sends that something came, or that there is room again.
    news: Notify,
}

#[derive(Debug, Default)]
struct Aloft {
    jobs: HashMap<String, usize>,
    recipients: HashSet<QueueId>,
}

/// One job that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: Flights,
    way: String,
    recipients: Vec<QueueId>,
}

impl Flights {
    /// Tells whoever sends that there is something to do.
    pub(crate) fn wake(&self) {
        self.0.news.notify_one();
    }

    /// Waits for that. May be cancelled freely.
    pub(super) async fn news(&self) {
        self.0.news.notified().await;
    }

    /// Jobs under way on each way.
    pub(super) fn jobs(&self) -> HashMap<String, usize> {
        lock(&self.0.aloft).jobs.clone()
    }

    /// Counts a job with those of the recipients that are not under way already; `None` if all are.
    pub(super) fn begin(&self, way: &str, recipients: &mut Vec<QueueId>) -> Option<Flight> {
        let mut aloft = lock(&self.0.aloft);
        recipients.retain(|id| aloft.recipients.insert(*id));
        if recipients.is_empty() {
            return None;
        }
        *aloft.jobs.entry(way.to_owned()).or_default() += 1;
        Some(Flight {
            flights: self.clone(),
            way: way.to_owned(),
            recipients: recipients.clone(),
        })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut aloft = lock(&self.flights.0.aloft);
        for id in &self.recipients {
            aloft.recipients.remove(id);
        }
        if let Some(jobs) = aloft.jobs.get_mut(&self.way) {
            *jobs -= 1;
            if *jobs == 0 {
                aloft.jobs.remove(&self.way);
            }
        }
        drop(aloft);
        self.flights.wake();
    }
}
