//! Bodies of the fuzz targets; the tests below run them on kept and on generated input.

use types::MailboxName;

use super::pattern::ListPattern;
use super::reader::{CommandReader, Event, ReaderLimits};
use super::{Spelling, Tagged, parse, utf7};

/// What we accept, we print so that it is accepted again, unchanged.
///
/// The printed forms hold the passwords and the debug forms all else, so both are compared.
pub fn command_round_trip(input: &[u8]) {
    // Names are printed in modified UTF-7, however they were spelled.
    for spelling in [Spelling::Utf7, Spelling::Utf8] {
        if let Ok(first) = parse::command_spelled(input, spelling) {
            printed_is_read_again(first);
        }
    }
}

fn printed_is_read_again(first: Tagged) {
    let printed = first.to_bytes();
    let again = parse::command(&printed);
    assert_eq!(format!("{again:?}"), format!("{:?}", Ok::<_, ()>(first)));
    assert_eq!(again.map(|again| again.to_bytes()), Ok(printed));
}

/// However the network cuts the octets, the reader sees the same commands and stays within limits.
fn reader_chunks(input: &[u8], chunk_octets: &[u8]) {
    let limits = ReaderLimits {
        line_octets: 96,
        literals: 3,
        literal_octets: 24,
    };
    let whole = events(limits, std::iter::once(input));
    let mut rest = input;
    let cuts = chunk_octets
        .iter()
        .map(|octets| usize::from(*octets).max(1));
    let mut cuts = cuts.chain(std::iter::repeat(7));
    let chunks = std::iter::from_fn(|| {
        let octets = cuts.next()?.min(rest.len());
        let (chunk, after) = rest.split_at(octets);
        rest = after;
        (!chunk.is_empty()).then_some(chunk)
    });
    assert_eq!(events(limits, chunks), whole);
}

/// The first 16 octets say how [`reader_chunks`] cuts the others.
pub fn reader_any_cut(input: &[u8]) {
    let (chunk_octets, input) = input.split_at(input.len().min(16));
    reader_chunks(input, chunk_octets);
}

fn events<'a>(limits: ReaderLimits, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut reader = CommandReader::new(limits);
    let mut events = Vec::new();
    for mut chunk in chunks {
        loop {
            let event = reader.feed(&mut chunk);
            match &event {
                Event::NeedMore => {
                    assert!(chunk.is_empty(), "the reader left octets behind");
                    break;
                }
                Event::Command(command) | Event::Append(command, _) => {
                    assert!(command.len() <= limits.line_octets + limits.literal_octets);
                }
                _ => {}
            }
            let fatal = matches!(event, Event::Fatal(_));
            events.push(event);
            if fatal {
                return events;
            }
        }
    }
    events
}

/// What decodes has exactly one spelling, and every text has one.
pub fn utf7_round_trip(input: &[u8]) {
    if let Ok(text) = utf7::decode(input) {
        assert_eq!(utf7::encode(&text).as_bytes(), input);
    }
    if let Ok(text) = std::str::from_utf8(input) {
        assert_eq!(
            utf7::decode(utf7::encode(text).as_bytes()).as_deref(),
            Ok(text)
        );
    }
}

/// The first line is a pattern, the second a name: matching ends, and a name matches itself.
pub fn list_matcher(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (pattern, name) = text.split_once('\n').unwrap_or((&text, "INBOX"));
    let (Some(pattern), Ok(name)) = (ListPattern::new(pattern), name.parse::<MailboxName>()) else {
        return;
    };
    pattern.matches(&name);
    let itself = ListPattern::new(name.as_str());
    assert!(itself.is_some_and(|itself| itself.matches(&name)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Commands of every family, so that mutations of them reach every branch.
    const SEEDS: &[&str] = &[
        "a LOGIN {3}\r\nann {4+}\r\np\"w\\",
        "a LOGIN \"ann@example.org\" \"p\\\"w\"",
        "a AUTHENTICATE PLAIN AGFubgBwdw==",
        "a ID (\"name\" \"x\" \"version\" NIL)",
        "a COMPRESS DEFLATE",
        "a ENABLE UTF8=ACCEPT CONDSTORE",
        "a CREATE \"Entw&APw-rfe/\"",
        "a RENAME a \"b c\"",
        "a LIST \"\" \"%/*\"",
        "a LIST (SPECIAL-USE) a/ %",
        "a LIST (SUBSCRIBED RECURSIVEMATCH) x/ (% \"a b\") RETURN (CHILDREN STATUS (SIZE DELETED))",
        "a CREATE Old (USE (\\Archive))",
        "a SETQUOTA \"\" (STORAGE 512)",
        "a GETQUOTA {0}\r\n",
        "a GETQUOTAROOT INBOX",
        "a LSUB \"\" *",
        "a STATUS inbox (UIDNEXT MESSAGES)",
        "a APPEND Sent UTF8 (~{42}",
        "a APPEND Sent (\\Seen $x) \" 1-Feb-1994 21:52:25 +0100\" {42+}",
        "a UID EXPUNGE 1:*,4",
        "a SEARCH RETURN (SAVE) OR OLDER 9 UID 3,$ YOUNGER 4294967295",
        "a UID STORE $ +FLAGS (\\Seen)",
        "a UID SEARCH RETURN (MIN COUNT) CHARSET UTF-8 OR (NOT SEEN FROM x) HEADER X-a \"\" 1:4",
        "a SEARCH SENTSINCE 1-Feb-1994 UNKEYWORD $x LARGER 7 TEXT {2}\r\n\r\n BODY \"\"",
        "a FETCH 1,2:* (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (To \"a(b\")]<0.9> BODY[3.MIME] RFC822)",
        "a UID FETCH 5 full",
        "a STORE 1:2 -FLAGS.SILENT (\\Deleted \\Seen a)",
        "a UID MOVE 1 Archive",
        "a COPY 1 {5}\r\nTrash",
        "a SELECT x (CONDSTORE QRESYNC (67890007 90060115194045000 41,43:211 (1,3 2,4)))",
        "a UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
        "a UID STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
        "a SEARCH RETURN (ALL) OR NOT MODSEQ \"/flags/\\\\draft\" all 620162338 SEEN",
        "a FETCH 1 (BINARY.PEEK[1.2]<0.9> BINARY.SIZE[] PREVIEW (LAZY) EMAILID SAVEDATE)",
        "a SEARCH EMAILID M1 NOT THREADID T2 SAVEDSINCE 1-Feb-1994",
        "a NOOP",
    ];

    #[test]
    fn kept_inputs_still_pass() {
        crate::seeds::replay("imap_command", command_round_trip);
        crate::seeds::replay("imap_reader", reader_any_cut);
        crate::seeds::replay("imap_utf7", utf7_round_trip);
        crate::seeds::replay("imap_list", list_matcher);
    }

    #[test]
    fn seeds_are_commands_and_survive() {
        for seed in SEEDS {
            let parsed = parse::command(seed.as_bytes());
            assert!(parsed.is_ok(), "{seed}: {parsed:?}");
            command_round_trip(seed.as_bytes());
        }
    }

    fn mutated_seed() -> impl Strategy<Value = Vec<u8>> {
        let edits = prop::collection::vec((any::<prop::sample::Index>(), edit()), 0..4);
        (prop::sample::select(SEEDS), edits).prop_map(|(seed, edits)| {
            let mut octets = seed.as_bytes().to_vec();
            for (at, edit) in edits {
                let at = at.index(octets.len());
                octets.splice(at..=at, edit);
            }
            octets
        })
    }

    /// Octets that mean something to the grammar.
    const WORDS: &[&str] = &[
        "(", ")", " ", "\"", "{1}\r\n", "{9+}", "*", "\\", "&", "NIL", "0", "\r\n",
    ];

    fn edit() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..3),
        ]
    }

    proptest! {
        #[test]
        fn mutated_commands_survive(octets in mutated_seed()) {
            command_round_trip(&octets);
        }

        #[test]
        fn chunks_do_not_matter(
            commands in prop::collection::vec(mutated_seed(), 1..4),
            chunks in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut octets = commands.join(&b"\r\n"[..]);
            octets.extend_from_slice(b"\r\n");
            reader_chunks(&octets, &chunks);
        }

        #[test]
        fn any_octets_are_decoded_or_refused(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            utf7_round_trip(&octets);
            list_matcher(&octets);
        }

        #[test]
        fn shifts_are_decoded_or_refused(text in "[&a][A-Za-z0-9+,]{0,9}-") {
            utf7_round_trip(text.as_bytes());
        }
    }
}
