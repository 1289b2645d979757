//! What there is, told to those who may know: for tables, pages and programs alike.
//!
//! Field names are part of the command line's `--json`, so they are only ever added to.

pub(crate) mod words;

mod activity;
mod config;
mod dns;
mod ledger;
mod source;

mod alert;
mod credential;
mod rule;

mod exit;

pub use activity::{ActivityQuery, ActivityRow};
pub(crate) use alert::rule_codes;
pub use alert::{AlertQuery, AlertView};
pub use config::{
    AccountView, AliasView, CertificateView, DomainView, GrantView, ServiceView, SettingView,
    StatusView,
};
pub use credential::{AppPasswordView, CredentialLife, TokenView};
pub use dns::WantedRecord;
pub use exit::ExitView;
pub use ledger::{EntryDetail, EntryView, VerifyView};
pub use rule::{RuleView, SenderView};
pub use source::{AccessView, BlockView, ProxyView};

use policy::{Right, may};

use crate::Service;
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};

impl Service {
    /// Whether the actor may read the whole configuration and all records.
    pub(crate) fn may_read_server(&self, actor: &Actor) -> ServiceResult<()> {
        self.may_on_server(actor, &Right::ReadServer)
    }

    /// Refuses who has not this right.
    pub(crate) fn may_on_server(&self, actor: &Actor, right: &Right) -> ServiceResult<()> {
        let authority = actor.authority(&self.config());
        match authority {
            Some(authority) if may(&authority, right) => Ok(()),
            _ => Err(ServiceError::Refused(
                "your role does not allow this".to_owned(),
            )),
        }
    }
}
