//! Takes the events of `tracing`, writes those that are let through, and keeps the newest.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use net::Clock;
use policy::{LogKind, LogLevel};
use serde_json::Value;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::Context;

use super::Form;
use super::event::Event;
use super::levels::{Levels, kind_of, level_of};

/// Lines that are kept in memory; with the bounds of an event, some MiB at most.
const NEWEST_MAX: usize = 1_000;

/// All that the log needs, shared with whoever changes its levels or reads it.
pub(super) struct Shared {
    pub(super) levels: Levels,
    pub(super) newest: Newest,
    form: Form,
    shown: LogLevel,
    for_journal: bool,
    clock: Clock,
}

/// The newest lines.
#[derive(Default)]
pub(super) struct Newest(Mutex<VecDeque<Event>>);

impl Newest {
    fn push(&self, event: Event) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() == NEWEST_MAX {
            events.pop_front();
        }
        events.push_back(event);
    }

    /// At most `limit` of the newest of this kind, or of all; the newest last.
    pub(super) fn last(&self, kind: Option<LogKind>, limit: usize) -> Vec<Value> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = events
            .iter()
            .rev()
            .filter(|event| kind.is_none_or(|kind| event.kind == kind));
        let mut found: Vec<_> = wanted.take(limit).map(Event::to_json).collect();
        found.reverse();
        found
    }
}

impl Shared {
    pub(super) fn new(levels: Levels, form: Form, shown: LogLevel, for_journal: bool) -> Self {
        Self {
            levels,
            newest: Newest::default(),
            form,
            shown,
            for_journal,
            clock: Clock::real(),
        }
    }

    fn line(&self, event: &Event) -> String {
        match self.form {
            Form::Json => event.to_json().to_string(),
            Form::Text if self.for_journal => event.to_journal(),
            Form::Text => event.to_text(),
        }
    }
}

/// The end of `tracing` that listens.
pub(super) struct Layer(pub(super) Arc<Shared>);

impl Layer {
    fn lets(&self, metadata: &Metadata<'_>) -> bool {
        let level = level_of(metadata.level());
        self.0.levels.lets(kind_of(metadata.target()), level)
    }
}

impl<S: Subscriber> tracing_subscriber::Layer<S> for Layer {
    /// Asked once for each place in the program, and again when the levels change.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_event() && self.lets(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.lets(metadata)
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let (kind, level) = (kind_of(metadata.target()), level_of(metadata.level()));
        let mut told = Event::new(self.0.clock.now().to_rfc3339(), kind, level);
        event.record(&mut told);
        if level <= self.0.shown {
            let line = self.0.line(&told) + "\n";
            // Nobody is left to be told of a standard error that is gone.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
        self.0.newest.push(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_by_kind() {
        let newest = Newest::default();
        for number in 0..NEWEST_MAX + 10 {
            let kind = if number % 2 == 0 {
                LogKind::Smtp
            } else {
                LogKind::Imap
            };
            newest.push(Event::new(number.to_string(), kind, LogLevel::Info));
        }
        assert_eq!(newest.last(None, usize::MAX).len(), NEWEST_MAX);
        let smtp = newest.last(Some(LogKind::Smtp), 2);
        let at: Vec<_> = smtp.iter().map(|event| event["at"].clone()).collect();
        assert_eq!(at, ["1006", "1008"]);
        assert!(newest.last(Some(LogKind::Pop3), 5).is_empty());
    }
}
