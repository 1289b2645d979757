//! Transfer encodings, character sets and encoded words (RFC 2045 §6, RFC 2047).
//!
//! Nothing fails: what is not of its encoding is passed over or shown as it is, so that no text can
//! hide behind an error.

use mail_parser::decoders::charsets::map::charset_decoder;

/// How the content of a part is encoded (RFC 2045 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEncoding {
    /// 7bit, 8bit and binary: not at all.
    Identity,
    /// Base64.
    Base64,
    /// Quoted-printable.
    QuotedPrintable,
}

impl TransferEncoding {
    /// The encoding of this name in capitals, if it is known.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "7BIT" | "8BIT" | "BINARY" => Some(Self::Identity),
            "BASE64" => Some(Self::Base64),
            "QUOTED-PRINTABLE" => Some(Self::QuotedPrintable),
            _ => None,
        }
    }

    /// The content of a body; never longer than the body.
    pub fn decode(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Identity => body.to_vec(),
            Self::Base64 => base64(body),
            Self::QuotedPrintable => quoted_printable(body),
        }
    }
}

/// Decodes a body of this transfer encoding; one of an encoding that is not known is as it is.
pub(super) fn transfer(encoding: &str, body: &[u8]) -> Vec<u8> {
    let encoding = TransferEncoding::named(encoding);
    encoding.unwrap_or(TransferEncoding::Identity).decode(body)
}

/// Octets of this character set as text; UTF-8 where the set is unknown.
pub(super) fn charset(name: Option<&[u8]>, octets: &[u8]) -> String {
    match name.and_then(charset_decoder) {
        Some(decode) => decode(octets),
        None => String::from_utf8_lossy(octets).into_owned(),
    }
}

/// Base64; other octets than those of the alphabet are passed over (RFC 2045 §6.8).
fn base64(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for octet in octets {
        let sextet = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                // What follows begins anew: some software glues encoded pieces together.
                held = 0;
                continue;
            }
            _ => continue,
        };
        bits = bits << 6 | u32::from(sextet);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held).to_le_bytes()[0]);
        }
    }
    out
}

/// Percent-encoding; what begins no code stays (RFC 2231 §4).
pub(super) fn percent(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let code = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match code {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = &after[2..];
            }
            None => out.push(*first),
        }
    }
    out
}

/// Quoted-printable; an `=` that begins no code stays (RFC 2045 §6.7).
fn quoted_printable(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'=' {
            out.push(*first);
            continue;
        }
        match after {
            [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => rest = after,
            [high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'='),
            },
            _ => out.push(b'='),
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// A header field value as text: unfolded, encoded words decoded, white space between two encoded
/// words removed (RFC 2047 §6.2).
pub(super) fn encoded_words(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    let mut after_word = false;
    while let Some(start) = find(rest, b"=?") {
        let (plain, from_word) = rest.split_at(start);
        let Some((decoded, after)) = encoded_word(from_word) else {
            text.push_str(&String::from_utf8_lossy(&rest[..start + 2]));
            rest = &rest[start + 2..];
            after_word = false;
            continue;
        };
        if !(after_word && plain.iter().all(u8::is_ascii_whitespace)) {
            text.push_str(&String::from_utf8_lossy(plain));
        }
        text.push_str(&decoded);
        rest = after;
        after_word = true;
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// `=?charset?encoding?text?=` at the start, decoded, and what follows it.
fn encoded_word(octets: &[u8]) -> Option<(String, &[u8])> {
    let rest = octets.strip_prefix(b"=?")?;
    let (name, rest) = rest.split_at(word_piece(rest)?);
    let (encoding, rest) = rest[1..].split_at(word_piece(&rest[1..])?);
    let (coded, rest) = rest[1..].split_at(word_piece(&rest[1..])?);
    let after = rest.strip_prefix(b"?=")?;
    let decoded = match encoding {
        b"B" | b"b" => base64(coded),
        b"Q" | b"q" => {
            let spaced: Vec<u8> = coded
                .iter()
                .map(|c| if *c == b'_' { b' ' } else { *c })
                .collect();
            quoted_printable(&spaced)
        }
        _ => return None,
    };
    // A language may follow the character set (RFC 2231 §5).
    let name = name.split(|c| *c == b'*').next();
    Some((charset(name, &decoded), after))
}

/// Octets of one piece of an encoded word (RFC 2047 §2 allows 75 for the whole word).
const WORD_PIECE_MAX_OCTETS: usize = 1_024;

/// Where the piece ends: at the next question mark.
fn word_piece(octets: &[u8]) -> Option<usize> {
    octets
        .iter()
        .take(WORD_PIECE_MAX_OCTETS)
        .position(|c| *c == b'?')
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_encodings_are_decoded_leniently() {
        for (encoding, body, expected) in [
            ("BASE64", "aGVs\r\nbG8=", "hello"),
            ("BASE64", "aGVsbG8", "hello"),
            ("BASE64", "a!G*V s-bG8=", "hello"),
            ("BASE64", "aA==aQ==", "hi"),
            ("QUOTED-PRINTABLE", "a=3Db=\r\nc=3db", "a=bc=b"),
            ("QUOTED-PRINTABLE", "a=zz=", "a=zz="),
            ("7BIT", "a=3D", "a=3D"),
        ] {
            let decoded = transfer(encoding, body.as_bytes());
            assert_eq!(String::from_utf8(decoded).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn encoded_words_become_text() {
        for (value, expected) in [
            ("=?utf-8?q?J=C3=BCrg_x?= y", "Jürg x y"),
            ("=?iso-8859-1?Q?a?=\r\n =?ISO-8859-1?B?/A==?=", "aü"),
            ("a =?utf-8*en?q?b?= c", "a b c"),
            ("a =?b =?utf-8?q?c?=", "a =?b c"),
            ("=?utf-8?x?c?=", "=?utf-8?x?c?="),
            ("=?utf-8?q?open", "=?utf-8?q?open"),
            ("=?no-such-set?q?c=C3=BC?=", "cü"),
        ] {
            assert_eq!(encoded_words(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn hostile_words_cost_no_more_than_their_length() {
        encoded_words("=?".repeat(500_000).as_bytes());
        encoded_words("=?a?b?".repeat(200_000).as_bytes());
    }
}
