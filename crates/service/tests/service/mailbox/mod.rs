//! Mailboxes as doors use them: what is stored, what is told to whom, what is refused.

mod change;
mod message;
mod name;
mod refusal;
mod removal;
mod search;

use service::{
    Command, FinishedBody, FlagChange, How, MailboxChange, NewMessage, OpenMailbox, Principal,
    ReadAhead, ServiceError, TextQuery,
};
use testkit::World;
use types::{EmailId, FlagSet, Keyword, MailboxId, MailboxName, SpecialUse, Timestamp, Uid};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";
const MESSAGE: &[u8] = b"From: bob@example.net\r\nSubject: hello\r\n\r\nthe text\r\n";
const NO_MAILBOX: ServiceError = ServiceError::NotFound("mailbox");
const NOT_OPEN: ServiceError = ServiceError::NotFound("open mailbox");
const NO_MESSAGE: ServiceError = ServiceError::NotFound("message");

fn name(text: &str) -> MailboxName {
    text.parse().unwrap()
}

fn inbox() -> MailboxName {
    MailboxName::inbox()
}

fn flags(how: How, flags: FlagSet, keywords: &[&str]) -> FlagChange {
    let keywords = keywords
        .iter()
        .map(|keyword| keyword.parse().unwrap())
        .collect();
    FlagChange {
        how,
        flags,
        keywords,
    }
}

fn uids(numbers: &[u32]) -> Vec<Uid> {
    numbers.iter().copied().map(Uid).collect()
}

/// A world with one user at work in it.
struct At {
    world: World,
    ann: Principal,
}

impl At {
    async fn work() -> Self {
        let world = World::new(&[ANN, BOB]).await;
        let ann = world.sign_in(ANN).await;
        Self { world, ann }
    }

    fn message(&self, octets: &[u8]) -> FinishedBody {
        let mut sink = self.world.service.body_sink();
        for piece in octets.chunks(10_000) {
            sink.write(piece).unwrap();
        }
        sink.finish().unwrap()
    }

    async fn append(&self, to: &str, octets: &[u8]) -> Result<Uid, ServiceError> {
        let appended = self.append_all(to, &[octets]).await;
        appended.map(|uids| uids[0])
    }

    async fn append_all(&self, to: &str, all: &[&[u8]]) -> Result<Vec<Uid>, ServiceError> {
        let new = |octets: &&[u8]| NewMessage {
            flags: flags(How::Add, FlagSet::default(), &[]),
            internal_date: None,
            message: self.message(octets),
        };
        let messages = all.iter().map(new).collect();
        let service = &self.world.service;
        let appended = service.message_append(&self.ann, &name(to), messages).await;
        appended.map(|appended| appended.uids)
    }

    async fn open(&self, mailbox: &str) -> OpenMailbox {
        self.world
            .service
            .mailbox_open(&self.ann, &name(mailbox))
            .await
            .unwrap()
    }

    async fn uids(&self, mailbox: &str) -> Vec<u32> {
        self.open(mailbox)
            .await
            .messages
            .iter()
            .map(|row| row.uid.0)
            .collect()
    }

    async fn email(&self, mailbox: &str, uid: u32) -> EmailId {
        let messages = self.open(mailbox).await.messages;
        messages.iter().find(|row| row.uid.0 == uid).unwrap().email
    }

    async fn create(&self, mailbox: &str) {
        self.world
            .service
            .mailbox_create(&self.ann, &name(mailbox), None)
            .await
            .unwrap();
    }

    async fn names(&self) -> Vec<String> {
        let list = self.world.service.mailbox_list(&self.ann).await.unwrap();
        let mailboxes = list.mailboxes.iter();
        mailboxes.map(|mailbox| mailbox.name.to_string()).collect()
    }
}
