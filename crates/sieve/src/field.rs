//! Names of header fields, and which fields no script changes.

/// Octets of the name of a field that a script adds; a line has 998 with its value (RFC 5322 §2.1.1).
pub const FIELD_NAME_MAX_OCTETS: usize = 76;

/// Whether a text is the name of a header field (RFC 5322 §3.6.8).
pub fn is_name(text: &str) -> bool {
    let printable = |octet: u8| (b'!'..=b'~').contains(&octet) && octet != b':';
    (1..=FIELD_NAME_MAX_OCTETS).contains(&text.len()) && text.bytes().all(printable)
}

/// Whether a field tells how a message came, who vouched for it, or that a machine sent it: no
/// script adds or removes those (RFC 5293 §6).
pub fn is_protected(name: &str) -> bool {
    const PROTECTED: [&str; 7] = [
        "authentication-results",
        "auto-submitted",
        "delivered-to",
        "dkim-signature",
        "received",
        "received-spf",
        "return-path",
    ];
    let name = name.to_ascii_lowercase();
    PROTECTED.contains(&name.as_str()) || name.starts_with("arc-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_printable_ascii_without_a_colon() {
        for (text, good) in [
            ("Subject", true),
            ("X-A_b.1!", true),
            ("", false),
            ("a:b", false),
            ("a b", false),
            ("a\r\nBcc", false),
            ("bücher", false),
        ] {
            assert_eq!(is_name(text), good, "{text:?}");
        }
        assert!(!is_name(&"x".repeat(FIELD_NAME_MAX_OCTETS + 1)));
    }

    #[test]
    fn traces_and_verdicts_are_protected_in_any_case() {
        for name in [
            "Received",
            "RETURN-PATH",
            "dkim-signature",
            "ARC-Seal",
            "Authentication-Results",
            "Auto-Submitted",
        ] {
            assert!(is_protected(name), "{name}");
        }
        for name in ["Subject", "X-Received", "Arc", "From"] {
            assert!(!is_protected(name), "{name}");
        }
    }
}
