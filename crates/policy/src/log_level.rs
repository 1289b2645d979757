//! How much the running log says, by kind of event. The log is for operators; what must be kept
//! stands in the activity log, the trace and the ledger, which no level touches.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::settings::{Setting, Settings};

/// From the most urgent to the finest. Errors are always told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Somebody must act.
    Error,
    /// Somebody should look.
    Warn,
    /// What happens, in a line each.
    Info,
    /// What led to it.
    Debug,
    /// Every step.
    Trace,
}

impl LogLevel {
    /// Every level.
    pub const ALL: [Self; 5] = [
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names nothing of the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is none of {known}")]
pub struct LogWordError {
    word: String,
    known: String,
}

impl FromStr for LogLevel {
    type Err = LogWordError;

    fn from_str(word: &str) -> Result<Self, LogWordError> {
        let found = Self::ALL.into_iter().find(|level| level.as_str() == word);
        found.ok_or_else(|| unknown(word, &Self::ALL.map(Self::as_str)))
    }
}

fn unknown(word: &str, known: &[&str]) -> LogWordError {
    LogWordError {
        word: word.to_owned(),
        known: known.join(", "),
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $word:literal, $field:ident as $setting:ident;)+) => {
        /// What an event of the log is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LogKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl LogKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $word,)+ }
            }

            /// The setting that gives it this level.
            pub fn setting(self, level: LogLevel) -> Setting {
                match self { $(Self::$kind => Setting::$setting(level),)+ }
            }

            /// Its level in force.
            pub fn level(self, settings: &Settings) -> LogLevel {
                match self { $(Self::$kind => settings.$field,)+ }
            }
        }
    };
}

kinds! {
    /// Start, end, listeners, all that is of no other kind.
    Server = "server", log_server as LogServer;
    /// What the console asks, and changes of the configuration.
    Admin = "admin", log_admin as LogAdmin;
    /// The ledger, the seals of the logs, the heartbeat.
    Ledger = "ledger", log_ledger as LogLedger;
    /// Sign-ins.
    SignIn = "sign-in", log_sign_in as LogSignIn;
    /// Messages that come in.
    Delivery = "delivery", log_delivery as LogDelivery;
    /// Work in mailboxes.
    Mailbox = "mailbox", log_mailbox as LogMailbox;
    /// The dialogue with SMTP clients.
    Smtp = "smtp", log_smtp as LogSmtp;
    /// The dialogue with IMAP clients.
    Imap = "imap", log_imap as LogImap;
    /// The dialogue with POP3 clients.
    Pop3 = "pop3", log_pop3 as LogPop3;
    /// The dialogue with ManageSieve clients.
    Managesieve = "managesieve", log_managesieve as LogManagesieve;
    /// Connections and TLS.
    Net = "net", log_net as LogNet;
    /// Disk and database.
    Store = "store", log_store as LogStore;
}

impl fmt::Display for LogKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LogKind {
    type Err = LogWordError;

    fn from_str(word: &str) -> Result<Self, LogWordError> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == word);
        let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
        found.copied().ok_or_else(|| unknown(word, &known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_level_of_its_own() {
        for kind in LogKind::ALL {
            let mut settings = Settings::default();
            assert_eq!(kind.level(&settings), LogLevel::Info);
            let setting = kind.setting(LogLevel::Trace);
            settings.set(&setting);
            let raised = |other: &&LogKind| other.level(&settings) == LogLevel::Trace;
            assert_eq!(
                LogKind::ALL.iter().filter(raised).collect::<Vec<_>>(),
                [kind]
            );
            assert_eq!(
                setting.key(),
                format!("log_{}", kind.as_str().replace('-', "_"))
            );
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        let error = "smtps".parse::<LogKind>().unwrap_err().to_string();
        assert!(error.contains("none of server, admin"), "{error}");
        assert!("loud".parse::<LogLevel>().is_err());
    }
}
