//! What IMAP4rev2 has dropped (RFC 9051 Appendix E). Who has enabled it cannot use it; all others
//! can.

use wire::imap::{Command, FetchItem, SearchKey, StatusItem};

/// Whether a command, or something in it, is no part of IMAP4rev2.
pub(crate) fn is_dropped(command: &Command) -> bool {
    match command {
        Command::Check | Command::Lsub(_) => true,
        Command::Status { items, .. } => items.contains(&StatusItem::Recent),
        Command::List(request) => request.returns.status.contains(&StatusItem::Recent),
        Command::Search(_, request) => asks_recent(&request.key),
        Command::Fetch { items, .. } => items.iter().any(|item| {
            let dropped = [
                FetchItem::Rfc822,
                FetchItem::Rfc822Header,
                FetchItem::Rfc822Text,
            ];
            dropped.contains(item)
        }),
        _ => false,
    }
}

/// The depth of keys is bounded by the grammar.
fn asks_recent(key: &SearchKey) -> bool {
    match key {
        SearchKey::New | SearchKey::Old | SearchKey::Recent => true,
        SearchKey::Not(key) => asks_recent(key),
        SearchKey::Or(left, right) => asks_recent(left) || asks_recent(right),
        SearchKey::And(keys) => keys.iter().any(asks_recent),
        _ => false,
    }
}
