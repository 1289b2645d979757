//! Mail in the store: a group of deliveries, lists, flags, and what a client fetches.

use std::hint::black_box;

use service::mime::{Wanted, header_subset};
use store::fate::{self, Fate};
use store::{FlagsChange, NewEmail, Options, Store, WriteTx, email, mailbox, message};
use tempfile::TempDir;
use types::{AccountId, EmailId, FlagSet, MailboxId, MailboxName, Secret, Timestamp, Uid};

use crate::message::{body, head};
use crate::{Case, Round};

const ANN: AccountId = AccountId(7);
const NOON: Timestamp = Timestamp(1_795_428_580_000_000);
/// Messages of the mailbox that is read.
const MESSAGES: usize = 300;
/// Messages of one group.
const GROUP: usize = 32;

pub(crate) const CASES: [Case; 7] = [
    Case::new(
        "store_deliver",
        "32 messages with their fates in one group",
        deliver,
    ),
    Case::new(
        "store_settle",
        "32 fates delivered and put into their indexes",
        settle,
    ),
    Case::new(
        "store_list",
        "a mailbox of 300 messages from the database",
        list,
    ),
    Case::new(
        "store_flags",
        "a flag of 300 messages set and taken back",
        flags,
    ),
    Case::new(
        "fetch_envelopes",
        "ENVELOPE and BODYSTRUCTURE of 300 messages",
        envelopes,
    ),
    Case::new(
        "fetch_header_fields",
        "six header fields of 300 messages",
        fields,
    ),
    Case::new(
        "fetch_bodies",
        "header blocks and bodies of 300 messages",
        bodies,
    ),
];

/// A store with one mailbox, in a folder that vanishes with it.
struct Mail {
    store: Store,
    inbox: MailboxId,
    emails: Vec<EmailId>,
    delivered: usize,
    /// A closure must take hold of the whole value, or the folder goes before its time.
    _dir: TempDir,
}

impl Mail {
    fn new(messages: usize) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let options = Options {
            create: true,
            // Nothing is kept in memory that nobody holds.
            index_rows_max: 0,
            reserve_octets: 1 << 20,
            margin_octets: 1 << 20,
            ..Options::new(Secret::new(vec![7; 32]))
        };
        let store = Store::open(&dir.path().join("data"), &options).expect("the folder is new");
        let open =
            |tx: &mut WriteTx<'_>| mailbox::open_or_create(tx, ANN, &MailboxName::inbox(), None);
        let inbox = store.write_blocking(open).expect("the store is new");
        let mut mail = Self {
            store,
            inbox,
            emails: Vec::new(),
            delivered: 0,
            _dir: dir,
        };
        while mail.emails.len() < messages {
            mail.deliver(GROUP.min(messages - mail.emails.len()));
        }
        mail
    }

    fn deliver(&mut self, messages: usize) {
        let inbox = self.inbox;
        let from = self.delivered;
        self.delivered += messages;
        let texts: Vec<_> = (from..self.delivered)
            .map(|number| {
                let mut sink = self.store.body(1 << 20);
                sink.write(&body(number)).expect("it is small");
                (number, sink.finish())
            })
            .collect();
        let stored = self.store.write_blocking(move |tx| {
            let deliver = |(number, text): &(usize, store::FinishedBody)| {
                let new = NewEmail {
                    blob: tx.put_blob(text)?,
                    head: head(*number),
                    received_at: NOON,
                    saved_at: NOON,
                    thread: None,
                    envelope: vec![b'e'; 300],
                    bodystructure: vec![b'b'; 250],
                    preview: vec![b'p'; 200],
                    flags: FlagSet::default(),
                    keywords: Vec::new(),
                };
                fate::insert(tx, &some_fate(*number), &[])?;
                Ok(message::deliver(tx, ANN, inbox, &new)?.email)
            };
            texts
                .iter()
                .map(deliver)
                .collect::<store::StoreResult<Vec<_>>>()
        });
        self.emails.extend(stored.expect("there is room"));
    }

    fn uids(&self) -> Vec<Uid> {
        let last = u32::try_from(self.emails.len()).expect("the mailbox is small");
        (1..=last).map(Uid).collect()
    }
}

fn some_fate(number: usize) -> Fate {
    Fate {
        message: format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        at: NOON.plus_s(i64::try_from(number).expect("the mailbox is small")),
        config_size: 40,
        account: Some(ANN),
        recipient: format!("u{}@example.org", number % 20),
        action: "store".to_owned(),
        target: "INBOX".to_owned(),
        rules: b"[]".to_vec(),
        session: None,
        credential: None,
        size: 4_000,
        reverse_path: "bob@example.net".to_owned(),
        message_id: format!("<{number}.17@client.example.net>"),
        params: None,
        outcome: None,
    }
}

fn deliver() -> Round {
    let mut mail = Mail::new(0);
    Box::new(move || mail.deliver(GROUP))
}

fn settle() -> Round {
    let mut mail = Mail::new(0);
    Box::new(move || {
        mail.deliver(GROUP);
        let settled = mail.store.write_blocking(|tx| fate::settle(tx, GROUP));
        assert_eq!(settled.expect("there is room"), GROUP);
    })
}

fn list() -> Round {
    let mail = Mail::new(MESSAGES);
    // Another mailbox that is asked for puts the first one out of memory.
    let open = |tx: &mut WriteTx<'_>| {
        let name: MailboxName = "Other".parse().expect("a name");
        mailbox::open_or_create(tx, ANN, &name, None)
    };
    let other = mail.store.write_blocking(open).expect("there is room");
    Box::new(move || {
        let mail = &mail;
        for (mailbox, messages) in [(mail.inbox, MESSAGES), (other, 0)] {
            let index = mail.store.index_blocking(mailbox).expect("it is there");
            assert_eq!(index.with(|state| state.rows.len()), messages);
        }
    })
}

fn flags() -> Round {
    let mail = Mail::new(MESSAGES);
    let uids = mail.uids();
    Box::new(move || {
        let mail = &mail;
        for change in [
            FlagsChange::Add(FlagSet::FLAGGED),
            FlagsChange::Remove(FlagSet::FLAGGED),
        ] {
            let (inbox, uids) = (mail.inbox, uids.clone());
            let set = mail
                .store
                .write_blocking(move |tx| message::set_flags(tx, ANN, inbox, &uids, change));
            assert_eq!(set.expect("there is room").len(), MESSAGES);
        }
    })
}

fn envelopes() -> Round {
    let mail = Mail::new(MESSAGES);
    Box::new(move || {
        let mail = &mail;
        let read = mail.store.read_blocking(|tx| {
            for id in &mail.emails {
                black_box(email::find(tx, *id)?);
            }
            Ok(())
        });
        read.expect("they are there");
    })
}

fn fields() -> Round {
    let mail = Mail::new(MESSAGES);
    let names = ["FROM", "TO", "CC", "SUBJECT", "DATE", "MESSAGE-ID"];
    Box::new(move || {
        let mail = &mail;
        let read = mail.store.read_blocking(|tx| {
            for id in &mail.emails {
                let found = email::readable(tx, *id)?;
                let found = found.expect("nothing was removed");
                black_box(header_subset(&found.head, &names, Wanted::Named));
            }
            Ok(())
        });
        read.expect("they are there");
    })
}

fn bodies() -> Round {
    let mail = Mail::new(MESSAGES);
    Box::new(move || {
        let mail = &mail;
        let read = mail.store.read_blocking(|tx| {
            for id in &mail.emails {
                let found = email::readable(tx, *id)?;
                let found = found.expect("nothing was removed");
                black_box((found.head, tx.read_blob(&found.body)?));
            }
            Ok(())
        });
        read.expect("they are there");
    })
}
