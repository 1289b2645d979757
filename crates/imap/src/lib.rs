//! The IMAP door: IMAP4rev1 and IMAP4rev2 on 143 (STARTTLS) and 993 (TLS at once).
//!
//! RFC 3501 for all, RFC 9051 for those who enable it (`rev2` and `enabled` say what differs),
//! with UIDPLUS (RFC 4315), MOVE (RFC 6851), IDLE (RFC 2177), ID (RFC 2971), NAMESPACE (RFC 2342),
//! SPECIAL-USE (RFC 6154), UNSELECT (RFC 3691), ENABLE (RFC 5161), ESEARCH (RFC 4731), SEARCHRES
//! (RFC 5182), WITHIN (RFC 5032), CONDSTORE and QRESYNC (RFC 7162), BINARY (RFC 3516), OBJECTID
//! (RFC 8474), SAVEDATE (RFC 8514), PREVIEW (RFC 8970), LITERAL+ (RFC 7888), CHILDREN (RFC 3348),
//! LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819), STATUS=SIZE (RFC 8438), MULTIAPPEND
//! (RFC 3502), APPENDLIMIT (RFC 7889), UTF8=ACCEPT (RFC 6855), QUOTA (RFC 9208), COMPRESS=DEFLATE
//! (RFC 4978) and SASL-IR (RFC 4959).
//!
//! What always holds:
//!
//! * A message keeps its sequence number until this client was told otherwise, and it is told of
//!   an expunge only when no command is in progress that uses sequence numbers (RFC 9051 §7.5.1).
//! * A reply of success leaves after the commit.
//! * No password is taken in the clear unless the listener's settings say so.
//! * No message is `\Recent`: with several sessions the flag would say different things to each,
//!   RFC 9051 has dropped it, and RFC 3501 §2.3.2 lets a server that cannot tell choose.
//! * Between two commands a connection holds no buffers, only its view of the selected mailbox and
//!   where it is compressed the 32 KiB to which the client may refer back.

mod error;
mod limits;

mod enabled;
mod output;
mod rev2;

mod selected;
mod tracking;

mod session;

mod cmd;
mod conn;

#[cfg(test)]
mod tests;

pub use conn::{TOO_MANY_CONNECTIONS, serve};
