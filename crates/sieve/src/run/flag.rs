//! Lists of flags (RFC 5232 §2).

use super::{Fault, Limit};
use crate::ast::FlagChange;
use crate::limits::FLAGS_MAX;

/// The system flags that can be set, as IMAP writes them (RFC 9051 §2.3.2).
const SYSTEM: [&str; 5] = ["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"];
/// Octets of a keyword.
const KEYWORD_MAX_OCTETS: usize = 255;

/// The flags of some texts, each once, in their order. What is no flag is left out.
///
/// # Errors
///
/// More than [`FLAGS_MAX`].
pub(super) fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<String>, Fault> {
    let mut flags = Vec::new();
    for flag in texts.into_iter().flat_map(|text| text.split(' ')) {
        if let Some(flag) = known(flag) {
            add(&mut flags, flag)?;
        }
    }
    Ok(flags)
}

/// Does to a list of flags what an action says (RFC 5232 §3).
pub(super) fn change(
    now: Vec<String>,
    change: FlagChange,
    flags: Vec<String>,
) -> Result<Vec<String>, Fault> {
    let is_in = |list: &[String], flag: &str| list.iter().any(|one| one.eq_ignore_ascii_case(flag));
    match change {
        FlagChange::Set => Ok(flags),
        FlagChange::Add => {
            let mut sum = now;
            for flag in flags {
                add(&mut sum, flag)?;
            }
            Ok(sum)
        }
        FlagChange::Remove => {
            let keep = now.into_iter().filter(|flag| !is_in(&flags, flag));
            Ok(keep.collect())
        }
    }
}

fn add(flags: &mut Vec<String>, flag: String) -> Result<(), Fault> {
    if flags.iter().any(|known| known.eq_ignore_ascii_case(&flag)) {
        return Ok(());
    }
    if flags.len() == FLAGS_MAX {
        return Err(Fault::Limit(Limit::Flags));
    }
    flags.push(flag);
    Ok(())
}

/// A flag as IMAP writes it; `None` for what is none or cannot be set.
fn known(flag: &str) -> Option<String> {
    if flag.starts_with('\\') {
        let system = SYSTEM.iter().find(|name| name.eq_ignore_ascii_case(flag));
        return system.map(|name| (*name).to_owned());
    }
    let atom = |b: u8| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b);
    let keyword = (1..=KEYWORD_MAX_OCTETS).contains(&flag.len()) && flag.bytes().all(atom);
    keyword.then(|| flag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_each_flag_once_and_no_others() {
        for (texts, expected) in [
            (
                vec!["\\seen  \\SEEN ", "\\Flagged"],
                vec!["\\Seen", "\\Flagged"],
            ),
            (vec!["a", "A b", ""], vec!["a", "b"]),
            (
                vec!["\\Recent", "\\Other", "\\", "ä", "a(b", "a\tb", "$Junk"],
                vec!["$Junk"],
            ),
            (vec![" "], vec![]),
        ] {
            assert_eq!(list(texts.iter().copied()).unwrap(), expected, "{texts:?}");
        }
        let many: Vec<String> = (0..=FLAGS_MAX).map(|n| format!("k{n}")).collect();
        assert!(list(many.iter().map(String::as_str)).is_err());
    }

    #[test]
    fn changes_know_no_case() {
        let now = || vec!["A".to_owned(), "b".to_owned()];
        let with = |kind, flags: &[&str]| {
            change(now(), kind, list(flags.iter().copied()).unwrap()).unwrap()
        };
        assert_eq!(with(FlagChange::Add, &["a", "c"]), ["A", "b", "c"]);
        assert_eq!(with(FlagChange::Remove, &["a", "x"]), ["b"]);
        assert_eq!(with(FlagChange::Set, &["c"]), ["c"]);
    }
}
