//! Canonical JSON: the scan against the canonical writer, and each refusal.

use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::canonical::{CanonicalError, DEPTH_MAX, ENTRY_MAX_OCTETS, VALUE_MAX_OCTETS, check};

/// JSON values that an entry may hold.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        proptest::collection::vec(any::<char>(), 0..12)
            .prop_map(|text| Value::from(text.into_iter().collect::<String>())),
        "[\\x00-\\x1f\"\\\\]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let key = "[ -!#-\\[\\]-~]{0,6}";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_the_canonical_writer_writes_passes(value in values()) {
        let bytes = serde_json_canonicalizer::to_vec(&value).unwrap();
        prop_assert_eq!(check(&bytes), Ok(()));
    }

    #[test]
    fn what_passes_the_canonical_writer_writes_alike(
        value in values(),
        at in any::<prop::sample::Index>(),
        octet in prop_oneof![any::<u8>(), prop::sample::select(b"\"\\,:{}[]0123456789e.-+ u".to_vec())],
        insert in any::<bool>(),
    ) {
        let mut bytes = serde_json_canonicalizer::to_vec(&value).unwrap();
        let at = at.index(bytes.len());
        if insert { bytes.insert(at, octet) } else { bytes[at] = octet }
        if check(&bytes).is_ok() {
            let value: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), bytes);
        }
    }
}

#[test]
fn each_other_spelling_is_refused_by_name() {
    use CanonicalError as E;
    let key = |key: &str| key.to_owned();
    for (json, error) in [
        (&b""[..], E::Syntax { at: 0 }),
        (b"{} ", E::Syntax { at: 2 }),
        (b"{ }", E::Syntax { at: 1 }),
        (b"[1,]", E::Syntax { at: 3 }),
        (b"{\"a\":1,}", E::Syntax { at: 7 }),
        (b"{\"a\" :1}", E::Syntax { at: 4 }),
        (b"nul", E::Syntax { at: 0 }),
        (b"\"a", E::Syntax { at: 2 }),
        (b"\"\n\"", E::Syntax { at: 1 }),
        (b"\"\\/\"", E::Syntax { at: 1 }),
        (b"\"\\u0041\"", E::Syntax { at: 1 }),
        (b"\"\\u000a\"", E::Syntax { at: 1 }),
        (b"\"\\u001F\"", E::Syntax { at: 1 }),
        (b"\"\\u00", E::Syntax { at: 1 }),
        (b"\"\\", E::Syntax { at: 1 }),
        (b"-", E::Syntax { at: 0 }),
        (b"-0", E::Syntax { at: 0 }),
        (b"01", E::Syntax { at: 0 }),
        (b"1.0", E::Float { at: 0 }),
        (b"[1e3]", E::Float { at: 1 }),
        (b"9007199254740992", E::IntegerTooLarge { at: 0 }),
        (b"-9007199254740992", E::IntegerTooLarge { at: 0 }),
        (b"99999999999999999999999", E::IntegerTooLarge { at: 0 }),
        (b"\"\xff\"", E::NotUtf8 { at: 1 }),
        (b"\"\xed\xa0\x80\"", E::NotUtf8 { at: 1 }),
        (b"{\"b\":1,\"a\":1}", E::KeyOrder { key: key("a") }),
        (b"{\"a\":1,\"a\":1}", E::DuplicateKey { key: key("a") }),
        ("{\"ä\":1}".as_bytes(), E::KeyNotAscii { at: 1 }),
        (b"{\"\\n\":1}", E::KeyNotAscii { at: 1 }),
        (b"{1:1}", E::Syntax { at: 1 }),
    ] {
        let shown = String::from_utf8_lossy(json);
        assert_eq!(check(json), Err(error), "{shown}");
    }
}

#[test]
fn limits_hold_at_their_edge() {
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    assert_eq!(check(nested(DEPTH_MAX).as_bytes()), Ok(()));
    let at = DEPTH_MAX;
    assert_eq!(
        check(nested(DEPTH_MAX + 1).as_bytes()),
        Err(CanonicalError::TooDeep { at })
    );
    assert!(check(nested(30_000).as_bytes()).is_err());

    let text = |octets: usize| format!("\"{}\"", "x".repeat(octets));
    assert_eq!(check(text(VALUE_MAX_OCTETS).as_bytes()), Ok(()));
    let octets = VALUE_MAX_OCTETS + 1;
    let too_long = CanonicalError::ValueTooLong { at: 0, octets };
    assert_eq!(check(text(octets).as_bytes()), Err(too_long));

    let list = |octets: usize| format!("[{}1]", "1,".repeat((octets - 3) / 2));
    assert_eq!(check(list(ENTRY_MAX_OCTETS - 1).as_bytes()), Ok(()));
    let octets = ENTRY_MAX_OCTETS + 1;
    assert_eq!(
        check(list(octets).as_bytes()),
        Err(CanonicalError::TooLong { octets })
    );
}

#[test]
fn the_largest_integers_pass() {
    for json in ["9007199254740991", "-9007199254740991", "0", "-1"] {
        assert_eq!(check(json.as_bytes()), Ok(()), "{json}");
    }
}
