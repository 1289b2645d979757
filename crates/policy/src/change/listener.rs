//! Where services answer.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::ListenerId;

/// A service by its registered name; those mail services whose name ends in `s` begin with
/// TLS (RFC 8314 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Mail from other servers.
    Smtp,
    /// Mail from own users, with STARTTLS.
    Submission,
    /// Mail from own users.
    Submissions,
    /// Mailboxes, with STARTTLS.
    Imap,
    /// Mailboxes.
    Imaps,
    /// Maildrops, with STARTTLS.
    Pop3,
    /// Maildrops.
    Pop3s,
    /// Scripts of mail programs, with STARTTLS.
    Managesieve,
    /// Figures and health of the server over HTTP, for monitors: on this machine for all, elsewhere
    /// under TLS for those that show a token.
    Metrics,
}

/// A text that names no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no service {0:?}; the services are smtp, submission, submissions, imap, imaps, pop3, pop3s, managesieve and metrics"
)]
pub struct ServiceError(String);

impl Service {
    /// Every service.
    pub const ALL: [Self; 9] = [
        Self::Smtp,
        Self::Submission,
        Self::Submissions,
        Self::Imap,
        Self::Imaps,
        Self::Pop3,
        Self::Pop3s,
        Self::Managesieve,
        Self::Metrics,
    ];

    /// Every service that speaks a mail protocol.
    pub fn for_mail() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|service| service.is_for_mail())
    }

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
            Self::Imap => "imap",
            Self::Imaps => "imaps",
            Self::Pop3 => "pop3",
            Self::Pop3s => "pop3s",
            Self::Managesieve => "managesieve",
            Self::Metrics => "metrics",
        }
    }

    /// The registered port; for metrics, one that exporters often use.
    pub fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Submission => 587,
            Self::Submissions => 465,
            Self::Imap => 143,
            Self::Imaps => 993,
            Self::Pop3 => 110,
            Self::Pop3s => 995,
            Self::Managesieve => 4190,
            Self::Metrics => 9464,
        }
    }

    /// Whether a connection begins with TLS, wherever it is listened for; see also
    /// [`crate::Listener::begins_with_tls`].
    pub fn is_implicit_tls(self) -> bool {
        matches!(self, Self::Submissions | Self::Imaps | Self::Pop3s)
    }

    /// Whether it speaks a mail protocol; the others are for the operator.
    pub fn is_for_mail(self) -> bool {
        self != Self::Metrics
    }

    /// Whether mail comes in by it, so that switching it off refuses mail.
    pub fn takes_mail(self) -> bool {
        matches!(self, Self::Smtp | Self::Submission | Self::Submissions)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Service {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, ServiceError> {
        let found = Self::ALL
            .into_iter()
            .find(|service| service.as_str() == text);
        found.ok_or_else(|| ServiceError(text.to_owned()))
    }
}

/// A listener with all it has: `listener.create` and `listener.change`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerSet {
    /// The listener.
    pub id: ListenerId,
    /// What answers there.
    pub service: Service,
    /// Address and port, such as `192.0.2.1:25` or `[::]:993`.
    pub address: SocketAddr,
}

/// `listener.remove`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerRemove {
    /// The listener.
    pub id: ListenerId,
}

/// `service.on` and `service.off`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSwitch {
    /// The service.
    pub id: Service,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_go_by_their_registered_names() {
        for service in Service::ALL {
            assert_eq!(service.as_str().parse(), Ok(service));
            assert_eq!(serde_json::to_value(service).unwrap(), service.as_str());
            let ends_in_s = service.as_str().ends_with('s');
            assert_eq!(
                service.is_implicit_tls(),
                service.is_for_mail() && ends_in_s
            );
        }
        assert!("IMAP".parse::<Service>().is_err());
    }
}
