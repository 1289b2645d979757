//! The Sealpost binary.
fn main() {}
