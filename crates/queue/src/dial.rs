//! Opening a session with a host: connection, greeting, EHLO, TLS, sign-in.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use net::{Outgoing, OutgoingError, Random, Resolver, TlsClient, TlsClientError};
use service::{HostSignIn, RouteTls};
use types::{Secret, Status};
use wire::sasl::Mechanism;
use wire::smtp::{Capabilities, Command, HeloName};

use crate::client::Session;
use crate::end::Broken;

/// How long each step of a session may take (RFC 5321 §4.5.3.2).
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// From the first packet to a connection; the handshake of TLS likewise.
    pub connect: Duration,
    /// For the greeting.
    pub greeting: Duration,
    /// For the reply to a command.
    pub command: Duration,
    /// For the reply to DATA.
    pub data: Duration,
    /// For a piece of the content to be taken.
    pub piece: Duration,
    /// For the reply to the end of the content.
    pub end: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: Duration::from_secs(300),
            command: Duration::from_secs(300),
            data: Duration::from_secs(120),
            piece: Duration::from_secs(180),
            end: Duration::from_secs(600),
        }
    }
}

/// All that is needed to reach other servers.
#[derive(Clone)]
pub struct WayOut {
    pub(crate) resolver: Resolver,
    pub(crate) random: Random,
    /// The port of servers that DNS names.
    pub(crate) port: u16,
    /// Whether DNS may lead to this machine and to private networks.
    pub(crate) allows_local: bool,
    pub(crate) times: Times,
    anyone: TlsClient,
    /// Read when the first host must prove its name, since there are many authorities. None where
    /// this machine trusts none; what needs one then waits.
    trusted: Arc<OnceLock<Option<TlsClient>>>,
}

impl WayOut {
    /// Asks DNS by `resolver` and speaks to port 25 (RFC 5321 §4.5.4.2).
    pub fn new(resolver: Resolver, random: Random) -> Result<Self, TlsClientError> {
        Ok(Self {
            resolver,
            random,
            port: 25,
            allows_local: false,
            times: Times::default(),
            anyone: TlsClient::trusting_anyone()?,
            trusted: Arc::default(),
        })
    }

    /// Speaks to another port of the servers that DNS names, and to servers on this machine and in
    /// private networks; for networks of their own.
    #[must_use]
    pub fn within(self, port: u16, allows_local: bool) -> Self {
        Self {
            port,
            allows_local,
            ..self
        }
    }

    /// Trusts an authority of its own in place of those of this machine.
    #[cfg(test)]
    pub(crate) fn trusting(self, trusted: TlsClient) -> Self {
        Self {
            trusted: Arc::new(OnceLock::from(Some(trusted))),
            ..self
        }
    }

    /// With these times.
    #[must_use]
    pub fn taking(self, times: Times) -> Self {
        Self { times, ..self }
    }
}

/// A host and how it is spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial<'a> {
    pub(crate) host: &'a str,
    pub(crate) address: SocketAddr,
    pub(crate) tls: RouteTls,
    pub(crate) sign_in: Option<&'a HostSignIn>,
    pub(crate) lmtp: bool,
    pub(crate) own_name: &'a str,
}

impl Dial<'_> {
    /// Opens a session. Where TLS is only wished for and its handshake fails, a second connection
    /// does without (RFC 7435 §3).
    pub(crate) async fn open(&self, out: &WayOut) -> Result<Session, Broken> {
        match self.open_with(out, self.tls).await {
            Err(Broken::Conn(OutgoingError::Tls(_))) if self.tls == RouteTls::Opportunistic => {
                self.open_with(out, RouteTls::None).await
            }
            opened => opened,
        }
    }

    async fn open_with(&self, out: &WayOut, tls: RouteTls) -> Result<Session, Broken> {
        let times = out.times;
        let source: Option<IpAddr> = None;
        let mut conn = Outgoing::connect(self.address, source, times.connect).await?;
        if tls == RouteTls::Implicit {
            let client = self.checking(out)?;
            conn.start_tls(client, self.host, times.connect).await?;
        }
        let mut session = Session::new(conn, times, self.lmtp);
        let greeting = session.answer(times.greeting).await?;
        if greeting.code != 220 {
            return Err(Broken::Said(greeting));
        }
        self.hello(&mut session).await?;
        let begins = match tls {
            RouteTls::None | RouteTls::Implicit => None,
            RouteTls::Opportunistic => session.offered.start_tls.then_some(&out.anyone),
            RouteTls::StartTls if session.offered.start_tls => Some(self.checking(out)?),
            RouteTls::StartTls => {
                let words = format!("{} does not offer TLS, which is required", self.host);
                return Err(Broken::Own(Status::new(4, 7, 10), words));
            }
        };
        if let Some(client) = begins {
            let answer = session.command(&Command::StartTls).await?;
            if answer.is_yes() {
                session.start_tls(client, self.host).await?;
                self.hello(&mut session).await?;
            } else if tls == RouteTls::StartTls {
                return Err(Broken::Said(answer));
            }
        }
        session.is_checked = matches!(tls, RouteTls::StartTls | RouteTls::Implicit);
        if let Some(sign_in) = self.sign_in {
            self.sign_in(&mut session, sign_in).await?;
        }
        Ok(session)
    }

    fn checking<'a>(&self, out: &'a WayOut) -> Result<&'a TlsClient, Broken> {
        let trusted = out
            .trusted
            .get_or_init(|| TlsClient::trusting_system().ok());
        trusted.as_ref().ok_or_else(|| {
            let words = format!(
                "the certificate of {} cannot be checked: this machine trusts no authority",
                self.host
            );
            Broken::Own(Status::new(4, 7, 5), words)
        })
    }

    /// EHLO, or HELO where that is not known; LHLO for LMTP.
    async fn hello(&self, session: &mut Session) -> Result<(), Broken> {
        let own = self.own_name;
        let named = |text: &str| {
            let name = text.parse::<HeloName>();
            name.map_err(|_| {
                let words = format!("{text:?} is no name to greet with");
                Broken::Own(Status::new(4, 3, 5), words)
            })
        };
        let name = named(own)?;
        let answer = if self.lmtp {
            session.said(format!("LHLO {name}").as_bytes()).await?
        } else {
            session.command(&Command::Ehlo(name.clone())).await?
        };
        if answer.is_yes() {
            session.offered = Capabilities::of(&answer);
            let words = answer.lines.first();
            let host = words.and_then(|line| line.split_ascii_whitespace().next());
            if host.is_some_and(|host| host.eq_ignore_ascii_case(own)) {
                let words = format!("{} is this server itself: mail goes in a circle", self.host);
                return Err(Broken::Own(Status::new(4, 4, 6), words));
            }
            return Ok(());
        }
        if self.lmtp || !answer.is_never() {
            return Err(Broken::Said(answer));
        }
        session.offered = Capabilities::default();
        let answer = session.command(&Command::Helo(name)).await?;
        if answer.is_yes() {
            return Ok(());
        }
        Err(Broken::Said(answer))
    }

    /// AUTH PLAIN or LOGIN (RFC 4954), never in the clear.
    async fn sign_in(&self, session: &mut Session, sign_in: &HostSignIn) -> Result<(), Broken> {
        let host = self.host;
        let refuse = |words: String| Err(Broken::Own(Status::new(4, 7, 0), words));
        if session.tls().is_none() {
            return refuse(format!(
                "{host} does not encrypt, so the password is not sent to it"
            ));
        }
        let offers = |name: &str| session.offered.auth.iter().any(|offered| offered == name);
        let (user, password) = (sign_in.user.as_bytes(), sign_in.password.expose());
        let base64 = |octets: &[u8]| Secret::new(BASE64_STANDARD.encode(octets).into_bytes());
        let answer = if offers("PLAIN") {
            let message = Secret::new([b"\0", user, b"\0", password].concat());
            let auth = Command::Auth {
                mechanism: Mechanism::Plain,
                initial: Some(base64(message.expose())),
            };
            session.command(&auth).await?
        } else if offers("LOGIN") {
            let mut answer = session.said(b"AUTH LOGIN").await?;
            for part in [user, password] {
                if answer.code != 334 {
                    break;
                }
                answer = session.said(base64(part).expose()).await?;
            }
            answer
        } else {
            return refuse(format!("{host} offers neither PLAIN nor LOGIN to sign in"));
        };
        if answer.is_yes() {
            return Ok(());
        }
        Err(Broken::Said(answer))
    }
}
