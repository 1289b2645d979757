//! Rules about length: a file fits one reading, a function fits one screen.

use crate::rust_text;
use crate::tree::{File, Finding};

/// Longest Rust file, in lines.
const FILE_MAX_LINES: usize = 800;

/// Longest function, in lines from `fn` to its closing brace.
const FUNCTION_MAX_LINES: usize = 60;

/// Begins the comment above a function that has a reason to be longer.
const EXCEPTION: &str = "// long: ";

/// Checks the length of one Rust file and of its functions.
pub(crate) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines: Vec<&str> = file.text.lines().collect();
    if lines.len() > FILE_MAX_LINES {
        let message = format!("{} lines; split it (limit {FILE_MAX_LINES})", lines.len());
        findings.push(Finding::new(&file.path, lines.len(), message));
    }
    for function in rust_text::functions(&rust_text::tokens(&file.text)) {
        let length = function.last_line - function.first_line + 1;
        if length > FUNCTION_MAX_LINES && !is_excepted(&lines[..function.first_line - 1]) {
            let message = format!(
                "fn {} has {length} lines (limit {FUNCTION_MAX_LINES}); split it, \
                 or give the reason above it as `{EXCEPTION}…`",
                function.name
            );
            findings.push(Finding::new(&file.path, function.first_line, message));
        }
    }
    findings
}

/// Whether the comments and attributes that end `above` contain an exception with a reason.
fn is_excepted(above: &[&str]) -> bool {
    above
        .iter()
        .rev()
        .map(|line| line.trim_start())
        .take_while(|line| line.starts_with("//") || line.starts_with("#["))
        .any(|line| {
            line.strip_prefix(EXCEPTION)
                .is_some_and(|reason| !reason.trim().is_empty())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: String) -> Vec<Finding> {
        check(&File {
            path: "a.rs".to_owned(),
            text,
        })
    }

    fn function_of(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        assert_eq!(found("//\n".repeat(FILE_MAX_LINES)), []);
        assert_eq!(found(function_of(FUNCTION_MAX_LINES)), []);
    }

    #[test]
    fn one_line_more_is_refused() {
        assert_eq!(found("//\n".repeat(FILE_MAX_LINES + 1))[0].line, 801);
        let findings = found(format!("//! A.\n{}", function_of(FUNCTION_MAX_LINES + 1)));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, 2);
        assert!(findings[0].message.contains("fn f has 61 lines"));
    }

    #[test]
    fn an_exception_needs_a_reason_directly_above() {
        let long = function_of(FUNCTION_MAX_LINES + 1);
        assert_eq!(found(format!("// long: one table\n#[test]\n{long}")), []);
        assert_eq!(found(format!("// long:  \n{long}")).len(), 1);
        assert_eq!(found(format!("// long: one table\n\n{long}")).len(), 1);
    }
}
