//! Who a submitted message says it is from (RFC 5322 §3.6.2, RFC 6409 §6.1).
//!
//! A submission is refused unless its originator fields can be read in exactly one way: what other
//! software might read differently (groups, comments inside addresses, encoded words as addresses,
//! a second `From`) is not repaired but refused.

use types::Address;

use crate::header;

/// Addresses in one originator field.
pub(super) const ORIGINATORS_MAX: usize = 32;

/// What is wrong with the originator fields, in words for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OriginatorError {
    /// There is no `From`, or more than one, or more than one `Sender`.
    #[error("a message needs exactly one From field and at most one Sender")]
    Count,
    /// A field cannot be read in exactly one way.
    #[error("the {0} field must be a plain list of addresses")]
    Unclear(&'static str),
}

/// The addresses of `From` and `Sender`, each with the name of its field.
pub(super) fn originators(head: &[u8]) -> Result<Vec<(&'static str, Address)>, OriginatorError> {
    let mut found = Vec::new();
    for (name, at_least) in [("From", 1), ("Sender", 0)] {
        let fields: Vec<_> = header::fields(head)
            .filter(|field| field.is(name))
            .collect();
        if fields.len() > 1 || fields.len() < at_least {
            return Err(OriginatorError::Count);
        }
        for field in fields {
            let value = header::unfolded(field.value);
            let text = std::str::from_utf8(&value).map_err(|_| OriginatorError::Unclear(name))?;
            let addresses = mailbox_list(text).ok_or(OriginatorError::Unclear(name))?;
            found.extend(addresses.into_iter().map(|address| (name, address)));
        }
    }
    Ok(found)
}

/// Reads `mailbox *("," mailbox)`; `None` for everything else.
fn mailbox_list(text: &str) -> Option<Vec<Address>> {
    let mut addresses = Vec::new();
    for mailbox in split_outside_quotes(text)? {
        if addresses.len() == ORIGINATORS_MAX {
            return None;
        }
        addresses.push(mailbox_address(mailbox.trim())?);
    }
    Some(addresses)
}

/// The parts between commas that stand outside quoted strings; `None` for an open quote.
fn split_outside_quotes(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

/// `[display-name] "<" addr-spec ">"` or a bare `addr-spec`.
fn mailbox_address(mailbox: &str) -> Option<Address> {
    let Some(before_end) = mailbox.strip_suffix('>') else {
        let plain = !mailbox.contains(['<', '>', '(', ')', ' ', '\t']);
        return plain.then(|| address(mailbox)).flatten();
    };
    let (name, spec) = before_end.rsplit_once('<')?;
    is_display_name(name.trim())
        .then(|| address(spec))
        .flatten()
}

/// Words, quoted strings and encoded words; no brackets, comments, colons or `@` outside quotes.
fn is_display_name(name: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for c in name.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '<' | '>' | '(' | ')' | ':' | ';' | '@' | '\\' => return false,
            _ => {}
        }
    }
    !quoted
}

fn address(spec: &str) -> Option<Address> {
    // An encoded word may not stand in an address (RFC 2047 §5), yet some software decodes it there.
    if spec.contains("=?") {
        return None;
    }
    spec.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(value: &str) -> Result<Vec<String>, OriginatorError> {
        let found = originators(format!("From: {value}\r\n\r\n").as_bytes())?;
        Ok(found
            .into_iter()
            .map(|(_, address)| address.to_string())
            .collect())
    }

    #[test]
    fn usual_forms_are_read() {
        let ann = Ok(vec!["ann@example.org".to_owned()]);
        for value in [
            "ann@example.org",
            "<ann@example.org>",
            "Ann Lee <ann@example.org>",
            "\"Lee, Ann <x@example.net>\" <ann@example.org>",
            "=?utf-8?q?J=C3=BCrg?= <ann@example.org>",
            "Ann\r\n <ann@example.org>",
            "Žofie <ann@EXAMPLE.org>",
        ] {
            assert_eq!(from(value), ann, "{value}");
        }
        assert_eq!(from("a@example.org, B <b@example.org>").unwrap().len(), 2);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for value in [
            "",
            "<ann@example.org>bob@example.net",
            "ann@example.org <bob@example.net",
            "ann@example.org <bob@example.net>",
            "=?utf-8?q?ann=40example.org?=c@example.net",
            "Group: ann@example.org;",
            "ann@example.org (bob@example.net)",
            "ann @example.org",
            "<ann@example.org> <bob@example.net>",
            "\"open <ann@example.org>",
            "ann@example.org,",
            "a@[192.0.2.1]",
        ] {
            assert_eq!(
                from(value),
                Err(OriginatorError::Unclear("From")),
                "{value}"
            );
        }
        let many = vec!["a@example.org"; ORIGINATORS_MAX + 1].join(",");
        assert!(from(&many).is_err());
    }

    #[test]
    fn there_is_one_from_and_at_most_one_sender() {
        for head in [
            "Subject: x\r\n\r\n",
            "From: a@example.org\r\nFROM: b@example.org\r\n\r\n",
            "From: a@example.org\r\nSender: a@example.org\r\nSender: b@example.org\r\n\r\n",
        ] {
            assert_eq!(
                originators(head.as_bytes()),
                Err(OriginatorError::Count),
                "{head}"
            );
        }
    }
}
