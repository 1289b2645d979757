//! What a person or a program can ask to be changed, whatever the door it comes through.
//!
//! A command speaks of names; [`crate::Service::admit`] turns it into changes that speak of ids.
//! The serialised form is what the control socket carries; it is not kept anywhere.

use std::net::SocketAddr;

use policy::change::{
    Blocked, DkimName, IfSilent, RouteFor, RouteHost, RouteTls, ScannerAddress, ScannerKind,
};
use policy::{
    Config, MailScope, Role, RuleContent, RuleDirection, RuleLevel, Sender, SenderList, TokenScope,
};
use serde::{Deserialize, Serialize};
use sieve::Day;
use types::{Address, CertificateId, CredentialId, Domain, ExitId, Network, RuleId, Secret};

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
    /// Keys are made with which mail of a domain can be signed.
    DkimCreate {
        /// The domain.
        domain: Domain,
    },
    /// Mail of a domain is signed with the keys that wait, and no longer with those before them.
    DkimSign {
        /// The domain.
        domain: Domain,
    },
    /// Mail of a domain is signed no longer.
    DkimRest {
        /// The domain.
        domain: Domain,
    },
    /// A key is forgotten.
    DkimRemove {
        /// The key.
        key: DkimName,
    },
    /// Mail for other servers goes to a host, whatever DNS says.
    RouteSet {
        /// Which mail.
        mail: RouteFor,
        /// To which host.
        host: RouteHost,
        /// At which port.
        port: u16,
        /// How the connection is secured.
        tls: RouteTls,
        /// Whether the host speaks LMTP.
        lmtp: bool,
        /// Name and password for signing in there.
        sign_in: Option<(String, Password)>,
    },
    /// Mail for other servers goes to the hosts that DNS names again.
    RouteRemove {
        /// Which mail.
        mail: RouteFor,
    },
    /// Mail is shown to a scanner before it is taken, in this way from now on.
    ScannerSet {
        /// Which.
        kind: ScannerKind,
        /// Where it answers.
        address: ScannerAddress,
        /// What becomes of mail that it does not answer for.
        if_silent: IfSilent,
        /// How long it is waited for, in seconds.
        timeout_s: u32,
    },
    /// A scanner is not asked any more.
    ScannerRemove {
        /// Which.
        kind: ScannerKind,
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
    /// A new rule; it stands last, but before the scripts of mail programs.
    RuleAdd {
        /// Whose mail it is about.
        at: RuleAt,
        /// What it says.
        rule: NewRule,
        /// The rule before which it stands; `None`: last.
        before: Option<RuleId>,
    },
    /// A rule says something else; what is `None` stays.
    RuleEdit {
        /// The rule.
        id: RuleId,
        /// Its name.
        name: Option<String>,
        /// Its comment.
        comment: Option<String>,
        /// Whether `stop` in its script also ends the list.
        stop: Option<bool>,
        /// When it ends.
        expires: Option<Expiry>,
        /// What it does.
        content: Option<RuleContent>,
    },
    /// A rule is forgotten; what it did stays known.
    RuleRemove {
        /// The rule.
        id: RuleId,
    },
    /// A rule does nothing for the time being, or works again.
    RuleEnable {
        /// The rule.
        id: RuleId,
        /// Whether it is so from now on.
        enabled: bool,
    },
    /// A rule takes another place in the list of its level.
    RuleMove {
        /// The rule.
        id: RuleId,
        /// The rule before which it stands; `None`: last.
        before: Option<RuleId>,
    },
    /// All mail of an account is sent on from now on, or stays.
    ForwardSet {
        /// The account.
        account: Address,
        /// To where; `None` ends it.
        forward: Option<Forward>,
    },
    /// An account answers while its owner is away, or no longer.
    VacationSet {
        /// The account.
        account: Address,
        /// What it answers; `None` ends it.
        vacation: Option<Vacation>,
    },
    /// Senders come to a list of an account or a domain, or go from it.
    SendersChange {
        /// Whose list; the server has none.
        of: RuleAt,
        /// Which list.
        list: SenderList,
        /// The senders.
        senders: Vec<Sender>,
        /// Whether they stand in it from now on.
        present: bool,
    },
    /// Rules may send mail to exactly this address outside, for a year or less.
    ExitAllow {
        /// The address.
        target: Address,
        /// Whose mail may go there.
        at: RuleAt,
        /// For how many days; `None` for a year.
        days: Option<u32>,
    },
    /// Rules may no longer send mail there.
    ExitRevoke {
        /// The id of what was allowed.
        id: ExitId,
    },
    /// Removed mail of an account is deleted for good before its time.
    RecoverablePurge {
        /// Whose mail.
        account: Address,
        /// Which of it.
        wanted: Wanted,
    },
    /// One setting; see `sealpost config get` for keys, meaning and ranges.
    SettingSet {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
}

/// Whose mail a rule is about, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAt {
    /// All mail.
    Server,
    /// Mail for a domain, or from it.
    Domain(Domain),
    /// Mail for an account.
    Account(Address),
}

/// Which removed messages are meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Those of these numbers.
    Ids(Vec<i64>),
    /// All that were removed since then, in seconds since 1970.
    Since(i64),
    /// All that this rule removed.
    Rule(RuleId),
    /// All.
    All,
}

impl RuleAt {
    /// The level by its id; an error names what does not exist.
    pub(crate) fn level(&self, config: &Config) -> Result<RuleLevel, &'static str> {
        Ok(match self {
            Self::Server => RuleLevel::Server,
            Self::Domain(name) => RuleLevel::Domain(config.domain(name).ok_or("domain")?.id),
            Self::Account(address) => {
                RuleLevel::Account(config.account_at(address).ok_or("account")?.id)
            }
        })
    }
}

/// What a new rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRule {
    /// What people call it.
    pub name: String,
    /// Why it is there.
    pub comment: String,
    /// Whether it works at once.
    pub enabled: bool,
    /// Which way the mail goes that it looks at.
    pub direction: RuleDirection,
    /// Whether `stop` in its script also ends the list.
    pub stop: bool,
    /// When it ends.
    pub expires: Expiry,
    /// Whether it is a script that a mail program keeps here.
    pub is_program_script: bool,
    /// What it does.
    pub content: RuleContent,
}

/// When a rule ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// Only when somebody ends it.
    #[default]
    Never,
    /// At this moment: seconds since 1970-01-01 00:00:00 UTC.
    At(i64),
}

/// Where all mail of an account is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// To whom.
    pub to: Vec<Address>,
    /// Whether the account keeps it too.
    pub keep_copy: bool,
}

/// What an account answers while its owner is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vacation {
    /// The subject; `None`: made from the subject of the message.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// Days in which a sender is answered once.
    pub days: u16,
    /// The first day on which it answers; `None`: at once.
    pub from: Option<Day>,
    /// The last day on which it answers; `None`: until it is ended.
    pub until: Option<Day>,
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
