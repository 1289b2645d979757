//! See `sieve::fuzzing::run_twice`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| sieve::fuzzing::run_twice(input));
