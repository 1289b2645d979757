//! Reads every citation of an RFC in comments and pages, and checks it against the index.
//!
//! A citation is `RFC 9051` or `RFC 9051 §6.3.4`; the index is `docs/rfc/index.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::rust_text::{self, Kind};
use crate::tree::{File, Finding};

/// The list of the RFCs that we follow, from the root of the workspace.
const INDEX: &str = "docs/rfc/index.toml";

/// States that an RFC in the index may have; all but the first are still open.
const STATES: [&str; 4] = ["done", "partial", "planned", "background"];

/// Names that IMAP and MIME gave to a message; no citations.
const NOT_CITATIONS: [&str; 2] = ["RFC822", "RFC2822"];

/// Title and state of one RFC in the index.
#[derive(Debug)]
struct Listed {
    title: String,
    state: String,
    citations: usize,
}

/// Checks all citations, then prints how often each RFC is cited and what is still open.
pub(crate) fn run(root: &Path, files: &[File]) -> anyhow::Result<()> {
    let text = fs::read_to_string(root.join(INDEX)).with_context(|| format!("reading {INDEX}"))?;
    let mut index = read_index(&text)?;
    let findings: Vec<String> = files
        .iter()
        .flat_map(|file| check(file, &mut index))
        .map(|f| f.to_string())
        .collect();
    if !findings.is_empty() {
        bail!("{}", findings.join("\n"));
    }
    for (number, listed) in &index {
        let Listed {
            title,
            state,
            citations,
        } = listed;
        println!("RFC {number:<5} {state:<10} {citations:>4} citations  {title}");
    }
    let open = index
        .values()
        .filter(|rfc| rfc.state == "partial" || rfc.state == "planned");
    println!("{} RFCs, {} not complete", index.len(), open.count());
    Ok(())
}

fn read_index(text: &str) -> anyhow::Result<BTreeMap<u32, Listed>> {
    let table: toml::Table = text.parse().context(INDEX)?;
    let mut index = BTreeMap::new();
    for (key, value) in &table {
        let number: u32 = key
            .parse()
            .with_context(|| format!("{INDEX}: {key} is no number"))?;
        let word = |name: &str| {
            value
                .get(name)
                .and_then(toml::Value::as_str)
                .map(str::to_owned)
        };
        let title = word("title").with_context(|| format!("{INDEX}: {key} has no title"))?;
        let state = word("state").filter(|state| STATES.contains(&state.as_str()));
        let state = state.with_context(|| format!("{INDEX}: {key}: state is one of {STATES:?}"))?;
        index.insert(
            number,
            Listed {
                title,
                state,
                citations: 0,
            },
        );
    }
    Ok(index)
}

/// Checks the citations of one file and counts them in the index.
fn check(file: &File, index: &mut BTreeMap<u32, Listed>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let pieces: Vec<(usize, &str)> = if file.is_rust() {
        let tokens = rust_text::tokens(&file.text);
        tokens
            .iter()
            .filter(|t| t.kind == Kind::Comment)
            .map(|t| (t.line, t.text))
            .collect()
    } else if file.path.ends_with(".md") || file.path.ends_with(".sql") {
        vec![(1, file.text.as_str())]
    } else {
        Vec::new()
    };
    for (first_line, text) in pieces {
        for (at, line) in text.lines().enumerate() {
            for reason in check_line(line, index) {
                findings.push(Finding::new(&file.path, first_line + at, reason));
            }
        }
    }
    findings
}

fn check_line(line: &str, index: &mut BTreeMap<u32, Listed>) -> Vec<String> {
    let mut reasons = Vec::new();
    for (at, _) in line.match_indices("RFC") {
        if line[..at]
            .chars()
            .next_back()
            .is_some_and(char::is_alphanumeric)
        {
            continue;
        }
        match citation(&line[at..]) {
            Ok(None) => {}
            Ok(Some(number)) => match index.get_mut(&number) {
                Some(listed) => listed.citations += 1,
                None => reasons.push(format!("RFC {number} is not listed in {INDEX}")),
            },
            Err(reason) => reasons.push(reason),
        }
    }
    reasons
}

/// The number cited by text that begins with `RFC`; `None` when the word cites nothing.
fn citation(text: &str) -> Result<Option<u32>, String> {
    let malformed = || {
        let shown: String = text.chars().take(20).collect();
        Err(format!(
            "write `RFC 9051` or `RFC 9051 §6.3.4`, not `{shown}`"
        ))
    };
    let word = text
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    if NOT_CITATIONS.contains(&word) || (word != "RFC" && !word[3..].starts_with(digit)) {
        return Ok(None);
    }
    let Some(after) = text.strip_prefix("RFC ") else {
        let joined = text[3..]
            .trim_start_matches(['-', '_', '.'])
            .starts_with(digit);
        return if joined { malformed() } else { Ok(None) };
    };
    let digits = after.find(|c: char| !digit(c)).unwrap_or(after.len());
    let Ok(number) = after[..digits].parse::<u32>() else {
        return Ok(None);
    };
    let tail = after[digits..].trim_start_matches([',', ' ']);
    if let Some(section) = tail.strip_prefix('§') {
        if !is_section(section) || !after[digits..].starts_with(" §") {
            return malformed();
        }
    } else if ["section", "Section", "sec."]
        .iter()
        .any(|word| tail.starts_with(word))
    {
        return malformed();
    }
    Ok(Some(number))
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// Whether text begins with `4`, `4.1.2`, `A` or `A.1`.
fn is_section(text: &str) -> bool {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .unwrap_or(text.len());
    let mut parts = text[..end].trim_end_matches('.').split('.');
    let first = parts.next().unwrap_or_default();
    let number = |part: &str| !part.is_empty() && part.chars().all(digit);
    let appendix = first.len() == 1 && first.starts_with(|c: char| c.is_ascii_uppercase());
    (number(first) || appendix) && parts.all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(line: &str) -> Vec<String> {
        let mut index =
            read_index("9051 = { title = \"IMAP4rev2\", state = \"partial\" }").unwrap();
        let file = File {
            path: "a.rs".to_owned(),
            text: format!("//! A.\n// {line}\n"),
        };
        check(&file, &mut index)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn good_citations_and_other_words_pass() {
        for line in [
            "RFC 9051",
            "(RFC 9051 §6.3.4, §7.5.1).",
            "RFC 9051 §A.1",
            "the RFCs; an RFC; RFC822.SIZE; message/rfc822; RFC words",
        ] {
            assert_eq!(findings(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn malformed_and_unknown_citations_are_found() {
        for line in [
            "RFC9051",
            "RFC-9051",
            "RFC 9051 section 6",
            "RFC 9051, §6",
            "RFC 9051§6",
            "RFC 9051 §six",
            "RFC 9051 §6..1",
            "RFC 9051 § 6",
        ] {
            let found = findings(line);
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(
                found[0].starts_with("a.rs:2: write `RFC 9051`"),
                "{found:?}"
            );
        }
        assert_eq!(
            findings("RFC 1"),
            ["a.rs:2: RFC 1 is not listed in docs/rfc/index.toml"]
        );
    }

    #[test]
    fn an_index_with_a_strange_state_is_refused() {
        assert!(read_index("9051 = { title = \"IMAP\", state = \"maybe\" }").is_err());
        assert!(read_index("x = { title = \"IMAP\", state = \"done\" }").is_err());
    }
}
