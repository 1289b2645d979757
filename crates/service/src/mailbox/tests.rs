//! What only the inside can see: the recoverable store, the records, the limits of a search.

use net::{Clock, Random};
use policy::Role;
use policy::change::Mode;
use store::LogQuery;
use tempfile::TempDir;
use types::{CredentialId, FlagSet, ListenerId, Secret, SessionId, Timestamp};

use super::*;
use crate::{Actor, Command, Founding, Outside, Password, Paths, Peer, Protocol, Start};

const START: Timestamp = Timestamp(1_800_000_000_000_000);
const MESSAGE: &[u8] = b"Subject: hello\r\n\r\nthe text\r\n";

struct World {
    service: Service,
    ann: Principal,
    clock: Clock,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::virtual_at(START);
        let start = Start {
            paths: Paths {
                data: folder.path().join("data"),
                keys: folder.path().join("keys"),
            },
            clock: clock.clone(),
            random: Random::seeded(1),
            outside: Outside::Refuse,
            hash_threads: 1,
        };
        let founding = Founding {
            mode: Mode::Serve,
            host_name: "mx.example.org".parse().unwrap(),
            actor: Actor::system(ledger::Door::Boot),
            commands: vec![
                Command::DomainAdd {
                    domain: "example.org".parse().unwrap(),
                },
                Command::AccountAdd {
                    address: "ann@example.org".parse().unwrap(),
                    name: None,
                    role: Role::MailboxOwner,
                    quota_octets: None,
                    password: Password(Secret::new(b"velvet-tractor-51-lagoon".to_vec())),
                },
            ],
        };
        let (service, _) = Service::create(start, founding).await.unwrap();
        let address = "ann@example.org".parse().unwrap();
        let account = service.config().account_at(&address).unwrap().id;
        let peer = Peer {
            protocol: Protocol::Imap,
            listener: ListenerId(1),
            address: "192.0.2.1:4000".parse().unwrap(),
            tls: None,
            session: SessionId(1),
        };
        let ann = Principal {
            account,
            address,
            credential: CredentialId(1),
            role: Role::MailboxOwner,
            session: SessionId(1),
            sign_in: 0,
            peer,
        };
        Self {
            service,
            ann,
            clock,
            _folder: folder,
        }
    }

    async fn append(&self) {
        let mut sink = self.service.body_sink();
        sink.write(MESSAGE).unwrap();
        let none = FlagChange {
            how: How::Replace,
            flags: FlagSet::default(),
            keywords: vec![],
        };
        let (inbox, message) = (MailboxName::inbox(), sink.finish().unwrap());
        self.service
            .message_append(&self.ann, &inbox, none, None, message)
            .await
            .unwrap();
    }

    async fn open(&self) -> OpenMailbox {
        self.service
            .mailbox_open(&self.ann, &MailboxName::inbox())
            .await
            .unwrap()
    }

    async fn records(&self, kind: &str) -> Vec<String> {
        // What is recorded without waiting is written before what is waited for.
        let about = crate::activity::About::principal(&self.ann);
        self.service
            .record_first(&about, &crate::activity::Record::SignOut)
            .await
            .unwrap();
        let mut query = LogQuery::between(START.plus_s(-60), START.plus_s(86_400), 100);
        query.kind = Some(kind.to_owned());
        let found = self
            .service
            .inner
            .store
            .activity()
            .query(query)
            .await
            .unwrap();
        found
            .into_iter()
            .map(|record| String::from_utf8(record.row.detail).unwrap())
            .collect()
    }
}

#[tokio::test]
async fn what_a_client_removes_can_be_brought_back_for_a_week_and_is_recorded() {
    let world = World::new().await;
    for _ in 0..3 {
        world.append().await;
    }
    let (open, account) = (world.open().await, world.ann.account);
    world.clock.advance(std::time::Duration::from_secs(60));
    let uids = [Uid(2), Uid(1), Uid(2), Uid(9)];
    let gone = world
        .service
        .expunge(&world.ann, open.id, &uids)
        .await
        .unwrap();
    assert_eq!(gone, [Uid(1), Uid(2)]);
    let now = world.clock.now();
    let list = move |tx: &ReadTx<'_>| store::recoverable::list(tx, account, now.plus_s(1), 10);
    let page = world.service.inner.store.read(list).await.unwrap();
    assert_eq!(page.rows.len(), 2);
    for row in page.rows {
        assert_eq!(row.reason, store::Reason::Client);
        assert_eq!((row.removed_at, row.until), (now, now.plus_s(7 * 86_400)));
    }
    let records = world.records("mail.expunged").await;
    assert_eq!(records.len(), 1);
    assert!(records[0].contains("\"1:2\""), "{records:?}");
}

#[tokio::test]
async fn a_deleted_mailbox_leaves_its_messages_recoverable_and_recorded() {
    let world = World::new().await;
    world.append().await;
    let (service, old) = (&world.service, "Old".parse().unwrap());
    service
        .mailbox_rename(&world.ann, &MailboxName::inbox(), &old)
        .await
        .unwrap();
    service.mailbox_delete(&world.ann, &old).await.unwrap();
    let account = world.ann.account;
    let list = move |tx: &ReadTx<'_>| store::recoverable::list(tx, account, START.plus_s(1), 10);
    let page = service.inner.store.read(list).await.unwrap();
    assert_eq!(
        page.rows
            .iter()
            .map(|row| row.mailbox.as_str())
            .collect::<Vec<_>>(),
        ["Old"]
    );
    assert_eq!(world.records("mail.expunged").await.len(), 1);
}

#[tokio::test]
async fn bodies_given_are_recorded_once_for_each_command() {
    let world = World::new().await;
    let inbox = world.open().await.id;
    world
        .service
        .bodies_given(&world.ann, inbox, &[Uid(7), Uid(3), Uid(2), Uid(3)]);
    world.service.bodies_given(&world.ann, inbox, &[]);
    let records = world.records("mail.given_out").await;
    assert_eq!(records.len(), 1);
    assert!(records[0].contains("[\"2:3\",\"7\"]"), "{records:?}");
}

#[tokio::test]
async fn a_search_ends_at_its_limits_and_when_nobody_waits() {
    let world = World::new().await;
    world.append().await;
    world.append().await;
    let emails: Vec<_> = world
        .open()
        .await
        .messages
        .iter()
        .map(|row| row.email)
        .collect();
    let query = search::TextQuery::Body("text".to_owned());
    let octets = 2 * MESSAGE.len() as u64;
    let now_us = world.clock.monotonic_us();
    for (octets, until_us, expected) in [
        (octets, now_us + 1, Ok(2)),
        (
            octets - 1,
            now_us + 1,
            Err(ServiceError::Limit("octets of a search")),
        ),
        (octets, now_us, Err(ServiceError::Limit("time of a search"))),
    ] {
        let budget = search::Budget { octets, until_us };
        let found = world
            .service
            .search_within(&world.ann, &emails, query.clone(), budget)
            .await;
        assert_eq!(found.map(|found| found.len()), expected);
    }
    let waiting = std::sync::Arc::new(());
    let scan = world.service.scan(world.ann.account, query, &waiting);
    let budget = search::Budget {
        octets,
        until_us: now_us + 1,
    };
    assert_eq!(scan.run(&emails, budget).unwrap().0, emails);
    drop(waiting);
    assert_eq!(scan.run(&emails, budget).unwrap().0, []);
}
