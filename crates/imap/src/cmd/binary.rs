//! Parts of messages without their transfer encoding (RFC 3516 §4.2, RFC 9051 §6.4.5).
//!
//! They are decoded before the response begins: a part that cannot be is a reason to refuse.

use service::StoredMessage;
use service::mime::{Decoded, Mime};
use wire::imap::FetchItem;

use super::part::{Content, Message};
use crate::error::ImapError;
use crate::output::Output;
use crate::selected::Row;
use crate::session::Session;

/// The parts that a FETCH wants decoded; `None` where the message has no such part.
pub(super) type Parts = Vec<(Vec<u32>, Option<Vec<u8>>)>;

impl Session {
    /// Decodes the parts that the items ask for.
    pub(super) async fn decoded(
        &mut self,
        row: &Row,
        stored: Option<&StoredMessage>,
        items: &[FetchItem],
    ) -> Result<Parts, ImapError> {
        let mut wanted: Vec<Vec<u32>> = Vec::new();
        for item in items {
            if let FetchItem::Binary { part, .. } | FetchItem::BinarySize(part) = item
                && !wanted.contains(part)
            {
                wanted.push(part.clone());
            }
        }
        let Some(stored) = stored.filter(|_| !wanted.is_empty()) else {
            return Ok(Vec::new());
        };
        let message = Message {
            email: row.email,
            stored,
            parsed: &mut self.parsed,
        };
        let decode = move |text: &[u8]| {
            let mime = Mime::parse(text);
            let parts = wanted.into_iter();
            parts
                .map(|part| (mime.decoded(text, &part), part))
                .collect()
        };
        let decoded: Vec<(Decoded, Vec<u32>)> = message.looked_into(decode).await?;
        let parts = decoded.into_iter().map(|(decoded, part)| match decoded {
            Decoded::Octets(octets) => Ok((part, Some(octets))),
            Decoded::Missing => Ok((part, None)),
            Decoded::UnknownEncoding => Err(ImapError::UnknownEncoding),
        });
        parts.collect()
    }
}

/// Says an item that asks for a decoded part; the others are none of its business.
pub(super) fn say(item: &FetchItem, parts: &Parts, out: &mut Output<'_>) {
    let find = |wanted: &[u32]| {
        let found = parts.iter().find(|(part, _)| part == wanted);
        found.and_then(|(_, octets)| octets.as_deref())
    };
    match item {
        FetchItem::BinarySize(part) => {
            let octets = find(part).map_or(0, <[u8]>::len);
            out.responses.fetch_binary_size(part, octets as u64);
        }
        FetchItem::Binary { part, partial, .. } => {
            let content = find(part).map(|octets| Content::Octets(octets.into()).cut(*partial));
            let octets = match &content {
                Some(Content::Octets(octets)) => Some(&octets[..]),
                _ => None,
            };
            let origin = partial.map(|partial| partial.start);
            out.responses.fetch_binary(part, origin, octets);
        }
        _ => {}
    }
}
