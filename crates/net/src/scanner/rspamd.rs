//! Rspamd, by HTTP (`POST /checkv2`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use super::{ScanError, plain};
use crate::Endpoint;
use crate::http::{HttpError, HttpLimits, HttpRequest, HttpResponse, exchange};

/// Octets of a verdict.
const ANSWER_MAX_OCTETS: usize = 1_048_576;
/// Symbols that are kept, those that weigh most.
const SYMBOLS_MAX: usize = 24;
/// Characters of a name that are kept.
const NAME_MAX_CHARS: usize = 60;
/// Recipients that are told.
const RECIPIENTS_MAX: usize = 100;

/// How a message came, as far as a verdict may depend on it.
#[derive(Clone, Debug)]
pub struct SpamEnvelope {
    /// Where the client connects from.
    pub source: IpAddr,
    /// The name that it gives.
    pub helo: String,
    /// The sender; empty for the null path.
    pub from: String,
    /// The recipients.
    pub recipients: Vec<String>,
    /// The name of the message in our records.
    pub id: String,
    /// The name of this server.
    pub host: String,
}

/// How much a message looks like spam.
#[derive(Clone, Debug, PartialEq)]
pub struct SpamVerdict {
    /// Its weight.
    pub score: f64,
    /// From which weight on it is certain.
    pub required: f64,
    /// What was found, the heaviest first.
    pub symbols: Vec<String>,
}

impl SpamVerdict {
    /// The weight in hundredths of what is certain; 0 for what speaks against spam.
    pub fn percent(&self) -> u32 {
        let percent = (self.score / self.required * 100.0).clamp(0.0, 1_000_000.0);
        // In range: it was just clamped.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let whole = percent as u32;
        whole
    }
}

#[derive(Deserialize)]
struct Answer {
    score: f64,
    required_score: f64,
    #[serde(default)]
    symbols: BTreeMap<String, Symbol>,
}

#[derive(Deserialize)]
struct Symbol {
    #[serde(default)]
    score: f64,
}

/// Shows it a message.
pub async fn rspamd_check(
    at: &Endpoint,
    envelope: &SpamEnvelope,
    message: Bytes,
    time: Duration,
) -> Result<SpamVerdict, ScanError> {
    let mut fields = vec![
        ("IP", envelope.source.to_string()),
        ("Helo", sayable(&envelope.helo)),
        ("From", sayable(&envelope.from)),
        ("Queue-Id", sayable(&envelope.id)),
        ("Hostname", sayable(&envelope.host)),
    ];
    let recipients = envelope.recipients.iter().take(RECIPIENTS_MAX);
    fields.extend(recipients.map(|recipient| ("Rcpt", sayable(recipient))));
    let request = HttpRequest {
        method: "POST",
        host: "rspamd".to_owned(),
        path: "/checkv2".to_owned(),
        fields,
        content: message,
    };
    let answer = ask(at, request, time).await?;
    let odd = |why: String| ScanError::Odd(plain(&why, NAME_MAX_CHARS));
    let answer: Answer =
        serde_json::from_slice(&answer.content).map_err(|err| odd(err.to_string()))?;
    let sound = answer.score.is_finite() && answer.required_score > 0.0;
    if !sound || !answer.required_score.is_finite() {
        return Err(odd(format!(
            "{} of {}",
            answer.score, answer.required_score
        )));
    }
    let mut symbols: Vec<_> = answer.symbols.into_iter().collect();
    symbols.sort_by(|(_, one), (_, other)| other.score.total_cmp(&one.score));
    let names = symbols.into_iter().take(SYMBOLS_MAX);
    Ok(SpamVerdict {
        score: answer.score,
        required: answer.required_score,
        symbols: names
            .map(|(name, _)| plain(&name, NAME_MAX_CHARS))
            .collect(),
    })
}

/// What calls itself there, such as `rspamd/3.4`.
pub async fn rspamd_version(at: &Endpoint, time: Duration) -> Result<String, ScanError> {
    let request = HttpRequest {
        method: "GET",
        host: "rspamd".to_owned(),
        path: "/ping".to_owned(),
        fields: Vec::new(),
        content: Bytes::new(),
    };
    let answer = ask(at, request, time).await?;
    let text = plain(&String::from_utf8_lossy(&answer.content), NAME_MAX_CHARS);
    match text.trim_end() {
        "pong" => Ok("answers".to_owned()),
        _ => Err(ScanError::Odd(text)),
    }
}

async fn ask(
    at: &Endpoint,
    request: HttpRequest,
    time: Duration,
) -> Result<HttpResponse, ScanError> {
    let asked = async {
        let stream = at.connect().await;
        let stream = stream.map_err(|err| ScanError::Broken(err.to_string()))?;
        let limits = HttpLimits {
            content_octets: ANSWER_MAX_OCTETS,
            time,
        };
        let answer = exchange(stream, request, limits).await;
        answer.map_err(|err| match err {
            HttpError::TimeOut(time) => ScanError::TimeOut(time),
            other => ScanError::Broken(other.to_string()),
        })
    };
    let asked = tokio::time::timeout(time, asked).await;
    let answer = asked.unwrap_or(Err(ScanError::TimeOut(time)))?;
    match answer.status {
        200 => Ok(answer),
        other => Err(ScanError::Odd(format!("HTTP status {other}"))),
    }
}

/// A value as it may stand in a field of HTTP; what may not is left out.
fn sayable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(998).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanner::tests::answering;

    const TIME: Duration = Duration::from_secs(5);

    fn envelope() -> SpamEnvelope {
        SpamEnvelope {
            source: "203.0.113.7".parse().unwrap(),
            helo: "mx.example.net\r\nRcpt: x".to_owned(),
            from: String::new(),
            recipients: vec![
                "ann@example.org".to_owned(),
                "bücher@example.org".to_owned(),
            ],
            id: "0123".to_owned(),
            host: "mail.example.org".to_owned(),
        }
    }

    async fn verdict(answer: &'static [u8]) -> (Result<SpamVerdict, ScanError>, String) {
        let (address, heard) = answering(b"\r\nmail", answer).await;
        let message = Bytes::from_static(b"Subject: a\r\n\r\nmail");
        let verdict = rspamd_check(&Endpoint::Tcp(address), &envelope(), message, TIME).await;
        (
            verdict,
            String::from_utf8_lossy(&heard.await.unwrap()).into_owned(),
        )
    }

    #[tokio::test]
    async fn a_verdict_has_a_weight_and_its_reasons() {
        let (found, heard) = verdict(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"score\":7.5,\"required_score\":15.0,\
              \"symbols\":{\"A\":{\"score\":1.0},\"GTUBE\":{\"score\":6.5},\"C\":{\"score\":-1}}}",
        )
        .await;
        let found = found.unwrap();
        assert_eq!(
            (found.percent(), found.symbols),
            (50, vec!["GTUBE".to_owned(), "A".to_owned(), "C".to_owned()])
        );
        assert!(heard.contains("helo: mx.example.netRcpt: x\r\n"), "{heard}");
        assert_eq!(heard.matches("rcpt: ").count(), 2, "{heard}");
    }

    #[tokio::test]
    async fn what_is_no_verdict_is_none() {
        for answer in [
            &b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"error\":\"x\"}",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"score\":1,\"required_score\":0}",
            b"nonsense",
        ] {
            let (found, _) = verdict(answer).await;
            assert!(found.is_err(), "{found:?}");
        }
        let weight = |score| {
            SpamVerdict {
                score,
                required: 15.0,
                symbols: Vec::new(),
            }
            .percent()
        };
        assert_eq!([weight(-3.0), weight(15.0), weight(30.0)], [0, 100, 200]);
    }
}
