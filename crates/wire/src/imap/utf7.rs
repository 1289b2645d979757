//! Modified UTF-7, the spelling of mailbox names (RFC 3501 §5.1.3).
//!
//! A name has exactly one spelling: what [`encode`] would not write, [`decode`] refuses. This
//! covers overlong forms, printable ASCII in base64, superfluous shifts and padding bits.

/// The text is not the one modified UTF-7 spelling of any name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mailbox name is written in modified UTF-7 (RFC 3501 section 5.1.3)")]
pub struct Utf7Error;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// The modified UTF-7 spelling of a text; always printable ASCII.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut units = Vec::new();
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            end_shift(&mut units, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut pair = [0; 2];
            units.extend_from_slice(c.encode_utf16(&mut pair));
        }
    }
    end_shift(&mut units, &mut out);
    out
}

/// Writes the collected UTF-16 units as one shift sequence, if there are any.
fn end_shift(units: &mut Vec<u16>, out: &mut String) {
    if units.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut held) = (0_u32, 0_u32);
    for unit in units.drain(..) {
        bits = bits << 16 | u32::from(unit);
        held += 16;
        while held >= 6 {
            held -= 6;
            out.push(digit(bits >> held));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        out.push(digit(bits << (6 - held)));
    }
    out.push('-');
}

fn digit(sextet: u32) -> char {
    let index = usize::try_from(sextet & 63).unwrap_or(0);
    char::from(ALPHABET[index])
}

/// Reads the one modified UTF-7 spelling of a text.
pub fn decode(wire: &[u8]) -> Result<String, Utf7Error> {
    let mut out = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'&' => {
                let end = rest.iter().position(|c| *c == b'-').ok_or(Utf7Error)?;
                let (shifted, after) = rest.split_at(end);
                if shifted.is_empty() {
                    out.push('&');
                } else {
                    decode_shift(shifted, &mut out)?;
                }
                rest = &after[1..];
            }
            b' '..=b'~' => out.push(char::from(octet)),
            _ => return Err(Utf7Error),
        }
    }
    if encode(&out).as_bytes() == wire {
        Ok(out)
    } else {
        Err(Utf7Error)
    }
}

/// Decodes the base64 of one shift sequence; left-over bits are judged by the caller's comparison.
fn decode_shift(shifted: &[u8], out: &mut String) -> Result<(), Utf7Error> {
    let mut units = Vec::with_capacity(shifted.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for octet in shifted {
        let sextet = ALPHABET.iter().position(|c| c == octet).ok_or(Utf7Error)?;
        bits = bits << 6 | u32::try_from(sextet).map_err(|_| Utf7Error)?;
        held += 6;
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from(bits >> held & 0xffff).map_err(|_| Utf7Error)?);
            bits &= (1 << held) - 1;
        }
    }
    for c in char::decode_utf16(units) {
        out.push(c.map_err(|_| Utf7Error)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_standard_are_read_and_written() {
        for (wire, text) in [
            ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
            ("&Jjo-!", "☺!"),
            ("a&-b", "a&b"),
            ("Entw&APw-rfe", "Entwürfe"),
            ("&2D3eAA-", "😀"),
        ] {
            assert_eq!(decode(wire.as_bytes()).as_deref(), Ok(text));
            assert_eq!(encode(text), wire);
        }
    }

    #[test]
    fn a_second_spelling_is_refused() {
        for bad in [
            "&U,BTFw-&ZeVnLIqe-", // superfluous shift
            "&AGE-",              // printable ASCII in base64
            "&Jjo!",              // no end of shift
            "&Jjo",
            "&",
            "&AAAA",
            "&A-",      // no whole unit
            "&JjoA-",   // left-over bits
            "&Jjp-",    // left-over bits are not zero
            "&2D0-",    // half a surrogate pair
            "&Jjo=-",   // padding
            "&U/BTFw-", // the wrong alphabet
            "caf\u{e9}",
            "a\tb",
            "a\r\nb",
        ] {
            assert_eq!(decode(bad.as_bytes()), Err(Utf7Error), "accepted {bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_survives(text in ".{0,40}") {
            prop_assert_eq!(decode(encode(&text).as_bytes()), Ok(text));
        }
    }
}
