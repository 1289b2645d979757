//! Whether a rule may send mail to an address outside, asked each time it would leave.

use std::collections::BTreeMap;
use std::sync::Mutex;

use policy::change::Preset;
use policy::{Config, RuleLevel};
use types::{Address, Timestamp};

use crate::lock;

/// Messages that the rules of one level send outside within an hour.
const DEPARTURES_PER_HOUR_MAX: u32 = 200;
const HOUR_S: i64 = 3_600;

/// How many messages the rules of each level sent outside in this hour.
#[derive(Default)]
pub(crate) struct Departures(Mutex<Hour>);

#[derive(Default)]
struct Hour {
    number: i64,
    by_level: BTreeMap<RuleLevel, u32>,
}

impl Departures {
    /// Whether a rule of a level may send to an address now, and counts it; else why not.
    pub(super) fn may_leave(
        &self,
        config: &Config,
        level: RuleLevel,
        target: &Address,
        now: Timestamp,
        sends: bool,
    ) -> Result<(), String> {
        let relaxed = config
            .genesis()
            .is_some_and(|genesis| genesis.preset == Preset::Relaxed);
        if config.exit_for(level, target, now).is_none() && !relaxed {
            return Err(format!("{target} is not an approved target"));
        }
        if !sends {
            return Err("this server does not send to others".to_owned());
        }
        if !self.count(level, now) {
            return Err(format!(
                "{DEPARTURES_PER_HOUR_MAX} messages were sent on within this hour"
            ));
        }
        Ok(())
    }

    fn count(&self, level: RuleLevel, now: Timestamp) -> bool {
        let mut hour = lock(&self.0);
        let number = now.seconds().div_euclid(HOUR_S);
        if hour.number != number {
            hour.number = number;
            hour.by_level.clear();
        }
        let count = hour.by_level.entry(level).or_insert(0);
        *count += 1;
        *count <= DEPARTURES_PER_HOUR_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_sends_only_so_many_in_an_hour() {
        let departures = Departures::default();
        let (level, now) = (RuleLevel::Server, Timestamp(0));
        for _ in 0..DEPARTURES_PER_HOUR_MAX {
            assert!(departures.count(level, now));
        }
        assert!(!departures.count(level, now));
        assert!(departures.count(RuleLevel::Account(types::AccountId(1)), now));
        assert!(departures.count(level, now.plus_s(HOUR_S)));
    }
}
