//! See `wire::managesieve::fuzzing::command_round_trip`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| wire::managesieve::fuzzing::command_round_trip(input));
