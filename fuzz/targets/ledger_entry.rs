//! See `ledger::fuzzing::entry_round_trip`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| ledger::fuzzing::entry_round_trip(input));
