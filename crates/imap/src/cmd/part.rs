//! Sections of stored messages as octet ranges, and the way of those octets to the client
//! (RFC 9051 §6.4.5.1).
//!
//! Nothing is locked meanwhile: a message does not change, and one that was expunged can still be
//! read while it is recoverable.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use net::ConnError;
use service::mime::{Mime, SectionKind, Wanted, header_subset};
use service::{ServiceError, StoredMessage};
use tokio::sync::Semaphore;
use types::EmailId;
use wire::imap::{FieldName, Form, Partial, Section, SectionText};

use crate::error::ImapError;
use crate::limits::{CHUNK_OCTETS, PARSING_MAX, RESPONSES_MAX_OCTETS};
use crate::output::Output;

static PARSING: Semaphore = Semaphore::const_new(PARSING_MAX);

/// The structure of a message, kept since clients ask for its parts one after the other.
#[derive(Clone)]
pub(crate) struct Parsed {
    email: EmailId,
    pub(super) mime: Arc<Mime>,
}

/// What a client gets for a section.
pub(super) enum Content<'a> {
    /// These octets.
    Octets(Cow<'a, [u8]>),
    /// This range of the stored message.
    Stored(Range<u64>),
    /// The message has no such part.
    Missing,
}

/// A message that is being fetched.
pub(super) struct Message<'a> {
    pub(super) email: EmailId,
    pub(super) stored: &'a StoredMessage,
    pub(super) parsed: &'a mut Option<Parsed>,
}

impl<'a> Message<'a> {
    /// The content of a section, before a partial is cut from it.
    pub(super) async fn section(&mut self, section: &Section) -> Result<Content<'a>, ImapError> {
        let head_octets = self.stored.head.len() as u64;
        if section.part.is_empty() {
            let head: &'a [u8] = &self.stored.head;
            return Ok(match &section.text {
                None => Content::Stored(0..self.stored.octets),
                Some(SectionText::Header) => Content::Octets(head.into()),
                Some(SectionText::Text) => Content::Stored(head_octets..self.stored.octets),
                Some(SectionText::Fields(names)) => subset(head, names, Wanted::Named),
                Some(SectionText::FieldsNot(names)) => subset(head, names, Wanted::NotNamed),
                Some(SectionText::Mime) => Content::Missing,
            });
        }
        let mime = self.mime().await?;
        let kind = match &section.text {
            None => SectionKind::Whole,
            Some(SectionText::Mime) => SectionKind::Mime,
            Some(SectionText::Text) => SectionKind::Text,
            Some(_) => SectionKind::Header,
        };
        let Some(range) = mime.section(&section.part, kind) else {
            return Ok(Content::Missing);
        };
        let range = range.start as u64..range.end as u64;
        Ok(match &section.text {
            Some(SectionText::Fields(names)) => {
                subset(&self.read(range).await?, names, Wanted::Named)
            }
            Some(SectionText::FieldsNot(names)) => {
                subset(&self.read(range).await?, names, Wanted::NotNamed)
            }
            _ => Content::Stored(range),
        })
    }

    /// The structure of the message: the one kept, or read now.
    pub(super) async fn mime(&mut self) -> Result<Arc<Mime>, ImapError> {
        if let Some(parsed) = self.parsed.as_ref().filter(|p| p.email == self.email) {
            return Ok(Arc::clone(&parsed.mime));
        }
        let mime = self.looked_into(0..self.stored.octets, Mime::parse).await?;
        let mime = Arc::new(mime);
        *self.parsed = Some(Parsed {
            email: self.email,
            mime: Arc::clone(&mime),
        });
        Ok(mime)
    }

    /// The value of BODY: the structure without extension data, which is not kept ready.
    pub(super) async fn body(&mut self) -> Result<Vec<u8>, ImapError> {
        let body = |text: &[u8]| Mime::parse(text).body_structure(text).to_bytes(Form::Body);
        self.looked_into(0..self.stored.octets, body).await
    }

    /// Reads a range of the message and looks into it, away from the tasks that wait.
    pub(super) async fn looked_into<T: Send + 'static>(
        &self,
        range: Range<u64>,
        look: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, ImapError> {
        let unavailable = || ServiceError::Unavailable;
        let permit = PARSING.acquire().await.map_err(|_| unavailable())?;
        let text = self.read(range).await?;
        let looked = tokio::task::spawn_blocking(move || {
            let _until_done = permit;
            look(&text)
        });
        Ok(looked.await.map_err(|_| unavailable())?)
    }

    /// All octets of a range at once.
    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ImapError> {
        let mut octets = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let chunk = self.chunk(at, range.end).await?;
            at += chunk.len() as u64;
            octets.extend_from_slice(&chunk);
        }
        Ok(octets)
    }

    /// Some octets from `at` on, at least one; an error if the message is shorter than it said.
    async fn chunk(&self, at: u64, end: u64) -> Result<Vec<u8>, ImapError> {
        let wanted = usize::try_from((end - at).min(CHUNK_OCTETS)).unwrap_or(usize::MAX);
        let chunk = self.stored.read(at, wanted).await?;
        if chunk.is_empty() || chunk.len() > wanted {
            return Err(ServiceError::Unavailable.into());
        }
        Ok(chunk)
    }

    /// Sends the octets of a literal whose header was said last. What was announced must come: if
    /// it cannot, the connection is over.
    pub(super) async fn send(
        &self,
        content: Content<'_>,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        let range = match content {
            Content::Missing => return Ok(()),
            Content::Octets(octets) => {
                for chunk in octets.chunks(RESPONSES_MAX_OCTETS) {
                    out.responses.literal_octets(chunk);
                    out.relieve().await?;
                }
                return Ok(());
            }
            Content::Stored(range) => range,
        };
        let mut at = range.start;
        while at < range.end {
            let chunk = self.chunk(at, range.end).await.map_err(broken_off)?;
            at += chunk.len() as u64;
            out.stream(&chunk).await?;
        }
        Ok(())
    }
}

fn subset(head: &[u8], names: &[FieldName], wanted: Wanted) -> Content<'static> {
    let names: Vec<&str> = names.iter().map(FieldName::as_str).collect();
    Content::Octets(header_subset(head, &names, wanted).into())
}

/// A response that was begun must be ended as announced; where it cannot be, the connection is over.
pub(super) fn broken_off(err: ImapError) -> ImapError {
    match err {
        ImapError::Conn(_) => err,
        _ => ImapError::Conn(ConnError::Io(std::io::Error::other(err.to_string()))),
    }
}

impl Content<'_> {
    /// Octets of it.
    pub(super) fn octets(&self) -> u64 {
        match self {
            Self::Octets(octets) => octets.len() as u64,
            Self::Stored(range) => range.end - range.start,
            Self::Missing => 0,
        }
    }

    /// Only these octets of it; what begins behind its end is empty (RFC 9051 §6.4.5).
    pub(super) fn cut(self, partial: Option<Partial>) -> Self {
        let Some(Partial { start, length }) = partial else {
            return self;
        };
        let all = self.octets();
        let from = u64::from(start).min(all);
        let to = from.saturating_add(u64::from(length)).min(all);
        match self {
            Self::Octets(octets) => {
                let end = |at: u64| usize::try_from(at).unwrap_or(octets.len());
                Self::Octets(octets[end(from)..end(to)].to_vec().into())
            }
            Self::Stored(range) => Self::Stored(range.start + from..range.start + to),
            Self::Missing => Self::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partials_are_cut_exactly() {
        for (start, length, expected) in [
            (0, 1, "a"),
            (1, 3, "bcd"),
            (3, 9, "de"),
            (5, 1, ""),
            (4_294_967_295, 4_294_967_295, ""),
            (0, 4_294_967_295, "abcde"),
        ] {
            let partial = Some(Partial { start, length });
            let Content::Octets(cut) = Content::Octets(b"abcde".into()).cut(partial) else {
                panic!("octets stay octets");
            };
            assert_eq!(*cut, *expected.as_bytes(), "{start}.{length}");
            let Content::Stored(range) = Content::Stored(10..15).cut(partial) else {
                panic!("a range stays a range");
            };
            assert_eq!(range.end - range.start, expected.len() as u64);
            assert!(range.start >= 10 && range.end <= 15);
        }
    }
}
