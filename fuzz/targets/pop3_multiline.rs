//! See `wire::pop3::fuzzing::multiline_round_trip`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| wire::pop3::fuzzing::multiline_round_trip(input));
