//! Limits of this door.

use std::time::Duration;

/// How long a stranger may take to sign in.
pub(crate) const BEFORE_LOGIN: Duration = Duration::from_secs(180);
/// How long a user may be silent (RFC 9051 §5.4 asks for at least 30 minutes), also while idling.
pub(crate) const AUTOLOGOUT: Duration = Duration::from_secs(1_800);
/// Commands in a row that are not understood or not allowed, before the connection ends.
pub(crate) const BAD_COMMANDS_MAX: u32 = 20;
/// The same before sign-in.
pub(crate) const BAD_COMMANDS_BEFORE_LOGIN_MAX: u32 = 5;
/// Commands before sign-in.
pub(crate) const COMMANDS_BEFORE_LOGIN_MAX: u32 = 100;
/// Failed sign-ins on one connection.
pub(crate) const SIGN_INS_FAILED_MAX: u32 = 5;
/// Octets of a line that is no command: a SASL response, `DONE`.
pub(crate) const LINE_MAX_OCTETS: usize = 2_048;
/// Octets of what stands between two messages of an APPEND: 64 flags and a date.
pub(crate) const APPEND_LINE_MAX_OCTETS: usize = 8_192;
/// Octets of responses that are gathered before they are handed to the connection.
pub(crate) const RESPONSES_MAX_OCTETS: usize = 32_768;
/// Octets of a message that are read and sent at once.
pub(crate) const CHUNK_OCTETS: u64 = 262_144;
/// Messages that are described, changed or searched with one question to the service.
pub(crate) const BATCH_MESSAGES: usize = 256;
/// Ranges of UIDs in one VANISHED response; what is gone besides comes in another one.
pub(crate) const VANISHED_RANGES_MAX: usize = 1_000;
/// Keys of one search that look into texts or headers.
pub(crate) const TEXT_KEYS_MAX: u32 = 32;
/// Messages that are held in memory at a time to be looked into, for all sessions together.
pub(crate) const PARSING_MAX: usize = 4;
/// Messages of one APPEND, held until the last has come.
pub(crate) const APPEND_MESSAGES_MAX: usize = 1_000;
/// Octets of the messages of one APPEND together; a single message is bounded by the setting.
pub(crate) const APPEND_OCTETS_MAX: u64 = 67_108_864;
/// Octets of a refused message that are read and thrown away, so that the connection can go on.
pub(crate) const DISCARD_MAX_OCTETS: u64 = 67_108_864;
