//! Mail out: what waits for other servers, when each is tried, and what became of it.
//!
//! Whoever sends asks for jobs ([`Job`]), does them, and gives back how each recipient ended. That,
//! what the record says of it and what its sender is told commit together.

mod bounces;
mod claim;
mod console;
mod flight;
mod job;
mod look;
mod routes;
mod settle;
mod signatures;
mod telling;

pub(crate) use bounces::Bounces;
pub use claim::Room;
pub use console::{QUEUE_ROWS_MAX, QueueAct, QueueActed, QueueRow, QueueWanted, QueueWhy};
pub(crate) use flight::Flights;
pub use job::{
    Attempt, Cause, Destination, Failure, Host, HostSignIn, JOB_RECIPIENTS_MAX, Job, JobParams,
    JobRecipient, Outcome, Reply, Scope, Ticket,
};
pub(crate) use routes::view as route_view;
pub use routes::{RouteFound, RouteView};
pub use signatures::DkimView;

pub use policy::change::RouteTls;

use crate::Service;

/// For how long a job is leased, in seconds; longer than any server is waited for between two
/// renewals.
const LEASE_S: i64 = 900;

/// The queue as whoever sends sees it; a clone is another handle on the same queue.
#[derive(Clone)]
pub struct Outbound {
    service: Service,
}

impl Service {
    /// The queue of mail for other servers.
    pub fn outbound(&self) -> Outbound {
        Outbound {
            service: self.clone(),
        }
    }
}

impl Outbound {
    /// The name under which this start of the server leases.
    fn lease(&self) -> String {
        self.service.inner.boot.clone()
    }
}
