//! Rules at three levels on mail that arrives: where it ends, and what the record says.

mod doors;
mod limits;
mod loops;
mod refused;
mod removed;
mod runs;
mod table;

use std::sync::{Arc, Mutex};

use policy::Change;
use policy::Role;
use policy::change::{RuleContent, RuleDirection, RuleLevel, RulePurpose, RuleSet};
use types::{AccountId, Address, DomainId, ListenerId, ReversePath, Secret};

use crate::scene::{self, Scene, console, founding, start};
use crate::{
    AcceptError, Accepted, AdmitError, AdmitOptions, Command, Ending, Envelope, Outgoing, Outside,
    Password, Peer, Protocol, Service, SmtpClient, Wishes,
};

const SENDER: &str = "sender@far.test";
const SERVER: RuleLevel = RuleLevel::Server;
const DOMAIN: RuleLevel = RuleLevel::Domain(DomainId(1));
const ANN: RuleLevel = RuleLevel::Account(AccountId(1));
const BOB: RuleLevel = RuleLevel::Account(AccountId(2));

/// `example.org` with ann, bob, both@ (an alias for them) and a sink for what goes outside.
struct Stage {
    scene: Scene,
    sent: Arc<Mutex<Vec<Outgoing>>>,
}

impl Stage {
    async fn with(rules: &[(RuleLevel, &str)]) -> Self {
        let both = alias("both@example.org", &["ann@example.org", "bob@example.org"]);
        Self::made(vec![both], rules).await
    }

    async fn made(more: Vec<Command>, rules: &[(RuleLevel, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (told, mut start) = (Arc::clone(&sent), start(dir.path()));
        start.outside = Outside::Sink(Arc::new(move |outgoing| {
            told.lock().unwrap().push(outgoing);
        }));
        let (service, pin) = Service::create(start, founding()).await.unwrap();
        let mut commands = ["ann@example.org", "bob@example.org"].map(account).to_vec();
        commands.extend(more);
        let options = AdmitOptions::default();
        service.admit(&console(), commands, options).await.unwrap();
        let stage = Self {
            scene: Scene { service, pin, dir },
            sent,
        };
        for (at, (level, text)) in rules.iter().enumerate() {
            stage
                .add(*level, text, &format!("rule {at}"), RuleDirection::In)
                .await;
        }
        stage
    }

    fn service(&self) -> &Service {
        &self.scene.service
    }

    async fn add(&self, level: RuleLevel, text: &str, name: &str, direction: RuleDirection) {
        let content = RuleContent::Script(text.to_owned());
        let made = self.try_add(level, content, name, direction).await;
        made.unwrap();
    }

    async fn try_add(
        &self,
        level: RuleLevel,
        content: RuleContent,
        name: &str,
        direction: RuleDirection,
    ) -> Result<(), AdmitError> {
        let service = self.service();
        let set = RuleSet {
            id: service.config().next_rule_id(),
            level,
            name: name.to_owned(),
            comment: String::new(),
            enabled: true,
            direction,
            stop: true,
            expires: None,
            purpose: RulePurpose::Rule,
            content,
            before: None,
        };
        let mut admission = service.inner.admission.lock().await;
        let changes = vec![Change::RuleCreate(set)];
        let door = ledger::Door::Cli;
        let made = service.admit_own(&mut admission, door, changes, Vec::new());
        made.await.map(drop)
    }

    async fn send(&self, to: &[&str], message: &str) -> Result<Accepted, AcceptError> {
        self.send_with(to, message, Wishes::default()).await
    }

    async fn send_with(
        &self,
        to: &[&str],
        message: &str,
        wishes: Wishes,
    ) -> Result<Accepted, AcceptError> {
        let from = ReversePath::Address(address(SENDER));
        self.send_from(from, to, message, wishes).await
    }

    async fn send_from(
        &self,
        from: ReversePath,
        to: &[&str],
        message: &str,
        wishes: Wishes,
    ) -> Result<Accepted, AcceptError> {
        let client = SmtpClient {
            peer: Peer {
                protocol: Protocol::Smtp,
                listener: ListenerId(1),
                address: ([192, 0, 2, 9], 40_000).into(),
                proxy: None,
                tls: None,
                session: self.service().new_session(),
                ending: Ending::default(),
            },
            helo: "client.example.net".to_owned(),
            esmtp: true,
            principal: None,
        };
        let to = to.iter().map(|to| address(to)).collect();
        let mut sink = self.service().body_sink();
        sink.write(message.replace('\n', "\r\n").as_bytes())
            .unwrap();
        let mut envelope = Envelope::new(client, from, to);
        envelope.wishes = wishes;
        self.service()
            .accept(envelope, sink.finish().unwrap())
            .await
    }

    /// `folder of account: subject-ish preview`, for all that is stored.
    fn stored(&self) -> Vec<String> {
        self.rows(scene::STORED)
    }

    fn fates(&self) -> Vec<String> {
        self.rows(scene::FATES)
    }

    fn rows(&self, query: &str) -> Vec<String> {
        scene::rows(self.scene.dir.path(), query)
    }

    fn sent(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter().map(|left| left.to.to_string()).collect()
    }

    /// To whom reports about what left come back, with the rules that sent it.
    fn returns(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        let back = |left: &Outgoing| {
            let rule = left.rule.as_deref().and_then(|rule| rule.split('@').next());
            format!("{} {}", left.from, rule.unwrap_or("-"))
        };
        sent.iter().map(back).collect()
    }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn alias(text: &str, targets: &[&str]) -> Command {
    Command::AliasAdd {
        address: address(text),
        targets: targets.iter().map(|target| address(target)).collect(),
    }
}

fn account(text: &str) -> Command {
    Command::AccountAdd {
        address: address(text),
        name: None,
        role: Role::MailboxOwner,
        quota_octets: None,
        password: Password(Secret::new(b"correct horse battery staple 7".to_vec())),
    }
}

/// Rules with the mailboxes in which a message ends.
type Case<'a, T> = (&'a [(RuleLevel, T)], &'a [&'a str]);

const MAIL: &str = "From: sender@far.test\nTo: ann@example.org\nSubject: offer\n\nbuy tucows\n";

#[tokio::test]
async fn each_level_starts_where_the_one_above_left_the_message() {
    let files =
        |folder| format!("require [\"fileinto\",\"mailbox\"]; fileinto :create \"{folder}\";");
    let cases: [Case<'_, String>; 6] = [
        (&[], &["1 INBOX"]),
        (&[(SERVER, files("S"))], &["1 S"]),
        (&[(SERVER, files("S")), (DOMAIN, files("D"))], &["1 D"]),
        (&[(SERVER, files("S")), (ANN, "keep;".to_owned())], &["1 S"]),
        (&[(SERVER, files("S")), (ANN, files("A"))], &["1 A"]),
        (&[(BOB, files("B"))], &["1 INBOX"]),
    ];
    for (rules, expected) in cases {
        let rules: Vec<_> = rules
            .iter()
            .map(|(level, text)| (*level, text.as_str()))
            .collect();
        let stage = Stage::with(&rules).await;
        stage.send(&["ann@example.org"], MAIL).await.unwrap();
        assert_eq!(stage.stored(), expected, "{rules:?}");
    }
}

#[tokio::test]
async fn what_an_upper_level_deletes_no_lower_one_brings_back_and_an_operator_does() {
    let stage = Stage::with(&[
        (
            SERVER,
            "require \"body\"; if body :contains \"tucows\" { discard; }",
        ),
        (ANN, "keep;"),
    ])
    .await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    assert_eq!(stage.stored(), Vec::<String>::new());
    let rule = stage.service().config().rules().next().unwrap().revision;
    assert_eq!(
        stage.fates(),
        [format!("ann@example.org discard r_1@{rule}")]
    );
    let kept = stage.rows(scene::RECOVERABLE);
    assert_eq!(kept, [format!("1 rule r_1@{rule}")]);
    let wanted = crate::Wanted::Since(0);
    let (actor, ann) = (console(), address("ann@example.org"));
    let restored = stage
        .service()
        .recoverable_restore(&actor, Some(&ann), wanted);
    assert_eq!(restored.await.unwrap().restored, 1);
    assert_eq!(stage.stored(), ["1 INBOX"]);
}

#[tokio::test]
async fn a_reject_is_said_in_the_session_and_leaves_a_record() {
    let stage = Stage::with(&[(ANN, "require \"reject\"; reject \"no offers, please\";")]).await;
    let refused = stage.send(&["ann@example.org"], MAIL).await.unwrap_err();
    assert_eq!(
        refused,
        AcceptError::Rejected("no offers, please".to_owned())
    );
    assert_eq!(stage.fates(), ["ann@example.org reject no offers, please"]);
    assert_eq!(stage.rows(scene::FATE_RULES).len(), 1);
    assert_eq!(stage.rows(scene::REMOVALS), Vec::<String>::new());
    // Where another recipient takes it, the copy can be brought back.
    stage.send(&["both@example.org"], MAIL).await.unwrap();
    assert_eq!(stage.stored(), ["2 INBOX"]);
    assert_eq!(stage.rows(scene::REMOVALS), ["refused"]);
}

#[tokio::test]
async fn mail_sent_on_arrives_once_and_never_goes_in_a_circle() {
    let to = |who: &str| format!("redirect \"{who}@example.org\";");
    let (ann_bob, bob_ann) = (to("bob"), to("ann"));
    let cases: [Case<'_, &str>; 4] = [
        (&[(ANN, &ann_bob)], &["2 INBOX"]),
        (&[(ANN, &ann_bob), (BOB, &bob_ann)], &["2 INBOX"]),
        (&[(ANN, &bob_ann)], &["1 INBOX"]),
        (&[(ANN, "redirect \"nobody@example.org\";")], &["1 INBOX"]),
    ];
    for (rules, expected) in cases {
        let stage = Stage::with(rules).await;
        stage.send(&["ann@example.org"], MAIL).await.unwrap();
        assert_eq!(stage.stored(), expected, "{rules:?}");
    }
}

#[tokio::test]
async fn a_copy_that_leaves_is_told_with_its_rule() {
    let copies = "require \"copy\"; redirect :copy \"stranger@far.test\";";
    let stage = Stage::with(&[(DOMAIN, copies)]).await;
    stage
        .send(&["both@example.org", "ann@example.org"], MAIL)
        .await
        .unwrap();
    assert_eq!(
        stage.sent(),
        ["stranger@far.test"],
        "once for all recipients"
    );
    assert_eq!(stage.stored(), ["1 INBOX", "2 INBOX"]);
    let told = stage.rows(scene::RULES_OF_SUNK);
    assert!(told[0].contains("redirect stranger@far.test"), "{told:?}");
    assert_eq!(stage.rows(scene::MATCHES), ["1"]);
}

#[tokio::test]
async fn a_report_about_what_a_rule_sent_comes_to_who_can_end_the_rule() {
    let copies = "require \"copy\"; redirect :copy \"stranger@far.test\";";
    for (level, back) in [
        (SERVER, "<postmaster+r_1@example.org> r_1"),
        (DOMAIN, "<postmaster+r_1@example.org> r_1"),
        (ANN, "<ann+r_1@example.org> r_1"),
    ] {
        let stage = Stage::with(&[(level, copies)]).await;
        stage.send(&["ann@example.org"], MAIL).await.unwrap();
        assert_eq!(stage.returns(), [back]);
        let plain = Command::DomainPlusAddressing {
            domain: "example.org".parse().unwrap(),
            enabled: false,
        };
        let (console, options) = (console(), AdmitOptions::default());
        let admitted = stage.service().admit(&console, vec![plain], options);
        admitted.await.unwrap();
        stage.send(&["ann@example.org"], MAIL).await.unwrap();
        assert_eq!(stage.returns()[1], back.replace("+r_1", ""));
    }
    let stage = Stage::with(&[(DOMAIN, copies)]).await;
    stage
        .send_from(
            ReversePath::Null,
            &["ann@example.org"],
            MAIL,
            Wishes::default(),
        )
        .await
        .unwrap();
    assert_eq!(stage.returns(), ["<> r_1"], "no report about a report");
}

#[tokio::test]
async fn a_sender_is_answered_once_and_a_program_never() {
    let stage =
        Stage::with(&[(ANN, "require \"vacation\"; vacation :days 3 \"I am away\";")]).await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    assert_eq!(stage.sent(), [SENDER]);
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    let automatic = MAIL.replace("Subject", "Auto-Submitted: auto-generated\nSubject");
    stage.send(&["ann@example.org"], &automatic).await.unwrap();
    let not_named = MAIL.replace("To: ann", "To: other");
    stage.send(&["ann@example.org"], &not_named).await.unwrap();
    assert_eq!(stage.sent(), [SENDER], "once in three days");
    stage
        .service()
        .clock()
        .advance(std::time::Duration::from_secs(3 * 86_400 + 1));
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    assert_eq!(stage.sent(), [SENDER, SENDER]);
    assert_eq!(stage.stored().len(), 5);
}

#[tokio::test]
async fn header_edits_flags_and_folders_reach_the_mailbox() {
    let script = "require [\"editheader\",\"imap4flags\",\"fileinto\",\"mailbox\"];
        addheader \"X-Seen-By\" \"rules\";
        addflag [\"\\\\Seen\", \"urgent\"];
        fileinto :create :flags \"\\\\Flagged\" \"Offers\";";
    let stage = Stage::with(&[(ANN, script)]).await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    assert_eq!(stage.stored(), ["1 Offers"]);
    let heads = stage.rows(scene::HEADS);
    assert!(heads[0].starts_with("X-Seen-By: rules\r\n"), "{heads:?}");
    let flags = stage.rows(scene::FLAGS);
    let flagged = types::FlagSet::system_by_name("\\Flagged").unwrap();
    assert_eq!(flags, [flagged.0.to_string()]);
}

#[tokio::test]
async fn outgoing_rules_see_only_what_accounts_here_send() {
    let stage = Stage::with(&[]).await;
    stage
        .add(SERVER, "discard;", "out", RuleDirection::Out)
        .await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    assert_eq!(stage.stored(), ["1 INBOX"]);
}

/// A script for all of `example.org` that is not saved.
/// The inbox of ann, or what of it lies below a UID.
fn inbox_of_ann(below: Option<u32>) -> crate::RunOver {
    crate::RunOver {
        account: address("ann@example.org"),
        folder: types::MailboxName::inbox(),
        below,
    }
}

fn domain_script(text: &str) -> crate::RuleSource {
    crate::RuleSource::New {
        at: crate::RuleAt::Domain("example.org".parse().unwrap()),
        content: RuleContent::Script(text.to_owned()),
    }
}

#[tokio::test]
async fn rules_look_back_without_telling_what_mail_says() {
    let stage = Stage::with(&[]).await;
    for subject in ["offer", "hello"] {
        let mail = MAIL.replace("offer", subject);
        stage.send(&["ann@example.org"], &mail).await.unwrap();
    }
    let source = domain_script("if header :contains \"subject\" \"offer\" { discard; }");
    let seen = stage
        .service()
        .rule_preview(&console(), &source)
        .await
        .unwrap();
    assert_eq!((seen.messages, seen.matched, seen.more), (2, 1, false));
    let text = "if header :contains \"subject\" \"offer\" { discard; }";
    stage.add(DOMAIN, text, "offers", RuleDirection::In).await;
    let source = crate::RuleSource::Rule(types::RuleId(1));
    let run = |dry| {
        let (service, source) = (stage.service().clone(), source.clone());
        async move {
            let actor = console();
            let run = service.rule_run(&actor, &source, inbox_of_ann(None), dry);
            run.await.unwrap()
        }
    };
    let dry = run(true).await;
    assert_eq!((dry.messages, dry.removed), (2, 1));
    assert_eq!(stage.stored().len(), 2);
    assert_eq!(run(false).await, dry);
    assert_eq!(stage.stored(), ["1 INBOX"]);
    assert_eq!(stage.rows(scene::REMOVALS), ["rule"]);
    // What it did to stored mail is told as what it does on arrival.
    let fates = stage.fates();
    let removed = |fate: &&String| fate.starts_with("ann@example.org discard ");
    assert_eq!(fates.iter().filter(removed).count(), 1, "{fates:?}");
}

#[tokio::test]
async fn conditions_that_stored_mail_cannot_answer_count_as_true_and_stop_a_run() {
    let stage = Stage::with(&[]).await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    for (test, assumed, runs) in [
        ("header :contains \"subject\" \"offer\"", 0, true),
        ("currentdate :value \"ge\" \"date\" \"2099-01-01\"", 1, true),
        ("environment \"remote-ip\" \"198.51.100.1\"", 1, false),
    ] {
        let text = format!(
            "require [\"date\", \"relational\", \"environment\"]; if {test} {{ discard; }}"
        );
        let source = domain_script(&text);
        let (service, actor) = (stage.service(), console());
        let seen = service.rule_preview(&actor, &source).await.unwrap();
        assert_eq!((seen.matched, seen.assumed.len()), (1, assumed), "{test}");
        let run = service.rule_run(&actor, &source, inbox_of_ann(None), true);
        let run = run.await;
        assert_eq!(run.is_ok(), runs, "{test}: {run:?}");
    }
}

#[tokio::test]
async fn a_script_that_includes_another_is_not_run_and_its_preview_names_it() {
    let stage = Stage::with(&[]).await;
    let near = "require \"environment\";
        if not environment \"remote-ip\" \"192.0.2.9\" { discard; }";
    stage.add(DOMAIN, near, "near", RuleDirection::In).await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    let text =
        "require \"include\"; if header :contains \"subject\" \"offer\" { include \"near\"; }";
    stage.add(DOMAIN, text, "outer", RuleDirection::In).await;
    let source = crate::RuleSource::Rule(types::RuleId(2));
    let (service, actor) = (stage.service(), console());
    let seen = service.rule_preview(&actor, &source).await.unwrap();
    assert_eq!(seen.included, ["near"]);
    for dry in [true, false] {
        let run = service.rule_run(&actor, &source, inbox_of_ann(None), dry);
        let refused = run.await.unwrap_err().to_string();
        assert!(
            refused.contains("includes the script \"near\""),
            "{refused}"
        );
    }
    assert_eq!(stage.stored(), ["1 INBOX"]);
}

#[tokio::test]
async fn a_trial_says_what_would_be_done_and_why() {
    let stage = Stage::with(&[]).await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    let id = stage.rows(scene::TOKENS).pop().unwrap();
    let source = domain_script(
        "if allof (header :contains \"subject\" \"offer\", not size :over 1M) { discard; stop; }",
    );
    let given = |subject: &str| crate::TrialMessage::Given {
        message: crate::MessageOctets(MAIL.replace("offer", subject).replace('\n', "\r\n").into()),
        from: SENDER.to_owned(),
        to: None,
        source: None,
    };
    let actor = console();
    let stored = |id: &str| crate::TrialMessage::Stored {
        id: id.to_owned(),
        to: None,
    };
    for (message, does, first) in [
        (
            given("offer"),
            &["delete it"][..],
            "the subject contains \"offer\"",
        ),
        (
            given("hello"),
            &[],
            "the subject does not contain \"offer\"",
        ),
        (
            stored(&id),
            &["delete it"],
            "the subject contains \"offer\"",
        ),
    ] {
        let trial = stage.service().rule_test(&actor, &source, message);
        let trial = trial.await.unwrap();
        assert_eq!(trial.does, does);
        assert_eq!(
            (trial.found[0].line, trial.found[0].words.as_str()),
            (1, first)
        );
        assert_eq!(trial.to, address("ann@example.org"));
        assert_eq!(trial.from, SENDER);
    }
    let missing = stage
        .service()
        .rule_test(&actor, &source, stored("no-such-id"));
    assert!(missing.await.is_err());
    assert_eq!(stage.stored(), ["1 INBOX"]);
}

#[tokio::test]
async fn a_rule_of_a_domain_is_tried_on_mail_that_came_through_an_address_of_it() {
    let more = vec![
        scene::domain("example.net"),
        alias("shop@example.net", &["ann@example.org"]),
    ];
    let stage = Stage::made(more, &[]).await;
    stage.send(&["shop@example.net"], MAIL).await.unwrap();
    let id = stage.rows(scene::TOKENS).pop().unwrap();
    let source = crate::RuleSource::New {
        at: crate::RuleAt::Domain("example.net".parse().unwrap()),
        content: RuleContent::Script("discard;".to_owned()),
    };
    let stored = crate::TrialMessage::Stored { id, to: None };
    let trial = stage.service().rule_test(&console(), &source, stored).await;
    let trial = trial.unwrap();
    assert_eq!(
        (trial.does, trial.to),
        (vec!["delete it".to_owned()], address("shop@example.net"))
    );
}
