//! One HTTP/1.1 request and its response (RFC 9112), bounded in octets and time.
//!
//! No redirects are followed and no proxies are asked: who calls has chosen the connection.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Octets of a response's status line and header fields.
const HEAD_MAX_OCTETS: usize = 65_536;

/// How much a response may be, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Octets of its content.
    pub content_octets: usize,
    /// From the request to the last octet of the response.
    pub time: Duration,
}

/// A request.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// Such as `GET`.
    pub method: &'static str,
    /// The value of `Host`.
    pub host: String,
    /// The path with its query, beginning with `/`.
    pub path: String,
    /// Further fields.
    pub fields: Vec<(&'static str, String)>,
    /// The content.
    pub content: Bytes,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The three digits.
    pub status: u16,
    /// The value of `Content-Type`, if it is text.
    pub content_type: Option<String>,
    /// The content.
    pub content: Bytes,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// A value of the request cannot stand in one.
    #[error("the request cannot be written: {0}")]
    Request(String),
    /// The connection broke, or what came is no HTTP.
    #[error("{0}")]
    Broken(String),
    /// The content is longer than it may be.
    #[error("the answer is longer than {0} octets")]
    TooLong(usize),
    /// The time is over.
    #[error("no answer within {} s", .0.as_secs())]
    TimeOut(Duration),
}

/// Asks once over a connection that is used for nothing else.
pub async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    request: HttpRequest,
    limits: HttpLimits,
) -> Result<HttpResponse, HttpError> {
    let talk = talk(stream, request, limits.content_octets);
    let ended = tokio::time::timeout(limits.time, talk).await;
    ended.unwrap_or(Err(HttpError::TimeOut(limits.time)))
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    request: HttpRequest,
    content_octets: usize,
) -> Result<HttpResponse, HttpError> {
    let mut asked = Request::builder()
        .method(request.method)
        .uri(request.path)
        .header("Host", request.host)
        .header("Connection", "close");
    for (name, value) in request.fields {
        asked = asked.header(name, value);
    }
    let asked = asked.body(Full::new(request.content));
    let asked = asked.map_err(|err| HttpError::Request(err.to_string()))?;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX_OCTETS);
    let (mut sender, connection) = builder
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let answer = async {
        let response = sender.send_request(asked).await.map_err(broken)?;
        let (head, body) = response.into_parts();
        let content = Limited::new(body, content_octets).collect().await;
        let content = content.map_err(|err| match err.downcast_ref::<LengthLimitError>() {
            Some(_) => HttpError::TooLong(content_octets),
            None => HttpError::Broken(err.to_string()),
        })?;
        let content_type = head.headers.get("Content-Type");
        Ok(HttpResponse {
            status: head.status.as_u16(),
            content_type: content_type.and_then(|value| Some(value.to_str().ok()?.to_owned())),
            content: content.to_bytes(),
        })
    };
    // The connection moves the octets; it may end before the answer is read out of its buffer.
    tokio::pin!(answer, connection);
    let mut moves = true;
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            _ = &mut connection, if moves => moves = false,
        }
    }
}

#[allow(clippy::needless_pass_by_value)]
fn broken(err: hyper::Error) -> HttpError {
    HttpError::Broken(err.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn request(path: &str, field: &str) -> HttpRequest {
        HttpRequest {
            method: "POST",
            host: "example.org".to_owned(),
            path: path.to_owned(),
            fields: vec![("X-Word", field.to_owned())],
            content: Bytes::from_static(b"abc"),
        }
    }

    /// What comes of it when the other side answers so and closes.
    async fn answered(answer: &[u8]) -> Result<HttpResponse, HttpError> {
        let (ours, mut theirs) = tokio::io::duplex(65_536);
        let answer = answer.to_vec();
        let other = tokio::spawn(async move {
            let mut heard = vec![0; 1_024];
            let octets = theirs.read(&mut heard).await.unwrap();
            theirs.write_all(&answer).await.unwrap();
            String::from_utf8_lossy(&heard[..octets]).into_owned()
        });
        let limits = HttpLimits {
            content_octets: 10,
            time: Duration::from_secs(5),
        };
        let outcome = exchange(ours, request("/a?b=1", "w"), limits).await;
        let heard = other.await.unwrap();
        assert!(heard.starts_with("POST /a?b=1 HTTP/1.1\r\n"), "{heard}");
        outcome
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_its_bounds() {
        for (answer, expected) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok",
                Ok((200, "ok")),
            ),
            (
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                Ok((404, "")),
            ),
            (
                "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
                Ok((200, "to the end")),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                Ok((200, "abc")),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890",
                Err("10 octets"),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n01",
                Err("reading a body"),
            ),
            ("220 mail.example.org ESMTP\r\n", Err("")),
            ("", Err("")),
        ] {
            match (answered(answer.as_bytes()).await, expected) {
                (Ok(response), Ok((status, content))) => {
                    assert_eq!(
                        (response.status, &response.content[..]),
                        (status, content.as_bytes())
                    );
                }
                (Err(err), Err(words)) => assert!(err.to_string().contains(words), "{err}"),
                (got, _) => panic!("{answer:?}: {got:?}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_and_a_line_end_is_no_value() {
        let limits = HttpLimits {
            content_octets: 10,
            time: Duration::from_secs(5),
        };
        let (ours, _theirs) = tokio::io::duplex(1_024);
        let silent = exchange(ours, request("/", "w"), limits).await;
        assert_eq!(silent, Err(HttpError::TimeOut(limits.time)));
        for (path, field) in [("/", "a\r\nX-Other: b"), ("/ x", "w")] {
            let (ours, _theirs) = tokio::io::duplex(1_024);
            let refused = exchange(ours, request(path, field), limits).await;
            assert!(matches!(refused, Err(HttpError::Request(_))), "{refused:?}");
        }
    }
}
