//! What a person or a program can ask to be changed, whatever the door it comes through.
//!
//! A command speaks of names; [`crate::Service::admit`] turns it into changes that speak of ids.
//! The serialised form is what the control socket carries; it is not kept anywhere.

use policy::Role;
use serde::{Deserialize, Serialize};
use types::{Address, Domain, Secret};

/// One thing to change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Mail for this domain is delivered here from now on.
    DomainAdd { domain: Domain },
    /// The domain is forgotten; it must have no accounts and no aliases.
    DomainRemove { domain: Domain },
    /// Takes the domain's mail again, or refuses it for the time being.
    DomainEnable { domain: Domain, enabled: bool },
    /// Whether `name+detail@` reaches `name@`.
    DomainPlusAddressing { domain: Domain, enabled: bool },
    /// Every address of `alias` means the same local part at `domain`.
    DomainAliasAdd { alias: Domain, domain: Domain },
    /// The other name of a domain is forgotten.
    DomainAliasRemove { alias: Domain },
    /// Where mail to unknown addresses of the domain goes; `None` refuses it.
    CatchAllSet {
        domain: Domain,
        target: Option<Address>,
    },
    /// A new account with its first password.
    AccountAdd {
        address: Address,
        name: Option<String>,
        role: Role,
        /// `None` for no limit.
        quota_octets: Option<u64>,
        password: Password,
    },
    /// The account is forgotten; its address inherits nothing if it is made again.
    AccountRemove { address: Address },
    /// Lets the account sign in and receive, or neither.
    AccountEnable { address: Address, enabled: bool },
    /// The name that people see.
    AccountName { address: Address, name: String },
    /// What the account may do.
    AccountRole { address: Address, role: Role },
    /// How much the account may keep; `None` for no limit.
    AccountQuota {
        address: Address,
        quota_octets: Option<u64>,
    },
    /// A new password.
    AccountPassword {
        address: Address,
        password: Password,
    },
    /// A new address that delivers to others, inside or outside.
    AliasAdd {
        address: Address,
        targets: Vec<Address>,
    },
    /// Other targets for an alias.
    AliasTargets {
        address: Address,
        targets: Vec<Address>,
    },
    /// The alias is forgotten.
    AliasRemove { address: Address },
    /// `account` may send as `identity`.
    SendAsGrant { account: Address, identity: Address },
    /// `account` may no longer send as `identity`.
    SendAsRevoke { account: Address, identity: Address },
    /// A service listens on all its addresses, or on none.
    ServiceEnable {
        service: policy::Service,
        enabled: bool,
    },
    /// A service listens on one more address and port.
    ListenerAdd {
        service: policy::Service,
        address: std::net::IpAddr,
        port: u16,
    },
    /// A service no longer listens there.
    ListenerRemove {
        service: policy::Service,
        address: std::net::IpAddr,
        port: u16,
    },
    /// A certificate with its key, both PEM; it serves the names that stand in it.
    CertificateSet {
        chain_pem: String,
        key_pem: Password,
    },
    /// One setting; see `sealpost config get` for keys, meaning and ranges.
    SettingSet { key: String, value: String },
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
