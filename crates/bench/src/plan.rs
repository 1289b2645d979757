//! The configuration: who gets a message, and how the ledger becomes a configuration at start.

use std::hint::black_box;

use ledger::tree::{Tree, leaf_hash};
use ledger::{Actor, ActorKind, Door, Entry, Outcome, Risk, Via};
use policy::change::{AccountCreate, AliasCreate, DomainCreate, Genesis, Mode, Preset};
use policy::{Change, Config, ConfigBuilder, Member, Role};
use types::{Address, Timestamp};

use crate::{Case, Round};

const LOG: &str = "mx.example.org/4f1c90aa/config/1";
/// Accounts of the configuration; beside them it has one alias for every tenth.
const ACCOUNTS: usize = 300;
/// Times that a round asks for the recipients.
const TIMES: usize = 100;

pub(crate) const CASES: [Case; 3] = [
    Case::new(
        "delivery_plan",
        "who gets mail for an account and for an alias, 100 times",
        plan,
    ),
    Case::new(
        "ledger_fold",
        "reads and folds a ledger of 332 entries",
        fold,
    ),
    Case::new(
        "ledger_verify",
        "hashes 332 entries up to their root",
        verify,
    ),
];

/// A ledger with a domain, accounts and aliases; its entries and what they lead to.
fn ledger() -> (Vec<Vec<u8>>, Config) {
    let mut made = (Vec::new(), Config::empty());
    let mut make = |change: &dyn Fn(&Config) -> Change| {
        let change = change(&made.1);
        let entry = entry(&made.1, &change);
        let mut builder = ConfigBuilder::from(std::mem::take(&mut made.1));
        builder
            .fold_entry(&entry)
            .expect("the entries follow each other");
        made.0.push(entry.to_bytes().expect("the entry is small"));
        made.1 = builder.finish();
    };
    make(&|_| {
        Change::Genesis(Genesis {
            instance: "4f1c90aa".to_owned(),
            mode: Mode::Serve,
            host_name: "mx.example.org".parse().expect("a domain name"),
            vkey: format!("{LOG}+00000000+AQ=="),
            preset: Preset::Relaxed,
        })
    });
    make(&|config| {
        Change::DomainCreate(DomainCreate {
            id: config.next_domain_id(),
            name: "example.org".parse().expect("a domain name"),
        })
    });
    for number in 0..ACCOUNTS {
        make(&|config| {
            Change::AccountCreate(AccountCreate {
                id: config.next_account_id(),
                address: address(&format!("u{number}")),
                role: Role::MailboxOwner,
                quota_octets: None,
                name: None,
            })
        });
    }
    for number in 0..ACCOUNTS / 10 {
        let members = (0..10).map(|member| address(&format!("u{}", number * 10 + member)));
        let members: Vec<Address> = members.collect();
        make(&|config| {
            Change::AliasCreate(AliasCreate {
                id: config.next_alias_id(),
                address: address(&format!("team{number}")),
                members: members
                    .iter()
                    .map(|address| member(config, address))
                    .collect(),
            })
        });
    }
    made
}

fn address(local: &str) -> Address {
    let text = format!("{local}@example.org");
    text.parse().expect("letters and digits are an address")
}

fn member(config: &Config, address: &Address) -> Member {
    let account = config.account_at(address);
    Member::Account(account.expect("it was made above").id)
}

fn entry(config: &Config, change: &Change) -> Entry {
    let payload = change.payload(config);
    Entry {
        v: 1,
        log: LOG.parse().expect("the name of a log"),
        seq: config.size(),
        ts: Timestamp(1_795_428_580_123_456),
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
        risk: Risk::none(),
        analyser: 1,
        batch: None,
        cause: None,
        reason: None,
    }
}

/// The entry of a usual change.
pub(crate) fn sample_entry() -> Entry {
    let (entries, _) = ledger();
    let last = entries.last().expect("a ledger has entries");
    Entry::from_bytes(last).expect("it was written above")
}

fn plan() -> Round {
    let (_, config) = ledger();
    let wanted = [address("u7"), address("team3")];
    Box::new(move || {
        for _ in 0..TIMES {
            for address in &wanted {
                black_box(config.expand(black_box(address)).expect("both are there"));
            }
        }
    })
}

fn fold() -> Round {
    let (entries, _) = ledger();
    Box::new(move || {
        let mut builder = ConfigBuilder::new();
        for bytes in &entries {
            let entry = Entry::from_bytes(black_box(bytes)).expect("it was written above");
            builder.fold_entry(&entry).expect("it was folded above");
        }
        black_box(builder.finish());
    })
}

fn verify() -> Round {
    let (entries, _) = ledger();
    Box::new(move || {
        let mut tree = Tree::new();
        for bytes in &entries {
            tree.append(leaf_hash(black_box(bytes)));
        }
        black_box(tree.root());
    })
}
