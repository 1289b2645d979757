//! Change tracking (RFC 7162): which commands ask for it, and which messages a client has lost.

use types::Uid;
use wire::imap::{Command, FetchItem, NumberRanges, SequenceMatch, StatusItem};

use crate::selected::{Ranges, Row};

/// Whether a command turns CONDSTORE on without saying so (RFC 7162 §3.1).
pub(crate) fn asks_modseq(command: &Command) -> bool {
    match command {
        Command::Select(request) | Command::Examine(request) => {
            request.condstore || request.qresync.is_some()
        }
        Command::Status { items, .. } => items.contains(&StatusItem::HighestModSeq),
        Command::List(request) => request.returns.status.contains(&StatusItem::HighestModSeq),
        Command::Fetch {
            items, modifiers, ..
        } => modifiers.changed_since.is_some() || items.contains(&FetchItem::ModSeq),
        Command::Store(request) => request.unchanged_since.is_some(),
        Command::Search(_, request) => request.key.asks_modseq(),
        _ => false,
    }
}

/// The UIDs of expunged messages that the client knows and that this view does not have.
pub(crate) fn lost(vanished: &[(Uid, Uid)], known: &[(u32, u32)], rows: &[Row]) -> Ranges {
    let vanished: Ranges = vanished.iter().map(|(a, b)| (a.0, b.0)).collect();
    let mut lost = Vec::new();
    for (mut first, last) in overlap(&vanished, known) {
        let start = rows.partition_point(|row| row.uid.0 < first);
        let inside = rows.iter().skip(start).map(|row| row.uid.0);
        for there in inside.take_while(|uid| *uid <= last) {
            if first < there {
                lost.push((first, there - 1));
            }
            first = there.saturating_add(1);
        }
        // The last number of all cannot be passed; it is no UID that a mailbox reaches.
        if first <= last {
            lost.push((first, last));
        }
    }
    lost
}

/// What is in both lists.
fn overlap(left: &[(u32, u32)], right: &[(u32, u32)]) -> Ranges {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut both = Vec::new();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let (first, last) = (a.0.max(b.0), a.1.min(b.1));
        if first <= last {
            both.push((first, last));
        }
        if a.1 < b.1 {
            left.next();
        } else {
            right.next();
        }
    }
    both
}

/// The UID up to which the client has lost nothing, since it has as many messages before as there
/// are; 0 if there is none (RFC 7162 §3.2.5.3).
pub(crate) fn whole_through(matches: &SequenceMatch, rows: &[Row]) -> u32 {
    let (numbers, uids) = (matches.numbers.resolve(0), matches.uids.resolve(0));
    // Numbers ascend: behind the first that is too large nothing can match.
    let numbers = each(&numbers).map_while(|number| {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        rows.get(place)
    });
    let right = numbers
        .zip(each(&uids))
        .filter(|(row, uid)| row.uid.0 == *uid);
    right.map(|(_, uid)| uid).last().unwrap_or(0)
}

fn each(ranges: &NumberRanges) -> impl Iterator<Item = u32> {
    ranges
        .ranges()
        .iter()
        .flat_map(|(first, last)| *first..=*last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selected::tests::view;

    #[test]
    fn what_is_still_there_or_unknown_is_not_lost() {
        const ALL: (u32, u32) = (1, u32::MAX);
        for (vanished, known, there, expected) in [
            (&[(1, 9)][..], &[ALL][..], &[][..], &[(1, 9)][..]),
            (&[(1, 9)], &[ALL], &[1, 4, 5, 9], &[(2, 3), (6, 8)]),
            (&[(1, 9)], &[(3, 4), (8, 20)], &[8], &[(3, 4), (9, 9)]),
            (&[(2, 2), (5, 6)], &[(1, 2), (6, 9)], &[], &[(2, 2), (6, 6)]),
            (&[(1, 3)], &[(4, 9)], &[], &[]),
            (&[(1, 3)], &[ALL], &[1, 2, 3], &[]),
            (&[], &[ALL], &[1], &[]),
            (&[ALL], &[ALL], &[7], &[(1, 6), (8, u32::MAX)]),
        ] {
            let vanished: Vec<_> = vanished.iter().map(|(a, b)| (Uid(*a), Uid(*b))).collect();
            assert_eq!(lost(&vanished, known, view(there).rows()), expected);
        }
    }

    #[test]
    fn a_client_that_counts_right_has_lost_nothing_before() {
        let matches = |numbers: &str, uids: &str| {
            let command = format!("a SELECT x (QRESYNC (1 1 ({numbers} {uids})))");
            let parsed = wire::imap::parse::command(command.as_bytes()).unwrap();
            match parsed.command {
                Command::Select(request) => request.qresync.unwrap().matches.unwrap(),
                other => panic!("{other:?}"),
            }
        };
        let view = view(&[10, 20, 30]);
        for (numbers, uids, expected) in [
            ("1:3", "10,20,30", 30),
            ("1,3", "10,40", 10),
            ("1:3", "5,10,20", 0),
            ("2:5", "20,30:32", 30),
            ("1:4294967295", "1:4294967295", 0),
        ] {
            let found = whole_through(&matches(numbers, uids), view.rows());
            assert_eq!(found, expected, "{numbers} {uids}");
        }
    }
}
