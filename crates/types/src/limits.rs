//! Limits that more than one crate must agree on; each names its unit and its source.

/// Octets of a local part (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_MAX_OCTETS: usize = 64;
/// Octets of a domain name without the final dot (RFC 5321 §4.5.3.1.2, RFC 1035 §2.3.4).
pub const DOMAIN_MAX_OCTETS: usize = 253;
/// Octets of one label of a domain name (RFC 1035 §2.3.4).
pub const LABEL_MAX_OCTETS: usize = 63;
/// Octets of a whole path between the angle brackets (RFC 5321 §4.5.3.1.3).
pub const PATH_MAX_OCTETS: usize = 254;
/// Octets of an SMTP command line with its CRLF; extensions add parameters (RFC 5321 §4.5.3.1.4).
pub const SMTP_LINE_MAX_OCTETS: usize = 2_048;
/// Octets of a POP3 command line with its CRLF (RFC 2449 §4), with room for a SASL response.
pub const POP3_LINE_MAX_OCTETS: usize = 2_048;
/// Octets of an IMAP command without its literals (RFC 7162 §4 asks for at least 8,192).
pub const IMAP_LINE_MAX_OCTETS: usize = 65_536;
/// Octets of all literals of one IMAP command other than APPEND's message.
pub const IMAP_LITERALS_MAX_OCTETS: usize = 65_536;
/// Octets of a line inside a message, with CRLF (RFC 5321 §4.5.3.1.6 says 1,000; real mail is longer).
pub const MESSAGE_LINE_MAX_OCTETS: usize = 1_048_576;
/// Octets of the header block of a message.
pub const HEADER_BLOCK_MAX_OCTETS: usize = 1_048_576;
/// Octets of a message body that are kept in memory while it arrives; more goes to an unlinked file.
pub const BODY_IN_MEMORY_MAX_OCTETS: usize = 262_144;
/// Octets of a mailbox name in UTF-8, all levels together.
pub const MAILBOX_NAME_MAX_OCTETS: usize = 512;
/// Levels of a mailbox name.
pub const MAILBOX_LEVELS_MAX: usize = 16;
/// Mailboxes of one account.
pub const MAILBOXES_PER_ACCOUNT_MAX: usize = 4_096;
/// Names that one account subscribed to, also those of mailboxes that are gone.
pub const SUBSCRIPTIONS_PER_ACCOUNT_MAX: usize = 8_192;
/// Octets of a keyword (RFC 9051 §2.3.2).
pub const KEYWORD_MAX_OCTETS: usize = 64;
/// Different keywords in one mailbox: bits 8 to 62 of a flag set.
pub const KEYWORDS_PER_MAILBOX_MAX: usize = 55;
/// Steps of alias expansion for one recipient.
pub const EXPANSION_DEPTH_MAX: usize = 8;
/// Final recipients of one expanded alias.
pub const EXPANSION_TARGETS_MAX: usize = 1_000;
/// Nested MIME parts that are looked into (RFC 2046 sets no bound; 10,000-deep mail exists).
pub const MIME_DEPTH_MAX: usize = 32;
/// MIME parts of one message that are described one by one.
pub const MIME_PARTS_MAX: usize = 1_000;
