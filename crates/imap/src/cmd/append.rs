//! APPEND (RFC 9051 §6.3.12, RFC 4315 §2, RFC 7888, RFC 3502, RFC 6855 §4).
//!
//! Whether a message can be taken is decided before a client is invited to send it. One that
//! sends it uninvited is heard to its end, so that the next command is read where it begins.
//! Several messages are stored all at once or not at all.

use net::{Conn, ConnError};
use service::{BodySink, NewMessage, Quota, ServiceError};
use types::MailboxName;
use wire::imap::{
    AppendHead, AppendMessage, Code, Command, LiteralHeader, StoreAction, Tag, Tagged,
    literal_at_end, parse,
};

use super::copy::no_target;
use super::store::flag_change;
use crate::conn::line;
use crate::error::ImapError;
use crate::limits::{
    APPEND_LINE_MAX_OCTETS, APPEND_MESSAGES_MAX, APPEND_OCTETS_MAX, DISCARD_MAX_OCTETS,
};
use crate::output::Output;
use crate::selected::Tell;
use crate::session::{Done, Next, Session, farewell};

/// What has come of an APPEND so far.
struct Appending {
    mailbox: MailboxName,
    quota: Quota,
    messages: Vec<NewMessage>,
    octets: u64,
}

/// Why an APPEND was not carried out, and the literal that was announced last if nobody read it.
struct Refusal {
    err: ImapError,
    literal: Option<LiteralHeader>,
}

/// Carries out an APPEND whose first message comes next.
pub(crate) async fn append(
    conn: &mut Conn,
    session: &mut Session,
    head: &[u8],
    literal: LiteralHeader,
) -> Result<Next, ConnError> {
    let (tag, outcome) = match parse::command_spelled(head, session.spelling()) {
        Ok(Tagged {
            tag,
            command: Command::Append(head),
        }) => (Some(tag), messages(conn, session, head).await?),
        // The reader hands out no other command this way.
        Ok(Tagged { tag, .. }) => (
            Some(tag),
            Err(Refusal::of(ImapError::NotNow("here"), literal)),
        ),
        Err(err) => (
            err.tag,
            Err(Refusal::of(ImapError::Syntax(err.kind), literal)),
        ),
    };
    let (tag, appending) = match (tag, outcome) {
        (Some(tag), Ok(appending)) => (tag, appending),
        (tag, Err(refusal)) => return refuse(conn, session, tag.as_ref(), refusal).await,
        (None, Ok(_)) => return Ok(Next::End),
    };
    let outcome = session.append_end(appending).await;
    let mut out = Output::new(conn, session.spelling());
    let next = session.finish(&tag, outcome, Tell::All, &mut out).await?;
    out.hand_over().await?;
    Ok(next)
}

/// Takes one message after the other, up to the end of the command.
async fn messages(
    conn: &mut Conn,
    session: &Session,
    head: AppendHead,
) -> Result<Result<Appending, Refusal>, ConnError> {
    let mut next = Some(head.first);
    let mut appending = match session.append_begin(head.mailbox).await {
        Ok(appending) => appending,
        Err(err) => {
            return Ok(Err(Refusal {
                err,
                literal: next.map(|next| next.literal),
            }));
        }
    };
    while let Some(message) = next {
        let literal = message.literal;
        let sink = match session.append_check(&appending, &message) {
            Ok(sink) => sink,
            Err(err) => return Ok(Err(Refusal::of(err, literal))),
        };
        if literal.synchronizing {
            conn.write(b"+ send the message\r\n").await?;
        }
        next = match take(conn, &mut appending, message, sink).await? {
            Ok(next) => next,
            Err(refusal) => return Ok(Err(refusal)),
        };
    }
    Ok(Ok(appending))
}

/// Takes a message and the line behind it, which may announce another one.
async fn take(
    conn: &mut Conn,
    appending: &mut Appending,
    message: AppendMessage,
    sink: BodySink,
) -> Result<Result<Option<AppendMessage>, Refusal>, ConnError> {
    let octets = message.literal.octets;
    let received = receive(conn, sink, octets).await?;
    let rest = match line(conn, APPEND_LINE_MAX_OCTETS).await? {
        Ok(rest) => rest,
        Err(why) => {
            return Ok(Err(Refusal {
                err: why.into(),
                literal: None,
            }));
        }
    };
    let next = rest_of(&rest, message.utf8).map_err(ImapError::Syntax);
    let received = received.and_then(|sink| Ok((sink.finish()?, next?)));
    Ok(match received {
        Ok((body, next)) => {
            appending.octets += octets;
            appending.messages.push(NewMessage {
                flags: flag_change(StoreAction::Replace, &message.flags),
                internal_date: message.date,
                message: body,
            });
            Ok(next)
        }
        Err(err) => Err(Refusal {
            err,
            literal: literal_at_end(&rest),
        }),
    })
}

/// What stands behind a message: nothing, or the head of the next one.
fn rest_of(line: &[u8], utf8: bool) -> Result<Option<AppendMessage>, wire::imap::SyntaxKind> {
    let open = wire::imap::SyntaxKind::Expected(") behind the message");
    let rest = if utf8 {
        line.strip_prefix(b")").ok_or(open)?
    } else {
        line
    };
    parse::append_next(rest)
}

impl Refusal {
    fn of(err: ImapError, literal: LiteralHeader) -> Self {
        let literal = Some(literal);
        Self { err, literal }
    }
}

/// Says why, after what comes all the same was read and thrown away.
async fn refuse(
    conn: &mut Conn,
    session: &mut Session,
    tag: Option<&Tag>,
    refusal: Refusal,
) -> Result<Next, ConnError> {
    let Refusal { err, literal } = refusal;
    let comes = literal.is_some_and(|literal| !literal.synchronizing);
    let line_broken = matches!(err, ImapError::Read(_));
    let rest_is_lost = if session.is_authenticated() {
        line_broken || !discard(conn, literal).await?
    } else {
        line_broken || comes
    };
    let mut out = Output::new(conn, session.spelling());
    let mut next = session.refuse(tag, &err, &mut out);
    if rest_is_lost && !matches!(next, Next::End) {
        next = farewell(&mut out, "send literals only when invited");
    }
    out.hand_over().await?;
    Ok(next)
}

/// Reads to the end of the command, past literals that nobody invited; `false` if there is no end
/// within [`DISCARD_MAX_OCTETS`].
async fn discard(conn: &mut Conn, announced: Option<LiteralHeader>) -> Result<bool, ConnError> {
    let mut left = DISCARD_MAX_OCTETS;
    let mut announced = announced;
    while let Some(literal) = announced.filter(|literal| !literal.synchronizing) {
        if literal.octets > left {
            return Ok(false);
        }
        pass(conn, literal.octets, |_| {}).await?;
        let Ok(rest) = line(conn, APPEND_LINE_MAX_OCTETS).await? else {
            return Ok(false);
        };
        // A line counts too, so that empty literals come to an end.
        let octets = literal.octets + rest.len() as u64;
        left = left.saturating_sub(octets);
        announced = literal_at_end(&rest);
    }
    Ok(true)
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
            fault = write(&mut sink, chunk).err();
        }
    })
    .await?;
    Ok(match fault {
        None => Ok(sink),
        Some(err) => Err(err),
    })
}

fn write(sink: &mut BodySink, chunk: &[u8]) -> Result<(), ImapError> {
    // No literal but `literal8` may have it, and what others read from it, nobody knows.
    if chunk.contains(&0) {
        return Err(ImapError::Binary);
    }
    sink.write(chunk).map_err(too_large)
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
    /// What can be refused of the whole command before a message comes.
    async fn append_begin(&self, mailbox: MailboxName) -> Result<Appending, ImapError> {
        let principal = self.principal()?;
        let target = self.service.mailbox_status(&principal, &mailbox).await;
        target.map_err(no_target)?;
        Ok(Appending {
            mailbox,
            quota: self.service.quota(&principal).await?,
            messages: Vec::new(),
            octets: 0,
        })
    }

    /// What can be refused of one message before it comes.
    fn append_check(
        &self,
        appending: &Appending,
        message: &AppendMessage,
    ) -> Result<BodySink, ImapError> {
        let octets = message.literal.octets;
        let total = appending.octets.saturating_add(octets);
        if message.utf8 && !self.enabled.utf8 {
            return Err(ImapError::NotNow("before UTF8=ACCEPT is enabled"));
        }
        // This is how a client takes an APPEND back (RFC 3502 §6.3.11).
        if octets == 0 {
            return Err(ImapError::BadMessage(
                "a message is not empty; nothing was appended",
            ));
        }
        if octets > self.append_limit() {
            return Err(ImapError::MessageTooLarge);
        }
        let is_first = appending.messages.is_empty();
        if !is_first && total > APPEND_OCTETS_MAX {
            return Err(ImapError::Limit("octets of one APPEND"));
        }
        if appending.messages.len() >= APPEND_MESSAGES_MAX {
            return Err(ImapError::Limit("messages of one APPEND"));
        }
        if !appending.quota.has_room(total) {
            return Err(ServiceError::OverQuota.into());
        }
        Ok(self.service.body_sink())
    }

    async fn append_end(&mut self, appending: Appending) -> Result<Done, ImapError> {
        let principal = self.principal()?;
        let appended = self
            .service
            .message_append(&principal, &appending.mailbox, appending.messages)
            .await
            .map_err(no_target)?;
        let code = Code::AppendUid(appended.uidvalidity, appended.uids);
        Ok(Done::coded(code, "appended"))
    }
}

fn too_large(err: ServiceError) -> ImapError {
    match err {
        ServiceError::TooLarge { .. } => ImapError::MessageTooLarge,
        other => other.into(),
    }
}
