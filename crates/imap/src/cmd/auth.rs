//! CAPABILITY, ENABLE, ID, STARTTLS, COMPRESS and signing in (RFC 9051 §6.1, §6.2, RFC 2971,
//! RFC 4959, RFC 4978).

use std::borrow::Cow;

use net::ConnError;
use service::{SaslExchange, SaslRefusal, SaslStep};
use tracing::debug;
use types::Secret;
use wire::imap::{Code, Condition, Tag};
use wire::sasl::Mechanism;

use crate::enabled::Tracking;
use crate::error::ImapError;
use crate::output::Output;
use crate::selected::Tell;
use crate::session::{Done, Next, Session, farewell};

/// What every client may use.
const CAPABILITIES: [&str; 30] = [
    "IMAP4rev1",
    "IMAP4rev2",
    "LITERAL+",
    "SASL-IR",
    "ID",
    "ENABLE",
    "IDLE",
    "NAMESPACE",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "MULTIAPPEND",
    "UTF8=ACCEPT",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "CONDSTORE",
    "QRESYNC",
    "BINARY",
    "OBJECTID",
    "SAVEDATE",
    "PREVIEW",
];

impl Session {
    /// What this client may use now.
    pub(crate) fn capabilities(&self) -> Vec<Cow<'static, str>> {
        let mut names: Vec<Cow<'static, str>> = CAPABILITIES.map(Cow::Borrowed).to_vec();
        names.push(format!("APPENDLIMIT={}", self.append_limit()).into());
        if self.is_authenticated() {
            if !self.compresses {
                names.push("COMPRESS=DEFLATE".into());
            }
            return names;
        }
        if self.can_start_tls {
            names.push("STARTTLS".into());
        }
        let mechanisms = self.service.sasl_mechanisms(&self.peer).into_iter();
        // LOGIN has a command of its own here.
        let mechanisms = mechanisms.filter(|mechanism| *mechanism != Mechanism::Login);
        names.extend(mechanisms.map(|mechanism| format!("AUTH={}", mechanism.name()).into()));
        if !self.service.plain_sign_in_allowed(&self.peer) {
            names.push("LOGINDISABLED".into());
        }
        names
    }

    pub(crate) fn capability(&self, out: &mut Output<'_>) -> Done {
        out.responses.capability(&self.capabilities());
        Done::plain("done")
    }

    /// Enables what is known here; the rest is passed over (RFC 5161 §3.1).
    pub(crate) fn enable(&mut self, names: &[String], out: &mut Output<'_>) -> Done {
        let tracked = self.enabled.tracking;
        let mut enabled = Vec::new();
        for name in names.iter().filter_map(|name| self.enabled.enable(name)) {
            if !enabled.contains(&name) {
                enabled.push(name);
            }
        }
        out.responses.enabled(&enabled);
        if tracked == Tracking::Off && self.enabled.tracking > tracked {
            self.tracking_begins(out);
        }
        Done::plain("done")
    }

    /// The client's name goes to the log; ours is all that a stranger learns.
    pub(crate) fn id(&self, fields: &[(String, Option<String>)], out: &mut Output<'_>) -> Done {
        let value = |name| fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        let value = |name| value(name).and_then(|(_, value)| value.as_deref());
        debug!(
            session.id = %self.peer.session,
            client.name = value("name"),
            client.version = value("version"),
            "the client named itself"
        );
        out.responses.id(&[("name", "Sealpost")]);
        Done::plain("done")
    }

    pub(crate) fn start_tls(&mut self, tag: &Tag, out: &mut Output<'_>) -> Next {
        if !self.can_start_tls {
            return self.refuse(Some(tag), &ImapError::NoTls, out);
        }
        out.responses
            .tagged(tag, Condition::Ok, None, "begin TLS now");
        Next::StartTls
    }

    /// Agrees to compression, once (RFC 4978 §3).
    pub(crate) fn compress(&mut self, tag: &Tag, mechanism: &str, out: &mut Output<'_>) -> Next {
        if self.compresses {
            return self.refuse(Some(tag), &ImapError::Compresses, out);
        }
        if mechanism != "DEFLATE" {
            return self.refuse(Some(tag), &ImapError::NoMechanism, out);
        }
        self.compresses = true;
        out.responses
            .tagged(tag, Condition::Ok, None, "compressed from here on");
        Next::Compress
    }

    pub(crate) async fn login(&mut self, user: &str, password: &Secret) -> Result<Done, ImapError> {
        if !self.service.plain_sign_in_allowed(&self.peer) {
            return Err(ImapError::NeedsTls);
        }
        let principal = self.service.sign_in(&self.peer, user, password).await;
        self.signed_in(principal.map_err(SaslRefusal::from)?);
        Ok(self.welcome())
    }

    /// The answer to a sign-in, with all that can be used now.
    fn welcome(&self) -> Done {
        Done::coded(Code::Capability(self.capabilities()), "signed in")
    }

    /// Opens a SASL exchange.
    pub(crate) async fn authenticate(
        &self,
        mechanism: &str,
        initial: Option<&Secret>,
    ) -> Result<SaslStep, ImapError> {
        let mechanism = Mechanism::by_name(mechanism.as_bytes());
        let mechanism = mechanism.filter(|mechanism| *mechanism != Mechanism::Login);
        let mechanism = mechanism.ok_or(ImapError::NoMechanism)?;
        if !self.service.plain_sign_in_allowed(&self.peer) {
            return Err(ImapError::NeedsTls);
        }
        let initial = initial.map(Secret::expose);
        let step = self.service.sasl_start(&self.peer, mechanism, initial);
        Ok(step.await?)
    }

    /// Takes the client's line of a SASL exchange.
    pub(crate) async fn sasl_line(
        &mut self,
        tag: Tag,
        exchange: SaslExchange,
        line: &Secret,
        out: &mut Output<'_>,
    ) -> Result<Next, ConnError> {
        let step = self
            .service
            .sasl_respond(&self.peer, exchange, line.expose());
        let step = step.await.map_err(ImapError::from);
        self.sasl_step(tag, step, out).await
    }

    /// Goes on with a SASL exchange, or ends it.
    pub(crate) async fn sasl_step(
        &mut self,
        tag: Tag,
        step: Result<SaslStep, ImapError>,
        out: &mut Output<'_>,
    ) -> Result<Next, ConnError> {
        let outcome = match step {
            Ok(SaslStep::Challenge(exchange)) => {
                out.responses.continuation(&exchange.challenge());
                return Ok(Next::Sasl(tag, Box::new(exchange)));
            }
            Ok(SaslStep::Proven(principal, exchange)) => {
                self.signed_in(*principal);
                out.responses.continuation(&exchange.challenge());
                return Ok(Next::Sasl(tag, Box::new(exchange)));
            }
            Ok(SaslStep::SignedIn(principal)) => {
                self.signed_in(*principal);
                Ok(self.welcome())
            }
            Ok(SaslStep::Confirmed) => Ok(self.welcome()),
            // The client had proved itself, and did not take our proof: it must not go on.
            Err(err) if self.is_authenticated() => {
                return Ok(farewell(out, &err.to_string()));
            }
            Err(err) => Err(err),
        };
        self.finish(&tag, outcome, Tell::KeepNumbers, out).await
    }
}
