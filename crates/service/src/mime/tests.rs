//! Structures by examples, and hostile ones.

use super::fuzzing::every_section;
use super::*;
use wire::imap::Form;

/// The example of RFC 9051 §6.4.5.1, with a name of each part in its body.
fn example() -> Vec<u8> {
    let text = |name: &str| format!("Content-Type: text/plain\r\n\r\nbody {name}\r\n");
    let inner3 = format!(
        "Subject: inner 3\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n{}--c\r\n\
         Content-Type: application/x\r\n\r\nbody 3.2\r\n--c--\r\n",
        text("3.1")
    );
    let inner42 = format!(
        "Subject: inner 4.2\r\nContent-Type: multipart/mixed; boundary=e\r\n\r\n--e\r\n{}--e\r\n\
         Content-Type: multipart/alternative; boundary=f\r\n\r\n--f\r\n{}--f\r\n{}--f--\r\n--e--\r\n",
        text("4.2.1"),
        text("4.2.2.1"),
        text("4.2.2.2")
    );
    format!(
        "Subject: whole\r\nContent-Type: multipart/mixed; boundary=\"a\"\r\n\r\npreamble\r\n--a\r\n{}\
         --a\r\nContent-Type: application/x\r\n\r\nbody 2\r\n--a\r\nContent-Type: message/rfc822\r\n\
         \r\n{inner3}--a  \r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\n\
         Content-Type: image/gif\r\nContent-ID: <4.1>\r\n\r\nbody 4.1\r\n--d\r\n\
         Content-Type: message/rfc822\r\n\r\n{inner42}--d--\r\n--a--\r\nepilogue\r\n",
        text("1")
    )
    .into_bytes()
}

fn section(message: &[u8], part: &[u32], kind: SectionKind) -> Option<String> {
    let range = Mime::parse(message).section(part, kind)?;
    Some(String::from_utf8_lossy(&message[range]).into_owned())
}

#[test]
fn parts_are_numbered_as_the_standard_says() {
    let message = example();
    let paths: [&[u32]; 9] = [
        &[1],
        &[2],
        &[3, 1],
        &[3, 2],
        &[4, 1],
        &[4, 2, 1],
        &[4, 2, 2, 1],
        &[4, 2, 2, 2],
        &[4, 2, 2],
    ];
    for path in &paths[..8] {
        let name: Vec<String> = path.iter().map(u32::to_string).collect();
        let expected = format!("body {}", name.join("."));
        assert_eq!(section(&message, path, SectionKind::Whole), Some(expected));
    }
    let multipart = section(&message, paths[8], SectionKind::Whole).unwrap();
    assert!(multipart.starts_with("--f\r\n") && multipart.ends_with("--f--"));
    for missing in [&[5][..], &[1, 1], &[3, 3], &[0], &[4, 2, 2, 3], &[2, 1, 1]] {
        assert_eq!(section(&message, missing, SectionKind::Whole), None);
    }
}

#[test]
fn headers_and_texts_are_those_of_messages() {
    let message = example();
    let header = |part: &[u32]| section(&message, part, SectionKind::Header);
    assert!(header(&[]).unwrap().starts_with("Subject: whole\r\n"));
    assert!(header(&[]).unwrap().ends_with("\r\n\r\n"));
    assert!(header(&[3]).unwrap().starts_with("Subject: inner 3\r\n"));
    assert!(
        header(&[4, 2])
            .unwrap()
            .starts_with("Subject: inner 4.2\r\n")
    );
    assert_eq!(header(&[1]), None);
    let text = section(&message, &[3], SectionKind::Text).unwrap();
    assert!(text.starts_with("--c\r\n") && text.ends_with("--c--"));
    assert_eq!(section(&message, &[4, 1], SectionKind::Text), None);
    assert_eq!(
        section(&message, &[4, 1], SectionKind::Mime).unwrap(),
        "Content-Type: image/gif\r\nContent-ID: <4.1>\r\n\r\n"
    );
    assert_eq!(section(&message, &[], SectionKind::Mime), None);
    let whole = section(&message, &[], SectionKind::Whole).unwrap();
    assert_eq!(whole.as_bytes(), message);
}

#[test]
fn a_plain_message_is_its_own_part_1() {
    let message = b"Subject: x\r\n\r\nhello\r\n";
    assert_eq!(
        section(message, &[1], SectionKind::Whole).unwrap(),
        "hello\r\n"
    );
    assert_eq!(
        section(message, &[], SectionKind::Text).unwrap(),
        "hello\r\n"
    );
    assert_eq!(section(message, &[2], SectionKind::Whole), None);
    assert_eq!(section(message, &[1, 1], SectionKind::Whole), None);
}

fn structure(message: &str) -> String {
    let mime = Mime::parse(message.as_bytes());
    let octets = mime.body_structure(message.as_bytes()).to_bytes(Form::Body);
    String::from_utf8(octets).unwrap()
}

const PLAIN: &str = "(\"TEXT\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\"";

#[test]
fn structures_show_what_is_there() {
    let cases = [
        ("Subject: x\r\n\r\na\r\nb\r\n", format!("{PLAIN} 6 2)")),
        ("", format!("{PLAIN} 0 0)")),
        (
            "Content-Type: image/png; name=x\r\nContent-Transfer-Encoding: BASE64 \r\n\r\nab",
            "(\"image\" \"png\" (\"name\" \"x\") NIL NIL \"BASE64\" 2)".to_owned(),
        ),
        // A multipart without a boundary, with an empty one, with one that never comes: text.
        (
            "Content-Type: multipart/mixed\r\n\r\nab",
            format!("{PLAIN} 2 0)"),
        ),
        (
            "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n",
            format!("{PLAIN} 4 1)"),
        ),
        (
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--ab\r\n",
            format!("{PLAIN} 6 1)"),
        ),
        (
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a\r\n\r\nyz",
            format!("({PLAIN} 1 0){PLAIN} 2 0) \"mixed\")"),
        ),
        // The parent's boundary ends the part, though the part has the same one.
        (
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\
             Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n",
            format!("({PLAIN} 0 0){PLAIN} 1 0) \"mixed\")"),
        ),
        (
            "Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: s\n\nx\n--a--\n",
            format!(
                "((\"MESSAGE\" \"rfc822\" NIL NIL NIL \"7BIT\" 13 \
                 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) {PLAIN} 1 0) 2) \"digest\")"
            ),
        ),
        // A message behind an encoding is not looked into.
        (
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nab",
            "(\"application\" \"octet-stream\" NIL NIL NIL \"BASE64\" 2)".to_owned(),
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(structure(message), expected, "{message}");
    }
}

fn count(part: &Part) -> (usize, usize) {
    let (mut parts, mut deepest) = (0, 0);
    part.walk(&mut |_| parts += 1);
    let mut level = vec![part];
    while !level.is_empty() {
        deepest += 1;
        level = level
            .into_iter()
            .flat_map(|part| match &part.kind {
                Kind::Leaf => Vec::new(),
                Kind::Multipart(parts) => parts.iter().collect(),
                Kind::Message(inner) => vec![&**inner],
            })
            .collect();
    }
    (parts, deepest)
}

#[test]
fn depth_and_number_of_parts_are_bounded() {
    let message = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
    let multipart: String = (0..10_000)
        .map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"))
        .collect();
    let wide = format!(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n{}",
        "--a\r\n\r\n".repeat(1_000_000)
    );
    for hostile in [&message, &multipart, &wide] {
        let mime = Mime::parse(hostile.as_bytes());
        let (parts, deepest) = count(&mime.root);
        assert!(parts <= MIME_PARTS_MAX, "{parts} parts");
        assert!(deepest <= MIME_DEPTH_MAX + 1, "{deepest} deep");
        mime.body_structure(hostile.as_bytes());
    }
}

#[test]
fn every_damage_has_a_structure() {
    let whole = example();
    for cut in 0..whole.len() {
        every_section(&whole[..cut]);
        let mut damaged = whole.clone();
        for octet in [b'\0', b'"', b'-', b'\n', 0xff] {
            damaged[cut] = octet;
            every_section(&damaged);
        }
    }
}

#[test]
fn text_is_found_where_a_reader_sees_it() {
    let message = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/alternative; \
         boundary=a\r\n\r\n--a\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6nes   Wet=\r\nter\r\n--a\r\n\
         Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n\
         PHA+SDxiPlRNPC9iPkw8L3A+\r\n--a\r\nContent-Type: image/png\r\n\r\nhidden\r\n--a--\r\n"
        .as_bytes();
    let mime = Mime::parse(message);
    for (wanted, in_body, in_text) in [
        ("SCHÖNES", true, true),
        ("wetter", true, true),
        ("html", true, true),
        ("<p>", false, false),
        ("grüße", false, true),
        ("hidden", false, false),
        ("boundary=a", false, true),
        ("", true, true),
    ] {
        assert_eq!(mime.body_contains(message, wanted), in_body, "{wanted}");
        assert_eq!(mime.text_contains(message, wanted), in_text, "{wanted}");
    }
    assert_eq!(mime.preview(message), "Schönes Wetter");
    assert!(matches_header(message, "subject", "GRÜ"));
    assert!(matches_header(message, "Subject", ""));
    assert!(!matches_header(message, "Subjec", ""));
}

#[test]
fn a_boundary_in_pieces_is_one_boundary() {
    let message = "Content-Type: multipart/mixed; boundary*1=b; boundary*0=a\r\n\r\n--ab\r\n\r\nx\r\n\
                   --ab--\r\n";
    assert_eq!(structure(message), format!("({PLAIN} 1 0) \"mixed\")"));
    let extended = message.replace("boundary*1=b; boundary*0=a", "boundary*=us-ascii''%61b");
    assert_eq!(structure(&extended), structure(message));
}

#[test]
fn file_names_in_pieces_are_shown_whole_and_found() {
    let message =
        "Content-Type: application/x; name*0=a.t\r\nContent-Disposition: attachment;\r\n \
         filename*1*=%9fe.exe; filename*0*=utf-8''Gr%c3%bc%c3\r\n\r\nx"
            .as_bytes();
    let mime = Mime::parse(message);
    let structure = mime.body_structure(message).to_bytes(Form::BodyStructure);
    let structure = String::from_utf8(structure).unwrap();
    assert!(structure.contains("(\"name\" \"a.t\")"), "{structure}");
    let shown = "(\"attachment\" (\"filename*\" \"utf-8''Gr%c3%bc%c3%9fe.exe\"))";
    assert!(structure.contains(shown), "{structure}");
    assert!(mime.text_contains(message, "gr\u{fc}\u{df}e.exe"));
    assert!(!mime.text_contains(message, "gr\u{fc}n"));
}

#[test]
fn the_preview_is_what_a_reader_sees_first() {
    for (message, expected) in [
        (
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Disposition: attachment\r\n\
             \r\nnot this\r\n--a\r\n\r\nthis\r\n--a--\r\n",
            "this",
        ),
        (
            "Content-Type: text/html\r\n\r\n<html><head><title>T</title><style>p{}</style></head>\
             <p>&zwnj;&#8203; It&rsquo;s&nbsp;&#39;me&#39;</p>",
            "It&rsquo;s 'me'",
        ),
        ("Content-Type: image/png\r\n\r\nx", ""),
    ] {
        let mime = Mime::parse(message.as_bytes());
        assert_eq!(mime.preview(message.as_bytes()), expected);
    }
    let long = format!("a: b\r\n\r\n{}", "w\u{f6}rter ".repeat(1_000));
    let preview = Mime::parse(long.as_bytes()).preview(long.as_bytes());
    assert_eq!(preview.chars().count(), 200);
}
