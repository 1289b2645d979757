//! What each change is found to do, from the outcome and not from the verb.

use types::{AccountId, AliasId, CredentialId, DomainId, Timestamp};

use super::{Class, Judgement};
use crate::LogLevel;
use crate::change::{
    AccessSet, AccountQuotaSet, AccountRoleSet, AliasMembersChange, AliasRemove, BlockAdd,
    BlockRemove, Blocked, CatchAllClear, CatchAllSet, CertificateRemove, Change, CredentialRef,
    DomainAliasCreate, DomainAliasRemove, DomainPlusAddressingSet, DomainRef, MailScope, Member,
    Owned, ProxyScope, ProxySet, SendAsRevoke, Service, TokenScope,
};
use crate::effect::{EFFECTS_MAX, Effect};
use crate::role::Role;
use crate::sample::{Sample, disable, disable_domain, enable, enable_domain, remove};
use crate::sentence::{Viewer, sentence};
use crate::settings::Setting;

const ROOT: AccountId = AccountId(1);
const ANN: AccountId = AccountId(2);
const BOB: AccountId = AccountId(3);
const ORG: DomainId = DomainId(1);

/// The owner `root`, Ann and Bob in `example.org`.
fn sample() -> Sample {
    let mut sample = Sample::new();
    sample.owner("ann@example.org");
    sample.owner("bob@example.org");
    sample
}

/// Class, detections and sentences in one line each, as the table of a test has them.
fn told(sample: &Sample, judgement: &Judgement) -> (Class, String, String) {
    let sentences: Vec<_> = judgement
        .effects
        .iter()
        .map(|effect| sentence(effect, &sample.config, Viewer::Server))
        .collect();
    (
        judgement.class,
        judgement.detections.join(" "),
        sentences.join(" | "),
    )
}

pub(super) fn assert_told(
    sample: &Sample,
    judgement: &Judgement,
    class: Class,
    found: &str,
    words: &str,
) {
    assert_eq!(
        told(sample, judgement),
        (class, found.to_owned(), words.to_owned())
    );
}

fn alter(id: AliasId, add: &[&str], remove: &[&str]) -> Change {
    let members =
        |list: &[&str]| -> Vec<Member> { list.iter().map(|m| m.parse().unwrap()).collect() };
    Change::AliasMembersChange(AliasMembersChange {
        id,
        add: members(add),
        remove: members(remove),
    })
}

fn role(id: AccountId, role: Role) -> Change {
    Change::AccountRoleSet(AccountRoleSet { id, role })
}

#[test]
fn ordinary_work_does_nothing_to_others() {
    let mut sample = sample();
    let account = sample.new_account("carol@example.org", Role::MailboxOwner);
    let quota = AccountQuotaSet {
        id: ANN,
        quota_octets: Some(1),
    };
    let alias = sample.new_alias("new@example.org", &["a_2"]);
    for change in [
        Change::AccountCreate(account),
        Change::AccountQuotaSet(quota),
        Change::AliasCreate(alias),
        Change::SettingSet(Setting::ActivityRetentionDays(500)),
        Change::SettingSet(Setting::SignInFailuresPerAccountMax(5)),
        Change::SettingSet(Setting::MessageSizeMaxOctets(100_000_000)),
        Change::SettingSet(Setting::HostName("mx.example.org".parse().unwrap())),
    ] {
        let judgement = sample.make(change);
        assert_told(&sample, &judgement, Class::C0, "", "");
        assert_eq!(judgement.score, 0);
    }
}

#[test]
fn mail_that_leaves_is_found_however_it_is_made_to() {
    let mut sample = sample();
    let alias = sample.new_alias("sales@example.org", &["a_2", "drop@example.net"]);
    let judgement = sample.make(Change::AliasCreate(alias));
    let words = "Copies all mail for sales@example.org to drop@example.net, OUTSIDE your organisation. One mailbox here keeps a copy.";
    assert_told(&sample, &judgement, Class::C2, "R1", words);
    assert_eq!(judgement.score, 7);

    // Through a second alias: nothing here names the target, yet more mail reaches it.
    let chained = sample.new_alias("orders@example.org", &["al_1"]);
    let judgement = sample.make(Change::AliasCreate(chained));
    assert_eq!(judgement.class, Class::C2);
    assert!(matches!(
        judgement.effects[..],
        [Effect::LeavesOrganisation { .. }]
    ));

    // A target that a second address uses, without a copy here.
    let again = sample.new_alias("shop@example.org", &["drop@example.net"]);
    let judgement = sample.make(Change::AliasCreate(again));
    let words = "Forwards all mail for shop@example.org to drop@example.net, OUTSIDE your organisation. No mailbox here keeps a copy.";
    assert_told(&sample, &judgement, Class::C2, "R9", words);
    assert_eq!(judgement.score, 9);

    // A member of a member: every address that leads there is told.
    let judgement = sample.make(alter(AliasId(1), &["other@example.net"], &[]));
    let whose: Vec<_> = judgement
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::LeavesOrganisation { whose, .. } => serde_json::to_string(whose).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        whose,
        [
            r#"{"address":"orders@example.org"}"#,
            r#"{"address":"sales@example.org"}"#
        ]
    );
}

#[test]
fn closing_an_exit_is_tightening_unless_mail_is_refused() {
    let mut sample = sample();
    let id = sample.alias("sales@example.org", &["a_2", "drop@example.net"]);
    let judgement = sample.make(alter(id, &[], &["drop@example.net"]));
    assert_told(&sample, &judgement, Class::C0, "", "");
    let id = sample.alias("shop@example.org", &["drop@example.net"]);
    let judgement = sample.make(Change::AliasRemove(AliasRemove { id }));
    let words = "Refuses all mail for shop@example.org.";
    assert_told(&sample, &judgement, Class::C2, "", words);
}

#[test]
fn enabling_is_creating() {
    let mut sample = sample();
    let id = sample.domain("example.com");
    let carol = sample.owner("carol@example.com");
    sample.make(sample.new_password(carol, 1));
    sample.alias("x@example.com", &["drop@example.net"]);
    let judgement = sample.make(disable_domain(id));
    let words = "Refuses all mail for example.com.";
    assert_told(&sample, &judgement, Class::C2, "", words);
    let judgement = sample.make(enable_domain(id));
    let words = "Delivers all mail to example.com here, also what people here send to it. \
                 | Forwards all mail for x@example.com to drop@example.net, OUTSIDE your organisation. No mailbox here keeps a copy. \
                 | Lets carol@example.com sign in with password k_1.";
    assert_told(&sample, &judgement, Class::C2, "", words);

    let second = sample.make(Change::DomainAliasCreate(DomainAliasCreate {
        id: sample.config.next_domain_id(),
        name: "example.info".parse().unwrap(),
        of: id,
    }));
    assert_eq!(second.class, Class::C2);
    assert!(matches!(
        second.effects[..],
        [
            Effect::DivertsOutgoing { .. },
            Effect::LeavesOrganisation { .. }
        ]
    ));
    let gone = DomainAliasRemove { id: DomainId(3) };
    let judgement = sample.make(Change::DomainAliasRemove(gone));
    let words = "Refuses all mail for example.info.";
    assert_told(&sample, &judgement, Class::C2, "", words);

    sample.make(sample.new_password(ANN, 1));
    sample.make(role(ANN, Role::DomainAdmin));
    sample.make(disable(ANN));
    let judgement = sample.make(enable(ANN));
    assert_eq!(judgement.class, Class::C3);
    assert_eq!(judgement.detections, ["P2"]);
}

#[test]
fn taking_over_an_address_is_told() {
    let mut sample = sample();
    // A detail of Ann's address becomes Bob's alias.
    let alias = sample.new_alias("ann+bank@example.org", &["a_3"]);
    let judgement = sample.make(Change::AliasCreate(alias));
    let words = "Delivers all mail for ann+bank@example.org to bob@example.org, inside, and no longer to ann@example.org.";
    assert_told(&sample, &judgement, Class::C2, "", words);

    // An address whose account is gone.
    sample.make(remove(ANN));
    let alias = sample.new_alias("ann@example.org", &["a_3"]);
    let judgement = sample.make(Change::AliasCreate(alias));
    let words = "Delivers all mail for ann@example.org to bob@example.org, inside, as well.";
    assert_told(&sample, &judgement, Class::C2, "", words);

    // The address of a role that somebody answered for.
    let account = sample.new_account("postmaster@example.org", Role::MailboxOwner);
    let judgement = sample.make(Change::AccountCreate(account));
    let words = "Delivers all mail for postmaster@example.org to postmaster@example.org, inside, and no longer to root@example.org.";
    assert_told(&sample, &judgement, Class::C2, "", words);
}

#[test]
fn a_change_of_recipients_weighs_by_whose_mail_it_is() {
    let mut sample = sample();
    let id = sample.alias("ann.lee@example.org", &["a_2"]);
    let own = sample.make_by(Some(ANN), alter(id, &["a_3"], &[]));
    let words = "Delivers all mail for ann.lee@example.org to bob@example.org, inside, as well.";
    assert_told(&sample, &own, Class::C1, "", words);
    let other = sample.make_by(Some(ANN), alter(id, &["a_1"], &["a_3"]));
    let words = "Delivers all mail for ann.lee@example.org to root@example.org, inside, and no longer to bob@example.org.";
    assert_told(&sample, &other, Class::C2, "", words);
}

#[test]
fn a_catch_all_is_an_exit_like_any_other() {
    let mut sample = sample();
    let judgement = sample.catch_all(ORG, &["a_2"]);
    let words = "Delivers all mail for addresses of example.org that nobody has to ann@example.org, inside, as well.";
    assert_told(&sample, &judgement, Class::C2, "R7", words);
    let judgement = sample.catch_all(ORG, &["a_2", "drop@example.net"]);
    let words = "Copies all mail for addresses of example.org that nobody has to drop@example.net, OUTSIDE your organisation. One mailbox here keeps a copy.";
    assert_told(&sample, &judgement, Class::C2, "R1 R7", words);

    // An alias behind a catch-all.
    let id = sample.alias("x@example.org", &["a_2"]);
    sample.make(Change::CatchAllSet(CatchAllSet {
        id: ORG,
        members: vec![Member::Alias(id)],
    }));
    let judgement = sample.make(alter(id, &["else@example.net"], &[]));
    assert_eq!(judgement.effects.len(), 2);
    assert_eq!(judgement.detections, ["R1", "R7"]);

    let judgement = sample.make(Change::CatchAllClear(CatchAllClear { id: ORG }));
    let words = "Refuses mail for addresses of example.org that nobody has.";
    assert_told(&sample, &judgement, Class::C2, "", words);
}

#[test]
fn hosting_a_domain_diverts_mail_that_went_elsewhere() {
    let mut sample = sample();
    let words = "Delivers all mail to example.com here, also what people here send to it.";
    let create = |sample: &Sample, name: &str| {
        Change::DomainCreate(crate::change::DomainCreate {
            id: sample.config.next_domain_id(),
            name: name.parse().unwrap(),
        })
    };
    let judgement = sample.make(create(&sample, "example.com"));
    assert_told(&sample, &judgement, Class::C0, "", words);

    // An alias that delivered to it ends here from now on, where nobody has the address.
    sample.alias("x@example.org", &["a_2", "ann@example.net"]);
    sample.alias("y@example.org", &["ann@example.net"]);
    let judgement = sample.make(create(&sample, "example.net"));
    let words = "Refuses all mail for y@example.org. | Delivers all mail to example.net here, also what people here send to it.";
    assert_told(&sample, &judgement, Class::C2, "", words);
    let account = sample.new_account("ann@example.net", Role::MailboxOwner);
    let judgement = sample.make(Change::AccountCreate(account));
    let words = "Delivers all mail for x@example.org to ann@example.net, inside, as well.";
    assert_told(&sample, &judgement, Class::C2, "", words);

    let plus = DomainPlusAddressingSet {
        id: ORG,
        separator: None,
    };
    let judgement = sample.make(Change::DomainPlusAddressingSet(plus));
    let words = "Refuses mail for addresses of example.org with details in the old form.";
    assert_told(&sample, &judgement, Class::C2, "", words);
    let empty = DomainRef { id: DomainId(2) };
    let judgement = sample.make(Change::DomainRemove(empty));
    let words = "Refuses all mail for example.com.";
    assert_told(&sample, &judgement, Class::C2, "", words);
}

#[test]
fn removing_an_account_destroys_and_refuses() {
    let mut sample = sample();
    sample.alias("team@example.org", &["a_2", "a_3"]);
    let before = sample.config.clone();
    let judgement = sample.make(remove(ANN));
    let sentences: Vec<_> = judgement
        .effects
        .iter()
        .map(|effect| sentence(effect, &before, Viewer::Server))
        .collect();
    let expected = [
        "Refuses all mail for ann@example.org.",
        "Delivers mail for team@example.org no longer to ann@example.org.",
        "Deletes all mail of ann@example.org. Nobody reaches it any more; the server keeps it.",
    ];
    assert_eq!(sentences, expected);
    assert_eq!((judgement.class, judgement.score), (Class::C2, 6));
}

#[test]
fn raising_anybody_is_grave_by_any_verb() {
    let mut sample = sample();
    let admin = sample.new_account("adm@example.org", Role::DomainAdmin);
    let auditor = sample.new_account("aud@example.org", Role::Auditor);
    let judgement = sample.make(Change::AccountCreate(admin));
    assert_eq!(
        (judgement.class, judgement.detections),
        (Class::C3, vec!["P2"])
    );
    let judgement = sample.make(Change::AccountCreate(crate::change::AccountCreate {
        id: sample.config.next_account_id(),
        ..auditor
    }));
    let words = "Lets aud@example.org read all settings and records as auditor.";
    assert_told(&sample, &judgement, Class::C3, "P2", words);
    let judgement = sample.make(role(ANN, Role::Owner));
    let words = "Lets ann@example.org change everything on this server as owner; in this version only the \
                 console takes changes.";
    assert_told(&sample, &judgement, Class::C3, "P2", words);
    let judgement = sample.make_by(Some(ROOT), role(ANN, Role::Auditor));
    assert_eq!(judgement.class, Class::C2, "touches another admin");
    let own = sample.make(role(ANN, Role::Owner));
    assert_eq!(own.class, Class::C3);
    let judgement = sample.make_by(Some(ANN), role(ANN, Role::MailboxOwner));
    assert_eq!(judgement.class, Class::C0);
}

#[test]
fn another_domain_admin_changes_who_answers_for_postmaster() {
    let mut sample = sample();
    let judgement = sample.make(role(ANN, Role::DomainAdmin));
    let words = "Delivers all mail for postmaster and abuse to ann@example.org, inside, and no longer to root@example.org. \
                 | Lets ann@example.org change the accounts, aliases and addresses of example.org as \
                 domain admin; in this version only the console takes changes.";
    assert_told(&sample, &judgement, Class::C3, "P2", words);
}

#[test]
fn a_password_set_by_another_is_a_reset() {
    let mut sample = sample();
    let words = "Lets ann@example.org sign in with password k_1.";
    let first = sample.make_by(Some(ROOT), sample.new_password(ANN, 1));
    assert_told(&sample, &first, Class::C0, "", words);
    let own = sample.make_by(Some(ANN), sample.new_password(ANN, 2));
    assert_told(&sample, &own, Class::C0, "", words);
    let reset = sample.make_by(Some(ROOT), sample.new_password(ANN, 3));
    assert_told(&sample, &reset, Class::C2, "P5", words);
    let console = sample.make_by(None, sample.new_password(ANN, 4));
    assert_told(&sample, &console, Class::C2, "P5", words);
    let admin = sample.make_by(Some(ANN), sample.new_password(ROOT, 5));
    assert_eq!(admin.class, Class::C2, "the first password of an admin");
    sample.make(disable(ANN));
    let hidden = sample.make_by(Some(ROOT), sample.new_password(ANN, 6));
    assert_told(&sample, &hidden, Class::C2, "P5", "");
    let judgement = sample.make(enable(ANN));
    assert_told(&sample, &judgement, Class::C0, "", words);
}

#[test]
fn sending_in_the_name_of_another_is_access() {
    let mut sample = sample();
    let words = "Lets bob@example.org send as ann@example.org.";
    let grant = sample.new_grant(BOB, Owned::Account(ANN));
    let own = sample.make_by(Some(ANN), Change::SendAsGrant(grant));
    assert_told(&sample, &own, Class::C1, "P1", words);
    let id = sample.config.grants().next().unwrap().id;
    let judgement = sample.make(Change::SendAsRevoke(SendAsRevoke { id }));
    assert_told(&sample, &judgement, Class::C0, "", "");
    let alias = sample.alias("info@example.org", &["a_1"]);
    let grant = sample.new_grant(BOB, Owned::Alias(alias));
    let judgement = sample.make_by(Some(ROOT), Change::SendAsGrant(grant));
    let words = "Lets bob@example.org send as info@example.org.";
    assert_told(&sample, &judgement, Class::C2, "P1", words);
    sample.make(disable(BOB));
    let judgement = sample.make(enable(BOB));
    assert_told(&sample, &judgement, Class::C2, "P1", words);
}

#[test]
fn listeners_open_and_close_with_their_service() {
    let mut sample = sample();
    sample.listener(Service::Smtp, "192.0.2.1:25");
    sample.listener(Service::Imap, "127.0.0.1:143");
    sample.listener(Service::Metrics, "192.0.2.1:9464");
    for (service, on, class, found, words) in [
        (
            Service::Metrics,
            true,
            Class::C2,
            "P6",
            "Opens metrics at 192.0.2.1:9464 to anyone who reaches it with a token.",
        ),
        (
            Service::Smtp,
            true,
            Class::C2,
            "P6",
            "Opens smtp at 192.0.2.1:25 to anyone who reaches it.",
        ),
        (
            Service::Imap,
            true,
            Class::C0,
            "",
            "Opens imap at 127.0.0.1:143 to anyone who reaches it.",
        ),
        (
            Service::Smtp,
            false,
            Class::C2,
            "",
            "Refuses all connections to smtp at 192.0.2.1:25: no mail of other servers comes in there.",
        ),
        (
            Service::Imap,
            false,
            Class::C1,
            "",
            "Refuses all connections to imap at 127.0.0.1:143: nobody reads mail there.",
        ),
        (Service::Pop3, true, Class::C0, "", ""),
    ] {
        let judgement = sample.switch(service, on);
        assert_told(&sample, &judgement, class, found, words);
    }
}

#[test]
fn weaker_guards_and_shorter_records_are_told() {
    let mut sample = sample();
    let id = sample.certificate(&["mail.example.org", "mx.example.org"]);
    sample.certificate(&["mx.example.org"]);
    let blurs = "Keeps records for a shorter time (trace_retention_days): earlier intrusions could not be explained.";
    let table = [
        (Setting::TraceRetentionDays(90), Class::C3, "P7", blurs),
        (
            Setting::LogImap(LogLevel::Warn),
            Class::C1,
            "",
            "The log says less (log_imap); the records of what happened stay.",
        ),
        (Setting::LogImap(LogLevel::Debug), Class::C0, "", ""),
        (
            Setting::RecoverableOperatorDays(1),
            Class::C3,
            "P7",
            "Deletes removed mail of everyone for good sooner than before.",
        ),
        (
            Setting::PlainSignInOnLoopback(true),
            Class::C2,
            "P6",
            "Weakens a guard against intruders (plain_sign_in_on_loopback).",
        ),
        (
            Setting::SignInFailuresWindowS(60),
            Class::C2,
            "P6",
            "Weakens a guard against intruders (sign_in_failures_window_s).",
        ),
        (
            Setting::MessageSizeMaxOctets(65_536),
            Class::C2,
            "",
            "Refuses what passes the lower limit of message_size_max_octets.",
        ),
    ];
    for (setting, class, found, words) in table {
        let judgement = sample.make(Change::SettingSet(setting));
        assert_told(&sample, &judgement, class, found, words);
    }
    let judgement = sample.make(Change::CertificateRemove(CertificateRemove { id }));
    let words = "Leaves mail.example.org without its certificate ct_1: clients will warn or fail.";
    assert_told(&sample, &judgement, Class::C2, "P6", words);
}

#[test]
fn effects_stay_within_an_entry_and_count_the_rest() {
    let mut sample = sample();
    for n in 0..40 {
        sample.alias(&format!("x{n}@example.org"), &["a_2", "a_3"]);
    }
    let judgement = sample.make(disable(ANN));
    assert_eq!(judgement.effects.len(), EFFECTS_MAX);
    assert_eq!(
        judgement.effects.last(),
        Some(&Effect::AndMore { count: 26 })
    );
    assert_eq!(judgement.class, Class::C2);

    let outside: Vec<_> = (0..20).map(|n| format!("o{n}@example.net")).collect();
    let outside: Vec<_> = outside.iter().map(String::as_str).collect();
    let alias = sample.new_alias("out@example.org", &outside);
    let judgement = sample.make(Change::AliasCreate(alias));
    let [Effect::LeavesOrganisation { targets, more, .. }] = &judgement.effects[..] else {
        panic!("{judgement:?}");
    };
    assert_eq!((targets.len(), *more), (8, 12));
}

#[test]
fn the_entry_gets_values_and_risk() {
    let mut sample = sample();
    let judgement = sample.catch_all(ORG, &["drop@example.net"]);
    let risk = judgement.risk();
    assert_eq!((risk.class, risk.score), (Class::C2, 9));
    assert_eq!(risk.detections, ["R1", "R7"]);
    let value = &judgement.effect_values()[0];
    assert_eq!(value["kind"], "leaves_organisation");
    assert_eq!(value["targets"][0], "drop@example.net");
}

fn access(of: &str, allow: &[&str], deny: &[&str]) -> Change {
    let networks = |list: &[&str]| list.iter().map(|n| n.parse().unwrap()).collect();
    Change::AccessSet(AccessSet {
        id: of.parse().unwrap(),
        allow: networks(allow),
        deny: networks(deny),
    })
}

// long: one table
#[test]
fn lists_of_networks_are_judged_by_who_can_come_in() {
    let mut sample = sample();
    sample.listener(Service::Imap, "192.0.2.1:143");
    for (change, class, found, words) in [
        (
            access("service:imap", &["192.0.2.0/24"], &[]),
            Class::C1,
            "",
            "Refuses connections to imap from anywhere but 192.0.2.0/24; open ones end too.",
        ),
        (
            access("service:imap", &["192.0.2.0/24", "198.51.100.0/24"], &[]),
            Class::C2,
            "P6",
            "Lets clients reach imap from 192.0.2.0/24 and 198.51.100.0/24.",
        ),
        (
            access(
                "service:imap",
                &["192.0.2.0/25", "2001:db8::/32"],
                &["192.0.2.7"],
            ),
            Class::C2,
            "P6",
            "Refuses connections to imap from anywhere but 192.0.2.0/25 and 2001:db8::/32, and from 192.0.2.7; open ones end too. | \
             Lets clients reach imap from 192.0.2.0/25 and 2001:db8::/32, but not from 192.0.2.7.",
        ),
        (
            access("service:imap", &[], &[]),
            Class::C2,
            "P6",
            "Lets clients reach imap from anywhere.",
        ),
        (
            access("listener:l_1", &[], &["0.0.0.0/0"]),
            Class::C1,
            "",
            "Refuses connections to imap at 192.0.2.1:143 from 0.0.0.0/0; open ones end too.",
        ),
        // Another spelling of the same bounds does nothing.
        (
            access("listener:l_1", &[], &["0.0.0.0/1", "128.0.0.0/1"]),
            Class::C0,
            "",
            "",
        ),
        (
            access("service:smtp", &[], &["203.0.113.0/24"]),
            Class::C2,
            "",
            "Refuses connections to smtp from 203.0.113.0/24; open ones end too.",
        ),
        (
            access("role:owner", &["192.0.2.0/24"], &[]),
            Class::C2,
            "",
            "Refuses sign-ins of accounts with the role owner from anywhere but 192.0.2.0/24; open sessions end too.",
        ),
        (
            access("role:owner", &["192.0.2.0/24"], &["192.0.2.7"]),
            Class::C2,
            "",
            "Refuses sign-ins of accounts with the role owner from anywhere but 192.0.2.0/24, and from 192.0.2.7; open sessions end too.",
        ),
    ] {
        let judgement = sample.make(change);
        assert_told(&sample, &judgement, class, found, words);
    }
}

#[test]
fn proxies_and_blocks_are_grave_both_ways() {
    let mut sample = sample();
    let imap = sample.listener(Service::Imap, "192.0.2.1:143");
    let proxies = |id, networks: &[&str]| {
        let networks = networks.iter().map(|n| n.parse().unwrap()).collect();
        Change::ProxySet(ProxySet { id, networks })
    };
    let block = BlockAdd {
        id: "203.0.113.0/24".parse().unwrap(),
        what: Blocked::Connections,
        from: Timestamp(0),
        until: Timestamp(3_600_000_000),
        forced: false,
    };
    let lift = BlockRemove { id: block.id };
    for (change, found, words) in [
        (
            proxies(ProxyScope::Listener(imap), &["198.51.100.1"]),
            "P6",
            "Believes 198.51.100.1 when it says where a client of imap at 192.0.2.1:143 comes from: \
             whoever controls it can pass for any source.",
        ),
        (
            proxies(ProxyScope::Listener(imap), &[]),
            "",
            "Believes 198.51.100.1 no longer when it says where a client of imap at 192.0.2.1:143 \
             comes from: connections that it passes on are refused, and open ones end.",
        ),
        (
            proxies(ProxyScope::All, &["127.0.0.0/8"]),
            "P6",
            "Believes 127.0.0.0/8 when it says where a client comes from: whoever controls it can pass \
             for any source. | 127.0.0.0/8 is this machine itself: every user and program on it can \
             then claim any source for a client. Blocks, lists of networks and the records of \
             sign-ins believe what it says.",
        ),
        (
            proxies(ProxyScope::All, &["127.0.0.0/8", "192.0.2.0/24"]),
            "P6",
            "Believes 192.0.2.0/24 when it says where a client comes from: whoever controls it can \
             pass for any source. | 192.0.2.0/24 is this machine itself: every user and program on \
             it can then claim any source for a client. Blocks, lists of networks and the records of \
             sign-ins believe what it says.",
        ),
        (
            Change::BlockAdd(block),
            "",
            "Refuses all connections from 203.0.113.0/24 until 1970-01-01T01:00:00.000000Z; open ones end too.",
        ),
        (
            Change::BlockRemove(lift),
            "",
            "Lifts the block of 203.0.113.0/24: it is served again.",
        ),
    ] {
        let judgement = sample.make(change);
        assert_told(&sample, &judgement, Class::C2, found, words);
    }
}

#[test]
fn a_new_credential_tells_what_it_opens_and_counts_more_for_another() {
    let mut sample = sample();
    let (ann, bob) = (ANN, BOB);
    let mut create = sample.new_app_password(ann);
    create.scopes = MailScope::FOR_MAIL.to_vec();
    create.networks = vec!["192.0.2.0/24".parse().unwrap()];
    create.send_as = vec![Owned::Account(ann)];
    let judgement = sample.make_by(Some(ann), Change::AppPasswordCreate(create));
    let words = "Lets app password k_1 open imap, pop3 and smtp for ann@example.org, only from \
                 192.0.2.0/24, sending only as ann@example.org.";
    assert_told(&sample, &judgement, Class::C1, "P4", words);
    let create = sample.new_app_password(ann);
    let judgement = sample.make_by(Some(bob), Change::AppPasswordCreate(create));
    let words = "Lets app password k_2 open imap for ann@example.org.";
    assert_told(&sample, &judgement, Class::C2, "P4", words);
    let id = CredentialId(2);
    let gone = Change::AppPasswordRemove(CredentialRef { id });
    let judgement = sample.make_by(Some(bob), gone);
    assert_told(&sample, &judgement, Class::C0, "", "");
    // Enabling opens what was open before.
    sample.make(disable(ann));
    let judgement = sample.make(enable(ann));
    assert!(judgement.effects.contains(&Effect::CreatesAccess {
        account: ann,
        credential: CredentialId(1),
    }));
}

#[test]
fn a_token_of_an_admin_reaches_further() {
    let mut sample = sample();
    for (account, scope, class, words) in [
        (
            ANN,
            TokenScope::Write,
            Class::C1,
            "act for ann@example.org with the scopes write.",
        ),
        (
            ROOT,
            TokenScope::Metrics,
            Class::C1,
            "act for root@example.org with the scopes metrics.",
        ),
        (
            ROOT,
            TokenScope::Read,
            Class::C2,
            "act for root@example.org with the scopes read.",
        ),
    ] {
        let create = sample.new_token(account, &[scope]);
        let words = format!("Lets token {} {words}", create.id);
        let judgement = sample.make(Change::TokenCreate(create));
        assert_told(&sample, &judgement, class, "P4", &words);
    }
}

#[test]
fn a_second_factor_that_comes_closes_the_password_and_one_that_goes_opens_it() {
    let mut sample = sample();
    sample.make(sample.new_password(ANN, 1));
    let judgement = sample.make_by(Some(ANN), sample.new_totp(ANN));
    let words =
        "Refuses the password of ann@example.org in mail programs: each needs an app password.";
    assert_told(&sample, &judgement, Class::C1, "P3", words);
    let judgement = sample.make_by(Some(ANN), sample.new_password(ANN, 2));
    let words = "Gives ann@example.org password k_1. It opens no mail program, since ann@example.org \
                 has a second factor: each needs an app password. Nothing of this version asks for both.";
    assert_told(&sample, &judgement, Class::C0, "", words);
    let judgement = sample.make_by(Some(ANN), sample.new_recovery_codes(ANN));
    let words = "Lets ann@example.org give a recovery code k_3 in the place of the second factor.";
    assert_told(&sample, &judgement, Class::C1, "P3", words);
    let gone = |id| {
        Change::TotpRemove(CredentialRef {
            id: CredentialId(id),
        })
    };
    let judgement = sample.make_by(Some(ANN), gone(2));
    let words = "Takes the second factor from ann@example.org: its password alone is enough again.";
    assert_told(&sample, &judgement, Class::C2, "P3", words);
    sample.make(sample.new_totp(ROOT));
    let judgement = sample.make(gone(4));
    assert_eq!(judgement.class, Class::C3, "an admin's");
    // With the account gone there is nothing left to guard.
    let judgement = sample.make_by(Some(BOB), sample.new_totp(ANN));
    assert_eq!(judgement.class, Class::C2);
    let judgement = sample.make(remove(ANN));
    assert!(!judgement.detections.contains(&"P3"));
}
