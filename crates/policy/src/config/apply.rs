//! What each change does to the configuration. Each function refuses first and acts then.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

use types::{
    AccountId, Address, AliasId, CertificateId, CredentialId, Domain, DomainId, GrantId,
    ListenerId, Sha256,
};

use super::{
    Account, Alias, Authorship, Certificate, Config, Credential, CredentialKind, DkimKey, Grant,
    HostedDomain, Listener, Password,
};
use crate::change::{
    AccountCreate, AliasCreate, AliasMembersChange, AppPasswordCreate, Boot, CertificateSet,
    Change, DetailSeparator, DkimUse, DomainAliasCreate, DomainCreate, DomainPlusAddressingSet,
    ExitAllow, Genesis, ListenerSet, Member, OutsideEdit, Owned, PasswordSet, RuleLevel, RuleSet,
    SendAsGrant, SendersOf, Service, TokenCreate,
};
use crate::fold_error::FoldError;
use crate::role::Role;
use crate::settings::Setting;

/// Starts of earlier servers ended the freeze themselves.
const RULES_ENGINE_OF_ACKNOWLEDGE: u32 = 2;

type Applied = Result<(), FoldError>;

impl Config {
    /// Carries out one change that entry `seq` records.
    // long: one arm for each change
    pub(super) fn apply(&mut self, seq: u64, change: &Change, made: &Authorship) -> Applied {
        match change {
            Change::Genesis(genesis) => self.begin(genesis),
            Change::ActivityCheckpoint(_) => Ok(()),
            Change::RecoverablePurge(c) => present(self.account(c.id), c.id).map(drop),
            Change::Boot(boot) => self.boot(boot),
            Change::OutsideEdit(edit) => self.outside_edit(seq, edit),
            Change::Acknowledge(c) => self.acknowledge(c.through),
            Change::SettingSet(setting) => self.setting_set(setting),
            Change::ListenerCreate(set) => self.listener_create(set),
            Change::ListenerChange(set) => self.listener_change(set),
            Change::ListenerRemove(c) => self.listener_remove(c.id),
            Change::ServiceOn(switch) => self.service_switch(switch.id, true),
            Change::ServiceOff(switch) => self.service_switch(switch.id, false),
            Change::CertificateSet(set) => self.certificate_set(seq, set),
            Change::CertificateRemove(c) => self.certificate_remove(c.id),
            Change::DomainCreate(create) => self.domain_create(create),
            Change::DomainRemove(c) => self.domain_remove(seq, made, c.id),
            Change::DomainDisable(c) => self.domain_mut(c.id).map(|d| d.enabled = false),
            Change::DomainEnable(c) => self.domain_mut(c.id).map(|d| d.enabled = true),
            Change::DomainPlusAddressingSet(c) => self.plus_addressing_set(c),
            Change::DomainAliasCreate(create) => self.domain_alias_create(create),
            Change::DomainAliasRemove(c) => self.domain_alias_remove(c.id),
            Change::CatchAllSet(c) => self.catch_all_set(c.id, &c.members),
            Change::CatchAllClear(c) => self.catch_all_set(c.id, &[]),
            Change::AccountCreate(create) => self.account_create(seq, create),
            Change::AccountRemove(c) => self.account_remove(seq, made, c.id),
            Change::AccountDisable(c) => self.account_mut(c.id).map(|a| a.enabled = false),
            Change::AccountEnable(c) => self.account_mut(c.id).map(|a| a.enabled = true),
            Change::AccountNameSet(c) => self.account_mut(c.id).map(|a| a.name = c.name),
            Change::AccountRoleSet(c) => self.account_role_set(c.id, c.role),
            Change::AccountQuotaSet(c) => self.account_quota_set(c.id, c.quota_octets),
            Change::PasswordSet(set) => self.password_set(seq, set),
            Change::AppPasswordCreate(c) => self.credential_create(app_password(seq, c)),
            Change::TotpCreate(c) => {
                let kind = CredentialKind::Totp;
                self.credential_create(credential(seq, c.id, c.account, c.secret, kind))
            }
            Change::RecoveryCodesCreate(c) => {
                let kind = CredentialKind::RecoveryCodes;
                let codes = credential(seq, c.id, c.account, c.secret, kind);
                self.recovery_codes_forget(c.account);
                self.credential_create(codes)
            }
            Change::TokenCreate(c) => self.credential_create(token(seq, c)),
            Change::AppPasswordRemove(c) | Change::TokenRemove(c) => self.credential_remove(c.id),
            Change::TotpRemove(c) => self.totp_remove(c.id),
            Change::AliasCreate(create) => self.alias_create(create),
            Change::AliasRemove(c) => self.alias_remove(c.id),
            Change::AliasMembersChange(change) => self.alias_members_change(change),
            Change::SendAsGrant(grant) => self.grant_create(grant),
            Change::SendAsRevoke(c) => self.grant_remove(c.id),
            Change::AccessSet(set) => {
                self.sources.access_set(set);
                Ok(())
            }
            Change::ProxySet(set) => {
                self.sources.proxy_set(set);
                Ok(())
            }
            Change::BlockAdd(add) => {
                self.sources.block_add(seq, add);
                Ok(())
            }
            Change::BlockRemove(c) => {
                self.sources.block_remove(&c.id);
                Ok(())
            }
            Change::DkimCreate(made) => {
                let key = DkimKey {
                    made: made.clone(),
                    state: DkimUse::Waits,
                };
                Arc::make_mut(&mut self.dkim).insert(made.id.clone(), key);
                Ok(())
            }
            Change::DkimSetUse(c) => {
                let key = Arc::make_mut(&mut self.dkim).get_mut(&c.id);
                present(key, c.id.clone()).map(|key| key.state = c.state)
            }
            Change::DkimRemove(c) => present(
                Arc::make_mut(&mut self.dkim).remove(&c.id).map(drop),
                c.id.clone(),
            ),
            Change::RouteSet(set) => {
                Arc::make_mut(&mut self.routes).insert(set.id.clone(), set.clone());
                Ok(())
            }
            Change::RouteRemove(c) => present(
                Arc::make_mut(&mut self.routes).remove(&c.id).map(drop),
                c.id.clone(),
            ),
            Change::ScannerSet(set) => {
                Arc::make_mut(&mut self.scanners).insert(set.id, set.clone());
                Ok(())
            }
            Change::ScannerRemove(c) => present(
                Arc::make_mut(&mut self.scanners).remove(&c.id).map(drop),
                c.id,
            ),
            Change::RuleCreate(set) => self.rule_create(seq, made, set),
            Change::RuleChange(set) => {
                let level = present(self.rule(set.id), set.id)?.level;
                present(
                    (level == set.level).then_some(()),
                    format_args!("{} in {}", set.id, set.level),
                )?;
                present(self.rules.change(seq, made, set), set.id)
            }
            Change::RuleRemove(c) => present(self.rules.remove(seq, made, c.id), c.id),
            Change::RulePause(c) | Change::RuleExpire(c) => {
                present(self.rules.switch(seq, made, c.id, false), c.id)
            }
            Change::RuleResume(c) => present(self.rules.switch(seq, made, c.id, true), c.id),
            Change::RuleMove(c) => present(self.rules.reorder(seq, made, c.id, c.before), c.id),
            Change::ExitAllow(allow) => self.exit_allow(seq, allow),
            Change::ExitRevoke(c) => present(self.rules.exit_revoke(c.id), c.id),
            Change::SendersChange(change) => {
                self.level_present(change.id.into())?;
                self.senders.change(change);
                Ok(())
            }
        }
    }

    fn rule_create(&mut self, seq: u64, made: &Authorship, set: &RuleSet) -> Applied {
        self.level_present(set.level)?;
        take_id(&mut self.next.rule, set.id.0, set.id)?;
        self.rules.create(seq, made, set);
        Ok(())
    }

    fn exit_allow(&mut self, seq: u64, allow: &ExitAllow) -> Applied {
        self.level_present(allow.scope)?;
        take_id(&mut self.next.exit, allow.id.0, allow.id)?;
        self.rules.exit_allow(seq, allow);
        Ok(())
    }

    fn boot(&mut self, boot: &Boot) -> Applied {
        if boot.rules_engine < RULES_ENGINE_OF_ACKNOWLEDGE {
            self.outside_edits = Arc::default();
        }
        Ok(())
    }

    fn outside_edit(&mut self, seq: u64, edit: &OutsideEdit) -> Applied {
        if OutsideEdit::freezes_at(&edit.place) {
            Arc::make_mut(&mut self.outside_edits).add(seq, edit);
        }
        Ok(())
    }

    fn acknowledge(&mut self, through: u64) -> Applied {
        Arc::make_mut(&mut self.outside_edits).acknowledge(through);
        Ok(())
    }

    fn begin(&mut self, genesis: &Genesis) -> Applied {
        if self.genesis.is_some() {
            return Err(FoldError::Taken("the first entry".to_owned()));
        }
        Arc::make_mut(&mut self.settings).host_name = genesis.host_name.clone();
        self.genesis = Some(Arc::new(genesis.clone()));
        Ok(())
    }

    fn setting_set(&mut self, setting: &Setting) -> Applied {
        Arc::make_mut(&mut self.settings).set(setting);
        Ok(())
    }

    fn service_switch(&mut self, service: Service, on: bool) -> Applied {
        if on {
            self.services.insert(service);
        } else {
            self.services.remove(&service);
        }
        Ok(())
    }

    fn listener_create(&mut self, set: &ListenerSet) -> Applied {
        take_id(&mut self.next.listener, set.id.0, set.id)?;
        Arc::make_mut(&mut self.listeners).insert(set.id, listener(set));
        Ok(())
    }

    fn listener_change(&mut self, set: &ListenerSet) -> Applied {
        let slot = Arc::make_mut(&mut self.listeners).get_mut(&set.id);
        *present(slot, set.id)? = listener(set);
        Ok(())
    }

    fn listener_remove(&mut self, id: ListenerId) -> Applied {
        present(Arc::make_mut(&mut self.listeners).remove(&id), id)?;
        self.sources.forget_listener(id);
        Ok(())
    }

    fn certificate_set(&mut self, seq: u64, set: &CertificateSet) -> Applied {
        if !self.certificates.contains_key(&set.id) {
            take_id(&mut self.next.certificate, set.id.0, set.id)?;
        }
        let certificate = Certificate {
            id: set.id,
            names: set.names.clone(),
            chain: set.chain,
            key: set.key,
            revision: seq,
        };
        Arc::make_mut(&mut self.certificates).insert(set.id, certificate);
        Ok(())
    }

    fn certificate_remove(&mut self, id: CertificateId) -> Applied {
        present(Arc::make_mut(&mut self.certificates).remove(&id), id).map(drop)
    }

    fn domain_create(&mut self, create: &DomainCreate) -> Applied {
        self.expect_free(&create.name)?;
        take_id(&mut self.next.domain, create.id.0, create.id)?;
        Arc::make_mut(&mut self.names).insert(create.name.clone(), create.id);
        let domain = HostedDomain {
            id: create.id,
            name: create.name.clone(),
            enabled: true,
            separator: Some(DetailSeparator::Plus),
            catch_all: BTreeSet::new(),
            admins: BTreeSet::new(),
            owned: BTreeMap::new(),
            accounts_len: 0,
        };
        self.domains.insert(create.id.0, Arc::new(domain));
        Ok(())
    }

    fn domain_remove(&mut self, seq: u64, made: &Authorship, id: DomainId) -> Applied {
        let domain = present(self.domain_by_id(id), id)?;
        let second_names = self.names_of(domain).len() > 1;
        if second_names || !domain.owned.is_empty() {
            return Err(FoldError::Taken(format!("something in domain {id}")));
        }
        let name = domain.name.clone();
        Arc::make_mut(&mut self.names).remove(&name);
        self.domains.remove(id.0);
        self.forget_keys(&name);
        self.rules.forget_level(seq, made, RuleLevel::Domain(id));
        self.senders.forget(SendersOf::Domain(id));
        Ok(())
    }

    fn plus_addressing_set(&mut self, set: &DomainPlusAddressingSet) -> Applied {
        self.domain_mut(set.id)?.separator = set.separator;
        Ok(())
    }

    fn catch_all_set(&mut self, id: DomainId, members: &[Member]) -> Applied {
        self.domain_mut(id)?.catch_all = members.iter().cloned().collect();
        Ok(())
    }

    fn domain_alias_create(&mut self, create: &DomainAliasCreate) -> Applied {
        self.expect_free(&create.name)?;
        present(self.domain_by_id(create.of), create.of)?;
        take_id(&mut self.next.domain, create.id.0, create.id)?;
        Arc::make_mut(&mut self.names).insert(create.name.clone(), create.of);
        let named = (create.name.clone(), create.of);
        Arc::make_mut(&mut self.domain_aliases).insert(create.id, named);
        Ok(())
    }

    fn domain_alias_remove(&mut self, id: DomainId) -> Applied {
        let (name, _) = present(Arc::make_mut(&mut self.domain_aliases).remove(&id), id)?;
        Arc::make_mut(&mut self.names).remove(&name);
        self.forget_keys(&name);
        Ok(())
    }

    /// Keys go with the name whose mail they sign.
    fn forget_keys(&mut self, of: &Domain) {
        Arc::make_mut(&mut self.dkim).retain(|key, _| key.domain != *of);
    }

    fn account_create(&mut self, seq: u64, create: &AccountCreate) -> Applied {
        let domain = self.room_for(&create.address)?;
        take_id(&mut self.next.account, create.id.0, create.id)?;
        self.own(domain, &create.address, Owned::Account(create.id))?;
        let account = Account {
            id: create.id,
            address: create.address.clone(),
            domain,
            enabled: true,
            role: create.role,
            quota_octets: create.quota_octets,
            name: create.name,
            password: None,
            credentials: BTreeSet::new(),
            send_as: BTreeSet::new(),
            made_seq: seq,
        };
        self.accounts.insert(create.id.0, Arc::new(account));
        self.file_role(create.id, domain, None, Some(create.role));
        Ok(())
    }

    fn account_remove(&mut self, seq: u64, made: &Authorship, id: AccountId) -> Applied {
        let account = present(self.accounts.remove(id.0), id)?;
        self.file_role(id, account.domain, Some(account.role), None);
        self.disown(&account.address);
        for grant in &account.send_as {
            self.grants.remove(grant.0);
        }
        for credential in &account.credentials {
            self.credentials.remove(credential.0);
        }
        self.rules.forget_level(seq, made, RuleLevel::Account(id));
        self.senders.forget(SendersOf::Account(id));
        Arc::make_mut(&mut self.former).insert(account.address.folded(), id);
        Ok(())
    }

    fn account_role_set(&mut self, id: AccountId, role: Role) -> Applied {
        let account = self.account_mut(id)?;
        let before = std::mem::replace(&mut account.role, role);
        let domain = account.domain;
        self.file_role(id, domain, Some(before), Some(role));
        Ok(())
    }

    fn account_quota_set(&mut self, id: AccountId, quota_octets: Option<u64>) -> Applied {
        self.account_mut(id)?.quota_octets = quota_octets;
        Ok(())
    }

    /// Keeps the lists of owners and of a domain's admins true.
    fn file_role(
        &mut self,
        id: AccountId,
        domain: DomainId,
        before: Option<Role>,
        after: Option<Role>,
    ) {
        if before == Some(Role::Owner) {
            Arc::make_mut(&mut self.owners).remove(&id);
        }
        if after == Some(Role::Owner) {
            Arc::make_mut(&mut self.owners).insert(id);
        }
        if let Ok(domain) = self.domain_mut(domain) {
            if before == Some(Role::DomainAdmin) {
                domain.admins.remove(&id);
            }
            if after == Some(Role::DomainAdmin) {
                domain.admins.insert(id);
            }
        }
    }

    fn password_set(&mut self, seq: u64, set: &PasswordSet) -> Applied {
        let account = present(self.account(set.account), set.account)?;
        let renewed = account.password.is_some_and(|p| p.credential == set.id);
        if !renewed {
            take_id(&mut self.next.credential, set.id.0, set.id)?;
        }
        self.account_mut(set.account)?.password = Some(Password {
            credential: set.id,
            secret: set.secret,
            revision: seq,
        });
        Ok(())
    }

    fn credential_create(&mut self, credential: Credential) -> Applied {
        present(self.account(credential.account), credential.account)?;
        let id = credential.id;
        take_id(&mut self.next.credential, id.0, id)?;
        let account = self.account_mut(credential.account)?;
        account.credentials.insert(id);
        self.credentials.insert(id.0, Arc::new(credential));
        Ok(())
    }

    fn credential_remove(&mut self, id: CredentialId) -> Applied {
        let credential = present(self.credentials.remove(id.0), id)?;
        let account = self.account_mut(credential.account)?;
        account.credentials.remove(&id);
        Ok(())
    }

    fn totp_remove(&mut self, id: CredentialId) -> Applied {
        let account = present(self.credential(id), id)?.account;
        self.recovery_codes_forget(account);
        self.credential_remove(id)
    }

    fn recovery_codes_forget(&mut self, account: AccountId) {
        let account = self.account(account);
        let codes = account.and_then(|account| self.recovery_codes(account));
        if let Some(id) = codes.map(|codes| codes.id) {
            // It was found just now, with its account.
            let _ = self.credential_remove(id);
        }
    }

    fn alias_create(&mut self, create: &AliasCreate) -> Applied {
        let domain = self.room_for(&create.address)?;
        take_id(&mut self.next.alias, create.id.0, create.id)?;
        self.own(domain, &create.address, Owned::Alias(create.id))?;
        let alias = Alias {
            id: create.id,
            address: create.address.clone(),
            domain,
            members: create.members.iter().cloned().collect(),
        };
        self.aliases.insert(create.id.0, Arc::new(alias));
        Ok(())
    }

    fn alias_remove(&mut self, id: AliasId) -> Applied {
        let alias = present(self.aliases.remove(id.0), id)?;
        self.disown(&alias.address);
        Ok(())
    }

    fn alias_members_change(&mut self, change: &AliasMembersChange) -> Applied {
        let alias = self.aliases.get_mut(change.id.0).map(Arc::make_mut);
        let members: &mut BTreeSet<Member> = &mut present(alias, change.id)?.members;
        for member in &change.remove {
            members.remove(member);
        }
        members.extend(change.add.iter().cloned());
        Ok(())
    }

    fn grant_create(&mut self, grant: &SendAsGrant) -> Applied {
        present(self.account(grant.account), grant.account)?;
        take_id(&mut self.next.grant, grant.id.0, grant.id)?;
        self.account_mut(grant.account)?.send_as.insert(grant.id);
        let grant = Grant {
            id: grant.id,
            account: grant.account,
            of: grant.of,
        };
        self.grants.insert(grant.id.0, grant);
        Ok(())
    }

    fn grant_remove(&mut self, id: GrantId) -> Applied {
        let grant = present(self.grants.remove(id.0), id)?;
        self.account_mut(grant.account)?.send_as.remove(&id);
        Ok(())
    }

    fn domain_mut(&mut self, id: DomainId) -> Result<&mut HostedDomain, FoldError> {
        present(self.domains.get_mut(id.0).map(Arc::make_mut), id)
    }

    fn account_mut(&mut self, id: AccountId) -> Result<&mut Account, FoldError> {
        present(self.accounts.get_mut(id.0).map(Arc::make_mut), id)
    }

    fn expect_free(&self, name: &Domain) -> Applied {
        if self.names.contains_key(name) {
            return Err(FoldError::Taken(format!("domain {name}")));
        }
        Ok(())
    }

    /// The domain in which an address can be made.
    fn room_for(&self, address: &Address) -> Result<DomainId, FoldError> {
        let name = address.domain();
        let domain = present(self.domain(name), format_args!("domain {name}"))?;
        if domain.owner(&address.local().folded()).is_some() {
            return Err(FoldError::Taken(format!("address {address}")));
        }
        Ok(domain.id)
    }

    fn own(&mut self, domain: DomainId, address: &Address, owner: Owned) -> Applied {
        let domain = self.domain_mut(domain)?;
        domain.owned.insert(address.local().folded().into(), owner);
        if matches!(owner, Owned::Account(_)) {
            domain.accounts_len += 1;
        }
        Ok(())
    }

    /// Takes an address that exists out of its domain.
    fn disown(&mut self, address: &Address) {
        let Some(id) = self.names.get(address.domain()).copied() else {
            return;
        };
        if let Ok(domain) = self.domain_mut(id) {
            let owner = domain.owned.remove(address.local().folded().as_str());
            if matches!(owner, Some(Owned::Account(_))) {
                domain.accounts_len -= 1;
            }
        }
    }
}

fn credential(
    seq: u64,
    id: CredentialId,
    account: AccountId,
    secret: Sha256,
    kind: CredentialKind,
) -> Credential {
    Credential {
        id,
        account,
        secret,
        made_seq: seq,
        kind,
    }
}

fn app_password(seq: u64, c: &AppPasswordCreate) -> Credential {
    let kind = CredentialKind::AppPassword {
        name: c.name,
        scopes: c.scopes.iter().copied().collect(),
        networks: c.networks.iter().copied().collect(),
        send_as: c.send_as.iter().copied().collect(),
    };
    credential(seq, c.id, c.account, c.secret, kind)
}

fn token(seq: u64, c: &TokenCreate) -> Credential {
    let kind = CredentialKind::Token {
        name: c.name,
        scopes: c.scopes.iter().copied().collect(),
        expires: c.expires,
    };
    credential(seq, c.id, c.account, c.secret, kind)
}

fn listener(set: &ListenerSet) -> Listener {
    Listener {
        id: set.id,
        service: set.service,
        address: set.address,
    }
}

/// The thing, or the error that it does not exist.
fn present<T>(thing: Option<T>, id: impl Display) -> Result<T, FoldError> {
    thing.ok_or_else(|| FoldError::Missing(id.to_string()))
}

/// Uses an id up: it and all below it are never given again.
fn take_id(next: &mut u64, number: u64, id: impl Display) -> Applied {
    match number.checked_add(1) {
        Some(following) if number >= *next => {
            *next = following;
            Ok(())
        }
        _ => Err(FoldError::IdUsed(id.to_string())),
    }
}
