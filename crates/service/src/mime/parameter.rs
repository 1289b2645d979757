//! Parameters that come in pieces or with a character set (RFC 2231 §3, §4).
//!
//! Pieces are joined, so that everybody sees one value: nobody hides the end of a file name or of a
//! boundary in another piece. What is not of the form stays as it was written, and is seen so.

use wire::imap::Parameters;

use super::decode;

/// Digits of the number of a piece: there are fewer than 100.
const NUMBER_MAX_DIGITS: usize = 2;

/// The name of a piece, such as `filename*1*`.
struct Piece<'a> {
    base: &'a [u8],
    number: usize,
    /// Whether its value is percent-encoded.
    extended: bool,
}

impl<'a> Piece<'a> {
    fn parse(name: &'a [u8]) -> Option<Self> {
        let (name, extended) = match name.strip_suffix(b"*") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let star = name.iter().position(|c| *c == b'*')?;
        let (base, digits) = (&name[..star], &name[star + 1..]);
        let plain = digits.iter().all(u8::is_ascii_digit) && !digits.starts_with(b"0");
        let right = digits == b"0" || (plain && digits.len() <= NUMBER_MAX_DIGITS);
        if base.is_empty() || !right {
            return None;
        }
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self {
            base,
            number,
            extended,
        })
    }

    fn is_of(&self, base: &[u8]) -> bool {
        self.base.eq_ignore_ascii_case(base)
    }
}

/// The same parameters with pieces joined in the order of their numbers, from 0 up to the first
/// that is missing. Of several pieces of one number the first counts.
///
/// Values that would be longer than `max_octets` stay in pieces.
pub(super) fn joined(parameters: &Parameters, max_octets: usize) -> Parameters {
    let mut used = vec![false; parameters.len()];
    let mut result = Vec::with_capacity(parameters.len());
    for (at, (name, value)) in parameters.iter().enumerate() {
        if used[at] {
            continue;
        }
        let piece = Piece::parse(name);
        let whole = piece.and_then(|piece| whole(parameters, piece.base, max_octets));
        match whole.filter(|whole| !whole.pieces.iter().any(|at| used[*at])) {
            Some(whole) => {
                whole.pieces.iter().for_each(|at| used[*at] = true);
                result.push((whole.name, whole.value));
                if !used[at] {
                    result.push((name.clone(), value.clone()));
                }
            }
            None => result.push((name.clone(), value.clone())),
        }
    }
    result
}

struct Whole {
    name: Vec<u8>,
    value: Vec<u8>,
    /// Where its pieces stand.
    pieces: Vec<usize>,
}

fn whole(parameters: &Parameters, base: &[u8], max_octets: usize) -> Option<Whole> {
    let mut pieces = Vec::new();
    let mut extended = false;
    while let Some((at, piece)) = parameters.iter().enumerate().find_map(|(at, (name, _))| {
        let piece = Piece::parse(name)?;
        (piece.is_of(base) && piece.number == pieces.len()).then_some((at, piece))
    }) {
        extended |= piece.extended;
        pieces.push(at);
    }
    let mut value = Vec::new();
    for at in &pieces {
        let (name, octets) = &parameters[*at];
        let encoded = Piece::parse(name)?.extended;
        if extended && value.is_empty() && !encoded {
            value.extend_from_slice(b"''");
        }
        if extended && !encoded {
            push_encoded(&mut value, octets);
        } else {
            value.extend_from_slice(octets);
        }
    }
    let mut name = base.to_vec();
    if extended {
        name.push(b'*');
    }
    (!pieces.is_empty() && value.len() <= max_octets).then_some(Whole {
        name,
        value,
        pieces,
    })
}

/// Percent-encodes what is no `attribute-char` (RFC 2231 §7).
fn push_encoded(out: &mut Vec<u8>, octets: &[u8]) {
    for octet in octets {
        if octet.is_ascii_alphanumeric() || b"!#$&+-.^_`{|}~".contains(octet) {
            out.push(*octet);
        } else {
            out.extend_from_slice(format!("%{octet:02X}").as_bytes());
        }
    }
}

/// The octets of a parameter: the plain one of this name, else the one with a character set.
pub(super) fn octets(parameters: &Parameters, name: &str) -> Option<Vec<u8>> {
    match find(parameters, name) {
        Some(value) => Some(value.to_vec()),
        None => find(parameters, &format!("{name}*")).map(|value| parts(value).1),
    }
}

/// All texts that a parameter has: the one with a character set and the plain one, in which real
/// mail has encoded words.
pub(super) fn texts(parameters: &Parameters, name: &str) -> Vec<String> {
    let extended = find(parameters, &format!("{name}*")).map(|value| {
        let (charset, octets) = parts(value);
        decode::charset(Some(charset), &octets)
    });
    let plain = find(parameters, name).map(decode::encoded_words);
    extended.into_iter().chain(plain).collect()
}

fn find<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a [u8]> {
    let mut named = parameters.iter();
    let (_, value) = named.find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))?;
    Some(value)
}

/// Character set and octets of `charset'language'percent-encoded`.
fn parts(value: &[u8]) -> (&[u8], Vec<u8>) {
    let mut pieces = value.splitn(3, |c| *c == b'\'');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(charset), Some(_), Some(text)) => (charset, decode::percent(text)),
        _ => (&[], decode::percent(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(text: &str) -> Parameters {
        let pairs = text.split('|').filter_map(|pair| pair.split_once('='));
        pairs.map(|(n, v)| (n.into(), v.into())).collect()
    }

    fn shown(parameters: &Parameters) -> String {
        let pairs = parameters.iter().map(|(n, v)| {
            format!(
                "{}={}",
                String::from_utf8_lossy(n),
                String::from_utf8_lossy(v)
            )
        });
        pairs.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn pieces_are_joined_whatever_their_order() {
        for (written, expected) in [
            ("a=1|b=2", "a=1|b=2"),
            ("url*0=ftp://|URL*1=x/y", "url=ftp://x/y"),
            ("f*1=t.exe|a=1|f*0=a.tx", "f=a.txt.exe|a=1"),
            (
                "f*0*=utf-8'en'%e2%82|f*1*=%ac|f*2=' b",
                "f*=utf-8'en'%e2%82%ac%27%20b",
            ),
            ("f*0=a b|f*1*=%20c", "f*=''a%20b%20c"),
            ("f*=utf-8''x|f=y", "f*=utf-8''x|f=y"),
            // Behind a gap, twice, or out of form: to be seen as it is.
            ("f*0=a|f*2=.exe", "f=a|f*2=.exe"),
            ("f*1=b|f*2=c", "f*1=b|f*2=c"),
            ("f*0=a|f*0=b|f*1=c", "f=ac|f*0=b"),
            (
                "f*00=a|f*01=b|f*100=c|*0=d|f*x=e",
                "f*00=a|f*01=b|f*100=c|*0=d|f*x=e",
            ),
            (
                "f*0=0123456789|f*1=0123456789012345678901",
                "f*0=0123456789|f*1=0123456789012345678901",
            ),
        ] {
            assert_eq!(
                shown(&joined(&parameters(written), 30)),
                expected,
                "{written}"
            );
        }
    }

    #[test]
    fn values_are_decoded() {
        for (written, octets_seen, texts_seen) in [
            ("f=plain", Some("plain"), &["plain"][..]),
            ("f=y|f*=utf-8''%e2%82%ac", Some("y"), &["€", "y"]),
            ("f*=iso-8859-1'de'gr%fcn", None, &["grün"]),
            ("f*=no-set''a%zz%4", Some("a%zz%4"), &["a%zz%4"]),
            ("f*=%41'b", Some("A'b"), &["A'b"]),
            ("f==?utf-8?q?=C3=BC?=", Some("=?utf-8?q?=C3=BC?="), &["ü"]),
            ("g=1", None, &[]),
        ] {
            let parameters = parameters(written);
            if let Some(expected) = octets_seen {
                assert_eq!(
                    octets(&parameters, "F").unwrap(),
                    expected.as_bytes(),
                    "{written}"
                );
            }
            assert_eq!(texts(&parameters, "f"), texts_seen, "{written}");
        }
    }
}
