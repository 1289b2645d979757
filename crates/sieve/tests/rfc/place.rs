//! What scripts ask beside the message, as values.

use sieve::{Script, World};

/// A world; by default one in which nothing is known, at 1970-01-01 00:00:00 UTC.
#[derive(Default)]
pub(crate) struct Place {
    pub(crate) now: i64,
    /// Minutes east of UTC.
    pub(crate) zone: i32,
    pub(crate) envelope: Vec<(&'static str, &'static str)>,
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    pub(crate) mailboxes: Vec<&'static str>,
    pub(crate) special_uses: Vec<(&'static str, &'static str)>,
    pub(crate) spam: Option<u8>,
    pub(crate) virus: Option<u8>,
    /// Handles and marks that were met, and how many seconds ago.
    pub(crate) met: Vec<(&'static str, &'static str, u64)>,
    pub(crate) scripts: Vec<(&'static str, Script)>,
}

fn known(list: &[(&'static str, &'static str)], name: &str) -> Option<String> {
    let found = list.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| (*value).to_owned())
}

impl World for Place {
    fn now(&self) -> i64 {
        self.now
    }

    fn local_offset(&self, _: i64) -> i32 {
        self.zone
    }

    fn envelope(&self, part: &str) -> Option<String> {
        known(&self.envelope, part)
    }

    fn environment(&self, name: &str) -> Option<String> {
        known(&self.environment, name)
    }

    fn mailbox_exists(&self, name: &str) -> bool {
        self.mailboxes.contains(&name)
    }

    fn special_use(&self, attribute: &str) -> Option<String> {
        known(&self.special_uses, attribute)
    }

    fn spam_percent(&self) -> Option<u8> {
        self.spam
    }

    fn virus_level(&self) -> Option<u8> {
        self.virus
    }

    fn is_duplicate(&self, handle: &str, id: &str, seconds: u64) -> bool {
        let met = |(h, i, ago): &(&str, &str, u64)| *h == handle && *i == id && *ago <= seconds;
        self.met.iter().any(met)
    }

    fn script(&self, name: &str) -> Option<&Script> {
        let found = self.scripts.iter().find(|(known, _)| *known == name);
        found.map(|(_, script)| script)
    }
}
