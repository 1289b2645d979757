//! What can go wrong between us and one client.

use std::io;

/// Why a connection cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnError {
    /// The line was longer than allowed. It was skipped whole, so the session may go on.
    #[error("the line is too long")]
    LineTooLong,
    /// The line ended with LF without CR. It was skipped, so the session may go on.
    #[error("the line ends with LF alone; it must end with CRLF")]
    BareLf,
    /// A line without any end; the session cannot go on.
    #[error("the line does not end")]
    LineEndless,
    /// The client closed in the middle of a line.
    #[error("the client closed in the middle of a line")]
    Truncated,
    /// The client was silent for too long.
    #[error("the client was silent for too long")]
    IdleTimeout,
    /// The time for the whole session or transfer is over.
    #[error("the time for this session is over")]
    DeadlinePassed,
    /// The client sent more behind the command that starts TLS (RFC 3207 §6). Close without a reply.
    #[error("the client sent plaintext behind the command that starts TLS")]
    InjectedPlaintext,
    /// This listener has no certificate.
    #[error("TLS is not offered here")]
    TlsNotOffered,
    /// TLS is on already.
    #[error("TLS is already in use")]
    TlsInUse,
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    /// Compression is on already.
    #[error("compression is already in use")]
    CompressionInUse,
    /// The client sent more before it heard that compression begins (RFC 4978 §3).
    #[error("the client sent more before compression was agreed")]
    SentTooEarly,
    /// The link is broken.
    #[error("the link is broken: {0}")]
    Io(#[from] io::Error),
}
