//! Who sent a message, as DNS and its signatures tell: SPF (RFC 7208), DKIM (RFC 6376), DMARC
//! (RFC 9989) and ARC (RFC 8617).

use std::collections::BTreeSet;
use std::net::IpAddr;

use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimResult, DmarcResult, MessageAuthenticator, SpfOutput, SpfResult,
};
use serde::Serialize;

use crate::dns::{Loopback, Resolver, ResolverError};

/// Signatures of a message that are looked at, from the top: each costs a question to DNS.
const SIGNATURES_MAX: usize = 10;

/// Asks DNS about messages.
pub struct Judge {
    library: MessageAuthenticator,
    _answers: Option<Loopback>,
}

/// How a message came.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// From which address.
    pub address: IpAddr,
    /// What the client called itself (HELO or EHLO).
    pub helo: &'a str,
    /// The sender of the envelope; empty for a report.
    pub sender: &'a str,
    /// The name of the server that it came to, which a record may ask for (RFC 7208 §7.2).
    pub receiver: &'a str,
}

/// What the author's domain asks to be done with mail that fails (RFC 9989 §4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Nothing.
    None,
    /// That it is taken for suspicious.
    Quarantine,
    /// That it is refused.
    Reject,
}

/// What one method says (RFC 8601 §2.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Such as `pass`, `fail` or `temperror`.
    pub result: String,
    /// The domain that it is about.
    pub domain: String,
    /// Which key, which policy, or why it is so.
    pub reason: String,
    /// The selector of the key, of a signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}

/// What all methods say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// Whether the address may send for the domain of the envelope's sender.
    pub spf: Verdict,
    /// Each signature in its order.
    pub dkim: Vec<Verdict>,
    /// Whether one of both is right for the author's domain, and what the domain wants done.
    pub dmarc: Verdict,
    /// What the author's domain asks for if `dmarc` is a failure.
    pub asked: Asked,
    /// What those who sent it on say of it.
    pub arc: Verdict,
}

impl Judge {
    /// Asks this resolver.
    pub async fn new(resolver: &Resolver) -> Result<Self, ResolverError> {
        let (hickory, answers) = resolver.hickory().await?;
        Ok(Self {
            library: MessageAuthenticator(hickory),
            _answers: answers,
        })
    }

    /// Whether the address may send for the domain of the sender, or of the client where there is
    /// no sender.
    pub async fn spf(&self, sent: Sent<'_>) -> Verdict {
        spf(&self.check_spf(sent).await)
    }

    async fn check_spf(&self, sent: Sent<'_>) -> SpfOutput {
        let Sent {
            address,
            helo,
            sender,
            receiver,
        } = sent;
        let asked = match sender.is_empty() {
            true => SpfParameters::verify_ehlo(address, helo, receiver),
            false => SpfParameters::verify_mail_from(address, helo, receiver, sender),
        };
        self.library.verify_spf(asked).await
    }

    /// Whether the seals of those who sent a message on hold; `None` if it has no header.
    pub async fn arc(&self, message: &[u8]) -> Option<Verdict> {
        let parsed = AuthenticatedMessage::parse_with_opts(message, None, true)?;
        Some(self.of_arc(&parsed).await)
    }

    async fn of_arc(&self, parsed: &AuthenticatedMessage<'_>) -> Verdict {
        let arc = self.library.verify_arc(parsed).await;
        let (result, reason) = told(arc.result());
        let last = arc.sets().last().map(|set| set.seal.header.d.clone());
        Verdict {
            result,
            domain: last.unwrap_or_default(),
            reason,
            selector: None,
        }
    }

    /// All that can be said of a message; `None` if it has no header.
    pub async fn message(&self, message: &[u8], sent: Sent<'_>) -> Option<Verdicts> {
        // A signature of a part of the body says nothing of the rest (RFC 6376 §8.2).
        let mut parsed = AuthenticatedMessage::parse_with_opts(message, None, true)?;
        parsed.dkim_headers.truncate(SIGNATURES_MAX);
        let of_spf = self.check_spf(sent).await;
        let signatures = self.library.verify_dkim(&parsed).await;
        let arc = self.of_arc(&parsed).await;
        let sender_domain = sent
            .sender
            .rsplit_once('@')
            .map_or(sent.helo, |(_, domain)| domain);
        let params = DmarcParameters::new(&parsed, &signatures, sender_domain, &of_spf);
        let dmarc = self.library.verify_dmarc(params).await;
        let dkim = signatures.iter().map(|one| {
            let (result, reason) = told(one.result());
            let signature = one.signature();
            let domain = signature.map(|signature| signature.d.clone());
            let selector = signature.map(|signature| signature.s.clone());
            let reason = match &selector {
                Some(selector) if reason.is_empty() => format!("selector {selector}"),
                _ => reason,
            };
            Verdict {
                result,
                domain: domain.unwrap_or_default(),
                reason,
                selector,
            }
        });
        Some(Verdicts {
            spf: spf(&of_spf),
            dkim: dkim.collect(),
            arc,
            asked: asked(&parsed, &dmarc),
            dmarc: not_one_author(&parsed).unwrap_or_else(|| of_dmarc(&dmarc)),
        })
    }
}

fn spf(output: &SpfOutput) -> Verdict {
    let (result, reason) = match output.result() {
        SpfResult::Pass => ("pass", "the address may send for the domain"),
        SpfResult::Fail => (
            "fail",
            "the domain says that this address does not send for it",
        ),
        SpfResult::SoftFail => (
            "softfail",
            "the domain says that this address should not send for it",
        ),
        SpfResult::Neutral => ("neutral", "the domain says nothing of this address"),
        SpfResult::TempError => ("temperror", "DNS did not answer"),
        SpfResult::PermError => ("permerror", "the record of the domain cannot be used"),
        SpfResult::None => ("none", "the domain has no SPF record"),
    };
    let reason = match output.explanation() {
        // The words of whoever owns the domain, which may be anybody.
        Some(words) => format!("{reason}, in its words: {words:?}"),
        None => reason.to_owned(),
    };
    Verdict {
        result: result.to_owned(),
        domain: output.domain().to_owned(),
        reason,
        selector: None,
    }
}

fn told(result: &DkimResult) -> (String, String) {
    let (word, why) = match result {
        DkimResult::Pass => ("pass", None),
        // The library says so of a body that is not the one that was signed.
        DkimResult::Neutral(why) | DkimResult::Fail(why) => ("fail", Some(why)),
        DkimResult::PermError(why) => ("permerror", Some(why)),
        DkimResult::TempError(why) => ("temperror", Some(why)),
        DkimResult::None => ("none", None),
    };
    (
        word.to_owned(),
        why.map(ToString::to_string).unwrap_or_default(),
    )
}

/// A message whose authors are of several domains, or that has several `From`, is nobody's: programs
/// show one of them, and which one is not known (RFC 9989 §4.2).
fn not_one_author(parsed: &AuthenticatedMessage<'_>) -> Option<Verdict> {
    let domain = |from: &String| {
        from.rsplit_once('@')
            .map(|(_, domain)| domain.to_lowercase())
    };
    let domains: BTreeSet<_> = parsed.froms().iter().map(domain).collect();
    (author_fields(parsed) != 1 || domains.len() != 1).then(|| Verdict {
        result: "fail".to_owned(),
        domain: String::new(),
        reason: "the message does not have one author (From), or they are of several domains"
            .to_owned(),
        selector: None,
    })
}

/// What is asked for a message that fails. With several `From`, nobody can say whose wish counts,
/// and no program for mail writes one.
fn asked(parsed: &AuthenticatedMessage<'_>, output: &mail_auth::DmarcOutput) -> Asked {
    match (author_fields(parsed), output.policy()) {
        (2.., _) => Asked::Reject,
        (1, Policy::Reject) => Asked::Reject,
        (1, Policy::Quarantine) => Asked::Quarantine,
        (1, _) if parsed.froms().len() <= 1 => Asked::None,
        _ => Asked::Quarantine,
    }
}

fn author_fields(parsed: &AuthenticatedMessage<'_>) -> usize {
    let names = parsed.raw_parsed_headers().iter();
    names
        .filter(|(name, _)| name.trim_ascii().eq_ignore_ascii_case(b"from"))
        .count()
}

fn of_dmarc(output: &mail_auth::DmarcOutput) -> Verdict {
    let (spf, dkim) = (output.spf_result(), output.dkim_result());
    let both = [spf, dkim];
    let is = |wanted: fn(&DmarcResult) -> bool| both.iter().any(|result| wanted(result));
    let result =
        if output.dmarc_record().is_none() && !is(|r| matches!(r, DmarcResult::TempError(_))) {
            "none"
        } else if is(|r| matches!(r, DmarcResult::Pass)) {
            "pass"
        } else if is(|r| matches!(r, DmarcResult::TempError(_))) {
            "temperror"
        } else if is(|r| matches!(r, DmarcResult::PermError(_))) {
            "permerror"
        } else {
            "fail"
        };
    let reason = match result {
        "none" => "the author's domain has no DMARC record".to_owned(),
        "pass" => String::new(),
        _ => format!("the author's domain wants then: {}", output.policy()),
    };
    Verdict {
        result: result.to_owned(),
        domain: output.domain().to_owned(),
        reason,
        selector: None,
    }
}
