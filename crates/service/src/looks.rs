//! What rules made of a message, in words: those that acted, and why others did not.

use std::collections::BTreeMap;

use policy::{Config, RuleContent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::{Address, RuleId};

/// Characters of a line of a script that are shown.
const LINE_MAX_CHARS: usize = 100;

/// A rule that looked at a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleLook {
    /// Which.
    pub rule: RuleId,
    /// The entry that gave it the form that it had then.
    pub entry: u64,
    /// Whether it did anything.
    pub acted: bool,
    /// What it did, or why nothing, such as `deleted by rule "x" (r_1, entry 17)`.
    pub words: String,
}

/// The texts of rules that are gone, by rule and entry.
pub(crate) type Texts = BTreeMap<(RuleId, u64), RuleContent>;

/// What a fate says of the rules that looked; those that acted come first.
pub(crate) fn looks(config: &Config, looked: &[Value], texts: &Texts) -> Vec<RuleLook> {
    let told = |look: &Value| told(config, look, texts);
    looked.iter().filter_map(told).collect()
}

/// The rule and entry of a look, which stand as `r_1@17`.
pub(crate) fn rule_at(look: &Value) -> Option<(RuleId, u64)> {
    let (rule, entry) = look["rule"].as_str()?.split_once('@')?;
    Some((rule.parse().ok()?, entry.parse().ok()?))
}

/// What a rule did, each in the words of the record, such as `discard` or `redirect ADDRESS`.
pub(crate) fn did(look: &Value) -> impl Iterator<Item = &str> {
    let did = look["did"].as_array().into_iter().flatten();
    did.filter_map(Value::as_str)
}

/// `rule "x" (r_1, entry 17)`, also of a rule that is gone.
pub(crate) fn rule_name(config: &Config, id: RuleId, entry: u64) -> String {
    let live = config.rule(id).map(|rule| rule.name.as_str());
    let name = live.or_else(|| config.former_rule(id).map(|former| former.name.as_str()));
    let name = policy::shown::visible(name.unwrap_or_default());
    format!("rule \"{name}\" ({id}, entry {entry})")
}

fn told(config: &Config, look: &Value, texts: &Texts) -> Option<RuleLook> {
    let (rule, entry) = rule_at(look)?;
    let name = rule_name(config, rule, entry);
    let acts: Vec<_> = did(look).map(|act| passive(config, act)).collect();
    let failed = look["failed"].as_str().map(policy::shown::visible);
    let words = match (&failed, acts.is_empty()) {
        (Some(why), _) => format!("kept, since {name} could not run: {why}"),
        (None, false) => format!("{} by {name}", acts.join(" and ")),
        (None, true) => {
            let text = text(config, texts, rule, entry);
            format!("left alone by {name}: {}", why_not(look, text))
        }
    };
    Some(RuleLook {
        rule,
        entry,
        acted: !acts.is_empty(),
        words,
    })
}

/// The text that a rule had at an entry, as far as it is at hand.
fn text<'a>(
    config: &'a Config,
    texts: &'a Texts,
    id: RuleId,
    entry: u64,
) -> Option<&'a RuleContent> {
    let live = config.rule(id).filter(|rule| rule.content_seq <= entry);
    live.map(|rule| &rule.content)
        .or_else(|| texts.get(&(id, entry)))
}

/// The test that decided, and what it asked.
fn why_not(look: &Value, text: Option<&RuleContent>) -> String {
    let line = look["line"].as_u64();
    let how = match look["held"].as_bool() {
        Some(true) => "held, and nothing follows from that",
        _ => "did not hold",
    };
    match (text, line) {
        (Some(RuleContent::Form(form)), Some(_)) => {
            let says = policy::shown::visible(&form.words());
            format!("its condition {how}; it says: {says}")
        }
        (Some(RuleContent::Script(text)), Some(line)) => {
            let number = usize::try_from(line).unwrap_or(usize::MAX);
            let said = text.lines().nth(number.saturating_sub(1));
            let said: String = said
                .unwrap_or_default()
                .trim()
                .chars()
                .take(LINE_MAX_CHARS)
                .collect();
            format!("line {line} {how}: {}", policy::shown::visible(&said))
        }
        (None, Some(line)) => format!("line {line} of its text {how}"),
        (_, None) => "nothing in it was about this message".to_owned(),
    }
}

/// What was done to the message, by the words of the record.
fn passive(config: &Config, act: &str) -> String {
    let (verb, rest) = act.split_once(' ').unwrap_or((act, ""));
    let (copies, rest) = match rest.strip_prefix(":copy ") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let shown = policy::shown::visible(rest);
    match (verb, copies) {
        ("discard", _) => "deleted".to_owned(),
        ("reject", _) => "refused".to_owned(),
        ("keep", _) => "kept".to_owned(),
        ("vacation", _) => "answered".to_owned(),
        ("fileinto", true) => format!("copied into {shown}"),
        ("fileinto", false) => format!("moved into {shown}"),
        ("redirect", true) => format!("copied to {}", place(config, rest)),
        ("redirect", false) => format!("sent to {}", place(config, rest)),
        ("notify", _) => format!("told to {shown}"),
        ("flag", _) => format!("marked {shown}"),
        ("addheader", _) => format!("given the header field {shown}"),
        ("deleteheader", _) => format!("stripped of the header field {shown}"),
        _ => policy::shown::visible(act),
    }
}

/// An address with a word if it lies outside.
fn place(config: &Config, text: &str) -> String {
    let address = text.parse::<Address>();
    let inside = address.is_ok_and(|address| config.domain(address.domain()).is_some());
    let shown = policy::shown::visible(text);
    match inside {
        true => shown,
        false => format!("{shown}, OUTSIDE,"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_rules_did_and_why_not_is_told_in_words() {
        let config = Config::empty();
        let script = "require \"fileinto\";\nif header :is \"Subject\" \"x\" {\n  discard;\n}\n";
        let texts = BTreeMap::from([((RuleId(2), 18), RuleContent::Script(script.to_owned()))]);
        for (look, words) in [
            (
                json!({"rule": "r_1@17", "did": ["discard"]}),
                "deleted by rule \"\" (r_1, entry 17)",
            ),
            (
                json!({"rule": "r_1@17", "did": ["fileinto :copy A b", "redirect :copy x@far.test"]}),
                "copied into A b and copied to x@far.test, OUTSIDE, by rule",
            ),
            (
                json!({"rule": "r_1@17", "did": ["redirect x@far.test", "flag \\Seen"]}),
                "sent to x@far.test, OUTSIDE, and marked \\Seen by",
            ),
            (
                json!({"rule": "r_2@18", "line": 2, "held": false}),
                "left alone by rule \"\" (r_2, entry 18): line 2 did not hold: if header :is",
            ),
            (
                json!({"rule": "r_3@19", "line": 2, "held": true}),
                "line 2 of its text held, and nothing follows from that",
            ),
            (json!({"rule": "r_3@19"}), "nothing in it was about this"),
            (
                json!({"rule": "r_3@19", "failed": "too slow\u{1b}"}),
                "kept, since rule \"\" (r_3, entry 19) could not run: too slow<U+001B>",
            ),
            (
                json!({"rule": "r_3@19", "did": ["kept, since it was unusual"]}),
                "kept, since it was unusual by rule",
            ),
        ] {
            let told = looks(&config, std::slice::from_ref(&look), &texts);
            assert!(told[0].words.contains(words), "{look}: {}", told[0].words);
        }
        assert!(looks(&config, &[json!({"rule": "x"})], &texts).is_empty());
    }
}
