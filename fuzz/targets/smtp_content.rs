//! See `wire::smtp::fuzzing::content_any_cut`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| wire::smtp::fuzzing::content_any_cut(input));
