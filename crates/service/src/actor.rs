//! Who acts, and by which way: what is attested apart from what is claimed.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ledger::{Claim, Door, TlsVersion, UnixFacts};
use policy::{Authority, Config, Role};
use types::{AccountId, Address, CredentialId, ListenerId, SessionId, SubjectId};

use crate::connection::{Ending, Entrance};

/// Numbers of subjects above this one stand for users of the host's console: this plus their uid.
const CONSOLE_SUBJECTS: u64 = 1 << 40;
/// The subject of what nobody signed in for.
const NOBODY: SubjectId = SubjectId(0);

/// The protocols of the doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Mail from other servers (RFC 5321).
    Smtp,
    /// Mail from our own users (RFC 6409).
    Submission,
    /// RFC 3501, RFC 9051.
    Imap,
    /// RFC 1939.
    Pop3,
    /// RFC 5804.
    Managesieve,
    /// Programs that show a token (RFC 9112).
    Http,
}

impl Protocol {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Smtp,
        Self::Submission,
        Self::Imap,
        Self::Pop3,
        Self::Managesieve,
        Self::Http,
    ];

    /// Whether messages come in by it as their own command.
    pub(crate) fn takes_mail(self) -> bool {
        matches!(self, Self::Smtp | Self::Submission)
    }

    /// The word for records and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Managesieve => "managesieve",
            Self::Http => "http",
        }
    }
}

/// A client on the line, signed in or not.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it came in.
    pub listener: ListenerId,
    /// Address of the client: the socket's peer, or what a proxy that is believed tells.
    pub address: SocketAddr,
    /// The proxy that tells it, where there is one: the socket's peer.
    pub proxy: Option<IpAddr>,
    /// Version and cipher, once the connection is secured.
    pub tls: Option<net::TlsInfo>,
    /// Names the connection in records; fresh for each one.
    pub session: SessionId,
    /// The word that the connection is to end.
    pub ending: Ending,
}

impl Peer {
    /// The address without its port; an IPv4 address in IPv6 form is the IPv4 address.
    pub fn source(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }

    /// By which way it came in.
    pub(crate) fn entrance(&self) -> Entrance {
        Entrance {
            listener: self.listener,
            source: self.source(),
            proxy: self.proxy,
        }
    }

    /// Version and cipher of TLS in words for the log, or that there is none.
    pub fn tls_words(&self) -> String {
        match &self.tls {
            Some(tls) => format!("{} {}", tls.version, tls.cipher),
            None => "no TLS".to_owned(),
        }
    }

    /// Whether the client is on this machine, as the socket itself says.
    pub fn is_local(&self) -> bool {
        self.proxy.is_none() && self.source().is_loopback()
    }
}

/// An account that signed in.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Which account.
    pub account: AccountId,
    /// Its address.
    pub address: Address,
    /// With which credential.
    pub credential: CredentialId,
    /// What it may do.
    pub role: Role,
    /// The session that this sign-in began.
    pub session: SessionId,
    /// The record of it in the activity log.
    pub sign_in: u64,
    /// From where.
    pub peer: Peer,
}

/// Who asks for a change, and how.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// How.
    pub via: Via,
}

/// Sorts of actors that can ask for changes today.
#[derive(Clone, Debug)]
pub enum Who {
    /// A user of the host's console; the facts are the kernel's.
    UnixUser(UnixFacts),
    /// An account with a session.
    Account(Box<Principal>),
    /// The server itself.
    System,
}

/// The way by which a command came.
#[derive(Clone, Debug)]
pub struct Via {
    /// The door.
    pub door: Door,
    /// Where it came in, if over the network.
    pub listener: Option<ListenerId>,
    /// Address of the socket's peer, if over the network.
    pub peer: Option<IpAddr>,
    /// Address of the client: another than the peer's only behind a proxy that is believed.
    pub client: Option<IpAddr>,
    /// Version of TLS, if there was any.
    pub tls: Option<TlsVersion>,
    /// What the other side says about itself.
    pub claimed: BTreeMap<Claim, String>,
}

impl Actor {
    /// The server itself, at its start or by a plan.
    pub fn system(door: Door) -> Self {
        let via = Via {
            door,
            listener: None,
            peer: None,
            client: None,
            tls: None,
            claimed: BTreeMap::new(),
        };
        Self {
            who: Who::System,
            via,
        }
    }

    /// An account that signed in at a door.
    pub fn account(principal: &Principal, door: Door) -> Self {
        let peer = &principal.peer;
        let version = peer.tls.as_ref().map(|tls| tls.version.as_str());
        let via = Via {
            door,
            listener: Some(peer.listener),
            peer: Some(peer.proxy.unwrap_or(peer.address.ip()).to_canonical()),
            client: Some(peer.source()),
            tls: version.and_then(|version| match version {
                "TLSv1.2" => Some(TlsVersion::V1_2),
                "TLSv1.3" => Some(TlsVersion::V1_3),
                _ => None,
            }),
            claimed: BTreeMap::new(),
        };
        Self {
            who: Who::Account(Box::new(principal.clone())),
            via,
        }
    }

    /// A user of the console behind the control socket.
    pub fn console(facts: UnixFacts, claimed: BTreeMap<Claim, String>) -> Self {
        let via = Via {
            door: Door::Cli,
            listener: None,
            peer: None,
            client: None,
            tls: None,
            claimed,
        };
        Self {
            who: Who::UnixUser(facts),
            via,
        }
    }

    /// An account by its session, through a door; it says that it uses this program.
    pub fn session(principal: &Principal, door: Door, program: &str) -> Self {
        let mut actor = Self::account(principal, door);
        let program = program.to_owned();
        actor.via.claimed.insert(Claim::UserAgent, program);
        actor
    }

    /// What it may do; `None` for an account that no longer works.
    pub(crate) fn authority(&self, config: &Config) -> Option<Authority> {
        match &self.who {
            Who::UnixUser(_) | Who::System => Some(Authority::Console),
            Who::Account(principal) => config.authority(principal.account),
        }
    }

    /// Who it is, for a person who reads the activity log.
    pub(crate) fn name(&self) -> String {
        match &self.who {
            Who::UnixUser(facts) => format!("console user {}", facts.uid),
            Who::System => "the server".to_owned(),
            Who::Account(principal) => principal.address.to_string(),
        }
    }

    /// The subject under whose key the actor's personal values are sealed.
    pub fn subject(&self) -> SubjectId {
        match &self.who {
            Who::UnixUser(facts) => SubjectId(CONSOLE_SUBJECTS + u64::from(facts.uid)),
            Who::Account(principal) => account_subject(principal.account),
            Who::System => NOBODY,
        }
    }

    /// One spelling for budgets and logs.
    pub fn key(&self) -> String {
        match &self.who {
            Who::UnixUser(facts) => format!("unix:{}", facts.uid),
            Who::Account(principal) => principal.account.to_string(),
            Who::System => "system".to_owned(),
        }
    }
}

/// The subject of an account's personal values.
pub(crate) fn account_subject(account: AccountId) -> SubjectId {
    SubjectId(account.0)
}
