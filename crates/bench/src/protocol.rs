//! Reading command lines.

use std::hint::black_box;

use crate::{Case, Round};

/// Times that a round reads all lines.
const TIMES: usize = 200;

pub(crate) const CASES: [Case; 2] = [
    Case::new("smtp_commands", "reads 200 short SMTP dialogues", smtp),
    Case::new("imap_commands", "reads 200 short IMAP dialogues", imap),
];

const SMTP_LINES: [&[u8]; 6] = [
    b"EHLO client.example.net",
    b"MAIL FROM:<bob@example.net> SIZE=4096 BODY=8BITMIME",
    b"RCPT TO:<ann@example.org>",
    b"RCPT TO:<sales+spring@example.org>",
    b"DATA",
    b"QUIT",
];

const IMAP_LINES: [&[u8]; 7] = [
    b"a1 LOGIN ann@example.org \"lamp river quilt\"",
    b"a2 SELECT \"INBOX\"",
    b"a3 UID FETCH 1:* (FLAGS)",
    b"a4 FETCH 1:500 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
    b"a5 UID FETCH 7,9,11:40 BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE MESSAGE-ID)]",
    b"a6 UID SEARCH RETURN (ALL) OR (SUBJECT \"offer\") UNSEEN SINCE 1-Jan-2026",
    b"a7 UID STORE 7,9 +FLAGS.SILENT (\\Seen $work)",
];

fn smtp() -> Round {
    Box::new(|| {
        for _ in 0..TIMES {
            for line in SMTP_LINES {
                let read = wire::smtp::parse::command(black_box(line));
                black_box(read.expect("the lines above are commands"));
            }
        }
    })
}

fn imap() -> Round {
    Box::new(|| {
        for _ in 0..TIMES {
            for line in IMAP_LINES {
                let read = wire::imap::parse::command(black_box(line));
                black_box(read.expect("the lines above are commands"));
            }
        }
    })
}
