//! Parts of messages without their transfer encoding (RFC 3516 §4.2, RFC 9051 §6.4.5).
//!
//! What has no encoding is sent from where it is stored. Of the rest one part at a time is decoded,
//! so that a message costs no more memory however many of its parts are asked for.

use service::StoredMessage;
use service::mime::{Encoded, TransferEncoding};
use wire::imap::{FetchItem, Nul, Partial};

use super::part::{Content, Message};
use crate::error::ImapError;
use crate::output::Output;
use crate::selected::Row;
use crate::session::Session;

impl Session {
    /// Refuses to decode what cannot be, before the response begins.
    pub(super) async fn check_encodings(
        &mut self,
        row: &Row,
        stored: &StoredMessage,
        items: &[FetchItem],
    ) -> Result<(), ImapError> {
        let mut message = Message {
            email: row.email,
            stored,
            parsed: &mut self.parsed,
        };
        for item in items {
            if let FetchItem::Binary { part, .. } | FetchItem::BinarySize(part) = item
                && message.mime().await?.encoded(part) == Encoded::Unknown
            {
                return Err(ImapError::UnknownEncoding);
            }
        }
        Ok(())
    }
}

/// Says how many octets a part has; one that is not there has none.
pub(super) async fn size(
    message: &mut Message<'_>,
    part: &[u32],
    out: &mut Output<'_>,
) -> Result<(), ImapError> {
    let octets = decoded(message, part).await?.octets();
    out.responses.fetch_binary_size(part, octets);
    Ok(())
}

/// Says a part, or some octets of it.
pub(super) async fn content(
    message: &mut Message<'_>,
    part: &[u32],
    partial: Option<Partial>,
    out: &mut Output<'_>,
) -> Result<(), ImapError> {
    let content = decoded(message, part).await?.cut(partial);
    let nul = match &content {
        Content::Missing => None,
        // What is stored has no NUL: messages with it are refused.
        Content::Stored(_) => Some(Nul::Nowhere),
        Content::Octets(octets) if octets.contains(&0) => Some(Nul::Within),
        Content::Octets(_) => Some(Nul::Nowhere),
    };
    let literal = nul.map(|nul| (content.octets(), nul));
    let origin = partial.map(|partial| partial.start);
    out.responses.fetch_binary(part, origin, literal);
    message.send(content, out).await
}

/// The content of a part without its transfer encoding.
async fn decoded(message: &mut Message<'_>, part: &[u32]) -> Result<Content<'static>, ImapError> {
    let (range, encoding) = match message.mime().await?.encoded(part) {
        Encoded::Known(range, encoding) => (range.start as u64..range.end as u64, encoding),
        Encoded::Unknown => return Err(ImapError::UnknownEncoding),
        Encoded::Missing => return Ok(Content::Missing),
    };
    if encoding == TransferEncoding::Identity {
        return Ok(Content::Stored(range));
    }
    let decode = move |body: &[u8]| encoding.decode(body);
    let octets = message.looked_into(range, decode).await?;
    Ok(Content::Octets(octets.into()))
}
