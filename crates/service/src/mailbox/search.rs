//! Search in texts: a scan, since nothing is indexed yet (RFC 9051 §6.4.4).
//!
//! One message at a time is in memory for each of a few scans, on threads that may block. The scan
//! stops after the message it is at when nobody waits for its result any more. Header blocks are
//! read many in one transaction; a text, which may be long, is looked into outside of any.

use std::sync::{Arc, Weak};

use net::Clock;
use store::{ReadTx, Store, StoreResult};
use tokio::sync::Semaphore;
use types::{AccountId, EmailId};

use super::read::owned;
use crate::Service;
use crate::actor::Principal;
use crate::error::{ServiceError, ServiceResult};
use crate::mime::{Mime, matches_header};

/// Octets that one search reads.
pub const SEARCH_OCTETS_MAX: u64 = 4_294_967_296;
/// Seconds that one search takes, the wait for its turns included.
pub const SEARCH_TIME_MAX_S: u64 = 120;
/// Octets of one message that are looked into; text behind them is not found.
const MESSAGE_OCTETS_MAX: usize = 67_108_864;
/// Scans at a time, for all sessions together.
const SCANS_MAX: usize = 4;
/// Messages after which a scan of texts lets others have their turn.
const TURN_TEXTS: usize = 32;
/// Messages after which a scan of header blocks lets others have their turn.
const TURN_HEADS: usize = 256;

static SCANS: Semaphore = Semaphore::const_new(SCANS_MAX);

/// What is looked for; case does not matter, and encodings are decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextQuery {
    /// In the text parts.
    Body(String),
    /// In the header fields and in the text parts.
    Text(String),
    /// In header fields of this name: the name, then the text.
    Header(String, String),
}

/// What a search may still use.
#[derive(Clone, Copy)]
struct Budget {
    octets: u64,
    until_us: u64,
}

/// One search on its way through the messages.
#[derive(Clone)]
struct Scan {
    store: Store,
    clock: Clock,
    account: AccountId,
    query: Arc<TextQuery>,
    /// Lives as long as somebody waits for the result.
    waiting: Weak<()>,
}

impl Service {
    /// The messages of these that match, in their order.
    ///
    /// Above [`SEARCH_OCTETS_MAX`] or [`SEARCH_TIME_MAX_S`] there is no result but
    /// [`ServiceError::Limit`]. Dropping the future stops the search.
    pub async fn search_text(
        &self,
        principal: &Principal,
        emails: &[EmailId],
        query: TextQuery,
    ) -> ServiceResult<Vec<EmailId>> {
        let until_us = self.clock().monotonic_us() + SEARCH_TIME_MAX_S * 1_000_000;
        let mut budget = Budget {
            octets: SEARCH_OCTETS_MAX,
            until_us,
        };
        let waiting = Arc::new(());
        let scan = Scan {
            account: self.owner(principal)?.account,
            store: self.inner.store.clone(),
            clock: self.clock().clone(),
            query: Arc::new(query),
            waiting: Arc::downgrade(&waiting),
        };
        let mut found = Vec::new();
        for turn in emails.chunks(scan.query.turn()) {
            let permit = SCANS
                .acquire()
                .await
                .map_err(|_| ServiceError::Unavailable)?;
            let (scan, turn) = (scan.clone(), turn.to_vec());
            let running = tokio::task::spawn_blocking(move || {
                let _until_done = permit;
                scan.run(&turn, budget)
            });
            let (matching, left) = running.await.map_err(|err| {
                tracing::error!(error = %err, "a search broke off: {err}");
                ServiceError::Unavailable
            })??;
            found.extend(matching);
            budget = left;
        }
        Ok(found)
    }
}

impl Scan {
    /// The messages of these that match, and what is left of the budget.
    fn run(&self, emails: &[EmailId], budget: Budget) -> ServiceResult<(Vec<EmailId>, Budget)> {
        if !matches!(*self.query, TextQuery::Header(..)) {
            let read = |email| Ok(self.store.read_blocking(|tx| self.text(tx, email))?);
            return self.look(emails, budget, read);
        }
        let look = |tx: &ReadTx<'_>| Ok(self.look(emails, budget, |email| self.head(tx, email)));
        self.store.read_blocking(look)?
    }

    fn look(
        &self,
        emails: &[EmailId],
        mut budget: Budget,
        read: impl Fn(EmailId) -> ServiceResult<Vec<u8>>,
    ) -> ServiceResult<(Vec<EmailId>, Budget)> {
        let mut found = Vec::new();
        for email in emails {
            if self.waiting.strong_count() == 0 {
                break;
            }
            if self.clock.monotonic_us() >= budget.until_us {
                return Err(ServiceError::Limit("time of a search"));
            }
            let text = read(*email)?;
            let left = budget.octets.checked_sub(text.len() as u64);
            budget.octets = left.ok_or(ServiceError::Limit("octets of a search"))?;
            if self.query.matches(&text) {
                found.push(*email);
            }
        }
        Ok((found, budget))
    }

    fn head(&self, tx: &ReadTx<'_>, email: EmailId) -> ServiceResult<Vec<u8>> {
        let found = store::email::readable(tx, email)?;
        Ok(owned(found, |found| found.account, self.account)?.head)
    }

    /// The whole message, as far as it is looked into.
    fn text(&self, tx: &ReadTx<'_>, email: EmailId) -> StoreResult<Vec<u8>> {
        let found = store::email::readable(tx, email)?;
        let found = owned(found, |found| found.account, self.account)?;
        let mut text = found.head;
        let room = MESSAGE_OCTETS_MAX.saturating_sub(text.len());
        text.append(&mut tx.read_blob_range(&found.body, 0, room)?);
        Ok(text)
    }
}

impl TextQuery {
    /// Messages that are looked into in one turn.
    fn turn(&self) -> usize {
        match self {
            Self::Header(..) => TURN_HEADS,
            Self::Body(_) | Self::Text(_) => TURN_TEXTS,
        }
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Body(wanted) => Mime::parse(text).body_contains(text, wanted),
            Self::Text(wanted) => Mime::parse(text).text_contains(text, wanted),
            Self::Header(name, wanted) => matches_header(text, name, wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use store::NewEmail;
    use types::{FlagSet, Secret, Timestamp};

    use super::*;

    const TEXT: &[u8] = b"the text\r\n";

    /// A store with two messages.
    fn store_of_two(folder: &std::path::Path) -> (Store, Vec<EmailId>) {
        let options = store::Options {
            create: true,
            ..store::Options::new(Secret::new(vec![7; 32]))
        };
        let store = Store::open(folder, &options).unwrap();
        let mut body = store.body(100);
        body.write(TEXT).unwrap();
        let body = body.finish();
        let deliver = move |tx: &mut store::WriteTx<'_>| {
            let inbox = crate::mailbox::inbox(tx, AccountId(1))?;
            let new = NewEmail {
                blob: tx.put_blob(&body)?,
                head: b"\r\n".to_vec(),
                received_at: Timestamp(0),
                saved_at: Timestamp(0),
                thread: None,
                envelope: Vec::new(),
                bodystructure: Vec::new(),
                preview: Vec::new(),
                flags: FlagSet::default(),
                keywords: Vec::new(),
            };
            let first = store::message::deliver(tx, AccountId(1), inbox, &new)?;
            let second = store::message::deliver(tx, AccountId(1), inbox, &new)?;
            Ok(vec![first.email, second.email])
        };
        let emails = store.write_blocking(deliver).unwrap();
        (store, emails)
    }

    #[test]
    fn a_search_ends_at_its_limits_and_when_nobody_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (store, emails) = store_of_two(&folder.path().join("data"));
        let clock = Clock::virtual_at(Timestamp(0));
        let waiting = Arc::new(());
        let scan = Scan {
            store,
            clock,
            account: AccountId(1),
            query: Arc::new(TextQuery::Body("TEXT".to_owned())),
            waiting: Arc::downgrade(&waiting),
        };
        let octets = 2 * (TEXT.len() as u64 + 2);
        for (octets, until_us, expected) in [
            (octets, 1, Ok(emails.clone())),
            (
                octets - 1,
                1,
                Err(ServiceError::Limit("octets of a search")),
            ),
            (octets, 0, Err(ServiceError::Limit("time of a search"))),
        ] {
            let found = scan.run(&emails, Budget { octets, until_us });
            assert_eq!(found.map(|(found, _)| found), expected);
        }
        drop(waiting);
        let (found, left) = scan
            .run(
                &emails,
                Budget {
                    octets,
                    until_us: 1,
                },
            )
            .unwrap();
        assert!(found.is_empty());
        assert_eq!(left.octets, octets, "nothing was read");
    }
}
