//! What the store holds: database, bodies, messages, counters; and the repairs of it.

use store::{Fault, Part, Repair, Store, StoreResult};

use super::Ailment;
use crate::Service;
use crate::activity::{About, Record};
use crate::error::ServiceResult;

/// Looks at everything that a store holds; `tell` hears the part and how far it is. For threads
/// that may block.
pub fn look_at_mail(
    store: &Store,
    tell: &mut dyn FnMut(&str, u64, u64),
) -> StoreResult<Vec<(Ailment, Option<Repair>)>> {
    let faults = store.examine_blocking(&mut |part, done, all| tell(part.name(), done, all))?;
    let ailments = faults
        .into_iter()
        .map(|fault| (ailment(&fault), fault.repair));
    Ok(ailments.collect())
}

fn ailment(fault: &Fault) -> Ailment {
    let remedy = match (&fault.repair, fault.part) {
        (Some(Repair::SetAside(..)), _) => {
            "sealpost doctor --fix moves it to the mailbox Damaged, so that mail clients do not \
             stumble over it; a backup may have it whole"
        }
        (Some(Repair::Replace(..)), _) => {
            "sealpost doctor --fix takes it from another message that has the same, whole"
        }
        (Some(Repair::Sums), _) => "sealpost doctor --fix writes them, from what the rows hold now",
        (Some(_), _) => "sealpost doctor --fix puts it right",
        (None, Part::Logs) => {
            "stop the server, move this file out of the folder and keep it, start again: a new \
             file is begun; sealpost ledger verify says which rows are no longer there"
        }
        (None, Part::Tables) => {
            "stop the server, keep a copy of the data folder, then put mail.db back from a backup"
        }
        (None, Part::Guarded) => {
            "find out who can write to mail.db, and what else was changed (sealpost ledger list)"
        }
        (None, Part::Rest) => "look again once the others are put right",
        (None, _) => "it is set aside already, or cannot be read; a backup may have it whole",
    };
    match fault.repair {
        Some(Repair::Release(_) | Repair::Sums) => {
            Ailment::warning(fault.part.name(), &fault.place, &fault.what, remedy)
        }
        None if fault.is_aside => Ailment::warning(
            fault.part.name(),
            &fault.place,
            &fault.what,
            "it is set aside; delete it once nobody needs it, or put it back from a backup",
        ),
        _ => Ailment::problem(fault.part.name(), &fault.place, &fault.what, remedy),
    }
}

/// What a repair has done, for a person.
fn done(repair: &Repair) -> &'static str {
    match repair {
        Repair::Mailbox(_) | Repair::Account(_) => "counted again",
        Repair::Keep(_) => "kept",
        Repair::Sums => "written, from what the rows hold now",
        Repair::Copies(_) => "taken from the message; mail clients see it after a restart",
        Repair::Release(_) => "given up; its room is free in a day",
        Repair::Replace(..) => "taken from another message that has the same, whole",
        Repair::SetAside(..) => "moved to the mailbox Damaged",
    }
}

impl Service {
    /// Puts right what can be, if somebody asked for it (`by`), each with a record.
    pub(super) async fn treat(
        &self,
        faults: Vec<(Ailment, Option<Repair>)>,
        by: Option<&str>,
    ) -> ServiceResult<Vec<Ailment>> {
        let mut treated = Vec::with_capacity(faults.len());
        let mut moved = false;
        for (mut ailment, repair) in faults {
            if let (Some(repair), Some(by)) = (repair, by) {
                self.inner.store.may_look()?;
                self.apply(&mut ailment, repair.clone(), by).await;
                moved |= matches!(repair, Repair::SetAside(..));
            }
            treated.push(ailment);
        }
        if let Some(by) = by.filter(|_| moved) {
            treated.extend(self.count_again(by).await);
        }
        Ok(treated)
    }

    async fn apply(&self, ailment: &mut Ailment, repair: Repair, by: &str) {
        let what = done(&repair);
        match self.inner.store.repair(repair, self.clock().now()).await {
            Ok(()) => {
                what.clone_into(&mut ailment.remedy);
                ailment.repaired = true;
                let text = format!("{}: {}: {what}", ailment.place, ailment.what);
                tracing::warn!("repaired: {text}");
                let by = by.to_owned();
                self.record(&About::default(), &Record::Repaired { text, by });
            }
            Err(err) => {
                tracing::error!(error = %err, "not repaired: {}: {err}", ailment.place);
                ailment.remedy = format!("the repair did not work: {err}");
            }
        }
    }

    /// Counters that a damaged row had wrong move with it; they are counted again at once.
    async fn count_again(&self, by: &str) -> Vec<Ailment> {
        let store = self.inner.store.clone();
        let look = move || store.examine_counters_blocking();
        let Ok(Ok(faults)) = tokio::task::spawn_blocking(look).await else {
            return Vec::new();
        };
        let mut treated = Vec::new();
        for fault in faults {
            let mut found = ailment(&fault);
            if let Some(repair) = fault.repair {
                self.apply(&mut found, repair, by).await;
            }
            treated.push(found);
        }
        treated
    }
}
