//! What a sender asks of reports about its message (RFC 3461), as checked values.
//!
//! The texts are kept decoded. They come back in the header fields of a report, so none of them
//! can hold a line end or another control character.

use std::fmt;
use std::str::FromStr;

/// Octets of an envelope identifier (RFC 3461 §4.4).
pub const ENVELOPE_ID_MAX_OCTETS: usize = 100;
/// Octets of an original recipient with its type (RFC 3461 §4.2).
pub const ORIGINAL_RECIPIENT_MAX_OCTETS: usize = 500;

/// What is asked for the whole message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DsnMessage {
    /// How much of the message a report of failure brings back.
    pub ret: Option<Ret>,
    /// The sender's own name for this sending.
    pub envelope_id: Option<EnvelopeId>,
}

/// What is asked for one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DsnRecipient {
    /// What is to be reported; what is usual (failure, perhaps delay) if nothing was said.
    pub notify: Option<Notify>,
    /// The address that the sender knows, if it was another one.
    pub original: Option<OriginalRecipient>,
}

/// How much of a message a report of failure brings back (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header.
    Headers,
}

/// What is to be reported (RFC 3461 §4.1); none of the three is `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// That it was delivered.
    pub success: bool,
    /// That it was not and will not be.
    pub failure: bool,
    /// That it takes longer than usual.
    pub delay: bool,
}

/// The sender's own name for one sending: printable ASCII, decoded (RFC 3461 §4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeId(String);

/// The recipient as the sender of the message knows it (RFC 3461 §4.2): a type, such as `rfc822`,
/// and an address of that type, which need not be a mail address of ours.
///
/// Printable ASCII; an address of the type `utf-8` may have more (RFC 6533 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRecipient {
    kind: String,
    address: String,
}

/// The text cannot be a value of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is too long, or has a character that it may not have")]
pub struct DsnError;

impl Ret {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        }
    }

    /// The value of this name, in any case.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Full, Self::Headers]
            .into_iter()
            .find(|ret| name.eq_ignore_ascii_case(ret.as_str()))
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.success, "SUCCESS"),
            (self.failure, "FAILURE"),
            (self.delay, "DELAY"),
        ];
        let asked = words.iter().filter(|(asked, _)| *asked);
        let words: Vec<_> = asked.map(|(_, word)| *word).collect();
        f.write_str(if words.is_empty() { "NEVER" } else { "" })?;
        f.write_str(&words.join(","))
    }
}

impl FromStr for Notify {
    type Err = DsnError;

    /// `NEVER`, or any of the other words between commas, in any case.
    fn from_str(text: &str) -> Result<Self, DsnError> {
        let mut notify = Self::default();
        if text.eq_ignore_ascii_case("NEVER") {
            return Ok(notify);
        }
        for word in text.split(',') {
            match word.to_ascii_uppercase().as_str() {
                "SUCCESS" => notify.success = true,
                "FAILURE" => notify.failure = true,
                "DELAY" => notify.delay = true,
                _ => return Err(DsnError),
            }
        }
        Ok(notify)
    }
}

impl EnvelopeId {
    /// The identifier, decoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvelopeId {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let fits = !text.is_empty() && text.len() <= ENVELOPE_ID_MAX_OCTETS;
        if fits && text.chars().all(is_printable) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DsnError)
        }
    }
}

impl OriginalRecipient {
    /// The type of the address, as it was written.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The address, decoded.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl FromStr for OriginalRecipient {
    type Err = DsnError;

    /// Reads `type;address`.
    fn from_str(text: &str) -> Result<Self, DsnError> {
        let (kind, address) = text.split_once(';').ok_or(DsnError)?;
        let in_unicode = kind.eq_ignore_ascii_case("utf-8");
        let may_stand = |c: char| is_printable(c) || (in_unicode && is_wide(c));
        let sound = !kind.is_empty()
            && kind.bytes().all(is_atom_octet)
            && !address.is_empty()
            && address.chars().all(may_stand)
            && text.len() <= ORIGINAL_RECIPIENT_MAX_OCTETS;
        if !sound {
            return Err(DsnError);
        }
        Ok(Self {
            kind: kind.to_owned(),
            address: address.to_owned(),
        })
    }
}

impl fmt::Display for OriginalRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{}", self.kind, self.address)
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~')
}

/// Beyond ASCII, all that cannot be taken for a line end or a space.
fn is_wide(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace()
}

fn is_atom_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notify_is_never_or_a_list() {
        for (text, printed) in [
            ("never", "NEVER"),
            ("delay,Failure", "FAILURE,DELAY"),
            ("SUCCESS,FAILURE,DELAY", "SUCCESS,FAILURE,DELAY"),
        ] {
            let notify: Notify = text.parse().unwrap();
            assert_eq!(notify.to_string(), printed);
        }
        for bad in ["", "NEVER,SUCCESS", "SUCCESS,", "SUCCESS;DELAY", "ALWAYS"] {
            assert_eq!(bad.parse::<Notify>(), Err(DsnError), "{bad:?}");
        }
    }

    #[test]
    fn what_could_write_a_line_is_no_value() {
        for control in [
            "\r\n", "\n", "\r", "\0", "\t", "\u{85}", "\u{2028}", "\u{7f}",
        ] {
            let text = format!("a{control}X-Evil: 1");
            assert!(text.parse::<EnvelopeId>().is_err(), "{text:?}");
            for kind in ["rfc822", "utf-8"] {
                let text = format!("{kind};{text}");
                assert!(text.parse::<OriginalRecipient>().is_err(), "{text:?}");
            }
            let text = format!("rfc{control}822;a");
            assert!(text.parse::<OriginalRecipient>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn values_are_bounded() {
        let id = |octets| "a".repeat(octets).parse::<EnvelopeId>();
        assert!(id(ENVELOPE_ID_MAX_OCTETS).is_ok());
        assert!(id(ENVELOPE_ID_MAX_OCTETS + 1).is_err());
        assert!(id(0).is_err());
        let max = ORIGINAL_RECIPIENT_MAX_OCTETS - "rfc822;".len();
        let original =
            |octets| format!("rfc822;{}", "a".repeat(octets)).parse::<OriginalRecipient>();
        assert!(original(max).is_ok());
        assert!(original(max + 1).is_err());
        for bad in ["", ";", "rfc822;", ";a", "rfc822", "a b;c", "rfc822;ž"] {
            assert!(bad.parse::<OriginalRecipient>().is_err(), "{bad:?}");
        }
        let wide: OriginalRecipient = "utf-8;žena@example.org".parse().unwrap();
        assert_eq!((wide.kind(), wide.address()), ("utf-8", "žena@example.org"));
    }
}
