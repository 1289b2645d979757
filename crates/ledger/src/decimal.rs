//! Decimal numbers with one spelling, as C2SP texts and entries write them.

/// Reads digits without sign and leading zeros.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let one_spelling = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    if one_spelling && digits {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for (text, number) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("00", None),
            ("07", None),
            ("+7", None),
            ("-0", None),
            ("7 ", None),
            ("٧", None),
        ] {
            assert_eq!(parse(text), number, "{text:?}");
        }
    }
}
