//! The configuration in force, as lists and single things.

use std::collections::BTreeSet;

use ledger::Commitment;
use policy::change::Owned;
use policy::{Account, Alias, Config, HostedDomain, Member, Role};
use serde::Serialize;
use types::{Address, Domain, Timestamp};

use crate::Service;
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult, damage_met};
use crate::health::days_left;

/// How the server is.
#[derive(Clone, Debug, Serialize)]
pub struct StatusView {
    /// The name by which it greets.
    pub host_name: String,
    /// `serve` or `demo`.
    pub mode: String,
    /// How strictly changes are controlled.
    pub preset: String,
    /// Domains, accounts and aliases.
    pub domains: usize,
    /// Accounts.
    pub accounts: usize,
    /// Aliases.
    pub aliases: usize,
    /// The name of the ledger.
    pub ledger_origin: String,
    /// The key that verifies it.
    pub ledger_vkey: String,
    /// Its entries.
    pub ledger_size: u64,
    /// Why changes wait, if they do.
    pub frozen: Option<String>,
    /// The entry of the newest edit from outside that nobody has acknowledged.
    pub unacknowledged_edit: Option<u64>,
    /// Whether mail is put off for want of disk space.
    pub low_space: bool,
    /// How often something damaged was met since the start, by clients or the server itself.
    pub damage_met: u64,
    /// Why the store has stopped, if it has.
    pub failure: Option<String>,
    /// What keeps the logs of what happened from being written, and what was set aside of them.
    pub log_troubles: Vec<String>,
    /// Version of the program.
    pub version: &'static str,
    /// When it was started, RFC 3339.
    pub started: String,
    /// Seconds since then.
    pub uptime_s: i64,
    /// When it last looked after itself, RFC 3339; none in the first minute.
    pub last_heartbeat: Option<String>,
    /// Services that are on, with the addresses where they listen.
    pub listeners: Vec<String>,
    /// Those of them that could not be opened, each with what is in the way; tried each minute.
    pub not_listening: Vec<String>,
    /// Certificates with the days that are left to them.
    pub certificates: Vec<CertificateView>,
}

/// A domain.
#[derive(Clone, Debug, Serialize)]
pub struct DomainView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Domain,
    /// Whether it takes mail.
    pub enabled: bool,
    /// How many accounts it has.
    pub accounts: usize,
    /// How many aliases.
    pub aliases: usize,
    /// Its second names.
    pub other_names: Vec<Domain>,
    /// Where mail for unknown addresses goes.
    pub catch_all: Vec<String>,
    /// Those of them that are outside the organisation.
    pub outside: Vec<String>,
    /// Whether `name+detail@` reaches `name@`.
    pub plus_addressing: bool,
}

/// An account.
#[derive(Clone, Debug, Serialize)]
pub struct AccountView {
    /// Its id.
    pub id: String,
    /// Its address.
    pub address: Address,
    /// The name that people see.
    pub name: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Whether it works.
    pub enabled: bool,
    /// Octets it keeps.
    pub used_octets: u64,
    /// Octets it may keep; none for no limit.
    pub quota_octets: Option<u64>,
    /// Messages it keeps.
    pub messages: u64,
    /// Octets of removed mail that can be brought back.
    pub recoverable_octets: u64,
    /// The entry that made it.
    pub made_seq: u64,
    /// Whether it has a second factor, so that its password opens no mail.
    pub second_factor: bool,
    /// Recovery codes that are left; none where it has no set.
    pub recovery_codes_left: Option<u64>,
    /// How many app passwords it has.
    pub app_passwords: usize,
}

/// An alias.
#[derive(Clone, Debug, Serialize)]
pub struct AliasView {
    /// Its id.
    pub id: String,
    /// Its address.
    pub address: Address,
    /// To whom it delivers.
    pub targets: Vec<String>,
    /// Those of them that are outside the organisation.
    pub outside: Vec<String>,
}

/// The right of an account to send with the address of another.
#[derive(Clone, Debug, Serialize)]
pub struct GrantView {
    /// The account that may send.
    pub account: String,
    /// With this address.
    pub identity: String,
}

/// A service with its listeners.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceView {
    /// Its registered name.
    pub service: String,
    /// Whether it answers.
    pub enabled: bool,
    /// Where.
    pub listeners: Vec<String>,
}

/// A certificate.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateView {
    /// Its id.
    pub id: String,
    /// The names it serves.
    pub names: Vec<Domain>,
    /// The last moment of its life, RFC 3339; none if it cannot be read.
    pub expires: Option<String>,
    /// Whole days until then; negative when it is over.
    pub days_left: Option<i64>,
}

/// A setting.
#[derive(Clone, Debug, Serialize)]
pub struct SettingView {
    /// Its key.
    pub key: &'static str,
    /// Its value now.
    pub value: String,
    /// Its value if nobody sets it.
    pub default: String,
    /// What it accepts.
    pub accepted: String,
    /// What it means.
    pub meaning: String,
}

impl Service {
    /// How the server is.
    pub async fn status(&self, actor: &Actor) -> ServiceResult<StatusView> {
        self.may_read_server(actor)?;
        let config = self.config();
        let genesis = config.genesis().ok_or(ServiceError::Unavailable)?;
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let shut = self.listeners_shut();
        Ok(StatusView {
            host_name: self.host_name(),
            mode: word(serde_json::json!(genesis.mode)),
            preset: word(serde_json::json!(genesis.preset)),
            domains: config.domains_len(),
            accounts: config.accounts_len(),
            aliases: config.aliases().count(),
            ledger_origin: self.inner.origin.to_string(),
            ledger_vkey: self.inner.vkey.clone(),
            ledger_size: config.size(),
            frozen: self.inner.admission.lock().await.frozen(&config),
            unacknowledged_edit: config.outside_edits().last(),
            low_space: self.inner.store.is_low_on_space(),
            damage_met: damage_met(),
            failure: self.failure(),
            log_troubles: [self.log_hindrances(), self.log_warnings()].concat(),
            version: env!("CARGO_PKG_VERSION"),
            started: self.inner.started.to_rfc3339(),
            uptime_s: i64::try_from(self.clock().monotonic_us() / 1_000_000).unwrap_or(i64::MAX),
            last_heartbeat: self.inner.beats.last_at().map(Timestamp::to_rfc3339),
            listeners: config
                .open_listeners()
                .filter(|listener| shut.iter().all(|shut| shut.listener.id != listener.id))
                .map(|listener| format!("{} {}", listener.service, listener.address))
                .collect(),
            not_listening: shut.iter().map(ToString::to_string).collect(),
            certificates: self.certificate_list(actor)?,
        })
    }

    /// All domains.
    pub fn domain_list(&self, actor: &Actor) -> ServiceResult<Vec<DomainView>> {
        self.may_read_server(actor)?;
        Ok(self
            .config()
            .domains()
            .map(|domain| self.domain_view(domain))
            .collect())
    }

    /// One domain, by any of its names.
    pub fn domain_show(&self, actor: &Actor, name: &Domain) -> ServiceResult<DomainView> {
        self.may_read_server(actor)?;
        let config = self.config();
        Ok(self.domain_view(domain(&config, name)?))
    }

    /// All accounts, or those of one domain.
    pub async fn account_list(
        &self,
        actor: &Actor,
        of: Option<&Domain>,
    ) -> ServiceResult<Vec<AccountView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let of = of.map(|name| domain(&config, name)).transpose()?;
        let accounts = config
            .accounts()
            .filter(|account| of.is_none_or(|of| account.domain == of.id));
        self.account_views(accounts.cloned().collect()).await
    }

    /// One account.
    pub async fn account_show(
        &self,
        actor: &Actor,
        address: &Address,
    ) -> ServiceResult<AccountView> {
        self.may_read_server(actor)?;
        let config = self.config();
        let account = config
            .account_at(address)
            .ok_or(ServiceError::NotFound("account"))?;
        let mut views = self.account_views(vec![account.clone()]).await?;
        views.pop().ok_or(ServiceError::NotFound("account"))
    }

    /// All aliases, or those of one domain.
    pub fn alias_list(&self, actor: &Actor, of: Option<&Domain>) -> ServiceResult<Vec<AliasView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let of = of.map(|name| domain(&config, name)).transpose()?;
        let aliases = config
            .aliases()
            .filter(|alias| of.is_none_or(|of| alias.domain == of.id));
        Ok(aliases.map(|alias| self.alias_view(alias)).collect())
    }

    /// Who may send with the address of another.
    pub fn send_as_list(&self, actor: &Actor) -> ServiceResult<Vec<GrantView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let account = |id| config.account(id).map(|known| known.address.to_string());
        let view = |grant: &policy::Grant| {
            let identity = match grant.of {
                Owned::Account(id) => account(id),
                Owned::Alias(id) => config.alias(id).map(|alias| alias.address.to_string()),
            };
            GrantView {
                account: account(grant.account).unwrap_or_else(|| grant.account.to_string()),
                identity: identity.unwrap_or_else(|| grant.of.to_string()),
            }
        };
        Ok(config.grants().map(view).collect())
    }

    /// One alias.
    pub fn alias_show(&self, actor: &Actor, address: &Address) -> ServiceResult<AliasView> {
        self.may_read_server(actor)?;
        let config = self.config();
        let alias = config
            .alias_at(address)
            .ok_or(ServiceError::NotFound("alias"))?;
        Ok(self.alias_view(alias))
    }

    /// All services, also those that are off.
    pub fn service_list(&self, actor: &Actor) -> ServiceResult<Vec<ServiceView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let view = |service: policy::Service| ServiceView {
            service: service.to_string(),
            enabled: config.service_is_on(service),
            listeners: (config
                .listeners()
                .filter(|listener| listener.service == service))
            .map(|listener| listener.address.to_string())
            .collect(),
        };
        Ok(policy::Service::ALL.into_iter().map(view).collect())
    }

    /// All certificates.
    pub fn certificate_list(&self, actor: &Actor) -> ServiceResult<Vec<CertificateView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let now_s = self.clock().now().seconds();
        let view = |certificate: &policy::Certificate| {
            let end = self.certificate_end(certificate);
            CertificateView {
                id: certificate.id.to_string(),
                names: certificate.names.clone(),
                expires: end.map(Timestamp::to_rfc3339),
                days_left: end.map(|end| days_left(now_s, end.seconds())),
            }
        };
        Ok(config.certificates().map(view).collect())
    }

    /// All settings.
    pub fn setting_list(&self, actor: &Actor) -> ServiceResult<Vec<SettingView>> {
        self.may_read_server(actor)?;
        let rows = self.config().settings().rows().into_iter();
        let view = |row: policy::settings::SettingRow| SettingView {
            key: row.key,
            value: row.current,
            default: row.default,
            accepted: row.accepted,
            meaning: row.doc,
        };
        Ok(rows.map(view).collect())
    }

    fn domain_view(&self, domain: &HostedDomain) -> DomainView {
        let config = self.config();
        DomainView {
            id: domain.id.to_string(),
            name: domain.name.clone(),
            enabled: domain.enabled,
            accounts: domain.accounts_len(),
            aliases: domain.aliases_len(),
            other_names: config.names_of(domain).split_off(1),
            catch_all: self.members(&domain.catch_all),
            outside: outside(&domain.catch_all),
            plus_addressing: domain.separator.is_some(),
        }
    }

    fn alias_view(&self, alias: &Alias) -> AliasView {
        AliasView {
            id: alias.id.to_string(),
            address: alias.address.clone(),
            targets: self.members(&alias.members),
            outside: outside(&alias.members),
        }
    }

    fn members(&self, members: &BTreeSet<Member>) -> Vec<String> {
        let words = |member| self.member_words(member);
        members.iter().map(words).collect()
    }

    fn member_words(&self, member: &Member) -> String {
        let config = self.config();
        let address = match member {
            Member::Account(id) => config
                .account(*id)
                .map(|account| account.address.to_string()),
            Member::Alias(id) => config.alias(*id).map(|alias| alias.address.to_string()),
            Member::Outside(address) => Some(address.to_string()),
        };
        address.unwrap_or_else(|| format!("{member} (gone)"))
    }

    async fn account_views(&self, accounts: Vec<Account>) -> ServiceResult<Vec<AccountView>> {
        let ids: Vec<_> = accounts.iter().map(|account| account.id).collect();
        let usages = self.inner.store.read(move |tx| {
            ids.into_iter()
                .map(|id| store::account::usage(tx, id))
                .collect::<Result<Vec<_>, _>>()
        });
        let usages = usages.await?;
        let mut views = Vec::with_capacity(accounts.len());
        let config = self.config();
        for (account, usage) in accounts.into_iter().zip(usages) {
            let opens = |known: &policy::Credential| {
                matches!(known.kind, policy::CredentialKind::AppPassword { .. })
            };
            let app_passwords = config.credentials_of(&account);
            views.push(AccountView {
                second_factor: config.totp(&account).is_some(),
                recovery_codes_left: self.recovery_codes_left(&account).await?,
                app_passwords: app_passwords.filter(|known| opens(known)).count(),
                id: account.id.to_string(),
                name: match &account.name {
                    Some(name) => Some(self.opened(*name).await?),
                    None => None,
                },
                address: account.address,
                role: account.role,
                enabled: account.enabled,
                used_octets: usage.octets,
                quota_octets: account.quota_octets,
                messages: usage.messages,
                recoverable_octets: usage.recoverable_octets,
                made_seq: account.made_seq,
            });
        }
        Ok(views)
    }

    /// A personal value, or a word that it is gone.
    pub(crate) async fn opened(&self, commitment: Commitment) -> ServiceResult<String> {
        let c = commitment.c;
        let sidecar = self
            .inner
            .store
            .read(move |tx| store::ledger::sidecar(tx, &c))
            .await?;
        let value =
            sidecar.and_then(|(_, sealed)| self.inner.vault.open_personal(&commitment, &sealed));
        Ok(value.unwrap_or_else(|| "(erased)".to_owned()))
    }
}

/// The members that are outside the organisation.
fn outside(members: &BTreeSet<Member>) -> Vec<String> {
    let address = |member: &Member| match member {
        Member::Outside(address) => Some(address.to_string()),
        Member::Account(_) | Member::Alias(_) => None,
    };
    members.iter().filter_map(address).collect()
}

fn domain<'a>(config: &'a Config, name: &Domain) -> ServiceResult<&'a HostedDomain> {
    config.domain(name).ok_or(ServiceError::NotFound("domain"))
}
