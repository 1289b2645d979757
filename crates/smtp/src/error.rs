//! Why a command was not carried out, and the words the client hears.

use service::{AcceptError, RecipientError, SaslRefusal, SenderError, ServiceError, SignInError};
use types::Status;
use wire::sasl::SaslError;
use wire::smtp::parse::SyntaxError;
use wire::smtp::{ContentFault, Reply, Verb};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SmtpError {
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
    /// Not part of this service.
    #[error("{0} is not offered here")]
    NotOffered(Verb),
    /// Mail may be submitted only after STARTTLS.
    #[error("issue STARTTLS first")]
    NeedsTls,
    /// REQUIRETLS was asked for in the clear.
    #[error("REQUIRETLS can be used under TLS only")]
    NeedsTlsToRequireIt,
    /// A password may be sent only under TLS.
    #[error("encryption is required to sign in")]
    NeedsTlsToSignIn,
    /// Mail may be submitted only after AUTH.
    #[error("sign in first")]
    NeedsSignIn,
    /// An address beyond ASCII in a transaction without SMTPUTF8.
    #[error("the address needs SMTPUTF8")]
    NeedsSmtpUtf8,
    /// DATA or BDAT without any accepted recipient.
    #[error("no valid recipients")]
    NoRecipients,
    /// One message has too many recipients.
    #[error("too many recipients in one message")]
    TooManyRecipients,
    /// The message is, or is declared, too large.
    #[error("the message is larger than {max_octets} octets")]
    TooLarge { max_octets: u64 },
    /// The content has what no message may have.
    #[error("{0}")]
    Content(ContentFault),
    /// The sender is not allowed.
    #[error("{0}")]
    Sender(#[from] SenderError),
    /// The recipient is not accepted.
    #[error("{0}")]
    Recipient(#[from] RecipientError),
    /// The message is not accepted.
    #[error("{0}")]
    Accept(#[from] AcceptError),
    /// The client is not signed in.
    #[error("{0}")]
    SignIn(#[from] SaslRefusal),
    /// Something else could not be done.
    #[error("{0}")]
    Service(#[from] ServiceError),
}

impl SmtpError {
    /// The reply to the client (RFC 5321 §4.2.3, RFC 3463 §3). It names no cause of ours.
    pub(crate) fn reply(&self) -> Reply {
        let (code, status) = self.status();
        match self {
            Self::Accept(AcceptError::Rejected(reason)) => Reply::of_text(code, status, reason),
            _ => Reply::new(code, status, self.words()),
        }
    }

    fn status(&self) -> (u16, Status) {
        let (code, class, subject, detail) = match self {
            Self::Syntax(err) => syntax_status(err),
            Self::LineTooLong => (500, 5, 5, 6),
            Self::BareLf => (500, 5, 5, 2),
            Self::OutOfOrder { .. } => (503, 5, 5, 1),
            Self::NotOffered(_) => (502, 5, 5, 1),
            Self::NeedsTls | Self::NeedsSignIn => (530, 5, 7, 0),
            Self::NeedsTlsToSignIn => (538, 5, 7, 11),
            Self::NeedsTlsToRequireIt => (530, 5, 7, 10),
            Self::NeedsSmtpUtf8 => (553, 5, 6, 7),
            Self::NoRecipients => (554, 5, 5, 1),
            Self::TooManyRecipients => (452, 4, 5, 3),
            Self::TooLarge { .. } => (552, 5, 3, 4),
            Self::Content(_) => (550, 5, 6, 0),
            Self::Sender(err) => sender_status(err),
            Self::Recipient(err) => recipient_status(err),
            Self::Accept(err) => accept_status(err),
            Self::SignIn(err) => sign_in_status(err),
            Self::Service(err) => service_status(err),
        };
        (code, Status::new(class, subject, detail))
    }

    fn words(&self) -> String {
        match self {
            Self::Service(ServiceError::TooLarge { .. } | ServiceError::Limit(_)) => {
                self.to_string()
            }
            Self::Service(_) => "the message cannot be taken now, try again later".to_owned(),
            err => err.to_string(),
        }
    }
}

type Numbers = (u16, u8, u16, u16);

fn syntax_status(err: &SyntaxError) -> Numbers {
    match err {
        SyntaxError::UnknownVerb => (500, 5, 5, 1),
        SyntaxError::ControlCharacter => (500, 5, 5, 2),
        SyntaxError::Arguments(_) | SyntaxError::HeloName | SyntaxError::BadParam(_) => {
            (501, 5, 5, 4)
        }
        SyntaxError::ReversePath(_) => (501, 5, 1, 7),
        SyntaxError::ForwardPath(_) => (501, 5, 1, 3),
        SyntaxError::NeedsSmtpUtf8 => (550, 5, 6, 7),
        SyntaxError::UnknownParam(_) => (555, 5, 5, 4),
        SyntaxError::UnknownMechanism => (504, 5, 5, 4),
    }
}

fn sender_status(err: &SenderError) -> Numbers {
    match err {
        SenderError::NotYours => (550, 5, 7, 1),
        SenderError::Unavailable => (451, 4, 3, 0),
    }
}

fn sign_in_status(err: &SaslRefusal) -> Numbers {
    match err {
        SaslRefusal::NotOffered => (504, 5, 5, 4),
        SaslRefusal::Sasl(SaslError::Cancelled) => (501, 5, 7, 0),
        SaslRefusal::Sasl(
            SaslError::OtherAuthzid | SaslError::Downgraded | SaslError::OtherBinding,
        )
        | SaslRefusal::SignIn(SignInError::Refused) => (535, 5, 7, 8),
        SaslRefusal::Sasl(_) => (501, 5, 5, 2),
        SaslRefusal::SignIn(_) => (454, 4, 7, 0),
    }
}

fn recipient_status(err: &RecipientError) -> Numbers {
    match err {
        RecipientError::NoSuchMailbox => (550, 5, 1, 1),
        RecipientError::RelayDenied => (550, 5, 7, 1),
        RecipientError::Disabled => (550, 5, 2, 1),
        RecipientError::OverQuota => (452, 4, 2, 2),
        RecipientError::SenderBlocked => (550, 5, 7, 1),
        RecipientError::Listed { .. } => (550, 5, 7, 1),
        RecipientError::SentEnough { .. } => (450, 4, 7, 1),
        RecipientError::RequireTls => (550, 5, 7, 30),
        RecipientError::TooManyHops => (554, 5, 4, 6),
        RecipientError::Unavailable => (451, 4, 3, 0),
    }
}

fn accept_status(err: &AcceptError) -> Numbers {
    match err {
        AcceptError::SenderNotYours { .. } => (550, 5, 7, 1),
        AcceptError::Malformed(_) => (550, 5, 6, 0),
        AcceptError::Rejected(_) => (550, 5, 7, 1),
        AcceptError::Loop => (554, 5, 4, 6),
        AcceptError::TooLarge { .. } => (552, 5, 3, 4),
        AcceptError::OverQuota => (452, 4, 2, 2),
        AcceptError::NoSpace => (452, 4, 3, 1),
        AcceptError::Unavailable => (451, 4, 3, 0),
    }
}

fn service_status(err: &ServiceError) -> Numbers {
    match err {
        ServiceError::TooLarge { .. } | ServiceError::Limit(_) => (552, 5, 3, 4),
        ServiceError::NoSpace => (452, 4, 3, 1),
        _ => (451, 4, 3, 0),
    }
}
