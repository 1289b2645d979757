//! `mailto:` URIs, the only method of `notify` (RFC 5436, RFC 6068).

use crate::address_list::{self, Address};
use crate::ast::AddressPart;

/// Octets of a method.
const METHOD_MAX_OCTETS: usize = 2_048;
/// Recipients of a method.
const RECIPIENTS_MAX: usize = 4;

/// Whether a method can be used: `mailto:` with one to four addresses, and header fields after `?`
/// whose octets stay on their line.
pub(crate) fn is_valid(method: &str) -> bool {
    let scheme = method.get(..7).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("mailto:") || method.len() > METHOD_MAX_OCTETS {
        return false;
    }
    let (to, fields) = method[7..].split_once('?').unwrap_or((&method[7..], ""));
    let recipients: Vec<&str> = to.split(',').collect();
    recipients.len() <= RECIPIENTS_MAX
        && recipients.iter().all(|one| is_address(one))
        && (fields.is_empty() || fields.split('&').all(is_field))
}

/// What a `mailto:` URI says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailto {
    /// To whom.
    pub to: Vec<String>,
    /// The subject, if it gives one.
    pub subject: Option<String>,
    /// The text, if it gives one.
    pub body: Option<String>,
}

impl Mailto {
    /// Reads a URI; `None` if it cannot be used as a method of `notify`.
    pub fn parse(method: &str) -> Option<Self> {
        if !is_valid(method) {
            return None;
        }
        let (to, fields) = method[7..].split_once('?').unwrap_or((&method[7..], ""));
        let fields = fields.split('&').filter_map(|field| field.split_once('='));
        let field = |wanted: &str| {
            let named = fields
                .clone()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            named.and_then(|(_, value)| decoded(value))
        };
        Some(Self {
            to: to.split(',').filter_map(decoded).collect(),
            subject: field("subject"),
            body: field("body"),
        })
    }
}

fn is_address(part: &str) -> bool {
    let Some(text) = decoded(part) else {
        return false;
    };
    let plain =
        !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;:()".contains(c));
    let one = match address_list::list(&text).as_slice() {
        [one] => has_both_parts(one),
        _ => false,
    };
    plain && one && text.parse::<types::Address>().is_ok()
}

fn has_both_parts(address: &Address) -> bool {
    let filled = |part| address.part(part).is_some_and(|text| !text.is_empty());
    filled(AddressPart::LocalPart) && filled(AddressPart::Domain)
}

fn is_field(field: &str) -> bool {
    let Some((name, value)) = field.split_once('=') else {
        return false;
    };
    let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    named && decoded(value).is_some_and(|text| !text.contains('\0'))
}

/// Undoes percent signs; `None` if one is wrong or if the result is no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            octet if octet.is_ascii_graphic() => octet,
            _ => return None,
        });
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::{Mailto, is_valid};

    #[test]
    fn a_method_says_to_whom_and_what() {
        let method = "mailto:a@example.org,b%2B1@example.org?Subject=New%20mail&body=x&cc=y";
        let read = Mailto::parse(method).unwrap();
        assert_eq!(read.to, ["a@example.org", "b+1@example.org"]);
        assert_eq!(read.subject.as_deref(), Some("New mail"));
        assert_eq!(read.body.as_deref(), Some("x"));
        assert_eq!(Mailto::parse("mailto:a"), None);
    }

    #[test]
    fn methods_are_mailto_with_addresses() {
        for (method, valid) in [
            ("mailto:a@example.org", true),
            (
                "MAILTO:a@example.org,b@example.org?subject=New%20mail&body=x",
                true,
            ),
            ("mailto:a%2Bb@example.org", true),
            ("mailto:", false),
            ("mailto:a", false),
            ("mailto:a@", false),
            ("mailto:a@[192.0.2.1]", false),
            ("mailto:a@%5B192.0.2.1%5D", false),
            ("mailto:a@localhost_", false),
            ("mailto:a@example.org,", false),
            ("mailto:a@example.org?subject", false),
            ("mailto:a@example.org%0D%0ABcc:x@example.org", false),
            ("mailto:a@example.org%zz", false),
            ("mailto:a b@example.org", false),
            ("mailto:a@b.test,a@b.test,a@b.test,a@b.test,a@b.test", false),
            ("xmpp:a@example.org", false),
            ("", false),
            ("mäilto:a@example.org", false),
        ] {
            assert_eq!(is_valid(method), valid, "{method}");
        }
    }
}
