//! Rules that could never do what they say are refused when they are saved.

use policy::RuleContent;
use policy::change::RuleDirection;
use sieve::form::{FormAction, FormRule};

use super::*;
use crate::{Expiry, Forward, NewRule, RuleAt, Vacation, Wanted};

fn rule(content: RuleContent) -> Command {
    Command::RuleAdd {
        at: RuleAt::Account(address("ann@example.org")),
        rule: NewRule {
            name: "Sends on".to_owned(),
            comment: String::new(),
            enabled: true,
            direction: RuleDirection::In,
            stop: false,
            expires: Expiry::Never,
            is_program_script: false,
            content,
        },
        before: None,
    }
}

fn form(action: FormAction) -> Command {
    rule(RuleContent::Form(FormRule {
        conditions: Vec::new(),
        all: true,
        actions: vec![action],
        stop: false,
    }))
}

fn script(text: &str) -> Command {
    rule(RuleContent::Script(text.to_owned()))
}

fn forward(to: &str) -> Command {
    Command::ForwardSet {
        account: address("ann@example.org"),
        forward: Some(Forward {
            to: vec![address(to)],
            keep_copy: false,
        }),
    }
}

fn vacation(until: &str) -> Command {
    Command::VacationSet {
        account: address("ann@example.org"),
        vacation: Some(Vacation {
            subject: None,
            text: "I am away".to_owned(),
            days: 7,
            from: None,
            until: Some(until.parse().unwrap()),
        }),
    }
}

#[tokio::test]
async fn targets_that_never_get_mail_and_days_that_are_over() {
    let stage = Stage::with(&[]).await;
    let (nobody, ann) = (address("nobody@example.org"), address("ann@example.org"));
    let (circle, actor) = ("in a circle", console());
    for (command, why) in [
        (
            form(FormAction::Redirect { to: nobody.clone() }),
            "nobody here has",
        ),
        (form(FormAction::CopyTo { to: ann }), circle),
        (
            script("redirect \"nobody@example.org\";"),
            "nobody here has",
        ),
        (script("redirect \"Ann+list@example.org\";"), circle),
        (forward("ann@example.org"), circle),
        (vacation("2000-01-01"), "is over"),
    ] {
        let shown = format!("{command:?}");
        let options = AdmitOptions::default();
        let made = stage.service().admit(&actor, vec![command], options);
        let refused = made.await.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}: {shown}");
    }
    for command in [
        form(FormAction::Redirect {
            to: address("bob@example.org"),
        }),
        forward("drop@far.test"),
        vacation("9999-12-31"),
    ] {
        let options = AdmitOptions::default();
        let made = stage.service().admit(&actor, vec![command], options);
        made.await.unwrap();
    }
}

#[tokio::test]
async fn mail_that_a_rule_removed_which_never_was_is_not_there() {
    let stage = Stage::with(&[]).await;
    let (actor, wanted) = (console(), Wanted::Rule(types::RuleId(99)));
    let restored = stage.service().recoverable_restore(&actor, None, wanted);
    assert!(restored.await.unwrap_err().to_string().contains("rule"));
}
