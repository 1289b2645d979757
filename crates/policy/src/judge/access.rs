//! Who may do, open or reach what they could not before.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use types::AccountId;

use super::{Case, Class, Findings};
use crate::change::{Change, Owned, Service, TokenScope};
use crate::config::{Account, Config, CredentialKind, HostedDomain, Password};
use crate::effect::{Access, Effect, Grantee, Protection, Refused};
use crate::role::Role;

pub(super) fn compare(case: &Case<'_>, findings: &mut Findings) {
    for id in accounts(case) {
        compare_role(case, id, findings);
        compare_password(case, id, findings);
        compare_factor(case, id, findings);
        compare_credentials(case, id, findings);
        compare_grants(case, id, findings);
    }
    compare_listeners(case, findings);
}

/// The accounts that the change reaches.
fn accounts(case: &Case<'_>) -> Vec<AccountId> {
    match case.change {
        Change::AccountCreate(c) => vec![c.id],
        Change::AccountRemove(c) | Change::AccountDisable(c) | Change::AccountEnable(c) => {
            vec![c.id]
        }
        Change::AccountRoleSet(c) => vec![c.id],
        Change::PasswordSet(c) => vec![c.account],
        Change::AppPasswordCreate(c) => vec![c.account],
        Change::TotpCreate(c) => vec![c.account],
        Change::RecoveryCodesCreate(c) => vec![c.account],
        Change::TokenCreate(c) => vec![c.account],
        Change::TotpRemove(c) => {
            let factor = case.before.credential(c.id);
            factor.map(|factor| factor.account).into_iter().collect()
        }
        Change::SendAsGrant(c) => vec![c.account],
        Change::DomainDisable(c) | Change::DomainEnable(c) => {
            let domain = case.before.domain_by_id(c.id);
            let owned = domain.into_iter().flat_map(HostedDomain::owned);
            let account = |owned| match owned {
                Owned::Account(id) => Some(id),
                Owned::Alias(_) => None,
            };
            owned.filter_map(account).collect()
        }
        _ => Vec::new(),
    }
}

/// The account, if it works.
fn active(config: &Config, id: AccountId) -> Option<&Account> {
    config
        .account(id)
        .filter(|account| config.is_active(account))
}

fn compare_role(case: &Case<'_>, id: AccountId, findings: &mut Findings) {
    let before = active(case.before, id).map(|account| account.role);
    let after = active(case.after, id).map(|account| account.role);
    if before == after {
        return;
    }
    let was_admin = case
        .before
        .account(id)
        .is_some_and(|account| account.role.is_admin());
    if was_admin && Some(id) != case.actor {
        findings.at_least(Class::C2);
    }
    let Some(role) = after else { return };
    // An owner has every right already.
    if role != Role::MailboxOwner && before != Some(Role::Owner) {
        let effect = Effect::GrantsAccess {
            to: Grantee::Account(id),
            what: Access::Role(role),
        };
        findings.add(effect, Class::C3);
        findings.detect("P2");
    }
}

fn compare_password(case: &Case<'_>, id: AccountId, findings: &mut Findings) {
    let stored = |config: &Config| config.account(id).and_then(|account| account.password);
    let (had, has) = (stored(case.before), stored(case.after));
    let by_other = Some(id) != case.actor;
    if by_other && has.is_some() && had != has {
        let account = case.before.account(id);
        let special = account.is_some_and(|account| account.role != Role::MailboxOwner);
        if had.is_some() {
            findings.detect("P5");
        }
        // Also where the account is disabled: enabling it later is ordinary work.
        if had.is_some() || special {
            findings.at_least(Class::C2);
        }
    }
    let opens = |config| active(config, id).and_then(|account| account.password);
    let (before, after): (Option<Password>, _) = (opens(case.before), opens(case.after));
    if let Some(password) = after.filter(|_| before != after) {
        let effect = Effect::CreatesAccess {
            account: id,
            credential: password.credential,
        };
        findings.add(effect, Class::C0);
    }
}

/// A factor that comes closes the password to mail programs; one that goes opens it again.
fn compare_factor(case: &Case<'_>, id: AccountId, findings: &mut Findings) {
    let (Some(before), Some(after)) = (case.before.account(id), case.after.account(id)) else {
        return;
    };
    let had = case.before.totp(before).map(|factor| factor.id);
    let has = case.after.totp(after).map(|factor| factor.id);
    match (had, has) {
        (None, Some(_)) => {
            findings.at_least(own_class(case, id));
            findings.detect("P3");
            if after.password.is_some() {
                let what = Refused::PasswordForMail(id);
                findings.add(Effect::Refuses { what }, Class::C0);
            }
        }
        (Some(_), None) => {
            let class = if after.role.is_admin() {
                Class::C3
            } else {
                Class::C2
            };
            let what = Protection::SecondFactor(id);
            findings.add(Effect::WeakensProtection { what }, class);
            findings.detect("P3");
        }
        _ => {}
    }
}

/// App passwords, recovery codes and tokens that open an account and did not before.
fn compare_credentials(case: &Case<'_>, id: AccountId, findings: &mut Findings) {
    let Some(account) = case.after.account(id) else {
        return;
    };
    let opened = |config: &Config, credential| {
        active(config, id).is_some_and(|account| account.credentials.contains(&credential))
    };
    for credential in case.after.credentials_of(account) {
        let is_new = case.before.credential(credential.id).is_none();
        let (class, detection) = match &credential.kind {
            CredentialKind::Totp => continue,
            CredentialKind::RecoveryCodes => (own_class(case, id), "P3"),
            CredentialKind::AppPassword { .. } => (own_class(case, id), "P4"),
            CredentialKind::Token { scopes, .. } => {
                (own_class(case, id).max(token_class(account, scopes)), "P4")
            }
        };
        if is_new {
            findings.at_least(class);
            findings.detect(detection);
        }
        if opened(case.after, credential.id) && !opened(case.before, credential.id) {
            let effect = Effect::CreatesAccess {
                account: id,
                credential: credential.id,
            };
            findings.add(effect, Class::C0);
        }
    }
}

/// What a new credential needs: less if it is made by its account or at the console.
fn own_class(case: &Case<'_>, id: AccountId) -> Class {
    match case.actor {
        Some(actor) if actor != id => Class::C2,
        _ => Class::C1,
    }
}

/// A token reaches as far as its account.
fn token_class(account: &Account, scopes: &BTreeSet<TokenScope>) -> Class {
    let only_figures = scopes.iter().all(|scope| *scope == TokenScope::Metrics);
    if account.role == Role::MailboxOwner || only_figures {
        Class::C1
    } else {
        Class::C2
    }
}

fn compare_grants(case: &Case<'_>, id: AccountId, findings: &mut Findings) {
    let before = send_as(case.before, id);
    for of in send_as(case.after, id).difference(&before) {
        let own = matches!(of, Owned::Account(owner) if Some(*owner) == case.actor);
        let class = if own { Class::C1 } else { Class::C2 };
        let effect = Effect::GrantsAccess {
            to: Grantee::Account(id),
            what: Access::SendAs(*of),
        };
        findings.add(effect, class);
        findings.detect("P1");
    }
}

/// With whose addresses an account may send, if it works.
fn send_as(config: &Config, id: AccountId) -> BTreeSet<Owned> {
    let grants = active(config, id).map(|account| &account.send_as);
    let grants = grants.into_iter().flatten();
    grants
        .filter_map(|grant| Some(config.grant(*grant)?.of))
        .collect()
}

fn compare_listeners(case: &Case<'_>, findings: &mut Findings) {
    let before = sockets(case.before);
    let after = sockets(case.after);
    for (service, address) in after.difference(&before) {
        let (service, address) = (*service, *address);
        let effect = Effect::GrantsAccess {
            to: Grantee::Anyone,
            what: Access::Listener { service, address },
        };
        if address.ip().is_loopback() {
            findings.add(effect, Class::C0);
        } else {
            findings.add(effect, Class::C2);
            findings.detect("P6");
        }
    }
    for (service, address) in before.difference(&after) {
        let (service, address) = (*service, *address);
        let what = Refused::Listener { service, address };
        findings.add(Effect::Refuses { what }, closing_class(service));
    }
}

/// What it takes to keep clients from a service. Without mail being refused it is no grave change,
/// but no mere tightening either where people read their mail: it meets other admins too.
pub(super) fn closing_class(service: Service) -> Class {
    match service {
        _ if service.takes_mail() => Class::C2,
        Service::Metrics => Class::C0,
        _ => Class::C1,
    }
}

fn sockets(config: &Config) -> BTreeSet<(Service, SocketAddr)> {
    let open = config.open_listeners();
    open.map(|listener| (listener.service, listener.address))
        .collect()
}
