//! Whether mail from other servers is from whom it says, as DNS and its signatures tell, and what
//! follows from that.
//!
//! Nothing is asked about what those send who signed in, nor about what comes from this machine. DNS
//! that does not answer keeps no mail out: what is not known is recorded as such.

use std::time::Duration;

use net::{Asked, Judge, Resolver, ResolverError, Sent, Verdicts};
use policy::{Config, SenderAuthentication};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::Service;
use crate::accept::{AcceptError, Envelope};
use crate::message::FinishedBody;
use crate::rules::Place;
use crate::scan::{self, Verdict};

/// Longest time that DNS is asked about one message.
const JUDGE_TIMEOUT: Duration = Duration::from_secs(60);
/// Messages from this size on are hashed on a thread of their own.
const LARGE_OCTETS: usize = 1024 * 1024;
/// Characters of a reason that the record keeps; some are the words of other domains.
const REASON_MAX_CHARS: usize = 300;

/// Asks DNS about senders.
pub(crate) struct SenderJudge {
    dns: Resolver,
    judge: OnceCell<Judge>,
}

impl SenderJudge {
    pub(crate) fn new(dns: Resolver) -> Self {
        Self {
            dns,
            judge: OnceCell::new(),
        }
    }

    /// Whom it asks.
    pub(crate) fn dns(&self) -> &Resolver {
        &self.dns
    }

    async fn judge(&self) -> Result<&Judge, ResolverError> {
        self.judge.get_or_try_init(|| Judge::new(&self.dns)).await
    }
}

impl Service {
    /// What is known of the sender of a message, and where the message begins its way.
    pub(crate) async fn authenticity(
        &self,
        config: &Config,
        envelope: &Envelope,
        message: &FinishedBody,
    ) -> Result<Verdict, AcceptError> {
        let wanted = config.settings().sender_authentication;
        let client = &envelope.client;
        let comes_from_here = client.principal.is_some() || client.peer.source().is_loopback();
        let asks_nobody = self.inner.sender_judge.dns.is_none();
        let mut verdict = Verdict::default();
        if comes_from_here || asks_nobody || wanted == SenderAuthentication::Off {
            return Ok(verdict);
        }
        let octets = [&message.head[..], &message.body.read_all()?].concat();
        let told = match octets.len() < LARGE_OCTETS {
            true => self.judged(envelope, &octets).await,
            false => {
                let (service, envelope) = (self.clone(), envelope.clone());
                let judge = move || Handle::current().block_on(service.judged(&envelope, &octets));
                let judged = tokio::task::spawn_blocking(judge).await;
                judged.map_err(|_| AcceptError::Unavailable)?
            }
        };
        let Some(told) = told else {
            let words = "SPF, DKIM, DMARC: not known, DNS did not answer in time".to_owned();
            verdict.told.push(words);
            return Ok(verdict);
        };
        verdict.fields = field(config, envelope, &told);
        verdict.told = lines(&told);
        self.obey(config, &told, &mut verdict);
        Ok(verdict)
    }

    /// What DNS and signatures say; `None` if that took too long.
    async fn judged(&self, envelope: &Envelope, octets: &[u8]) -> Option<Verdicts> {
        let client = &envelope.client;
        let host = self.host_name();
        let sender = envelope.reverse_path.address();
        let sender = sender.map(ToString::to_string).unwrap_or_default();
        let sent = Sent {
            address: client.peer.source(),
            helo: &client.helo,
            sender: &sender,
            receiver: &host,
        };
        let judge = self.inner.sender_judge.judge().await;
        let judge = judge.map_err(|err| tracing::error!("{err}")).ok()?;
        let asked = tokio::time::timeout(JUDGE_TIMEOUT, judge.message(octets, sent)).await;
        asked.ok()?
    }

    /// Does what the author's domain asks for, unless the configuration knows better.
    fn obey(&self, config: &Config, told: &Verdicts, verdict: &mut Verdict) {
        if told.dmarc.result != "fail" || told.asked == Asked::None {
            return;
        }
        let settings = config.settings();
        let (author, sealer) = (&told.dmarc.domain, &told.arc.domain);
        let sealed = told.arc.result == "pass" && settings.arc_trusted_domains.covers(sealer);
        let spared = if settings.sender_authentication != SenderAuthentication::Enforce {
            Some("sender_authentication is record".to_owned())
        } else if settings.dmarc_exempt_domains.covers(author) {
            Some(format!("dmarc_exempt_domains names {author}"))
        } else if sealed {
            Some(format!(
                "arc_trusted_domains names {sealer}, which sealed it"
            ))
        } else {
            None
        };
        let (what, place) = match told.asked {
            Asked::Reject => {
                let reason = match author.as_str() {
                    "" => "the message must have one author (From)".to_owned(),
                    _ => format!(
                        "{author} asks that mail be refused which is not proven to be its own (DMARC)"
                    ),
                };
                ("refused", Place::Rejected { by: None, reason })
            }
            _ => ("put into Junk", Place::Kept(vec![scan::junk()])),
        };
        match spared {
            Some(why) => verdict.told.push(format!("not {what}, since {why}")),
            None => {
                verdict.told.push(format!("{what} for that"));
                verdict.put(place);
            }
        }
    }
}

/// A line for each method.
fn lines(told: &Verdicts) -> Vec<String> {
    let line = |method: &str, one: &net::Verdict| {
        let about = [one.domain.as_str(), one.reason.as_str()];
        let about: Vec<_> = about.into_iter().filter(|text| !text.is_empty()).collect();
        let about: String = about.join(": ").chars().take(REASON_MAX_CHARS).collect();
        format!(
            "{method} {}",
            [one.result.as_str(), &about].join(" ").trim_end()
        )
    };
    let mut lines = vec![line("SPF", &told.spf)];
    lines.extend(told.dkim.iter().map(|one| line("DKIM", one)));
    if told.dkim.is_empty() {
        lines.push("DKIM none: the message is not signed".to_owned());
    }
    lines.push(line("DMARC", &told.dmarc));
    if told.arc.result != "none" {
        lines.push(line("ARC", &told.arc));
    }
    lines
}

/// The field that tells programs (RFC 8601 §2.2).
fn field(config: &Config, envelope: &Envelope, told: &Verdicts) -> String {
    let host = &config.settings().host_name;
    let sender = match envelope.reverse_path.address() {
        Some(sender) => format!("smtp.mailfrom={}", value(sender.domain().as_str())),
        None => format!("smtp.helo={}", value(&envelope.client.helo)),
    };
    let mut field = format!(
        "Authentication-Results: {host};\r\n\tspf={} {sender}",
        told.spf.result
    );
    let mut add = |method: &str, result: &str, properties: &[(&str, &str)]| {
        field.push_str(&format!(";\r\n\t{method}={result}"));
        for (name, text) in properties.iter().filter(|(_, text)| !text.is_empty()) {
            field.push_str(&format!(" {name}={}", value(text)));
        }
    };
    for one in &told.dkim {
        let selector = one.selector.as_deref().unwrap_or_default();
        add(
            "dkim",
            &one.result,
            &[("header.d", &one.domain), ("header.s", selector)],
        );
    }
    if told.dkim.is_empty() {
        add("dkim", "none", &[]);
    }
    add(
        "dmarc",
        &told.dmarc.result,
        &[("header.from", &told.dmarc.domain)],
    );
    if told.arc.result != "none" {
        add("arc", &told.arc.result, &[("header.d", &told.arc.domain)]);
    }
    field.push_str("\r\n");
    field
}

/// A value as such a field may hold it, whatever somebody wrote into a name.
fn value(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain = text.chars().map(|c| if is_plain(c) { c } else { '?' });
    let plain: String = plain.take(254).collect();
    if plain.contains('?') || plain.is_empty() {
        return format!("\"{plain}\"");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_writes_a_field_of_its_own() {
        for (text, told) in [
            ("example.net", "example.net"),
            ("a\r\nX-Evil: 1", "\"a??X-Evil??1\""),
            ("a; dmarc=pass", "\"a??dmarc?pass\""),
            ("m\u{fc}ll.test", "\"m?ll.test\""),
            ("", "\"\""),
        ] {
            assert_eq!(value(text), told);
        }
    }
}
