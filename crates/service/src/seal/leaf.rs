//! The bytes of a row that are hashed into the tree. They never change.

use ledger::Text;
use ledger::tree::leaf_hash;
use serde::Serialize;
use store::LogRow;
use types::Sha256;

/// RFC 8785: the keys stand in this order, and numbers that may pass 2^53−1 are texts.
#[derive(Serialize)]
struct Leaf<'a> {
    account: Option<String>,
    /// Microseconds since 1970.
    at: String,
    /// The octets of the detail, which are JSON of their own.
    detail: Text,
    kind: &'a str,
    message: Option<&'a str>,
    seq: String,
    session: Option<String>,
    source: &'a str,
}

#[derive(Serialize)]
struct Void {
    seq: String,
    void: bool,
}

/// The bytes of a row under its number.
pub(super) fn bytes(seq: u64, row: &LogRow) -> Vec<u8> {
    json(&Leaf {
        account: row.account.map(|id| id.0.to_string()),
        at: row.at.0.to_string(),
        detail: Text::new(row.detail.as_slice()),
        kind: &row.kind,
        message: row.message.as_deref(),
        seq: seq.to_string(),
        session: row.session.map(|id| id.0.to_string()),
        source: &row.source,
    })
}

/// The leaf of a row.
pub(super) fn of_row(seq: u64, row: &LogRow) -> Sha256 {
    leaf_hash(&bytes(seq, row))
}

/// The leaf in the place of a row that was gone, or not ours, before it could be signed.
pub(super) fn void(seq: u64) -> Sha256 {
    let seq = seq.to_string();
    leaf_hash(&json(&Void { seq, void: true }))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("a struct of texts has a JSON form")
}

#[cfg(test)]
mod tests {
    use types::{AccountId, SessionId, Timestamp};

    use super::*;

    #[test]
    fn the_bytes_of_a_row_are_these() {
        let full = LogRow {
            at: Timestamp(1_795_428_580_123_456),
            kind: "sign_in".to_owned(),
            account: Some(AccountId(7)),
            session: Some(SessionId(u64::MAX >> 1)),
            source: "192.0.2.7".to_owned(),
            message: Some("tok\u{1}\u{7f}é\"\\\n".to_owned()),
            detail: br#"{"protocol":"imap"}"#.to_vec(),
        };
        assert_eq!(
            String::from_utf8(bytes(1_201, &full)).unwrap(),
            concat!(
                r#"{"account":"7","at":"1795428580123456","detail":"{\"protocol\":\"imap\"}","#,
                r#""kind":"sign_in","message":"tok\u0001"#,
                "\u{7f}é",
                r#"\"\\\n","seq":"1201","session":"9223372036854775807","source":"192.0.2.7"}"#,
            )
        );
        let empty = LogRow {
            at: Timestamp(-1),
            kind: String::new(),
            account: None,
            session: None,
            source: String::new(),
            message: None,
            detail: vec![0xff],
        };
        assert_eq!(
            String::from_utf8(bytes(0, &empty)).unwrap(),
            concat!(
                r#"{"account":null,"at":"-1","detail":{"b64":"/w=="},"kind":"","message":null,"#,
                r#""seq":"0","session":null,"source":""}"#,
            )
        );
        assert_eq!(void(5), leaf_hash(br#"{"seq":"5","void":true}"#));
    }
}
