//! See `ledger::fuzzing::bundle_reading`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| ledger::fuzzing::bundle_reading(input));
