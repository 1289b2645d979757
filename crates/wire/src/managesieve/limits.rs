//! How much a client may send (RFC 5804 §1.6, §4).

/// Octets of a command without its literals, with line ends: a name takes 512, a SASL response a
/// little more than 1,024, and quoting can double both.
pub const LINE_MAX_OCTETS: usize = 8_192;
/// Octets of all that a stranger may say in one command.
pub const BEFORE_SIGN_IN_MAX_OCTETS: usize = 4_096;
/// Octets of the literals of one command besides a script: names.
pub const NAMES_MAX_OCTETS: usize = 2_048;
/// Literals of one command; none of ours takes more than two strings.
pub const LITERALS_MAX: usize = 2;
/// Octets of a literal that is too large and that is thrown away, so that the client hears why it
/// was refused; more ends the connection.
pub const SKIPPED_MAX_OCTETS: u64 = 4_194_304;
/// Characters of the name of a script (RFC 5804 §1.6).
pub const SCRIPT_NAME_MAX_CHARS: usize = 128;
/// Octets of a quoted string (RFC 5804 §4).
pub const QUOTED_MAX_OCTETS: usize = 1_024;
