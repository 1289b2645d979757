//! Comparisons that hold for practically every value: what looks like a condition and is none.

use crate::ast::{MatchKind, Relation};

/// Fields that practically every message has.
const USUAL_FIELDS: [&str; 10] = [
    "content-type",
    "date",
    "delivered-to",
    "from",
    "message-id",
    "mime-version",
    "received",
    "return-path",
    "subject",
    "to",
];
/// Fields of which practically every one has an address in it.
const ADDRESS_FIELDS: [&str; 5] = ["delivered-to", "from", "message-id", "return-path", "to"];

/// Whether practically every message has a field of this name.
pub(super) fn is_usual(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    USUAL_FIELDS.contains(&field.as_str())
}

/// Whether such a field holds an address.
pub(super) fn has_address(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    ADDRESS_FIELDS.contains(&field.as_str())
}

/// Whether practically every value that is there compares so with the key; `address` says that the
/// values are addresses.
pub(super) fn is_catch_all(kind: MatchKind, key: &str, address: bool) -> bool {
    match kind {
        MatchKind::Is => false,
        MatchKind::Contains => is_everywhere(key, address),
        MatchKind::Matches => {
            let inner = key.trim_matches(['*', '?']);
            if inner.is_empty() {
                key.contains('*')
            } else {
                key.starts_with('*') && key.ends_with('*') && is_everywhere(inner, address)
            }
        }
        MatchKind::Regex => {
            let bare = [r"\s", r"\S", r"\w", r"\W"]
                .iter()
                .fold(key.to_owned(), |key, class| key.replace(class, ""));
            bare.chars()
                .all(|c| "^$()[]{}*+?.|,".contains(c) || c.is_ascii_digit())
                && !bare.chars().all(|c| c.is_ascii_digit())
                || is_everywhere(key, address)
        }
        MatchKind::Value(Relation::Ge) => key.is_empty() || key == "0",
        MatchKind::Count(Relation::Ge) => matches!(key, "0" | "1"),
        MatchKind::Count(Relation::Gt | Relation::Ne) => key == "0",
        MatchKind::Value(_) | MatchKind::Count(_) => false,
    }
}

/// Whether practically every value contains the text: nothing, a space, a letter, or a sign that
/// each address has.
fn is_everywhere(text: &str, address: bool) -> bool {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (None, _) => true,
        (Some(c), None) => c == ' ' || c.is_ascii_alphabetic() || (address && "@.".contains(c)),
        _ => address && text.chars().all(|c| "@.*?".contains(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_value_has_is_no_condition() {
        use MatchKind::{Contains, Count, Is, Matches, Regex, Value};
        for (kind, key, address, all) in [
            (Contains, "", false, true),
            (Contains, " ", false, true),
            (Contains, "e", false, true),
            (Contains, "@", true, true),
            (Contains, "@", false, false),
            (Contains, "!", false, false),
            (Contains, "tucows", false, false),
            (Is, "", false, false),
            (Matches, "*", false, true),
            (Matches, "**?", false, true),
            (Matches, "?", false, false),
            (Matches, "*a*", false, true),
            (Matches, "a*", false, false),
            (Matches, "*@*.*", true, true),
            (Matches, "*@example.*", true, false),
            (Regex, ".*", false, true),
            (Regex, "^.+$", false, true),
            (Regex, "", false, true),
            (Regex, r"(\s|\S)*", false, true),
            (Regex, "^(.|.)*$", false, true),
            (Regex, "invoice", false, false),
            (Regex, "[0-9]+", false, false),
            (Regex, "42", false, false),
            (Value(Relation::Ge), "", false, true),
            (Value(Relation::Gt), "0", false, false),
            (Count(Relation::Ge), "1", false, true),
            (Count(Relation::Gt), "1", false, false),
            (Count(Relation::Lt), "0", false, false),
        ] {
            assert_eq!(is_catch_all(kind, key, address), all, "{kind:?} {key:?}");
        }
        assert!(is_usual("From") && !is_usual("X-Spam"));
        assert!(has_address("TO") && !has_address("Subject"));
    }
}
