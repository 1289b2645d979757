//! A text in an entry of the ledger that may be longer than one value: in pieces then, in their
//! order. For `#[serde(with = "types::long_text")]`.
//!
//! A text that is one value stands as one; so each text has one spelling.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::Serializer;

/// Octets between the quotes of a value, as the ledger allows them.
const PIECE_MAX_OCTETS: usize = 2_048;

/// Writes a text: as one value, or as a list of pieces where it is too long.
pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match pieces(text).as_slice() {
        [] => serializer.serialize_str(""),
        [whole] => serializer.serialize_str(whole),
        pieces => serializer.collect_seq(pieces),
    }
}

/// Reads a text that was written so.
///
/// # Errors
/// A text in pieces that is not written as [`serialize`] would.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Written {
        Whole(String),
        Pieces(Vec<String>),
    }
    match Written::deserialize(deserializer)? {
        Written::Whole(text) => Ok(text),
        Written::Pieces(written) => {
            let text = written.concat();
            match written.len() > 1 && pieces(&text) == written {
                true => Ok(text),
                false => Err(D::Error::custom("a text in pieces has one spelling")),
            }
        }
    }
}

/// The text in pieces, each as long as it may be.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut octets) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let more = written_octets(c);
        if octets + more > PIECE_MAX_OCTETS {
            pieces.push(&text[start..at]);
            (start, octets) = (at, 0);
        }
        octets += more;
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

/// Octets of a character between quotes (RFC 8785 §3.2.2.2).
fn written_octets(c: char) -> usize {
    match c {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        text: String,
    }

    #[test]
    fn a_text_has_one_spelling_whose_values_fit() {
        for (text, pieces) in [
            (String::new(), 0),
            ("x".repeat(2_048), 0),
            ("x".repeat(2_049), 2),
            ("\r\n".repeat(512), 0),
            ("\r\n".repeat(513), 2),
            ("\u{1}".repeat(341), 0),
            ("\u{1}".repeat(342), 2),
            ("ž\"".repeat(2_000), 4),
            ("x".repeat(48_000), 24),
        ] {
            let held = Holder { text };
            let written = serde_json::to_value(&held).unwrap();
            let list = written["text"].as_array().cloned();
            assert_eq!(list.as_ref().map_or(0, Vec::len), pieces);
            for value in list.unwrap_or_else(|| vec![written["text"].clone()]) {
                assert!(value.to_string().len() <= super::PIECE_MAX_OCTETS + 2);
            }
            assert_eq!(serde_json::from_value::<Holder>(written).unwrap(), held);
        }
        for other in [
            r#"{"text":[]}"#,
            r#"{"text":["keep;"]}"#,
            r#"{"text":["keep;","stop;"]}"#,
            r#"{"text":1}"#,
        ] {
            assert!(serde_json::from_str::<Holder>(other).is_err(), "{other}");
        }
    }
}
