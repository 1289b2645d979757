//! What lists of messages show, computed once when a message is stored.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::error::{ServiceError, ServiceResult};
use crate::message::FinishedBody;
use crate::mime::{Mime, envelope};

/// Messages that are held in memory at a time to be described.
const DESCRIBING_MAX: usize = 4;

static DESCRIBING: Semaphore = Semaphore::const_new(DESCRIBING_MAX);

/// The description of a message as it is stored beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// The value of IMAP's ENVELOPE, ready to send.
    pub(crate) envelope: Vec<u8>,
    /// The value of IMAP's BODYSTRUCTURE, ready to send.
    pub(crate) bodystructure: Vec<u8>,
    /// The first words of the text in UTF-8.
    pub(crate) preview: Vec<u8>,
}

/// Describes a whole message. Work grows with its size: not for a thread of the runtime.
pub(crate) fn describe(message: &[u8]) -> Described {
    let mime = Mime::parse(message);
    let head = mime.section(&[], crate::mime::SectionKind::Header);
    let head = head
        .and_then(|range| message.get(range))
        .unwrap_or_default();
    Described {
        envelope: envelope(head).to_bytes(),
        bodystructure: mime
            .body_structure(message)
            .to_bytes(wire::imap::Form::BodyStructure),
        preview: mime.preview(message).into_bytes(),
    }
}

/// Describes a message that arrived, on a thread that may block.
pub(super) async fn describe_arrived(message: &Arc<FinishedBody>) -> ServiceResult<Described> {
    let permit = DESCRIBING
        .acquire()
        .await
        .map_err(|_| ServiceError::Unavailable)?;
    let message = Arc::clone(message);
    let described = tokio::task::spawn_blocking(move || {
        let _until_done = permit;
        let mut octets = message.head.clone();
        octets.extend_from_slice(&message.body.read_all()?);
        Ok(describe(&octets))
    });
    described.await.map_err(|err| {
        tracing::error!(error = %err, "a message could not be described: {err}");
        ServiceError::Unavailable
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_described_in_one_go() {
        let described = describe(
            b"Subject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
              Content-Transfer-Encoding: quoted-printable\r\n\r\ncr=E8me\r\n   fra=EEche\r\n",
        );
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        assert_eq!(text(&described.preview), "crème fraîche");
        assert!(text(&described.envelope).starts_with("(NIL \"=?utf-8?q?caf=C3=A9?=\" NIL"));
        let structure = text(&described.bodystructure).to_lowercase();
        assert!(structure.starts_with("(\"text\" \"plain\" (\"charset\" \"iso-8859-1\")"));
    }

    #[test]
    fn what_is_no_message_is_described_too() {
        for octets in [&b""[..], b"\r\n", b"no header at all", b"\x00\xff\n\n\xff"] {
            let described = describe(octets);
            assert!(described.envelope.starts_with(b"(NIL NIL"));
            assert!(described.bodystructure.ends_with(b")"));
        }
    }
}
