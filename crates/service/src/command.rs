//! What a person or a program can ask to be changed, whatever the door it comes through.
//!
//! A command speaks of names; [`crate::Service::admit`] turns it into changes that speak of ids.
//! The serialised form is what the control socket carries; it is not kept anywhere.

use std::net::SocketAddr;

use policy::change::Blocked;
use policy::{MailScope, Role, TokenScope};
use serde::{Deserialize, Serialize};
use types::{Address, CertificateId, CredentialId, Domain, Network, Secret};

/// One thing to change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Mail for this domain is delivered here from now on.
    DomainAdd {
        /// The domain.
        domain: Domain,
    },
    /// The domain is forgotten; it must have no accounts and no aliases.
    DomainRemove {
        /// The domain.
        domain: Domain,
    },
    /// Takes the domain's mail again, or refuses it for the time being.
    DomainEnable {
        /// The domain.
        domain: Domain,
        /// Whether it is so from now on.
        enabled: bool,
    },
    /// Whether `name+detail@` reaches `name@`.
    DomainPlusAddressing {
        /// The domain.
        domain: Domain,
        /// Whether it is so from now on.
        enabled: bool,
    },
    /// Every address of `alias` means the same local part at `domain`.
    DomainAliasAdd {
        /// The second name.
        alias: Domain,
        /// The domain.
        domain: Domain,
    },
    /// The other name of a domain is forgotten.
    DomainAliasRemove {
        /// The second name.
        alias: Domain,
    },
    /// Where mail to unknown addresses of the domain goes; `None` refuses it.
    CatchAllSet {
        /// The domain.
        domain: Domain,
        /// Where to; `None` for nowhere.
        target: Option<Address>,
    },
    /// A new account with its first password.
    AccountAdd {
        /// The address.
        address: Address,
        /// The name.
        name: Option<String>,
        /// The role.
        role: Role,
        /// `None` for no limit.
        quota_octets: Option<u64>,
        /// The password.
        password: Password,
    },
    /// The account is forgotten; its address inherits nothing if it is made again.
    AccountRemove {
        /// The address.
        address: Address,
    },
    /// Lets the account sign in and receive, or neither.
    AccountEnable {
        /// The address.
        address: Address,
        /// Whether it is so from now on.
        enabled: bool,
    },
    /// The name that people see.
    AccountName {
        /// The address.
        address: Address,
        /// The name.
        name: String,
    },
    /// What the account may do.
    AccountRole {
        /// The address.
        address: Address,
        /// The role.
        role: Role,
    },
    /// How much the account may keep; `None` for no limit.
    AccountQuota {
        /// The address.
        address: Address,
        /// How much it may keep; `None` for no limit.
        quota_octets: Option<u64>,
    },
    /// A new password.
    AccountPassword {
        /// The address.
        address: Address,
        /// The password.
        password: Password,
    },
    /// A password for one program; the answer has it, once.
    AppPasswordAdd {
        /// The account.
        account: Address,
        /// The name of the device or program.
        name: String,
        /// The protocols that it opens.
        scopes: Vec<MailScope>,
        /// The networks that it works from; none for all.
        networks: Vec<Network>,
        /// The addresses it may send with; none for all that the account may.
        send_as: Vec<Address>,
    },
    /// An app password is forgotten.
    AppPasswordRemove {
        /// Its id.
        id: CredentialId,
    },
    /// A second factor, proved with a code that counts by it now.
    TotpEnrol {
        /// The account.
        account: Address,
        /// The shared secret in Base32.
        secret: Password,
        /// A code; not looked at in a dry run.
        code: Password,
    },
    /// The second factor is forgotten, and the recovery codes with it.
    TotpRemove {
        /// The account.
        account: Address,
    },
    /// New recovery codes; the answer has them, once. The ones before no longer count.
    RecoveryCodes {
        /// The account.
        account: Address,
    },
    /// A token for a program; the answer has it, once.
    TokenAdd {
        /// The account on whose authority it acts.
        account: Address,
        /// The name of the program.
        name: String,
        /// What it allows.
        scopes: Vec<TokenScope>,
        /// Days after which it is refused; `None` for never.
        expires_days: Option<u32>,
    },
    /// A token is forgotten.
    TokenRemove {
        /// Its id.
        id: CredentialId,
    },
    /// A new address that delivers to others, inside or outside.
    AliasAdd {
        /// The address.
        address: Address,
        /// To whom it delivers.
        targets: Vec<Address>,
    },
    /// Other targets for an alias.
    AliasTargets {
        /// The address.
        address: Address,
        /// To whom it delivers.
        targets: Vec<Address>,
    },
    /// The alias is forgotten.
    AliasRemove {
        /// The address.
        address: Address,
    },
    /// `account` may send as `identity`.
    SendAsGrant {
        /// The account that sends.
        account: Address,
        /// The address it sends with.
        identity: Address,
    },
    /// `account` may no longer send as `identity`.
    SendAsRevoke {
        /// The account that sends.
        account: Address,
        /// The address it sends with.
        identity: Address,
    },
    /// A service listens on all its addresses, or on none.
    ServiceEnable {
        /// The service.
        service: policy::Service,
        /// Whether it is so from now on.
        enabled: bool,
    },
    /// A service listens on one more address and port.
    ListenerAdd {
        /// The service.
        service: policy::Service,
        /// The address.
        address: std::net::IpAddr,
        /// The port.
        port: u16,
    },
    /// A service no longer listens there.
    ListenerRemove {
        /// The service.
        service: policy::Service,
        /// The address.
        address: std::net::IpAddr,
        /// The port.
        port: u16,
    },
    /// A certificate with its key, both PEM; it serves the names that stand in it.
    CertificateSet {
        /// The chain, the server's own certificate first.
        chain_pem: String,
        /// The private key.
        key_pem: Password,
    },
    /// A certificate is no longer shown.
    CertificateRemove {
        /// Its id.
        certificate: CertificateId,
    },
    /// A network comes to one of the lists of whatever they guard, or goes from it.
    AccessChange {
        /// What the lists guard.
        of: Guarded,
        /// Which list.
        list: AccessList,
        /// The networks.
        networks: Vec<Network>,
        /// Whether they stand in it from now on.
        present: bool,
    },
    /// A proxy is believed when it says where a client comes from, or no longer.
    ProxyChange {
        /// Where it connects from.
        network: Network,
        /// At which listener; `None` for all.
        listener: Option<SocketAddr>,
        /// Whether it is so from now on.
        trusted: bool,
    },
    /// A source is refused for a while.
    BlockAdd {
        /// Who.
        source: Network,
        /// What of it.
        what: Blocked,
        /// For how long, in seconds.
        seconds: u64,
        /// Also if the source is the server's own, a proxy's or an admin's.
        force: bool,
    },
    /// A source is no longer refused, whoever blocked it.
    BlockLift {
        /// Who.
        source: Network,
    },
    /// Somebody has looked at what was changed past the server; grave changes go on.
    LedgerAcknowledge {
        /// The entry of the newest such edit, as `sealpost status` shows it.
        through: u64,
    },
    /// One setting; see `sealpost config get` for keys, meaning and ranges.
    SettingSet {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
}

/// What lists of networks guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarded {
    /// Connections to all listeners of a service.
    Service(policy::Service),
    /// Connections to the listener of a service at this address and port.
    Listener(policy::Service, SocketAddr),
    /// Sign-ins of all accounts with a role.
    Role(Role),
}

/// One of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessList {
    /// Where one must come from, if it is not empty.
    Allow,
    /// Where one must not come from, also if it is allowed.
    Deny,
}

/// A secret on its way through the control socket: never printed, wiped when dropped.
#[derive(Clone, Debug)]
pub struct Password(pub Secret);

impl Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0.expose()) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Err(serde::ser::Error::custom("a secret must be UTF-8 text")),
        }
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text.into_bytes())))
    }
}
