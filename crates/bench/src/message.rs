//! Looking into a message: what is computed at delivery, cut out for a client, and searched.

use std::hint::black_box;

use service::mime::{Mime, Wanted, envelope, header_subset, matches_header};
use wire::imap::Form;

use crate::{Case, Round};

/// Times that a round does its work.
const TIMES: usize = 100;

pub(crate) const CASES: [Case; 3] = [
    Case::new(
        "describe",
        "ENVELOPE, BODYSTRUCTURE and preview of 100 messages",
        describe,
    ),
    Case::new(
        "header_fields",
        "six fields out of 100 header blocks",
        fields,
    ),
    Case::new(
        "header_search",
        "a text in the subjects of 100 header blocks",
        search,
    ),
];

/// A header block as mail has it after some servers.
pub(crate) fn head(number: usize) -> Vec<u8> {
    let mut head = format!(
        "Return-Path: <bob@example.net>\r\n\
         Received: from client.example.net ([192.0.2.7]) by mx.example.org with ESMTPS\r\n\
         \tid {number:08x} for <ann@example.org>; Mon, 23 Nov 2026 10:09:40 +0000\r\n\
         From: Bob Example <bob@example.net>\r\n\
         To: Ann <ann@example.org>, \"Sales, all\" <sales@example.org>\r\n\
         Cc: carol@example.net\r\n\
         Subject: =?utf-8?q?Offer_n=C2=B0_{number}?= for the quarterly meeting\r\n\
         Date: Mon, 23 Nov 2026 11:09:38 +0100\r\n\
         Message-ID: <{number}.17@client.example.net>\r\n"
    );
    for line in 0..8 {
        head.push_str(&format!("X-Filter-{line}: {}\r\n", "value ".repeat(9)));
    }
    head.push_str("MIME-Version: 1.0\r\n");
    head.push_str("Content-Type: multipart/alternative; boundary=\"cut\"\r\n\r\n");
    head.into_bytes()
}

/// A body of two parts, some 3 kB.
pub(crate) fn body(number: usize) -> Vec<u8> {
    let text = format!("Line of message {number} with some words in it.\r\n").repeat(25);
    let html = text.replace("Line", "<p>Line</p>");
    let part =
        |kind, text| format!("--cut\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n{text}\r\n");
    format!("{}{}--cut--\r\n", part("plain", &text), part("html", &html)).into_bytes()
}

fn describe() -> Round {
    let message = [head(1), body(1)].concat();
    Box::new(move || {
        for _ in 0..TIMES {
            let message = black_box(&message);
            let mime = Mime::parse(message);
            black_box(envelope(message).to_bytes());
            black_box(mime.body_structure(message).to_bytes(Form::BodyStructure));
            black_box(mime.preview(message));
        }
    })
}

fn fields() -> Round {
    let head = head(1);
    let names = ["FROM", "TO", "CC", "SUBJECT", "DATE", "MESSAGE-ID"];
    Box::new(move || {
        for _ in 0..TIMES {
            black_box(header_subset(black_box(&head), &names, Wanted::Named));
        }
    })
}

fn search() -> Round {
    let head = head(1);
    Box::new(move || {
        for _ in 0..TIMES {
            black_box(matches_header(black_box(&head), "Subject", "no such word"));
        }
    })
}
