//! Which events are told: the kind of each, and the level of each kind.

use std::sync::atomic::{AtomicU8, Ordering};

use policy::{LogKind, LogLevel, LogWordError, Settings};
use tracing::Level;

use crate::exit::Failure;

/// The environment variable that makes the log say more than the settings ask for, such as `debug`
/// or `smtp=debug,store=trace`. It cannot make it say less.
pub(crate) const LOG_VARIABLE: &str = "SEALPOST_LOG";

/// Which part of the program tells what; the first that fits counts. All else is of the server.
const PARTS: &[(&str, LogKind)] = &[
    ("sealpost::control", LogKind::Admin),
    ("service::admit", LogKind::Admin),
    ("service::accept", LogKind::Delivery),
    ("service::message", LogKind::Delivery),
    ("service::sign_in", LogKind::SignIn),
    ("service::password", LogKind::SignIn),
    ("service::mailbox", LogKind::Mailbox),
    ("service::maildrop", LogKind::Mailbox),
    ("service::mime", LogKind::Mailbox),
    ("service::factor", LogKind::SignIn),
    ("service::token", LogKind::SignIn),
    ("service::blocks", LogKind::SignIn),
    ("service::gate", LogKind::SignIn),
    ("service::seal", LogKind::Ledger),
    ("service::signer", LogKind::Ledger),
    ("service::start", LogKind::Ledger),
    ("service::stored_ledger", LogKind::Ledger),
    ("service::heartbeat", LogKind::Ledger),
    ("service::view::ledger", LogKind::Ledger),
    ("service::sockets", LogKind::Net),
    ("smtp", LogKind::Smtp),
    ("imap", LogKind::Imap),
    ("pop3", LogKind::Pop3),
    ("managesieve", LogKind::Managesieve),
    ("net", LogKind::Net),
    ("rustls", LogKind::Net),
    ("tokio_rustls", LogKind::Net),
    ("store", LogKind::Store),
];

/// The kind of what this part of the program tells.
pub(super) fn kind_of(target: &str) -> LogKind {
    let fits = |part: &str| {
        let rest = target.strip_prefix(part);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let found = PARTS.iter().find(|(part, _)| fits(part));
    found.map_or(LogKind::Server, |(_, kind)| *kind)
}

/// The level of an event in our words.
pub(super) fn level_of(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// The levels in force, by the number of the kind.
pub(super) struct Levels {
    in_force: Vec<AtomicU8>,
    /// What the environment asks for at least.
    raised: Vec<Option<LogLevel>>,
}

impl Levels {
    /// Those of a new server, raised by the environment.
    pub(super) fn from_environment() -> Result<Self, Failure> {
        let words = std::env::var(LOG_VARIABLE).unwrap_or_default();
        let levels = Self::raised_by(&words).map_err(|why| {
            Failure::usage(format!(
                "{LOG_VARIABLE} is {words:?}: {why}. Write a level such as debug, or levels of \
                 kinds such as smtp=debug,store=trace"
            ))
        })?;
        levels.follow(&Settings::default());
        Ok(levels)
    }

    fn raised_by(words: &str) -> Result<Self, LogWordError> {
        let mut raised = vec![None; LogKind::ALL.len()];
        for word in words.split(',').filter(|word| !word.is_empty()) {
            let (kinds, level) = match word.split_once('=') {
                Some((kind, level)) => (vec![kind.parse()?], level),
                None => (LogKind::ALL.to_vec(), word),
            };
            let level: LogLevel = level.parse()?;
            for kind in kinds {
                raised[kind as usize] = raised[kind as usize].max(Some(level));
            }
        }
        let in_force = LogKind::ALL.iter().map(|_| AtomicU8::default()).collect();
        Ok(Self { in_force, raised })
    }

    /// The finest level that the environment asks for, if it does.
    pub(super) fn raised_most(&self) -> Option<LogLevel> {
        self.raised.iter().flatten().max().copied()
    }

    /// Takes the levels of the settings; whether one is another than before.
    pub(super) fn follow(&self, settings: &Settings) -> bool {
        let mut changed = false;
        for (kind, (in_force, raised)) in LogKind::ALL
            .iter()
            .zip(self.in_force.iter().zip(&self.raised))
        {
            let level = kind.level(settings).max(raised.unwrap_or(LogLevel::Error));
            changed |= in_force.swap(level as u8, Ordering::Relaxed) != level as u8;
        }
        changed
    }

    /// Whether an event is told.
    pub(super) fn lets(&self, kind: LogKind, level: LogLevel) -> bool {
        level as u8 <= self.in_force[kind as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_program_tells_of_one_kind() {
        for (target, kind) in [
            ("smtp::session", LogKind::Smtp),
            ("service::accept", LogKind::Delivery),
            ("service::admit::commit", LogKind::Admin),
            ("service::seal", LogKind::Ledger),
            ("service::start::boot", LogKind::Ledger),
            ("service::blocks", LogKind::SignIn),
            ("service::doctor::mail", LogKind::Server),
            ("sealpost::control::server", LogKind::Admin),
            ("sealpost::run::house", LogKind::Server),
            ("store::writer", LogKind::Store),
            ("storehouse", LogKind::Server),
        ] {
            assert_eq!(kind_of(target), kind, "{target}");
        }
    }

    #[test]
    fn the_environment_raises_and_never_lowers() {
        let levels = Levels::raised_by("error,smtp=debug").unwrap();
        let mut settings = Settings::default();
        assert!(levels.follow(&settings));
        assert!(!levels.follow(&settings), "nothing has changed");
        assert!(levels.lets(LogKind::Imap, LogLevel::Info));
        assert!(!levels.lets(LogKind::Imap, LogLevel::Debug));
        assert!(levels.lets(LogKind::Smtp, LogLevel::Debug));
        settings.set(&LogKind::Smtp.setting(LogLevel::Error));
        settings.set(&LogKind::Imap.setting(LogLevel::Error));
        assert!(levels.follow(&settings));
        assert!(levels.lets(LogKind::Smtp, LogLevel::Debug));
        assert!(!levels.lets(LogKind::Imap, LogLevel::Warn));
        assert!(levels.lets(LogKind::Imap, LogLevel::Error));
        for wrong in ["loud", "smtps=debug", "smtp=", "=debug"] {
            assert!(Levels::raised_by(wrong).is_err(), "{wrong}");
        }
    }
}
