//! Where mail ends: the final recipients of every address that a change reaches, before and after.

use std::collections::BTreeSet;

use types::limits::EXPANSION_DEPTH_MAX;
use types::{AccountId, Address, AliasId, Domain, DomainId};

use super::risk::Trait;
use super::{Case, Class, Findings, exit};
use crate::change::{Change, Member, Owned};
use crate::config::{Config, ExpandError, Expansion, HostedDomain, Resolution};
use crate::effect::{EFFECT_LIST_MAX, Effect, Refused, Whose};
use crate::role::Role;

pub(super) fn compare(case: &Case<'_>, findings: &mut Findings) {
    let reach = Reach::of(case);
    for address in &reach.addresses {
        compare_address(case, address, findings);
    }
    for id in &reach.domains {
        compare_domain(case, *id, findings);
    }
    for id in &reach.catch_alls {
        compare_catch_all(case, *id, findings);
    }
    compare_role_addresses(case, &reach, findings);
    if let Change::AccountRemove(c) = case.change {
        let effect = Effect::Destroys {
            whose: Whose::Account(c.id),
            recoverable: true,
            of: None,
        };
        findings.add(effect, Class::C2);
        findings.mark(Trait::Destroys);
        findings.mark(Trait::Unconditional);
    }
}

/// What a change reaches: where the comparison looks.
#[derive(Default)]
struct Reach {
    /// Owners of addresses that the change is about.
    owned: BTreeSet<Owned>,
    /// Addresses whose recipients may differ.
    addresses: BTreeSet<Address>,
    /// Domains that may accept or refuse mail under some name.
    domains: BTreeSet<DomainId>,
    /// Names under which they may.
    names: BTreeSet<Domain>,
    /// Domains whose catch-all may lead elsewhere.
    catch_alls: BTreeSet<DomainId>,
    /// Domains whose `postmaster` may be answered by others.
    role_domains: BTreeSet<DomainId>,
}

impl Reach {
    fn of(case: &Case<'_>) -> Self {
        let mut reach = Self::default();
        reach.begin(case);
        for config in [case.before, case.after] {
            reach.follow(config);
        }
        reach
    }

    /// What the change itself names.
    fn begin(&mut self, case: &Case<'_>) {
        match case.change {
            Change::AccountCreate(c) => self.account(case, c.id),
            Change::AccountRemove(c) | Change::AccountDisable(c) | Change::AccountEnable(c) => {
                self.account(case, c.id);
            }
            Change::AccountRoleSet(c) => self.roles(case, c.id),
            Change::AliasCreate(c) => self.alias(case, c.id),
            Change::AliasRemove(c) => self.alias(case, c.id),
            Change::AliasMembersChange(c) => self.alias(case, c.id),
            Change::DomainCreate(c) => self.domain(case, c.id),
            Change::DomainRemove(c) | Change::DomainDisable(c) | Change::DomainEnable(c) => {
                self.domain(case, c.id);
            }
            Change::DomainPlusAddressingSet(c) => {
                self.domains.insert(c.id);
            }
            Change::DomainAliasCreate(c) => self.domain(case, c.of),
            Change::DomainAliasRemove(c) => {
                if let Some((_, of)) = case.before.domain_alias(c.id) {
                    self.domain(case, of);
                }
            }
            Change::CatchAllSet(c) => self.catch_all(case, c.id),
            Change::CatchAllClear(c) => self.catch_all(case, c.id),
            _ => {}
        }
    }

    fn account(&mut self, case: &Case<'_>, id: AccountId) {
        self.owned.insert(Owned::Account(id));
        let account = case.before.account(id).or_else(|| case.after.account(id));
        self.addresses
            .extend(account.map(|account| account.address.clone()));
        self.roles(case, id);
    }

    /// The domains for whose `postmaster` an account answers, before or after.
    fn roles(&mut self, case: &Case<'_>, id: AccountId) {
        for config in [case.before, case.after] {
            match config
                .account(id)
                .map(|account| (account.role, account.domain))
            {
                Some((Role::DomainAdmin, domain)) => {
                    self.role_domains.insert(domain);
                }
                Some((Role::Owner, _)) => {
                    self.role_domains
                        .extend(config.domains().map(|domain| domain.id));
                }
                _ => {}
            }
        }
    }

    fn alias(&mut self, case: &Case<'_>, id: AliasId) {
        self.owned.insert(Owned::Alias(id));
        let alias = case.before.alias(id).or_else(|| case.after.alias(id));
        self.addresses
            .extend(alias.map(|alias| alias.address.clone()));
    }

    fn domain(&mut self, case: &Case<'_>, id: DomainId) {
        self.domains.insert(id);
        for config in [case.before, case.after] {
            if let Some(domain) = config.domain_by_id(id) {
                self.owned.extend(domain.owned());
                self.names.extend(config.names_of(domain));
            }
        }
    }

    fn catch_all(&mut self, case: &Case<'_>, id: DomainId) {
        self.catch_alls.insert(id);
        let domain = case.after.domain_by_id(id);
        let names = domain.map(|domain| case.after.names_of(domain));
        for name in names.into_iter().flatten() {
            self.addresses
                .extend(case.after.former_addresses(&name).cloned());
        }
    }

    /// The aliases and catch-alls that lead to what is reached, over as many steps as mail takes.
    fn follow(&mut self, config: &Config) {
        if self.owned.is_empty() && self.names.is_empty() {
            return;
        }
        for _ in 0..=EXPANSION_DEPTH_MAX {
            let met = self.owned.len();
            for alias in config.aliases() {
                if alias
                    .members
                    .iter()
                    .any(|member| self.meets(config, member))
                {
                    self.owned.insert(Owned::Alias(alias.id));
                    self.addresses.insert(alias.address.clone());
                }
            }
            if self.owned.len() == met {
                break;
            }
        }
        for domain in config.domains() {
            if domain
                .catch_all
                .iter()
                .any(|member| self.meets(config, member))
            {
                self.catch_alls.insert(domain.id);
            }
        }
    }

    fn meets(&self, config: &Config, member: &Member) -> bool {
        match member {
            Member::Account(id) => self.owned.contains(&Owned::Account(*id)),
            Member::Alias(id) => self.owned.contains(&Owned::Alias(*id)),
            Member::Outside(address) => {
                self.names.contains(address.domain())
                    || config
                        .owner(address)
                        .is_some_and(|owner| self.owned.contains(&owner))
            }
        }
    }
}

/// The final recipients of mail for an address, and whether it is theirs by name.
struct Outcome {
    recipients: Option<Expansion>,
    /// Not through a catch-all, which gives nobody a claim to the address.
    named: bool,
    /// Because its domain works here.
    local: bool,
}

impl Outcome {
    fn of(config: &Config, address: &Address) -> Self {
        let resolution = config.resolve(address);
        Self {
            recipients: config.expand(address).ok(),
            named: !matches!(resolution, Resolution::CatchAll(..)),
            local: config
                .domain(address.domain())
                .is_some_and(|domain| domain.enabled),
        }
    }
}

fn compare_address(case: &Case<'_>, address: &Address, findings: &mut Findings) {
    let before = Outcome::of(case.before, address);
    let after = Outcome::of(case.after, address);
    let whose = || Whose::Address(address.clone());
    let Some(recipients) = &after.recipients else {
        // A whole name that is refused is one effect, not one for each address.
        if before.recipients.is_some() && before.named && after.local {
            let what = Refused::Address(address.clone());
            findings.add(Effect::Refuses { what }, Class::C2);
        }
        return;
    };
    let none = Expansion::default();
    let had = before.recipients.as_ref().unwrap_or(&none);
    leaves(case, whose(), had, recipients, findings);
    let former = case.before.former_owner(address).is_some();
    if former || (before.recipients.is_some() && before.named) {
        let class = if former || !case.is_own(had) {
            Class::C2
        } else {
            Class::C1
        };
        delivers_elsewhere(
            whose(),
            &had.accounts,
            &recipients.accounts,
            class,
            findings,
        );
    }
}

/// Names of a domain that began or ceased to be accepted, with every exit under a new name.
fn compare_domain(case: &Case<'_>, id: DomainId, findings: &mut Findings) {
    let before = open_names(case.before, id);
    let after = open_names(case.after, id);
    for name in before.difference(&after) {
        let what = Refused::Domain(name.clone());
        findings.add(Effect::Refuses { what }, Class::C2);
    }
    let Some(domain) = case.after.domain_by_id(id) else {
        return;
    };
    for name in after.difference(&before) {
        let domain_name = name.clone();
        findings.add(
            Effect::DivertsOutgoing {
                domain: domain_name,
            },
            Class::C0,
        );
        compare_exits(case, domain, name, findings);
    }
    let separator = case
        .before
        .domain_by_id(id)
        .and_then(|before| before.separator);
    if separator.is_some() && separator != domain.separator {
        let what = Refused::DetailsIn(domain.name.clone());
        findings.add(Effect::Refuses { what }, Class::C2);
    }
}

fn open_names(config: &Config, id: DomainId) -> BTreeSet<Domain> {
    let domain = config.domain_by_id(id).filter(|domain| domain.enabled);
    let names = domain.map(|domain| config.names_of(domain));
    names.into_iter().flatten().collect()
}

/// Mail that leaves through the aliases and the catch-all of a domain under a name that is new.
fn compare_exits(case: &Case<'_>, domain: &HostedDomain, name: &Domain, findings: &mut Findings) {
    let none = Expansion::default();
    for owned in domain.owned() {
        let Owned::Alias(id) = owned else { continue };
        let Some(alias) = case.after.alias(id) else {
            continue;
        };
        let Ok(address) = Address::new(alias.address.local().clone(), name.clone()) else {
            continue;
        };
        if let Ok(recipients) = case.after.expand(&address) {
            leaves(case, Whose::Address(address), &none, &recipients, findings);
        }
    }
    if let Ok(recipients) = case.after.expand_members(&domain.catch_all) {
        let whose = Whose::UnknownIn(name.clone());
        if leaves(case, whose, &none, &recipients, findings) {
            findings.detect("R7");
        }
    }
}

fn compare_catch_all(case: &Case<'_>, id: DomainId, findings: &mut Findings) {
    let (Some(before), Some(after)) = (case.before.domain_by_id(id), case.after.domain_by_id(id))
    else {
        return;
    };
    if !before.enabled || !after.enabled {
        return;
    }
    let had = case.before.expand_members(&before.catch_all);
    let whose = || Whose::UnknownIn(after.name.clone());
    match case.after.expand_members(&after.catch_all) {
        Ok(recipients) => {
            let had = had.unwrap_or_default();
            let out = leaves(case, whose(), &had, &recipients, findings);
            let class = Class::C2;
            let elsewhere = delivers_elsewhere(
                whose(),
                &had.accounts,
                &recipients.accounts,
                class,
                findings,
            );
            if out || elsewhere {
                findings.detect("R7");
            }
        }
        Err(ExpandError::TooDeep | ExpandError::TooMany | ExpandError::Disabled) if had.is_ok() => {
            let what = Refused::UnknownIn(after.name.clone());
            findings.add(Effect::Refuses { what }, Class::C2);
        }
        Err(_) => {}
    }
}

/// Who answers for `postmaster` and `abuse`: one effect for all domains together.
fn compare_role_addresses(case: &Case<'_>, reach: &Reach, findings: &mut Findings) {
    let (mut had, mut have) = (BTreeSet::new(), BTreeSet::new());
    for id in &reach.role_domains {
        let domains = (case.before.domain_by_id(*id), case.after.domain_by_id(*id));
        let (Some(before), Some(after)) = domains else {
            continue;
        };
        let recipients = case.before.role_recipients(before);
        if !recipients.is_empty() {
            have.extend(case.after.role_recipients(after));
        }
        had.extend(recipients);
    }
    let recipients = Expansion {
        accounts: had,
        ..Expansion::default()
    };
    let class = if case.is_own(&recipients) {
        Class::C1
    } else {
        Class::C2
    };
    let whose = Whose::RoleAddresses;
    delivers_elsewhere(whose, &recipients.accounts, &have, class, findings);
}

/// Records targets outside that get mail and did not before. Says whether there are any.
fn leaves(
    case: &Case<'_>,
    whose: Whose,
    had: &Expansion,
    have: &Expansion,
    findings: &mut Findings,
) -> bool {
    let targets: Vec<_> = have.outside.difference(&had.outside).cloned().collect();
    if targets.is_empty() {
        return false;
    }
    exit::detect(case, &targets, findings);
    let effect = Effect::LeavesOrganisation {
        whose,
        more: beyond(targets.len()),
        targets: first(targets),
        keeps_copy: !have.accounts.is_empty(),
        mailboxes: u64::try_from(have.accounts.len()).unwrap_or(u64::MAX),
        when: None,
        approved: None,
    };
    findings.add(effect, Class::C2);
    findings.mark(Trait::Outside);
    findings.mark(Trait::Unconditional);
    if have.accounts.is_empty() {
        findings.mark(Trait::KeepsNoCopy);
    }
    true
}

/// Records accounts that get mail and did not, or did and do not. Says whether there are any.
fn delivers_elsewhere(
    whose: Whose,
    had: &BTreeSet<AccountId>,
    have: &BTreeSet<AccountId>,
    class: Class,
    findings: &mut Findings,
) -> bool {
    let to: Vec<_> = have.difference(had).copied().collect();
    let no_longer: Vec<_> = had.difference(have).copied().collect();
    if to.is_empty() && no_longer.is_empty() {
        return false;
    }
    let effect = Effect::DeliversElsewhere {
        whose,
        more: beyond(to.len()) + beyond(no_longer.len()),
        to: first(to),
        no_longer: first(no_longer),
        when: None,
        keeps_copy: None,
    };
    findings.add(effect, class);
    true
}

pub(super) fn first<T>(mut list: Vec<T>) -> Vec<T> {
    list.truncate(EFFECT_LIST_MAX);
    list
}

pub(super) fn beyond(len: usize) -> u64 {
    u64::try_from(len.saturating_sub(EFFECT_LIST_MAX)).unwrap_or(u64::MAX)
}
