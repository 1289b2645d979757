//! See `wire::imap::fuzzing::utf7_round_trip`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| wire::imap::fuzzing::utf7_round_trip(input));
