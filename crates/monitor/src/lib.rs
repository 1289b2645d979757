//! The door for monitors: `GET /metrics`, `/healthz` and `/readyz` (RFC 9110, RFC 9112).
//!
//! One request for each connection, bounded in lines, octets and time. A monitor on this machine
//! asks in the clear; any other shows, under TLS, a token with the scope `metrics` (RFC 6750), and
//! without one hears nothing, not even whether the server is well. Nothing that it tells names a
//! person.

use std::time::Duration;

use net::{Conn, ConnError, Deadline, Shutdown};
use policy::TokenScope;
use service::token::TokenError;
use service::{Peer, Protocol, Service, SignInError};
use tokio::time::Instant;
use tracing::debug;
use types::{ListenerId, Secret};
use wire::http::{bearer_token, field_line, request_line};

/// Octets of the request line and of each header line.
const LINE_MAX_OCTETS: usize = 8_192;
/// Header lines of a request; of them only `Authorization` is looked at.
const HEADER_LINES_MAX: usize = 64;
/// Time for a whole request, and then for its answer to be taken.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

const PLAIN: &str = "text/plain; charset=utf-8";
/// The text format that the figures are in.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a client is told that finds no place.
pub const TOO_MANY_CONNECTIONS: &str =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What a challenge names as the place that the token is for (RFC 6750 §3).
const REALM: &str = "Bearer realm=\"metrics\"";

/// A request that was read whole.
struct Request {
    line: Vec<u8>,
    /// The value of its `Authorization` field.
    authorization: Option<Secret>,
}

/// An answer before it is written.
struct Answer {
    status: &'static str,
    content_type: &'static str,
    /// A header field that belongs to the status.
    field: Option<(&'static str, String)>,
    body: String,
}

impl Answer {
    fn plain(status: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            content_type: PLAIN,
            field: None,
            body: body.into(),
        }
    }

    fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        Self {
            field: Some((name, value.into())),
            ..self
        }
    }
}

/// Answers the one request of a connection.
///
/// A connection that should be under TLS from its start already is ([`net::TlsMode::Implicit`]).
pub async fn serve(mut conn: Conn, service: Service, listener: ListenerId, shutdown: Shutdown) {
    let peer = service.peer(&conn, Protocol::Http, listener);
    begin_time(&mut conn);
    // A request that is not read whole was not begun; an answer is not cut off.
    let request = tokio::select! {
        () = shutdown.wait() => return,
        request = read_request(&mut conn) => request,
    };
    let outcome = match request {
        Ok(request) => {
            let is_head = matches!(&request, Some(request) if request.line.starts_with(b"HEAD "));
            let answer = answer(&service, &peer, request).await;
            // The token may have had to wait for its turn.
            begin_time(&mut conn);
            write(&mut conn, !is_head, &answer).await
        }
        Err(err) => Err(err),
    };
    match outcome {
        Ok(()) => conn.close().await,
        Err(err) => debug!(reason = %err, "a monitor's request broke off: {err}"),
    }
}

fn begin_time(conn: &mut Conn) {
    conn.set_deadline(Deadline {
        idle: REQUEST_TIMEOUT,
        until: Some(Instant::now() + REQUEST_TIMEOUT),
    });
}

/// The request, once its header was read; `None` if it is too long or broken.
async fn read_request(conn: &mut Conn) -> Result<Option<Request>, ConnError> {
    let mut request = None;
    for _ in 0..=HEADER_LINES_MAX {
        let line = match conn.read_line(LINE_MAX_OCTETS).await {
            Ok(Some(line)) if line.is_empty() => return Ok(request),
            Ok(Some(line)) => line,
            Ok(None) | Err(ConnError::LineTooLong | ConnError::BareLf) => return Ok(None),
            Err(err) => return Err(err),
        };
        let Some(request) = &mut request else {
            request = Some(Request {
                line,
                authorization: None,
            });
            continue;
        };
        if !note_field(request, &Secret::new(line)) {
            return Ok(None);
        }
    }
    Ok(None)
}

/// Whether the line is a field; who asks is noted, and may be told once.
fn note_field(request: &mut Request, line: &Secret) -> bool {
    let Some(field) = field_line(line.expose()) else {
        return false;
    };
    if !field.is("Authorization") {
        return true;
    }
    let before = request
        .authorization
        .replace(Secret::new(field.value.to_vec()));
    before.is_none()
}

async fn answer(service: &Service, peer: &Peer, request: Option<Request>) -> Answer {
    let bad_request = || Answer::plain("400 Bad Request", "this is no request of HTTP/1.1\n");
    let Some(Request {
        line,
        authorization,
    }) = request
    else {
        return bad_request();
    };
    let Some(request) = request_line(&line) else {
        return bad_request();
    };
    // Who asks comes before what is asked: strangers do not even learn what there is.
    if let Err(refusal) = admit(service, peer, authorization).await {
        return refusal;
    }
    if !matches!(request.method, "GET" | "HEAD") {
        return Answer::plain("405 Method Not Allowed", "only GET is answered here\n")
            .with("Allow", "GET, HEAD");
    }
    match request.path {
        "/metrics" => Answer {
            content_type: OPEN_METRICS,
            ..Answer::plain("200 OK", service.metrics_text())
        },
        "/healthz" => verdict(&service.health().troubles),
        "/readyz" => {
            let health = service.health();
            verdict(&[health.troubles, health.hindrances].concat())
        }
        _ => Answer::plain(
            "404 Not Found",
            "there are /metrics, /healthz and /readyz\n",
        ),
    }
}

/// Lets in who is on this machine, or shows a good token under TLS.
async fn admit(
    service: &Service,
    peer: &Peer,
    authorization: Option<Secret>,
) -> Result<(), Answer> {
    if peer.tls.is_none() {
        if peer.is_local() {
            return Ok(());
        }
        // The client of a proxy in front of a loopback address.
        let why = "without TLS only monitors on the server's own machine are answered\n";
        return Err(Answer::plain("403 Forbidden", why));
    }
    let Some(shown) = authorization else {
        let why = "a token is needed that has the scope metrics: Authorization: Bearer TOKEN\n";
        return Err(Answer::plain("401 Unauthorized", why).with("WWW-Authenticate", REALM));
    };
    let checked = match bearer_token(shown.expose()) {
        Some(token) => {
            let token = Secret::new(token.to_vec());
            let scope = TokenScope::Metrics;
            service.token_check(peer, &token, scope).await.map(drop)
        }
        None => Err(SignInError::Refused.into()),
    };
    checked.map_err(|err| refused(&err))
}

/// RFC 6750 §3.1, RFC 6585 §4.
fn refused(err: &TokenError) -> Answer {
    let body = format!("{err}\n");
    match err {
        TokenError::SignIn(SignInError::Refused) => Answer::plain("401 Unauthorized", body).with(
            "WWW-Authenticate",
            format!("{REALM}, error=\"invalid_token\""),
        ),
        TokenError::Scope => Answer::plain("403 Forbidden", body).with(
            "WWW-Authenticate",
            format!("{REALM}, error=\"insufficient_scope\", scope=\"metrics\""),
        ),
        TokenError::SignIn(SignInError::Throttled { retry_after_s }) => {
            Answer::plain("429 Too Many Requests", body)
                .with("Retry-After", retry_after_s.to_string())
        }
        TokenError::SignIn(SignInError::Busy | SignInError::Unavailable) => {
            Answer::plain("503 Service Unavailable", body)
        }
    }
}

fn verdict(reasons: &[String]) -> Answer {
    if reasons.is_empty() {
        return Answer::plain("200 OK", "ok\n");
    }
    Answer::plain("503 Service Unavailable", reasons.join("\n") + "\n")
}

async fn write(conn: &mut Conn, has_body: bool, answer: &Answer) -> Result<(), ConnError> {
    let Answer {
        status,
        content_type,
        field,
        body,
    } = answer;
    let field = field.as_ref();
    let field = field.map_or_else(String::new, |(name, value)| format!("{name}: {value}\r\n"));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{field}\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    conn.write(head.as_bytes()).await?;
    if has_body {
        conn.write(body.as_bytes()).await?;
    }
    conn.flush().await
}

#[cfg(test)]
mod tests;
