//! From commands, which speak of names, to changes, which speak of ids: each is authorised, checked
//! and judged against the configuration that the changes before it lead to. Nothing is written.

use ledger::{Commitment, ObjectId};
use policy::change::{
    AccountCreate, AccountNameSet, AccountQuotaSet, AccountRef, AccountRoleSet, Acknowledge,
    AliasCreate, AliasMembersChange, AliasRemove, CatchAllClear, CatchAllSet, CertificateRemove,
    CertificateSet, DetailSeparator, DomainAliasCreate, DomainAliasRemove, DomainCreate,
    DomainPlusAddressingSet, DomainRef, ListenerRemove, ListenerSet, PasswordSet, RecoverablePurge,
    RouteRemove, RouteSet, ScannerRemove, ScannerSet, SendAsGrant, SendAsRevoke, ServiceSwitch,
};
use policy::judge::judge;
use policy::{
    Account, Author, Authority, Authorship, Change, Config, HostedDomain, Judgement, Member, Right,
    Role, Setting, SettingError,
};
use types::{AccountId, Address, CredentialId, Domain, Secret, SubjectId, Timestamp};

use super::prepare::{Prepared, Purge};
use super::{AdmitError, Made};
use crate::actor::account_subject;
use crate::command::Command;
use crate::secrets::{NewObject, NewPersonal, Vault};

/// A change that may be made, with what it would do.
pub(crate) struct Item {
    pub(crate) judgement: Judgement,
    pub(crate) payload: policy::Payload,
    /// What it does in words, where its effects do not say all of it.
    pub(crate) plainly: Option<String>,
    /// The account whose mail it limits, and to how many octets.
    pub(crate) limits: Option<(AccountId, u64)>,
}

/// Changes that follow from commands, and what must be stored before their entries.
pub(crate) struct Draft<'a> {
    authority: Authority,
    vault: &'a Vault,
    pub(super) now: Timestamp,
    /// Who asks, as the entries will name them.
    by: Author,
    /// The configuration after all items so far.
    pub(crate) config: Config,
    pub(crate) items: Vec<Item>,
    pub(crate) objects: Vec<NewObject>,
    pub(crate) personal: Vec<NewPersonal>,
    /// Secrets that are told once.
    pub(crate) made: Vec<Made>,
    /// Time steps of codes that are used up.
    pub(crate) steps: Vec<(CredentialId, u64)>,
    /// The first change that is not allowed; what comes after it was not looked at.
    pub(crate) refused: Option<(Item, AdmitError)>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        authority: Authority,
        vault: &'a Vault,
        config: &Config,
        made: Authorship,
    ) -> Self {
        Self {
            authority,
            vault,
            now: made.at,
            by: made.by,
            config: config.clone(),
            items: Vec::new(),
            objects: Vec::new(),
            personal: Vec::new(),
            made: Vec::new(),
            steps: Vec::new(),
            refused: None,
        }
    }

    /// Adds what a command changes.
    ///
    /// What does not exist asks for the right to read everything, so that nobody can probe for it.
    pub(crate) fn add(&mut self, prepared: &Prepared<'_>) -> Result<(), AdmitError> {
        self.add_command(prepared).map_err(|err| match err {
            AdmitError::NotFound(_) if !policy::may(&self.authority, &Right::ReadServer) => {
                denied()
            }
            err => err,
        })
    }

    fn add_command(&mut self, prepared: &Prepared<'_>) -> Result<(), AdmitError> {
        let command = prepared.command;
        match command {
            Command::DomainAdd { .. }
            | Command::DomainRemove { .. }
            | Command::DomainEnable { .. }
            | Command::DomainPlusAddressing { .. }
            | Command::DomainAliasAdd { .. }
            | Command::DomainAliasRemove { .. }
            | Command::CatchAllSet { .. } => self.add_to_domain(command),
            Command::AliasAdd { .. }
            | Command::AliasTargets { .. }
            | Command::AliasRemove { .. }
            | Command::SendAsGrant { .. }
            | Command::SendAsRevoke { .. } => self.add_to_alias(command),
            Command::DkimCreate { .. }
            | Command::DkimSign { .. }
            | Command::DkimRest { .. }
            | Command::DkimRemove { .. } => self.add_to_keys(command),
            Command::ServiceEnable { .. }
            | Command::ListenerAdd { .. }
            | Command::ListenerRemove { .. }
            | Command::CertificateSet { .. }
            | Command::CertificateRemove { .. }
            | Command::LedgerAcknowledge { .. }
            | Command::RouteSet { .. }
            | Command::RouteRemove { .. }
            | Command::ScannerSet { .. }
            | Command::ScannerRemove { .. }
            | Command::SettingSet { .. } => self.add_to_server(command),
            Command::RuleAdd { .. }
            | Command::RuleEdit { .. }
            | Command::RuleRemove { .. }
            | Command::RuleEnable { .. }
            | Command::RuleMove { .. }
            | Command::ForwardSet { .. }
            | Command::VacationSet { .. }
            | Command::SendersChange { .. }
            | Command::ExitAllow { .. }
            | Command::ExitRevoke { .. } => self.add_rule_command(command),
            Command::AccessChange { .. }
            | Command::ProxyChange { .. }
            | Command::BlockAdd { .. }
            | Command::BlockLift { .. } => self.add_source(command),
            Command::AppPasswordAdd { .. }
            | Command::AppPasswordRemove { .. }
            | Command::TotpEnrol { .. }
            | Command::TotpRemove { .. }
            | Command::RecoveryCodes { .. }
            | Command::TokenAdd { .. }
            | Command::TokenRemove { .. } => self.add_to_credentials(prepared),
            Command::RecoverablePurge { account, .. } => {
                self.purge(account, prepared.purge.as_ref())
            }
            _ => self.add_to_account(command, prepared.check()),
        }
    }

    fn purge(&mut self, address: &Address, purge: Option<&Purge>) -> Result<(), AdmitError> {
        let id = self.account(address)?.id;
        let purge = purge.filter(|purge| purge.account == id && !purge.ids.is_empty());
        let purge = purge.ok_or_else(|| {
            let who = policy::shown::address(address);
            AdmitError::NotFound(format!("{who} has no such removed mail"))
        })?;
        self.push(Change::RecoverablePurge(RecoverablePurge {
            id,
            messages: purge.ids.len() as u64,
            octets: purge.octets,
        }))?;
        if let (true, Some(item)) = (purge.more, self.items.last_mut()) {
            let more = "There may be more than one change takes: look, and do it again.";
            item.plainly = Some(more.to_owned());
        }
        Ok(())
    }

    fn add_to_domain(&mut self, command: &Command) -> Result<(), AdmitError> {
        match command {
            Command::DomainAdd { domain } => {
                let id = self.config.next_domain_id();
                let name = domain.clone();
                self.push(Change::DomainCreate(DomainCreate { id, name }))
            }
            Command::DomainRemove { domain } => {
                let id = self.domain(domain)?.id;
                self.push(Change::DomainRemove(DomainRef { id }))
            }
            Command::DomainEnable { domain, enabled } => {
                let id = self.domain(domain)?.id;
                let switch = if *enabled {
                    Change::DomainEnable
                } else {
                    Change::DomainDisable
                };
                self.push(switch(DomainRef { id }))
            }
            Command::DomainPlusAddressing { domain, enabled } => {
                let id = self.domain(domain)?.id;
                let separator = enabled.then_some(DetailSeparator::Plus);
                let change = DomainPlusAddressingSet { id, separator };
                self.push(Change::DomainPlusAddressingSet(change))
            }
            Command::DomainAliasAdd { alias, domain } => {
                let (id, of) = (self.config.next_domain_id(), self.domain(domain)?.id);
                let name = alias.clone();
                self.push(Change::DomainAliasCreate(DomainAliasCreate {
                    id,
                    name,
                    of,
                }))
            }
            Command::DomainAliasRemove { alias } => {
                let found = self
                    .config
                    .domain_aliases()
                    .find(|(_, name, _)| *name == alias);
                let (id, ..) = found.ok_or_else(|| not_found("domain alias", alias))?;
                let change = Change::DomainAliasRemove(DomainAliasRemove { id });
                self.push(change)
            }
            Command::CatchAllSet { domain, target } => {
                let id = self.domain(domain)?.id;
                let change = match target {
                    None => Change::CatchAllClear(CatchAllClear { id }),
                    Some(target) => {
                        let members = vec![self.member(target)?];
                        Change::CatchAllSet(CatchAllSet { id, members })
                    }
                };
                self.push(change)
            }
            _ => Err(misplaced()),
        }
    }

    fn add_to_account(&mut self, command: &Command, phc: Option<&str>) -> Result<(), AdmitError> {
        match command {
            Command::AccountAdd {
                address,
                name,
                role,
                quota_octets,
                ..
            } => {
                self.add_account(address, name.as_deref(), *role, *quota_octets)?;
                self.set_password(address, phc)
            }
            Command::AccountRemove { address } => {
                let id = self.account(address)?.id;
                self.push(Change::AccountRemove(AccountRef { id }))
            }
            Command::AccountEnable { address, enabled } => {
                let id = self.account(address)?.id;
                let switch = if *enabled {
                    Change::AccountEnable
                } else {
                    Change::AccountDisable
                };
                self.push(switch(AccountRef { id }))
            }
            Command::AccountName { address, name } => {
                let subject = self.account(address)?.subject();
                let name = self.commit_name(account_subject(subject.account), name)?;
                let change = AccountNameSet {
                    id: subject.account,
                    name,
                };
                self.push(Change::AccountNameSet(change))
            }
            Command::AccountRole { address, role } => {
                let id = self.account(address)?.id;
                let change = Change::AccountRoleSet(AccountRoleSet { id, role: *role });
                self.push(change)
            }
            Command::AccountQuota {
                address,
                quota_octets,
            } => {
                let id = self.account(address)?.id;
                let change = AccountQuotaSet {
                    id,
                    quota_octets: *quota_octets,
                };
                self.push(Change::AccountQuotaSet(change))
            }
            Command::AccountPassword { address, .. } => self.set_password(address, phc),
            _ => Err(misplaced()),
        }
    }

    fn add_account(
        &mut self,
        address: &Address,
        name: Option<&str>,
        role: Role,
        quota_octets: Option<u64>,
    ) -> Result<(), AdmitError> {
        let id = self.config.next_account_id();
        let name = match name {
            Some(name) => self.commit_name(account_subject(id), name)?,
            None => None,
        };
        let address = address.clone();
        let create = AccountCreate {
            id,
            address,
            role,
            quota_octets,
            name,
        };
        self.push(Change::AccountCreate(create))
    }

    fn set_password(&mut self, address: &Address, phc: Option<&str>) -> Result<(), AdmitError> {
        if self.refused.is_some() {
            return Ok(());
        }
        let account = self.account(address)?;
        let (subject, known) = (account.subject(), account.password.map(|p| p.credential));
        let id = known.unwrap_or_else(|| self.config.next_credential_id());
        let phc = phc.ok_or_else(misplaced)?;
        let secret = self.secret(phc.as_bytes());
        let change = Change::PasswordSet(PasswordSet {
            id,
            account: subject.account,
            secret,
        });
        self.push(change)
    }

    fn add_to_alias(&mut self, command: &Command) -> Result<(), AdmitError> {
        match command {
            Command::AliasAdd { address, targets } => {
                let members = self.members(targets)?;
                let id = self.config.next_alias_id();
                let create = AliasCreate {
                    id,
                    address: address.clone(),
                    members,
                };
                self.push(Change::AliasCreate(create))
            }
            Command::AliasTargets { address, targets } => {
                let alias = self.alias(address)?;
                let (id, present) = (alias.id, alias.members.clone());
                let wanted = self.members(targets)?;
                let change = AliasMembersChange::between(id, &present, &wanted);
                self.push(Change::AliasMembersChange(change))
            }
            Command::AliasRemove { address } => {
                let id = self.alias(address)?.id;
                self.push(Change::AliasRemove(AliasRemove { id }))
            }
            Command::SendAsGrant { account, identity } => {
                let account = self.account(account)?.id;
                let of = self.identity(identity)?;
                let id = self.config.next_grant_id();
                self.push(Change::SendAsGrant(SendAsGrant { id, account, of }))
            }
            Command::SendAsRevoke { account, identity } => {
                let account = self.account(account)?.id;
                let of = self.identity(identity)?;
                let grant = self
                    .config
                    .grants()
                    .find(|g| g.account == account && g.of == of);
                let id = grant
                    .map(|g| g.id)
                    .ok_or_else(|| not_found("send-as grant", identity))?;
                self.push(Change::SendAsRevoke(SendAsRevoke { id }))
            }
            _ => Err(misplaced()),
        }
    }

    // long: one arm for each command
    fn add_to_server(&mut self, command: &Command) -> Result<(), AdmitError> {
        let change = match command {
            Command::ServiceEnable { service, enabled } => {
                let switch = if *enabled {
                    Change::ServiceOn
                } else {
                    Change::ServiceOff
                };
                switch(ServiceSwitch { id: *service })
            }
            Command::ListenerAdd {
                service,
                address,
                port,
            } => Change::ListenerCreate(ListenerSet {
                id: self.config.next_listener_id(),
                service: *service,
                address: (*address, *port).into(),
            }),
            Command::ListenerRemove {
                service,
                address,
                port,
            } => {
                let at = (*address, *port).into();
                let found = self
                    .config
                    .listeners()
                    .find(|l| l.service == *service && l.address == at);
                let id = found
                    .map(|l| l.id)
                    .ok_or_else(|| not_found("listener", at))?;
                Change::ListenerRemove(ListenerRemove { id })
            }
            Command::CertificateSet { chain_pem, key_pem } => {
                self.certificate(chain_pem, &key_pem.0)?
            }
            Command::CertificateRemove { certificate } => {
                Change::CertificateRemove(CertificateRemove { id: *certificate })
            }
            Command::LedgerAcknowledge { through } => {
                Change::Acknowledge(Acknowledge { through: *through })
            }
            Command::ScannerSet {
                kind,
                address,
                if_silent,
                timeout_s,
            } => Change::ScannerSet(ScannerSet {
                id: *kind,
                address: address.clone(),
                if_silent: *if_silent,
                timeout_s: *timeout_s,
            }),
            Command::RouteSet {
                mail,
                host,
                port,
                tls,
                lmtp,
                sign_in,
            } => {
                let (user, password) = match sign_in {
                    Some((user, password)) => (Some(user.clone()), Some(&password.0)),
                    None => (None, None),
                };
                let password = password.map(|password| self.secret(password.expose()));
                Change::RouteSet(RouteSet {
                    id: mail.clone(),
                    host: host.clone(),
                    port: *port,
                    tls: *tls,
                    lmtp: *lmtp,
                    user,
                    password,
                })
            }
            Command::RouteRemove { mail } => Change::RouteRemove(RouteRemove { id: mail.clone() }),
            Command::ScannerRemove { kind } => Change::ScannerRemove(ScannerRemove { id: *kind }),
            Command::SettingSet { key, value } => {
                let setting = Setting::parse(key, value);
                Change::SettingSet(setting.map_err(|err| match err {
                    SettingError::UnknownKey { .. } => AdmitError::NotFound(err.to_string()),
                    SettingError::OutOfRange { .. } => AdmitError::Invalid(err.to_string()),
                })?)
            }
            _ => return Err(misplaced()),
        };
        self.push(change)
    }

    fn certificate(&mut self, chain_pem: &str, key_pem: &Secret) -> Result<Change, AdmitError> {
        let names = crate::secrets::certificate_names(chain_pem, key_pem, self.now)
            .map_err(|err| AdmitError::Invalid(err.to_string()))?;
        let same = self
            .config
            .certificates()
            .find(|known| known.names == names);
        let id = same.map_or_else(|| self.config.next_certificate_id(), |known| known.id);
        let chain = self.vault.plain_object(chain_pem.as_bytes());
        let (chain, key) = (self.keep(chain), self.secret(key_pem.expose()));
        Ok(Change::CertificateSet(CertificateSet {
            id,
            names,
            chain,
            key,
        }))
    }

    /// Authorises, checks and judges one change, and goes on from the configuration after it.
    ///
    /// Whoever has no right hears that and nothing else; an attempt that could have been made is
    /// judged all the same, since the class decides whether it is recorded.
    pub(crate) fn push(&mut self, change: Change) -> Result<(), AdmitError> {
        if self.refused.is_some() {
            return Ok(());
        }
        let allowed = policy::may(&self.authority, &change.right(&self.config));
        match self.judged(change) {
            Ok((item, after)) if allowed => {
                let kind = &item.payload.object.kind;
                match super::rule::refusal(&self.config, kind, &item.judgement) {
                    Some(err) => self.refused = Some((item, err)),
                    None => {
                        self.items.push(item);
                        self.config = after;
                    }
                }
                Ok(())
            }
            Ok((item, _)) => {
                self.refused = Some((item, denied()));
                Ok(())
            }
            Err(err) => Err(if allowed { err } else { denied() }),
        }
    }

    /// A change with what it would do, and the configuration after it.
    fn judged(&self, change: Change) -> Result<(Item, Config), AdmitError> {
        let wrong = |err| AdmitError::from_check(&err, &self.config);
        let change = change.normalised(&self.config).map_err(wrong)?;
        change.check(&self.config).map_err(wrong)?;
        let made = Authorship {
            at: self.now,
            by: self.by.clone(),
        };
        let after = self.config.tried(&change, &made);
        let after = after.map_err(|err| AdmitError::Invalid(err.to_string()))?;
        let judgement = judge(&self.config, &after, &change, &made);
        let payload = change.payload(&self.config);
        // A warning about a setting does not say its values.
        // Nor does one about other rules say what becomes of this one.
        let is_elsewhere = matches!(
            change,
            Change::SettingSet(_) | Change::RuleRemove(_) | Change::RulePause(_)
        );
        let says_little = judgement.effects.is_empty() || is_elsewhere;
        let plainly = says_little.then(|| policy::plain(&change, &self.config, &after));
        let limits = match &change {
            Change::AccountQuotaSet(c) => c.quota_octets.map(|octets| (c.id, octets)),
            _ => None,
        };
        let item = Item {
            judgement,
            payload,
            plainly: plainly.flatten(),
            limits,
        };
        Ok((item, after))
    }

    pub(super) fn commit_name(
        &mut self,
        subject: SubjectId,
        name: &str,
    ) -> Result<Option<Commitment>, AdmitError> {
        if name.is_empty() {
            return Ok(None);
        }
        if name.chars().count() > NAME_MAX_CHARS || name.chars().any(char::is_control) {
            let why = format!("a name has at most {NAME_MAX_CHARS} characters and no line ends");
            return Err(AdmitError::Invalid(why));
        }
        let personal = self.vault.personal(subject, name.as_bytes());
        let commitment = personal.commitment;
        self.personal.push(personal);
        Ok(Some(commitment))
    }

    pub(super) fn secret(&mut self, value: &[u8]) -> ObjectId {
        let object = self.vault.secret_object(value);
        self.keep(object)
    }

    fn keep(&mut self, object: NewObject) -> ObjectId {
        let id = object.id;
        self.objects.push(object);
        id
    }

    pub(super) fn domain(&self, name: &Domain) -> Result<&HostedDomain, AdmitError> {
        self.config
            .domain(name)
            .ok_or_else(|| not_found("domain", name))
    }

    pub(super) fn account(&self, address: &Address) -> Result<&Account, AdmitError> {
        self.config
            .account_at(address)
            .ok_or_else(|| not_found("account", address))
    }

    fn alias(&self, address: &Address) -> Result<&policy::Alias, AdmitError> {
        self.config
            .alias_at(address)
            .ok_or_else(|| not_found("alias", address))
    }

    fn members(&self, targets: &[Address]) -> Result<Vec<Member>, AdmitError> {
        targets.iter().map(|target| self.member(target)).collect()
    }

    fn member(&self, target: &Address) -> Result<Member, AdmitError> {
        self.config
            .member(target)
            .ok_or_else(|| not_found("address", target))
    }

    pub(super) fn identity(&self, address: &Address) -> Result<policy::Owned, AdmitError> {
        self.config
            .owner(address)
            .ok_or_else(|| not_found("address", address))
    }
}

fn denied() -> AdmitError {
    AdmitError::NotAllowed("your role does not allow this; ask an owner".to_owned())
}

/// Characters of the name of an account.
const NAME_MAX_CHARS: usize = 200;

pub(super) fn not_found(kind: &'static str, name: impl std::fmt::Display) -> AdmitError {
    AdmitError::NotFound(format!("there is no {kind} {name}"))
}

/// Each command is handed to the family that knows it; this answers for a table gone wrong.
pub(super) fn misplaced() -> AdmitError {
    AdmitError::Invalid("this command is not complete".to_owned())
}
