//! Which right each change asks for.

use types::{AccountId, DomainId};

use crate::change::{Change, Owned};
use crate::config::Config;
use crate::role::{Right, Role, Subject};

impl Change {
    /// The right that an actor needs for this change. What is about something that does not exist
    /// asks for the widest right, so that nobody can probe for it.
    pub fn right(&self, config: &Config) -> Right {
        match self {
            Self::AccountCreate(c) if c.role == Role::MailboxOwner => {
                let domain = config.domain(c.address.domain());
                domain.map_or(Right::ManageServer, |d| Right::ManageDomain(d.id))
            }
            Self::AccountRemove(c) | Self::AccountDisable(c) | Self::AccountEnable(c) => {
                about(config, c.id, Right::ManageAccount)
            }
            Self::AccountQuotaSet(c) => about(config, c.id, Right::ManageAccount),
            Self::AccountNameSet(c) => about(config, c.id, Right::UseAccount),
            Self::PasswordSet(c) => about(config, c.account, Right::UseAccount),
            Self::SendAsGrant(c) => owned(config, c.of),
            Self::SendAsRevoke(c) => {
                let grant = config.grant(c.id);
                grant.map_or(Right::ManageServer, |grant| owned(config, grant.of))
            }
            Self::AliasCreate(c) => {
                let domain = config.domain(c.address.domain());
                domain.map_or(Right::ManageServer, |d| Right::ManageDomain(d.id))
            }
            Self::AliasRemove(c) => owned(config, Owned::Alias(c.id)),
            Self::AliasMembersChange(c) => owned(config, Owned::Alias(c.id)),
            Self::CatchAllSet(c) => inside(config, c.id),
            Self::CatchAllClear(c) => inside(config, c.id),
            Self::DomainPlusAddressingSet(c) => inside(config, c.id),
            Self::AccountCreate(_)
            | Self::AccountRoleSet(_)
            | Self::Genesis(_)
            | Self::Boot(_)
            | Self::OutsideEdit(_)
            | Self::SettingSet(_)
            | Self::ListenerCreate(_)
            | Self::ListenerChange(_)
            | Self::ListenerRemove(_)
            | Self::ServiceOn(_)
            | Self::ServiceOff(_)
            | Self::CertificateSet(_)
            | Self::CertificateRemove(_)
            | Self::DomainCreate(_)
            | Self::DomainRemove(_)
            | Self::DomainDisable(_)
            | Self::DomainEnable(_)
            | Self::DomainAliasCreate(_)
            | Self::DomainAliasRemove(_) => Right::ManageServer,
        }
    }
}

fn about(config: &Config, id: AccountId, right: fn(Subject) -> Right) -> Right {
    let account = config.account(id);
    account.map_or(Right::ManageServer, |account| right(account.subject()))
}

fn inside(config: &Config, id: DomainId) -> Right {
    match config.domain_by_id(id) {
        Some(_) => Right::ManageDomain(id),
        None => Right::ManageServer,
    }
}

/// Who may say who sends with an address: its account, or the admin of its alias's domain.
fn owned(config: &Config, of: Owned) -> Right {
    match of {
        Owned::Account(id) => about(config, id, Right::UseAccount),
        Owned::Alias(id) => {
            let alias = config.alias(id);
            alias.map_or(Right::ManageServer, |alias| Right::ManageDomain(alias.domain))
        }
    }
}
