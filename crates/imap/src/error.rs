//! Why a command was not carried out, and the words that the client hears.

use net::ConnError;
use service::{SaslRefusal, ServiceError, SignInError};
use types::MailboxNameError;
use wire::imap::{Code, Condition, ReadRefusal, SyntaxKind};
use wire::sasl::SaslError;

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImapError {
    /// The grammar does not know it.
    #[error("{0}")]
    Syntax(SyntaxKind),
    /// It was not read to its end.
    #[error("{0}")]
    Read(#[from] ReadRefusal),
    /// It is not allowed in this state.
    #[error("not allowed {0}")]
    NotNow(&'static str),
    /// Passwords are not taken in the clear.
    #[error("start TLS first")]
    NeedsTls,
    /// TLS is not on offer, or already in use.
    #[error("TLS cannot be started now")]
    NoTls,
    /// The SASL mechanism is not offered.
    #[error("this mechanism is not offered")]
    NoMechanism,
    /// Compression is in use already.
    #[error("compression is in use already")]
    Compresses,
    /// The sign-in was refused.
    #[error("{0}")]
    SignIn(#[from] SaslRefusal),
    /// A message sequence number is larger than the number of messages.
    #[error("there is no message of this number")]
    NoSuchMessage,
    /// The mailbox was opened with EXAMINE.
    #[error("the mailbox is open for reading only")]
    ReadOnly,
    /// The target of APPEND, COPY or MOVE does not exist.
    #[error("the target mailbox does not exist")]
    NoTarget,
    /// Some of the messages were expunged by another session.
    #[error("some of the messages are no longer there")]
    Expunged,
    /// The same, and others were left alone, since they had changed (RFC 7162 §3.1.3).
    #[error("some of the messages are no longer there, others were changed meanwhile")]
    Modified(Vec<u32>),
    /// A part that shall be decoded has an encoding that nobody knows (RFC 3516 §4.2).
    #[error("the part has an unknown transfer encoding")]
    UnknownEncoding,
    /// A message with NUL: it is not kept (RFC 3516 §4.4).
    #[error("a message with NUL cannot be kept, encode it")]
    Binary,
    /// So many of the messages are not what was stored; the others were sent (RFC 5530 §3).
    #[error("{0} of the messages are damaged on the server and were left out")]
    Damaged(usize),
    /// INBOX can be neither deleted nor created.
    #[error("INBOX always exists")]
    Inbox,
    /// There is no quota root of this name: the account has no quota, or its root another name.
    #[error("there is no such quota root")]
    NoQuotaRoot,
    /// Clients do not set quotas.
    #[error("whoever runs this server sets quotas")]
    QuotaIsGiven,
    /// The message to append is larger than allowed.
    #[error("the message is too large")]
    MessageTooLarge,
    /// The message to append has a NUL octet, or something stands behind it.
    #[error("{0}")]
    BadMessage(&'static str),
    /// A limit of this door.
    #[error("too many {0}")]
    Limit(&'static str),
    /// What the service said.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The connection is broken; nobody hears the answer.
    #[error(transparent)]
    Conn(#[from] ConnError),
}

impl ImapError {
    /// Condition and code of the answer (RFC 9051 §7.1, RFC 5530 §3).
    pub(crate) fn answer(&self) -> (Condition, Option<Code>) {
        let no = |name| (Condition::No, Some(Code::Plain(name)));
        match self {
            Self::Syntax(SyntaxKind::Charset) => (Condition::No, Some(Code::BadCharset)),
            Self::Syntax(SyntaxKind::MailboxName(err)) => no(name_code(*err)),
            Self::Syntax(SyntaxKind::Utf7(_)) => no("CANNOT"),
            Self::Syntax(SyntaxKind::SpecialUse) => no("USEATTR"),
            Self::Syntax(SyntaxKind::TooMany(_)) | Self::Limit(_) => no("LIMIT"),
            Self::Read(ReadRefusal::LiteralTooLarge) => no("TOOBIG"),
            Self::Syntax(_) | Self::Read(_) | Self::NotNow(_) | Self::NoSuchMessage => {
                (Condition::Bad, None)
            }
            Self::NoTls => (Condition::Bad, None),
            Self::NeedsTls => no("PRIVACYREQUIRED"),
            Self::NoMechanism => no("CANNOT"),
            Self::Compresses => no("COMPRESSIONACTIVE"),
            Self::SignIn(err) => sign_in_answer(err),
            Self::ReadOnly => no("READ-ONLY"),
            Self::NoTarget => no("TRYCREATE"),
            Self::NoQuotaRoot => no("NONEXISTENT"),
            Self::QuotaIsGiven => no("NOPERM"),
            Self::Expunged => no("EXPUNGEISSUED"),
            Self::UnknownEncoding | Self::Binary => no("UNKNOWN-CTE"),
            Self::Damaged(_) => no("CORRUPTION"),
            Self::Modified(numbers) => (Condition::No, Some(Code::Modified(numbers.clone()))),
            Self::Inbox | Self::BadMessage(_) => no("CANNOT"),
            Self::MessageTooLarge => no("TOOBIG"),
            Self::Service(err) => no(service_code(err)),
            Self::Conn(_) => no("UNAVAILABLE"),
        }
    }

    /// Whether the client did something that no client should.
    pub(crate) fn is_bad(&self) -> bool {
        self.answer().0 == Condition::Bad
    }
}

fn name_code(err: MailboxNameError) -> &'static str {
    match err {
        MailboxNameError::TooLong => "LIMIT",
        MailboxNameError::EmptyLevel | MailboxNameError::BadLevel => "CANNOT",
    }
}

fn sign_in_answer(err: &SaslRefusal) -> (Condition, Option<Code>) {
    let code = match err {
        SaslRefusal::NotOffered => "CANNOT",
        SaslRefusal::SignIn(SignInError::Refused)
        | SaslRefusal::Sasl(SaslError::Downgraded | SaslError::OtherBinding) => {
            "AUTHENTICATIONFAILED"
        }
        SaslRefusal::Sasl(_) => return (Condition::Bad, None),
        SaslRefusal::SignIn(_) => "UNAVAILABLE",
    };
    (Condition::No, Some(Code::Plain(code)))
}

fn service_code(err: &ServiceError) -> &'static str {
    match err {
        ServiceError::NotFound(_) => "NONEXISTENT",
        ServiceError::Exists => "ALREADYEXISTS",
        ServiceError::SpecialUseTaken(..) => "USEATTR",
        ServiceError::Refused(_) => "CANNOT",
        ServiceError::OverQuota => "OVERQUOTA",
        ServiceError::TooLarge { .. } => "TOOBIG",
        ServiceError::Limit(_) => "LIMIT",
        ServiceError::NoSpace | ServiceError::Busy => "UNAVAILABLE",
        ServiceError::Damaged => "CORRUPTION",
        ServiceError::Unavailable => "SERVERBUG",
    }
}
