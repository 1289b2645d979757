//! See `wire::sasl::fuzzing::plain_round_trip`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| wire::sasl::fuzzing::plain_round_trip(input));
