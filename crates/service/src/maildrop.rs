//! The lock of a maildrop: one POP3 session for each account (RFC 1939 §4).

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use types::AccountId;

use crate::error::{ServiceError, ServiceResult};
use crate::{Principal, Service, lock};

pub(crate) type Locked = HashSet<AccountId>;

/// Held by the session that has the maildrop; dropping it opens the maildrop again.
pub struct MaildropLock {
    account: AccountId,
    locked: Arc<Mutex<Locked>>,
}

impl Service {
    /// Takes the maildrop for one session; [`ServiceError::Busy`] while another has it.
    pub fn maildrop_lock(&self, principal: &Principal) -> ServiceResult<MaildropLock> {
        let locked = Arc::clone(&self.inner.maildrops);
        if !lock(&locked).insert(principal.account) {
            return Err(ServiceError::Busy);
        }
        Ok(MaildropLock {
            account: principal.account,
            locked,
        })
    }
}

impl Drop for MaildropLock {
    fn drop(&mut self) {
        lock(&self.locked).remove(&self.account);
    }
}
