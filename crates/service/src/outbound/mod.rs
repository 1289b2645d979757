//! Mail out: what waits for other servers, when each is tried, and what became of it.
//!
//! Whoever sends asks for jobs ([`Job`]), does them, and gives back how each recipient ended.

mod job;

pub use job::{
    Attempt, Cause, Destination, Failure, Host, HostSignIn, HostTls, JOB_RECIPIENTS_MAX, Job,
    JobParams, JobRecipient, Outcome, Reply, Scope,
};
