//! How an attempt ends, for all recipients of a job or for one.

use net::{MxError, OutgoingError};
use service::{Cause, Failure, Outcome, Reply, Scope};
use types::Status;
use wire::smtp::{Answer, AnswerError};

/// Why a session is of no more use.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection failed.
    Conn(OutgoingError),
    /// What came is no SMTP.
    Answer(AnswerError),
    /// The other server said so.
    Said(Answer),
    /// This server does not want to go on, for this reason.
    Own(Status, String),
}

impl From<OutgoingError> for Broken {
    fn from(err: OutgoingError) -> Self {
        Self::Conn(err)
    }
}

impl From<AnswerError> for Broken {
    fn from(err: AnswerError) -> Self {
        Self::Answer(err)
    }
}

impl Broken {
    /// The failure of all that was to go this way; `doing` is what was done, such as `connecting`.
    pub(crate) fn failure(&self, doing: &str) -> Failure {
        let cause = match self {
            Self::Conn(err) => local(Status::new(4, 4, 2), format!("{doing}: {err}")),
            Self::Answer(err) => local(Status::new(4, 5, 0), format!("{doing}: {err}")),
            Self::Said(answer) => Cause::Reply(reply(answer)),
            Self::Own(status, words) => local(*status, words.clone()),
        };
        Failure {
            scope: Scope::Destination,
            cause,
        }
    }
}

/// What the other server said, for the record.
pub(crate) fn reply(answer: &Answer) -> Reply {
    Reply {
        code: answer.code,
        status: answer.status,
        text: answer.lines.join("\n"),
    }
}

/// How a reply to MAIL, RCPT or the content ends a recipient.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    /// Too many recipients for one transaction, said as if it were for good (RFC 5321 §4.5.3.1.10).
    const TOO_MANY_RECIPIENTS: (u16, Status) = (552, Status::new(5, 5, 3));
    let failure = Failure {
        scope: Scope::Message,
        cause: Cause::Reply(reply(answer)),
    };
    let too_many = answer.status.map(|status| (answer.code, status)) == Some(TOO_MANY_RECIPIENTS);
    if answer.is_yes() {
        Outcome::Delivered(reply(answer))
    } else if answer.is_never() && !too_many {
        Outcome::Refused(failure)
    } else {
        Outcome::Deferred(failure)
    }
}

/// This message will never go this way.
pub(crate) fn refused(status: Status, words: &str) -> Outcome {
    Outcome::Refused(Failure {
        scope: Scope::Message,
        cause: local(status, words.to_owned()),
    })
}

/// Why a domain's mail can be given to nobody.
pub(crate) fn no_host(domain: &str, err: &MxError) -> Outcome {
    let status = match err {
        MxError::Later(_) => {
            return Outcome::Deferred(Failure {
                scope: Scope::Destination,
                cause: local(Status::new(4, 4, 3), format!("{domain}: {err}")),
            });
        }
        MxError::Null => Status::new(5, 1, 10),
        MxError::NoSuchDomain => Status::new(5, 1, 2),
        MxError::NoAddress | MxError::OnlyLocal => Status::new(5, 4, 4),
        MxError::Loop => Status::new(5, 4, 6),
    };
    refused(status, &format!("{domain}: {err}"))
}

fn local(status: Status, words: String) -> Cause {
    Cause::Local { status, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_a_recipient_as_its_first_digit_says() {
        let answer = |code, status| Answer {
            code,
            status,
            lines: vec!["words".to_owned()],
        };
        for (code, status, expected) in [
            (250, None, "Delivered"),
            (451, None, "Deferred"),
            (552, None, "Refused"),
            (552, Some(Status::new(5, 5, 3)), "Deferred"),
            (550, Some(Status::new(5, 1, 1)), "Refused"),
            (354, None, "Deferred"),
        ] {
            let found = format!("{:?}", outcome(&answer(code, status)));
            assert!(found.starts_with(expected), "{code}: {found}");
        }
    }
}
