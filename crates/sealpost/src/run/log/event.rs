//! One event of the log, and how it is written.

use std::fmt;

use policy::{LogKind, LogLevel};
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};

use crate::output::visible;

/// Octets of a line; what is longer is cut.
pub(super) const LINE_MAX_OCTETS: usize = 4_096;
/// Octets of one value of an event.
const VALUE_MAX_OCTETS: usize = 1_024;

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// When, RFC 3339.
    pub(super) at: String,
    pub(super) kind: LogKind,
    pub(super) level: LogLevel,
    /// The sentence.
    pub(super) message: String,
    /// What a program may look for.
    pub(super) fields: Map<String, Value>,
}

impl Event {
    /// An event without words yet.
    pub(super) fn new(at: String, kind: LogKind, level: LogLevel) -> Self {
        Self {
            at,
            kind,
            level,
            message: String::new(),
            fields: Map::new(),
        }
    }

    /// As a JSON object; the same names in every version.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "at": self.at,
            "level": self.level.as_str(),
            "kind": self.kind.as_str(),
            "message": self.message,
            "fields": self.fields,
        })
    }

    /// For people.
    pub(super) fn to_text(&self) -> String {
        let level = self.level.as_str().to_uppercase();
        cut(
            format!("{} {level:<5} {}", self.at, self.words()),
            LINE_MAX_OCTETS,
        )
    }

    /// For systemd's journal: the number of the level in front (sd-daemon(3)), no time.
    pub(super) fn to_journal(&self) -> String {
        let number = match self.level {
            LogLevel::Error => 3,
            LogLevel::Warn => 4,
            LogLevel::Info => 6,
            LogLevel::Debug | LogLevel::Trace => 7,
        };
        cut(format!("<{number}>{}", self.words()), LINE_MAX_OCTETS)
    }

    fn words(&self) -> String {
        let mut words = format!("{}: {}", self.kind, visible(&self.message));
        for (name, value) in &self.fields {
            let value = match value {
                // What the sentence says already is not said twice.
                Value::String(text) if says(&self.message, text) => continue,
                Value::String(text) => visible(text),
                other => other.to_string(),
            };
            words.push_str(&format!(" {name}={value}"));
        }
        words
    }

    fn add(&mut self, field: &Field, value: Value) {
        self.fields.insert(field.name().to_owned(), value);
    }
}

impl Visit for Event {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = cut(format!("{value:?}"), VALUE_MAX_OCTETS);
        if field.name() == "message" {
            self.message = text;
        } else {
            self.add(field, Value::String(text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(
            field,
            Value::String(cut(value.to_owned(), VALUE_MAX_OCTETS)),
        );
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, json!(value));
    }
}

/// Whether the sentence has this text as whole words.
fn says(sentence: &str, text: &str) -> bool {
    const STOPS: &[char] = &[',', ';', ':', '.', '!', '?', ')', '"', '\''];
    const OPENS: &[char] = &['(', '"', '\''];
    sentence.match_indices(text).any(|(at, _)| {
        let before = sentence[..at].trim_end_matches(OPENS);
        let behind = sentence[at + text.len()..].trim_start_matches(STOPS);
        let ends = |side: &str, last: Option<char>| {
            side.is_empty() || last.is_some_and(char::is_whitespace)
        };
        ends(before, before.chars().next_back()) && ends(behind, behind.chars().next())
    })
}

/// The text, shortened at the border of a character with an ellipsis.
fn cut(mut text: String, max_octets: usize) -> String {
    const ELLIPSIS: char = '…';
    if text.len() > max_octets {
        let mut end = max_octets - ELLIPSIS.len_utf8();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push(ELLIPSIS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &str, value: &str) -> Event {
        let at = "2026-11-23T12:00:00.000000Z".to_owned();
        let mut event = Event::new(at, LogKind::Smtp, LogLevel::Warn);
        event.message = message.to_owned();
        event.fields.insert("from".to_owned(), json!(value));
        event
    }

    #[test]
    fn an_event_is_one_line_in_every_form() {
        let event = event("odd\n<0>name\u{1b}[2J", "a\r\nb");
        assert_eq!(
            event.to_text(),
            "2026-11-23T12:00:00.000000Z WARN  smtp: odd\\u{a}<0>name\\u{1b}[2J from=a\\u{d}\\u{a}b"
        );
        assert!(event.to_journal().starts_with("<4>smtp: odd\\u{a}"));
        let json = event.to_json();
        assert!(!json.to_string().contains('\n'));
        assert_eq!(json["fields"]["from"], "a\r\nb");
        assert_eq!(json["level"], "warn");
    }

    #[test]
    fn what_is_long_is_cut_and_what_was_said_is_not_repeated() {
        for (message, value, is_said) in [
            ("from ann", "ann", true),
            ("(192.0.2.7): slow", "192.0.2.7", true),
            ("192.0.2.70 is slow", "192.0.2.7", false),
            ("192.0.2.7 is slow", "2", false),
            ("joann is slow", "ann", false),
        ] {
            let told = event(message, value).to_text();
            assert_eq!(told.contains(" from="), !is_said, "{told}");
        }
        let mut counted = event("took 1 try", "x");
        counted.fields.insert("times".to_owned(), json!(1));
        assert!(counted.to_text().ends_with(" times=1"));
        let long = event(&"é".repeat(LINE_MAX_OCTETS), "x").to_text();
        assert!(long.len() <= LINE_MAX_OCTETS && long.ends_with('…'));
        assert_eq!(cut("abc".to_owned(), 3), "abc");
    }
}
