//! Where mail for an address goes, and who may send with it.
//!
//! The order is: the exact address, the address without its detail (RFC 5233 §4), the addresses
//! that every domain must have (RFC 5321 §4.5.1, RFC 2142 §2), the catch-all.

use std::collections::BTreeSet;

use types::limits::{EXPANSION_DEPTH_MAX, EXPANSION_TARGETS_MAX};
use types::{AccountId, Address, AliasId, CredentialId, DomainId};

use super::{Account, Config, CredentialKind, HostedDomain};
use crate::change::{Member, Owned};

/// Members that are looked at for one recipient, however often they repeat.
const EXPANSION_STEPS_MAX: usize = 10_000;
/// Local parts that work in every domain without being made.
const ROLE_LOCAL_PARTS: [&str; 2] = ["postmaster", "abuse"];

/// What an address is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// Its own mailboxes.
    Account(AccountId),
    /// Others get its mail.
    Alias(AliasId, &'a BTreeSet<Member>),
    /// `postmaster` or `abuse`: the domain's admins get its mail, or else the owners.
    RoleAddress(BTreeSet<AccountId>),
    /// Nobody has it, but somebody gets the mail for such addresses of the domain.
    CatchAll(DomainId, &'a BTreeSet<Member>),
    /// Its domain is not hosted here.
    NotLocal,
    /// Its domain is hosted here; nobody has it.
    NoSuch,
    /// Its account or its domain is disabled.
    Disabled,
}

/// The final recipients of mail for an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// Accounts here; each gets one copy.
    pub accounts: BTreeSet<AccountId>,
    /// Addresses that are not hosted here.
    pub outside: BTreeSet<Address>,
    /// The aliases that were passed.
    pub via: BTreeSet<AliasId>,
    /// The catch-alls that were passed.
    pub catch_alls: BTreeSet<DomainId>,
}

/// Why an address has no final recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ExpandError {
    /// Its domain is not hosted here.
    #[error("the domain is not hosted here")]
    NotLocal,
    /// Nobody has the address.
    #[error("there is no such address here")]
    NoSuch,
    /// Its account or domain is disabled, or so is everybody that its alias delivers to.
    #[error("the address is disabled")]
    Disabled,
    /// Aliases lead to aliases too often.
    #[error("aliases lead to aliases more than {EXPANSION_DEPTH_MAX} times")]
    TooDeep,
    /// More recipients than one message may have.
    #[error("the address delivers to more than {EXPANSION_TARGETS_MAX} others")]
    TooMany,
}

impl Config {
    /// What an address is here.
    pub fn resolve(&self, address: &Address) -> Resolution<'_> {
        let Some(domain) = self.domain(address.domain()) else {
            return Resolution::NotLocal;
        };
        if !domain.enabled {
            return Resolution::Disabled;
        }
        let folded = address.local().folded();
        match domain.owner_with_detail(&folded) {
            Some(Owned::Account(id)) if self.account(id).is_some_and(|a| a.enabled) => {
                Resolution::Account(id)
            }
            Some(Owned::Account(_)) => Resolution::Disabled,
            Some(Owned::Alias(id)) => match self.alias(id) {
                Some(alias) => Resolution::Alias(id, &alias.members),
                None => Resolution::NoSuch,
            },
            None => self.resolve_unowned(domain, &folded),
        }
    }

    /// What an address is that nobody made.
    fn resolve_unowned<'a>(&'a self, domain: &'a HostedDomain, folded: &str) -> Resolution<'a> {
        if ROLE_LOCAL_PARTS.contains(&domain.without_detail(folded)) {
            let recipients = self.role_recipients(domain);
            if !recipients.is_empty() {
                return Resolution::RoleAddress(recipients);
            }
        }
        if domain.catch_all.is_empty() {
            Resolution::NoSuch
        } else {
            Resolution::CatchAll(domain.id, &domain.catch_all)
        }
    }

    /// Who gets mail for `postmaster` and `abuse`: the domain's admins that work, else the owners.
    pub fn role_recipients(&self, domain: &HostedDomain) -> BTreeSet<AccountId> {
        let works = |id: &AccountId| self.account(*id).is_some_and(|a| self.is_active(a));
        let admins: BTreeSet<_> = domain.admins().filter(works).collect();
        if admins.is_empty() {
            self.active_owners().collect()
        } else {
            admins
        }
    }

    /// The final recipients of mail for an address of a domain here.
    ///
    /// Members that are gone or disabled are passed over; cycles end where they close.
    pub fn expand(&self, address: &Address) -> Result<Expansion, ExpandError> {
        let member = match self.resolve(address) {
            Resolution::NotLocal => return Err(ExpandError::NotLocal),
            Resolution::NoSuch => return Err(ExpandError::NoSuch),
            Resolution::Disabled => return Err(ExpandError::Disabled),
            Resolution::Account(id) => Member::Account(id),
            Resolution::Alias(id, _) => Member::Alias(id),
            Resolution::RoleAddress(_) | Resolution::CatchAll(..) => {
                Member::Outside(address.clone())
            }
        };
        self.expand_members(&BTreeSet::from([member]))
    }

    /// The final recipients of mail for a list of members.
    pub fn expand_members(&self, members: &BTreeSet<Member>) -> Result<Expansion, ExpandError> {
        let mut walk = Walk {
            config: self,
            found: Expansion::default(),
            steps_left: EXPANSION_STEPS_MAX,
        };
        walk.members(members, EXPANSION_DEPTH_MAX)?;
        if walk.found.accounts.is_empty() && walk.found.outside.is_empty() {
            return Err(ExpandError::Disabled);
        }
        Ok(walk.found)
    }

    /// Whether an account may send with an address: its own with any detail and under any name of
    /// its domain, an alias that delivers to it, a role address that it answers for, or one that
    /// it was granted. A catch-all gives no address to send with.
    pub fn may_send_as(&self, id: AccountId, address: &Address) -> bool {
        let Some(account) = self.account(id).filter(|account| self.is_active(account)) else {
            return false;
        };
        match self.resolve(address) {
            Resolution::Account(owner) => self.sends_for(account, Owned::Account(owner)),
            Resolution::Alias(alias, _) => self.sends_for(account, Owned::Alias(alias)),
            Resolution::RoleAddress(accounts) => accounts.contains(&id),
            Resolution::CatchAll(..)
            | Resolution::NotLocal
            | Resolution::NoSuch
            | Resolution::Disabled => false,
        }
    }

    /// Whether an account may send with the addresses of this owner: itself, an alias that
    /// delivers to it, or whoever granted it.
    pub fn sends_for(&self, account: &Account, of: Owned) -> bool {
        let mut grants = (account.send_as.iter()).filter_map(|grant| self.grant(*grant));
        if grants.any(|grant| grant.of == of) {
            return true;
        }
        match of {
            Owned::Account(owner) => owner == account.id,
            Owned::Alias(alias) => self.alias(alias).is_some_and(|alias| {
                let reached = self.expand_members(&alias.members);
                reached.is_ok_and(|expansion| expansion.accounts.contains(&account.id))
            }),
        }
    }

    /// Whether an account that signed in with this credential may send with an address: the
    /// account may, and the credential is in force and not limited to other addresses.
    pub fn may_send_with(
        &self,
        account: AccountId,
        credential: CredentialId,
        address: &Address,
    ) -> bool {
        if self.opens_mail(account, credential).is_none() {
            return false;
        }
        let kind = self.credential(credential).map(|known| &known.kind);
        let within = match kind {
            Some(CredentialKind::AppPassword { send_as, .. }) if !send_as.is_empty() => {
                match self.resolve(address) {
                    Resolution::Account(owner) => send_as.contains(&Owned::Account(owner)),
                    Resolution::Alias(alias, _) => send_as.contains(&Owned::Alias(alias)),
                    _ => false,
                }
            }
            _ => true,
        };
        within && self.may_send_as(account, address)
    }
}

impl HostedDomain {
    /// What owns a local part, or the longest part of it that can stand before a separator.
    fn owner_with_detail(&self, folded: &str) -> Option<Owned> {
        let exact = self.owner(folded);
        let Some(separator) = self.separator.filter(|_| exact.is_none()) else {
            return exact;
        };
        let mut ends = folded.rmatch_indices(separator.as_char());
        ends.find_map(|(end, _)| self.owner(&folded[..end]))
    }

    /// The local part up to its first separator.
    fn without_detail<'a>(&self, folded: &'a str) -> &'a str {
        let parts = self
            .separator
            .and_then(|separator| folded.split_once(separator.as_char()));
        parts.map_or(folded, |(user, _)| user)
    }
}

/// One expansion under way.
struct Walk<'a> {
    config: &'a Config,
    found: Expansion,
    steps_left: usize,
}

impl Walk<'_> {
    fn members(
        &mut self,
        members: &BTreeSet<Member>,
        depth_left: usize,
    ) -> Result<(), ExpandError> {
        for member in members {
            self.steps_left = self.steps_left.checked_sub(1).ok_or(ExpandError::TooMany)?;
            match member {
                Member::Account(id) => self.account(*id),
                Member::Alias(id) => self.alias(*id, depth_left)?,
                Member::Outside(address) => self.outside(address, depth_left)?,
            }
            if self.found.accounts.len() + self.found.outside.len() > EXPANSION_TARGETS_MAX {
                return Err(ExpandError::TooMany);
            }
        }
        Ok(())
    }

    fn account(&mut self, id: AccountId) {
        let config = self.config;
        if config
            .account(id)
            .is_some_and(|account| config.is_active(account))
        {
            self.found.accounts.insert(id);
        }
    }

    fn alias(&mut self, id: AliasId, depth_left: usize) -> Result<(), ExpandError> {
        let config = self.config;
        let Some(alias) = config.alias(id) else {
            return Ok(());
        };
        let works = config.domain_by_id(alias.domain).is_some_and(|d| d.enabled);
        if works && self.found.via.insert(id) {
            self.deeper(&alias.members, depth_left)?;
        }
        Ok(())
    }

    /// An address that was not hosted here when it was written; it may be by now.
    fn outside(&mut self, address: &Address, depth_left: usize) -> Result<(), ExpandError> {
        let config = self.config;
        match config.resolve(address) {
            Resolution::NotLocal => {
                self.found.outside.insert(address.clone());
            }
            Resolution::Account(id) => self.account(id),
            Resolution::Alias(id, _) => self.alias(id, depth_left)?,
            Resolution::RoleAddress(accounts) => self.found.accounts.extend(accounts),
            Resolution::CatchAll(domain, members) => {
                if self.found.catch_alls.insert(domain) {
                    self.deeper(members, depth_left)?;
                }
            }
            Resolution::NoSuch | Resolution::Disabled => {}
        }
        Ok(())
    }

    fn deeper(&mut self, members: &BTreeSet<Member>, depth_left: usize) -> Result<(), ExpandError> {
        let depth_left = depth_left.checked_sub(1).ok_or(ExpandError::TooDeep)?;
        self.members(members, depth_left)
    }
}
