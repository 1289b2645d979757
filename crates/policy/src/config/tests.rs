//! Tests of the fold and of resolution, on the sample server.

use std::collections::BTreeSet;

use types::limits::EXPANSION_DEPTH_MAX;
use types::{AccountId, Address, AliasId, CredentialId, DomainId, Sha256};

use super::{Config, ConfigBuilder, ExpandError, Resolution};
use crate::change::{
    AccountQuotaSet, AccountRoleSet, Acknowledge, AliasMembersChange, AliasRemove, Boot,
    CatchAllClear, CertificateRemove, CertificateSet, Change, CredentialRef, DetailSeparator,
    DomainAliasRemove, DomainCreate, DomainPlusAddressingSet, DomainRef, ListenerRemove,
    ListenerSet, Member, OutsideEdit, Owned, RULES_ENGINE, SendAsRevoke, Service,
};
use crate::fold_error::FoldError;
use crate::judge::Class;
use crate::role::{Authority, Role};
use crate::sample::{
    Sample, digest, disable, disable_domain, enable, entry, genesis, made, remove,
};
use crate::sentence::{Viewer, sentence};
use crate::settings::Setting;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// `a_2 a_3 x@example.net`, or the error in its own words.
fn recipients(config: &Config, to: &str) -> String {
    match config.expand(&address(to)) {
        Ok(expansion) => {
            let accounts = expansion.accounts.iter().map(ToString::to_string);
            let outside = expansion.outside.iter().map(ToString::to_string);
            accounts.chain(outside).collect::<Vec<_>>().join(" ")
        }
        Err(err) => err.to_string(),
    }
}

fn assert_recipients(config: &Config, table: &[(&str, &str)]) {
    for (to, expected) in table {
        assert_eq!(recipients(config, to), *expected, "mail for {to}");
    }
}

const NO_SUCH: &str = "there is no such address here";
const NOT_LOCAL: &str = "the domain is not hosted here";
const DISABLED: &str = "the address is disabled";

#[test]
fn exact_addresses_come_before_details_role_addresses_and_the_catch_all() {
    let mut sample = Sample::new();
    let ann = sample.owner("Ann@example.org");
    let bob = sample.owner("bob@example.org");
    sample.owner("bob+shop@example.org");
    sample.alias("info@example.org", &["ann@example.org", "x@example.net"]);
    sample.second_name("example.com", DomainId(1));
    assert_eq!((ann, bob), (AccountId(2), AccountId(3)));
    let table = [
        ("ann@example.org", "a_2"),
        ("ANN@EXAMPLE.org", "a_2"),
        ("ann@example.com", "a_2"),
        ("ann+any+thing@example.org", "a_2"),
        ("bob+shop@example.org", "a_4"),
        ("bob+shop+x@example.org", "a_4"),
        ("bob+other@example.com", "a_3"),
        ("info@example.org", "a_2 x@example.net"),
        ("info+x@example.org", "a_2 x@example.net"),
        ("+x@example.org", NO_SUCH),
        ("nobody@example.org", NO_SUCH),
        ("nobody+x@example.org", NO_SUCH),
        ("ann@sub.example.org", NOT_LOCAL),
        ("ann@example.net", NOT_LOCAL),
        ("postmaster@example.org", "a_1"),
        ("Abuse@example.com", "a_1"),
        ("postmaster+x@example.org", "a_1"),
    ];
    assert_recipients(&sample.config, &table);

    sample.catch_all(DomainId(1), &["bob@example.org", "y@example.net"]);
    let table = [
        ("nobody@example.org", "a_3 y@example.net"),
        ("nobody+x@example.com", "a_3 y@example.net"),
        ("ann@example.org", "a_2"),
        ("postmaster@example.org", "a_1"),
    ];
    assert_recipients(&sample.config, &table);
    sample.make(Change::CatchAllClear(CatchAllClear { id: DomainId(1) }));
    assert_recipients(&sample.config, &[("nobody@example.org", NO_SUCH)]);
}

#[test]
fn a_domain_says_how_details_are_written() {
    let mut sample = Sample::new();
    sample.owner("mary-ann@example.org");
    let mut set = |separator| {
        let id = DomainId(1);
        sample.make(Change::DomainPlusAddressingSet(DomainPlusAddressingSet {
            id,
            separator,
        }));
        let config = &sample.config;
        [
            recipients(config, "mary-ann+x@example.org"),
            recipients(config, "mary-ann-x-y@example.org"),
            recipients(config, "mary-x@example.org"),
        ]
    };
    assert_eq!(
        set(Some(DetailSeparator::Hyphen)),
        [NO_SUCH, "a_2", NO_SUCH]
    );
    assert_eq!(set(Some(DetailSeparator::Plus)), ["a_2", NO_SUCH, NO_SUCH]);
    assert_eq!(set(None), [NO_SUCH, NO_SUCH, NO_SUCH]);
}

#[test]
fn role_addresses_go_to_domain_admins_then_to_owners() {
    let mut sample = Sample::new();
    sample.domain("example.com");
    let admin = sample.account("adm@example.com", Role::DomainAdmin);
    let table = [
        ("postmaster@example.com", "a_2"),
        ("abuse@example.org", "a_1"),
    ];
    assert_recipients(&sample.config, &table);
    sample.make(disable(admin));
    assert_recipients(&sample.config, &[("postmaster@example.com", "a_1")]);
    sample.make(enable(admin));
    sample.owner("postmaster@example.com");
    assert_recipients(&sample.config, &[("postmaster@example.com", "a_3")]);
    sample.make(remove(admin));
    assert_recipients(&sample.config, &[("abuse@example.com", "a_1")]);
}

#[test]
fn what_is_disabled_gets_no_mail_and_acts_for_nobody() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    sample.make(sample.new_password(ann, 1));
    sample.alias("ann.lee@example.org", &["a_2"]);
    sample.alias("team@example.org", &["a_1", "a_2"]);
    assert!(sample.config.may_sign_in(ann));
    sample.make(disable(ann));
    let table = [
        ("ann@example.org", DISABLED),
        ("ann.lee@example.org", DISABLED),
        ("team@example.org", "a_1"),
    ];
    assert_recipients(&sample.config, &table);
    assert!(!sample.config.may_sign_in(ann));
    assert_eq!(sample.config.authority(ann), None);
    assert!(!sample.config.may_send_as(ann, &address("ann@example.org")));
    sample.make(enable(ann));
    assert!(sample.config.may_sign_in(ann));

    let other = sample.domain("example.com");
    let bob = sample.owner("bob@example.com");
    sample.alias("bob@example.org", &["bob@example.com"]);
    sample.make(disable_domain(other));
    let table = [
        ("bob@example.com", DISABLED),
        ("nobody@example.com", DISABLED),
        ("postmaster@example.com", DISABLED),
        ("bob@example.org", DISABLED),
    ];
    assert_recipients(&sample.config, &table);
    assert_eq!(sample.config.authority(bob), None);
}

#[test]
fn aliases_lead_on_but_neither_in_circles_nor_for_ever() {
    let mut sample = Sample::new();
    let domain = sample.domain("example.com");
    let depth = u64::try_from(EXPANSION_DEPTH_MAX).unwrap();
    sample.alias("x1@example.org", &["a_1", "out@example.net"]);
    for n in 2..=depth {
        let previous = format!("al_{}", n - 1);
        sample.alias(&format!("x{n}@example.org"), &[&previous]);
    }
    let deepest = format!("x{depth}@example.org");
    assert_recipients(&sample.config, &[(&deepest, "a_1 out@example.net")]);
    assert_eq!(
        sample.config.expand(&address(&deepest)).unwrap().via.len(),
        EXPANSION_DEPTH_MAX
    );

    // What no change of an alias may make can still come together, by a name that is hosted later.
    sample.alias("loop@example.org", &["later@example.info", "a_1"]);
    sample.alias("later@example.com", &["loop@example.org"]);
    sample.second_name("example.info", domain);
    sample.catch_all(domain, &["loop@example.org", "nobody@example.net"]);
    assert_recipients(
        &sample.config,
        &[
            ("later@example.info", "a_1"),
            ("x@example.com", "a_1 nobody@example.net"),
        ],
    );
}

#[test]
fn expansion_is_bounded_in_depth_and_width() {
    let mut builder = ConfigBuilder::new();
    let mut fold = |change: &Change| {
        let seq = builder.config().size();
        builder.fold(seq, digest(0), change, &made()).unwrap();
    };
    fold(&genesis());
    let name = "example.org".parse().unwrap();
    fold(&Change::DomainCreate(DomainCreate {
        id: DomainId(1),
        name,
    }));
    let alias = |id: u64, members: Vec<Member>| {
        Change::AliasCreate(crate::change::AliasCreate {
            id: AliasId(id),
            address: address(&format!("x{id}@example.org")),
            members,
        })
    };
    let outside = |n: usize| Member::Outside(address(&format!("o{n}@example.net")));
    fold(&alias(1, vec![outside(0)]));
    for id in 2..=12 {
        fold(&alias(id, vec![Member::Alias(AliasId(id - 1))]));
    }
    fold(&alias(13, (0..=1_000).map(outside).collect()));
    let gone = (1..=20_000)
        .map(|id| Member::Account(AccountId(id)))
        .collect();
    fold(&alias(14, gone));
    let config = builder.finish();
    let expand = |to: &str| config.expand(&address(to)).map(drop);
    assert_eq!(expand("x8@example.org"), Ok(()));
    assert_eq!(expand("x9@example.org"), Err(ExpandError::TooDeep));
    assert_eq!(expand("x13@example.org"), Err(ExpandError::TooMany));
    assert_eq!(expand("x14@example.org"), Err(ExpandError::TooMany));
}

#[test]
fn an_address_made_anew_inherits_nothing() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    sample.alias("team@example.org", &["a_1", "ann@example.org"]);
    sample.grant(ann, Owned::Account(AccountId(1)));
    sample.make(remove(ann));
    let again = sample.owner("ann@example.org");
    assert_ne!(again, ann);
    assert_recipients(&sample.config, &[("team@example.org", "a_1")]);
    assert!(
        !sample
            .config
            .may_send_as(again, &address("root@example.org"))
    );
    assert_eq!(sample.config.grants().count(), 0);
    assert_eq!(
        sample.config.former_owner(&address("Ann@example.org")),
        Some(ann)
    );
}

#[test]
fn an_account_sends_with_what_is_its_own_or_was_granted() {
    let mut sample = Sample::new();
    let domain = DomainId(1);
    let ann = sample.owner("ann@example.org");
    let bob = sample.owner("bob@example.org");
    sample.second_name("example.com", domain);
    sample.alias("team@example.org", &["ann@example.org"]);
    sample.alias("all@example.org", &["team@example.org", "bob@example.org"]);
    let sales = sample.alias("sales@example.org", &["root@example.org"]);
    sample.catch_all(domain, &["ann@example.org"]);
    let granted = [
        sample.grant(bob, Owned::Account(AccountId(1))),
        sample.grant(bob, Owned::Alias(sales)),
    ];
    let table = [
        ("ann@example.org", true, false),
        ("Ann+list@example.com", true, false),
        ("team@example.org", true, false),
        ("team@example.com", true, false),
        ("all@example.org", true, true),
        ("bob@example.org", false, true),
        ("root@example.org", false, true),
        ("root+x@example.com", false, true),
        ("sales@example.org", false, true),
        ("nobody@example.org", false, false),
        ("postmaster@example.org", false, false),
        ("ann@example.net", false, false),
    ];
    for (from, by_ann, by_bob) in table {
        let from_address = address(from);
        assert_eq!(
            sample.config.may_send_as(ann, &from_address),
            by_ann,
            "ann as {from}"
        );
        assert_eq!(
            sample.config.may_send_as(bob, &from_address),
            by_bob,
            "bob as {from}"
        );
    }
    assert!(
        sample
            .config
            .may_send_as(AccountId(1), &address("postmaster@example.org"))
    );
    for id in granted {
        sample.make(Change::SendAsRevoke(SendAsRevoke { id }));
    }
    assert!(!sample.config.may_send_as(bob, &address("root@example.org")));
    assert!(
        !sample
            .config
            .may_send_as(bob, &address("sales@example.org"))
    );
}

#[test]
fn settings_listeners_services_and_certificates_fold() {
    let mut sample = Sample::new();
    assert_eq!(
        sample.config.settings().host_name.as_str(),
        "mail.example.org"
    );
    sample.make(Change::SettingSet(Setting::RecipientsMax(200)));
    assert_eq!(sample.config.settings().recipients_max, 200);

    let id = sample.listener(Service::Imap, "192.0.2.1:143");
    assert_eq!(sample.config.open_listeners().count(), 0);
    sample.switch(Service::Imap, true);
    assert_eq!(sample.config.open_listeners().count(), 1);
    let address = "192.0.2.1:993".parse().unwrap();
    let service = Service::Imaps;
    sample.make(Change::ListenerChange(ListenerSet {
        id,
        service,
        address,
    }));
    assert_eq!(sample.config.listener(id).unwrap().address, address);
    assert_eq!(sample.config.open_listeners().count(), 0);
    sample.make(Change::ListenerRemove(ListenerRemove { id }));
    sample.switch(Service::Imap, false);
    assert!(sample.config.listeners().next().is_none());
    assert!(!sample.config.service_is_on(Service::Imap));

    let id = sample.certificate(&["mail.example.org"]);
    let made = sample.config.certificate(id).unwrap().clone();
    sample.make(Change::CertificateSet(CertificateSet {
        id,
        names: made.names.clone(),
        chain: digest(3),
        key: digest(4),
    }));
    let renewed = sample.config.certificate(id).unwrap();
    assert_eq!(renewed.chain, digest(3));
    assert!(renewed.revision > made.revision);
    let newest = sample.certificate(&["mail.example.org", "mx.example.org"]);
    let order: Vec<_> = sample.config.certificates().map(|c| c.id).collect();
    assert_eq!(
        order,
        [newest, id],
        "the newest wins where two serve one name"
    );
    for id in order {
        sample.make(Change::CertificateRemove(CertificateRemove { id }));
    }
    assert!(sample.config.certificates().next().is_none());
}

#[test]
fn domains_accounts_and_aliases_fold() {
    let mut sample = Sample::new();
    let second = sample.second_name("example.com", DomainId(1));
    sample.make(Change::DomainAliasRemove(DomainAliasRemove { id: second }));
    assert!(
        sample
            .config
            .domain(&"example.com".parse().unwrap())
            .is_none()
    );
    let id = sample.domain("example.com");
    assert!(id > second, "a second name's number was used again");
    sample.make(Change::DomainRemove(DomainRef { id }));
    assert_eq!(sample.config.domains_len(), 1);

    let ann = sample.owner("ann@example.org");
    let quota_octets = Some(1_000_000);
    sample.make(Change::AccountQuotaSet(AccountQuotaSet {
        id: ann,
        quota_octets,
    }));
    let role = Role::DomainAdmin;
    sample.make(Change::AccountRoleSet(AccountRoleSet { id: ann, role }));
    sample.make(sample.new_password(ann, 1));
    let first = sample.config.account(ann).unwrap().password.unwrap();
    sample.make(sample.new_password(ann, 2));
    let account = sample
        .config
        .account_at(&address("ann@example.org"))
        .unwrap();
    let second = account.password.unwrap();
    assert_eq!((account.quota_octets, account.role), (quota_octets, role));
    assert_eq!(first.credential, second.credential);
    assert_ne!(first.revision, second.revision);
    assert_eq!(
        sample.config.authority(ann),
        Some(Authority::Account(account.subject()))
    );
    let domain = sample.config.domain_by_id(DomainId(1)).unwrap();
    assert!(domain.admins().eq([ann]));
    assert_eq!((domain.accounts_len(), domain.aliases_len()), (2, 0));

    let id = sample.alias("team@example.org", &["a_1", "x@example.net"]);
    let add = vec![Member::Account(ann)];
    let remove = vec!["x@example.net".parse().unwrap()];
    sample.make(Change::AliasMembersChange(AliasMembersChange {
        id,
        add,
        remove,
    }));
    assert_recipients(&sample.config, &[("team@example.org", "a_1 a_2")]);
    sample.make(Change::AliasRemove(AliasRemove { id }));
    assert_recipients(&sample.config, &[("team@example.org", NO_SUCH)]);
    assert_eq!(sample.config.aliases().count(), 0);
}

#[test]
fn ids_are_never_given_twice() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    let alias = sample.alias("x@example.org", &["a_1"]);
    sample.make(remove(ann));
    sample.make(Change::AliasRemove(AliasRemove { id: alias }));
    assert_eq!(sample.config.next_account_id(), AccountId(3));
    assert_eq!(sample.config.next_alias_id(), AliasId(2));
    let mut again = sample.new_account("ann@example.org", Role::MailboxOwner);
    for used in [0, 1, 2, u64::MAX] {
        again.id = AccountId(used);
        let change = Change::AccountCreate(again.clone());
        let error = sample.config.tried(&change, &made());
        assert_eq!(error.unwrap_err(), FoldError::IdUsed(format!("a_{used}")));
    }
}

#[test]
fn the_fold_refuses_what_does_not_fit_and_stays_as_it_was() {
    let sample = Sample::new();
    let mut builder = ConfigBuilder::from(sample.config.clone());
    let seq = sample.config.size();
    let before = sample.config.state();
    let missing = remove(AccountId(9));
    assert_eq!(
        builder.fold(seq, digest(0), &missing, &made()),
        Err(FoldError::Missing("a_9".to_owned()))
    );
    let not_empty = Change::DomainRemove(DomainRef { id: DomainId(1) });
    assert!(builder.fold(seq, digest(0), &not_empty, &made()).is_err());
    assert!(builder.fold(seq, digest(0), &genesis(), &made()).is_err());
    let taken = Change::AccountCreate(sample.new_account("root@example.org", Role::Owner));
    assert!(builder.fold(seq, digest(0), &taken, &made()).is_err());
    for wrong in [seq - 1, seq + 1] {
        let order = FoldError::OutOfOrder {
            expected: seq,
            found: wrong,
        };
        assert_eq!(
            builder.fold(wrong, digest(0), &disable(AccountId(1)), &made()),
            Err(order.clone())
        );
        assert_eq!(builder.pass(wrong), Err(order));
    }
    let config = builder.finish();
    assert_eq!((config.size(), config.state()), (seq, before));
    assert_eq!(config.next_account_id(), sample.config.next_account_id());
}

#[test]
fn what_was_not_applied_counts_and_changes_nothing() {
    let sample = Sample::new();
    let mut refused = entry(&sample.config, &disable(AccountId(1)));
    refused.outcome = ledger::Outcome::Refused;
    let mut builder = ConfigBuilder::from(sample.config.clone());
    assert_eq!(builder.fold_entry(&refused), Ok(None));
    let config = builder.finish();
    assert_eq!(config.size(), sample.config.size() + 1);
    assert_eq!(config.state(), sample.config.state());
    assert!(config.account(AccountId(1)).unwrap().enabled);
}

fn boot(rules_engine: u32) -> Change {
    Change::Boot(Boot {
        version: "0.1.0".to_owned(),
        rules_engine,
        binary: digest(1),
        argv: Vec::new(),
        start_file: digest(2),
        start_file_differs: Vec::new(),
        resolver: None,
        trust_store: None,
        environment: Vec::new(),
        host: "mail".to_owned(),
        uid: 990,
        state_root: digest(3),
        last_signed_size: 1,
    })
}

fn outside_edit(place: &str) -> Change {
    Change::OutsideEdit(OutsideEdit {
        what: "a row without a signed checkpoint".to_owned(),
        place: place.to_owned(),
        evidence: None,
    })
}

#[test]
fn edits_from_outside_stay_open_until_they_are_acknowledged() {
    let mut sample = Sample::new();
    let acknowledge = |through| Change::Acknowledge(Acknowledge { through });
    sample.make(outside_edit("ledger_object 00"));
    let open = |sample: &Sample| {
        let edits = sample.config.outside_edits();
        (edits.first(), edits.last(), edits.count())
    };
    assert_eq!(open(&sample), (None, None, 0), "an object freezes nothing");
    let nothing = "there is nothing to acknowledge: no change past the server is open";
    assert_eq!(sample.refusal(acknowledge(0)).to_string(), nothing);

    let first = sample.config.size();
    sample.make(outside_edit("ledger_entry 2"));
    sample.make(boot(RULES_ENGINE));
    sample.make(outside_edit("ledger/checkpoint"));
    let last = first + 2;
    assert_eq!(open(&sample), (Some(first), Some(last), 2));
    for through in [0, first, last + 1] {
        let words = sample.refusal(acknowledge(through)).to_string();
        assert!(
            words.contains(&format!("is entry #{last}; look")),
            "{words}"
        );
    }
    let judgement = sample.make(acknowledge(last));
    assert_eq!(judgement.class, Class::C3);
    let words = format!("(2 entries, #{first} to #{last}): grave changes go on.");
    let said = sentence(&judgement.effects[0], &sample.config, Viewer::Server);
    assert!(said.contains(&words), "{said}");
    assert_eq!(open(&sample), (None, None, 0));

    for _ in 0..100 {
        sample.make(outside_edit("ledger_entry 3"));
    }
    let edits = sample.config.outside_edits();
    assert_eq!((edits.count(), edits.listed().len()), (100, 20));
    sample.make(boot(1));
    let earlier = "a start of an earlier server ended the freeze";
    assert_eq!(open(&sample), (None, None, 0), "{earlier}");
}

#[test]
fn the_state_is_a_function_of_the_entries() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    let made = sample.config.last_entry("account", "a_2").unwrap();
    let copy = sample.config.clone();
    sample.make(remove(ann));
    let removed = sample.config.last_entry("account", "a_2").unwrap();
    assert_eq!((made.1, removed), (1, (sample.config.size() - 1, 2)));
    assert_eq!(
        copy.last_entry("account", "a_2"),
        Some(made),
        "the copy moved"
    );
    assert_eq!(sample.config.last_entry("account", "a_3"), None);

    let state = sample.config.state();
    let ids: Vec<_> = state
        .iter()
        .map(|item| (item.kind, item.id.as_str()))
        .collect();
    let expected = [
        ("account", "a_1"),
        ("account", "a_2"),
        ("domain", "d_1"),
        ("system", "genesis"),
    ];
    assert_eq!(ids, expected);
    let null = Sha256(state[1].after.0);
    assert_eq!(
        null.to_string(),
        "sha256:74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"
    );
}

#[test]
fn members_are_bound_by_id_where_they_are_here() {
    let mut sample = Sample::new();
    sample.alias("info@example.org", &["a_1"]);
    let ann = sample.owner("ann@example.org");
    sample.make(disable(ann));
    for (text, member) in [
        ("root@example.org", Some(Member::Account(AccountId(1)))),
        ("root+x@example.org", Some(Member::Account(AccountId(1)))),
        ("ann@example.org", Some(Member::Account(ann))),
        ("info@example.org", Some(Member::Alias(AliasId(1)))),
        (
            "X@example.net",
            Some(Member::Outside(address("X@example.net"))),
        ),
        ("postmaster@example.org", None),
        ("nobody@example.org", None),
    ] {
        assert_eq!(sample.config.member(&address(text)), member, "{text}");
    }
    let empty = BTreeSet::new();
    assert!(matches!(
        sample.config.resolve(&address("info@example.org")),
        Resolution::Alias(AliasId(1), members) if *members != empty
    ));
}

#[test]
fn a_hundred_thousand_entries_fold_in_place() {
    const ACCOUNTS: u64 = 100_000;
    const PER_DOMAIN: u64 = 10_000;
    let mut builder = ConfigBuilder::new();
    builder.fold(0, digest(0), &genesis(), &made()).unwrap();
    for n in 0..ACCOUNTS {
        let domain = format!("d{}.example.org", n / PER_DOMAIN);
        if n % PER_DOMAIN == 0 {
            let id = builder.config().next_domain_id();
            let name = domain.parse().unwrap();
            let change = Change::DomainCreate(DomainCreate { id, name });
            builder
                .fold(builder.config().size(), digest(0), &change, &made())
                .unwrap();
        }
        let change = Change::AccountCreate(crate::change::AccountCreate {
            id: AccountId(n + 1),
            address: address(&format!("u{n}@{domain}")),
            role: Role::MailboxOwner,
            quota_octets: None,
            name: None,
        });
        builder
            .fold(builder.config().size(), digest(0), &change, &made())
            .unwrap();
    }
    let config = builder.finish();
    assert_eq!(config.accounts_len(), 100_000);
    assert_recipients(&config, &[("u99999@d9.example.org", "a_100000")]);
    let after = config.tried(&disable(AccountId(5)), &made()).unwrap();
    assert!(config.account(AccountId(5)).unwrap().enabled);
    assert!(!after.account(AccountId(5)).unwrap().enabled);
}

/// An app password of an account that opens IMAP.
fn app_password(sample: &mut Sample, account: AccountId) -> CredentialId {
    let create = sample.new_app_password(account);
    let id = create.id;
    sample.make(Change::AppPasswordCreate(create));
    id
}

#[test]
fn credentials_open_mail_while_they_their_account_and_no_second_factor_say_so() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    sample.make(sample.new_password(ann, 1));
    let password = CredentialId(1);
    let phone = app_password(&mut sample, ann);
    let opens = |sample: &Sample, id| sample.config.opens_mail(ann, id);
    let (set, made) = (opens(&sample, password), opens(&sample, phone));
    assert!(set.is_some() && made.is_some());
    assert_eq!(
        sample.config.opens_mail(AccountId(1), phone),
        None,
        "not another's"
    );

    sample.make(sample.new_password(ann, 2));
    assert!(
        opens(&sample, password) > set,
        "a new password is another one"
    );
    sample.make(sample.new_totp(ann));
    let factor = CredentialId(3);
    assert_eq!(opens(&sample, password), None, "beside a second factor");
    assert_eq!(opens(&sample, factor), None, "a factor alone opens nothing");
    assert_eq!(opens(&sample, phone), made);
    sample.make(disable(ann));
    assert_eq!(opens(&sample, phone), None);
    sample.make(enable(ann));
    sample.make(Change::AppPasswordRemove(CredentialRef { id: phone }));
    assert_eq!(opens(&sample, phone), None);
    sample.make(Change::TotpRemove(CredentialRef { id: factor }));
    assert!(opens(&sample, password).is_some());
}

#[test]
fn recovery_codes_go_with_a_newer_set_with_the_factor_and_with_the_account() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    sample.make(sample.new_totp(ann));
    let codes = |sample: &Sample| {
        let account = sample.config.account(ann)?;
        sample.config.recovery_codes(account).map(|codes| codes.id)
    };
    sample.make(sample.new_recovery_codes(ann));
    assert_eq!(codes(&sample), Some(CredentialId(2)));
    sample.make(sample.new_recovery_codes(ann));
    assert_eq!(codes(&sample), Some(CredentialId(3)));
    assert_eq!(sample.config.credentials().count(), 2);
    sample.make(Change::TotpRemove(CredentialRef {
        id: CredentialId(1),
    }));
    assert_eq!(sample.config.credentials().count(), 0);
    sample.make(sample.new_totp(ann));
    app_password(&mut sample, ann);
    sample.make(remove(ann));
    assert_eq!(sample.config.credentials().count(), 0);
    assert_eq!(
        sample.config.next_credential_id(),
        CredentialId(6),
        "ids are not used again"
    );
}

#[test]
fn an_account_with_only_an_app_password_may_sign_in() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    assert!(!sample.config.may_sign_in(ann));
    sample.make(sample.new_totp(ann));
    assert!(!sample.config.may_sign_in(ann));
    let id = app_password(&mut sample, ann);
    assert!(sample.config.may_sign_in(ann));
    sample.make(Change::AppPasswordRemove(CredentialRef { id }));
    assert!(!sample.config.may_sign_in(ann));
}

#[test]
fn an_app_password_sends_only_with_the_addresses_it_is_limited_to() {
    let mut sample = Sample::new();
    let ann = sample.owner("ann@example.org");
    sample.make(sample.new_password(ann, 1));
    let info = sample.alias("info@example.org", &["a_2"]);
    let free = app_password(&mut sample, ann);
    let mut create = sample.new_app_password(ann);
    create.send_as = vec![Owned::Alias(info)];
    let limited = create.id;
    sample.make(Change::AppPasswordCreate(create));
    for (credential, from, allowed) in [
        (CredentialId(1), "ann+x@example.org", true),
        (free, "ann@example.org", true),
        (free, "info@example.org", true),
        (free, "root@example.org", false),
        (limited, "info@example.org", true),
        (limited, "info+x@example.org", true),
        (limited, "ann@example.org", false),
        (limited, "postmaster@example.org", false),
        (CredentialId(99), "ann@example.org", false),
    ] {
        let from = address(from);
        let may = sample.config.may_send_with(ann, credential, &from);
        assert_eq!(may, allowed, "{credential} {from}");
    }
    // What the account loses, the credential loses.
    sample.make(Change::AliasRemove(AliasRemove { id: info }));
    assert!(
        !sample
            .config
            .may_send_with(ann, limited, &address("info@example.org"))
    );
}
