//! Object identifiers: names of mailboxes, messages and conversations that outlive their places
//! (RFC 8474 §4, §5).

use std::fmt;

use types::{EmailId, MailboxId, ThreadId};

use super::limits::OBJECT_ID_MAX_OCTETS;

/// An identifier as it is written: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectId(String);

impl ObjectId {
    /// Checks the characters and the length ([`OBJECT_ID_MAX_OCTETS`]).
    pub fn new(octets: &[u8]) -> Option<Self> {
        let allowed = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        if octets.is_empty() || octets.len() > OBJECT_ID_MAX_OCTETS || !octets.iter().all(allowed) {
            return None;
        }
        String::from_utf8(octets.to_vec()).ok().map(Self)
    }

    /// MAILBOXID: the same under a new name.
    pub fn mailbox(id: MailboxId) -> Self {
        Self(format!("F{}", id.0))
    }

    /// EMAILID: the same for all copies of a message.
    pub fn email(id: EmailId) -> Self {
        Self(format!("M{}", id.0))
    }

    /// THREADID
    pub fn thread(id: ThreadId) -> Self {
        Self(format!("T{}", id.0))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
