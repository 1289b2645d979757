//! Rules that are run over mail that is here: what is done, what is left, and what the record says.

use types::{MailboxName, RuleId};

use super::*;
use crate::error::ServiceResult;
use crate::rules::look_back;
use crate::{RuleRun, RuleSource};

impl Stage {
    /// Runs a rule over the inbox of ann.
    async fn run(&self, source: &RuleSource, dry: bool) -> ServiceResult<RuleRun> {
        let place = (&address("ann@example.org"), &MailboxName::inbox());
        let (service, actor) = (self.service(), console());
        service.rule_run(&actor, source, place, dry).await
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
