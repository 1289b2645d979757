//! See `wire::imap::fuzzing::list_matcher`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| wire::imap::fuzzing::list_matcher(input));
