//! The bytes of every change and effect, which never change once released.
//!
//! A new variant adds a line to `golden/*.jsonl`; a line that is there stays as it is.

mod dkim;
mod route;
mod scanner;
mod setting;

use std::collections::BTreeSet;

use ledger::Commitment;
use serde_json::{Value, json};
use sieve::form::{Condition, Fact, FormAction, FormRule};
use types::{
    AccountId, AliasId, CertificateId, CredentialId, DomainId, ExitId, GrantId, ListenerId, RuleId,
    SubjectId, Timestamp,
};

use crate::change::{
    AccessSet, AccessSubject, AccountCreate, AccountNameSet, AccountQuotaSet, AccountRef,
    AccountRoleSet, Acknowledge, ActivityCheckpoint, AliasCreate, AliasMembersChange, AliasRemove,
    AppPasswordCreate, BlockAdd, BlockRemove, Blocked, Boot, CatchAllClear, CatchAllSet,
    CertificateRemove, CertificateSet, Change, CredentialRef, DetailSeparator, DomainAliasCreate,
    DomainAliasRemove, DomainCreate, DomainPlusAddressingSet, DomainRef, ExitAllow, ExitRevoke,
    ListenerRemove, ListenerSet, MailScope, OutsideEdit, Owned, PasswordSet, ProxyScope, ProxySet,
    RecoverablePurge, RecoveryCodesCreate, RuleContent, RuleDirection, RuleLevel, RuleMove,
    RulePurpose, RuleRef, RuleSet, SealedLog, SendAsGrant, SendAsRevoke, SenderList, SendersChange,
    SendersOf, Service, ServiceSwitch, TokenCreate, TokenScope, TotpCreate,
};
use crate::effect::{
    Access, Effect, Grantee, Hidden, Matched, Protection, Refused, Sources, Whose,
};
use crate::role::Role;
use crate::sample::{Sample, digest, entry, genesis};
use crate::settings::Setting;
use setting::settings;

const CHANGES: &str = include_str!("../golden/changes.jsonl");
const EFFECTS: &str = include_str!("../golden/effects.jsonl");

const LOG_MANAGESIEVE: &str = "log_managesieve";
const DOMAIN: DomainRef = DomainRef { id: DomainId(1) };
const ACCOUNT: AccountRef = AccountRef { id: AccountId(1) };

/// At least one change of every type, each with everything it can hold.
fn changes() -> Vec<Change> {
    let mut all = system_changes();
    all.extend(domain_changes());
    all.extend(account_changes());
    all.extend([SealedLog::Activity, SealedLog::Trace].map(checkpoint));
    all.extend(source_changes());
    all.extend(settings(|key| {
        key.starts_with("log_") && key != LOG_MANAGESIEVE
    }));
    all.extend(credential_changes());
    all.push(Change::Acknowledge(Acknowledge { through: u64::MAX }));
    all.extend(rule_changes());
    all.extend(managesieve_changes());
    all.extend(settings(|key| key.starts_with("spam_")));
    all.extend(scanner::changes());
    all.extend(settings(|key| key.starts_with("outbound_")));
    all.extend(route::changes());
    all.extend(dkim::changes());
    all.extend(setting::of_senders());
    all.extend(settings(|key| {
        key.starts_with("dns_") || key.starts_with("sending_")
    }));
    all
}

/// What came with the door for scripts.
fn managesieve_changes() -> Vec<Change> {
    let id = Service::Managesieve;
    let mut all = settings(|key| key == LOG_MANAGESIEVE);
    all.push(Change::ServiceOn(ServiceSwitch { id }));
    all.push(Change::AppPasswordCreate(AppPasswordCreate {
        id: CredentialId(9),
        account: AccountId(1),
        name: Commitment::new(&[7; 32], b"phone", SubjectId(1)),
        scopes: vec![MailScope::Managesieve],
        networks: Vec::new(),
        send_as: Vec::new(),
        secret: digest(9),
    }));
    all
}

/// Of forms `sieve` keeps a line for each condition and action.
fn form() -> FormRule {
    FormRule {
        conditions: vec![Condition::Fact {
            fact: Fact::HasAttachment,
            holds: true,
        }],
        all: true,
        actions: vec![FormAction::MarkRead {}],
        stop: true,
    }
}

// long: one table
fn rule_changes() -> Vec<Change> {
    let id = RuleId(9);
    let moment = Timestamp(1_795_428_580_123_456);
    let set = |level, purpose, direction, expires| RuleSet {
        id,
        level,
        name: "Käse \"1\"".to_owned(),
        comment: "two\nlines".to_owned(),
        enabled: true,
        direction,
        stop: true,
        expires,
        purpose,
        content: RuleContent::Script("discard;\r\n".to_owned()),
        before: None,
    };
    let (server, domain, account) = (
        RuleLevel::Server,
        RuleLevel::Domain(DomainId(1)),
        RuleLevel::Account(AccountId(1)),
    );
    let create =
        |level, purpose| Change::RuleCreate(set(level, purpose, RuleDirection::In, Some(moment)));
    let one = RuleRef { id };
    let reorder = |before| Change::RuleMove(RuleMove { id, before });
    let allow = |scope| {
        Change::ExitAllow(ExitAllow {
            id: ExitId(2),
            target: "drop@bücher.example".parse().unwrap(),
            scope,
            from: moment,
            until: moment.plus_s(86_400),
        })
    };
    let senders = |id, list| {
        Change::SendersChange(SendersChange {
            id,
            list,
            add: vec!["x@example.net".parse().unwrap()],
            remove: vec!["example.com".parse().unwrap()],
        })
    };
    vec![
        create(server, RulePurpose::Rule),
        create(account, RulePurpose::Forward),
        create(account, RulePurpose::Vacation),
        create(account, RulePurpose::Script),
        Change::RuleChange(set(domain, RulePurpose::Rule, RuleDirection::Out, None)),
        Change::RuleRemove(one.clone()),
        Change::RulePause(one.clone()),
        Change::RuleResume(one.clone()),
        Change::RuleExpire(one),
        reorder(Some(RuleId(3))),
        reorder(None),
        allow(server),
        allow(domain),
        allow(account),
        Change::ExitRevoke(ExitRevoke { id: ExitId(2) }),
        senders(SendersOf::Domain(DomainId(1)), SenderList::Trusted),
        senders(SendersOf::Account(AccountId(1)), SenderList::Blocked),
        Change::RuleCreate(RuleSet {
            content: RuleContent::Form(form()),
            ..set(account, RulePurpose::Rule, RuleDirection::In, None)
        }),
        Change::RuleCreate(RuleSet {
            before: Some(RuleId(3)),
            ..set(account, RulePurpose::Rule, RuleDirection::In, None)
        }),
        Change::RecoverablePurge(RecoverablePurge {
            id: AccountId(1),
            messages: 12,
            octets: u64::MAX,
        }),
    ]
}

fn system_changes() -> Vec<Change> {
    let listener = ListenerSet {
        id: ListenerId(1),
        service: Service::Submissions,
        address: "[2001:db8::1]:465".parse().unwrap(),
    };
    let boot = Boot {
        version: "0.1.0".to_owned(),
        rules_engine: 1,
        binary: digest(1),
        argv: vec!["sealpost".to_owned(), "serve".to_owned()],
        start_file: digest(2),
        start_file_differs: vec!["host_name".to_owned()],
        resolver: Some(digest(3)),
        trust_store: None,
        environment: vec!["NOTIFY_SOCKET".to_owned()],
        host: "mail".to_owned(),
        uid: 990,
        state_root: digest(4),
        last_signed_size: u64::MAX,
    };
    let edit = OutsideEdit {
        what: "a row without a signed checkpoint".to_owned(),
        place: "ledger_entry 1234".to_owned(),
        evidence: Some(digest(5)),
    };
    let certificate = CertificateSet {
        id: CertificateId(1),
        names: vec!["mail.example.org".parse().unwrap()],
        chain: digest(6),
        key: digest(7),
    };
    let switch = ServiceSwitch { id: Service::Imap };
    let mut all = vec![
        genesis(),
        Change::Boot(boot),
        Change::OutsideEdit(edit),
        Change::ListenerCreate(listener.clone()),
        Change::ListenerChange(listener),
        Change::ListenerRemove(ListenerRemove { id: ListenerId(1) }),
        Change::ServiceOn(switch.clone()),
        Change::ServiceOff(switch),
        Change::CertificateSet(certificate),
        Change::CertificateRemove(CertificateRemove {
            id: CertificateId(1),
        }),
    ];
    all.extend(settings(setting::came_first));
    all
}

fn credential_changes() -> Vec<Change> {
    let (id, account) = (CredentialId(9), AccountId(1));
    let name = Commitment::new(&[7; 32], b"phone", SubjectId(1));
    let one = CredentialRef { id };
    let app_password = |networks, send_as| AppPasswordCreate {
        id,
        account,
        name,
        scopes: MailScope::FOR_MAIL.to_vec(),
        networks,
        send_as,
        secret: digest(9),
    };
    let limited = app_password(
        vec![
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::1".parse().unwrap(),
        ],
        vec![Owned::Account(account), Owned::Alias(AliasId(1))],
    );
    let token = |expires| {
        Change::TokenCreate(TokenCreate {
            id,
            account,
            name,
            scopes: TokenScope::ALL.to_vec(),
            expires,
            secret: digest(10),
        })
    };
    vec![
        Change::AppPasswordCreate(limited),
        Change::AppPasswordCreate(app_password(Vec::new(), Vec::new())),
        Change::AppPasswordRemove(one.clone()),
        Change::TotpCreate(TotpCreate {
            id,
            account,
            secret: digest(11),
        }),
        Change::TotpRemove(one.clone()),
        Change::RecoveryCodesCreate(RecoveryCodesCreate {
            id,
            account,
            secret: digest(12),
        }),
        token(Some(Timestamp(1_795_428_580_123_456))),
        token(None),
        Change::TokenRemove(one),
    ]
}

fn checkpoint(id: SealedLog) -> Change {
    Change::ActivityCheckpoint(ActivityCheckpoint {
        id,
        size: u64::MAX,
        root: digest(8),
        note: format!("mail.example.org/4f1c90aa/{id}/1\n…"),
    })
}

fn source_changes() -> Vec<Change> {
    let network = |text: &str| text.parse().unwrap();
    let subjects = [
        AccessSubject::Service(Service::Imaps),
        AccessSubject::Listener(ListenerId(3)),
        AccessSubject::Role(Role::DomainAdmin),
    ];
    let access = |id| {
        Change::AccessSet(AccessSet {
            id,
            allow: vec![network("192.0.2.0/24"), network("2001:db8::/32")],
            deny: vec![network("192.0.2.7")],
        })
    };
    let proxies = |id| {
        Change::ProxySet(ProxySet {
            id,
            networks: vec![network("198.51.100.1")],
        })
    };
    let block = |what| {
        Change::BlockAdd(BlockAdd {
            id: network("203.0.113.0/24"),
            what,
            from: Timestamp(1_795_428_580_123_456),
            until: Timestamp(1_795_432_180_000_000),
            forced: true,
        })
    };
    let mut all: Vec<_> = subjects.map(access).into();
    all.extend([ProxyScope::All, ProxyScope::Listener(ListenerId(3))].map(proxies));
    all.extend([Blocked::SignIns, Blocked::Connections].map(block));
    all.push(Change::BlockRemove(BlockRemove {
        id: network("2001:db8:0:7::/64"),
    }));
    all
}

fn domain_changes() -> Vec<Change> {
    let id = DomainId(1);
    let plus =
        |separator| Change::DomainPlusAddressingSet(DomainPlusAddressingSet { id, separator });
    let members = || vec!["a_1".parse().unwrap(), "x@example.net".parse().unwrap()];
    vec![
        Change::DomainCreate(DomainCreate {
            id: DomainId(7),
            name: "bücher.example.org".parse().unwrap(),
        }),
        Change::DomainRemove(DOMAIN),
        Change::DomainDisable(DOMAIN),
        Change::DomainEnable(DOMAIN),
        plus(Some(DetailSeparator::Plus)),
        plus(Some(DetailSeparator::Hyphen)),
        plus(None),
        Change::DomainAliasCreate(DomainAliasCreate {
            id: DomainId(8),
            name: "example.com".parse().unwrap(),
            of: id,
        }),
        Change::DomainAliasRemove(DomainAliasRemove { id: DomainId(8) }),
        Change::CatchAllSet(CatchAllSet {
            id,
            members: members(),
        }),
        Change::CatchAllClear(CatchAllClear { id }),
        Change::AliasCreate(AliasCreate {
            id: AliasId(1),
            address: "info@example.org".parse().unwrap(),
            members: members(),
        }),
        Change::AliasRemove(AliasRemove { id: AliasId(1) }),
        Change::AliasMembersChange(AliasMembersChange {
            id: AliasId(1),
            add: vec!["al_2".parse().unwrap()],
            remove: members(),
        }),
    ]
}

fn account_changes() -> Vec<Change> {
    let id = AccountId(1);
    let name = Some(Commitment::new(&[7; 32], b"Ann", SubjectId(9)));
    let role = |role| Change::AccountRoleSet(AccountRoleSet { id, role });
    let grant = |of| {
        Change::SendAsGrant(SendAsGrant {
            id: GrantId(1),
            account: AccountId(2),
            of,
        })
    };
    let mut all = vec![
        Change::AccountCreate(AccountCreate {
            id: AccountId(7),
            address: "\"Ann Lee\"@example.org".parse().unwrap(),
            role: Role::MailboxOwner,
            quota_octets: Some(1 << 30),
            name,
        }),
        Change::AccountRemove(ACCOUNT),
        Change::AccountDisable(ACCOUNT),
        Change::AccountEnable(ACCOUNT),
        Change::AccountNameSet(AccountNameSet { id, name }),
        Change::AccountNameSet(AccountNameSet { id, name: None }),
        Change::AccountQuotaSet(AccountQuotaSet {
            id,
            quota_octets: None,
        }),
        Change::PasswordSet(PasswordSet {
            id: CredentialId(1),
            account: id,
            secret: digest(8),
        }),
        grant(Owned::Account(id)),
        grant(Owned::Alias(AliasId(1))),
        Change::SendAsRevoke(SendAsRevoke { id: GrantId(1) }),
    ];
    all.extend(Role::ALL.map(role));
    all
}

fn effects() -> Vec<Effect> {
    let domain = || "example.org".parse().unwrap();
    let address = || "ann@example.org".parse().unwrap();
    let mut all = vec![
        Effect::LeavesOrganisation {
            whose: Whose::Address(address()),
            targets: vec!["drop@example.net".parse().unwrap()],
            more: 2,
            keeps_copy: true,
            mailboxes: 14,
            when: None,
            approved: None,
        },
        Effect::DivertsOutgoing { domain: domain() },
        Effect::DeliversElsewhere {
            whose: Whose::UnknownIn(domain()),
            to: vec![AccountId(1)],
            no_longer: vec![AccountId(2)],
            more: 0,
            when: None,
            keeps_copy: None,
        },
        Effect::BlursRecord {
            setting: "trace_retention_days".to_owned(),
        },
        Effect::CreatesAccess {
            account: AccountId(1),
            credential: CredentialId(3),
        },
        Effect::AndMore { count: 3 },
    ];
    all.extend(effects_of_every_part());
    all.extend(source_effects());
    all.push(Effect::Refuses {
        what: Refused::PasswordForMail(AccountId(1)),
    });
    all.push(Effect::WeakensProtection {
        what: Protection::SecondFactor(AccountId(1)),
    });
    all.push(Effect::WeakensProtection {
        what: Protection::Freeze {
            first: 12,
            last: u64::MAX,
            count: 3,
        },
    });
    all.push(Effect::BlursSources {
        network: "127.0.0.1".parse().unwrap(),
        listener: Some(ListenerId(3)),
    });
    all.extend(rule_effects());
    all.extend(scanner::effects());
    all.extend(route::effects());
    all.extend(dkim::effects());
    all
}

// long: each form once
fn rule_effects() -> Vec<Effect> {
    let org = || "example.org".parse().unwrap();
    let ann = || Whose::Account(AccountId(1));
    let words = || Some("the subject contains \"tucows\"".to_owned());
    let some = || Matched {
        mailboxes: 14,
        when: words(),
    };
    let all_mail = || Matched {
        mailboxes: 1,
        when: None,
    };
    let leaves = |when, approved| Effect::LeavesOrganisation {
        whose: Whose::Domain(org()),
        targets: vec!["drop@example.net".parse().unwrap()],
        more: 0,
        keeps_copy: false,
        mailboxes: 0,
        when,
        approved: Some(approved),
    };
    let senders = || {
        vec![
            "x@example.net".parse().unwrap(),
            "example.com".parse().unwrap(),
        ]
    };
    let mut all = vec![
        leaves(words(), false),
        leaves(None, true),
        Effect::DeliversElsewhere {
            whose: ann(),
            to: vec![AccountId(2)],
            no_longer: Vec::new(),
            more: 0,
            when: words(),
            keeps_copy: Some(true),
        },
        Effect::Destroys {
            whose: Whose::SentFrom(org()),
            recoverable: true,
            of: Some(some()),
        },
        Effect::Rejects {
            whose: Whose::SentByEveryone,
            of: all_mail(),
        },
    ];
    all.extend(
        [Some("Notes".to_owned()), None].map(|folder| Effect::Moves {
            whose: ann(),
            of: some(),
            folder,
            keeps_copy: false,
        }),
    );
    let hidden = [Hidden::MarkedRead, Hidden::MarkedDeleted, Hidden::AnyFlag];
    all.extend(hidden.map(|how| Effect::Hides {
        whose: ann(),
        of: all_mail(),
        how,
    }));
    all.extend(
        [Some("Subject".to_owned()), None].map(|header| Effect::Alters {
            whose: ann(),
            of: some(),
            header,
        }),
    );
    all.extend(
        [Some("I am away.".to_owned()), None].map(|text| Effect::Replies {
            whose: ann(),
            of: all_mail(),
            from: text.as_ref().map(|_| "ann@example.org".to_owned()),
            text,
        }),
    );
    all.extend([
        Effect::Notifies {
            whose: ann(),
            of: some(),
            target: "mailto:x@example.net".to_owned(),
            outside: true,
            approved: false,
        },
        Effect::AllowsExit {
            whose: Whose::Domain(org()),
            target: "drop@example.net".parse().unwrap(),
            until: "2026-11-23T11:09:40.000000Z".to_owned(),
        },
        Effect::Trusts {
            whose: ann(),
            senders: senders(),
            more: 2,
        },
        Effect::Refuses {
            what: Refused::Senders {
                whose: ann(),
                senders: senders(),
                more: 0,
            },
        },
        Effect::Purges {
            whose: ann(),
            messages: 12,
            octets: u64::MAX,
        },
    ]);
    all
}

/// The parts of effects that come in several forms, each form once.
fn effects_of_every_part() -> Vec<Effect> {
    let (service, at) = (Service::Imap, "192.0.2.1:143".parse().unwrap());
    let domain = || "example.org".parse().unwrap();
    let address = || "ann@example.org".parse().unwrap();
    let mut all = Vec::new();
    let whose = [
        Whose::RoleAddresses,
        Whose::Account(AccountId(1)),
        Whose::Everyone,
    ];
    all.extend(whose.map(|whose| Effect::Destroys {
        whose,
        recoverable: true,
        of: None,
    }));
    let refused = [
        Refused::Address(address()),
        Refused::UnknownIn(domain()),
        Refused::DetailsIn(domain()),
        Refused::Domain(domain()),
        Refused::Listener {
            service,
            address: at,
        },
        Refused::Beyond("recipients_max".to_owned()),
    ];
    all.extend(refused.map(|what| Effect::Refuses { what }));
    let guards = [
        Protection::Setting("sign_in_failures_window_s".to_owned()),
        Protection::Certificate {
            name: domain(),
            certificate: CertificateId(1),
        },
    ];
    all.extend(guards.map(|what| Effect::WeakensProtection { what }));
    let listener = Access::Listener {
        service,
        address: at,
    };
    let (ann, anyone) = (Grantee::Account(AccountId(1)), Grantee::Anyone);
    all.extend(
        [
            (ann, Access::Role(Role::DomainAdmin)),
            (ann, Access::SendAs(Owned::Account(AccountId(2)))),
            (ann, Access::SendAs(Owned::Alias(AliasId(2)))),
            (anyone, listener),
        ]
        .map(|(to, what)| Effect::GrantsAccess { to, what }),
    );
    all
}

fn source_effects() -> Vec<Effect> {
    let network = |text: &str| text.parse().unwrap();
    let sources = Sources {
        of: AccessSubject::Role(Role::Owner),
        allow: vec![network("192.0.2.0/24")],
        deny: vec![network("192.0.2.7")],
        more: 2,
    };
    let listener = Some(ListenerId(3));
    let proxy = || network("198.51.100.1");
    let refused = [
        Refused::Sources(sources.clone()),
        Refused::Proxy {
            network: proxy(),
            listener,
        },
        Refused::Source {
            network: network("203.0.113.0/24"),
            what: Blocked::SignIns,
            until: "2026-11-23T11:09:40.000000Z".to_owned(),
        },
    ];
    let guards = [
        Protection::Sources(sources),
        Protection::SourceBy {
            network: proxy(),
            listener: None,
        },
        Protection::Block(network("203.0.113.7")),
    ];
    let mut all = Vec::from(refused.map(|what| Effect::Refuses { what }));
    all.extend(guards.map(|what| Effect::WeakensProtection { what }));
    all
}

fn canonical(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).unwrap()
}

fn assert_lines(lines: &[String], golden: &str) {
    let golden: Vec<_> = golden.lines().collect();
    for (line, golden) in lines.iter().zip(&golden) {
        assert_eq!(line, golden);
    }
    assert_eq!(
        lines.len(),
        golden.len(),
        "a variant without its line, or a line too many"
    );
}

#[test]
fn the_bytes_of_every_change_are_these() {
    let sample = Sample::new();
    let line = |change: &Change| {
        let payload = change.payload(&sample.config);
        canonical(&json!({
            "type": payload.kind,
            "object": payload.object,
            "scope": payload.scope,
            "after": payload.after,
            "objects": payload.objects,
        }))
    };
    let lines: Vec<_> = changes().iter().map(line).collect();
    assert_lines(&lines, CHANGES);
}

#[test]
fn every_change_is_read_back_from_its_entry() {
    let sample = Sample::new();
    for change in changes() {
        let entry = entry(&sample.config, &change);
        assert_eq!(Change::from_entry(&entry), Ok(change));
    }
}

#[test]
fn no_type_is_without_its_golden_line() {
    let covered: BTreeSet<_> = changes().iter().map(Change::type_name).collect();
    assert_eq!(covered, Change::TYPES.iter().copied().collect());
}

#[test]
fn the_bytes_of_every_effect_are_these() {
    let value = |effect: &Effect| canonical(&serde_json::to_value(effect).unwrap());
    let lines: Vec<_> = effects().iter().map(value).collect();
    assert_lines(&lines, EFFECTS);
    for (line, effect) in EFFECTS.lines().zip(effects()) {
        assert_eq!(serde_json::from_str::<Effect>(line).unwrap(), effect);
    }
}

/// What a forged or foreign entry may hold, by the field that is wrong.
#[test]
fn an_entry_that_does_not_fit_its_type_is_no_change() {
    let sample = Sample::new();
    let good = entry(&sample.config, &Change::AccountDisable(ACCOUNT));
    let cases: [(&str, Value, &str, &str); 7] = [
        (
            "account.disable",
            json!({"enabled": true}),
            "a_1",
            "its after is not the one of its type",
        ),
        (
            "account.disable",
            Value::Null,
            "a_1",
            "its after is not the one of its type",
        ),
        (
            "account.disable",
            json!({"enabled": false}),
            "d_1",
            "is not an id of the form",
        ),
        (
            "account.explode",
            json!({}),
            "a_1",
            "not known to this version",
        ),
        (
            "account.role.set",
            json!({"role": "emperor"}),
            "a_1",
            "unknown variant",
        ),
        (
            "account.role.set",
            json!({"role": "owner", "x": 1}),
            "a_1",
            "unknown field",
        ),
        (
            "account.role.set",
            json!({"role": "owner", "id": "a_2"}),
            "a_1",
            "repeats the id",
        ),
    ];
    for (kind, after, id, words) in cases {
        let mut bad = good.clone();
        bad.kind = kind.to_owned();
        bad.after = Some(after).filter(|after| !after.is_null());
        bad.object.as_mut().unwrap().id = id.to_owned();
        let error = Change::from_entry(&bad).unwrap_err().to_string();
        assert!(error.contains(words), "{kind}: {error}");
    }
}

#[test]
fn an_entry_about_another_object_is_no_change() {
    let sample = Sample::new();
    let good = entry(&sample.config, &Change::AccountDisable(ACCOUNT));
    let mut other_kind = good.clone();
    other_kind.object.as_mut().unwrap().kind = "domain".to_owned();
    assert!(Change::from_entry(&other_kind).is_err());
    let mut nothing = good;
    nothing.object = None;
    assert!(Change::from_entry(&nothing).is_err());
}
