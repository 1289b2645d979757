//! One message, several recipients, rules at all levels: what becomes of it for each.

use super::{ANN, BOB, DOMAIN, MAIL, SENDER, SERVER, Stage, account, address, alias, scene};
use crate::{AcceptError, Command, RecipientRefusal, Wishes};
use policy::change::RuleLevel;
use types::{AccountId, DomainId};

const OTHER: RuleLevel = RuleLevel::Domain(DomainId(2));
const CAROL: RuleLevel = RuleLevel::Account(AccountId(3));

const TEAM: &str = "team@example.org";
const LIST: &str = "list@example.org";
const ANYBODY: &str = "anybody@other.test";
/// An alias, one with a member outside, and an address that only a catch-all takes; two domains.
const ALL: &[&str] = &[TEAM, LIST, ANYBODY];
const ANN_AT: &str = "ann@example.org";

const KEEP: &str = "keep;";
const DELETE: &str = "discard;";
const COPY: &str = "require \"copy\"; redirect :copy \"audit@far.test\";";
const REJECT: &str = "require \"reject\"; reject \"no, thanks\";";
const TO_ANN: &str = "redirect \"ann@example.org\";";
const TO_BOB: &str = "redirect \"bob@example.org\";";
const TO_CAROL: &str = "redirect \"carol@other.test\";";
const TO_TEAM: &str = "redirect \"team@example.org\";";
const TO_NOBODY: &str = "redirect \"nobody@example.org\";";
const DELETE_FOR_TEAM: &str =
    "require \"envelope\"; if envelope \"to\" \"team@example.org\" { discard; }";
const MOVE: &str = "require [\"fileinto\", \"mailbox\"]; fileinto :create \"Moved\";";

/// The domains `example.org` (ann is 1, bob is 2) and `other.test` (carol is 3).
async fn office(rules: &[(RuleLevel, &str)]) -> Stage {
    let other = "other.test".parse().unwrap();
    let more = vec![
        Command::DomainAdd { domain: other },
        account("carol@other.test"),
        alias(TEAM, &[ANN_AT, "bob@example.org"]),
        alias(LIST, &["bob@example.org", "member@far.test"]),
        alias("shared@other.test", &[ANN_AT, "carol@other.test"]),
        alias("ann@other.test", &[ANN_AT]),
        Command::CatchAllSet {
            domain: "other.test".parse().unwrap(),
            target: Some(address("carol@other.test")),
        },
    ];
    Stage::made(more, rules).await
}

/// What becomes of a message.
struct Row {
    name: &'static str,
    rules: &'static [(RuleLevel, &'static str)],
    to: &'static [&'static str],
    /// What the sender hears: one reply, and the replies for the recipients apart that are no.
    replies: (&'static str, &'static [(usize, &'static str)]),
    /// Account and folder of each copy.
    stored: &'static [&'static str],
    /// Account and reason of each copy that can be brought back, where there is one reply.
    removed: &'static [&'static str],
    /// Who gets it outside.
    sent: &'static [&'static str],
    /// Recipient of the envelope, account, what was done and where.
    fates: &'static [&'static str],
}

const NO: &str = "no, thanks";
const TAKEN: (&str, &[(usize, &str)]) = ("taken", &[]);

const ROWS: &[Row] = &[
    Row {
        name: "without rules: one copy for each account, though bob is reached twice",
        rules: &[],
        to: ALL,
        replies: TAKEN,
        stored: &["1 INBOX", "2 INBOX", "3 INBOX"],
        removed: &[],
        sent: &["member@far.test"],
        fates: &[
            "anybody@other.test 3 store INBOX",
            "list@example.org - sink member@far.test",
            "team@example.org 1 store INBOX",
            "team@example.org 2 store INBOX",
        ],
    },
    Row {
        name: "each level does something else",
        rules: &[
            (SERVER, COPY),
            (DOMAIN, KEEP),
            (OTHER, MOVE),
            (ANN, MOVE),
            (BOB, REJECT),
            (CAROL, DELETE),
        ],
        to: ALL,
        replies: TAKEN,
        stored: &["1 Moved"],
        removed: &["2 refused", "3 rule"],
        sent: &["audit@far.test", "member@far.test"],
        fates: &[
            "anybody@other.test 3 discard r_6",
            "list@example.org - sink member@far.test",
            "team@example.org - sink audit@far.test",
            "team@example.org 1 store Moved",
            "team@example.org 2 reject no, thanks",
        ],
    },
    Row {
        name: "a domain rejects, the other does not: who is told no by name keeps the message",
        rules: &[(DOMAIN, REJECT)],
        to: ALL,
        replies: ("taken", &[(0, NO), (1, NO)]),
        stored: &["3 INBOX"],
        removed: &["1 refused", "2 refused"],
        sent: &[],
        fates: &[
            "anybody@other.test 3 store INBOX",
            "list@example.org 2 reject no, thanks",
            "team@example.org 1 reject no, thanks",
            "team@example.org 2 reject no, thanks",
        ],
    },
    Row {
        name: "all reject: nothing is kept, and what upper levels wanted is void",
        rules: &[(SERVER, COPY), (DOMAIN, REJECT), (CAROL, REJECT)],
        to: ALL,
        replies: (NO, &[]),
        stored: &[],
        removed: &[],
        sent: &[],
        fates: &[
            "anybody@other.test 3 reject no, thanks",
            "list@example.org 2 reject no, thanks",
            "team@example.org 1 reject no, thanks",
            "team@example.org 2 reject no, thanks",
        ],
    },
    Row {
        name: "a list with a member outside is rejected for all of its members",
        rules: &[(DOMAIN, REJECT)],
        to: &[LIST],
        replies: (NO, &[]),
        stored: &[],
        removed: &[],
        sent: &[],
        fates: &["list@example.org 2 reject no, thanks"],
    },
    Row {
        name: "an upper delete is of one recipient: bob has his copy through the other",
        rules: &[(SERVER, DELETE_FOR_TEAM), (ANN, KEEP)],
        to: ALL,
        replies: TAKEN,
        stored: &["2 INBOX", "3 INBOX"],
        removed: &["1 rule"],
        sent: &["member@far.test"],
        fates: &[
            "anybody@other.test 3 store INBOX",
            "list@example.org - sink member@far.test",
            "list@example.org 2 store INBOX",
            "team@example.org 1 discard r_1",
        ],
    },
    Row {
        name: "an account behind two domains goes by whichever keeps",
        rules: &[(OTHER, DELETE)],
        to: &["shared@other.test", ANN_AT],
        replies: TAKEN,
        stored: &["1 INBOX"],
        removed: &["3 rule"],
        sent: &[],
        fates: &[
            "ann@example.org 1 store INBOX",
            "shared@other.test 3 discard r_1",
        ],
    },
    Row {
        name: "a recipient without a copy of its own has a fate, and its own reply",
        rules: &[(OTHER, REJECT)],
        to: &["ann@other.test", ANN_AT],
        replies: ("taken", &[(0, NO)]),
        stored: &["1 INBOX"],
        removed: &[],
        sent: &[],
        fates: &[
            "ann@example.org 1 store INBOX",
            "ann@other.test 1 reject no, thanks",
        ],
    },
    Row {
        name: "a domain that only an alias leads to runs its own rules once",
        rules: &[(DOMAIN, MOVE), (OTHER, COPY)],
        to: &["shared@other.test"],
        replies: TAKEN,
        stored: &["1 Moved", "3 INBOX"],
        removed: &[],
        sent: &["audit@far.test"],
        fates: &[
            "shared@other.test - sink audit@far.test",
            "shared@other.test 1 store Moved",
            "shared@other.test 3 store INBOX",
        ],
    },
    Row {
        name: "all of a domain sent to one of it arrives there once",
        rules: &[(DOMAIN, TO_ANN)],
        to: ALL,
        replies: TAKEN,
        stored: &["1 INBOX", "3 INBOX"],
        removed: &[],
        sent: &[],
        fates: &[
            "anybody@other.test 3 store INBOX",
            "list@example.org 2 redirect r_1",
            "team@example.org 1 store INBOX",
            "team@example.org 2 redirect r_1",
        ],
    },
    Row {
        name: "what is sent on to who has it already arrives once",
        rules: &[(OTHER, TO_BOB)],
        to: ALL,
        replies: TAKEN,
        stored: &["1 INBOX", "2 INBOX"],
        removed: &[],
        sent: &["member@far.test"],
        fates: &[
            "anybody@other.test 3 redirect r_1",
            "list@example.org - sink member@far.test",
            "team@example.org 1 store INBOX",
            "team@example.org 2 store INBOX",
        ],
    },
    Row {
        name: "a circle over two domains ends with one who keeps it",
        rules: &[(ANN, TO_CAROL), (CAROL, TO_ANN)],
        to: &[ANN_AT, ANYBODY],
        replies: TAKEN,
        stored: &["3 INBOX"],
        removed: &[],
        sent: &[],
        fates: &[
            "ann@example.org 1 redirect r_1",
            "anybody@other.test 3 store INBOX",
        ],
    },
    Row {
        name: "who sends on to an alias of herself keeps her copy",
        rules: &[(ANN, TO_TEAM)],
        to: &[ANN_AT],
        replies: TAKEN,
        stored: &["1 INBOX", "2 INBOX"],
        removed: &[],
        sent: &[],
        fates: &[
            "ann@example.org 1 store INBOX",
            "ann@example.org 2 store INBOX",
        ],
    },
    Row {
        name: "what cannot be sent on is kept for each recipient",
        rules: &[(SERVER, TO_NOBODY)],
        to: ALL,
        replies: TAKEN,
        stored: &["1 INBOX", "2 INBOX", "3 INBOX"],
        removed: &[],
        sent: &["member@far.test"],
        fates: &[
            "anybody@other.test 3 store INBOX",
            "list@example.org - sink member@far.test",
            "team@example.org 1 store INBOX",
            "team@example.org 2 store INBOX",
        ],
    },
    Row {
        name: "whoever it was sent on to rejects it: nobody else has it, so it can be brought back",
        rules: &[(ANN, TO_BOB), (BOB, REJECT)],
        to: &[ANN_AT],
        replies: TAKEN,
        stored: &[],
        removed: &["2 refused"],
        sent: &[],
        fates: &[
            "ann@example.org 1 redirect r_1",
            "ann@example.org 2 reject no, thanks",
        ],
    },
    Row {
        name: "one recipient in two spellings is one",
        rules: &[(SERVER, COPY)],
        to: &["ANN@Example.org", ANN_AT],
        replies: TAKEN,
        stored: &["1 INBOX"],
        removed: &[],
        sent: &["audit@far.test"],
        fates: &[
            "ann@example.org - sink audit@far.test",
            "ann@example.org 1 store INBOX",
        ],
    },
];

#[tokio::test]
async fn each_recipient_ends_as_the_rules_of_all_levels_say() {
    for row in ROWS {
        for per_recipient in [false, true] {
            check(row, per_recipient).await;
        }
    }
}

async fn check(row: &Row, per_recipient: bool) {
    let name = format!("{} (a reply for each: {per_recipient})", row.name);
    let stage = office(row.rules).await;
    let wishes = Wishes {
        per_recipient,
        ..Wishes::default()
    };
    let mut told = Vec::new();
    let reply = match stage.send_with(row.to, MAIL, wishes).await {
        Ok(accepted) => {
            for (place, refusal) in accepted.refused {
                let RecipientRefusal::Rejected(reason) = refusal else {
                    panic!("{name}: {refusal:?}");
                };
                told.push((place, reason));
            }
            "taken".to_owned()
        }
        Err(AcceptError::Rejected(reason)) => reason,
        Err(err) => panic!("{name}: {err}"),
    };
    let told: Vec<_> = told.iter().map(|(n, why)| (*n, why.as_str())).collect();
    let (expected_reply, expected_told) = row.replies;
    let expected_told = if per_recipient { expected_told } else { &[] };
    assert_eq!(
        (reply.as_str(), &told[..]),
        (expected_reply, expected_told),
        "{name}"
    );
    assert_eq!(stage.stored(), row.stored, "{name}");
    let mut sent = stage.sent();
    sent.sort();
    assert_eq!(sent, row.sent, "{name}");
    let fates = stage.rows(scene::FATES_OF_ACCOUNTS);
    let fates: Vec<_> = fates.iter().map(|fate| without_entry(fate)).collect();
    assert_eq!(fates, row.fates, "{name}");
    let removed = stage.rows(scene::REMOVALS_OF_ACCOUNTS);
    match per_recipient && !told.is_empty() {
        // Whoever was told no keeps the message, so it is not kept here.
        true => assert!(
            !removed.iter().any(|row| row.ends_with("refused")),
            "{name}"
        ),
        false => assert_eq!(removed, row.removed, "{name}"),
    }
}

/// A fate without the number of the entry behind `r_1@`.
fn without_entry(fate: &str) -> String {
    match fate.rsplit_once("@") {
        Some((before, entry)) if entry.bytes().all(|b| b.is_ascii_digit()) => before.to_owned(),
        _ => fate.to_owned(),
    }
}

#[tokio::test]
async fn what_a_rejected_recipient_leaves_void_is_done_for_the_others() {
    let stage = office(&[(SERVER, COPY), (ANN, REJECT)]).await;
    let refused = stage.send(&[ANN_AT], MAIL).await.unwrap_err();
    assert_eq!(refused, AcceptError::Rejected(NO.to_owned()));
    assert!(stage.sent().is_empty(), "{:?}", stage.sent());
    let told = stage.rows(scene::RULES_OF_FATES);
    assert!(told[0].contains("void, since it was rejected"), "{told:?}");
    stage.send(&[ANN_AT, ANYBODY], MAIL).await.unwrap();
    assert_eq!(stage.sent(), ["audit@far.test"]);
    let away = "require \"vacation\"; vacation \"away\";";
    let stage = office(&[(OTHER, away), (CAROL, REJECT)]).await;
    let mail = MAIL.replace("ann@example.org", "carol@other.test");
    stage.send(&["carol@other.test"], &mail).await.unwrap_err();
    assert!(!stage.sent().contains(&SENDER.to_owned()));
}
