//! Scripts run on messages, RFC by RFC: each module follows the sections and examples of one.

mod mail;
mod place;

mod regex;
mod rfc3894;
mod rfc5173;
mod rfc5183;
mod rfc5228;
mod rfc5228_grammar;
mod rfc5229;
mod rfc5230;
mod rfc5231;
mod rfc5232;
mod rfc5233;
mod rfc5235;
mod rfc5260;
mod rfc5293;
mod rfc5429;
mod rfc5435;
mod rfc5463;
mod rfc5490;
mod rfc5703;
mod rfc6609;
mod rfc7352;
mod rfc8579;
mod rfc8580;

use mail::Mail;
use place::Place;
use sieve::{Action, Outcome, RunError, Script};

/// A script that requires every extension.
#[track_caller]
fn script(text: &str) -> Script {
    let all: Vec<String> = sieve::CAPABILITIES
        .iter()
        .map(|name| format!("{name:?}"))
        .collect();
    sieve::parse(&format!("require [{}];\n{text}", all.join(", ")))
        .unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

/// Runs a script that requires every extension.
#[track_caller]
fn run(text: &str, mail: &str, place: &Place) -> Result<Outcome, RunError> {
    sieve::run(&script(text), &Mail::read(mail), place)
}

/// Whether a test holds.
#[track_caller]
fn holds(test: &str, mail: &str, place: &Place) -> bool {
    let outcome = run(&format!("if {test} {{ discard; }}"), mail, place);
    !outcome
        .unwrap_or_else(|error| panic!("{test}: {error}"))
        .actions
        .is_empty()
}

/// Fails for each test that does not come out as the table says.
#[track_caller]
fn table(mail: &str, place: &Place, rows: &[(&str, bool)]) {
    for (test, expected) in rows {
        assert_eq!(holds(test, mail, place), *expected, "{test}");
    }
}

/// What a script does, in short words; `keep` stands last where the implicit keep is left.
#[track_caller]
fn done(text: &str, mail: &str, place: &Place) -> String {
    let outcome = run(text, mail, place).unwrap_or_else(|error| panic!("{text}\n{error}"));
    let mut words: Vec<String> = outcome.actions.iter().map(words_of).collect();
    if outcome.implicit_keep {
        words.push(format!(
            "keep{}",
            flags_of(outcome.flags.as_deref().unwrap_or_default())
        ));
    }
    words.join("; ")
}

fn words_of(action: &Action) -> String {
    match action {
        Action::Keep { flags } => format!("explicit keep{}", flags_of(flags)),
        Action::Discard => "discard".to_owned(),
        Action::FileInto {
            mailbox,
            special_use,
            create,
            flags,
            ..
        } => {
            let special = special_use
                .as_ref()
                .map_or(String::new(), |name| format!(" or {name}"));
            let create = if *create { " made" } else { "" };
            format!("file {mailbox}{special}{create}{}", flags_of(flags))
        }
        Action::Redirect { address, .. } => format!("redirect {address}"),
        Action::Reject { reason, extended } => {
            format!("{} {reason}", if *extended { "ereject" } else { "reject" })
        }
        Action::AddHeader { name, value, last } => {
            format!("add {name}: {value}{}", if *last { " last" } else { "" })
        }
        Action::DeleteHeader { name, index } => format!("delete {name} {index}"),
        Action::Vacation(reply) => format!("answer {}", reply.reason),
        Action::Notify {
            method, message, ..
        } => {
            format!("notify {method} {}", message.as_deref().unwrap_or_default())
        }
        Action::Remember {
            handle,
            id,
            seconds,
        } => format!("remember {handle}/{id} {seconds}"),
    }
}

fn flags_of(flags: &[String]) -> String {
    match flags {
        [] => String::new(),
        flags => format!(" ({})", flags.join(" ")),
    }
}
