//! Rules: one message against lists of them, parsed before, none of which matches.

use std::hint::black_box;

use service::mime::Filterable;
use sieve::form::{Compare, Condition, FormAction, FormRule, Place};
use sieve::{Runner, Script, World};

use crate::message::{body, head};
use crate::{Case, Round};

/// Times that a round does its work.
const TIMES: usize = 20;

pub(crate) const CASES: [Case; 4] = [
    Case::new("rules_1", "20 messages against one form rule", || list(1)),
    Case::new("rules_20", "20 messages against 20 form rules", || list(20)),
    Case::new("rules_200", "20 messages against 200 form rules", || {
        list(200)
    }),
    Case::new(
        "script_200",
        "20 messages against a script of 200 tests",
        script,
    ),
];

/// A server at which nothing is known beyond the message.
struct Nowhere;

impl World for Nowhere {
    fn now(&self) -> i64 {
        1_795_428_580
    }

    fn local_offset(&self, _at: i64) -> i32 {
        0
    }

    fn envelope(&self, _part: &str) -> Option<String> {
        None
    }

    fn environment(&self, _name: &str) -> Option<String> {
        None
    }

    fn mailbox_exists(&self, _name: &str) -> bool {
        false
    }

    fn special_use(&self, _attribute: &str) -> Option<String> {
        None
    }

    fn spam_percent(&self) -> Option<u8> {
        None
    }

    fn virus_level(&self) -> Option<u8> {
        None
    }

    fn is_duplicate(&self, _handle: &str, _id: &str, _seconds: u64) -> bool {
        false
    }

    fn script(&self, _name: &str) -> Option<&Script> {
        None
    }
}

/// A rule about a field or the body by turns.
fn rule(number: usize) -> FormRule {
    let place = match number % 4 {
        0 => Place::Subject,
        2 => Place::FromAddress,
        _ => Place::Body,
    };
    FormRule {
        conditions: vec![Condition::Text {
            place,
            compare: Compare::Contains,
            values: vec![format!("no such word {number}")],
        }],
        all: true,
        actions: vec![FormAction::MoveTo {
            folder: "Elsewhere".to_owned(),
        }],
        stop: true,
    }
}

fn list(rules: usize) -> Round {
    run((0..rules).map(|number| rule(number).to_script()).collect())
}

fn script() -> Round {
    let mut text = "require [\"fileinto\", \"body\"];\r\n".to_owned();
    for number in 0..200 {
        let what = match number % 2 {
            0 => "header :contains [\"subject\", \"from\", \"x-mailer\"]",
            _ => "body :text :contains",
        };
        text.push_str(&format!(
            "if {what} \"no such word {number}\" {{ fileinto \"Elsewhere\"; stop; }}\r\n"
        ));
    }
    run(vec![sieve::parse(&text).expect("it is a script")])
}

/// Runs the scripts one after the other on a message that is read for all of them once.
fn run(scripts: Vec<Script>) -> Round {
    let message = [head(1), body(1)].concat();
    Box::new(move || {
        for _ in 0..TIMES {
            let message = Filterable::new(black_box(&message));
            let mut runner = Runner::new(&message, &Nowhere);
            for script in &scripts {
                let outcome = runner.run(black_box(script)).expect("it has no fault");
                assert!(outcome.implicit_keep, "no rule matches");
            }
        }
    })
}
