//! SEARCH (RFC 9051 §6.4.4, RFC 4731).
//!
//! A key narrows a list of candidates. Keys that the index answers come first; those that look
//! into texts see only what is left; `service` scans those a few at a time and within bounds.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;

use service::mime::sent_day;
use service::{
    MessageDetail, Principal, READ_MESSAGES_MAX, ReadAhead, Service, ServiceError, TextQuery,
};
use types::{EmailId, FlagSet, Keyword, MailboxId, Timestamp};
use wire::imap::{
    FieldName, Numbering, ObjectId, SearchDate, SearchKey, SearchRequest, SearchResult,
    SearchReturn, Tag,
};

use crate::error::ImapError;
use crate::limits::TEXT_KEYS_MAX;
use crate::output::Output;
use crate::selected::{Row, View, sequence};
use crate::session::{Done, Session};

impl Session {
    pub(crate) async fn search(
        &mut self,
        tag: &Tag,
        by: Numbering,
        request: &SearchRequest,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let found = self.find(&request.key).await;
        if let Some(returns) = request.returns.filter(|returns| returns.save) {
            // A search that fails leaves nothing in `$` (RFC 9051 §6.4.4.1).
            let found = found.as_ref().map_or(&[][..], Vec::as_slice);
            self.selected()?.1.view.save(&saved(returns, found));
        }
        let found = found?;
        let returns = match request.returns {
            // In IMAP4rev2 there is no other answer than ESEARCH (RFC 9051 §6.4.4).
            None if self.enabled.rev2 => Some(SearchReturn {
                all: true,
                ..SearchReturn::default()
            }),
            returns => returns,
        };
        let (_, selected) = self.selected()?;
        let rows = selected.view.rows();
        let numbers: Vec<u32> = match by {
            Numbering::Sequence => found.iter().map(|place| sequence(place + 1)).collect(),
            Numbering::Uid => found.iter().map(|place| rows[*place].uid.0).collect(),
        };
        let modseq = |places: &[usize]| {
            let modseqs = places.iter().map(|place| rows[*place].modseq);
            modseqs.max().filter(|_| request.key.asks_modseq())
        };
        match returns {
            None => out.responses.search(&numbers, modseq(&found)),
            Some(returns) if returns.is_silent() => {}
            Some(returns) => {
                let result = SearchResult {
                    modseq: modseq(returned(returns, &found)),
                    ..result(returns, numbers)
                };
                out.responses.esearch(tag, by, &result);
            }
        }
        Ok(Done::plain("searched"))
    }

    /// The places of the messages that fulfil the key.
    async fn find(&mut self, key: &SearchKey) -> Result<Places, ImapError> {
        if text_keys(key) > TEXT_KEYS_MAX {
            return Err(ImapError::Limit("keys that look into texts"));
        }
        let service = self.service.clone();
        let (principal, selected) = self.selected()?;
        let search = Search {
            service: &service,
            principal: &principal,
            mailbox: selected.id,
            view: &selected.view,
            now: service.clock().now(),
        };
        let rows = selected.view.rows();
        let all = (0..rows.len()).filter(|place| !rows[*place].gone).collect();
        search.matching(key, all).await
    }
}

/// What `$` means after a search: all that was found, or the ends where only they are returned.
fn saved(returns: SearchReturn, found: &[usize]) -> Places {
    if returns.all || returns.count || !(returns.min || returns.max) {
        return found.to_vec();
    }
    let first = found.first().filter(|_| returns.min);
    let last = found.last().filter(|_| returns.max);
    let mut ends: Places = first.into_iter().chain(last).copied().collect();
    ends.dedup();
    ends
}

/// The places whose messages ESEARCH names: where it names the ends alone, those (RFC 7162 §3.1.10).
fn returned(returns: SearchReturn, found: &[usize]) -> &[usize] {
    let last = found.len().saturating_sub(1);
    match returns {
        SearchReturn {
            all: false,
            count: false,
            min,
            max,
            save: _,
        } if min != max && !found.is_empty() => {
            if min {
                &found[..1]
            } else {
                &found[last..]
            }
        }
        _ => found,
    }
}

/// What ESEARCH returns of the numbers that were found, which ascend.
fn result(returns: SearchReturn, numbers: Vec<u32>) -> SearchResult {
    SearchResult {
        min: numbers.first().copied().filter(|_| returns.min),
        max: numbers.last().copied().filter(|_| returns.max),
        count: returns.count.then_some(numbers.len()),
        all: returns.all.then_some(numbers),
        modseq: None,
    }
}

/// Keys that need more than the index.
fn text_keys(key: &SearchKey) -> u32 {
    match key {
        SearchKey::And(keys) => keys.iter().map(text_keys).sum(),
        SearchKey::Or(left, right) => text_keys(left) + text_keys(right),
        SearchKey::Not(key) => text_keys(key),
        SearchKey::Header(..)
        | SearchKey::Body(_)
        | SearchKey::Text(_)
        | SearchKey::SentBefore(_)
        | SearchKey::SentOn(_)
        | SearchKey::SentSince(_)
        | SearchKey::ThreadId(_)
        | SearchKey::SavedBefore(_)
        | SearchKey::SavedOn(_)
        | SearchKey::SavedSince(_) => 1,
        _ => 0,
    }
}

/// Places in the view, ascending.
type Places = Vec<usize>;
type Matching<'s> = Pin<Box<dyn Future<Output = Result<Places, ImapError>> + Send + 's>>;

struct Search<'a> {
    service: &'a Service,
    principal: &'a Principal,
    mailbox: MailboxId,
    view: &'a View,
    now: Timestamp,
}

impl Search<'_> {
    /// Those of the candidates that fulfil the key. The depth of keys is bounded by the grammar.
    fn matching<'s>(&'s self, key: &'s SearchKey, candidates: Places) -> Matching<'s> {
        Box::pin(async move {
            if candidates.is_empty() {
                return Ok(candidates);
            }
            match key {
                SearchKey::And(keys) => self.all_of(keys, candidates).await,
                SearchKey::Or(left, right) => {
                    let mut found = self.matching(left, candidates.clone()).await?;
                    let rest = without(&candidates, &found);
                    found.extend(self.matching(right, rest).await?);
                    found.sort_unstable();
                    Ok(found)
                }
                SearchKey::Not(key) => {
                    let found = self.matching(key, candidates.clone()).await?;
                    Ok(without(&candidates, &found))
                }
                SearchKey::Header(name, text) => {
                    let query = header_query(name, text);
                    self.with_text(query, candidates).await
                }
                SearchKey::Body(text) => {
                    self.with_text(TextQuery::Body(text.clone()), candidates)
                        .await
                }
                SearchKey::Text(text) => {
                    self.with_text(TextQuery::Text(text.clone()), candidates)
                        .await
                }
                SearchKey::SentBefore(day) => self.sent(candidates, |sent| sent < *day).await,
                SearchKey::SentOn(day) => self.sent(candidates, |sent| sent == *day).await,
                SearchKey::SentSince(day) => self.sent(candidates, |sent| sent >= *day).await,
                SearchKey::ThreadId(id) => {
                    self.detailed(candidates, |detail| ObjectId::thread(detail.thread) == *id)
                        .await
                }
                SearchKey::SavedBefore(day) => self.saved(candidates, |saved| saved < *day).await,
                SearchKey::SavedOn(day) => self.saved(candidates, |saved| saved == *day).await,
                SearchKey::SavedSince(day) => self.saved(candidates, |saved| saved >= *day).await,
                of_index => Ok(self.of_index(of_index, candidates)),
            }
        })
    }

    /// All keys, the cheap ones first.
    async fn all_of(&self, keys: &[SearchKey], candidates: Places) -> Result<Places, ImapError> {
        let mut left = candidates;
        let (cheap, dear): (Vec<_>, Vec<_>) = keys.iter().partition(|key| text_keys(key) == 0);
        for key in cheap.into_iter().chain(dear) {
            left = self.matching(key, left).await?;
        }
        Ok(left)
    }

    /// Keys that the index answers. No message is recent here.
    fn of_index(&self, key: &SearchKey, candidates: Places) -> Places {
        let day = |row: &Row| SearchDate::of(row.internal_date);
        let keyword = |keyword| keyword_bit(self.view.keywords(), keyword);
        match key {
            SearchKey::All | SearchKey::Old => candidates,
            SearchKey::Recent | SearchKey::New => Vec::new(),
            SearchKey::Flag(flag) => self.keep(candidates, |row| row.flags.contains(*flag)),
            SearchKey::NoFlag(flag) => self.keep(candidates, |row| !row.flags.contains(*flag)),
            SearchKey::Keyword(name) => match keyword(name) {
                Some(bit) => self.keep(candidates, |row| row.flags.contains(bit)),
                None => Vec::new(),
            },
            SearchKey::NoKeyword(name) => match keyword(name) {
                Some(bit) => self.keep(candidates, |row| !row.flags.contains(bit)),
                None => candidates,
            },
            SearchKey::Before(date) => self.keep(candidates, |row| day(row) < *date),
            SearchKey::On(date) => self.keep(candidates, |row| day(row) == *date),
            SearchKey::Since(date) => self.keep(candidates, |row| day(row) >= *date),
            SearchKey::Older(seconds) => {
                self.keep(candidates, |row| self.age_s(row) >= seconds.get().into())
            }
            SearchKey::Younger(seconds) => {
                self.keep(candidates, |row| self.age_s(row) <= seconds.get().into())
            }
            SearchKey::Larger(octets) => self.keep(candidates, |row| row.octets > *octets),
            SearchKey::Smaller(octets) => self.keep(candidates, |row| row.octets < *octets),
            SearchKey::Sequence(set) => both(&candidates, &self.view.sequence_places(set)),
            SearchKey::Uid(set) => both(&candidates, &self.view.uid_places(set)),
            SearchKey::EmailId(id) => {
                self.keep(candidates, |row| ObjectId::email(row.email) == *id)
            }
            SearchKey::ModSeq(modseq) => self.keep(candidates, |row| row.modseq >= *modseq),
            // The caller keeps these.
            SearchKey::Header(..)
            | SearchKey::Body(_)
            | SearchKey::Text(_)
            | SearchKey::SentBefore(_)
            | SearchKey::SentOn(_)
            | SearchKey::SentSince(_)
            | SearchKey::ThreadId(_)
            | SearchKey::SavedBefore(_)
            | SearchKey::SavedOn(_)
            | SearchKey::SavedSince(_)
            | SearchKey::Not(_)
            | SearchKey::Or(..)
            | SearchKey::And(_) => Vec::new(),
        }
    }

    /// Seconds since the internal date; what lies ahead is negative.
    fn age_s(&self, row: &Row) -> i64 {
        self.now.seconds() - row.internal_date.seconds()
    }

    fn keep(&self, mut candidates: Places, wanted: impl Fn(&Row) -> bool) -> Places {
        candidates.retain(|place| self.view.rows().get(*place).is_some_and(&wanted));
        candidates
    }

    fn emails(&self, places: &[usize]) -> Vec<EmailId> {
        let rows = places
            .iter()
            .filter_map(|place| self.view.rows().get(*place));
        rows.map(|row| row.email).collect()
    }

    async fn with_text(&self, query: TextQuery, candidates: Places) -> Result<Places, ImapError> {
        let emails = self.emails(&candidates);
        let hits = self
            .service
            .search_text(self.principal, &emails, query)
            .await
            .map_err(expunged)?;
        let hits: HashSet<EmailId> = hits.into_iter().collect();
        Ok(self.keep(candidates, |row| hits.contains(&row.email)))
    }

    /// By the day on which a message came into this mailbox.
    async fn saved(
        &self,
        candidates: Places,
        wanted: impl Fn(SearchDate) -> bool + Send,
    ) -> Result<Places, ImapError> {
        let day = |detail: &MessageDetail| detail.saved_at.map(SearchDate::of);
        self.detailed(candidates, move |detail| day(detail).is_some_and(&wanted))
            .await
    }

    /// By what is asked of a message now and then; one that is gone is not found.
    async fn detailed(
        &self,
        candidates: Places,
        wanted: impl Fn(&MessageDetail) -> bool + Send,
    ) -> Result<Places, ImapError> {
        let rows = candidates
            .iter()
            .filter_map(|place| self.view.rows().get(*place));
        let messages: Vec<_> = rows.map(|row| (row.uid, row.email)).collect();
        let mut hits = HashSet::new();
        for batch in messages.chunks(READ_MESSAGES_MAX) {
            let details = self
                .service
                .message_details(self.principal, self.mailbox, batch);
            for ((uid, _), detail) in batch.iter().zip(details.await?) {
                match detail {
                    Ok(detail) if wanted(&detail) => drop(hits.insert(*uid)),
                    Ok(_) | Err(ServiceError::NotFound(_)) => {}
                    Err(err) => return Err(err.into()),
                }
            }
        }
        Ok(self.keep(candidates, |row| hits.contains(&row.uid)))
    }

    /// By the day of the `Date` field; a message without one was never sent.
    async fn sent(
        &self,
        candidates: Places,
        wanted: impl Fn(SearchDate) -> bool + Send,
    ) -> Result<Places, ImapError> {
        let emails = self.emails(&candidates);
        let mut hits = HashSet::new();
        let mut left = emails.as_slice();
        while !left.is_empty() {
            let opened = self
                .service
                .messages_open(self.principal, left, ReadAhead::Head);
            let opened = opened.await.map_err(expunged)?;
            let (these, later) = left.split_at(opened.len().clamp(1, left.len()));
            for (email, message) in these.iter().zip(opened) {
                let head = message.map_err(expunged)?.head;
                if sent_day(&head).is_some_and(&wanted) {
                    hits.insert(*email);
                }
            }
            left = later;
        }
        Ok(self.keep(candidates, |row| hits.contains(&row.email)))
    }
}

/// A message that went away during the search.
fn expunged(err: ServiceError) -> ImapError {
    match err {
        ServiceError::NotFound(_) => ImapError::Expunged,
        other => other.into(),
    }
}

fn header_query(name: &FieldName, text: &str) -> TextQuery {
    TextQuery::Header(name.as_str().to_owned(), text.to_owned())
}

fn keyword_bit(dictionary: &[Keyword], keyword: &Keyword) -> Option<FlagSet> {
    let index = dictionary.iter().position(|known| known == keyword)?;
    FlagSet::keyword(index)
}

/// What is in both lists; both ascend.
fn both(left: &[usize], right: &[usize]) -> Places {
    let in_right = |place: &usize| right.binary_search(place).is_ok();
    left.iter().copied().filter(in_right).collect()
}

/// What is in the first list and not in the second; both ascend.
fn without(left: &[usize], right: &[usize]) -> Places {
    let in_right = |place: &usize| right.binary_search(place).is_ok();
    left.iter()
        .copied()
        .filter(|place| !in_right(place))
        .collect()
}
