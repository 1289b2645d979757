//! Text as it arrived: exact UTF-8, or other octets marked as such.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A text of which no octet may change: UTF-8 as a JSON text, anything else as `{"b64":…}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Spelling", into = "Spelling")]
pub struct Text(Vec<u8>);

impl Text {
    /// Takes any octets.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(octets.into())
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Spelling {
    Utf8(String),
    Other(Base64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64 {
    b64: String,
}

impl From<Text> for Spelling {
    fn from(text: Text) -> Self {
        match String::from_utf8(text.0) {
            Ok(utf8) => Self::Utf8(utf8),
            Err(err) => Self::Other(Base64 {
                b64: STANDARD.encode(err.as_bytes()),
            }),
        }
    }
}

impl TryFrom<Spelling> for Text {
    type Error = &'static str;

    fn try_from(spelling: Spelling) -> Result<Self, Self::Error> {
        let octets = match spelling {
            Spelling::Utf8(utf8) => utf8.into_bytes(),
            Spelling::Other(Base64 { b64 }) => {
                let octets = STANDARD.decode(b64).map_err(|_| "b64 is not base64")?;
                if std::str::from_utf8(&octets).is_ok() {
                    return Err("b64 holds UTF-8, which must be a plain text");
                }
                octets
            }
        };
        Ok(Self(octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_spelling() {
        for (octets, json) in [
            (&b"plain"[..], r#""plain""#),
            ("Grüße\n".as_bytes(), "\"Grüße\\n\""),
            (b"\xff\x00", r#"{"b64":"/wA="}"#),
        ] {
            let text = Text::new(octets);
            assert_eq!(serde_json::to_string(&text).unwrap(), json);
            assert_eq!(serde_json::from_str::<Text>(json).unwrap(), text);
        }
        for bad in [
            r#"{"b64":"YQ=="}"#,
            r#"{"b64":"/wA"}"#,
            r#"{"b64":"/wA=","x":1}"#,
            "7",
        ] {
            assert!(serde_json::from_str::<Text>(bad).is_err(), "accepted {bad}");
        }
    }
}
