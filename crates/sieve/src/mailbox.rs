//! Addresses as scripts write them (RFC 5228 §2.4.2.3): with or without a name before them.

use types::{Address, AddressError};

/// The address without the name, such as `Ann` in `Ann <ann@example.org>`.
pub(crate) fn without_name(text: &str) -> &str {
    let trimmed = text.trim();
    trimmed
        .strip_suffix('>')
        .and_then(|inside| inside.rsplit_once('<'))
        .map_or(trimmed, |(_, address)| address)
}

/// The address that a text names, with or without a name before it.
///
/// # Errors
/// Where the text names none, or more than one.
pub fn check(text: &str) -> Result<Address, AddressError> {
    if text.chars().any(char::is_control) {
        return Err(AddressError::BadLocalPart);
    }
    without_name(text).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_stand_before_an_address_and_nothing_hides_in_it() {
        for (written, expected) in [
            ("ann@example.org", Some("ann@example.org")),
            ("Ann <ann@example.org>", Some("ann@example.org")),
            (
                "\"Ann, the <first>\" <ann@example.org>",
                Some("ann@example.org"),
            ),
            ("<ann@example.org>", Some("ann@example.org")),
            ("Ann\r\nBcc: <bob@example.org>", None),
            ("ann", None),
            ("ann@example.org, bob@example.org", None),
            ("", None),
        ] {
            let address = check(written).ok().map(|address| address.to_string());
            assert_eq!(address.as_deref(), expected, "{written}");
        }
    }
}
