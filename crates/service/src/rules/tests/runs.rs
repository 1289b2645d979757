//! Rules that are run over mail that is here: what is done, what is left, and what the record says.

use super::*;
use crate::rules::look_back;

#[test]
fn a_return_path_that_is_no_address_is_not_taken() {
    let long = "x".repeat(100_000);
    for (value, found) in [
        ("<ann@example.org>", "ann@example.org"),
        ("<>", ""),
        ("not an address", ""),
        (long.as_str(), ""),
    ] {
        let head = format!("Return-Path: {value}\r\n\r\n");
        assert_eq!(look_back::return_path(head.as_bytes()), found);
    }
}
