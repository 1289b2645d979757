//! Text for a screen of 80 columns: broken between words, times as people read them, commands that
//! can be pasted.

use std::io::{self, Write};

pub(super) use crate::output::broken;
use crate::output::visible;

/// Columns of a screen that everybody has.
pub(super) const COLUMNS: usize = 80;

/// Prints a text behind a label; its further lines stand below the first.
pub(super) fn labelled(
    out: &mut dyn Write,
    label: &str,
    text: &str,
    indent: usize,
) -> io::Result<()> {
    let mut label = label;
    for line in broken(&visible(text), COLUMNS - indent) {
        writeln!(out, "{label:indent$}{line}")?;
        label = "";
    }
    Ok(())
}

/// `2026-11-23T22:14:03.123456Z` as `2026-11-23 22:14:03`, which is UTC.
pub(super) fn moment(rfc3339: &str) -> String {
    let seconds = rfc3339.split(['.', 'Z']).next().unwrap_or_default();
    seconds.replacen('T', " ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_only() {
        for (text, lines) in [
            ("", &[][..]),
            ("one two three", &["one two", "three"]),
            ("one  two\nthree four", &["one two", "three", "four"]),
            ("longer-than-all is whole", &["longer-than-all", "is whole"]),
            ("äöü äöü äöü", &["äöü äöü", "äöü"]),
        ] {
            assert_eq!(broken(text, 8), lines, "{text}");
        }
    }

    #[test]
    fn text_stands_beside_its_label_and_steers_nothing() {
        let mut out = Vec::new();
        let long = format!("a\u{1b}[2J {}", "word ".repeat(20));
        labelled(&mut out, "WHO", &long, 8).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("WHO     a\\u{1b}[2J word"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS));
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.starts_with("        word"))
        );
        assert_eq!(moment("2026-11-23T22:14:03.123456Z"), "2026-11-23 22:14:03");
    }
}
