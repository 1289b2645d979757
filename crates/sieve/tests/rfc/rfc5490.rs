//! RFC 5490: folders that may or may not be there.

use crate::{Place, done, table};

#[test]
fn section_3_1_mailboxexists_asks_for_all() {
    let place = Place {
        mailboxes: vec!["Spam", "Lists/dev"],
        ..Place::default()
    };
    table(
        "",
        &place,
        &[
            ("mailboxexists \"Spam\"", true),
            ("mailboxexists [\"Spam\", \"Lists/dev\"]", true),
            ("mailboxexists [\"Spam\", \"Partners\"]", false),
        ],
    );
    let script =
        "if mailboxexists \"Partners\" { fileinto \"Partners\"; } else { fileinto \"Spam\"; }";
    assert_eq!(done(script, "", &place), "file Spam");
}

#[test]
fn section_3_2_create() {
    assert_eq!(
        done("fileinto :create \"Partners\";", "", &Place::default()),
        "file Partners made"
    );
    assert_eq!(
        done(
            "fileinto \"A\"; fileinto :create \"A\";",
            "",
            &Place::default()
        ),
        "file A made"
    );
}
