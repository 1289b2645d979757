//! Limits of the IMAP grammar; those shared with other crates are in [`types::limits`].

/// Octets of a tag. Clients use fewer than ten.
pub const TAG_MAX_OCTETS: usize = 64;
/// Octets of a command outside its literals before sign-in.
pub const LINE_BEFORE_LOGIN_MAX_OCTETS: usize = 8_192;
/// Octets of all literals of one command before sign-in: a user name and a password.
pub const LITERALS_BEFORE_LOGIN_MAX_OCTETS: usize = 4_096;
/// Literals of one command before sign-in.
pub const LITERALS_BEFORE_LOGIN_MAX: usize = 2;
/// Literals of one command after sign-in.
pub const LITERALS_MAX: usize = 64;
/// Octets that are thrown away behind a line that is too long, before the connection ends.
pub const SKIPPED_MAX_OCTETS: usize = 1_048_576;
/// Numbers and ranges of one sequence set.
pub const SEQUENCE_RANGES_MAX: usize = 16_384;
/// Levels of parentheses, `NOT` and `OR` in a search.
pub const SEARCH_DEPTH_MAX: usize = 32;
/// Keys of one search.
pub const SEARCH_KEYS_MAX: usize = 512;
/// Data items of one FETCH.
pub const FETCH_ITEMS_MAX: usize = 64;
/// Header field names of one FETCH item.
pub const HEADER_FIELDS_MAX: usize = 256;
/// Octets of a header field name.
pub const FIELD_NAME_MAX_OCTETS: usize = 256;
/// Flags named in one command.
pub const FLAGS_MAX: usize = 64;
/// Capabilities named in one ENABLE.
pub const ENABLE_MAX: usize = 32;
/// Fields of one ID (RFC 2971 §3.3).
pub const ID_FIELDS_MAX: usize = 30;
/// Octets of an ID field name (RFC 2971 §3.3).
pub const ID_NAME_MAX_OCTETS: usize = 30;
/// Octets of an ID value (RFC 2971 §3.3).
pub const ID_VALUE_MAX_OCTETS: usize = 1_024;
/// Octets of a LIST reference and pattern together, in UTF-8.
pub const LIST_PATTERN_MAX_OCTETS: usize = 512;
/// Patterns of one LIST.
pub const LIST_PATTERNS_MAX: usize = 32;
/// Octets of the patterns of one LIST together, each with its reference.
pub const LIST_PATTERNS_MAX_OCTETS: usize = 1_024;
/// Options of either kind of one LIST.
pub const LIST_OPTIONS_MAX: usize = 16;
/// Special uses named in one CREATE.
pub const CREATE_USES_MAX: usize = 8;
/// Resources named in one SETQUOTA.
pub const QUOTA_RESOURCES_MAX: usize = 16;
/// Octets of an object identifier (RFC 8474 §7).
pub const OBJECT_ID_MAX_OCTETS: usize = 255;
/// Octets of a user name.
pub const USER_NAME_MAX_OCTETS: usize = 512;
