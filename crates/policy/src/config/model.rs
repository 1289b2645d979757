//! The parts of the configuration, as doors see them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use ledger::Commitment;
use types::{
    AccountId, Address, AliasId, CertificateId, CredentialId, Domain, DomainId, GrantId,
    ListenerId, Network, Sha256, Timestamp,
};

use crate::change::{
    DetailSeparator, DkimCreate, DkimUse, MailScope, Member, Owned, Service, TokenScope,
};
use crate::role::{Role, Subject};

/// Where a service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its id.
    pub id: ListenerId,
    /// What answers.
    pub service: Service,
    /// Address and port.
    pub address: SocketAddr,
}

impl Listener {
    /// Whether a connection begins with TLS. Monitors on this machine need none.
    pub fn begins_with_tls(&self) -> bool {
        let is_away = self.service == Service::Metrics && !self.address.ip().is_loopback();
        is_away || self.service.is_implicit_tls()
    }
}

/// A certificate with its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its id.
    pub id: CertificateId,
    /// Names for which it is shown.
    pub names: Vec<Domain>,
    /// The object with the chain as PEM.
    pub chain: Sha256,
    /// The secret object with the key.
    pub key: Sha256,
    /// The entry that set it.
    pub revision: u64,
}

/// A domain whose mail is delivered here.
#[derive(Clone, Debug)]
pub struct HostedDomain {
    /// Its id.
    pub id: DomainId,
    /// Its own name.
    pub name: Domain,
    /// Whether it works.
    pub enabled: bool,
    /// What divides names from details in addresses, where they may have details.
    pub separator: Option<DetailSeparator>,
    /// To whom mail for unknown addresses goes; empty where it is refused.
    pub catch_all: BTreeSet<Member>,
    pub(super) admins: BTreeSet<AccountId>,
    pub(super) owned: BTreeMap<Arc<str>, Owned>,
    pub(super) accounts_len: usize,
}

impl HostedDomain {
    /// The accounts with the role of its admin, also those that are disabled.
    pub fn admins(&self) -> impl Iterator<Item = AccountId> {
        self.admins.iter().copied()
    }

    /// What owns a local part, given in the form in which local parts are compared.
    pub fn owner(&self, folded: &str) -> Option<Owned> {
        self.owned.get(folded).copied()
    }

    /// Everything that owns an address of it, in the order of the local parts.
    pub fn owned(&self) -> impl Iterator<Item = Owned> {
        self.owned.values().copied()
    }

    /// How many accounts it has.
    pub fn accounts_len(&self) -> usize {
        self.accounts_len
    }

    /// How many aliases it has.
    pub fn aliases_len(&self) -> usize {
        self.owned.len() - self.accounts_len
    }
}

/// An account: it owns mailboxes and may sign in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its address as it was written when it was made.
    pub address: Address,
    /// The domain of the address.
    pub domain: DomainId,
    /// Whether it works; its domain must work too ([`crate::Config::is_active`]).
    pub enabled: bool,
    /// What it may do.
    pub role: Role,
    /// Octets it may keep, if there is a limit.
    pub quota_octets: Option<u64>,
    /// The name that people see.
    pub name: Option<Commitment>,
    /// What it signs in with, once it was set.
    pub password: Option<Password>,
    /// What it signs in with besides its password.
    pub credentials: BTreeSet<CredentialId>,
    /// The grants by which it sends with the addresses of others.
    pub send_as: BTreeSet<GrantId>,
    /// The entry that made it.
    pub made_seq: u64,
}

impl Account {
    /// The account as a right sees it.
    pub fn subject(&self) -> Subject {
        Subject {
            account: self.id,
            domain: self.domain,
            role: self.role,
        }
    }
}

/// The password of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Password {
    /// Its id, the same for all passwords that the account has one after the other.
    pub credential: CredentialId,
    /// The secret object with its hash.
    pub secret: Sha256,
    /// The entry that set it; another revision is another password.
    pub revision: u64,
}

/// What an account signs in with besides its password.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub account: AccountId,
    /// The secret object with what checks it.
    pub secret: Sha256,
    /// The entry that made it.
    pub made_seq: u64,
    /// Which sort, with what limits it.
    pub kind: CredentialKind,
}

/// Sorts of credentials besides passwords.
#[derive(Clone, Debug, PartialEq)]
pub enum CredentialKind {
    /// A password made for one program.
    AppPassword {
        /// The name of the device or program.
        name: Commitment,
        /// The protocols that it opens.
        scopes: BTreeSet<MailScope>,
        /// The networks that it works from; empty for all.
        networks: BTreeSet<Network>,
        /// Whose addresses it may send with, of those that its account may; empty for all.
        send_as: BTreeSet<Owned>,
    },
    /// A second factor (RFC 6238).
    Totp,
    /// Codes for the day on which the second factor is lost.
    RecoveryCodes,
    /// A token of a program.
    Token {
        /// The name of the program.
        name: Commitment,
        /// What it allows.
        scopes: BTreeSet<TokenScope>,
        /// The moment from which on it is refused.
        expires: Option<Timestamp>,
    },
}

impl CredentialKind {
    /// The name that a person gave it.
    pub fn name(&self) -> Option<Commitment> {
        match self {
            Self::AppPassword { name, .. } | Self::Token { name, .. } => Some(*name),
            Self::Totp | Self::RecoveryCodes => None,
        }
    }
}

/// An address that delivers to others.
#[derive(Clone, Debug)]
pub struct Alias {
    /// Its id.
    pub id: AliasId,
    /// Its address as it was written when it was made.
    pub address: Address,
    /// The domain of the address.
    pub domain: DomainId,
    /// To whom it delivers. Ids of accounts and aliases that are gone may stand in it; they
    /// deliver to nobody, since ids are never used again.
    pub members: BTreeSet<Member>,
}

/// Leave to send with the address of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who may send.
    pub account: AccountId,
    /// With whose address.
    pub of: Owned,
}

/// A key with which mail can be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKey {
    /// What was made.
    pub made: DkimCreate,
    /// What is done with it.
    pub state: DkimUse,
}
