//! What the entry of a change holds beside the change itself: scope, revision and `before`.
//!
//! `before` has the form that `after` would have to bring the old state back; a list that changed
//! by a difference has none, and the text of a rule is where it names its entry.

use ledger::{Object, Scope};
use serde_json::{Value, json};
use types::{Network, Sha256};

use crate::change::{
    AccountCreate, AccountNameSet, AccountQuotaSet, AccountRoleSet, AliasCreate, AppPasswordCreate,
    BlockAdd, BlockRemove, CatchAllSet, CertificateSet, Change, DkimCreate, DkimRemove, DkimSetUse,
    DomainAliasCreate, DomainCreate, DomainPlusAddressingSet, ListenerSet, MEMBERS_PER_CHANGE_MAX,
    Owned, PasswordSet, RecoveryCodesCreate, RouteRemove, RouteSet, RuleLevel, RuleMove, RuleRef,
    RuleSet, ScannerRemove, ScannerSet, SendAsGrant, TokenCreate, TotpCreate,
};
use crate::config::{Config, Credential, CredentialKind, Rule};

/// The fields of an entry that a change gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// `type`
    pub kind: &'static str,
    /// `object`, with its next revision.
    pub object: Object,
    /// `scope`
    pub scope: Scope,
    /// `before`
    pub before: Option<Value>,
    /// `after`; `None` for what is gone.
    pub after: Option<Value>,
    /// `objects`
    pub objects: Vec<Sha256>,
}

impl Change {
    /// What the entry of this change holds if it is made on `before`.
    pub fn payload(&self, before: &Config) -> Payload {
        let (kind, id) = self.object();
        let rev = before.last_entry(kind, &id).map_or(0, |(_, rev)| rev);
        Payload {
            kind: self.type_name(),
            object: Object {
                kind: kind.to_owned(),
                id,
                rev: rev.saturating_add(1),
            },
            scope: self.scope(before),
            before: self.before(before),
            after: self.after(),
            objects: self.objects(),
        }
    }

    /// Objects that the change names, in the order of its fields.
    fn objects(&self) -> Vec<Sha256> {
        match self {
            Self::Boot(boot) => vec![boot.start_file],
            Self::OutsideEdit(edit) => edit.evidence.into_iter().collect(),
            Self::CertificateSet(set) => vec![set.chain, set.key],
            Self::RouteSet(set) => set.password.into_iter().collect(),
            Self::DkimCreate(made) => vec![made.secret],
            Self::PasswordSet(set) => vec![set.secret],
            Self::AppPasswordCreate(c) => vec![c.secret],
            Self::TotpCreate(c) => vec![c.secret],
            Self::RecoveryCodesCreate(c) => vec![c.secret],
            Self::TokenCreate(c) => vec![c.secret],
            _ => Vec::new(),
        }
    }

    /// Whose matter it is: of an account, of a domain, or of the whole server.
    // long: one table
    fn scope(&self, config: &Config) -> Scope {
        let of_account = |id| Scope {
            domain: config.account(id).map(|account| account.domain),
            account: Some(id),
        };
        let of_domain = |id| Scope {
            domain: Some(id),
            account: None,
        };
        let at = |name| config.domain(name).map(|domain| domain.id);
        match self {
            Self::AccountCreate(c) => Scope {
                domain: at(c.address.domain()),
                account: Some(c.id),
            },
            Self::AccountRemove(c) | Self::AccountDisable(c) | Self::AccountEnable(c) => {
                of_account(c.id)
            }
            Self::AccountNameSet(c) => of_account(c.id),
            Self::RecoverablePurge(c) => of_account(c.id),
            Self::AccountRoleSet(c) => of_account(c.id),
            Self::AccountQuotaSet(c) => of_account(c.id),
            Self::PasswordSet(c) => of_account(c.account),
            Self::AppPasswordCreate(c) => of_account(c.account),
            Self::TotpCreate(c) => of_account(c.account),
            Self::RecoveryCodesCreate(c) => of_account(c.account),
            Self::TokenCreate(c) => of_account(c.account),
            Self::AppPasswordRemove(c) | Self::TotpRemove(c) | Self::TokenRemove(c) => config
                .credential(c.id)
                .map_or_else(Scope::default, |credential| of_account(credential.account)),
            Self::SendAsGrant(c) => of_owned(config, c.of),
            Self::SendAsRevoke(c) => config
                .grant(c.id)
                .map_or_else(Scope::default, |grant| of_owned(config, grant.of)),
            Self::AliasCreate(c) => Scope {
                domain: at(c.address.domain()),
                account: None,
            },
            Self::AliasRemove(c) => of_owned(config, Owned::Alias(c.id)),
            Self::AliasMembersChange(c) => of_owned(config, Owned::Alias(c.id)),
            Self::DomainCreate(c) => of_domain(c.id),
            Self::DomainRemove(c) | Self::DomainDisable(c) | Self::DomainEnable(c) => {
                of_domain(c.id)
            }
            Self::DomainPlusAddressingSet(c) => of_domain(c.id),
            Self::DkimCreate(DkimCreate { id, .. })
            | Self::DkimSetUse(DkimSetUse { id, .. })
            | Self::DkimRemove(DkimRemove { id }) => Scope {
                domain: at(&id.domain),
                account: None,
            },
            Self::DomainAliasCreate(c) => of_domain(c.of),
            Self::DomainAliasRemove(c) => Scope {
                domain: config.domain_alias(c.id).map(|(_, of)| of),
                account: None,
            },
            Self::CatchAllSet(c) => of_domain(c.id),
            Self::CatchAllClear(c) => of_domain(c.id),
            _ => match self.level(config) {
                Some(RuleLevel::Domain(id)) => of_domain(id),
                Some(RuleLevel::Account(id)) => of_account(id),
                Some(RuleLevel::Server) | None => Scope::default(),
            },
        }
    }

    /// The level of rules that it is about, if it is about one.
    pub(crate) fn level(&self, config: &Config) -> Option<RuleLevel> {
        let rule = |id| config.rule(id).map(|rule| rule.level);
        match self {
            Self::RuleCreate(c) | Self::RuleChange(c) => Some(c.level),
            Self::RuleRemove(c)
            | Self::RulePause(c)
            | Self::RuleResume(c)
            | Self::RuleExpire(c) => rule(c.id),
            Self::RuleMove(c) => rule(c.id),
            Self::ExitAllow(c) => Some(c.scope),
            Self::ExitRevoke(c) => config.exit(c.id).map(|exit| exit.scope),
            Self::SendersChange(c) => Some(c.id.into()),
            _ => None,
        }
    }

    /// What the object was, in the form of an `after`.
    fn before(&self, config: &Config) -> Option<Value> {
        let was = |enabled: bool| Some(json!({ "enabled": enabled }));
        match self {
            Self::ServiceOn(c) | Self::ServiceOff(c) => was(config.service_is_on(c.id)),
            Self::DomainDisable(c) | Self::DomainEnable(c) => {
                was(config.domain_by_id(c.id)?.enabled)
            }
            Self::AccountDisable(c) | Self::AccountEnable(c) => was(config.account(c.id)?.enabled),
            Self::AliasRemove(c) => alias(config, c.id),
            Self::RulePause(c) | Self::RuleResume(c) | Self::RuleExpire(c) => {
                was(config.rule(c.id)?.enabled)
            }
            Self::RuleChange(RuleSet { id, .. }) | Self::RuleRemove(RuleRef { id }) => {
                Some(rule(config.rule(*id)?))
            }
            _ => Some(self.former_state(config)?.fields_without_id()),
        }
    }

    /// The change that would make the object what it was; `None` where it was not, and for a list
    /// that changes by a difference.
    fn former_state(&self, config: &Config) -> Option<Self> {
        Some(match self {
            Self::SettingSet(setting) => Self::SettingSet(config.settings().current(setting)),
            Self::ListenerChange(ListenerSet { id, .. }) => listener(config, *id)?,
            Self::ListenerRemove(c) => listener(config, c.id)?,
            Self::CertificateSet(CertificateSet { id, .. }) => certificate(config, *id)?,
            Self::CertificateRemove(c) => certificate(config, c.id)?,
            Self::DomainRemove(c) => Self::DomainCreate(DomainCreate {
                id: c.id,
                name: config.domain_by_id(c.id)?.name.clone(),
            }),
            Self::DomainPlusAddressingSet(c) => {
                Self::DomainPlusAddressingSet(DomainPlusAddressingSet {
                    id: c.id,
                    separator: config.domain_by_id(c.id)?.separator,
                })
            }
            Self::DomainAliasRemove(c) => {
                let (name, of) = config.domain_alias(c.id)?;
                Self::DomainAliasCreate(DomainAliasCreate {
                    id: c.id,
                    name: name.clone(),
                    of,
                })
            }
            Self::CatchAllSet(CatchAllSet { id, .. }) => catch_all(config, *id)?,
            Self::CatchAllClear(c) => catch_all(config, c.id)?,
            Self::AccessSet(set) => config.access_as_change(set.id),
            Self::ProxySet(set) => config.proxies_as_change(set.id),
            Self::BlockAdd(BlockAdd { id, .. }) | Self::BlockRemove(BlockRemove { id }) => {
                block(config, id)?
            }
            Self::DkimSetUse(c) => Self::DkimSetUse(DkimSetUse {
                id: c.id.clone(),
                state: config.dkim_key(&c.id)?.state,
            }),
            Self::DkimRemove(c) => Self::DkimCreate(config.dkim_key(&c.id)?.made.clone()),
            Self::RouteSet(RouteSet { id, .. }) | Self::RouteRemove(RouteRemove { id }) => {
                Self::RouteSet(config.route(id)?.clone())
            }
            Self::ScannerSet(ScannerSet { id, .. }) | Self::ScannerRemove(ScannerRemove { id }) => {
                Self::ScannerSet(config.scanner(*id)?.clone())
            }
            Self::RuleMove(c) => Self::RuleMove(RuleMove {
                id: c.id,
                before: config.rule_behind(config.rule(c.id)?),
            }),
            Self::ExitRevoke(c) => config.exit_as_change(c.id)?,
            Self::SendAsRevoke(c) => {
                let grant = config.grant(c.id)?;
                Self::SendAsGrant(SendAsGrant {
                    id: grant.id,
                    account: grant.account,
                    of: grant.of,
                })
            }
            _ => return self.former_account(config),
        })
    }

    /// [`Self::former_state`] of what belongs to an account.
    fn former_account(&self, config: &Config) -> Option<Self> {
        Some(match self {
            Self::AccountRemove(c) => {
                let account = config.account(c.id)?;
                Self::AccountCreate(AccountCreate {
                    id: account.id,
                    address: account.address.clone(),
                    role: account.role,
                    quota_octets: account.quota_octets,
                    name: account.name,
                })
            }
            Self::AccountNameSet(c) => Self::AccountNameSet(AccountNameSet {
                id: c.id,
                name: config.account(c.id)?.name,
            }),
            Self::AccountRoleSet(c) => Self::AccountRoleSet(AccountRoleSet {
                id: c.id,
                role: config.account(c.id)?.role,
            }),
            Self::AccountQuotaSet(c) => Self::AccountQuotaSet(AccountQuotaSet {
                id: c.id,
                quota_octets: config.account(c.id)?.quota_octets,
            }),
            Self::PasswordSet(c) => Self::PasswordSet(PasswordSet {
                id: c.id,
                account: c.account,
                secret: config.account(c.account)?.password?.secret,
            }),
            Self::AppPasswordRemove(c) | Self::TotpRemove(c) | Self::TokenRemove(c) => {
                credential(config.credential(c.id)?)
            }
            _ => return None,
        })
    }
}

fn of_owned(config: &Config, owned: Owned) -> Scope {
    match owned {
        Owned::Account(id) => Scope {
            domain: config.account(id).map(|account| account.domain),
            account: Some(id),
        },
        Owned::Alias(id) => Scope {
            domain: config.alias(id).map(|alias| alias.domain),
            account: None,
        },
    }
}

/// The change that would make a credential.
fn credential(known: &Credential) -> Change {
    let Credential {
        id,
        account,
        secret,
        ..
    } = *known;
    match &known.kind {
        CredentialKind::AppPassword {
            name,
            scopes,
            networks,
            send_as,
        } => Change::AppPasswordCreate(AppPasswordCreate {
            id,
            account,
            name: *name,
            scopes: scopes.iter().copied().collect(),
            networks: networks.iter().copied().collect(),
            send_as: send_as.iter().copied().collect(),
            secret,
        }),
        CredentialKind::Totp => Change::TotpCreate(TotpCreate {
            id,
            account,
            secret,
        }),
        CredentialKind::RecoveryCodes => Change::RecoveryCodesCreate(RecoveryCodesCreate {
            id,
            account,
            secret,
        }),
        CredentialKind::Token {
            name,
            scopes,
            expires,
        } => Change::TokenCreate(TokenCreate {
            id,
            account,
            name: *name,
            scopes: scopes.iter().copied().collect(),
            expires: *expires,
            secret,
        }),
    }
}

fn listener(config: &Config, id: types::ListenerId) -> Option<Change> {
    let listener = config.listener(id)?;
    Some(Change::ListenerCreate(ListenerSet {
        id,
        service: listener.service,
        address: listener.address,
    }))
}

fn block(config: &Config, source: &Network) -> Option<Change> {
    let block = config.block(source)?;
    Some(Change::BlockAdd(BlockAdd {
        id: block.source,
        what: block.what,
        from: block.from,
        until: block.until,
        forced: block.forced,
    }))
}

fn certificate(config: &Config, id: types::CertificateId) -> Option<Change> {
    let certificate = config.certificate(id)?;
    Some(Change::CertificateSet(CertificateSet {
        id,
        names: certificate.names.clone(),
        chain: certificate.chain,
        key: certificate.key,
    }))
}

fn catch_all(config: &Config, id: types::DomainId) -> Option<Change> {
    let members = &config.domain_by_id(id)?.catch_all;
    if members.is_empty() {
        return None;
    }
    Some(Change::CatchAllSet(CatchAllSet {
        id,
        members: members.iter().cloned().collect(),
    }))
}

/// A rule as its `after` would make it; its text stands in the entry that is named.
fn rule(rule: &Rule) -> Value {
    let mut fields = Change::RuleCreate(rule.as_set()).fields_without_id();
    fields["content"] = json!({ "entry": rule.content_seq.to_string() });
    fields
}

/// An alias as its `after` would make it; of a list that fits no entry only the length.
fn alias(config: &Config, id: types::AliasId) -> Option<Value> {
    let alias = config.alias(id)?;
    if alias.members.len() > MEMBERS_PER_CHANGE_MAX {
        let members_len = alias.members.len();
        return Some(json!({ "address": alias.address, "members_len": members_len }));
    }
    let create = Change::AliasCreate(AliasCreate {
        id,
        address: alias.address.clone(),
        members: alias.members.iter().cloned().collect(),
    });
    Some(create.fields_without_id())
}
