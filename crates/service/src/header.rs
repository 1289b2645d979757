//! Header fields of a message as they lie: octet ranges, names and raw values (RFC 5322 §2.2).
//!
//! Nothing is decoded here. What is not a header field (a line without a colon before the first
//! blank line) belongs to no field and is passed over.

use std::ops::Range;

/// One header field with its folded lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// The octets of the field in its header block, its line end included.
    pub range: Range<usize>,
    /// The name before the colon, without trailing white space.
    pub name: &'a [u8],
    /// All behind the colon, still folded, without the last line end.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether the field has this name; case does not matter.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The fields of a header block in their order; ends at the first blank line.
pub(crate) fn fields(head: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at;
            at = line_end(head, start)?;
            if is_blank(&head[start..at]) {
                at = head.len();
                return None;
            }
            while at < head.len() && matches!(head[at], b' ' | b'\t') {
                at = line_end(head, at)?;
            }
            let lines = &head[start..at];
            let Some(colon) = lines.iter().position(|octet| *octet == b':') else {
                continue;
            };
            let name = lines[..colon].trim_ascii_end();
            if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) {
                let value = without_line_end(&lines[colon + 1..]);
                return Some(Field {
                    range: start..at,
                    name,
                    value,
                });
            }
        }
    })
}

fn line_end(head: &[u8], start: usize) -> Option<usize> {
    let rest = head.get(start..).filter(|rest| !rest.is_empty())?;
    Some(
        rest.iter()
            .position(|octet| *octet == b'\n')
            .map_or(head.len(), |lf| start + lf + 1),
    )
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\r\n" | b"\n")
}

fn without_line_end(lines: &[u8]) -> &[u8] {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    lines.strip_suffix(b"\r").unwrap_or(lines)
}

/// The value of a field as one line: line ends removed (RFC 5322 §2.2.3), ends trimmed.
pub(crate) fn unfolded(value: &[u8]) -> Vec<u8> {
    let joined: Vec<u8> = value
        .iter()
        .copied()
        .filter(|c| !matches!(c, b'\r' | b'\n'))
        .collect();
    joined.trim_ascii().to_vec()
}

/// Where the header block ends in `octets`: behind the first blank line, if one has come.
///
/// `seen` octets were searched before; only the last three of them are looked at again.
pub(crate) fn head_end(octets: &[u8], seen: usize) -> Option<usize> {
    if octets.starts_with(b"\r\n") {
        return Some(2);
    }
    if octets.starts_with(b"\n") {
        return Some(1);
    }
    let from = seen.saturating_sub(3);
    (from..octets.len()).find_map(|at| match &octets[at..] {
        [b'\n', b'\r', b'\n', ..] => Some(at + 3),
        [b'\n', b'\n', ..] => Some(at + 2),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_ranges() {
        let head = b"From: a@example.org\r\nnot a field\r\nSubject : x\r\n\ty\r\n: none\r\n\r\nBody: no\r\n";
        let found: Vec<_> = fields(head).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].is("from"));
        assert_eq!(found[0].value, b" a@example.org");
        assert!(found[1].is("SUBJECT"));
        assert_eq!(unfolded(found[1].value), b"x\ty");
        assert_eq!(&head[found[1].range.clone()], b"Subject : x\r\n\ty\r\n");
    }

    #[test]
    fn the_head_ends_at_the_first_blank_line_however_it_arrives() {
        let text = b"A: b\r\nC: d\r\n\r\nbody\r\n\r\n";
        for cut in 0..text.len() {
            let first = head_end(&text[..cut], 0);
            let whole = first.or_else(|| head_end(text, cut));
            assert_eq!(whole, Some(14), "cut at {cut}");
        }
        assert_eq!(head_end(b"A: b\n\nbody", 0), Some(6));
        assert_eq!(head_end(b"\r\nbody", 0), Some(2));
        assert_eq!(head_end(b"A: b\r\n", 0), None);
    }
}
