//! Signing in by SASL, whichever door carries the lines (RFC 4422).
//!
//! SCRAM is offered where a password is: it keeps the password from us, but not the mail from who
//! listens. Its -PLUS variant binds the sign-in to the TLS connection, so that nobody between can
//! use it, and a client that was kept from choosing it notices together with us.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use wire::sasl::scram::Bindings;
use wire::sasl::{self, Exchange, Mechanism, SaslError, Turn};

use super::{ScramAccount, SignInError};
use crate::Service;
use crate::activity::About;
use crate::actor::{Peer, Principal};

/// Random octets of the server's part of a nonce.
const NONCE_OCTETS: usize = 18;

/// An exchange that waits for the client's next line.
#[derive(Debug)]
pub struct SaslExchange {
    exchange: Exchange,
    /// Whom the client named, in SCRAM.
    named: Option<ScramAccount>,
}

/// What follows a line of the client.
#[derive(Debug)]
pub enum SaslStep {
    /// Send the challenge and give the answer to [`Service::sasl_respond`].
    Challenge(SaslExchange),
    /// The client is who it says. Send the challenge, which is our own proof; the answer is empty,
    /// or else the client does not believe us and the connection must end.
    Proven(Box<Principal>, SaslExchange),
    /// The client is who it says, and the exchange is over.
    SignedIn(Box<Principal>),
    /// The client has seen our proof, and the exchange is over.
    Confirmed,
}

/// Why an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslRefusal {
    /// The mechanism cannot be used on this connection.
    #[error("the mechanism is not offered here")]
    NotOffered,
    /// What the client said breaks a rule.
    #[error(transparent)]
    Sasl(#[from] SaslError),
    /// What it claims is not so, or cannot be looked at now.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

impl SaslExchange {
    /// The challenge to send, as base64.
    pub fn challenge(&self) -> String {
        self.exchange.challenge().into_owned()
    }
}

impl From<Exchange> for SaslExchange {
    fn from(exchange: Exchange) -> Self {
        Self {
            exchange,
            named: None,
        }
    }
}

impl Service {
    /// The mechanisms that this client may use as it is connected now, the best first.
    pub fn sasl_mechanisms(&self, peer: &Peer) -> Vec<Mechanism> {
        if !self.plain_sign_in_allowed(peer) {
            return Vec::new();
        }
        let bound = self.bindings(peer).any();
        let usable = |mechanism: &Mechanism| bound || *mechanism != Mechanism::ScramSha256Plus;
        Mechanism::ALL.into_iter().filter(usable).collect()
    }

    /// Opens an exchange; `initial` is the client's initial response as base64, still unread.
    pub async fn sasl_start(
        &self,
        peer: &Peer,
        mechanism: Mechanism,
        initial: Option<&[u8]>,
    ) -> Result<SaslStep, SaslRefusal> {
        if !self.sasl_mechanisms(peer).contains(&mechanism) {
            return Err(SaslRefusal::NotOffered);
        }
        let turn = sasl::start(mechanism, initial, self.bindings(peer));
        self.sasl_turn(peer, turn, None).await
    }

    /// Goes on with the client's line, without its CRLF.
    pub async fn sasl_respond(
        &self,
        peer: &Peer,
        exchange: SaslExchange,
        line: &[u8],
    ) -> Result<SaslStep, SaslRefusal> {
        let turn = exchange.exchange.respond(line);
        self.sasl_turn(peer, turn, exchange.named).await
    }

    async fn sasl_turn(
        &self,
        peer: &Peer,
        turn: Result<Turn, SaslError>,
        named: Option<ScramAccount>,
    ) -> Result<SaslStep, SaslRefusal> {
        match turn.inspect_err(|err| self.record_broken_binding(peer, *err))? {
            Turn::Challenge(exchange) => Ok(SaslStep::Challenge(exchange.into())),
            Turn::Done(claim) => {
                let principal = self.sign_in(peer, &claim.authcid, &claim.password).await?;
                Ok(SaslStep::SignedIn(Box::new(principal)))
            }
            Turn::ScramFirst(first) => {
                let account = self.scram_start(first.name());
                let nonce = STANDARD_NO_PAD.encode(self.inner.random.array::<NONCE_OCTETS>());
                let (salt, iterations) = (account.salt, account.iterations);
                Ok(SaslStep::Challenge(SaslExchange {
                    exchange: Exchange::after_first(first, &nonce, &salt, iterations),
                    named: Some(account),
                }))
            }
            Turn::ScramFinal(last) => {
                let account = named.ok_or(SaslError::Malformed)?;
                let (messages, proof) = (&last.auth_message, &last.proof);
                let found = self.scram_finish(peer, &account, messages, proof).await?;
                let (principal, signature) = found;
                let exchange = Exchange::after_final(&signature).into();
                Ok(SaslStep::Proven(Box::new(principal), exchange))
            }
            Turn::ScramDone => Ok(SaslStep::Confirmed),
        }
    }

    /// What a client never does by itself is a sign of somebody in between.
    fn record_broken_binding(&self, peer: &Peer, err: SaslError) {
        if matches!(err, SaslError::Downgraded | SaslError::OtherBinding) {
            self.record_refused_sign_in(peer, &About::peer(peer), "channel binding");
        }
    }

    /// What the client's connection can be told by, if that may be used. Nothing under TLS 1.2:
    /// there clients that see -PLUS bind by `tls-unique`, which we do not have (RFC 9266 §1 says
    /// why), and could not sign in.
    fn bindings(&self, peer: &Peer) -> Bindings {
        let bindings = peer.tls.as_ref().map(|tls| &tls.bindings);
        let exported = bindings.and_then(|all| Some((all, all.exporter?)));
        match exported.filter(|_| self.config().settings().channel_binding) {
            None => Bindings::default(),
            Some((bindings, exporter)) => Bindings {
                exporter: Some(exporter.to_vec()),
                end_point: bindings.end_point.as_deref().map(<[u8]>::to_vec),
            },
        }
    }
}
