//! Enhanced mail system status codes (RFC 3463 §2).

use std::fmt;

/// `class.subject.detail`; the class is 2 (success), 4 (try again) or 5 (final).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// 2, 4 or 5.
    pub class: u8,
    /// What it is about (RFC 3463 §3).
    pub subject: u16,
    /// The detail within the subject.
    pub detail: u16,
}

impl Status {
    /// Puts the three numbers together.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self {
            class,
            subject,
            detail,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}
