//! RFC 5260: dates and indexes.

use crate::{Place, done, table};

const MAIL: &str = "\
Received: from c.test by d.test; Mon, 26 Feb 2007 15:00:00 +0000
Received: from b.test by c.test; Mon, 26 Feb 2007 14:00:01 +0000
Received: from a.test by b.test; Sun, 25 Feb 2007 12:00:00 -0300
Date: Mon, 26 Feb 2007 09:30:00 -0500
Resent-Date: 31 Feb 2007 10:00:00 +0000
X-First: 1
X-Second: 2
X-First: 3

";

/// 2026-11-23 10:09:40 UTC, a Monday.
const NOW: i64 = 1_795_428_580;

#[test]
fn section_4_date() {
    table(
        MAIL,
        &Place::default(),
        &[
            (
                "allof (date :value \"ge\" :originalzone \"date\" \"hour\" \"09\",
                 date :value \"lt\" :originalzone \"date\" \"hour\" \"17\")",
                true,
            ),
            ("date \"date\" \"hour\" \"14\"", true),
            ("date :zone \"+0100\" \"date\" \"hour\" \"15\"", true),
            ("date :is \"received\" \"weekday\" \"1\"", true),
            ("date :is \"received\" \"weekday\" \"0\"", false),
            ("date :matches \"resent-date\" \"year\" \"*\"", false),
            ("date :matches \"x-first\" \"year\" \"*\"", false),
            ("date :matches \"missing\" \"year\" \"*\"", false),
            (
                "date :count \"eq\" :comparator \"i;ascii-numeric\" \"date\" \"year\" \"1\"",
                true,
            ),
            (
                "date :count \"eq\" :comparator \"i;ascii-numeric\" \"resent-date\" \"year\" \"0\"",
                true,
            ),
        ],
    );
}

#[test]
fn section_4_2_every_part() {
    for (part, expected) in [
        ("year", "2007"),
        ("month", "02"),
        ("day", "26"),
        ("date", "2007-02-26"),
        ("julian", "54157"),
        ("hour", "09"),
        ("minute", "30"),
        ("second", "00"),
        ("time", "09:30:00"),
        ("iso8601", "2007-02-26T09:30:00-05:00"),
        ("std11", "Mon, 26 Feb 2007 09:30:00 -0500"),
        ("zone", "-0500"),
        ("weekday", "1"),
        ("WeekDay", "1"),
    ] {
        let test = format!("date :originalzone :is \"date\" \"{part}\" \"{expected}\"");
        table(MAIL, &Place::default(), &[(&test, true)]);
    }
    table(
        MAIL,
        &Place::default(),
        &[
            (
                "date :zone \"+0000\" \"date\" \"iso8601\" \"2007-02-26T14:30:00Z\"",
                true,
            ),
            ("date :zone \"-0000\" \"date\" \"zone\" \"+0000\"", true),
        ],
    );
}

#[test]
fn section_5_currentdate() {
    let place = Place {
        now: NOW,
        zone: 60,
        ..Place::default()
    };
    table(
        MAIL,
        &place,
        &[
            ("currentdate :is \"weekday\" \"1\"", true),
            ("currentdate \"hour\" \"11\"", true),
            ("currentdate :zone \"-0500\" \"time\" \"05:09:40\"", true),
            (
                "allof (currentdate :value \"ge\" \"date\" \"2026-11-20\",
                 currentdate :value \"le\" \"date\" \"2026-11-23\")",
                true,
            ),
            ("currentdate :value \"gt\" \"date\" \"2026-11-23\"", false),
            (
                "currentdate :count \"eq\" :comparator \"i;ascii-numeric\" \"year\" \"1\"",
                true,
            ),
        ],
    );
    let folders = "if currentdate :matches \"month\" \"*\" { set \"month\" \"${1}\"; }
        if currentdate :matches \"year\" \"*\" { set \"year\" \"${1}\"; }
        fileinto \"${month}-${year}\";";
    assert_eq!(done(folders, MAIL, &place), "file 11-2026");
    let stamp =
        "if currentdate :matches \"std11\" \"*\" { addheader \"Processing-date\" \"${0}\"; }";
    assert_eq!(
        done(stamp, MAIL, &place),
        "add Processing-date: Mon, 23 Nov 2026 11:09:40 +0100; keep"
    );
}

#[test]
fn section_6_index() {
    table(
        MAIL,
        &Place::default(),
        &[
            (
                "date :value \"gt\" :index 2 :zone \"-0500\" \"received\" \"iso8601\" \"2007-02-26T09:00:00-05:00\"",
                true,
            ),
            (
                "date :index 1 :last :originalzone \"received\" \"weekday\" \"0\"",
                true,
            ),
            ("date :index 4 \"received\" \"year\" \"2007\"", false),
            (
                "header :index 1 :contains \"received\" \"c.test by d.test\"",
                true,
            ),
            (
                "header :index 2 :contains \"received\" \"c.test by d.test\"",
                false,
            ),
            (
                "header :index 2 :last :contains \"received\" \"b.test by c.test\"",
                true,
            ),
            // Fields of all names count, in the order of the names.
            ("header :index 2 [\"x-first\", \"x-second\"] \"3\"", true),
            ("header :index 3 [\"x-first\", \"x-second\"] \"2\"", true),
            (
                "header :index 1 :last [\"x-second\", \"x-first\"] \"3\"",
                true,
            ),
        ],
    );
    let mail = "To: a@example.org, b@example.org\nTo: c@example.org\n\n";
    table(
        mail,
        &Place::default(),
        &[
            ("address :index 1 \"to\" \"b@example.org\"", true),
            ("address :index 2 \"to\" \"b@example.org\"", false),
            ("address :index 1 :last \"to\" \"c@example.org\"", true),
        ],
    );
}
