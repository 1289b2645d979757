//! See `sieve::fuzzing::parse_round_trip`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| sieve::fuzzing::parse_round_trip(input));
