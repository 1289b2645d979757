//! Lists in DNS of addresses that send spam, or that are known to be good (RFC 5782).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::Domain;

/// Lists that are asked of one address.
const LISTS_MAX: usize = 16;
/// The greatest weight, for or against.
const WEIGHT_MAX: i32 = 100;
/// The word for no list.
const NONE: &str = "none";

/// Lists with their weights; written `ZONE=WEIGHT` with commas between them, or `none`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsLists(BTreeMap<Domain, i32>);

/// A text that names no lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no lists")]
pub struct DnsListsError(String);

impl DnsLists {
    /// Each zone with its weight: hundredths of what is enough to refuse; below 0 it speaks for the
    /// address.
    pub fn iter(&self) -> impl Iterator<Item = (&Domain, i32)> {
        self.0.iter().map(|(zone, weight)| (zone, *weight))
    }

    /// Whether no list is asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `later` guards less, or more: a list that weighs less, or a new one that speaks for
    /// addresses, is less, whatever else there is.
    pub(crate) fn compare(&self, later: &Self) -> Ordering {
        let weight = |lists: &Self, zone: &Domain| lists.0.get(zone).copied().unwrap_or(0);
        let zones: Vec<_> = self.0.keys().chain(later.0.keys()).collect();
        let is = |order: Ordering| {
            let mut zones = zones.iter();
            zones.any(|zone| weight(later, zone).cmp(&weight(self, zone)) == order)
        };
        match (is(Ordering::Less), is(Ordering::Greater)) {
            (true, _) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => Ordering::Equal,
        }
    }
}

impl fmt::Display for DnsLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NONE);
        }
        let lists: Vec<_> = self
            .iter()
            .map(|(zone, weight)| format!("{zone}={weight}"))
            .collect();
        f.write_str(&lists.join(","))
    }
}

impl FromStr for DnsLists {
    type Err = DnsListsError;

    fn from_str(text: &str) -> Result<Self, DnsListsError> {
        let wrong = || DnsListsError(text.to_owned());
        let mut lists = BTreeMap::new();
        if text == NONE {
            return Ok(Self(lists));
        }
        for list in text.split(',') {
            let (zone, weight) = list.trim().split_once('=').ok_or_else(wrong)?;
            let zone: Domain = zone.parse().map_err(|_| wrong())?;
            let weight: i32 = weight.parse().map_err(|_| wrong())?;
            let is_sound = weight != 0 && weight.abs() <= WEIGHT_MAX;
            if !is_sound || lists.insert(zone, weight).is_some() {
                return Err(wrong());
            }
        }
        match lists.len() > LISTS_MAX {
            true => Err(wrong()),
            false => Ok(Self(lists)),
        }
    }
}

impl TryFrom<String> for DnsLists {
    type Error = DnsListsError;

    fn try_from(text: String) -> Result<Self, DnsListsError> {
        text.parse()
    }
}

impl From<DnsLists> for String {
    fn from(lists: DnsLists) -> Self {
        lists.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written() {
        for (text, told) in [
            ("none", "none"),
            ("bl.test=100", "bl.test=100"),
            ("b.test=60, a.test=-50", "a.test=-50,b.test=60"),
        ] {
            let lists: DnsLists = text.parse().unwrap();
            assert_eq!(lists.to_string(), told);
        }
        let many: Vec<_> = (0..=LISTS_MAX).map(|n| format!("l{n}.test=1")).collect();
        assert!(many[1..].join(",").parse::<DnsLists>().is_ok());
        let many = many.join(",");
        for wrong in [
            "",
            "bl.test",
            "bl.test=0",
            "bl.test=101",
            "a.test=1,a.test=2",
            "=5",
            &many,
        ] {
            assert!(wrong.parse::<DnsLists>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_guards_less_is_less_whatever_else_changes() {
        for (earlier, later, order) in [
            ("none", "a.test=50", Ordering::Greater),
            ("a.test=50", "a.test=60", Ordering::Greater),
            ("a.test=50", "a.test=50", Ordering::Equal),
            ("a.test=50", "none", Ordering::Less),
            ("a.test=50", "b.test=100", Ordering::Less),
            ("a.test=50", "a.test=50,good.test=-50", Ordering::Less),
        ] {
            let [earlier, later] = [earlier, later].map(|text| text.parse::<DnsLists>().unwrap());
            assert_eq!(earlier.compare(&later), order, "{earlier} to {later}");
        }
    }
}
