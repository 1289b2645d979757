//! What is handed to whoever sends, and what comes back: one transaction with one server, and how
//! each of its recipients ended.

use std::fmt;
use std::net::IpAddr;

use policy::change::RouteTls;
use store::BlobRef;
use types::{
    AccountId, Address, Domain, EnvelopeId, Notify, OriginalRecipient, QueueId, Ret, ReversePath,
    Secret, Status, Timestamp,
};

use super::flight::Flight;
use crate::queued::MessageParams;

/// Recipients of one transaction at most; what every server takes (RFC 5321 §4.5.3.1.8).
pub const JOB_RECIPIENTS_MAX: usize = 100;

/// One transaction with one server: a message and those of its recipients that go the same way.
///
/// Each of its recipients is leased until [`Self::lease_until`]: nobody else gets them before then,
/// and if nobody says what became of them, they are handed out again after it.
#[derive(Debug)]
pub struct Job {
    /// The name under which the record knows the message.
    pub message: String,
    /// Whose mail it is, if an account's.
    pub account: Option<AccountId>,
    /// The name of the way in the queue, such as `example.net`: what is tried, counted and held
    /// back together.
    pub way: String,
    /// Where it goes.
    pub destination: Destination,
    /// Whether the last attempts at this destination failed: this one finds out whether it is back.
    pub is_probe: bool,
    /// The sender of the envelope.
    pub reverse_path: ReversePath,
    /// At least one, at most [`JOB_RECIPIENTS_MAX`].
    pub recipients: Vec<JobRecipient>,
    /// What the sender asks for the message.
    pub params: JobParams,
    /// The header block with the empty line that ends it.
    pub head: Vec<u8>,
    /// The body behind it.
    pub body: BlobRef,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Until when it is leased.
    pub lease_until: Timestamp,
    /// What the queue itself must know of it.
    pub ticket: Ticket,
}

/// What the queue knows of a job that was handed out; the default belongs to no job.
#[derive(Debug)]
pub struct Ticket {
    pub(super) params: MessageParams,
    pub(super) expires_at: Timestamp,
    /// Counts the job as under way as long as it lives.
    pub(super) _flight: Option<Flight>,
}

impl Default for Ticket {
    fn default() -> Self {
        Self {
            params: MessageParams::default(),
            expires_at: Timestamp(0),
            _flight: None,
        }
    }
}

/// One recipient of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecipient {
    /// Its row in the queue.
    pub id: QueueId,
    /// Who.
    pub address: Address,
    /// Attempts before this one.
    pub attempts: u32,
    /// What is to be reported (RFC 3461 §4.1), if the sender said so.
    pub notify: Option<Notify>,
    /// The recipient as the sender knows it (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
    /// The recipient of the envelope through which the message reached this one.
    pub through: String,
    /// What was said when it was tried last.
    pub last_reply: Option<String>,
}

/// What a sender asks for a message, and what its content needs on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobParams {
    /// How much of the message a report of failure brings back (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// The sender's own name for this sending (RFC 3461 §4.4).
    pub envelope_id: Option<EnvelopeId>,
    /// Header or addresses go beyond ASCII: it needs SMTPUTF8 (RFC 6531 §3.2).
    pub smtp_utf8: bool,
    /// The body goes beyond ASCII: it needs 8BITMIME (RFC 6152 §2).
    pub eight_bit: bool,
    /// It must never travel without TLS that was verified (RFC 8689 §2).
    pub require_tls: bool,
    /// Its sender would rather have it arrive than be protected (RFC 8689 §3).
    pub tls_waived: bool,
}

/// Where a message goes; the configuration decides it each time that a job is handed out.
#[derive(Clone, Debug)]
pub enum Destination {
    /// To the servers that DNS names for the domain (RFC 5321 §5.1).
    Domain(Domain),
    /// To one host, whatever DNS says of the recipients' domain.
    Host(Host),
}

/// A host that the configuration names.
#[derive(Clone, Debug)]
pub struct Host {
    /// A name, or an IP address as text without brackets.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub tls: RouteTls,
    /// How this server signs in there.
    pub sign_in: Option<HostSignIn>,
    /// Whether it speaks LMTP (RFC 2033).
    pub lmtp: bool,
}

/// A name and a password for another server.
#[derive(Clone, Debug)]
pub struct HostSignIn {
    /// The name.
    pub user: String,
    /// The password; it is never shown.
    pub password: Secret,
}

/// How the attempt at one recipient ended.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its row in the queue.
    pub id: QueueId,
    /// How it ended.
    pub outcome: Outcome,
    /// The name of the host that was spoken to, if it came to that.
    pub host: Option<String>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// How the connection was secured, in words such as `TLSv1.3, DANE`; none if it was not.
    pub tls: Option<String>,
    /// Whether the other server was told what the sender wants to hear, and reports by itself
    /// (RFC 3461 §5.2.1).
    pub reports: bool,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other server took it.
    Delivered(Reply),
    /// It will never work: the sender is told.
    Refused(Failure),
    /// It may work later.
    Deferred(Failure),
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What is concerned.
    pub scope: Scope,
    /// What was said.
    pub cause: Cause,
}

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This recipient or this message alone; the server works.
    Message,
    /// All mail for this destination: it cannot be reached, or does not talk to us. It is left in
    /// peace for a while, longer each time.
    Destination,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// By the other server.
    Reply(Reply),
    /// By this server, in a sentence for the sender of the message, such as `no server of
    /// example.net could be reached`.
    Local {
        /// What programs read (RFC 3463).
        status: Status,
        /// What people read.
        words: String,
    },
}

/// A reply of another server (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// The enhanced status code (RFC 2034 §4), if it gave one.
    pub status: Option<Status>,
    /// The words behind both, its lines joined by `\n`; never trusted, shown as they came.
    pub text: String,
}

impl fmt::Display for Reply {
    /// As it was said, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        for word in self.text.split(|c: char| c.is_control()) {
            if !word.is_empty() {
                write!(f, " {word}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => reply.fmt(f),
            Self::Local { words, .. } => f.write_str(words),
        }
    }
}

impl Outcome {
    /// The status that a report says (RFC 3464 §2.3.4): what the other server gave, or else what its
    /// first digit means.
    pub fn status(&self) -> Status {
        let (class, cause) = match self {
            Self::Delivered(reply) => return reply.status.unwrap_or(Status::new(2, 0, 0)),
            Self::Refused(failure) => (5, &failure.cause),
            Self::Deferred(failure) => (4, &failure.cause),
        };
        match cause {
            Cause::Reply(reply) => match reply.status {
                // The outcome counts where the two contradict each other.
                Some(status) => Status { class, ..status },
                None => Status::new(class, 0, 0),
            },
            Cause::Local { status, .. } => Status { class, ..*status },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, status: Option<Status>, text: &str) -> Reply {
        Reply {
            code,
            status,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_reply_is_told_in_one_line() {
        for (reply, line) in [
            (reply(250, None, ""), "250"),
            (
                reply(550, Some(Status::new(5, 1, 1)), "no such\nuser\r\nhere"),
                "550 5.1.1 no such user here",
            ),
            (reply(421, None, "a\0b\u{1b}[31m"), "421 a b [31m"),
        ] {
            assert_eq!(reply.to_string(), line);
        }
    }

    #[test]
    fn the_status_of_an_outcome_has_its_class() {
        let failure = |cause| Failure {
            scope: Scope::Message,
            cause,
        };
        let odd = Cause::Reply(reply(550, Some(Status::new(4, 7, 1)), ""));
        let local = Cause::Local {
            status: Status::new(4, 4, 1),
            words: String::new(),
        };
        for (outcome, status) in [
            (Outcome::Delivered(reply(250, None, "")), "2.0.0"),
            (Outcome::Refused(failure(odd)), "5.7.1"),
            (
                Outcome::Deferred(failure(Cause::Reply(reply(451, None, "")))),
                "4.0.0",
            ),
            (Outcome::Refused(failure(local)), "5.4.1"),
        ] {
            assert_eq!(outcome.status().to_string(), status);
        }
    }
}
