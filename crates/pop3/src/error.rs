//! Why a command was not carried out, and the words the client hears.

use service::{SaslRefusal, ServiceError, SignInError};
use wire::pop3::parse::SyntaxError;
use wire::pop3::{Reply, ResponseCode, Verb};
use wire::sasl::SaslError;

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Pop3Error {
    /// Not a command.
    #[error("{0}")]
    Syntax(#[from] SyntaxError),
    /// Longer than a command may be.
    #[error("the line is too long")]
    LineTooLong,
    /// A line that ends with LF alone.
    #[error("a command must end with CRLF")]
    BareLf,
    /// Allowed at another time.
    #[error("{verb} is not allowed {when}")]
    OutOfOrder { verb: Verb, when: &'static str },
    /// A password may be sent only under TLS.
    #[error("encryption is required to sign in")]
    NeedsTls,
    /// TLS is not to be had.
    #[error("TLS is not offered here")]
    TlsNotOffered,
    /// The maildrop has no such message, or it is marked as deleted.
    #[error("no such message")]
    NoSuchMessage,
    /// The client is not signed in.
    #[error("{0}")]
    SignIn(#[from] SaslRefusal),
    /// Another session holds the maildrop.
    #[error("another session holds the maildrop")]
    InUse,
    /// Something else could not be done.
    #[error("{0}")]
    Service(#[from] ServiceError),
}

impl Pop3Error {
    /// The reply to the client (RFC 2449 §8, RFC 3206 §4). It names no cause of ours.
    pub(crate) fn reply(&self) -> Reply {
        let (code, words) = match self {
            Self::SignIn(
                SaslRefusal::Sasl(
                    SaslError::OtherAuthzid | SaslError::Downgraded | SaslError::OtherBinding,
                )
                | SaslRefusal::SignIn(SignInError::Refused),
            ) => (Some(ResponseCode::Auth), self.to_string()),
            Self::SignIn(SaslRefusal::SignIn(_)) => (Some(ResponseCode::SysTemp), self.to_string()),
            Self::InUse => (Some(ResponseCode::InUse), self.to_string()),
            Self::Service(ServiceError::NotFound(_)) => (None, "no such message".to_owned()),
            Self::Service(_) => (
                Some(ResponseCode::SysTemp),
                "this cannot be done now, try again later".to_owned(),
            ),
            _ => (None, self.to_string()),
        };
        Reply::Err(code, words)
    }
}
