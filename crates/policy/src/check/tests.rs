//! Refusals and their words, and the one form of a change.

use ledger::{Checkpoint, SigningKey};
use types::{AccountId, AliasId, CredentialId, DomainId, GrantId, ListenerId, Network};

use super::{ChangeError, ChangeErrorKind, MEMBERS_MAX};
use crate::change::{
    AccountQuotaSet, AccountRef, AccountRoleSet, ActivityCheckpoint, AliasCreate,
    AliasMembersChange, AppPasswordCreate, CatchAllClear, CatchAllSet, CertificateRemove,
    CertificateSet, Change, CredentialRef, DetailSeparator, DomainAliasCreate, DomainCreate,
    DomainPlusAddressingSet, DomainRef, ListenerSet, MEMBERS_PER_CHANGE_MAX, Member, Owned,
    PasswordSet, SealedLog, SendAsGrant, SendAsRevoke, Service, ServiceSwitch, TokenScope,
};
use crate::config::Config;
use crate::role::Role;
use crate::sample::{Sample, digest, disable, disable_domain, enable, genesis, remove};
use crate::settings::Setting;

/// Two domains, an owner, Ann, an alias and a listener.
fn sample() -> Sample {
    let mut sample = Sample::new();
    sample.owner("ann@example.org");
    sample.alias("info@example.org", &["ann@example.org", "x@example.net"]);
    sample.second_name("example.com", DomainId(1));
    sample.listener(Service::Imap, "192.0.2.1:143");
    sample
}

fn members(list: &[&str]) -> Vec<Member> {
    list.iter().map(|member| member.parse().unwrap()).collect()
}

fn assert_refused(sample: &Sample, table: Vec<(Change, &str)>) {
    for (change, words) in table {
        assert_eq!(sample.refusal(change).to_string(), words);
    }
}

#[test]
fn a_ledger_begins_once() {
    let sample = sample();
    assert_eq!(sample.refusal(genesis()), ChangeError::Genesis);
    let early = disable(AccountId(1));
    assert_eq!(early.check(&Config::empty()), Err(ChangeError::Genesis));
    assert_eq!(genesis().check(&Config::empty()), Ok(()));
    let Change::Genesis(mut odd) = genesis() else {
        panic!("genesis() makes a genesis");
    };
    odd.instance = "4F1C90AA".to_owned();
    assert!(Change::Genesis(odd).check(&Config::empty()).is_err());
}

#[test]
fn the_last_certificate_stays_while_a_service_needs_it() {
    let mut sample = sample();
    let (old, new) = (
        sample.certificate(&["a.example.org"]),
        sample.certificate(&["b.example.org"]),
    );
    sample.make(Change::CertificateRemove(CertificateRemove { id: old }));
    let last = || Change::CertificateRemove(CertificateRemove { id: new });
    for (service, address) in [
        (Service::Imaps, "192.0.2.1:993"),
        (Service::Metrics, "192.0.2.1:9464"),
    ] {
        sample.listener(service, address);
        sample.switch(service, true);
        assert_eq!(
            sample.refusal(last()),
            ChangeError::LastCertificate(service)
        );
        sample.switch(service, false);
    }
    sample.listener(Service::Metrics, "127.0.0.1:9464");
    sample.make(Change::ListenerRemove(crate::change::ListenerRemove {
        id: ListenerId(3),
    }));
    sample.switch(Service::Metrics, true);
    sample.make(last());
}

#[test]
fn a_checkpoint_says_what_its_note_says() {
    let sample = sample();
    let key = |log: &str| {
        let origin = format!("mail.example.org/4f1c90aa/{log}/1");
        SigningKey::from_seed(origin.parse().unwrap(), &[7; 32]).unwrap()
    };
    let told = |log: &str, id, size, root| {
        let key = key(log);
        let checkpoint = Checkpoint::new(key.verifier().name().clone(), 9, digest(1));
        let note = checkpoint.sign(&key).unwrap().to_string();
        let told = ActivityCheckpoint {
            id,
            size,
            root,
            note,
        };
        Change::ActivityCheckpoint(told).check(&sample.config)
    };
    assert_eq!(told("trace", SealedLog::Trace, 9, digest(1)), Ok(()));
    for refused in [
        told("trace", SealedLog::Activity, 9, digest(1)),
        told("trace", SealedLog::Trace, 8, digest(1)),
        told("trace", SealedLog::Trace, 9, digest(2)),
        told("config", SealedLog::Trace, 9, digest(1)),
    ] {
        assert_eq!(refused.unwrap_err().kind(), ChangeErrorKind::Invalid);
    }
    let nothing = ActivityCheckpoint {
        id: SealedLog::Trace,
        size: 0,
        root: digest(1),
        note: String::new(),
    };
    let refused = Change::ActivityCheckpoint(nothing).check(&sample.config);
    assert!(refused.is_err());
}

#[test]
fn server_changes_are_refused_with_what_to_do() {
    let sample = sample();
    let listener = |id, address: &str| ListenerSet {
        id: ListenerId(id),
        service: Service::Imaps,
        address: address.parse().unwrap(),
    };
    let table = vec![
        (
            Change::SettingSet(Setting::RecipientsMax(1)),
            "recipients_max cannot be \"1\": it takes a whole number from 100 to 1000",
        ),
        (
            Change::SettingSet(Setting::RecipientsMax(1_000)),
            "recipients_max is so already; nothing would change",
        ),
        (
            Change::ListenerCreate(listener(2, "0.0.0.0:143")),
            "0.0.0.0:143 is the address of listener l_1; choose another port",
        ),
        (
            Change::ListenerCreate(listener(2, "192.0.2.1:0")),
            "port cannot be 0: it takes a number from 1 to 65535",
        ),
        (
            Change::ListenerCreate(listener(1, "192.0.2.1:993")),
            "l_1 is not the next free id, l_2 is; ask again",
        ),
        (
            Change::ListenerChange(listener(7, "192.0.2.1:993")),
            "there is no service l_7; `sealpost service list` shows what there is",
        ),
        (
            Change::ServiceOff(ServiceSwitch { id: Service::Pop3 }),
            "service pop3 is so already; nothing would change",
        ),
        (
            Change::CertificateSet(CertificateSet {
                id: sample.config.next_certificate_id(),
                names: vec![],
                chain: digest(1),
                key: digest(2),
            }),
            "names cannot be 0 names: a certificate serves 1 to 100 names",
        ),
    ];
    assert_refused(&sample, table);
}

#[test]
fn domain_changes_are_refused_with_what_to_do() {
    let sample = sample();
    let create = |id, name: &str| DomainCreate {
        id: DomainId(id),
        name: name.parse().unwrap(),
    };
    let id = DomainId(1);
    let separator = Some(DetailSeparator::Plus);
    let table = vec![
        (
            Change::DomainCreate(create(3, "example.com")),
            "example.com is hosted here already; `sealpost domain show example.com` shows how",
        ),
        (
            Change::DomainCreate(create(2, "example.net")),
            "d_2 is not the next free id, d_3 is; ask again",
        ),
        (
            Change::DomainAliasCreate(DomainAliasCreate {
                id: DomainId(3),
                name: "example.net".parse().unwrap(),
                of: DomainId(2),
            }),
            "there is no domain d_2; `sealpost domain list` shows what there is",
        ),
        (
            Change::DomainRemove(DomainRef { id }),
            "example.org still has 2 accounts, 1 aliases and 1 second names; remove them first",
        ),
        (
            disable_domain(id),
            "a_1 is the last owner that works; make another account owner first",
        ),
        (
            Change::DomainEnable(DomainRef { id }),
            "d_1 is so already; nothing would change",
        ),
        (
            Change::DomainPlusAddressingSet(DomainPlusAddressingSet { id, separator }),
            "example.org is so already; nothing would change",
        ),
        (
            Change::CatchAllClear(CatchAllClear { id }),
            "the catch-all of example.org is so already; nothing would change",
        ),
        (
            Change::CatchAllSet(CatchAllSet {
                id,
                members: vec![],
            }),
            "the catch-all of example.org would deliver to nobody; give at least one member, or remove it",
        ),
    ];
    assert_refused(&sample, table);
}

#[test]
fn account_changes_are_refused_with_what_to_do() {
    let sample = sample();
    let (root, ann) = (AccountId(1), AccountId(2));
    let account = |address| Change::AccountCreate(sample.new_account(address, Role::MailboxOwner));
    let role = |id, role| Change::AccountRoleSet(AccountRoleSet { id, role });
    let last = "a_1 is the last owner that works; make another account owner first";
    let table = vec![
        (
            account("Ann@example.com"),
            "Ann@example.org belongs to a_2 already; choose another address",
        ),
        (
            account("info@example.org"),
            "info@example.org belongs to al_1 already; choose another address",
        ),
        (
            account("ann@example.net"),
            "example.net is not hosted here; add it first with `sealpost domain add example.net`",
        ),
        (remove(root), last),
        (disable(root), last),
        (role(root, Role::Auditor), last),
        (
            role(ann, Role::MailboxOwner),
            "a_2 is so already; nothing would change",
        ),
        (enable(ann), "a_2 is so already; nothing would change"),
        (
            remove(AccountId(9)),
            "there is no account a_9; `sealpost account list` shows what there is",
        ),
        (
            Change::AccountQuotaSet(AccountQuotaSet {
                id: ann,
                quota_octets: Some(0),
            }),
            "quota_octets cannot be 0: it takes 1 to 2^50 octets, or none for no limit",
        ),
        (
            Change::SendAsGrant(sample.new_grant(ann, Owned::Account(ann))),
            "sending as a_2 by a_2 is so already; nothing would change",
        ),
        (
            Change::SendAsGrant(SendAsGrant {
                id: sample.config.next_grant_id(),
                account: ann,
                of: Owned::Alias(AliasId(9)),
            }),
            "there is no alias al_9; `sealpost alias list` shows what there is",
        ),
        (
            Change::SendAsRevoke(SendAsRevoke { id: GrantId(1) }),
            "there is no grant g_1; `sealpost account send-as list` shows what there is",
        ),
    ];
    assert_refused(&sample, table);
}

#[test]
fn a_password_keeps_its_id_and_is_never_set_to_itself() {
    let mut sample = sample();
    let ann = AccountId(2);
    sample.make(sample.new_password(ann, 1));
    let set = |number, secret| {
        Change::PasswordSet(PasswordSet {
            id: CredentialId(number),
            account: ann,
            secret: digest(secret),
        })
    };
    let table = vec![
        (set(2, 2), "k_2 is not the next free id, k_1 is; ask again"),
        (set(1, 1), "k_1 is so already; nothing would change"),
    ];
    assert_refused(&sample, table);
}

#[test]
fn aliases_are_refused_with_what_to_do() {
    let sample = sample();
    let alias = |list: &[&str]| Change::AliasCreate(sample.new_alias("y@example.org", list));
    let change = |add: &[&str], remove: &[&str]| {
        Change::AliasMembersChange(AliasMembersChange {
            id: AliasId(1),
            add: members(add),
            remove: members(remove),
        })
    };
    let table = vec![
        (
            alias(&[]),
            "y@example.org would deliver to nobody; give at least one member, or remove it",
        ),
        (
            alias(&["nobody@example.org"]),
            "nobody@example.org cannot be a member: nobody here has it",
        ),
        (
            alias(&["a_9"]),
            "a_9 cannot be a member: nobody here has it",
        ),
        (
            change(&["al_1"], &[]),
            "mail would go in a circle: info@example.org -> info@example.org; leave out one of these steps",
        ),
        (
            change(&[], &["a_2", "x@example.net"]),
            "info@example.org would deliver to nobody; give at least one member, or remove it",
        ),
        (
            change(&[], &["a_1"]),
            "a_1 cannot be a member: nobody here has it",
        ),
        (
            change(&["a_2"], &[]),
            "info@example.org is so already; nothing would change",
        ),
    ];
    assert_refused(&sample, table);
}

#[test]
fn an_alias_may_not_close_a_circle_or_reach_too_deep() {
    let mut sample = sample();
    for n in 2..=8 {
        let previous = format!("al_{}", n - 1);
        sample.alias(&format!("x{n}@example.org"), &[&previous]);
    }
    let back = Change::AliasMembersChange(AliasMembersChange {
        id: AliasId(1),
        add: members(&["al_3"]),
        remove: vec![],
    });
    assert_eq!(
        sample.refusal(back).to_string(),
        "mail would go in a circle: info@example.org -> x3@example.org -> x2@example.org -> \
         info@example.org; leave out one of these steps"
    );
    // Also where nobody else gets the mail, and through a catch-all.
    let only_itself = Change::AliasMembersChange(AliasMembersChange {
        id: AliasId(1),
        add: members(&["al_2"]),
        remove: members(&["a_2"]),
    });
    assert!(matches!(
        sample.refusal(only_itself),
        ChangeError::Circle(_)
    ));
    let id = sample.alias("y@example.org", &["later@example.info"]);
    let through = Change::CatchAllSet(CatchAllSet {
        id: sample.domain("example.info"),
        members: vec![Member::Alias(id)],
    });
    assert_eq!(
        sample.refusal(through).to_string(),
        "mail would go in a circle: the catch-all of example.info -> y@example.org -> the \
         catch-all of example.info; leave out one of these steps"
    );
    let deeper = Change::AliasCreate(sample.new_alias("x9@example.org", &["al_8"]));
    assert_eq!(
        sample.refusal(deeper).to_string(),
        "x9@example.org cannot deliver so: aliases lead to aliases more than 8 times"
    );
}

#[test]
fn many_members_come_by_several_changes_up_to_the_limit() {
    let mut sample = sample();
    let list = |from: usize, len: usize| -> Vec<Member> {
        let address = |n| format!("o{n}@example.net").parse().unwrap();
        (from..from + len)
            .map(address)
            .map(Member::Outside)
            .collect()
    };
    let create = |members| {
        Change::AliasCreate(AliasCreate {
            id: AliasId(2),
            address: "big@example.org".parse().unwrap(),
            members,
        })
    };
    let too_many = create(list(0, MEMBERS_PER_CHANGE_MAX + 1));
    assert_eq!(sample.refusal(too_many), ChangeError::TooManyAtOnce);
    sample.make(create(list(0, MEMBERS_PER_CHANGE_MAX)));
    let add = |from, len| {
        Change::AliasMembersChange(AliasMembersChange {
            id: AliasId(2),
            add: list(from, len),
            remove: vec![],
        })
    };
    for from in (MEMBERS_PER_CHANGE_MAX..MEMBERS_MAX).step_by(MEMBERS_PER_CHANGE_MAX) {
        sample.make(add(from, MEMBERS_PER_CHANGE_MAX));
    }
    assert_eq!(
        sample.refusal(add(MEMBERS_MAX, 1)).to_string(),
        "big@example.org has the 1000 members that it may have; remove some first"
    );
    // The entry of its removal holds no list that would not fit.
    let remove = Change::AliasRemove(crate::change::AliasRemove { id: AliasId(2) });
    let before = remove.payload(&sample.config).before.unwrap();
    assert_eq!(before["members_len"], 1_000);
    sample.make(remove);
}

#[test]
fn a_change_has_one_form() {
    let mut sample = sample();
    let create = sample.new_alias(
        "Team@example.com",
        &[
            "x@example.net",
            "root+x@example.com",
            "info@example.org",
            "a_1",
            "x@example.net",
        ],
    );
    let Ok(Change::AliasCreate(normal)) = Change::AliasCreate(create).normalised(&sample.config)
    else {
        panic!("an alias stays an alias");
    };
    assert_eq!(normal.address.to_string(), "Team@example.org");
    assert_eq!(normal.members, members(&["a_1", "al_1", "x@example.net"]));

    // A domain that comes here later does not lock its old members in.
    sample.domain("example.net");
    let out = AliasMembersChange {
        id: AliasId(1),
        add: vec![],
        remove: members(&["x@example.net"]),
    };
    sample.make(Change::AliasMembersChange(out));
    assert_eq!(sample.config.alias(AliasId(1)).unwrap().members.len(), 1);
}

#[test]
fn what_was_not_normalised_is_refused() {
    let sample = sample();
    let raw = Change::AliasCreate(sample.new_alias("y@example.org", &["ann@example.org"]));
    assert!(matches!(
        raw.check(&sample.config),
        Err(ChangeError::NoSuchMember(_))
    ));
}

#[test]
fn a_difference_of_members_is_found() {
    let present = members(&["a_1", "a_2"]);
    let wanted = members(&["a_2", "x@example.net"]);
    let change = AliasMembersChange::between(AliasId(1), &present, &wanted);
    assert_eq!(change.add, members(&["x@example.net"]));
    assert_eq!(change.remove, members(&["a_1"]));
}

#[test]
fn refusals_are_sorted_for_exit_codes() {
    let sample = sample();
    let account = |address| Change::AccountCreate(sample.new_account(address, Role::MailboxOwner));
    for (change, kind) in [
        (remove(AccountId(9)), ChangeErrorKind::NotFound),
        (account("x@example.net"), ChangeErrorKind::NotFound),
        (account("ann@example.org"), ChangeErrorKind::Conflict),
        (
            Change::AccountDisable(AccountRef { id: AccountId(1) }),
            ChangeErrorKind::Conflict,
        ),
        (
            Change::SettingSet(Setting::RecipientsMax(1)),
            ChangeErrorKind::Invalid,
        ),
    ] {
        assert_eq!(sample.refusal(change).kind(), kind);
    }
}

#[test]
fn credentials_that_cannot_be_are_refused() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    let app_password = |adjust: fn(&mut AppPasswordCreate)| {
        let mut create = sample.new_app_password(ann);
        adjust(&mut create);
        Change::AppPasswordCreate(create)
    };
    let nobody = AccountId(99);
    let gone = CredentialRef {
        id: CredentialId(1),
    };
    for (change, words) in [
        (app_password(|c| c.scopes.clear()), "at least one scope"),
        (
            app_password(|c| {
                c.networks = (0..17)
                    .map(|n| Network::single([192, 0, 2, n].into()))
                    .collect();
            }),
            "the 16 networks",
        ),
        (
            app_password(|c| c.send_as = vec![Owned::Account(AccountId(1))]),
            "may send with",
        ),
        (
            app_password(|c| c.account = AccountId(99)),
            "no account a_99",
        ),
        (
            app_password(|c| c.id = CredentialId(7)),
            "not the next free id",
        ),
        (sample.new_totp(nobody), "no account a_99"),
        (sample.new_recovery_codes(ann), "enrol one first"),
        (
            Change::TokenCreate(sample.new_token(ann, &[])),
            "at least one scope",
        ),
        (
            Change::AppPasswordRemove(gone.clone()),
            "no app-password k_1",
        ),
        (Change::TotpRemove(gone.clone()), "no account k_1"),
        (Change::TokenRemove(gone), "no token k_1"),
    ] {
        let refused = sample.refusal(change.clone()).to_string();
        assert!(refused.contains(words), "{change:?}: {refused}");
    }
}

#[test]
fn an_account_has_one_second_factor_and_each_sort_is_removed_as_what_it_is() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    sample.make(sample.new_totp(ann));
    let second = sample.refusal(sample.new_totp(ann));
    assert_eq!(second, ChangeError::HasFactor(ann));
    let factor = CredentialRef {
        id: CredentialId(1),
    };
    for change in [
        Change::AppPasswordRemove(factor.clone()),
        Change::TokenRemove(factor),
    ] {
        assert_eq!(sample.refusal(change).kind(), ChangeErrorKind::NotFound);
    }
}

#[test]
fn an_account_has_so_many_app_passwords_and_tokens() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    for _ in 0..super::APP_PASSWORDS_PER_ACCOUNT_MAX {
        sample.make(Change::AppPasswordCreate(sample.new_app_password(ann)));
    }
    let one_more = Change::AppPasswordCreate(sample.new_app_password(ann));
    let refused = sample.refusal(one_more).to_string();
    assert!(refused.contains("the 50 app passwords"), "{refused}");
    let token = |sample: &Sample| Change::TokenCreate(sample.new_token(ann, &[TokenScope::Read]));
    for _ in 0..super::TOKENS_PER_ACCOUNT_MAX {
        sample.make(token(&sample));
    }
    let refused = sample.refusal(token(&sample)).to_string();
    assert!(refused.contains("the 50 tokens"), "{refused}");
}
