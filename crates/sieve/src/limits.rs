//! Bounds of scripts and of runs. Over a bound of a run the message is kept and the rule reported.

/// Octets of a script.
pub const SCRIPT_MAX_OCTETS: usize = 49_152;
/// Blocks and tests within each other.
pub const NESTING_MAX: usize = 32;
/// Commands and tests of a script.
pub const NODES_MAX: usize = 4_096;
/// Problems that are told of one script.
pub const PROBLEMS_MAX: usize = 20;
/// Strings of one list.
pub const LIST_MAX: usize = 1_024;
/// Steps of a run: a command, a test, and each comparison of a value with a key is one, and each 64
/// octets that a comparison reads, or 1,024 that `:contains` does.
pub const STEPS_MAX: u64 = 2_000_000;
/// Seconds that `vacation` names at most, 3650 days; a larger number means this (RFC 5230 §4.1).
pub const SECONDS_MAX: u64 = 3_650 * 86_400;
/// Variables of a run (RFC 5229 §6 asks for 128).
pub const VARIABLES_MAX: usize = 256;
/// Wildcards of a match whose values can be used (RFC 5229 §6 asks for 9).
pub const MATCH_VARIABLES_MAX: usize = 32;
/// Octets of the name of a variable (RFC 5229 §6 asks for 32).
pub const VARIABLE_NAME_MAX_OCTETS: usize = 64;
/// Octets of the value of a variable (RFC 5229 §6 asks for 4,000).
pub const VARIABLE_MAX_OCTETS: usize = 8_192;
/// Actions of a run.
pub const ACTIONS_MAX: usize = 64;
/// `redirect` actions of a run.
pub const REDIRECTS_MAX: usize = 4;
/// Scripts included within each other, and all included in a run (RFC 6609 §3.2).
pub const INCLUDE_DEPTH_MAX: usize = 3;
/// Scripts included in a run.
pub const INCLUDES_MAX: usize = 15;
/// Octets of a regular expression.
pub const REGEX_MAX_OCTETS: usize = 1_024;
/// Octets of what a regular expression compiles to.
pub const REGEX_COMPILED_MAX_OCTETS: usize = 131_072;
/// Octets of a string once its variables are in place.
pub const STRING_MAX_OCTETS: usize = 65_536;
/// Flags of a list.
pub const FLAGS_MAX: usize = 128;
/// Header fields added and removed in a run.
pub const HEADER_EDITS_MAX: usize = 1_024;
/// Octets of a text that a reply or a notification carries.
pub const REASON_MAX_OCTETS: usize = 16_384;
/// Tests that an outcome tells of.
pub const DECISIONS_MAX: usize = 32;
/// Remarks of an outcome.
pub const NOTES_MAX: usize = 16;
/// Seconds in which a sender is answered once, where the script says nothing (RFC 5230 §4.1).
pub const VACATION_SECONDS: u64 = 7 * 86_400;
/// The longest time in which a sender is answered once.
pub const VACATION_SECONDS_MAX: u64 = 365 * 86_400;
/// Seconds for which `duplicate` remembers, where the script says nothing (RFC 7352 §3.3).
pub const DUPLICATE_SECONDS: u64 = 7 * 86_400;
/// The longest time for which `duplicate` remembers.
pub const DUPLICATE_SECONDS_MAX: u64 = 90 * 86_400;
/// Octets of the decoded body that a `body` test reads.
pub const BODY_MAX_OCTETS: usize = 1_048_576;
