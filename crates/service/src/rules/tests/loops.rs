//! Mail that rules send on: it names who did, and who finds itself there keeps it.

use super::{ANN, BOB, DOMAIN, MAIL, SERVER, Stage, scene};

const TO_BOB: &str = "redirect \"bob@example.org\";";
const OUT: &str = "redirect \"ann@far.test\";";

#[tokio::test]
async fn what_is_sent_on_names_who_did_it() {
    let stage = Stage::with(&[(DOMAIN, TO_BOB)]).await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    let heads = stage.rows(scene::HEADS_OF_ACCOUNTS);
    assert_eq!(heads.len(), 1);
    assert!(
        heads[0].starts_with("2 Delivered-To: ann@example.org\r\n"),
        "{heads:?}"
    );
}

#[tokio::test]
async fn mail_that_comes_back_from_outside_is_kept() {
    let cases: [(_, &str, &[&str], &[&str]); 5] = [
        (ANN, "", &[], &["ann@far.test"]),
        (
            ANN,
            "Delivered-To: other@example.org\n",
            &[],
            &["ann@far.test"],
        ),
        (ANN, "Delivered-To:  ANN@example.org\n", &["1 INBOX"], &[]),
        (
            ANN,
            "X: y\ndelivered-to:\n ann@example.org\n",
            &["1 INBOX"],
            &[],
        ),
        (SERVER, "Delivered-To: ann@example.org\n", &["1 INBOX"], &[]),
    ];
    for (level, field, stored, sent) in cases {
        let stage = Stage::with(&[(level, OUT)]).await;
        let mail = format!("{field}{MAIL}");
        stage.send(&["ann@example.org"], &mail).await.unwrap();
        assert_eq!(stage.stored(), stored, "{level:?} {field:?}");
        assert_eq!(stage.sent(), sent, "{level:?} {field:?}");
        if sent.is_empty() {
            let told = stage.rows(scene::RULES_OF_FATES);
            assert!(told[0].contains("came back"), "{told:?}");
        }
    }
}

#[tokio::test]
async fn rules_cannot_hide_that_mail_was_here() {
    let hide = "require [\"editheader\", \"variables\"];
        set \"to\" \"To\"; deleteheader \"Delivered-${to}\";";
    let stage = Stage::with(&[(SERVER, hide), (ANN, OUT)]).await;
    let mail = format!("Delivered-To: ann@example.org\n{MAIL}");
    stage.send(&["ann@example.org"], &mail).await.unwrap();
    assert_eq!(stage.stored(), ["1 INBOX"]);
    assert!(stage.sent().is_empty());
}

#[tokio::test]
async fn a_list_of_rules_sends_on_only_so_often() {
    let four = |n: usize| {
        let to = (0..4).map(|at| format!("redirect :copy \"a{}@far.test\";", 4 * n + at));
        "require \"copy\";".to_owned() + &to.collect::<String>()
    };
    let texts: Vec<_> = (0..9).map(four).collect();
    let rules: Vec<_> = texts.iter().map(|text| (BOB, text.as_str())).collect();
    let stage = Stage::with(&rules).await;
    stage.send(&["bob@example.org"], MAIL).await.unwrap();
    assert_eq!(stage.sent().len(), 32);
    let told = stage.rows(scene::RULES_OF_FATES).concat();
    let why = "kept, since rules send it on too often";
    assert_eq!(told.matches(why).count(), 4, "{told}");
    assert_eq!(stage.stored(), ["2 INBOX"]);
}
