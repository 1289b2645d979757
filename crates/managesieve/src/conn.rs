//! The loop: reads commands, obeys the session, writes its replies, keeps the time.

use std::time::Duration;

use net::{Conn, ConnError, Deadline, Shutdown};
use service::{Protocol, Service, WhyEnded};
use sieve::limits::SCRIPT_MAX_OCTETS;
use tokio::time::Instant;
use tracing::debug;
use types::ListenerId;
use wire::managesieve::{CommandReader, Event, ReaderLimits, Response, Verb};

use crate::session::{Next, Session, Step};

/// Time between commands once signed in (RFC 5804 §1.2 asks for at least 30 minutes).
const IDLE: Duration = Duration::from_secs(1_800);
/// Time for a whole session.
const SESSION: Duration = Duration::from_secs(12 * 3_600);
/// Time to sign in.
const BEFORE_SIGN_IN: Duration = Duration::from_secs(120);

/// What a client is told whose listener or server stops.
const STOPS: &str = "this service stops here, try again";

/// What a client is told that finds no place, as the one line of the connection.
pub const TOO_MANY_CONNECTIONS: &str =
    "BYE (TRYLATER) \"Too many connections, try again later\"\r\n";

/// Speaks ManageSieve over a connection until the client leaves, the link breaks or the server stops.
pub async fn serve(mut conn: Conn, service: Service, listener: ListenerId, shutdown: Shutdown) {
    conn.set_deadline(Deadline {
        idle: BEFORE_SIGN_IN,
        until: Some(Instant::now() + BEFORE_SIGN_IN),
    });
    let peer = service.peer(&conn, Protocol::Managesieve, listener);
    let session = Session::new(service, peer, conn.can_start_tls());
    run(conn, session, shutdown).await;
}

/// Leads a session to its end.
pub(crate) async fn run(mut conn: Conn, mut session: Session, shutdown: Shutdown) {
    let (id, ending) = (session.peer().session, session.peer().ending.clone());
    let shutdown = ending.or(&shutdown);
    // Whatever is cut half-way is not answered; a change whose growth is signed completes.
    let outcome = tokio::select! {
        outcome = converse(&mut conn, &mut session, &shutdown) => Some(outcome),
        () = ending.cut() => None,
    };
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
) -> Result<(), ConnError> {
    debug!(
        session.id = %session.peer().session,
        remote.ip = %session.peer().source(),
        "session begins with {}", session.peer().tls_words()
    );
    let mut reader = CommandReader::new(ReaderLimits::BEFORE_SIGN_IN);
    let mut step = session.greet();
    loop {
        let said = step.response.as_ref().map(Response::words);
        debug!(session.id = %session.peer().session, "reply {}", said.unwrap_or_default());
        conn.write(&step.data).await?;
        if let Some(response) = &step.response {
            conn.write(&response.to_bytes()).await?;
        }
        match step.next {
            Next::End => return Ok(()),
            Next::SignedIn => {
                conn.mark_authenticated();
                conn.set_deadline(Deadline {
                    idle: IDLE,
                    until: Some(Instant::now() + SESSION),
                });
                reader.set_limits(ReaderLimits::after_sign_in(SCRIPT_MAX_OCTETS));
            }
            Next::StartTls => {
                conn.start_tls().await?;
                step = session.secured(conn.tls_info().cloned());
                debug!(
                    session.id = %session.peer().session,
                    "TLS begins: {}", session.peer().tls_words()
                );
                continue;
            }
            Next::Command | Next::Answer => {}
        }
        step = match heard(conn, &mut reader, shutdown).await? {
            Heard::Gone => return Ok(()),
            Heard::Said(octets) if step.next == Next::Answer => session.answer(&octets).await,
            Heard::Said(octets) => {
                debug!(session.id = %session.peer().session, "command {}", verb_of(&octets));
                session.handle(&octets).await
            }
            Heard::TooLarge => session.too_large(),
            Heard::Fatal(words) => Step::farewell(&words),
            Heard::Stop => {
                let why = session.peer().ending.why();
                Step::farewell(why.map_or(STOPS, WhyEnded::words))
            }
        };
    }
}

/// The verb of a command for the log; its arguments are nobody's business.
fn verb_of(octets: &[u8]) -> &'static str {
    let end = octets.iter().position(|c| !c.is_ascii_alphabetic());
    let verb = Verb::by_name(&octets[..end.unwrap_or(octets.len())]);
    verb.map_or("(not known)", Verb::name)
}

/// What came from the client, or instead.
enum Heard {
    Said(Vec<u8>),
    TooLarge,
    /// The connection must end, and why.
    Fatal(String),
    /// The client closed.
    Gone,
    Stop,
}

/// Reads up to the next whole command. The wait is given up when the server stops; reading loses
/// nothing by that.
async fn heard(
    conn: &mut Conn,
    reader: &mut CommandReader,
    shutdown: &Shutdown,
) -> Result<Heard, ConnError> {
    loop {
        let read = tokio::select! {
            biased;
            () = shutdown.wait() => return Ok(Heard::Stop),
            read = conn.read_some() => read,
        };
        let mut rest = match read {
            Ok([]) => return Ok(Heard::Gone),
            Ok(octets) => octets,
            Err(ConnError::IdleTimeout | ConnError::DeadlinePassed) => {
                return Ok(Heard::Fatal("time is over".to_owned()));
            }
            Err(err) => return Err(err),
        };
        let shown = rest.len();
        let event = reader.feed(&mut rest);
        let used = shown - rest.len();
        conn.consume(used);
        match event {
            Event::NeedMore => {}
            Event::Command(octets) => return Ok(Heard::Said(octets)),
            Event::TooLarge => return Ok(Heard::TooLarge),
            Event::Fatal(why) => return Ok(Heard::Fatal(why.to_string())),
        }
    }
}
