//! The loop: reads commands, obeys the session, keeps the time.

use std::time::Duration;

use net::{Conn, ConnError, Deadline, Shutdown};
use service::{Ending, Protocol, SaslExchange, Service, WhyEnded};
use tokio::time::Instant;
use tracing::debug;
use types::{ListenerId, Secret};
use wire::imap::{
    CommandReader, Event, Line, LineScanner, ReadRefusal, ReaderLimits, SyntaxKind, Tag, parse,
};

use crate::error::ImapError;
use crate::limits::{AUTOLOGOUT, BEFORE_LOGIN, LINE_MAX_OCTETS};
use crate::output::Output;
use crate::selected::{Applied, Tell};
use crate::session::{Done, Next, Session, farewell};

/// What a client is told that finds no place, as the one line of the connection.
pub const TOO_MANY_CONNECTIONS: &str = "* BYE Too many connections, try again later\r\n";

/// What a client is told whose listener or server stops.
const STOPS: &str = "this service stops here, try again";

/// Speaks IMAP until the client leaves, the link breaks or the server stops.
///
/// A connection that should be under TLS from its start already is ([`net::TlsMode::Implicit`]).
pub async fn serve(conn: Conn, service: Service, listener: ListenerId, shutdown: Shutdown) {
    let peer = service.peer(&conn, Protocol::Imap, listener);
    let session = Session::new(service, peer, conn.can_start_tls());
    run(conn, session, shutdown).await;
}

/// Leads a session to its end.
pub(crate) async fn run(mut conn: Conn, mut session: Session, shutdown: Shutdown) {
    let ending = session.peer.ending.clone();
    let shutdown = ending.or(&shutdown);
    // Whatever is cut half-way is not answered; the client learns as much as from a broken link.
    let outcome = tokio::select! {
        outcome = converse(&mut conn, &mut session, &shutdown) => Some(outcome),
        () = ending.cut() => None,
    };
    match outcome {
        Some(Ok(())) => conn.close().await,
        None => debug!(session.id = %session.peer.session, "session ended by the server"),
        Some(Err(err)) => {
            debug!(session.id = %session.peer.session, reason = %err, "session broken: {err}");
        }
    }
    session.end().await;
}

async fn converse(
    conn: &mut Conn,
    session: &mut Session,
    shutdown: &Shutdown,
) -> Result<(), ConnError> {
    debug!(
        session.id = %session.peer.session,
        remote.ip = %session.peer.source(),
        "session begins with {}", session.peer.tls_words()
    );
    let until = Some(Instant::now() + BEFORE_LOGIN);
    set_deadline(conn, BEFORE_LOGIN, until);
    let mut reader = CommandReader::new(ReaderLimits::BEFORE_LOGIN);
    let mut signed_in = false;
    let mut out = Output::new(conn, session.spelling());
    session.greet(&mut out);
    out.hand_over().await?;
    let mut next = Next::Command;
    loop {
        if session.is_authenticated() && !std::mem::replace(&mut signed_in, true) {
            conn.mark_authenticated();
            set_deadline(conn, AUTOLOGOUT, None);
            reader.set_limits(ReaderLimits::AFTER_LOGIN);
        }
        next = match next {
            Next::Command => command(conn, session, &mut reader, shutdown).await?,
            Next::StartTls => {
                conn.start_tls().await?;
                session.secured(conn.tls_info().cloned());
                debug!(
                    session.id = %session.peer.session,
                    "TLS begins: {}", session.peer.tls_words()
                );
                reader = CommandReader::new(ReaderLimits::BEFORE_LOGIN);
                Next::Command
            }
            Next::Compress => {
                conn.start_compression().await?;
                Next::Command
            }
            Next::Sasl(tag, exchange) => sasl(conn, session, shutdown, tag, exchange).await?,
            Next::Idle(tag) => idle(conn, session, shutdown, tag).await?,
            Next::End => return Ok(()),
        };
    }
}

fn set_deadline(conn: &mut Conn, idle: Duration, until: Option<Instant>) {
    conn.set_deadline(Deadline { idle, until });
}

/// What came instead of octets.
enum Heard<T> {
    Said(T),
    /// The client closed.
    Gone,
    /// The client is silent for too long.
    Silence,
    /// The server stops.
    Stop,
}

impl<T> Heard<T> {
    /// What was said, or the words with which the session ends.
    fn or_farewell(self, ending: &Ending, out: &mut Output<'_>) -> Result<T, Next> {
        match self {
            Self::Said(said) => Ok(said),
            Self::Gone => Err(Next::End),
            Self::Silence => Err(farewell(out, "time is over")),
            Self::Stop => {
                let words = ending.why().map_or(STOPS, WhyEnded::words);
                Err(farewell(out, words))
            }
        }
    }
}

/// Shows the octets that are here, or waits for some. The wait is given up when the server stops;
/// reading loses nothing by that.
async fn octets<'a>(conn: &'a mut Conn, shutdown: &Shutdown) -> Result<Heard<&'a [u8]>, ConnError> {
    let read = tokio::select! {
        biased;
        () = shutdown.wait() => return Ok(Heard::Stop),
        read = conn.read_some() => read,
    };
    match read {
        Ok([]) => Ok(Heard::Gone),
        Ok(octets) => Ok(Heard::Said(octets)),
        Err(ConnError::IdleTimeout | ConnError::DeadlinePassed) => Ok(Heard::Silence),
        Err(err) => Err(err),
    }
}

/// Reads one command and has it carried out.
async fn command(
    conn: &mut Conn,
    session: &mut Session,
    reader: &mut CommandReader,
    shutdown: &Shutdown,
) -> Result<Next, ConnError> {
    let event = match next_event(conn, reader, shutdown).await? {
        Heard::Said(Event::Append(head, literal)) => {
            return crate::cmd::append(conn, session, &head, literal).await;
        }
        other => other,
    };
    let mut out = Output::new(conn, session.spelling());
    let next = match event.or_farewell(&session.peer.ending, &mut out) {
        Err(next) => next,
        Ok(Event::Refused(tag, why)) => session.refuse(tag.as_ref(), &why.into(), &mut out),
        Ok(Event::Fatal(why)) => farewell(&mut out, &why.to_string()),
        Ok(Event::Command(octets)) => {
            let parsed = parse::command_spelled(&octets, session.spelling());
            drop(octets);
            session.handle(parsed, &mut out).await?
        }
        Ok(Event::NeedMore | Event::Continue | Event::Append(..)) => Next::Command,
    };
    out.hand_over().await?;
    Ok(next)
}

/// Reads up to the next whole command, inviting literals on the way.
async fn next_event(
    conn: &mut Conn,
    reader: &mut CommandReader,
    shutdown: &Shutdown,
) -> Result<Heard<Event>, ConnError> {
    loop {
        let mut rest = match octets(conn, shutdown).await? {
            Heard::Said(octets) => octets,
            Heard::Gone => return Ok(Heard::Gone),
            Heard::Silence => return Ok(Heard::Silence),
            Heard::Stop => return Ok(Heard::Stop),
        };
        let shown = rest.len();
        let event = reader.feed(&mut rest);
        let used = shown - rest.len();
        conn.consume(used);
        match event {
            Event::NeedMore => {}
            Event::Continue => conn.write(b"+ go on\r\n").await?,
            event => return Ok(Heard::Said(event)),
        }
    }
}

/// Reads a line that is no command.
pub(crate) async fn line(
    conn: &mut Conn,
    max_octets: usize,
) -> Result<Result<Vec<u8>, ReadRefusal>, ConnError> {
    let mut scanner = LineScanner::new(max_octets);
    loop {
        let mut rest = conn.read_some().await?;
        if rest.is_empty() {
            return Err(ConnError::Truncated);
        }
        let shown = rest.len();
        let line = scanner.feed(&mut rest);
        let used = shown - rest.len();
        conn.consume(used);
        match line {
            Line::More => {}
            Line::Complete(line) => return Ok(Ok(line)),
            Line::Broken(why) => return Ok(Err(why)),
        }
    }
}

/// Reads the client's part of a SASL exchange.
async fn sasl(
    conn: &mut Conn,
    session: &mut Session,
    shutdown: &Shutdown,
    tag: Tag,
    exchange: Box<SaslExchange>,
) -> Result<Next, ConnError> {
    let response = tokio::select! {
        biased;
        () = shutdown.wait() => Heard::Stop,
        line = line(conn, LINE_MAX_OCTETS) => heard(line)?,
    };
    let mut out = Output::new(conn, session.spelling());
    let next = match response.or_farewell(&session.peer.ending, &mut out) {
        Err(next) => next,
        Ok(Err(why)) => farewell(&mut out, &why.to_string()),
        Ok(Ok(line)) => {
            let line = Secret::new(line);
            session.sasl_line(tag, *exchange, &line, &mut out).await?
        }
    };
    out.hand_over().await?;
    Ok(next)
}

fn heard<T>(read: Result<T, ConnError>) -> Result<Heard<T>, ConnError> {
    match read {
        Ok(said) => Ok(Heard::Said(said)),
        Err(ConnError::Truncated) => Ok(Heard::Gone),
        Err(ConnError::IdleTimeout | ConnError::DeadlinePassed) => Ok(Heard::Silence),
        Err(err) => Err(err),
    }
}

/// What ends a moment of idling.
enum Awoken {
    Change(Applied),
    Line(Heard<Result<Vec<u8>, ReadRefusal>>),
}

/// Tells news until the client says `DONE` (RFC 2177 §3), at most [`AUTOLOGOUT`] long.
async fn idle(
    conn: &mut Conn,
    session: &mut Session,
    shutdown: &Shutdown,
    tag: Tag,
) -> Result<Next, ConnError> {
    set_deadline(conn, AUTOLOGOUT, Some(Instant::now() + AUTOLOGOUT));
    loop {
        conn.flush().await?;
        // Whoever loses the race has taken nothing: changes wait in their queue, and octets of a
        // line that has not ended stay in the connection's buffer.
        let awoken = tokio::select! {
            biased;
            () = shutdown.wait() => Awoken::Line(Heard::Stop),
            line = conn.read_line(LINE_MAX_OCTETS) => Awoken::Line(done_line(line)?),
            change = session.next_change() => Awoken::Change(change),
        };
        let mut out = Output::new(conn, session.spelling());
        let line = match awoken {
            Awoken::Line(line) => line,
            Awoken::Change(applied) => {
                if !tell_news(session, applied, &mut out).await {
                    return ended(out, "the selected mailbox is no longer there").await;
                }
                out.hand_over().await?;
                continue;
            }
        };
        let next = match line.or_farewell(&session.peer.ending, &mut out) {
            Err(next) => next,
            Ok(Ok(line)) if line.eq_ignore_ascii_case(b"DONE") => {
                let done = Ok(Done::plain("no longer idling"));
                session.finish(&tag, done, Tell::All, &mut out).await?
            }
            Ok(Ok(_)) => {
                let err = ImapError::Syntax(SyntaxKind::Expected("DONE"));
                session.refuse(Some(&tag), &err, &mut out)
            }
            Ok(Err(why)) => farewell(&mut out, &why.to_string()),
        };
        out.hand_over().await?;
        set_deadline(conn, AUTOLOGOUT, None);
        return Ok(next);
    }
}

/// Tells what changed; `false` if the mailbox was deleted.
async fn tell_news(session: &mut Session, applied: Applied, out: &mut Output<'_>) -> bool {
    let lives = match applied {
        Applied::Yes => true,
        Applied::Missed => session.catch_up().await,
        Applied::MailboxGone => false,
    };
    lives && session.tell(Tell::All, out).await
}

async fn ended(mut out: Output<'_>, why: &str) -> Result<Next, ConnError> {
    let next = farewell(&mut out, why);
    out.hand_over().await?;
    Ok(next)
}

/// The line that should be `DONE`.
fn done_line(
    read: Result<Option<Vec<u8>>, ConnError>,
) -> Result<Heard<Result<Vec<u8>, ReadRefusal>>, ConnError> {
    match heard(read) {
        Ok(Heard::Said(Some(line))) => Ok(Heard::Said(Ok(line))),
        Ok(Heard::Said(None) | Heard::Gone) => Ok(Heard::Gone),
        Ok(Heard::Silence) => Ok(Heard::Silence),
        Ok(Heard::Stop) => Ok(Heard::Stop),
        Err(ConnError::LineTooLong) => Ok(Heard::Said(Err(ReadRefusal::LineTooLong))),
        Err(ConnError::BareLf) => Ok(Heard::Said(Err(ReadRefusal::BareLf))),
        Err(err) => Err(err),
    }
}
