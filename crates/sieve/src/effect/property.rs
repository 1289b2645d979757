//! No run does what the effects did not announce: scripts, mails and worlds are made up, each script
//! is run, and its outcome compared with its effects.
//!
//! `PROPTEST_CASES` asks for more cases, `PROPTEST_RNG_SEED` for the same ones again.

use std::borrow::Cow;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::ast::Script;
use crate::effect::{Effect, EffectKind, Effects, When, effects};
use crate::form;
use crate::message::{Field, Message, Part, World};
use crate::outcome::{Action, Outcome};
use crate::run::run;
use crate::sample::{self, ADDRESSES, FIELDS, SCRIPTS, WORDS};

/// Cases of each property, unless more are asked for.
const CASES_MIN: u32 = 2_000;
/// Characters that the words of a condition have at most, by far.
const WORDS_MAX_CHARS: usize = 4_000;

#[derive(Clone, Debug)]
struct Mail {
    parts: Vec<Part>,
    body: String,
    size: u64,
}

impl Message for Mail {
    fn size(&self) -> u64 {
        self.size
    }
    fn parts(&self) -> &[Part] {
        &self.parts
    }
    fn text(&self, _: usize) -> Cow<'_, str> {
        Cow::Borrowed(&self.body)
    }
    fn words(&self, _: usize) -> Cow<'_, str> {
        Cow::Borrowed(&self.body)
    }
    fn raw_body(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.body.as_bytes())
    }
}

#[derive(Clone, Debug)]
struct Around {
    now: i64,
    envelope: Option<String>,
    environment: Option<String>,
    folders: bool,
    percent: Option<u8>,
    duplicate: bool,
    /// Those of [`SCRIPTS`], in that order, or none.
    scripts: Vec<Script>,
}

impl World for Around {
    fn now(&self) -> i64 {
        self.now
    }
    fn local_offset(&self, _: i64) -> i32 {
        60
    }
    fn envelope(&self, _: &str) -> Option<String> {
        self.envelope.clone()
    }
    fn environment(&self, _: &str) -> Option<String> {
        self.environment.clone()
    }
    fn mailbox_exists(&self, _: &str) -> bool {
        self.folders
    }
    fn special_use(&self, _: &str) -> Option<String> {
        self.folders.then(|| "Junk".to_owned())
    }
    fn spam_percent(&self) -> Option<u8> {
        self.percent
    }
    fn virus_level(&self) -> Option<u8> {
        self.percent.map(|percent| percent / 20)
    }
    fn is_duplicate(&self, _: &str, _: &str, _: u64) -> bool {
        self.duplicate
    }
    fn script(&self, name: &str) -> Option<&Script> {
        let place = SCRIPTS.iter().position(|known| *known == name)?;
        self.scripts.get(place)
    }
}

fn word() -> impl Strategy<Value = String> {
    let words = [WORDS.as_slice(), ADDRESSES.as_slice()].concat();
    select(words).prop_map(str::to_owned)
}

fn part() -> impl Strategy<Value = Part> {
    let field = (select(FIELDS.as_slice()), word()).prop_map(|(name, value)| Field {
        name: name.to_owned(),
        raw: value.clone(),
        decoded: value,
    });
    prop::collection::vec(field, 0..8).prop_map(|fields| Part {
        parent: None,
        content_type: "text/plain".to_owned(),
        fields,
    })
}

fn mail() -> impl Strategy<Value = Mail> {
    let parts = prop::collection::vec(part(), 1..4);
    (parts, word(), select(vec![0, 90, 1_000, 5_000_000])).prop_map(|(mut parts, body, size)| {
        for part in parts.iter_mut().skip(1) {
            part.parent = Some(0);
        }
        Mail { parts, body, size }
    })
}

/// A world in which so many scripts can be included, or none.
fn world(scripts: usize) -> impl Strategy<Value = Around> {
    (
        0..4_000_000_000_i64,
        option::of(word()),
        option::of(prop_oneof![word(), Just("true".to_owned())]),
        any::<bool>(),
        option::of(0..=100_u8),
        any::<bool>(),
        option::weighted(0.3, prop::collection::vec(sample::script(), scripts)),
    )
        .prop_map(
            |(now, envelope, environment, folders, percent, duplicate, scripts)| Around {
                now,
                envelope,
                environment,
                folders,
                percent,
                duplicate,
                scripts: scripts.unwrap_or_default(),
            },
        )
}

/// Where the message is at the end of a run.
struct End {
    at_home: bool,
    anywhere: bool,
}

impl End {
    fn of(outcome: &Outcome) -> Self {
        let has = |which: fn(&Action) -> bool| outcome.actions.iter().any(which);
        let at_home = outcome.implicit_keep || has(|action| matches!(action, Action::Keep { .. }));
        Self {
            at_home,
            anywhere: at_home || has(|action| matches!(action, Action::FileInto { .. })),
        }
    }
}

/// The first thing of a run that its effects did not announce.
fn unannounced(effects: &Effects, outcome: &Outcome) -> Option<String> {
    let end = End::of(outcome);
    if !end.anywhere && !effects.may_keep_nothing {
        return Some("nothing is kept".to_owned());
    }
    let stops = effects.list.iter().any(|one| one.kind == EffectKind::Stops);
    if outcome.stopped && !stops {
        return Some("it stops".to_owned());
    }
    let flags = outcome.flags.iter().flatten();
    let unknown = flags.into_iter().find(|flag| !sets(effects, flag));
    if let Some(flag) = unknown {
        return Some(format!("the flag {flag}"));
    }
    let mut actions = outcome.actions.iter();
    let action = actions.find(|action| !is_announced(effects, action, &end));
    action.map(|action| format!("{action:?}"))
}

fn sets(effects: &Effects, flag: &String) -> bool {
    effects.list.iter().any(|effect| match &effect.kind {
        EffectKind::Flags(announced) => announced.as_ref().is_none_or(|known| known == flag),
        _ => false,
    })
}

fn is_announced(effects: &Effects, action: &Action, end: &End) -> bool {
    let mut kinds = effects.list.iter().map(|effect| &effect.kind);
    let mut has = |is: &dyn Fn(&EffectKind) -> bool| kinds.any(is);
    match action {
        Action::Keep { flags } => flags.iter().all(|flag| sets(effects, flag)),
        Action::Discard => end.anywhere || has(&|kind| *kind == EffectKind::Discards),
        Action::FileInto {
            mailbox,
            special_use,
            flags,
            ..
        } => {
            let filed = has(&|kind| match kind {
                EffectKind::Files {
                    mailbox: announced,
                    special_use: announced_use,
                    keeps_copy,
                } => {
                    let same = announced.as_ref().is_none_or(|announced| {
                        announced == mailbox && announced_use == special_use
                    });
                    same && (end.at_home || !keeps_copy)
                }
                _ => false,
            });
            filed && flags.iter().all(|flag| sets(effects, flag))
        }
        Action::Redirect { address, .. } => has(&|kind| match kind {
            EffectKind::Redirects {
                address: announced,
                keeps_copy,
            } => announced == address && (end.anywhere || !keeps_copy),
            _ => false,
        }),
        Action::Reject { .. } => has(&|kind| *kind == EffectKind::Rejects),
        Action::AddHeader { name, .. } | Action::DeleteHeader { name, .. } => has(
            &|kind| matches!(kind, EffectKind::Alters { header } if header.as_ref().is_none_or(|known| known == name)),
        ),
        Action::Vacation(reply) => {
            let from = &reply.from;
            has(&|kind| {
                matches!(kind, EffectKind::Replies { from: announced, text }
                    if announced == from && text.as_ref().is_none_or(|text| *text == reply.reason))
            }) && files_answer(effects, reply.fcc.as_deref())
        }
        Action::Notify { method, fcc, .. } => {
            has(
                &|kind| matches!(kind, EffectKind::Notifies { method: announced } if announced == method),
            ) && files_answer(effects, fcc.as_deref())
        }
        Action::Remember { .. } => true,
    }
}

fn files_answer(effects: &Effects, fcc: Option<&Action>) -> bool {
    let Some(Action::FileInto { mailbox, .. }) = fcc else {
        return fcc.is_none();
    };
    effects.list.iter().any(|effect| match &effect.kind {
        EffectKind::FilesAnswer { mailbox: announced } => {
            announced.as_ref().is_none_or(|known| known == mailbox)
        }
        _ => false,
    })
}

/// Runs the script and compares; a run that ends with an error does nothing.
fn check(script: &Script, mail: &Mail, world: &Around) -> Result<(), TestCaseError> {
    let effects = effects(script, &|name| world.script(name));
    let words = effects.list.iter().filter_map(|effect| effect.when.words());
    for words in words {
        prop_assert!(words.chars().count() <= WORDS_MAX_CHARS, "{words}");
        prop_assert!(!words.is_empty());
    }
    if let Ok(outcome) = run(script, mail, world) {
        prop_assert_eq!(
            unannounced(&effects, &outcome),
            None,
            "{:?}\n{:?}",
            outcome,
            effects
        );
    }
    Ok(())
}

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(CASES_MIN),
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_script_does_what_was_not_announced(
        script in sample::script(),
        mail in mail(),
        world in world(SCRIPTS.len()),
    ) {
        check(&script, &mail, &world)?;
    }

    #[test]
    fn no_form_does_what_was_not_announced(
        rule in form::sample::rule(),
        mail in mail(),
        world in world(0),
    ) {
        check(&rule.to_script(), &mail, &world)?;
    }
}

/// The comparison itself finds what is missing.
#[test]
fn an_outcome_without_its_effect_is_found() {
    let flags = || vec!["\\Seen".to_owned()];
    let file = Action::FileInto {
        mailbox: "A".to_owned(),
        special_use: None,
        create: false,
        copy: true,
        flags: Vec::new(),
    };
    let redirect = Action::Redirect {
        address: "a@example.net".to_owned(),
        copy: true,
    };
    let kept = |actions: Vec<Action>| Outcome {
        actions,
        implicit_keep: true,
        ..Outcome::default()
    };
    let flagged = Outcome {
        flags: Some(flags()),
        ..kept(Vec::new())
    };
    let stopped = Outcome {
        stopped: true,
        ..kept(Vec::new())
    };
    let reason = "no".to_owned();
    let none = Effects::default();
    for outcome in [
        Outcome::default(),
        flagged,
        stopped,
        kept(vec![Action::Keep { flags: flags() }]),
        kept(vec![file]),
        kept(vec![redirect]),
        kept(vec![Action::Reject {
            reason,
            extended: false,
        }]),
        kept(vec![Action::Vacation(Default::default())]),
    ] {
        assert!(unannounced(&none, &outcome).is_some(), "{outcome:?}");
    }
    assert_eq!(unannounced(&none, &kept(Vec::new())), None);
}

#[test]
fn a_copy_that_was_promised_and_is_not_there_is_found() {
    let redirect = Action::Redirect {
        address: "a@example.net".to_owned(),
        copy: true,
    };
    let kept = |implicit_keep| Outcome {
        actions: vec![redirect.clone()],
        implicit_keep,
        ..Outcome::default()
    };
    let keeps = Effects {
        list: vec![Effect {
            kind: EffectKind::Redirects {
                address: "a@example.net".to_owned(),
                keeps_copy: true,
            },
            when: When::Always,
        }],
        may_keep_nothing: true,
    };
    assert_eq!(unannounced(&keeps, &kept(true)), None);
    assert!(unannounced(&keeps, &kept(false)).is_some());
}
