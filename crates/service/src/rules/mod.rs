//! Rules on mail that arrives: which run, what they lead to, and what they want besides.
//!
//! [`plan`] decides, without changing anything; `accept` carries it out in the transaction of the
//! delivery, so that what a rule did and the record of it commit together.

mod edit;
mod forget;
mod leave;
mod level;
mod look_back;
mod plan;
mod reply;
mod trial;
mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{Config, RuleLevel};
use store::ReadTx;
use types::{AccountId, Address};

pub(crate) use leave::Departures;
pub(crate) use level::{Filing, Folder, Gone, Look, Place, RuleAt, Wish};
pub use look_back::{
    PREVIEW_DAYS, PREVIEW_MESSAGES_MAX, RUN_MESSAGES_MAX, RulePreview, RuleRun, RuleSource, RunOver,
};
pub(crate) use plan::{Above, BLOCKED_SENDER, Copy, Errand, Leaving, Plan};
pub(crate) use reply::{Answer, Notice};
pub use trial::{MessageOctets, RuleTrial, TRIAL_MESSAGE_MAX_OCTETS, TrialMessage, TrialTest};
pub(crate) use world::{Arrived, special_use};

use crate::Service;
use crate::mailbox::{Described, describe};

/// A plan with the descriptions of the copies whose header block rules changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) described: BTreeMap<AccountId, Described>,
}

/// A message that rules look at.
pub(crate) struct Case {
    pub(crate) config: Arc<Config>,
    pub(crate) arrived: Arrived,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) recipients: Vec<Address>,
}

impl Service {
    /// What rules make of a message. Work grows with its size, so it runs where that may block.
    pub(crate) async fn plan(&self, case: Case) -> Result<Planned, store::StoreError> {
        let service = self.clone();
        let read = self
            .inner
            .store
            .read(move |tx| Ok(service.plan_in(tx, &case)));
        read.await
    }

    /// Whether a rule of a level may write to an address outside now; counted if it may.
    pub(crate) fn may_leave(
        &self,
        config: &Config,
        level: RuleLevel,
        target: &Address,
    ) -> Result<(), String> {
        let sends = self.inner.outside.sends();
        let departures = &self.inner.departures;
        departures.may_leave(config, level, target, self.clock().now(), sends)
    }

    fn plan_in(&self, tx: &ReadTx<'_>, case: &Case) -> Planned {
        let may_leave = |level, target: &Address| self.may_leave(&case.config, level, target);
        let message = (case.head.as_slice(), case.body.as_slice());
        let planner = plan::Planner::new(&case.config, tx, &case.arrived, message, &may_leave);
        let plan = planner.plan(case.recipients.iter());
        let changed = plan.copies.iter().filter_map(|(account, copy)| {
            let head = copy.head.as_ref()?;
            Some((*account, describe(&[head.as_slice(), &case.body].concat())))
        });
        Planned {
            described: changed.collect(),
            plan,
        }
    }
}
