//! The entry's bytes: golden, and what is refused on the way out and in.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use types::{AccountId, DomainId, ListenerId, SessionId, Sha256, SubjectId, Timestamp};

use super::world::{LOG, entry};
use crate::canonical::CanonicalError;
use crate::entry::{
    Actor, ActorKind, Batch, Cause, Claim, Claimed, Credential, CredentialKind, Door, Entry,
    EntryError, Factor, Object, Outcome, Risk, RiskClass, Scope, TlsVersion, UnixFacts, Via,
};
use crate::{Commitment, Text};

/// An entry in which every field says something.
fn full() -> Entry {
    Entry {
        v: 1,
        log: LOG.parse().unwrap(),
        seq: 1_234,
        ts: Timestamp(1_795_428_580_123_456),
        mono_us: 81_234_567,
        boot: "6a1f".to_owned(),
        kind: "rule.create".to_owned(),
        outcome: Outcome::Applied,
        object: Some(Object {
            kind: "rule".to_owned(),
            id: "r_9".to_owned(),
            rev: 1,
        }),
        scope: Scope {
            domain: Some(DomainId(12)),
            account: None,
        },
        actor: full_actor(),
        via: full_via(),
        before: Some(json!({"enabled": false})),
        after: Some(json!({"name": "Grüße\n", "enabled": true, "after": [1, -2]})),
        objects: vec![Sha256([0xcd; 32])],
        effects: vec![json!({"kind": "leaves_organisation", "keeps_copy": true})],
        risk: Risk {
            class: RiskClass::C2,
            score: 6,
            detections: vec!["R1".to_owned(), "R7".to_owned()],
        },
        analyser: 3,
        batch: Some(Batch {
            id: "b_5".to_owned(),
            n: 1,
            of: 2,
        }),
        cause: Some(Cause::ChangeRequest("cr_55".to_owned())),
        reason: Some(ADDRESS),
    }
}

fn full_actor() -> Actor {
    Actor {
        kind: ActorKind::UnixUser,
        id: Some("a_7".to_owned()),
        unix: Some(UnixFacts {
            uid: 0,
            gid: Some(0),
            pid: Some(4_711),
            login_uid: Some(1_000),
        }),
        credential: Some(Credential {
            kind: CredentialKind::Passkey,
            id: "k_3".to_owned(),
            made_seq: 88,
        }),
        factors: vec![Factor {
            kind: CredentialKind::Totp,
            age_s: 7_344_000,
        }],
        session: Some(SessionId(41)),
        sign_in: Some("a1201".to_owned()),
        on_behalf_of: Some(AccountId(8)),
    }
}

fn full_via() -> Via {
    Via {
        door: Door::Cli,
        listener: Some(ListenerId(2)),
        peer: Some(ADDRESS),
        client: Some(ADDRESS),
        tls: Some(TlsVersion::V1_3),
        claimed: BTreeMap::from([
            (Claim::UserAgent, Claimed::Committed(ADDRESS)),
            (Claim::SudoUser, Claimed::Plain(Text::new("operator"))),
            (Claim::Proxy, Claimed::Plain(Text::new(b"\xff".to_vec()))),
        ]),
    }
}

const ADDRESS: Commitment = Commitment {
    c: Sha256([0xab; 32]),
    k: SubjectId(9),
};
const ADDRESS_JSON: &str =
    r#"{"c":"sha256:abababababababababababababababababababababababababababababababab","k":"p_9"}"#;

/// The bytes of [`full`], by hand; `@` stands for [`ADDRESS_JSON`].
const GOLDEN: &str = concat!(
    r#"{"actor":{"credential":{"id":"k_3","kind":"passkey","made_seq":"88"},"#,
    r#""factors":[{"age_s":"7344000","kind":"totp"}],"id":"a_7","kind":"unix_user","#,
    r#""on_behalf_of":"a_8","session":"s_41","sign_in":"a1201","#,
    r#""unix":{"gid":0,"login_uid":1000,"pid":4711,"uid":0}},"#,
    r#""after":{"after":[1,-2],"enabled":true,"name":"Grüße\n"},"analyser":3,"#,
    r#""batch":{"id":"b_5","n":1,"of":2},"before":{"enabled":false},"boot":"6a1f","#,
    r#""cause":{"change_request":"cr_55"},"#,
    r#""effects":[{"keeps_copy":true,"kind":"leaves_organisation"}],"#,
    r#""log":"mail.example.org/4f1c90aa/config/1","mono_us":"81234567","#,
    r#""object":{"id":"r_9","kind":"rule","rev":1},"#,
    r#""objects":["sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"],"#,
    r#""outcome":"applied","reason":@,"#,
    r#""risk":{"class":"C2","detections":["R1","R7"],"score":6},"#,
    r#""scope":{"account":null,"domain":"d_12"},"seq":"1234","#,
    r#""ts":"2026-11-23T10:09:40.123456Z","type":"rule.create","v":1,"#,
    r#""via":{"claimed":{"proxy":{"b64":"/w=="},"sudo_user":"operator","user_agent":@},"#,
    r#""client":@,"door":"cli","listener":"l_2","peer":@,"tls":"1.3"}}"#,
);

#[test]
fn the_bytes_of_an_entry_never_change() {
    let golden = GOLDEN.replace('@', ADDRESS_JSON);
    let bytes = full().to_bytes().unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), golden);
    assert_eq!(Entry::from_bytes(golden.as_bytes()), Ok(full()));
}

#[test]
fn what_does_not_apply_is_null() {
    let bytes = entry(LOG, 0, "x").to_bytes().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    for field in [
        "before",
        "batch",
        "cause",
        "object",
        "credential",
        "listener",
        "unix",
    ] {
        assert!(
            text.contains(&format!("\"{field}\":null")),
            "{field} in {text}"
        );
    }
    assert!(text.contains(r#""claimed":{}"#) && text.contains(r#""effects":[]"#));
    assert_eq!(Entry::from_bytes(&bytes), Ok(entry(LOG, 0, "x")));
}

/// Removes or changes one place of the golden entry.
fn edited(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value: Value = serde_json::from_str(&GOLDEN.replace('@', ADDRESS_JSON)).unwrap();
    edit(&mut value);
    serde_json_canonicalizer::to_vec(&value).unwrap()
}

#[test]
fn no_field_may_be_missing_or_unknown() {
    let golden: Value = serde_json::from_str(&GOLDEN.replace('@', ADDRESS_JSON)).unwrap();
    let mut removed = 0;
    for place in [
        "",
        "/actor",
        "/actor/unix",
        "/actor/credential",
        "/scope",
        "/via",
        "/risk",
        "/batch",
    ] {
        for field in golden.pointer(place).unwrap().as_object().unwrap().keys() {
            let bytes = edited(|entry| {
                let object = entry.pointer_mut(place).unwrap().as_object_mut().unwrap();
                object.remove(field).unwrap();
            });
            let missing = Entry::from_bytes(&bytes);
            assert!(
                matches!(missing, Err(EntryError::Schema(_))),
                "{place}/{field}: {missing:?}"
            );
            removed += 1;
        }
        let bytes = edited(|entry| entry.pointer_mut(place).unwrap()["zz"] = Value::Null);
        let Err(EntryError::Schema(why)) = Entry::from_bytes(&bytes) else {
            panic!("{place}: an unknown field was accepted");
        };
        assert!(why.contains("zz"), "{why}");
    }
    assert!(removed > 40);
}

#[test]
fn other_values_are_refused_on_reading() {
    for (place, value) in [
        ("/v", json!(2)),
        ("/seq", json!(1234)),
        ("/seq", json!("01234")),
        ("/seq", json!("18446744073709551616")),
        ("/mono_us", json!("-1")),
        ("/ts", json!("2026-11-23T10:09:40Z")),
        ("/ts", json!("2026-11-23T11:09:40.123456+01:00")),
        ("/outcome", json!("Applied")),
        ("/log", json!("a b")),
        ("/scope/domain", json!("12")),
        ("/objects/0", json!("sha256:00")),
        ("/actor/kind", json!("root")),
        ("/actor/kind", json!("account")),
        ("/actor/unix", Value::Null),
        ("/actor/unix/uid", json!(-1)),
        ("/actor/unix/uid", json!(4_294_967_296_u64)),
        ("/via/door", json!("smtp")),
        ("/via/tls", json!("1.1")),
        ("/via/claimed", json!({"ann@example.org": "x"})),
        ("/via/claimed/proxy", json!({"b64": "YQ=="})),
        ("/risk/class", json!("C4")),
        ("/batch/n", json!(3)),
        ("/batch/n", json!(0)),
        ("/cause", json!({"weather": "rain"})),
        ("/reason/k", json!("9")),
    ] {
        let bytes = edited(|entry| *entry.pointer_mut(place).unwrap() = value.clone());
        assert!(
            Entry::from_bytes(&bytes).is_err(),
            "{place}: accepted {value}"
        );
    }
}

#[test]
fn a_second_spelling_is_refused_on_reading() {
    let golden = GOLDEN.replace('@', ADDRESS_JSON);
    for (from, to) in [
        (r#"{"actor""#, r#"{ "actor""#),
        (r#""v":1"#, r#""v":1.0"#),
        (r#""v":1"#, r#""v":1,"v":1"#),
        ("ü", r"\u00fc"),
        (r#""gid":0,"login_uid":1000"#, r#""login_uid":1000,"gid":0"#),
    ] {
        let other = golden.replacen(from, to, 1);
        assert_ne!(other, golden);
        let read = Entry::from_bytes(other.as_bytes());
        assert!(
            matches!(read, Err(EntryError::Canonical(_))),
            "{to}: {read:?}"
        );
    }
    assert!(Entry::from_bytes(format!("{golden}\n").as_bytes()).is_err());
    assert!(Entry::from_bytes(&golden.as_bytes()[..golden.len() - 1]).is_err());
}

#[test]
fn payloads_beyond_the_limits_are_not_written() {
    let with_after = |after: Value| {
        Entry {
            after: Some(after),
            ..full()
        }
        .to_bytes()
    };
    let number = |value: &str| Err(EntryError::Number(value.to_owned()));
    assert_eq!(with_after(json!({"n": 1.0})), number("1.0"));
    assert_eq!(
        with_after(json!([9_007_199_254_740_992_u64])),
        number("9007199254740992")
    );
    assert_eq!(
        with_after(json!(-9_007_199_254_740_992_i64)),
        number("-9007199254740992")
    );
    let effects = vec![json!({"n": 0.5})];
    assert_eq!(Entry { effects, ..full() }.to_bytes(), number("0.5"));

    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    assert!(with_after(nested(15)).is_ok());
    assert!(matches!(
        with_after(nested(16)),
        Err(EntryError::Canonical(CanonicalError::TooDeep { .. }))
    ));
    assert_eq!(with_after(nested(100)), Err(EntryError::TooDeep));

    for (after, refused) in [
        (json!({"text": "x".repeat(2_049)}), "value"),
        (json!({"ann@exämple.org": 1}), "key"),
        (Value::from(vec!["x".repeat(1_000); 62]), "entry"),
    ] {
        let written = with_after(after);
        assert!(
            matches!(written, Err(EntryError::Canonical(_))),
            "{refused}: {written:?}"
        );
    }
}

#[test]
fn an_entry_that_contradicts_itself_is_not_written() {
    let mut account = full();
    account.actor.kind = ActorKind::Account;
    assert_eq!(account.to_bytes(), Err(EntryError::UnixFacts));
    let mut nobody = full();
    nobody.actor.unix = None;
    assert_eq!(nobody.to_bytes(), Err(EntryError::UnixFacts));
    assert_eq!(
        Entry { v: 2, ..full() }.to_bytes(),
        Err(EntryError::Version(2))
    );
    let batch = Some(Batch {
        id: "b_5".to_owned(),
        n: 3,
        of: 2,
    });
    assert_eq!(
        Entry { batch, ..full() }.to_bytes(),
        Err(EntryError::Batch { n: 3, of: 2 })
    );
    let ts = Timestamp(i64::MAX);
    assert!(matches!(
        Entry { ts, ..full() }.to_bytes(),
        Err(EntryError::Schema(_))
    ));
}

#[test]
fn the_digest_of_after_is_that_of_its_stored_bytes() {
    let stored = r#"{"after":[1,-2],"enabled":true,"name":"Grüße\n"}"#;
    assert!(GOLDEN.contains(stored));
    assert_eq!(
        full().after_sha256(),
        Ok(crate::object_id(stored.as_bytes()))
    );
    let none = Entry {
        after: None,
        ..full()
    };
    assert_eq!(none.after_sha256(), Ok(crate::object_id(b"null")));
}
