//! The loop: reads lines and content, obeys the session, keeps the time.

use std::time::Duration;

use net::{Conn, ConnError, Deadline, Shutdown};
use service::{Protocol, Service};
use tokio::time::Instant;
use tracing::debug;
use types::ListenerId;
use types::limits::SMTP_LINE_MAX_OCTETS;
use wire::smtp::Verb;

use crate::error::SmtpError;
use crate::intake;
use crate::session::{Heard, Next, Session, Step};
use crate::transaction::Incoming;

/// Time for a command or the next portion of content (RFC 5321 §4.5.3.2.7).
const IDLE: Duration = Duration::from_secs(300);
/// Time for a whole session of a server, or of a client that has signed in.
pub(crate) const SESSION: Duration = Duration::from_secs(3_600);
/// Time for a client of submission to sign in.
const BEFORE_SIGN_IN: Duration = Duration::from_secs(180);

/// What a client is told that finds no place, as the one line of the connection.
pub const TOO_MANY_CONNECTIONS: &str = "421 4.7.0 Too many connections, try again later\r\n";

/// How a listener speaks SMTP.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// Which listener.
    pub listener: ListenerId,
    /// [`Protocol::Smtp`] or [`Protocol::Submission`].
    pub protocol: Protocol,
}

/// Speaks SMTP over a connection, secured already where TLS comes first, until the client leaves,
/// the link breaks or the server stops.
pub async fn serve(mut conn: Conn, service: Service, door: Door, shutdown: Shutdown) {
    let time = match door.protocol {
        Protocol::Submission => BEFORE_SIGN_IN,
        _ => SESSION,
    };
    set_time(&mut conn, time);
    let peer = service.peer(&conn, door.protocol, door.listener);
    let session = Session::new(service, peer, conn.can_start_tls());
    run(conn, session, shutdown).await;
}

/// Leads a session to its end.
pub(crate) async fn run(mut conn: Conn, mut session: Session, shutdown: Shutdown) {
    let (id, ending) = (session.peer().session, session.peer().ending.clone());
    let shutdown = ending.or(&shutdown);
    // Whatever is cut half-way is not answered; the client learns as much as from a broken link.
    let outcome = tokio::select! {
        outcome = converse(&mut conn, &mut session, &shutdown) => Some(outcome),
        () = ending.cut() => None,
    };
    // What the session holds is free before the client can see that the connection is closed.
    session.end().await;
    match outcome {
        Some(Ok(())) => conn.close().await,
        None => debug!(session.id = %id, "session ended by the server"),
        Some(Err(err)) => debug!(session.id = %id, reason = %err, "session broken: {err}"),
    }
}

pub(crate) fn set_time(conn: &mut Conn, time: Duration) {
    conn.set_deadline(Deadline {
        idle: IDLE,
        until: Some(Instant::now() + time),
    });
}

async fn converse(
    conn: &mut Conn,
    session: &mut Session,
    shutdown: &Shutdown,
) -> Result<(), ConnError> {
    debug!(
        session.id = %session.peer().session,
        remote.ip = %session.peer().source(),
        "session begins with {}", session.peer().tls_words()
    );
    let mut step = session.greet();
    loop {
        if !step.delay.is_zero() {
            tokio::time::sleep(step.delay).await;
        }
        for reply in step.before.iter().chain([&step.reply]) {
            debug!(session.id = %session.peer().session, "reply {}", reply.code());
            conn.write(&reply.to_bytes()).await?;
        }
        match step.next {
            Next::StartTls => {
                conn.start_tls().await?;
                session.secured(conn.tls_info().cloned());
                debug!(
                    session.id = %session.peer().session,
                    "TLS begins: {}", session.peer().tls_words()
                );
            }
            Next::LineSignedIn => {
                conn.mark_authenticated();
                set_time(conn, SESSION);
            }
            _ => {}
        }
        step = match step.next {
            Next::End => return Ok(()),
            Next::Data(mut incoming) => {
                let ending = incoming.intake.read_data(conn).await?;
                session.data_received(incoming, ending).await
            }
            Next::SaslLine => match line(conn, shutdown).await? {
                Line::Gone => return Ok(()),
                Line::Said(line) => session.sasl_line(&line).await,
                Line::Fault(fault) => fault.answer(session),
            },
            Next::Line | Next::LineSignedIn | Next::StartTls => match line(conn, shutdown).await? {
                Line::Gone => return Ok(()),
                Line::Said(line) => command(conn, session, &line).await?,
                Line::Fault(fault) => fault.answer(session),
            },
        };
    }
}

/// The verb of a command line for the log; its arguments are nobody's business.
fn verb_of(line: &[u8]) -> &'static str {
    let end = line.iter().position(|c| !c.is_ascii_alphabetic());
    let verb = Verb::by_name(&line[..end.unwrap_or(line.len())]);
    verb.map_or("(not known)", Verb::name)
}

async fn command(conn: &mut Conn, session: &mut Session, said: &[u8]) -> Result<Step, ConnError> {
    debug!(session.id = %session.peer().session, "command {}", verb_of(said));
    match session.handle(said).await {
        Heard::Step(step) => Ok(step),
        Heard::Discard { octets, then } => {
            intake::discard(conn, octets).await?;
            Ok(then)
        }
        Heard::Chunk {
            mut incoming,
            octets,
            last,
        } => {
            let Incoming { intake, chunks, .. } = &mut *incoming;
            intake.read_chunk(conn, chunks, octets).await?;
            Ok(session.chunk_received(incoming, octets, last).await)
        }
    }
}

enum Line {
    Said(Vec<u8>),
    Fault(LineFault),
    /// The client closed.
    Gone,
}

/// What came instead of a line.
enum LineFault {
    TooLong,
    BareLf,
    Silence,
    Stop,
}

impl LineFault {
    fn answer(self, session: &mut Session) -> Step {
        match self {
            Self::TooLong => session.bad_command(&SmtpError::LineTooLong),
            // What follows could be meant for a server that takes LF for an end: hear no more.
            Self::BareLf => Step {
                next: Next::End,
                ..session.bad_command(&SmtpError::BareLf)
            },
            Self::Silence => Step::farewell(4, 2, "time is over"),
            Self::Stop => match session.peer().ending.why() {
                Some(why) => Step::farewell(7, 0, why.words()),
                None => Step::farewell(3, 2, "this service stops here, try again"),
            },
        }
    }
}

/// Reads a line. The wait is given up when the server stops; reading loses nothing by that.
async fn line(conn: &mut Conn, shutdown: &Shutdown) -> Result<Line, ConnError> {
    let read = tokio::select! {
        biased;
        () = shutdown.wait() => return Ok(Line::Fault(LineFault::Stop)),
        read = conn.read_line(SMTP_LINE_MAX_OCTETS) => read,
    };
    match read {
        Ok(Some(line)) => Ok(Line::Said(line)),
        Ok(None) => Ok(Line::Gone),
        Err(ConnError::LineTooLong) => Ok(Line::Fault(LineFault::TooLong)),
        Err(ConnError::BareLf) => Ok(Line::Fault(LineFault::BareLf)),
        Err(ConnError::IdleTimeout) => Ok(Line::Fault(LineFault::Silence)),
        Err(err) => Err(err),
    }
}
