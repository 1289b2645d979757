//! Rules that are run over mail that is here: what is done, what is left, and what the record says.

use types::{FlagSet, MailboxName, RuleId};

use super::*;
use crate::error::ServiceResult;
use crate::rules::look_back;
use crate::{RUN_MESSAGES_MAX, RuleRun, RuleSource};

const SAVED: RuleSource = RuleSource::Rule(RuleId(1));

impl Stage {
    /// A message to ann, then a rule of hers.
    async fn with_mail(text: &str) -> Self {
        let stage = Self::with(&[]).await;
        stage.send(&["ann@example.org"], MAIL).await.unwrap();
        stage.add(ANN, text, "later", RuleDirection::In).await;
        stage
    }

    /// Runs a rule over the inbox of ann.
    async fn run(&self, source: &RuleSource, dry: bool) -> ServiceResult<RuleRun> {
        self.run_below(source, None, dry).await
    }

    /// Copies all mail of the inbox of ann into it, so many times.
    async fn double_inbox(&self, times: usize) {
        let (ann, now) = (AccountId(1), self.service().clock().now());
        let double = move |tx: &mut store::WriteTx<'_>| {
            let inbox = store::mailbox::find(tx, ann, &MailboxName::inbox())?
                .unwrap()
                .id;
            for _ in 0..times {
                let uids = store::message::uids(tx, inbox)?;
                store::message::copy(tx, ann, inbox, &uids, inbox, now)?;
            }
            Ok(())
        };
        self.service().inner.store.write(double).await.unwrap();
    }

    async fn run_below(
        &self,
        source: &RuleSource,
        below: Option<u32>,
        dry: bool,
    ) -> ServiceResult<RuleRun> {
        let (service, actor) = (self.service(), console());
        let over = inbox_of_ann(below);
        service.rule_run(&actor, source, over, dry).await
    }
}

#[tokio::test]
async fn a_run_over_many_messages_goes_on_where_the_last_one_ended() {
    let stage = Stage::with_mail("require \"imap4flags\"; addflag \"\\\\Flagged\";").await;
    stage.double_inbox(10).await;
    for dry in [true, false] {
        let first = stage.run(&SAVED, dry).await.unwrap();
        assert_eq!(
            (first.messages, first.flagged),
            (RUN_MESSAGES_MAX, RUN_MESSAGES_MAX)
        );
        let next = first.next.expect("there are older ones");
        let rest = stage.run_below(&SAVED, Some(next), dry).await.unwrap();
        assert_eq!((rest.messages, rest.flagged, rest.next), (24, 24, None));
    }
}

#[test]
fn a_return_path_that_is_no_address_is_not_taken() {
    let long = "x".repeat(100_000);
    for (value, found) in [
        ("<ann@example.org>", "ann@example.org"),
        ("<>", ""),
        ("not an address", ""),
        (long.as_str(), ""),
    ] {
        let head = format!("Return-Path: {value}\r\n\r\n");
        assert_eq!(look_back::return_path(head.as_bytes()), found);
    }
}

#[tokio::test]
async fn a_rule_that_is_not_saved_is_only_tried() {
    let stage = Stage::with(&[(ANN, "keep;")]).await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    let (stored, fates) = (stage.stored(), stage.fates());
    let changed = RuleSource::Changed {
        id: RuleId(1),
        content: RuleContent::Script("discard;".to_owned()),
    };
    for source in [domain_script("discard;"), changed] {
        assert_eq!(stage.run(&source, true).await.unwrap().removed, 1);
        let refused = stage.run(&source, false).await.unwrap_err().to_string();
        assert!(refused.contains("save it first"), "{refused}");
    }
    assert_eq!((stage.stored(), stage.fates()), (stored, fates));
}

#[tokio::test]
async fn each_copy_gets_the_flags_that_are_meant_for_it() {
    let needs = "require [\"copy\", \"fileinto\", \"imap4flags\", \"mailbox\"];";
    let (deleted, flagged) = (FlagSet::DELETED.0, FlagSet::FLAGGED.0);
    for (text, expected) in [
        (
            "fileinto :copy :create :flags \"\\\\Deleted\" \"Archive\";",
            vec![format!("Archive {deleted}"), "INBOX 0".to_owned()],
        ),
        (
            "fileinto :create :flags \"\\\\Flagged\" \"Archive\";",
            vec![format!("Archive {flagged}")],
        ),
        (
            "fileinto :copy :create \"Archive\"; keep :flags \"\\\\Flagged\";",
            vec!["Archive 0".to_owned(), format!("INBOX {flagged}")],
        ),
    ] {
        let stage = Stage::with_mail(&format!("{needs} {text}")).await;
        stage.run(&SAVED, false).await.unwrap();
        assert_eq!(stage.rows(scene::FLAGS_OF_FOLDERS), expected, "{text}");
    }
}

#[tokio::test]
async fn what_only_arrival_does_is_left_and_not_recorded_as_done() {
    let needs = "require [\"copy\", \"fileinto\", \"mailbox\", \"vacation\"];";
    for (text, stored, counts, fates) in [
        ("redirect :copy \"drop@far.test\";", "1 INBOX", (0, 0, 1), 1),
        (
            "redirect \"drop@far.test\"; discard;",
            "1 INBOX",
            (0, 0, 1),
            1,
        ),
        (
            "redirect :copy \"drop@far.test\"; fileinto :create \"Archive\";",
            "1 Archive",
            (1, 0, 1),
            2,
        ),
    ] {
        let stage = Stage::with_mail(&format!("{needs} {text}")).await;
        let dry = stage.run(&SAVED, true).await.unwrap();
        let run = stage.run(&SAVED, false).await.unwrap();
        assert_eq!(run, dry, "{text}");
        assert_eq!((run.filed, run.removed, run.left), counts, "{text}");
        assert_eq!(stage.stored(), [stored], "{text}");
        let told = stage.rows(scene::RULES_OF_FATES);
        assert_eq!(told.len(), fates, "{text}: {told:?}");
        assert!(!told.concat().contains("redirect"), "{told:?}");
        assert_eq!(stage.sent(), [""; 0], "{text}");
    }
}

#[tokio::test]
async fn a_message_that_is_gone_meanwhile_is_neither_counted_nor_recorded() {
    let stage = Stage::with_mail("discard;").await;
    let (service, ann) = (stage.service(), AccountId(1));
    let looking = service.looking(&console(), &SAVED).unwrap();
    let now = looking.at;
    let look = move |tx: &store::ReadTx<'_>| Ok(looking.over(tx, ann, &inbox_of_ann(None)));
    let (mailbox, found, run) = service.inner.store.read(look).await.unwrap().unwrap();
    let folder = look_back::Folder {
        account: ann,
        address: address("ann@example.org"),
        mailbox,
        config_size: 1,
    };
    let removal = store::Removal {
        reason: store::Reason::Rule,
        rule: None,
        at: now,
        until: now.plus_s(1),
    };
    let write = move |tx: &mut store::WriteTx<'_>| {
        store::message::expunge(tx, ann, mailbox, &[found[0].uid], &removal)?;
        folder.carry_out(tx, (&found, &run), &removal)
    };
    let run = service.inner.store.try_write(write).await.unwrap();
    assert_eq!((run.messages, run.removed), (1, 0));
    assert_eq!(stage.fates().len(), 1, "only that it came");
}
