//! Why a command was not carried out, and the words the client hears.

use service::{AdmitError, SaslRefusal, ScriptError, SignInError};
use wire::managesieve::parse::SyntaxError;
use wire::managesieve::{Code, Response, Verb};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SieveError {
    /// Not a command.
    #[error("{0}")]
    Syntax(#[from] SyntaxError),
    /// Allowed at another time.
    #[error("{verb} is not allowed {when}")]
    OutOfOrder { verb: Verb, when: &'static str },
    /// A password may be sent only under TLS.
    #[error("encryption is required to sign in")]
    NeedsTls,
    /// TLS is not to be had.
    #[error("TLS is not offered here")]
    TlsNotOffered,
    /// The client is not signed in.
    #[error("{0}")]
    SignIn(#[from] SaslRefusal),
    /// Nothing was done with a script.
    #[error("{0}")]
    Script(#[from] ScriptError),
}

impl SieveError {
    /// The reply to the client (RFC 5804 §1.3).
    pub(crate) fn response(&self) -> Response {
        Response::no(self.code(), self.to_string())
    }

    fn code(&self) -> Option<Code> {
        match self {
            Self::NeedsTls => Some(Code::EncryptNeeded),
            Self::SignIn(SaslRefusal::SignIn(
                SignInError::Throttled { .. } | SignInError::Busy | SignInError::Unavailable,
            )) => Some(Code::TryLater),
            Self::Script(err) => script_code(err),
            _ => None,
        }
    }
}

fn script_code(err: &ScriptError) -> Option<Code> {
    match err {
        ScriptError::Missing => Some(Code::Nonexistent),
        ScriptError::Exists => Some(Code::AlreadyExists),
        ScriptError::Active => Some(Code::Active),
        ScriptError::TooLarge => Some(Code::QuotaMaxSize),
        ScriptError::TooMany => Some(Code::QuotaMaxScripts),
        ScriptError::Refused(
            AdmitError::OverBudget(_)
            | AdmitError::Frozen(_)
            | AdmitError::NotKnownYet
            | AdmitError::Unavailable(_),
        ) => Some(Code::TryLater),
        ScriptError::Mistakes(_) | ScriptError::Refused(_) => None,
    }
}
