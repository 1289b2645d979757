//! Rules about the words and spaces in every file.

use crate::rust_text::{self, Kind, Token};
use crate::tree::{File, Finding};

/// Beginnings of paths that exist on one person's machine only.
const PRIVATE_FOLDERS: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
];

/// Notes to oneself that must become an issue or an act before the change is offered.
const NOTES: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Macros that stand for work not done.
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Checks one file against every rule of this page.
pub(crate) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        check_line(file, at + 1, line, &mut findings);
    }
    if file.is_rust() {
        check_opening(file, &mut findings);
        check_leftovers(file, &mut findings);
    }
    findings
}

fn check_line(file: &File, number: usize, line: &str, findings: &mut Vec<Finding>) {
    if line.ends_with([' ', '\t', '\r']) {
        findings.push(Finding::new(
            &file.path,
            number,
            "white space at the end of the line",
        ));
    }
    for folder in PRIVATE_FOLDERS {
        if names_folder(line, folder) {
            let message = format!("a path below {folder} exists on one machine only");
            findings.push(Finding::new(&file.path, number, message));
        }
    }
}

/// Whether `folder` begins a path in `line`, not a middle part of a longer one.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}'))
    })
}

fn check_opening(file: &File, findings: &mut Vec<Finding>) {
    if !file.text.starts_with("//! ") {
        let message = "begin with `//! `: what the file does and what always holds";
        findings.push(Finding::new(&file.path, 1, message));
    }
}

fn check_leftovers(file: &File, findings: &mut Vec<Finding>) {
    let tokens = rust_text::tokens(&file.text);
    for (at, token) in tokens.iter().enumerate() {
        if let Some(what) = leftover(*token, tokens.get(at + 1..).unwrap_or_default()) {
            let message = format!("{what}: finish it, or open an issue");
            findings.push(Finding::new(&file.path, token.line, message));
        }
    }
}

fn leftover(token: Token<'_>, after: &[Token<'_>]) -> Option<String> {
    let next = |at: usize, text: &str| after.get(at).is_some_and(|token| token.text == text);
    match token.kind {
        Kind::Comment => {
            let mut words = token.text.split(|c: char| !c.is_alphanumeric());
            words
                .find(|word| NOTES.contains(word))
                .map(|word| format!("{word} in a comment"))
        }
        Kind::Word if UNFINISHED.contains(&token.text) && next(0, "!") => {
            Some(format!("{}!", token.text))
        }
        Kind::Sign if token.text == "#" && next(0, "[") && next(1, "ignore") => {
            Some("#[ignore]".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&File {
            path: path.to_owned(),
            text: text.to_owned(),
        })
        .iter()
        .map(ToString::to_string)
        .collect()
    }

    #[test]
    fn a_clean_file_gives_no_finding() {
        let text =
            "//! Words.\n\n/// Says \"todo!()\" to a TodoList.\nfn f() { let x = \"// TODO\"; }\n";
        assert_eq!(messages("a.rs", text), Vec::<String>::new());
    }

    #[test]
    fn every_bad_sample_is_found_at_its_line() {
        let private = PRIVATE_FOLDERS[0];
        let samples = [
            (
                "a.md",
                "fine\nnot fine \n".to_owned(),
                "a.md:2: white space",
            ),
            ("a.md", "one\r\n".to_owned(), ""),
            ("a.sh", "x\r\r\n".to_owned(), "a.sh:1: white space"),
            (
                "a.toml",
                format!("path = \"{private}ann\"\n"),
                "a.toml:1: a path below",
            ),
            ("a.rs", "fn f() {}\n".to_owned(), "a.rs:1: begin with"),
            (
                "a.rs",
                "//! A.\n// FIXME later\n".to_owned(),
                "a.rs:2: FIXME in a comment",
            ),
            (
                "a.rs",
                "//! A.\nfn f() {\n todo!()\n}\n".to_owned(),
                "a.rs:3: todo!",
            ),
            (
                "a.rs",
                "//! A.\nfn f() { dbg!(1); }\n".to_owned(),
                "a.rs:2: dbg!",
            ),
            (
                "a.rs",
                "//! A.\n#[ignore = \"slow\"]\nfn f() {}\n".to_owned(),
                "a.rs:2: #[ignore]",
            ),
        ];
        for (path, text, expected) in samples {
            let found = messages(path, &text);
            if expected.is_empty() {
                assert_eq!(found, Vec::<String>::new(), "{text:?}");
            } else {
                assert_eq!(found.len(), 1, "{text:?}: {found:?}");
                assert!(found[0].starts_with(expected), "{found:?}");
            }
        }
    }

    #[test]
    fn a_folder_inside_a_longer_path_is_not_private() {
        let folder = PRIVATE_FOLDERS[2];
        assert_eq!(
            messages("a.md", &format!("https://example.org{folder}x\n")),
            Vec::<String>::new()
        );
    }
}
