//! Some fields of a header block (RFC 9051 §6.4.5.1, `HEADER.FIELDS`).

use crate::header::fields;

/// Which fields a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Only those named.
    Named,
    /// All but those named.
    NotNamed,
}

/// The wanted fields as they lie, and the blank line behind them.
pub fn header_subset(head: &[u8], names: &[&str], wanted: Wanted) -> Vec<u8> {
    let mut subset = Vec::new();
    for field in fields(head) {
        let named = names.iter().any(|name| field.is(name));
        if named == (wanted == Wanted::Named) {
            subset.extend_from_slice(&head[field.range]);
        }
    }
    subset.extend_from_slice(b"\r\n");
    subset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_taken_as_they_lie() {
        let head = b"A: 1\r\nb : 2\r\n\t3\r\nC: 4\r\na: 5\r\n\r\n";
        let named = header_subset(head, &["B", "a"], Wanted::Named);
        assert_eq!(named, b"A: 1\r\nb : 2\r\n\t3\r\na: 5\r\n\r\n");
        let others = header_subset(head, &["B", "a"], Wanted::NotNamed);
        assert_eq!(others, b"C: 4\r\n\r\n");
        assert_eq!(header_subset(head, &["x"], Wanted::Named), b"\r\n");
    }
}
