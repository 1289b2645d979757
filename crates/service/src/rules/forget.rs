//! Forgetting: what rules remember about messages whose time is over.

use store::WriteTx;

use crate::Service;

/// Things that rules remember which are forgotten in one beat.
const FORGET_MAX: usize = 10_000;

impl Service {
    /// Forgets whom rules answered and what they met, where that has reached its end.
    pub(crate) async fn forget_for_rules(&self) {
        let now = self.clock().now();
        let forget = move |tx: &mut WriteTx<'_>| store::rule::forget(tx, now, FORGET_MAX);
        if let Err(err) = self.inner.store.write_small(forget).await {
            tracing::warn!(error = %err, "what rules remember was not cleaned up: {err}");
        }
    }
}
