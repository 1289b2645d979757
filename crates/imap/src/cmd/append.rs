//! APPEND (RFC 9051 §6.3.12, RFC 4315 §2, RFC 7888).
//!
//! Whether the message can be taken is decided before a client is invited to send it. One that
//! sends it uninvited is heard to its end, so that the next command is read where it begins.

use net::{Conn, ConnError};
use service::{BodySink, ServiceError};
use wire::imap::{AppendHead, Code, Command, LiteralHeader, StoreAction, Tag, Tagged, parse};

use super::copy::no_target;
use super::store::flag_change;
use crate::conn::line;
use crate::error::ImapError;
use crate::limits::DISCARD_MAX_OCTETS;
use crate::output::Output;
use crate::selected::Tell;
use crate::session::{Done, Next, Session, farewell};

/// Carries out an APPEND whose message comes next.
pub(crate) async fn append(
    conn: &mut Conn,
    session: &mut Session,
    head: &[u8],
    literal: LiteralHeader,
) -> Result<Next, ConnError> {
    let (tag, checked) = match parse::command(head) {
        Ok(Tagged {
            tag,
            command: Command::Append(head),
        }) => (
            Some(tag),
            session.append_begin(&head).await.map(|sink| (head, sink)),
        ),
        // The reader hands out no other command this way.
        Ok(Tagged { tag, .. }) => (Some(tag), Err(ImapError::NotNow("here"))),
        Err(err) => (err.tag, Err(ImapError::Syntax(err.kind))),
    };
    let (tag, head, sink) = match (tag, checked) {
        (Some(tag), Ok((head, sink))) => (tag, head, sink),
        (tag, Err(err)) => return refuse(conn, session, tag.as_ref(), &err, literal).await,
        (None, Ok(_)) => return Ok(Next::End),
    };
    if literal.synchronizing {
        conn.write(b"+ send the message\r\n").await?;
    }
    let received = receive(conn, sink, literal.octets).await?;
    let after = line(conn).await?;
    let outcome = match (received, after) {
        (_, Err(why)) => Err(why.into()),
        (Ok(_), Ok(rest)) if !rest.is_empty() => {
            Err(ImapError::BadMessage("one message can be appended at once"))
        }
        (Ok(sink), Ok(_)) => session.append_end(head, sink).await,
        (Err(err), Ok(_)) => Err(err),
    };
    let mut out = Output::new(conn);
    let next = session.finish(&tag, outcome, Tell::All, &mut out).await?;
    out.hand_over().await?;
    Ok(next)
}

/// Refuses before the message was invited; one that comes all the same is thrown away.
async fn refuse(
    conn: &mut Conn,
    session: &mut Session,
    tag: Option<&Tag>,
    err: &ImapError,
    literal: LiteralHeader,
) -> Result<Next, ConnError> {
    let comes = !literal.synchronizing;
    let strangers = comes && !session.is_authenticated();
    let too_much = comes && literal.octets > DISCARD_MAX_OCTETS;
    let mut rest_is_lost = strangers || too_much;
    if comes && !rest_is_lost {
        pass(conn, literal.octets, |_| {}).await?;
        rest_is_lost = line(conn).await?.is_err();
    }
    let mut out = Output::new(conn);
    let mut next = session.refuse(tag, err, &mut out);
    if rest_is_lost && !matches!(next, Next::End) {
        next = farewell(&mut out, "send literals only when invited");
    }
    out.hand_over().await?;
    Ok(next)
}

/// Takes the message to its last octet, also after it was found wanting.
async fn receive(
    conn: &mut Conn,
    mut sink: BodySink,
    octets: u64,
) -> Result<Result<BodySink, ImapError>, ConnError> {
    let mut fault = None;
    pass(conn, octets, |chunk| {
        if fault.is_none() {
            fault = take(&mut sink, chunk).err();
        }
    })
    .await?;
    Ok(match fault {
        None => Ok(sink),
        Some(err) => Err(err),
    })
}

fn take(sink: &mut BodySink, chunk: &[u8]) -> Result<(), ImapError> {
    // No literal may have it (RFC 9051 §4.3), and what others read from it, nobody knows.
    if chunk.contains(&0) {
        return Err(ImapError::BadMessage("a message has no NUL"));
    }
    Ok(sink.write(chunk)?)
}

/// Reads exactly this many octets.
async fn pass(conn: &mut Conn, octets: u64, mut each: impl FnMut(&[u8])) -> Result<(), ConnError> {
    let mut left = octets;
    while left > 0 {
        let shown = conn.read_some().await?;
        if shown.is_empty() {
            return Err(ConnError::Truncated);
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let chunk = &shown[..shown.len().min(most)];
        each(chunk);
        let used = chunk.len();
        left -= used as u64;
        conn.consume(used);
    }
    Ok(())
}

impl Session {
    /// Everything that can be refused before the message comes.
    async fn append_begin(&mut self, head: &AppendHead) -> Result<BodySink, ImapError> {
        let principal = self.principal()?;
        let max_octets = self.service.config().settings().message_size_max_octets;
        if head.message.octets > max_octets {
            return Err(ImapError::MessageTooLarge);
        }
        let target = self.service.mailbox_status(&principal, &head.mailbox).await;
        target.map_err(no_target)?;
        Ok(self.service.body_sink())
    }

    async fn append_end(&mut self, head: AppendHead, sink: BodySink) -> Result<Done, ImapError> {
        let principal = self.principal()?;
        let message = sink.finish()?;
        let flags = flag_change(StoreAction::Replace, &head.flags);
        let appended = self
            .service
            .message_append(&principal, &head.mailbox, flags, head.date, message)
            .await
            .map_err(|err| match err {
                ServiceError::TooLarge { .. } => ImapError::MessageTooLarge,
                other => no_target(other),
            })?;
        let code = Code::AppendUid(appended.uidvalidity, appended.uid);
        Ok(Done::coded(code, "appended"))
    }
}
