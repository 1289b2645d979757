//! SQL text stands in `store` only, where one person can read all of it.

use crate::rust_text::{self, Kind};
use crate::tree::{File, Finding};

/// Where SQL belongs.
const INSIDE: &str = "crates/store/";

/// Only the product is fenced; the chores hold samples of what they refuse.
const PRODUCT: &str = "crates/";

/// Where tests play somebody who has the database file in their hands.
const INTRUDERS: [&str; 2] = ["crates/service/tests/", "crates/service/src/scene.rs"];

/// A statement: how it begins, and a word that must follow. IMAP has commands named `SELECT` and
/// `DELETE`, so the first word alone proves nothing.
const STATEMENTS: [(&str, &str); 6] = [
    ("SELECT ", " FROM "),
    ("INSERT ", "INTO "),
    ("UPDATE ", " SET "),
    ("DELETE ", "FROM "),
    ("CREATE TABLE ", ""),
    ("PRAGMA ", ""),
];

/// Finds SQL statements in the literals of a Rust file outside `store`.
pub(crate) fn check(file: &File) -> Vec<Finding> {
    let starts_with = |place: &str| file.path.starts_with(place);
    if !starts_with(PRODUCT) || starts_with(INSIDE) || INTRUDERS.into_iter().any(starts_with) {
        return Vec::new();
    }
    rust_text::tokens(&file.text)
        .iter()
        .filter(|token| token.kind == Kind::Literal && is_statement(token.text))
        .map(|token| {
            Finding::new(
                &file.path,
                token.line,
                "SQL outside `store`: add a function there",
            )
        })
        .collect()
}

fn is_statement(literal: &str) -> bool {
    let text = literal
        .trim_start_matches(|c: char| c == '"' || c == '#' || c == 'r' || c.is_whitespace())
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    STATEMENTS.iter().any(|(begin, then)| {
        text.strip_prefix(begin)
            .is_some_and(|rest| format!(" {rest}").contains(then))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, literal: &str) -> usize {
        let text = format!("fn f() {{ g({literal}); }}");
        check(&File {
            path: path.to_owned(),
            text,
        })
        .len()
    }

    #[test]
    fn statements_are_found_outside_store() {
        for literal in [
            "\"SELECT uid FROM mailbox_email\"",
            "r#\"\n  UPDATE account_state\n SET modseq = 1\"#",
            "\"INSERT INTO blob VALUES (1)\"",
            "\"DELETE FROM fate\"",
            "\"PRAGMA journal_mode\"",
        ] {
            assert_eq!(findings("crates/service/src/a.rs", literal), 1, "{literal}");
            assert_eq!(findings("crates/smtp/tests/a.rs", literal), 1, "{literal}");
            for inside in ["crates/store/src/a.rs", "crates/service/tests/a.rs"] {
                assert_eq!(findings(inside, literal), 0, "{inside}: {literal}");
            }
        }
    }

    #[test]
    fn imap_commands_are_not_sql() {
        for literal in [
            "\"SELECT INBOX\"",
            "\"DELETE Trash\"",
            "\"a1 SELECT INBOX\"",
            "\"UPDATE\"",
        ] {
            assert_eq!(findings("crates/imap/src/a.rs", literal), 0, "{literal}");
        }
    }
}
