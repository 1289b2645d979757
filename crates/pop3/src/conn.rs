//! The loop: reads lines, obeys the session, writes its replies, keeps the time.

use std::time::Duration;

use net::{Conn, ConnError, Deadline, Shutdown};
use service::{Protocol, Service, StoredMessage, WhyEnded};
use tokio::time::Instant;
use tracing::debug;
use types::ListenerId;
use types::limits::POP3_LINE_MAX_OCTETS;
use wire::pop3::{DotStuffer, Reply, TopCut, Verb};

use crate::error::Pop3Error;
use crate::maildrop::Listing;
use crate::session::{Next, Session, Step};

/// Time for a command once signed in (RFC 1939 §3 asks for at least ten minutes).
const IDLE: Duration = Duration::from_secs(600);
/// Time for a whole session.
const SESSION: Duration = Duration::from_secs(12 * 3_600);
/// Time to sign in.
const BEFORE_SIGN_IN: Duration = Duration::from_secs(120);
/// Octets of a message that are read from storage at once.
const PIECE_OCTETS: usize = 65_536;
/// Messages whose lines of a listing are made at once.
const LISTING_MESSAGES: usize = 1_024;

/// What a client is told whose listener or server stops.
const STOPS: &str = "this service stops here, try again";

/// What a client is told that finds no place, as the one line of the connection.
pub const TOO_MANY_CONNECTIONS: &str = "-ERR [SYS/TEMP] Too many connections, try again later\r\n";

/// Why a session broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// In the middle of a message there is no way to say so but to close.
    #[error("the message could not be read: {0}")]
    Service(#[from] service::ServiceError),
    #[error("the message is shorter than it should be")]
    MessageShort,
}

/// Speaks POP3 over a connection, secured already where TLS comes first, until the client leaves,
/// the link breaks or the server stops.
pub async fn serve(mut conn: Conn, service: Service, listener: ListenerId, shutdown: Shutdown) {
    conn.set_deadline(Deadline {
        idle: BEFORE_SIGN_IN,
        until: Some(Instant::now() + BEFORE_SIGN_IN),
    });
    let peer = service.peer(&conn, Protocol::Pop3, listener);
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

async fn converse(
    conn: &mut Conn,
    session: &mut Session,
    shutdown: &Shutdown,
) -> Result<(), Broken> {
    debug!(
        session.id = %session.peer().session,
        remote.ip = %session.peer().source(),
        "session begins with {}", session.peer().tls_words()
    );
    let mut step = session.greet();
    loop {
        debug!(session.id = %session.peer().session, "reply {}", word_of(&step.reply));
        conn.write(&step.reply.to_bytes()).await?;
        let in_sasl = matches!(step.next, Next::SaslLine);
        match step.next {
            Next::End => return Ok(()),
            Next::LineSignedIn => {
                conn.mark_authenticated();
                conn.set_deadline(Deadline {
                    idle: IDLE,
                    until: Some(Instant::now() + SESSION),
                });
            }
            Next::Lines(lines) => {
                for line in lines {
                    conn.write(line.as_bytes()).await?;
                    conn.write(b"\r\n").await?;
                }
                conn.write(b".\r\n").await?;
            }
            Next::Listing(listing) => write_listing(conn, session, listing).await?,
            Next::Message { stored, lines } => write_message(conn, &stored, lines).await?,
            Next::StartTls => {
                conn.start_tls().await?;
                session.secured(conn.tls_info().cloned());
                debug!(
                    session.id = %session.peer().session,
                    "TLS begins: {}", session.peer().tls_words()
                );
            }
            Next::Line | Next::SaslLine => {}
        }
        step = match line(conn, shutdown).await? {
            Line::Gone => return Ok(()),
            Line::Said(line) if in_sasl => session.sasl_line(&line).await,
            Line::Said(line) => {
                debug!(session.id = %session.peer().session, "command {}", verb_of(&line));
                session.handle(&line).await
            }
            Line::TooLong => session.bad_command(&Pop3Error::LineTooLong),
            Line::BareLf => session.bad_command(&Pop3Error::BareLf),
            Line::Stop => {
                let why = session.peer().ending.why();
                Step::farewell(why.map_or(STOPS, WhyEnded::words))
            }
        };
    }
}

/// The verb of a command line for the log; its arguments are nobody's business.
fn verb_of(line: &[u8]) -> &'static str {
    let end = line.iter().position(|c| !c.is_ascii_alphabetic());
    let verb = Verb::by_name(&line[..end.unwrap_or(line.len())]);
    verb.map_or("(not known)", Verb::name)
}

/// What sort of reply it is, without its text.
fn word_of(reply: &Reply) -> String {
    match reply {
        Reply::Ok(_) => "+OK".to_owned(),
        Reply::Err(None, _) => "-ERR".to_owned(),
        Reply::Err(Some(code), _) => format!("-ERR [{code}]"),
        Reply::Challenge(_) => "+".to_owned(),
    }
}

async fn write_listing(
    conn: &mut Conn,
    session: &Session,
    listing: Listing,
) -> Result<(), ConnError> {
    for numbers in session.numbers().chunks(LISTING_MESSAGES) {
        conn.write(&session.listed(listing, numbers)).await?;
    }
    conn.write(b".\r\n").await
}

async fn write_message(
    conn: &mut Conn,
    stored: &StoredMessage,
    lines: Option<u64>,
) -> Result<(), Broken> {
    let mut stuffer = DotStuffer::default();
    let mut top = lines.map(TopCut::new);
    let mut offset = 0;
    let mut out = Vec::new();
    while offset < stored.octets && !top.as_ref().is_some_and(TopCut::is_done) {
        let piece = stored.read(offset, PIECE_OCTETS).await?;
        if piece.is_empty() {
            return Err(Broken::MessageShort);
        }
        offset += piece.len() as u64;
        let wanted = match &mut top {
            Some(top) => top.take(&piece),
            None => &piece,
        };
        stuffer.write(wanted, &mut out);
        conn.write(&out).await?;
        out.clear();
    }
    stuffer.finish(&mut out);
    Ok(conn.write(&out).await?)
}

enum Line {
    Said(Vec<u8>),
    TooLong,
    BareLf,
    /// The client closed, or its time is over: RFC 1939 §3 asks to close without a word.
    Gone,
    Stop,
}

/// Reads a line. The wait is given up when the server stops; reading loses nothing by that.
async fn line(conn: &mut Conn, shutdown: &Shutdown) -> Result<Line, ConnError> {
    let read = tokio::select! {
        biased;
        () = shutdown.wait() => return Ok(Line::Stop),
        read = conn.read_line(POP3_LINE_MAX_OCTETS) => read,
    };
    match read {
        Ok(Some(line)) => Ok(Line::Said(line)),
        Ok(None) | Err(ConnError::IdleTimeout) => Ok(Line::Gone),
        Err(ConnError::LineTooLong) => Ok(Line::TooLong),
        Err(ConnError::BareLf) => Ok(Line::BareLf),
        Err(err) => Err(err),
    }
}
