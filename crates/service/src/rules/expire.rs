//! The ends of rules: those whose time has come are switched off by an entry of the server's own.

use policy::Change;
use policy::change::RuleRef;
use store::WriteTx;

use crate::Service;
use crate::admit::AdmitError;

/// Things that rules remember which are forgotten in one beat.
const FORGET_MAX: usize = 10_000;
/// Rules that end in one beat; the next beat goes on.
const EXPIRE_MAX: usize = 200;

impl Service {
    /// Switches off the rules whose time has come, and forgets what they need not remember.
    pub(crate) async fn end_rules(&self) {
        let now = self.clock().now();
        let forget = move |tx: &mut WriteTx<'_>| store::rule::forget(tx, now, FORGET_MAX);
        if let Err(err) = self.inner.store.write_small(forget).await {
            tracing::warn!(error = %err, "what rules remember was not cleaned up: {err}");
        }
        let config = self.config();
        let is_over = |end: types::Timestamp| end <= now;
        let over = config
            .rules()
            .filter(|rule| rule.enabled && rule.expires.is_some_and(is_over));
        let changes: Vec<_> = over
            .take(EXPIRE_MAX)
            .map(|rule| Change::RuleExpire(RuleRef { id: rule.id }))
            .collect();
        if changes.is_empty() {
            return;
        }
        if let Err(err) = self.record_expired(changes).await {
            tracing::error!(error = %err, "a rule that has ended could not be recorded: {err}");
        }
    }

    async fn record_expired(&self, changes: Vec<Change>) -> Result<(), AdmitError> {
        let mut admission = self.inner.admission.lock().await;
        self.roll_forward(&mut admission).await?;
        self.admit_own(&mut admission, ledger::Door::Schedule, changes, Vec::new())
            .await
    }
}
