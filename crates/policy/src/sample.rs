//! A small server for tests: every change goes the whole way, through its entry and back.

use ledger::{Actor, ActorKind, Commitment, Door, Entry, Outcome, Via};
use types::{
    AccountId, AliasId, CertificateId, DomainId, GrantId, ListenerId, RuleId, Sha256, SubjectId,
    Timestamp,
};

use crate::change::{
    AccountCreate, AccountRef, AliasCreate, AppPasswordCreate, CatchAllSet, CertificateSet, Change,
    DomainAliasCreate, DomainCreate, DomainRef, ExitAllow, Genesis, ListenerSet, MailScope, Mode,
    Owned, PasswordSet, Preset, RecoveryCodesCreate, RuleContent, RuleDirection, RuleLevel,
    RulePurpose, RuleSet, SendAsGrant, Service, ServiceSwitch, TokenCreate, TokenScope, TotpCreate,
};
use crate::check::ChangeError;
use crate::config::{Authorship, Config, ConfigBuilder};
use crate::judge::{Judgement, judge};
use crate::role::Role;

/// A digest that is different for different numbers.
pub(crate) fn digest(number: u8) -> Sha256 {
    Sha256([number; 32])
}

pub(crate) fn genesis() -> Change {
    Change::Genesis(Genesis {
        instance: "4f1c90aa".to_owned(),
        mode: Mode::Serve,
        host_name: "mail.example.org".parse().unwrap(),
        vkey: "mail.example.org/4f1c90aa/config/1+00000000+AQ==".to_owned(),
        preset: Preset::Relaxed,
    })
}

/// By the server itself, at the moment of every entry of a [`Sample`].
pub(crate) fn made() -> Authorship {
    Authorship::system(Timestamp(NOW_US))
}

const NOW_US: i64 = 1_795_428_580_123_456;

/// The entry that records a change on `config`, as the service would write it.
pub(crate) fn entry(config: &Config, change: &Change) -> Entry {
    let payload = change.payload(config);
    Entry {
        v: 1,
        log: "mail.example.org/4f1c90aa/config/1".parse().unwrap(),
        seq: config.size(),
        ts: Timestamp(NOW_US),
        mono_us: 1,
        boot: "b1".to_owned(),
        kind: payload.kind.to_owned(),
        outcome: Outcome::Applied,
        object: Some(payload.object),
        scope: payload.scope,
        actor: Actor::bare(ActorKind::System),
        via: Via::local(Door::Cli),
        before: payload.before,
        after: payload.after,
        objects: payload.objects,
        effects: Vec::new(),
        risk: ledger::Risk::none(),
        analyser: 1,
        batch: None,
        cause: None,
        reason: None,
    }
}

pub(crate) struct Sample {
    pub(crate) config: Config,
}

impl Sample {
    /// A server with the domain `example.org` and an owner `root@example.org`.
    pub(crate) fn new() -> Self {
        let mut sample = Self {
            config: Config::empty(),
        };
        sample.make(genesis());
        sample.domain("example.org");
        sample.account("root@example.org", Role::Owner);
        sample
    }

    pub(crate) fn make(&mut self, change: Change) -> Judgement {
        self.make_by(None, change)
    }

    /// Normalises, checks, writes, reads back, folds and judges.
    pub(crate) fn make_by(&mut self, actor: Option<AccountId>, change: Change) -> Judgement {
        let change = change.normalised(&self.config).unwrap();
        change.check(&self.config).unwrap();
        let mut entry = entry(&self.config, &change);
        if let Some(id) = actor {
            entry.actor = Actor {
                id: Some(id.to_string()),
                ..Actor::bare(ActorKind::Account)
            };
        }
        let entry = Entry::from_bytes(&entry.to_bytes().unwrap()).unwrap();
        let mut builder = ConfigBuilder::from(self.config.clone());
        let folded = builder.fold_entry(&entry).unwrap();
        assert_eq!(folded.as_ref(), Some(&change));
        let after = builder.finish();
        let before = std::mem::replace(&mut self.config, after);
        judge(&before, &self.config, &change, &Authorship::from(&entry))
    }

    pub(crate) fn refusal(&self, change: Change) -> ChangeError {
        let normal = change.normalised(&self.config);
        normal
            .and_then(|change| change.check(&self.config))
            .unwrap_err()
    }

    pub(crate) fn domain(&mut self, name: &str) -> DomainId {
        let id = self.config.next_domain_id();
        let name = name.parse().unwrap();
        self.make(Change::DomainCreate(DomainCreate { id, name }));
        id
    }

    pub(crate) fn second_name(&mut self, name: &str, of: DomainId) -> DomainId {
        let id = self.config.next_domain_id();
        let name = name.parse().unwrap();
        self.make(Change::DomainAliasCreate(DomainAliasCreate {
            id,
            name,
            of,
        }));
        id
    }

    pub(crate) fn new_account(&self, address: &str, role: Role) -> AccountCreate {
        AccountCreate {
            id: self.config.next_account_id(),
            address: address.parse().unwrap(),
            role,
            quota_octets: None,
            name: None,
        }
    }

    pub(crate) fn account(&mut self, address: &str, role: Role) -> AccountId {
        let create = self.new_account(address, role);
        let id = create.id;
        self.make(Change::AccountCreate(create));
        id
    }

    pub(crate) fn owner(&mut self, address: &str) -> AccountId {
        self.account(address, Role::MailboxOwner)
    }

    pub(crate) fn new_alias(&self, address: &str, members: &[&str]) -> AliasCreate {
        AliasCreate {
            id: self.config.next_alias_id(),
            address: address.parse().unwrap(),
            members: members
                .iter()
                .map(|member| member.parse().unwrap())
                .collect(),
        }
    }

    pub(crate) fn alias(&mut self, address: &str, members: &[&str]) -> AliasId {
        let create = self.new_alias(address, members);
        let id = create.id;
        self.make(Change::AliasCreate(create));
        id
    }

    pub(crate) fn catch_all(&mut self, id: DomainId, members: &[&str]) -> Judgement {
        let members = members
            .iter()
            .map(|member| member.parse().unwrap())
            .collect();
        self.make(Change::CatchAllSet(CatchAllSet { id, members }))
    }

    pub(crate) fn new_password(&self, account: AccountId, secret: u8) -> Change {
        let present = self
            .config
            .account(account)
            .and_then(|account| account.password);
        Change::PasswordSet(PasswordSet {
            id: present.map_or(self.config.next_credential_id(), |p| p.credential),
            account,
            secret: digest(secret),
        })
    }

    pub(crate) fn new_app_password(&self, account: AccountId) -> AppPasswordCreate {
        AppPasswordCreate {
            id: self.config.next_credential_id(),
            account,
            name: Commitment::new(&[7; 32], b"phone", SubjectId(account.0)),
            scopes: vec![MailScope::Imap],
            networks: Vec::new(),
            send_as: Vec::new(),
            secret: digest(20),
        }
    }

    pub(crate) fn new_totp(&self, account: AccountId) -> Change {
        Change::TotpCreate(TotpCreate {
            id: self.config.next_credential_id(),
            account,
            secret: digest(21),
        })
    }

    pub(crate) fn new_recovery_codes(&self, account: AccountId) -> Change {
        Change::RecoveryCodesCreate(RecoveryCodesCreate {
            id: self.config.next_credential_id(),
            account,
            secret: digest(22),
        })
    }

    pub(crate) fn new_token(&self, account: AccountId, scopes: &[TokenScope]) -> TokenCreate {
        TokenCreate {
            id: self.config.next_credential_id(),
            account,
            name: Commitment::new(&[8; 32], b"scraper", SubjectId(account.0)),
            scopes: scopes.to_vec(),
            expires: None,
            secret: digest(23),
        }
    }

    pub(crate) fn new_grant(&self, account: AccountId, of: Owned) -> SendAsGrant {
        let id = self.config.next_grant_id();
        SendAsGrant { id, account, of }
    }

    pub(crate) fn grant(&mut self, account: AccountId, of: Owned) -> GrantId {
        let grant = self.new_grant(account, of);
        let id = grant.id;
        self.make(Change::SendAsGrant(grant));
        id
    }

    /// A rule with this script, as it could be made next.
    pub(crate) fn new_rule(&self, level: RuleLevel, name: &str, script: &str) -> RuleSet {
        RuleSet {
            id: self.config.next_rule_id(),
            level,
            name: name.to_owned(),
            comment: String::new(),
            enabled: true,
            direction: RuleDirection::In,
            stop: false,
            expires: None,
            purpose: RulePurpose::Rule,
            content: RuleContent::Script(script.to_owned()),
            before: None,
        }
    }

    pub(crate) fn rule(&mut self, level: RuleLevel, name: &str, script: &str) -> RuleId {
        let set = self.new_rule(level, name, script);
        let id = set.id;
        self.make(Change::RuleCreate(set));
        id
    }

    pub(crate) fn new_exit(&self, target: &str, scope: RuleLevel) -> ExitAllow {
        let from = made().at;
        ExitAllow {
            id: self.config.next_exit_id(),
            target: target.parse().unwrap(),
            scope,
            from,
            until: from.plus_s(365 * 86_400),
        }
    }

    pub(crate) fn listener(&mut self, service: Service, address: &str) -> ListenerId {
        let id = self.config.next_listener_id();
        let address = address.parse().unwrap();
        let set = ListenerSet {
            id,
            service,
            address,
        };
        self.make(Change::ListenerCreate(set));
        id
    }

    pub(crate) fn certificate(&mut self, names: &[&str]) -> CertificateId {
        let id = self.config.next_certificate_id();
        let set = CertificateSet {
            id,
            names: names.iter().map(|name| name.parse().unwrap()).collect(),
            chain: digest(1),
            key: digest(2),
        };
        self.make(Change::CertificateSet(set));
        id
    }

    pub(crate) fn switch(&mut self, id: Service, on: bool) -> Judgement {
        let switch = ServiceSwitch { id };
        self.make(if on {
            Change::ServiceOn(switch)
        } else {
            Change::ServiceOff(switch)
        })
    }
}

pub(crate) fn disable(id: AccountId) -> Change {
    Change::AccountDisable(AccountRef { id })
}

pub(crate) fn enable(id: AccountId) -> Change {
    Change::AccountEnable(AccountRef { id })
}

pub(crate) fn remove(id: AccountId) -> Change {
    Change::AccountRemove(AccountRef { id })
}

pub(crate) fn disable_domain(id: DomainId) -> Change {
    Change::DomainDisable(DomainRef { id })
}

pub(crate) fn enable_domain(id: DomainId) -> Change {
    Change::DomainEnable(DomainRef { id })
}
