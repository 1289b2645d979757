//! Records of what people and programs did: sign-ins, what was given out, what was removed.
//!
//! They go to the activity log, in files by the day. The kinds are a closed set.

use std::net::IpAddr;

use policy::change::Blocked;
use serde::Serialize;
use serde_json::json;
use store::LogRow;
use types::{AccountId, CredentialId, MailboxId, Network, SessionId, Uid};

use crate::Service;
use crate::actor::{Peer, Principal};
use crate::error::ServiceResult;
use crate::seal::Sealed;

/// Ranges of UIDs that one record lists; the rest is counted.
const RANGES_MAX: usize = 500;

/// The kind of the record of a heartbeat.
pub(crate) const BEAT: &str = "heartbeat";

/// Every kind of record, by the word it has in the log.
pub const ACTIVITY_KINDS: [&str; 15] = [
    "sign_in",
    "sign_in.refused",
    "factor.used",
    "sign_out",
    "session.ended",
    "mail.given_out",
    "mail.expunged",
    "mail.restored",
    "queue.changed",
    "rule.looked",
    "explained",
    BEAT,
    "blocked",
    "repaired",
    "alarm",
];

/// Something to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// Somebody signed in.
    SignIn,
    /// Somebody tried to; `why` is one of our own words.
    SignInRefused { why: &'static str },
    /// A code of a second factor was taken; `kind` is one of our own words.
    FactorUsed { kind: &'static str },
    /// A session ended.
    SignOut,
    /// Somebody ended a session, or a change of the configuration did.
    SessionEnded { by: String },
    /// Bodies were given out.
    BodiesGiven { mailbox: MailboxId, uids: Vec<Uid> },
    /// Messages were expunged; they are recoverable for a while.
    Expunged { mailbox: MailboxId, uids: Vec<Uid> },
    /// Removed messages were brought back by somebody.
    Restored { count: usize, by: String },
    /// Somebody did something with mail that waits for other servers.
    QueueActed {
        act: &'static str,
        count: usize,
        some: Vec<String>,
        by: String,
    },
    /// Somebody tried a rule on mail that is here.
    RuleLooked {
        what: &'static str,
        level: String,
        rule: String,
        by: String,
    },
    /// Somebody had something explained, which tells of other people's mail.
    Explained {
        what: &'static str,
        of: String,
        by: String,
    },
    /// The server's own sign of life, with the size of the ledger and how far the logs were
    /// signed just before.
    Heartbeat {
        number: u64,
        ledger_size: u64,
        dropped: u64,
        activity: Option<Sealed>,
        trace: Option<Sealed>,
    },
    /// A source is refused for a while, by a rule of the server's own.
    Blocked {
        source: Network,
        what: Blocked,
        rule: &'static str,
        times: u32,
        until: String,
    },
    /// Something damaged was put right, as somebody asked.
    Repaired { text: String, by: String },
    /// Something that must be looked at.
    Alarm { code: &'static str, text: String },
}

impl Record {
    fn kind(&self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SignInRefused { .. } => "sign_in.refused",
            Self::FactorUsed { .. } => "factor.used",
            Self::SignOut => "sign_out",
            Self::SessionEnded { .. } => "session.ended",
            Self::BodiesGiven { .. } => "mail.given_out",
            Self::Expunged { .. } => "mail.expunged",
            Self::Restored { .. } => "mail.restored",
            Self::QueueActed { .. } => "queue.changed",
            Self::RuleLooked { .. } => "rule.looked",
            Self::Explained { .. } => "explained",
            Self::Heartbeat { .. } => BEAT,
            Self::Blocked { .. } => "blocked",
            Self::Repaired { .. } => "repaired",
            Self::Alarm { .. } => "alarm",
        }
    }

    fn detail(&self) -> serde_json::Value {
        match self {
            Self::SignIn | Self::SignOut => json!({}),
            Self::FactorUsed { kind } => json!({ "kind": kind }),
            Self::SessionEnded { by } => json!({ "by": by }),
            Self::SignInRefused { why } => json!({ "why": why }),
            Self::BodiesGiven { mailbox, uids } | Self::Expunged { mailbox, uids } => {
                let ranges = ranges(uids);
                json!({ "mailbox": mailbox.0, "count": uids.len(), "uids": ranges })
            }
            Self::RuleLooked {
                what,
                level,
                rule,
                by,
            } => json!({ "what": what, "level": level, "rule": rule, "by": by }),
            Self::Explained { what, of, by } => json!({ "what": what, "of": of, "by": by }),
            Self::Restored { count, by } => json!({ "count": count, "by": by }),
            Self::QueueActed {
                act,
                count,
                some,
                by,
            } => json!({ "act": act, "count": count, "some": some, "by": by }),
            Self::Heartbeat {
                number,
                ledger_size,
                dropped,
                activity,
                trace,
            } => json!({
                "number": number, "ledger_size": ledger_size, "dropped": dropped,
                "activity": activity, "trace": trace,
            }),
            Self::Blocked {
                source,
                what,
                rule,
                times,
                until,
            } => json!({
                "source": source, "what": what, "rule": rule, "times": times, "until": until,
            }),
            Self::Repaired { text, by } => json!({ "text": text, "by": by }),
            Self::Alarm { code, text } => json!({ "code": code, "text": text }),
        }
    }
}

/// Whom and what a record is about, besides what happened.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct About {
    pub(crate) account: Option<AccountId>,
    #[serde(skip)]
    pub(crate) session: Option<SessionId>,
    #[serde(skip)]
    pub(crate) source: Option<IpAddr>,
    /// The proxy that told the source.
    #[serde(skip)]
    pub(crate) proxy: Option<IpAddr>,
    /// The protocol, and the name that was given where no account is known.
    pub(crate) protocol: Option<&'static str>,
    pub(crate) name: Option<String>,
    /// With what somebody signed in.
    pub(crate) credential: Option<CredentialId>,
}

impl About {
    pub(crate) fn peer(peer: &Peer) -> Self {
        Self {
            session: Some(peer.session),
            source: Some(peer.source()),
            proxy: peer.proxy,
            protocol: Some(peer.protocol.as_str()),
            ..Self::default()
        }
    }

    pub(crate) fn principal(principal: &Principal) -> Self {
        Self {
            account: Some(principal.account),
            credential: Some(principal.credential),
            ..Self::peer(&principal.peer)
        }
    }
}

impl Service {
    /// Records something soon; under great load it may be dropped, and the drop is counted.
    pub(crate) fn record(&self, about: &About, record: &Record) {
        self.inner.store.activity().append(self.row(about, record));
    }

    /// Records something before it is answered; gives the number of the record.
    pub(crate) async fn record_first(&self, about: &About, record: &Record) -> ServiceResult<u64> {
        Ok(self
            .inner
            .store
            .activity()
            .append_durable(self.row(about, record))
            .await?)
    }

    fn row(&self, about: &About, record: &Record) -> LogRow {
        let mut detail = record.detail();
        if let Some(map) = detail.as_object_mut() {
            map.extend(
                about
                    .protocol
                    .map(|protocol| ("protocol".to_owned(), json!(protocol))),
            );
            map.extend(
                about
                    .proxy
                    .map(|proxy| ("proxy".to_owned(), json!(proxy.to_string()))),
            );
            map.extend(
                about
                    .name
                    .as_ref()
                    .map(|name| ("name".to_owned(), json!(name))),
            );
        }
        if let (Some(map), Some(credential)) = (detail.as_object_mut(), about.credential) {
            map.insert("credential".to_owned(), json!(credential));
        }
        LogRow {
            at: self.clock().now(),
            kind: record.kind().to_owned(),
            account: about.account,
            session: about.session,
            source: about
                .source
                .map(|source| source.to_string())
                .unwrap_or_default(),
            message: None,
            detail: detail.to_string().into_bytes(),
        }
    }
}

/// Ascending UIDs as `1:3` and `7`.
fn ranges(uids: &[Uid]) -> Vec<String> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for uid in uids {
        let full = ranges.len() == RANGES_MAX;
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(uid.0) => *last = uid.0,
            _ if full => break,
            _ => ranges.push((uid.0, uid.0)),
        }
    }
    let text = |(first, last)| {
        if first == last {
            format!("{first}")
        } else {
            format!("{first}:{last}")
        }
    };
    ranges.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_can_be_asked_for_is_one_that_is_written() {
        let (mailbox, by) = (MailboxId(1), String::new());
        for record in [
            Record::SignIn,
            Record::SignInRefused { why: "" },
            Record::FactorUsed { kind: "" },
            Record::SignOut,
            Record::SessionEnded { by: by.clone() },
            Record::BodiesGiven {
                mailbox,
                uids: Vec::new(),
            },
            Record::Expunged {
                mailbox,
                uids: Vec::new(),
            },
            Record::Restored {
                count: 1,
                by: by.clone(),
            },
            Record::QueueActed {
                act: "",
                count: 1,
                some: Vec::new(),
                by: by.clone(),
            },
            Record::Explained {
                what: "",
                of: String::new(),
                by: by.clone(),
            },
            Record::Repaired {
                text: String::new(),
                by,
            },
            Record::Alarm {
                code: "",
                text: String::new(),
            },
        ] {
            assert!(ACTIVITY_KINDS.contains(&record.kind()), "{record:?}");
        }
    }

    #[test]
    fn neighbours_become_a_range() {
        let uids = [1, 2, 3, 7, 9, 10].map(Uid);
        assert_eq!(ranges(&uids), ["1:3", "7", "9:10"]);
        let odd: Vec<_> = (0..2_000).map(|n| Uid(2 * n + 1)).collect();
        assert_eq!(ranges(&odd).len(), RANGES_MAX);
    }
}
