//! The door for monitors: `GET /metrics`, `/healthz` and `/readyz` (RFC 9110, RFC 9112).
//!
//! One request for each connection, bounded in lines, octets and time. Nobody signs in here, so
//! the configuration lets it listen on loopback only; nothing that it tells names a person.

use std::time::Duration;

use net::{Conn, ConnError, Deadline, Shutdown};
use service::Service;
use tokio::time::Instant;
use tracing::debug;
use wire::http::request_line;

/// Octets of the request line and of each header line.
const LINE_MAX_OCTETS: usize = 8_192;
/// Header lines of a request; none of them is looked at.
const HEADER_LINES_MAX: usize = 64;
/// Time for a whole request and its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

const PLAIN: &str = "text/plain; charset=utf-8";
/// The text format that the figures are in.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a client is told that finds no place.
pub const TOO_MANY_CONNECTIONS: &str =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// An answer before it is written.
struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: String,
}

impl Answer {
    fn plain(status: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            content_type: PLAIN,
            body: body.into(),
        }
    }
}

/// Answers the one request of a connection.
pub async fn serve(mut conn: Conn, service: Service, shutdown: Shutdown) {
    conn.set_deadline(Deadline {
        idle: REQUEST_TIMEOUT,
        until: Some(Instant::now() + REQUEST_TIMEOUT),
    });
    // A request that is not read whole was not begun; an answer is not cut off.
    let request = tokio::select! {
        () = shutdown.wait() => return,
        request = read_request(&mut conn) => request,
    };
    let outcome = match request {
        Ok(Some(line)) => answer(&mut conn, &service, &line).await,
        Ok(None) => write(&mut conn, true, &bad_request()).await,
        Err(err) => Err(err),
    };
    match outcome {
        Ok(()) => conn.close().await,
        Err(err) => debug!(reason = %err, "a monitor's request broke off: {err}"),
    }
}

/// The request line, once the whole header was read; `None` if it is too long or broken.
async fn read_request(conn: &mut Conn) -> Result<Option<Vec<u8>>, ConnError> {
    let mut request = None;
    for _ in 0..=HEADER_LINES_MAX {
        match conn.read_line(LINE_MAX_OCTETS).await {
            Ok(Some(line)) if line.is_empty() => return Ok(request),
            Ok(Some(line)) => request = request.or(Some(line)),
            Ok(None) | Err(ConnError::LineTooLong | ConnError::BareLf) => return Ok(None),
            Err(err) => return Err(err),
        }
    }
    Ok(None)
}

async fn answer(conn: &mut Conn, service: &Service, line: &[u8]) -> Result<(), ConnError> {
    let Some(request) = request_line(line) else {
        return write(conn, true, &bad_request()).await;
    };
    let has_body = match request.method {
        "GET" => true,
        "HEAD" => false,
        _ => {
            let refusal = Answer::plain("405 Method Not Allowed", "only GET is answered here\n");
            return write(conn, true, &refusal).await;
        }
    };
    let answer = match request.path {
        "/metrics" => Answer {
            status: "200 OK",
            content_type: OPEN_METRICS,
            body: service.metrics_text(),
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
    };
    write(conn, has_body, &answer).await
}

fn verdict(reasons: &[String]) -> Answer {
    if reasons.is_empty() {
        return Answer::plain("200 OK", "ok\n");
    }
    Answer::plain("503 Service Unavailable", reasons.join("\n") + "\n")
}

fn bad_request() -> Answer {
    Answer::plain("400 Bad Request", "this is no request of HTTP/1.1\n")
}

async fn write(conn: &mut Conn, has_body: bool, answer: &Answer) -> Result<(), ConnError> {
    let Answer {
        status,
        content_type,
        body,
    } = answer;
    let allow = if status.starts_with("405") {
        "Allow: GET, HEAD\r\n"
    } else {
        ""
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{allow}\
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
