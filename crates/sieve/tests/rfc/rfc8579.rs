//! RFC 8579: folders by their use.

use crate::{Place, done, table};

#[test]
fn section_3_specialuse_exists() {
    let place = Place {
        special_uses: vec![("\\Junk", "Spam"), ("\\Archive", "Old")],
        mailboxes: vec!["Spam", "Old"],
        ..Place::default()
    };
    table(
        "",
        &place,
        &[
            ("specialuse_exists \"\\\\Junk\"", true),
            ("specialuse_exists [\"\\\\Junk\", \"\\\\Archive\"]", true),
            ("specialuse_exists [\"\\\\Junk\", \"\\\\Drafts\"]", false),
            ("specialuse_exists \"Spam\" \"\\\\Junk\"", true),
            ("specialuse_exists \"Old\" \"\\\\Junk\"", false),
            (
                "specialuse_exists \"Spam\" [\"\\\\Junk\", \"\\\\Archive\"]",
                false,
            ),
        ],
    );
}

#[test]
fn section_4_specialuse_goes_before_the_name() {
    for (script, expected) in [
        (
            "fileinto :specialuse \"\\\\Junk\" \"Spam\";",
            "file Spam or \\Junk",
        ),
        (
            "fileinto :specialuse \"\\\\Archive\" :create \"Old\";",
            "file Old or \\Archive made",
        ),
    ] {
        assert_eq!(done(script, "", &Place::default()), expected, "{script}");
    }
}
