//! What a script sees of the message and of the world. The caller implements both; this crate
//! reads no octets of mail and knows no clock.

use std::borrow::Cow;

/// A message as scripts see it.
pub trait Message {
    /// Octets of the whole message (RFC 5228 §5.9).
    fn size(&self) -> u64;
    /// The parts, depth first; the first is the message itself, and there always is one.
    fn parts(&self) -> &[Part];
    /// The text of a part: transfer encoding and character set undone, HTML as it is (RFC 5173 §5.2).
    /// Empty for what holds other parts.
    fn text(&self, part: usize) -> Cow<'_, str>;
    /// The words of a part that a person reads, markup left out (RFC 5173 §5.3).
    fn words(&self, part: usize) -> Cow<'_, str>;
    /// The body of the message as it came (RFC 5173 §5.1).
    fn raw_body(&self) -> Cow<'_, [u8]>;
}

/// A part of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The part that it lies in; `None` for the message itself.
    pub parent: Option<usize>,
    /// Its media type in small letters, as `text/plain`.
    pub content_type: String,
    /// The header fields, in their order.
    pub fields: Vec<Field>,
}

/// A header field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name, as written.
    pub name: String,
    /// Its value, unfolded, without spaces around it, encoded words as they are (RFC 2047).
    pub raw: String,
    /// The same with encoded words decoded (RFC 5228 §2.7.2).
    pub decoded: String,
}

/// What a script can ask beside the message. Nothing here changes anything.
pub trait World {
    /// The moment of the run: seconds since 1970-01-01 00:00:00 UTC.
    fn now(&self) -> i64;
    /// Minutes east of UTC of the zone of the server at a moment.
    fn local_offset(&self, at: i64) -> i32;
    /// The envelope: `from`, `to`, `auth` (RFC 5228 §5.4). The null path is an empty text; what is not
    /// known is `None`.
    fn envelope(&self, part: &str) -> Option<String>;
    /// An item of the environment (RFC 5183 §4), in small letters; `None` if it is not known.
    fn environment(&self, name: &str) -> Option<String>;
    /// Whether a folder exists and may be filed into (RFC 5490 §3.1).
    fn mailbox_exists(&self, name: &str) -> bool;
    /// The folder with a special use, such as `\Junk` (RFC 8579).
    fn special_use(&self, attribute: &str) -> Option<String>;
    /// How much the message looks like spam, 0 to 100; `None` if nobody looked (RFC 5235 §2).
    fn spam_percent(&self) -> Option<u8>;
    /// The verdict on viruses, 1 to 5; `None` if nobody looked (RFC 5235 §3).
    fn virus_level(&self) -> Option<u8>;
    /// Whether a message with this mark was met within `seconds` (RFC 7352). That this one was met is
    /// an [`crate::Action::Remember`] of the outcome.
    fn is_duplicate(&self, handle: &str, id: &str, seconds: u64) -> bool;
    /// A script of the same owner, for `include` (RFC 6609 §3.2).
    fn script(&self, name: &str) -> Option<&crate::Script>;
}
