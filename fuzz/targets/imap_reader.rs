//! See `wire::imap::fuzzing::reader_any_cut`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| wire::imap::fuzzing::reader_any_cut(input));
