//! What the clients of a campaign said and heard, held against what the server has afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use anyhow::ensure;

use super::mail::Found;

/// What became of things that clients said, each by its name; times are those of the answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Answered with success.
    pub(crate) acknowledged: BTreeMap<String, SystemTime>,
    /// Said, and never answered: it may be there or not.
    pub(crate) open: BTreeSet<String>,
    /// Said again after it was left open: it may be there twice.
    pub(crate) resent: BTreeSet<String>,
    /// Expunged; the time is that of the answer, or none came.
    pub(crate) removed: BTreeMap<String, Option<SystemTime>>,
    /// Flagged, with the time of the answer.
    pub(crate) flagged: BTreeMap<String, SystemTime>,
}

/// What a comparison has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) acknowledged: usize,
    /// Messages that are there more than once, because they were said again.
    pub(crate) duplicated: usize,
}

impl Said {
    pub(crate) fn extend(&mut self, other: Self) {
        self.open.retain(|id| !other.acknowledged.contains_key(id));
        self.acknowledged.extend(other.acknowledged);
        self.open.extend(other.open);
        self.resent.extend(other.resent);
        self.removed.extend(other.removed);
        self.flagged.extend(other.flagged);
    }

    /// What was known at a moment: answers that came later count as never heard.
    pub(crate) fn until(&self, moment: SystemTime) -> Self {
        let mut until = self.clone();
        until.acknowledged.retain(|_, at| *at <= moment);
        until.flagged.retain(|_, at| *at <= moment);
        let unheard = |id: &&String| !until.acknowledged.contains_key(*id);
        let later = self.acknowledged.keys().filter(unheard).cloned();
        until.open.extend(later);
        for at in until.removed.values_mut() {
            at.take_if(|at| *at > moment);
        }
        until
    }

    /// Compares names: all that was acknowledged is there, and nothing that nobody said.
    pub(crate) fn names(
        &self,
        what: &str,
        found: &BTreeMap<String, usize>,
    ) -> anyhow::Result<Compared> {
        let mut compared = Compared::default();
        for id in self.acknowledged.keys() {
            match self.removed.get(id) {
                None => {
                    ensure!(
                        found.contains_key(id),
                        "{what}: acknowledged and lost: {id}"
                    );
                    compared.acknowledged += 1;
                }
                Some(Some(_)) => ensure!(!found.contains_key(id), "{what}: came back: {id}"),
                Some(None) => {}
            }
        }
        for (id, times) in found {
            let known = self.acknowledged.contains_key(id) || self.open.contains(id);
            ensure!(known, "{what}: nobody said {id}");
            ensure!(
                *times == 1 || self.resent.contains(id),
                "{what}: there twice: {id}"
            );
            compared.duplicated += times - 1;
        }
        Ok(compared)
    }

    /// Compares the messages of a mailbox, octet by octet.
    pub(crate) fn messages(&self, what: &str, found: &[Found]) -> anyhow::Result<Compared> {
        let mut times = BTreeMap::new();
        for message in found {
            let id = message.checked_id()?;
            if self.flagged.contains_key(&id) {
                ensure!(message.flagged, "{what}: its flag is lost: {id}");
            }
            *times.entry(id).or_insert(0) += 1;
        }
        self.names(what, &times)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said() -> Said {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        Said {
            acknowledged: [("a".to_owned(), at), ("gone".to_owned(), at)].into(),
            open: ["o".to_owned(), "twice".to_owned()].into(),
            resent: ["twice".to_owned()].into(),
            removed: [("gone".to_owned(), Some(at))].into(),
            ..Said::default()
        }
    }

    fn found(ids: &[&str]) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        for id in ids {
            *found.entry((*id).to_owned()).or_insert(0) += 1;
        }
        found
    }

    #[test]
    fn what_is_lost_doubled_or_strange_is_named() {
        let well = said()
            .names("mail", &found(&["a", "o", "twice", "twice"]))
            .unwrap();
        assert_eq!((well.acknowledged, well.duplicated), (1, 1));
        for (ids, words) in [
            (&["o"][..], "lost: a"),
            (&["a", "a"], "there twice: a"),
            (&["a", "x"], "nobody said x"),
            (&["a", "gone"], "came back: gone"),
        ] {
            let err = said().names("mail", &found(ids)).unwrap_err().to_string();
            assert!(err.ends_with(words), "{err}");
        }
    }

    #[test]
    fn an_answer_after_the_moment_was_not_heard() {
        let before = said().until(SystemTime::UNIX_EPOCH);
        before.names("mail", &found(&["a"])).unwrap();
        before.names("mail", &found(&["gone"])).unwrap();
        before.names("mail", &found(&[])).unwrap();
    }
}
