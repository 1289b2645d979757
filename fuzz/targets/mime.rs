//! See `service::mime::fuzzing::every_section`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| service::mime::fuzzing::every_section(input));
