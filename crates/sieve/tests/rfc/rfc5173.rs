//! RFC 5173: the body.

use crate::{Place, done, table};

/// The message of section 5.2.
const MAIL: &str = "\
From: whomever@example.org
Subject: whatever
Content-Type: multipart/mixed; boundary=outer

This is a multi-part message in MIME format.

--outer
Content-Type: multipart/alternative; boundary=inner

This is a nested multi-part message in MIME format.

--inner
Content-Type: text/plain; charset=\"us-ascii\"

Hello
--inner
Content-Type: text/html; charset=\"us-ascii\"

<html><body>Hello <b>wor</b>ld</body></html>
--inner--
--outer
Content-Type: message/rfc822

From: Someone Else <else@example.org>
Subject: hello request

Please say Hello
--outer
Content-Type: application/x-note
Content-Transfer-Encoding: base64

TUFLRSBNT05FWSBGQVNU
--outer--
";

#[test]
fn section_5_1_raw_is_everything_undecoded() {
    table(
        MAIL,
        &Place::default(),
        &[
            ("body :raw :contains \"--inner\"", true),
            ("body :raw :contains \"charset=\"", true),
            ("body :raw :contains \"TUFLRSBNT05FWSBGQVNU\"", true),
            ("body :raw :contains \"MAKE MONEY FAST\"", false),
            ("body :raw :contains \"whatever\"", false),
        ],
    );
}

#[test]
fn section_5_2_content_by_type() {
    table(
        MAIL,
        &Place::default(),
        &[
            ("body :content \"text/plain\" :contains \"Hello\"", true),
            ("body :content \"text/plain\" :contains \"<html>\"", false),
            ("body :content \"text/html\" :contains \"<html>\"", true),
            ("body :content \"text\" :contains \"<html>\"", true),
            ("body :content \"TEXT/Plain\" :is \"hello\"", true),
            (
                "body :content \"message/rfc822\" :contains \"subject: hello request\"",
                true,
            ),
            (
                "body :content \"message/rfc822\" :contains \"Please\"",
                false,
            ),
            (
                "body :content \"application/x-note\" :is \"MAKE MONEY FAST\"",
                true,
            ),
            ("body :content \"\" :contains \"money\"", true),
            ("body :content \"multipart\" :contains \"\"", true),
            ("body :content \"audio/mp3\" :contains \"\"", false),
            (
                "body :content [\"text/\", \"/plain\", \"text/plain/x\"] :contains \"\"",
                false,
            ),
            (
                "body :content [\"audio\", \"application\"] :contains \"fast\"",
                true,
            ),
            ("body :content \"text\" :contains \"wor</b>ld\"", true),
        ],
    );
}

#[test]
fn section_5_3_text_is_what_a_person_reads() {
    table(
        MAIL,
        &Place::default(),
        &[
            ("body :text :contains \"hello world\"", true),
            ("body :contains \"please say hello\"", true),
            ("body :contains \"<html>\"", false),
            ("body :contains \"money\"", false),
            ("body :comparator \"i;octet\" :contains \"PLEASE\"", false),
            ("body :matches \"*say*\"", true),
            ("body :regex \"say +hello\"", true),
        ],
    );
}

#[test]
fn section_6_a_body_sets_no_match_variables() {
    let script = "if header :matches \"subject\" \"*\" {}
        if body :matches \"*say*\" { fileinto \"${1}\"; }";
    assert_eq!(done(script, MAIL, &Place::default()), "file whatever");
}
