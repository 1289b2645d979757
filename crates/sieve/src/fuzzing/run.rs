//! Body of the fuzz target of the interpreter: no script on no message panics or passes the limits,
//! and a run is the same twice.

use std::borrow::Cow;

use crate::limits::{ACTIONS_MAX, DECISIONS_MAX, HEADER_EDITS_MAX, NOTES_MAX, REDIRECTS_MAX};
use crate::{Action, Field, Message, Part, RunError, Script, World, parse, run};

/// Runs a script on a message. A NUL divides them, and the parts of the message, which all lie in
/// the first; that is its own header and body.
pub fn run_twice(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (script, mail) = text.split_once('\0').unwrap_or((text, ""));
    if let Ok(script) = parse(script) {
        twice(&script, mail);
    }
}

/// Runs a script twice on a message and compares what comes of it.
fn twice(script: &Script, mail: &str) {
    let mail = Mail::read(mail);
    let place = Place {
        script,
        mail: &mail,
    };
    let first = run(script, &mail, &place);
    assert_eq!(first, run(script, &mail, &place));
    let Ok(outcome) = first else {
        assert_told(&first);
        return;
    };
    let count = |wanted: fn(&Action) -> bool| outcome.actions.iter().filter(|a| wanted(a)).count();
    let edit = |action: &Action| {
        matches!(
            action,
            Action::AddHeader { .. } | Action::DeleteHeader { .. }
        )
    };
    let edits = count(edit);
    let marks = count(|action| matches!(action, Action::Remember { .. }));
    let redirects = count(|action| matches!(action, Action::Redirect { .. }));
    assert!(edits <= HEADER_EDITS_MAX && marks <= ACTIONS_MAX && redirects <= REDIRECTS_MAX);
    assert!(outcome.actions.len() - edits - marks <= ACTIONS_MAX);
    assert!(outcome.decisions.len() <= DECISIONS_MAX && outcome.notes.len() <= NOTES_MAX);
    for action in &outcome.actions {
        if let Action::AddHeader { name, value, .. } = action {
            assert!(crate::field::is_name(name) && !crate::field::is_protected(name));
            assert!(!value.contains(['\r', '\n', '\0']));
        }
    }
}

/// An error has words that fit on a line of a report.
fn assert_told<T>(result: &Result<T, RunError>) {
    if let Err(error) = result {
        assert!(!error.to_string().is_empty());
    }
}

struct Mail {
    parts: Vec<Part>,
    bodies: Vec<String>,
}

impl Mail {
    fn read(text: &str) -> Self {
        let (mut parts, mut bodies) = (Vec::new(), Vec::new());
        for (number, part) in text.split('\0').enumerate() {
            let (header, body) = part.split_once("\n\n").unwrap_or((part, ""));
            let lines = header.lines().filter_map(|line| line.split_once(':'));
            let fields: Vec<Field> = lines.map(|(name, value)| field(name, value)).collect();
            let content = fields.iter().find(|field| field.name == "Content-Type");
            parts.push(Part {
                // A chain, so that parts lie deep.
                parent: number.checked_sub(1),
                content_type: content.map_or("text/plain", |field| &field.raw).to_owned(),
                fields,
            });
            bodies.push(body.to_owned());
        }
        Self { parts, bodies }
    }
}

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        raw: value.trim().to_owned(),
        decoded: value.trim().replace("\\n", "\r\n"),
    }
}

impl Message for Mail {
    fn size(&self) -> u64 {
        self.bodies.iter().map(|body| body.len() as u64).sum()
    }
    fn parts(&self) -> &[Part] {
        &self.parts
    }
    fn text(&self, part: usize) -> Cow<'_, str> {
        Cow::Borrowed(&self.bodies[part])
    }
    fn words(&self, part: usize) -> Cow<'_, str> {
        Cow::Borrowed(&self.bodies[part])
    }
    fn raw_body(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.bodies[0].as_bytes())
    }
}

/// A world that says what the message says, and in which every name is the script itself.
struct Place<'a> {
    script: &'a Script,
    mail: &'a Mail,
}

impl Place<'_> {
    fn value(&self, name: &str) -> Option<String> {
        let mut fields = self.mail.parts[0].fields.iter();
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name));
        field.map(|field| field.raw.clone())
    }
}

impl World for Place<'_> {
    fn now(&self) -> i64 {
        self.value("now")
            .and_then(|now| now.parse().ok())
            .unwrap_or(0)
    }
    fn local_offset(&self, at: i64) -> i32 {
        i32::try_from(at % 1_000).unwrap_or(0)
    }
    fn envelope(&self, part: &str) -> Option<String> {
        self.value(part)
    }
    fn environment(&self, name: &str) -> Option<String> {
        self.value(name)
    }
    fn mailbox_exists(&self, name: &str) -> bool {
        self.value(name).is_some()
    }
    fn special_use(&self, attribute: &str) -> Option<String> {
        self.value(attribute)
    }
    fn spam_percent(&self) -> Option<u8> {
        self.value("spam")?.parse().ok()
    }
    fn virus_level(&self) -> Option<u8> {
        self.value("virus")?.parse().ok()
    }
    fn is_duplicate(&self, handle: &str, id: &str, _: u64) -> bool {
        handle.len() > id.len()
    }
    fn script(&self, _: &str) -> Option<&Script> {
        Some(self.script)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::{run_twice, twice};
    use crate::ast::DatePart;
    use crate::sample;
    use crate::{address_list, date, mailto, pattern};

    #[test]
    fn seeds_pass() {
        let mut seeds = 0;
        for file in fs::read_dir("fuzz-seeds/sieve_run").unwrap() {
            let input = fs::read(file.unwrap().path()).unwrap();
            let script = input.split(|octet| *octet == 0).next().unwrap();
            assert!(crate::parse(std::str::from_utf8(script).unwrap()).is_ok());
            run_twice(&input);
            seeds += 1;
        }
        assert!(seeds > 0, "a replay of nothing proves nothing");
    }

    /// Messages whose fields and bodies are of any characters.
    fn mail() -> impl Strategy<Value = String> {
        let name = prop::sample::select(sample::FIELDS.as_slice());
        let line = (name, "\\PC{0,30}").prop_map(|(name, value)| format!("{name}:{value}\n"));
        let part = (prop::collection::vec(line, 0..6), "\\PC{0,60}");
        let part = part.prop_map(|(lines, body)| format!("{}\n{body}", lines.concat()));
        prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("\0"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn a_run_is_the_same_twice_and_within_its_limits(script in sample::script(), mail in mail()) {
            twice(&script, &mail);
        }

        #[test]
        fn readers_of_what_mail_holds_never_panic(text in "(\\PC|[<>@,;:()\"\\\\\\[\\]*%'= \t\r\n+0-9-]){0,60}") {
            for address in address_list::list(&text) {
                prop_assert!(address.part(crate::ast::AddressPart::All).is_some());
            }
            if let Some(moment) = date::read(&text) {
                date::part(moment, DatePart::Std11);
            }
            mailto::is_valid(&text);
            for folded in [false, true] {
                if let Ok(pattern) = pattern::compile(&text, folded) {
                    pattern.regex.is_match(&text);
                }
            }
        }
    }
}
