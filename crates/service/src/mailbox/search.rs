//! Search in texts: a scan, since nothing is indexed yet (RFC 9051 §6.4.4).
//!
//! One message at a time is in memory for each of a few scans, two of one search, on threads that may block. The scan
//! stops after the message it is at when nobody waits for its result any more. Header blocks are
//! read many in one transaction; a text, which may be long, is looked into outside of any.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};

use net::Clock;
use store::{ReadTx, Store, StoreResult};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
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
/// Scans at a time of one search.
const SCANS_OF_ONE_MAX: usize = 2;
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
struct Budget {
    octets: AtomicU64,
    until_us: u64,
}

/// One search on its way through the messages.
#[derive(Clone)]
struct Scan {
    store: Store,
    clock: Clock,
    account: AccountId,
    query: Arc<TextQuery>,
    budget: Arc<Budget>,
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
        let budget = Budget {
            octets: AtomicU64::new(SEARCH_OCTETS_MAX),
            until_us,
        };
        let waiting = Arc::new(());
        let scan = Scan {
            account: self.owner(principal)?.account,
            store: self.inner.store.clone(),
            clock: self.clock().clone(),
            query: Arc::new(query),
            budget: Arc::new(budget),
            waiting: Arc::downgrade(&waiting),
        };
        let (mut found, mut running) = (Vec::new(), VecDeque::new());
        let mut turns = emails.chunks(scan.query.turn()).fuse();
        loop {
            while running.len() < SCANS_OF_ONE_MAX
                && let Some(turn) = turns.next()
            {
                running.push_back(scan.begin(turn).await?);
            }
            let Some(first) = running.pop_front() else {
                return Ok(found);
            };
            found.extend(first.await.map_err(|err| {
                tracing::error!(error = %err, "a search broke off: {err}");
                ServiceError::Unavailable
            })??);
        }
    }
}

impl Scan {
    /// Looks into these messages as soon as it is this search's turn.
    async fn begin(
        &self,
        emails: &[EmailId],
    ) -> ServiceResult<JoinHandle<ServiceResult<Vec<EmailId>>>> {
        let permit = SCANS.acquire().await;
        let permit = permit.map_err(|_| ServiceError::Unavailable)?;
        let (scan, emails) = (self.clone(), emails.to_vec());
        Ok(tokio::task::spawn_blocking(move || {
            let _until_done = permit;
            scan.run(&emails)
        }))
    }

    /// The messages of these that match.
    fn run(&self, emails: &[EmailId]) -> ServiceResult<Vec<EmailId>> {
        if !matches!(*self.query, TextQuery::Header(..)) {
            let read = |email| Ok(self.store.read_blocking(|tx| self.text(tx, email))?);
            return self.look(emails, read);
        }
        let look = |tx: &ReadTx<'_>| Ok(self.look(emails, |email| self.head(tx, email)));
        self.store.read_blocking(look)?
    }

    fn look(
        &self,
        emails: &[EmailId],
        read: impl Fn(EmailId) -> ServiceResult<Vec<u8>>,
    ) -> ServiceResult<Vec<EmailId>> {
        let mut found = Vec::new();
        for email in emails {
            if self.waiting.strong_count() == 0 {
                break;
            }
            if self.clock.monotonic_us() >= self.budget.until_us {
                return Err(ServiceError::Limit("time of a search"));
            }
            let text = read(*email)?;
            let take = |left: u64| left.checked_sub(text.len() as u64);
            let taken = self.budget.octets.fetch_update(Relaxed, Relaxed, take);
            taken.map_err(|_| ServiceError::Limit("octets of a search"))?;
            if self.query.matches(&text) {
                found.push(*email);
            }
        }
        Ok(found)
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
        let octets = 2 * (TEXT.len() as u64 + 2);
        let scan = |octets, until_us| Scan {
            store: store.clone(),
            clock: clock.clone(),
            account: AccountId(1),
            query: Arc::new(TextQuery::Body("TEXT".to_owned())),
            budget: Arc::new(Budget {
                octets: AtomicU64::new(octets),
                until_us,
            }),
            waiting: Arc::downgrade(&waiting),
        };
        for (octets, until_us, expected) in [
            (octets, 1, Ok(emails.clone())),
            (
                octets - 1,
                1,
                Err(ServiceError::Limit("octets of a search")),
            ),
            (octets, 0, Err(ServiceError::Limit("time of a search"))),
        ] {
            assert_eq!(scan(octets, until_us).run(&emails), expected);
        }
        let unwanted = scan(octets, 1);
        drop(waiting);
        assert!(unwanted.run(&emails).unwrap().is_empty());
        let left = unwanted.budget.octets.load(Relaxed);
        assert_eq!(left, octets, "nothing was read");
    }
}
