//! RFC 5703: parts of a message.

use crate::{Place, done, table};

const MAIL: &str = "\
Subject: outside
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello
--b
Content-Type: application/msword; name=\"=?utf-8?q?=C3=84?=.doc\"
Content-Disposition: attachment; filename*=utf-8''%C3%84.doc

x
--b
Content-Type: message/rfc822

Subject: inside
From: inner@example.org
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/html
X-Deep: yes

x
--c--
--b--
";

#[test]
fn section_4_outside_of_loops() {
    table(
        MAIL,
        &Place::default(),
        &[
            ("header :mime :type \"Content-Type\" \"multipart\"", true),
            ("header :mime :subtype \"Content-Type\" \"mixed\"", true),
            (
                "header :mime :contenttype \"Content-Type\" \"multipart/mixed\"",
                true,
            ),
            ("header :mime :type \"Content-Type\" \"text\"", false),
            (
                "header :mime :anychild :type \"Content-Type\" \"text\"",
                true,
            ),
            (
                "header :mime :anychild :contenttype :is \"Content-Type\" \"text/html\"",
                true,
            ),
            (
                "header :mime :anychild :param \"filename\" \"Content-Disposition\" \"Ä.doc\"",
                true,
            ),
            (
                "header :mime :anychild :param [\"charset\", \"name\"] :matches \"Content-Type\" \"*.doc\"",
                true,
            ),
            (
                "header :mime :anychild :type \"Content-Disposition\" \"attachment\"",
                true,
            ),
            (
                "header :mime :anychild :subtype \"Content-Disposition\" \"\"",
                true,
            ),
            ("header :mime :anychild \"subject\" \"inside\"", true),
            ("header :mime \"subject\" \"inside\"", false),
            ("header \"subject\" \"inside\"", false),
            (
                "address :mime :anychild \"from\" \"inner@example.org\"",
                true,
            ),
            ("address \"from\" \"inner@example.org\"", false),
            ("exists :mime :anychild [\"X-Deep\", \"Subject\"]", true),
            ("exists [\"X-Deep\"]", false),
            (
                "header :mime :anychild :count \"eq\" :comparator \"i;ascii-numeric\" \"content-type\" \"6\"",
                true,
            ),
        ],
    );
}

#[test]
fn section_3_foreverypart_visits_each_part_once() {
    let visited = "set \"n\" \"\"; foreverypart { set \"n\" \"${n}x\"; }
        set :length \"n\" \"${n}\"; fileinto \"${n}\";";
    assert_eq!(done(visited, MAIL, &Place::default()), "file 6");
    assert_eq!(done(visited, "Subject: x\n\n", &Place::default()), "file 1");
    let types = "set \"n\" \"\"; foreverypart {
        if header :mime :subtype :matches \"content-type\" \"*\" { set \"n\" \"${n} ${1}\"; } }
        fileinto \"${n}\";";
    assert_eq!(
        done(types, MAIL, &Place::default()),
        "file  mixed plain msword rfc822 alternative html"
    );
}

#[test]
fn section_3_a_loop_within_a_loop_visits_what_lies_inside() {
    let script = "set \"n\" \"\"; foreverypart {
          set \"n\" \"${n}.\";
          foreverypart { set \"n\" \"${n}x\"; }
        } fileinto \"${n}\";";
    assert_eq!(done(script, MAIL, &Place::default()), "file .xxxxx...xx.x.");
}

#[test]
fn section_3_2_break() {
    let script = |inner: &str| {
        format!(
            "set \"n\" \"\"; foreverypart :name \"outer\" {{
               set \"n\" \"${{n}}.\";
               foreverypart {{ set \"n\" \"${{n}}x\"; {inner} }}
             }} fileinto \"${{n}}\";"
        )
    };
    for (inner, expected) in [
        ("break;", "file .x...x.x."),
        ("break :name \"outer\";", "file .x"),
        ("stop;", "keep"),
    ] {
        assert_eq!(
            done(&script(inner), MAIL, &Place::default()),
            expected,
            "{inner}"
        );
    }
}

#[test]
fn section_4_in_loops_mime_means_the_part() {
    let script = "foreverypart {
        if allof (header :mime :contenttype \"Content-Type\" \"text/html\", exists :mime \"X-Deep\",
                  header \"subject\" \"outside\") { fileinto \"html\"; }
        if header :mime :anychild \"X-Deep\" \"yes\" { addheader \"X-Seen\" \"x\"; } }";
    assert_eq!(
        done(script, MAIL, &Place::default()),
        "add X-Seen: x; add X-Seen: x; add X-Seen: x; file html; add X-Seen: x"
    );
}
