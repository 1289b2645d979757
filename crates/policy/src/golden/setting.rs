//! The settings: those that came later have lines at the end.

use super::{Change, Setting};

/// Begins of keys that came later.
const LATER: [&str; 8] = [
    "log_",
    "spam_",
    "outbound_",
    "sender_",
    "dmarc_",
    "arc_",
    "dns_",
    "sending_",
];

pub(super) fn came_first(key: &str) -> bool {
    !LATER.iter().any(|group| key.starts_with(group))
}

/// What came with checks of senders.
pub(super) fn of_senders() -> Vec<Change> {
    settings(|key| LATER[3..6].iter().any(|group| key.starts_with(group)))
}

/// Each setting of these keys with its default.
pub(super) fn settings(which: impl Fn(&str) -> bool) -> Vec<Change> {
    let rows = crate::Settings::default().rows();
    rows.iter()
        .filter(|row| which(row.key))
        .map(|row| Change::SettingSet(Setting::parse(row.key, &row.default).unwrap()))
        .collect()
}
