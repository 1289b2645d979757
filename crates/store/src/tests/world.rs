//! A store in a folder of its own, and mail to put into it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;
use types::{AccountId, BlobId, FlagSet, MailboxId, MailboxName, Secret, ThreadId, Timestamp, Uid};

use crate::mailbox;
use crate::{Body, Delivered, IndexRow, NewEmail, Options, Reason, Removal, Store, message};

pub(super) const ANN: AccountId = AccountId(7);
pub(super) const BOB: AccountId = AccountId(8);
pub(super) const NOON: Timestamp = Timestamp(1_795_428_580_000_000);
pub(super) const HEAD: &[u8] = b"Subject: test\r\n\r\n";

pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) store: Store,
}

impl World {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        Self { dir, store }
    }

    /// Closes the store, does something to the folder and opens it again.
    pub(super) fn reopen(self, meanwhile: impl FnOnce(&Path)) -> Self {
        drop(self.store);
        meanwhile(self.dir.path());
        let store = open(self.dir.path());
        Self {
            dir: self.dir,
            store,
        }
    }

    pub(super) fn inbox(&self) -> MailboxId {
        self.mailbox("INBOX")
    }

    pub(super) fn mailbox(&self, name: &str) -> MailboxId {
        let name: MailboxName = name.parse().unwrap();
        self.store
            .write_blocking(move |tx| mailbox::open_or_create(tx, ANN, &name, None))
            .unwrap()
    }

    pub(super) fn deliver(&self, mailbox: MailboxId, text: &str) -> Delivered {
        deliver(&self.store, mailbox, text)
    }

    pub(super) fn deliver_many(&self, mailbox: MailboxId, text: &str, messages: usize) {
        for _ in 0..messages {
            self.deliver(mailbox, text);
        }
    }

    pub(super) fn expunge(&self, mailbox: MailboxId, uids: &[u32]) -> Vec<Uid> {
        let uids = numbers(uids);
        self.store
            .write_blocking(move |tx| message::expunge(tx, ANN, mailbox, &uids, &by_client()))
            .unwrap()
    }

    pub(super) fn rows(&self, mailbox: MailboxId) -> Vec<IndexRow> {
        self.store.index_blocking(mailbox).unwrap().rows()
    }

    /// Another program's connection to the database.
    pub(super) fn intruder(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    pub(super) fn database(&self) -> PathBuf {
        self.dir.path().join("mail.db")
    }
}

pub(super) fn options() -> Options {
    Options {
        readers: 2,
        margin_octets: 1 << 20,
        reserve_octets: 1 << 20,
        ..Options::new(Secret::new(vec![7; 32]))
    }
}

pub(super) fn open(dir: &Path) -> Store {
    Store::open(dir, &options()).unwrap()
}

pub(super) fn numbers(uids: &[u32]) -> Vec<Uid> {
    uids.iter().copied().map(Uid).collect()
}

pub(super) fn body(store: &Store, text: &str) -> crate::FinishedBody {
    let mut body: Body = store.body(1 << 20);
    body.write(text.as_bytes()).unwrap();
    body.finish()
}

pub(super) fn new_email(blob: BlobId) -> NewEmail {
    NewEmail {
        blob,
        head: HEAD.to_vec(),
        received_at: NOON,
        saved_at: NOON,
        thread: Some(ThreadId(5)),
        envelope: b"(envelope)".to_vec(),
        bodystructure: b"(bodystructure)".to_vec(),
        preview: b"hello".to_vec(),
        flags: FlagSet::default(),
        keywords: Vec::new(),
    }
}

pub(super) fn deliver(store: &Store, mailbox: MailboxId, text: &str) -> Delivered {
    let body = body(store, text);
    store
        .write_blocking(move |tx| {
            let blob = tx.put_blob(&body)?;
            message::deliver(tx, ANN, mailbox, &new_email(blob))
        })
        .unwrap()
}

pub(super) fn by_client() -> Removal {
    Removal {
        reason: Reason::Client,
        rule: None,
        at: NOON,
        until: NOON.plus_s(7 * 24 * 60 * 60),
    }
}
