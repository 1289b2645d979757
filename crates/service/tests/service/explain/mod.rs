//! What is told of changes and mail afterwards, when rules, authors and sessions are gone.

mod alerts;
mod past;
mod screens;

use std::sync::{Arc, Mutex};

use policy::{Role, RuleContent, RuleDirection};
use service::{
    Actor, AdmitOptions, Command, Envelope, Expiry, NewRule, Outside, Principal, Protocol, RuleAt,
    SmtpClient, Who,
};
use sieve::form::{Compare, Condition, FormAction, FormRule, Place};
use testkit::World;
use types::{Address, ReversePath};

const ANN: &str = "ann@example.org";
const BEN: &str = "ben@example.org";
const DROP: &str = "drop@webmail.test";
const ORDER: &str = "From: shop@far.test\r\nMessage-ID: <order@far.test>\r\n\
                     Subject: Checkout Notice 4411\r\n\r\nthanks\r\n";
const RENEWAL: &str = "From: registrar@far.test\r\nMessage-ID: <renewal@far.test>\r\n\
                       Subject: renewal\r\n\r\nyour tucows renewal\r\n";
const LUNCH: &str = "From: eve@far.test\r\nMessage-ID: <lunch@far.test>\r\n\
                     Subject: lunch\r\n\r\nat noon?\r\n";

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// The founding story: a domain admin's session has made two rules, and mail has met them.
struct Story {
    world: World,
    /// The session of ben that made the rules.
    ben: Principal,
}

impl Story {
    async fn new() -> Self {
        let sent = Arc::new(Mutex::new(0));
        let count = Arc::clone(&sent);
        let sink = Outside::Sink(Arc::new(move |_| *count.lock().unwrap() += 1));
        let world = World::sending(&[ANN, BEN], sink).await;
        let raise = Command::AccountRole {
            address: address(BEN),
            role: Role::DomainAdmin,
        };
        world.admit(raise).await.unwrap();
        let ben = world.sign_in(BEN).await;
        let story = Self { world, ben };
        story
            .rule("Cleanup", Place::Body, "tucows", FormAction::Delete {})
            .await;
        let to = address(DROP);
        story
            .rule(
                "Orders",
                Place::Subject,
                "Checkout Notice",
                FormAction::CopyTo { to },
            )
            .await;
        for message in [ORDER, RENEWAL, LUNCH] {
            story.deliver(ANN, message).await;
        }
        assert_eq!(*sent.lock().unwrap(), 1);
        story
    }

    fn actor(&self) -> Actor {
        Actor {
            who: Who::Account(Box::new(self.ben.clone())),
            via: World::console().via,
        }
    }

    /// Ben makes a rule for the domain.
    async fn rule(&self, name: &str, place: Place, word: &str, action: FormAction) {
        let at = RuleAt::Domain("example.org".parse().unwrap());
        let rule = new_rule(name, place, word, action);
        let command = Command::RuleAdd {
            at,
            rule,
            before: None,
        };
        let options = AdmitOptions::default();
        let (service, ben) = (&self.world.service, self.actor());
        service.admit(&ben, vec![command], options).await.unwrap();
    }

    /// The console makes a rule.
    async fn rule_at(&self, at: RuleAt, name: &str, place: Place, word: &str, action: FormAction) {
        let rule = new_rule(name, place, word, action);
        let command = Command::RuleAdd {
            at,
            rule,
            before: None,
        };
        self.world.admit(command).await.unwrap();
    }

    async fn deliver(&self, to: &str, message: &str) {
        let service = &self.world.service;
        let client = SmtpClient {
            peer: self.world.peer(Protocol::Smtp),
            helo: "client.example.net".to_owned(),
            esmtp: true,
            principal: None,
        };
        let from = ReversePath::Address(address("sender@far.test"));
        let mut sink = service.body_sink();
        sink.write(message.as_bytes()).unwrap();
        let envelope = Envelope::new(client, from, vec![address(to)]);
        service
            .accept(envelope, sink.finish().unwrap())
            .await
            .unwrap();
    }
}

fn new_rule(name: &str, place: Place, word: &str, action: FormAction) -> NewRule {
    NewRule {
        name: name.to_owned(),
        comment: String::new(),
        enabled: true,
        direction: RuleDirection::In,
        stop: false,
        expires: Expiry::Never,
        is_program_script: false,
        content: RuleContent::Form(FormRule {
            conditions: vec![Condition::Text {
                place,
                compare: Compare::Contains,
                values: vec![word.to_owned()],
            }],
            all: true,
            actions: vec![action],
            stop: false,
        }),
    }
}
