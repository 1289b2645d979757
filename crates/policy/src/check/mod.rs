//! Whether a change can be made on a configuration, and the one form in which it is made.
//!
//! Each refusal names what, where, and what to do. The limits here bind new changes only: the fold
//! of what was once admitted never asks them.

mod credential;
mod dkim;
mod error;
mod route;
mod rule;
mod scanner;
mod senders;
mod source;

#[cfg(test)]
mod tests;

pub use credential::{
    APP_PASSWORDS_PER_ACCOUNT_MAX, NETWORKS_PER_CREDENTIAL_MAX, SENDERS_PER_CREDENTIAL_MAX,
    TOKENS_PER_ACCOUNT_MAX,
};
pub use error::{ChangeError, ChangeErrorKind};
pub use rule::{
    CONTENT_MAX_OCTETS, EXIT_MAX_S, EXITS_MAX, RULE_COMMENT_MAX_CHARS, RULE_NAME_MAX_CHARS,
    RULES_MAX, RULES_MAX_OCTETS, RULES_PER_LEVEL_MAX,
};
pub use senders::SENDERS_MAX;
pub use source::{ACCESS_NETWORKS_MAX, BLOCK_MAX_S, BLOCKS_MAX, PROXIES_MAX};

use std::collections::BTreeSet;
use std::fmt::Display;

use ledger::{Checkpoint, Note};
use types::limits::EXPANSION_TARGETS_MAX;
use types::{AccountId, Address, AliasId, CertificateId, Domain, DomainId, Timestamp};

use crate::change::{
    AccountCreate, AccountQuotaSet, ActivityCheckpoint, AliasCreate, AliasMembersChange,
    CatchAllSet, CertificateSet, Change, DomainAliasCreate, DomainCreate, DomainPlusAddressingSet,
    Genesis, ListenerSet, MEMBERS_PER_CHANGE_MAX, Member, Owned, PasswordSet, SendAsGrant,
    ServiceSwitch,
};
use crate::config::{Account, Alias, Authorship, Config, ExpandError, Forwarder, HostedDomain};
use crate::settings::Setting;

/// Domains and second names of one server.
pub const DOMAINS_MAX: usize = 10_000;
/// Second names of one domain.
pub const SECOND_NAMES_PER_DOMAIN_MAX: usize = 100;
/// Accounts of one domain.
pub const ACCOUNTS_PER_DOMAIN_MAX: usize = 10_000;
/// Aliases of one domain.
pub const ALIASES_PER_DOMAIN_MAX: usize = 10_000;
/// Members of one alias.
pub const MEMBERS_MAX: usize = EXPANSION_TARGETS_MAX;
/// Members of one catch-all.
pub const CATCH_ALL_MEMBERS_MAX: usize = 10;
/// Listeners of one server.
pub const LISTENERS_MAX: usize = 64;
/// Certificates of one server.
pub const CERTIFICATES_MAX: usize = 1_000;
/// Names of one certificate.
pub const NAMES_PER_CERTIFICATE_MAX: usize = 100;
/// Send-as grants of one account.
pub const GRANTS_PER_ACCOUNT_MAX: usize = 100;
/// The largest quota: 2^50 octets.
pub const QUOTA_MAX_OCTETS: u64 = 1 << 50;
/// Lower-case hexadecimal digits of an instance id.
const INSTANCE_DIGITS: usize = 8;

type Checked = Result<(), ChangeError>;

impl Change {
    /// The same change in the one form in which it is recorded: addresses under the domain's own
    /// name, members by id where they are here, lists sorted and without repetition.
    pub fn normalised(mut self, config: &Config) -> Result<Self, ChangeError> {
        match &mut self {
            Self::AccountCreate(c) => c.address = under_own_name(config, &c.address)?,
            Self::AliasCreate(c) => {
                c.address = under_own_name(config, &c.address)?;
                c.members = bound(config, &c.members)?;
            }
            Self::AliasMembersChange(c) => {
                c.add = bound(config, &c.add)?;
                // A member from outside whose domain came here later goes as it stands.
                let present = config.alias(c.id).map(|alias| &alias.members);
                let stands = |m: &Member| present.is_some_and(|members| members.contains(m));
                let (stand, rest): (Vec<_>, Vec<_>) = c.remove.drain(..).partition(stands);
                c.remove = bound(config, &rest)?;
                c.remove.extend(stand);
                c.remove.sort();
                c.remove.dedup();
            }
            Self::CatchAllSet(c) => c.members = bound(config, &c.members)?,
            Self::CertificateSet(c) => {
                c.names.sort();
                c.names.dedup();
            }
            Self::AccessSet(c) => {
                source::sort(&mut c.allow);
                source::sort(&mut c.deny);
            }
            Self::ProxySet(c) => source::sort(&mut c.networks),
            Self::AppPasswordCreate(c) => {
                sort_once(&mut c.scopes);
                sort_once(&mut c.networks);
                sort_once(&mut c.send_as);
            }
            Self::TokenCreate(c) => sort_once(&mut c.scopes),
            Self::SendersChange(c) => senders::normalise(config, c),
            Self::RuleCreate(c) | Self::RuleChange(c) => rule::normalise(c),
            _ => {}
        }
        Ok(self)
    }

    /// Whether the change can be made on `config`. Ask it of a [`Self::normalised`] change.
    // long: one arm for each change
    pub fn check(&self, config: &Config) -> Checked {
        if config.genesis().is_some() == matches!(self, Self::Genesis(_)) {
            return Err(ChangeError::Genesis);
        }
        match self {
            Self::Genesis(genesis) => check_genesis(genesis),
            Self::Boot(_) | Self::OutsideEdit(_) => Ok(()),
            Self::Acknowledge(c) => check_acknowledge(config, c.through),
            Self::ActivityCheckpoint(checkpoint) => check_checkpoint(checkpoint),
            Self::SettingSet(setting) => check_setting(config, setting),
            Self::ListenerCreate(set) => check_listener_create(config, set),
            Self::ListenerChange(set) => check_listener_change(config, set),
            Self::ListenerRemove(c) => found(config.listener(c.id), "service", c.id),
            Self::ServiceOn(switch) => check_switch(config, switch, true),
            Self::ServiceOff(switch) => check_switch(config, switch, false),
            Self::CertificateSet(set) => check_certificate(config, set),
            Self::CertificateRemove(c) => check_certificate_remove(config, c.id),
            Self::DomainCreate(create) => check_domain_create(config, create),
            Self::DomainRemove(c) => check_domain_remove(config, c.id),
            Self::DomainDisable(c) => changes(domain(config, c.id)?.enabled, c.id),
            Self::DomainEnable(c) => changes(!domain(config, c.id)?.enabled, c.id),
            Self::DomainPlusAddressingSet(c) => check_plus_addressing(config, c),
            Self::DomainAliasCreate(create) => check_domain_alias(config, create),
            Self::DomainAliasRemove(c) => found(config.domain_alias(c.id), "domain", c.id),
            Self::CatchAllSet(set) => check_catch_all(config, set),
            Self::CatchAllClear(c) => check_catch_all_clear(config, c.id),
            Self::AccountCreate(create) => check_account_create(config, create),
            Self::AccountRemove(c) => found(config.account(c.id), "account", c.id),
            Self::AccountDisable(c) => changes(account(config, c.id)?.enabled, c.id),
            Self::AccountEnable(c) => changes(!account(config, c.id)?.enabled, c.id),
            Self::AccountNameSet(c) => changes(account(config, c.id)?.name != c.name, c.id),
            Self::AccountRoleSet(c) => changes(account(config, c.id)?.role != c.role, c.id),
            Self::AccountQuotaSet(c) => check_quota_set(config, c),
            Self::PasswordSet(set) => check_password(config, set),
            Self::AppPasswordCreate(_)
            | Self::AppPasswordRemove(_)
            | Self::TotpCreate(_)
            | Self::TotpRemove(_)
            | Self::RecoveryCodesCreate(_)
            | Self::TokenCreate(_)
            | Self::TokenRemove(_) => credential::check(config, self),
            Self::AliasCreate(create) => check_alias_create(config, create),
            Self::AliasRemove(c) => found(config.alias(c.id), "alias", c.id),
            Self::AliasMembersChange(change) => check_members_change(config, change),
            Self::SendAsGrant(grant) => check_grant(config, grant),
            Self::SendAsRevoke(c) => found(config.grant(c.id), "grant", c.id),
            Self::AccessSet(set) => source::check_access(config, set),
            Self::ProxySet(set) => source::check_proxies(config, set),
            Self::BlockAdd(add) => source::check_block(config, add),
            // It may be a block of the server's own, which is no part of the configuration.
            Self::BlockRemove(_) => Ok(()),
            Self::DkimCreate(create) => dkim::create(config, create),
            Self::DkimSetUse(set) => dkim::set_use(config, set),
            Self::DkimRemove(c) => found(config.dkim_key(&c.id), "key", &c.id),
            Self::RouteSet(set) => route::check(config, set),
            Self::RouteRemove(c) => found(config.route(&c.id), "route", &c.id),
            Self::ScannerSet(set) => scanner::check(config, set),
            Self::ScannerRemove(c) => found(config.scanner(c.id), "scanner", c.id),
            Self::RuleCreate(_)
            | Self::RuleChange(_)
            | Self::RuleRemove(_)
            | Self::RulePause(_)
            | Self::RuleResume(_)
            | Self::RuleMove(_)
            | Self::RuleExpire(_)
            | Self::ExitAllow(_)
            | Self::ExitRevoke(_) => rule::check(config, self),
            Self::SendersChange(change) => senders::check(config, change),
            Self::RecoverablePurge(c) => {
                account(config, c.id)?;
                changes(c.messages > 0, format_args!("the removed mail of {}", c.id))
            }
        }?;
        match self {
            Self::AliasCreate(create) => self.check_expansion(config, create.id),
            Self::AliasMembersChange(change) => self.check_expansion(config, change.id),
            Self::CatchAllSet(set) => no_circle(&self.tried(config)?, Forwarder::CatchAll(set.id)),
            Self::DomainDisable(_)
            | Self::AccountRemove(_)
            | Self::AccountDisable(_)
            | Self::AccountRoleSet(_) => self.check_owners(config),
            _ => Ok(()),
        }
    }

    /// The configuration as the change would make it.
    fn tried(&self, config: &Config) -> Result<Config, ChangeError> {
        Ok(config.tried(self, &Authorship::system(Timestamp(0)))?)
    }

    /// An owner that works must remain.
    fn check_owners(&self, config: &Config) -> Checked {
        let Some(owner) = config.active_owners().next() else {
            return Ok(());
        };
        let remains = self.tried(config)?.active_owners().next().is_some();
        if remains {
            Ok(())
        } else {
            Err(ChangeError::LastOwner(owner))
        }
    }

    /// The alias must not reach itself, nor too far.
    fn check_expansion(&self, config: &Config, id: AliasId) -> Checked {
        let after = self.tried(config)?;
        let alias = alias(&after, id)?;
        no_circle(&after, Forwarder::Alias(id))?;
        match after.expand_members(&BTreeSet::from([Member::Alias(id)])) {
            Ok(_) | Err(ExpandError::Disabled) => Ok(()),
            Err(reason) => Err(ChangeError::Expansion {
                address: alias.address.clone(),
                reason,
            }),
        }
    }
}

fn no_circle(after: &Config, start: Forwarder) -> Checked {
    match after.circle(start) {
        Some(way) => Err(ChangeError::Circle(way.join(" -> "))),
        None => Ok(()),
    }
}

fn sort_once<T: Ord>(list: &mut Vec<T>) {
    list.sort();
    list.dedup();
}

fn check_genesis(genesis: &Genesis) -> Checked {
    let hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    let instance = &genesis.instance;
    if instance.len() == INSTANCE_DIGITS && instance.bytes().all(hex) {
        Ok(())
    } else {
        Err(ChangeError::Field {
            field: "instance",
            value: instance.clone(),
            accepted: "it takes 8 lower-case hexadecimal digits",
        })
    }
}

/// The note must say of this log what the entry says.
fn check_checkpoint(told: &ActivityCheckpoint) -> Checked {
    let note = Note::parse(told.note.as_bytes()).ok();
    let signed = note.and_then(|note| note.text().parse::<Checkpoint>().ok());
    let says_so = signed.is_some_and(|signed| {
        let stem = signed.origin.epoch().map_or("", |(stem, _)| stem);
        let log = stem.rsplit_once('/').map(|(_, log)| log);
        (log, signed.size, signed.root) == (Some(told.id.as_str()), told.size, told.root)
    });
    if says_so {
        return Ok(());
    }
    Err(ChangeError::Field {
        field: "note",
        value: told.note.clone(),
        accepted: "it takes a signed checkpoint of this log, size and root",
    })
}

/// Only what is on record already can have been looked at, and all of it.
fn check_acknowledge(config: &Config, through: u64) -> Checked {
    match config.outside_edits().last() {
        None => Err(ChangeError::NothingToAcknowledge),
        Some(last) if last != through => Err(ChangeError::OtherEdits { last }),
        Some(_) => Ok(()),
    }
}

fn check_setting(config: &Config, setting: &Setting) -> Checked {
    setting.check()?;
    changes(
        config.settings().current(setting) != *setting,
        setting.key(),
    )
}

/// The last certificate stays while a service needs one from the first octet.
fn check_certificate_remove(config: &Config, id: CertificateId) -> Checked {
    found(config.certificate(id), "certificate", id)?;
    let is_last = config.certificates().count() == 1;
    let mut open = config.open_listeners();
    match open.find(|listener| listener.begins_with_tls()) {
        Some(listener) if is_last => Err(ChangeError::LastCertificate(listener.service)),
        _ => Ok(()),
    }
}

fn check_listener_create(config: &Config, set: &ListenerSet) -> Checked {
    next(set.id, config.next_listener_id())?;
    room(
        config.listeners().count(),
        LISTENERS_MAX,
        "listeners",
        "the server",
    )?;
    check_socket(config, set)
}

fn check_listener_change(config: &Config, set: &ListenerSet) -> Checked {
    let listener = present(config.listener(set.id), "service", set.id)?;
    let same = listener.service == set.service && listener.address == set.address;
    changes(!same, set.id)?;
    check_socket(config, set)
}

/// Two listeners cannot take one port of one address; an unspecified address is every address.
fn check_socket(config: &Config, set: &ListenerSet) -> Checked {
    let (ip, port) = (set.address.ip(), set.address.port());
    if port == 0 {
        return Err(ChangeError::Field {
            field: "port",
            value: "0".to_owned(),
            accepted: "it takes a number from 1 to 65535",
        });
    }
    let clash = config.listeners().find(|other| {
        let there = other.address.ip();
        let family = there.is_ipv4() == ip.is_ipv4();
        let address = there == ip || family && (there.is_unspecified() || ip.is_unspecified());
        other.id != set.id && other.address.port() == port && address
    });
    match clash {
        Some(other) => Err(ChangeError::ListenerTaken {
            address: set.address,
            by: other.id,
        }),
        None => Ok(()),
    }
}

fn check_switch(config: &Config, switch: &ServiceSwitch, on: bool) -> Checked {
    changes(
        config.service_is_on(switch.id) != on,
        format_args!("service {}", switch.id),
    )
}

fn check_certificate(config: &Config, set: &CertificateSet) -> Checked {
    if config.certificate(set.id).is_none() {
        next(set.id, config.next_certificate_id())?;
        room(
            config.certificates().count(),
            CERTIFICATES_MAX,
            "certificates",
            "the server",
        )?;
    }
    if (1..=NAMES_PER_CERTIFICATE_MAX).contains(&set.names.len()) {
        return Ok(());
    }
    Err(ChangeError::Field {
        field: "names",
        value: format!("{} names", set.names.len()),
        accepted: "a certificate serves 1 to 100 names",
    })
}

fn check_domain_create(config: &Config, create: &DomainCreate) -> Checked {
    next(create.id, config.next_domain_id())?;
    check_new_name(config, &create.name)
}

fn check_new_name(config: &Config, name: &Domain) -> Checked {
    if config.domain(name).is_some() {
        return Err(ChangeError::DomainTaken(name.clone()));
    }
    let names = config.domains_len() + config.domain_aliases().count();
    room(names, DOMAINS_MAX, "domains and second names", "the server")
}

fn check_domain_remove(config: &Config, id: DomainId) -> Checked {
    let domain = domain(config, id)?;
    let second_names = config.names_of(domain).len() - 1;
    if domain.accounts_len() + domain.aliases_len() + second_names == 0 {
        return Ok(());
    }
    Err(ChangeError::NotEmpty {
        name: domain.name.clone(),
        accounts: domain.accounts_len(),
        aliases: domain.aliases_len(),
        second_names,
    })
}

fn check_plus_addressing(config: &Config, c: &DomainPlusAddressingSet) -> Checked {
    let domain = domain(config, c.id)?;
    changes(domain.separator != c.separator, &domain.name)
}

fn check_domain_alias(config: &Config, create: &DomainAliasCreate) -> Checked {
    next(create.id, config.next_domain_id())?;
    let domain = domain(config, create.of)?;
    let second_names = config.names_of(domain).len() - 1;
    room(
        second_names,
        SECOND_NAMES_PER_DOMAIN_MAX,
        "second names",
        domain.name.as_str(),
    )?;
    check_new_name(config, &create.name)
}

fn check_catch_all(config: &Config, set: &CatchAllSet) -> Checked {
    let domain = domain(config, set.id)?;
    check_members(config, &set.members)?;
    let place = format!("the catch-all of {}", domain.name);
    if set.members.is_empty() {
        return Err(ChangeError::NoMembers(place));
    }
    if set.members.len() > CATCH_ALL_MEMBERS_MAX {
        return Err(ChangeError::TooMany {
            things: "members",
            place,
            max: CATCH_ALL_MEMBERS_MAX,
        });
    }
    changes(!domain.catch_all.iter().eq(&set.members), place)
}

fn check_catch_all_clear(config: &Config, id: DomainId) -> Checked {
    let domain = domain(config, id)?;
    let place = format!("the catch-all of {}", domain.name);
    changes(!domain.catch_all.is_empty(), place)
}

fn check_account_create(config: &Config, create: &AccountCreate) -> Checked {
    next(create.id, config.next_account_id())?;
    check_quota(create.quota_octets)?;
    let domain = check_new_address(config, &create.address)?;
    room(
        domain.accounts_len(),
        ACCOUNTS_PER_DOMAIN_MAX,
        "accounts",
        domain.name.as_str(),
    )
}

fn check_quota_set(config: &Config, set: &AccountQuotaSet) -> Checked {
    check_quota(set.quota_octets)?;
    let account = account(config, set.id)?;
    changes(account.quota_octets != set.quota_octets, set.id)
}

fn check_quota(quota_octets: Option<u64>) -> Checked {
    match quota_octets {
        Some(octets) if !(1..=QUOTA_MAX_OCTETS).contains(&octets) => Err(ChangeError::Field {
            field: "quota_octets",
            value: octets.to_string(),
            accepted: "it takes 1 to 2^50 octets, or none for no limit",
        }),
        _ => Ok(()),
    }
}

fn check_password(config: &Config, set: &PasswordSet) -> Checked {
    match account(config, set.account)?.password {
        Some(password) if password.credential == set.id => {
            changes(password.secret != set.secret, set.id)
        }
        Some(password) => Err(ChangeError::IdNotNext {
            id: set.id.to_string(),
            next: password.credential.to_string(),
        }),
        None => next(set.id, config.next_credential_id()),
    }
}

fn check_alias_create(config: &Config, create: &AliasCreate) -> Checked {
    next(create.id, config.next_alias_id())?;
    let domain = check_new_address(config, &create.address)?;
    room(
        domain.aliases_len(),
        ALIASES_PER_DOMAIN_MAX,
        "aliases",
        domain.name.as_str(),
    )?;
    if create.members.is_empty() {
        return Err(ChangeError::NoMembers(create.address.to_string()));
    }
    check_members(config, &create.members)
}

fn check_members_change(config: &Config, change: &AliasMembersChange) -> Checked {
    let alias = alias(config, change.id)?;
    check_members(config, &change.add)?;
    if change.remove.len() > MEMBERS_PER_CHANGE_MAX {
        return Err(ChangeError::TooManyAtOnce);
    }
    let adds = change
        .add
        .iter()
        .any(|member| !alias.members.contains(member));
    if let Some(absent) = change.remove.iter().find(|m| !alias.members.contains(m)) {
        return Err(ChangeError::NoSuchMember(absent.clone()));
    }
    changes(adds || !change.remove.is_empty(), &alias.address)?;
    let mut members: BTreeSet<_> = alias.members.iter().collect();
    members.retain(|member| !change.remove.contains(member));
    members.extend(&change.add);
    if members.is_empty() {
        return Err(ChangeError::NoMembers(alias.address.to_string()));
    }
    if members.len() > MEMBERS_MAX {
        return Err(ChangeError::TooMany {
            things: "members",
            place: alias.address.to_string(),
            max: MEMBERS_MAX,
        });
    }
    Ok(())
}

/// Members that come must exist; what is here must be bound by id.
fn check_members(config: &Config, members: &[Member]) -> Checked {
    if members.len() > MEMBERS_PER_CHANGE_MAX {
        return Err(ChangeError::TooManyAtOnce);
    }
    let missing = members.iter().find(|member| match member {
        Member::Account(id) => config.account(*id).is_none(),
        Member::Alias(id) => config.alias(*id).is_none(),
        Member::Outside(address) => config.domain(address.domain()).is_some(),
    });
    match missing {
        Some(member) => Err(ChangeError::NoSuchMember(member.clone())),
        None => Ok(()),
    }
}

fn check_grant(config: &Config, grant: &SendAsGrant) -> Checked {
    next(grant.id, config.next_grant_id())?;
    let account = account(config, grant.account)?;
    match grant.of {
        Owned::Account(id) => self::account(config, id).map(drop)?,
        Owned::Alias(id) => alias(config, id).map(drop)?,
    }
    let mut granted = account.send_as.iter().filter_map(|id| config.grant(*id));
    let own = grant.of == Owned::Account(grant.account);
    let has = own || granted.any(|other| other.of == grant.of);
    changes(
        !has,
        format_args!("sending as {} by {}", grant.of, grant.account),
    )?;
    room(
        account.send_as.len(),
        GRANTS_PER_ACCOUNT_MAX,
        "send-as grants",
        &account.address.to_string(),
    )
}

/// The domain in which a free address can be made, under the domain's own name.
fn check_new_address<'a>(
    config: &'a Config,
    address: &Address,
) -> Result<&'a HostedDomain, ChangeError> {
    let not_hosted = || ChangeError::NotHosted(address.domain().clone());
    let domain = config.domain(address.domain()).ok_or_else(not_hosted)?;
    match config.owner(address) {
        Some(owner) => Err(ChangeError::AddressTaken {
            address: address.clone(),
            owner,
        }),
        None => Ok(domain),
    }
}

fn under_own_name(config: &Config, address: &Address) -> Result<Address, ChangeError> {
    let not_hosted = || ChangeError::NotHosted(address.domain().clone());
    let domain = config.domain(address.domain()).ok_or_else(not_hosted)?;
    let renamed = Address::new(address.local().clone(), domain.name.clone());
    renamed.map_err(|_| ChangeError::Field {
        field: "address",
        value: address.to_string(),
        accepted: "under the domain's own name it passes 254 octets",
    })
}

/// Members by id where they are here, sorted, each once.
fn bound(config: &Config, members: &[Member]) -> Result<Vec<Member>, ChangeError> {
    let bound: Result<BTreeSet<_>, _> = members
        .iter()
        .map(|member| match member {
            Member::Outside(address) => config
                .member(address)
                .ok_or_else(|| ChangeError::NoSuchMember(member.clone())),
            here => Ok(here.clone()),
        })
        .collect();
    Ok(bound?.into_iter().collect())
}

fn domain(config: &Config, id: DomainId) -> Result<&HostedDomain, ChangeError> {
    present(config.domain_by_id(id), "domain", id)
}

fn account(config: &Config, id: AccountId) -> Result<&Account, ChangeError> {
    present(config.account(id), "account", id)
}

fn alias(config: &Config, id: AliasId) -> Result<&Alias, ChangeError> {
    present(config.alias(id), "alias", id)
}

fn found<T>(thing: Option<T>, noun: &'static str, id: impl Display) -> Checked {
    present(thing, noun, id).map(drop)
}

fn present<T>(thing: Option<T>, noun: &'static str, id: impl Display) -> Result<T, ChangeError> {
    thing.ok_or_else(|| ChangeError::Missing {
        noun,
        id: id.to_string(),
    })
}

fn changes(really: bool, what: impl Display) -> Checked {
    if really {
        Ok(())
    } else {
        Err(ChangeError::NothingChanges(what.to_string()))
    }
}

fn next<T: PartialEq + Display + Copy>(id: T, next: T) -> Checked {
    if id == next {
        Ok(())
    } else {
        Err(ChangeError::IdNotNext {
            id: id.to_string(),
            next: next.to_string(),
        })
    }
}

fn room(present: usize, max: usize, things: &'static str, place: &str) -> Checked {
    if present < max {
        Ok(())
    } else {
        Err(ChangeError::TooMany {
            things,
            place: place.to_owned(),
            max,
        })
    }
}
