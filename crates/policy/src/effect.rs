//! What a change does to mail and to those who may see it, as typed values.
//!
//! Effects stand in ledger entries, so their encoding never changes; a sentence is made from them
//! only when somebody reads them. Lists are cut to what fits an entry, with the count of the rest.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use types::{AccountId, Address, CertificateId, CredentialId, Domain, ListenerId, Network};

use crate::change::{
    AccessSubject, Blocked, DkimName, DkimUse, IfSilent, Owned, RouteFor, ScannerAddress,
    ScannerKind, Sender, Service, digits,
};
use crate::role::Role;

/// Effects that one entry lists; the rest is counted.
pub const EFFECTS_MAX: usize = 16;
/// Targets or accounts that one effect lists; the rest is counted.
pub const EFFECT_LIST_MAX: usize = 8;

/// One thing that a change does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Mail goes to addresses outside that did not get it before.
    LeavesOrganisation {
        /// Whose mail.
        whose: Whose,
        /// To where.
        targets: Vec<Address>,
        /// Targets beyond those listed.
        more: u64,
        /// Whether a mailbox here gets it too.
        keeps_copy: bool,
        /// Mailboxes here that get it too.
        mailboxes: u64,
        /// On which messages; absent: on all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<String>,
        /// Of rules: whether every target is an allowed exit. An alias says nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved: Option<bool>,
    },
    /// Mail to a domain, also our own outgoing mail, is from now on delivered here.
    DivertsOutgoing {
        /// The domain.
        domain: Domain,
    },
    /// Mail for an address that existed reaches other mailboxes here than before.
    DeliversElsewhere {
        /// Whose mail.
        whose: Whose,
        /// Accounts that get it and did not before.
        to: Vec<AccountId>,
        /// Accounts that got it and do not any more.
        no_longer: Vec<AccountId>,
        /// Accounts beyond those listed.
        more: u64,
        /// Of rules: on which messages; absent: on all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<String>,
        /// Of rules: whether those who had it keep it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keeps_copy: Option<bool>,
    },
    /// Mail is removed, or can be brought back for a shorter time.
    Destroys {
        /// Whose mail.
        whose: Whose,
        /// Whether the server keeps it, so that it could be brought back.
        recoverable: bool,
        /// Of rules: what of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<Matched>,
    },
    /// Removed mail that could be brought back is deleted for good.
    Purges {
        /// Whose.
        whose: Whose,
        /// How many messages.
        #[serde(with = "digits")]
        messages: u64,
        /// How much they are.
        #[serde(with = "digits")]
        octets: u64,
    },
    /// A rule refuses mail; its sender is told.
    Rejects {
        /// Whose mail.
        whose: Whose,
        /// What of it.
        of: Matched,
    },
    /// A rule puts mail into a folder where its owner may not look.
    Moves {
        /// Whose mail.
        whose: Whose,
        /// What of it.
        of: Matched,
        /// The folder; `null`: any, since the name is computed.
        folder: Option<String>,
        /// Whether it also stays where it would be.
        keeps_copy: bool,
    },
    /// A rule marks mail so that its owner may overlook it.
    Hides {
        /// Whose mail.
        whose: Whose,
        /// What of it.
        of: Matched,
        /// How.
        how: Hidden,
    },
    /// A rule changes header fields.
    Alters {
        /// Whose mail.
        whose: Whose,
        /// What of it.
        of: Matched,
        /// Name of the field; `null`: any, since the name is computed.
        header: Option<String>,
    },
    /// A rule answers in the owner's name.
    Replies {
        /// Whose mail.
        whose: Whose,
        /// What of it.
        of: Matched,
        /// From whom, if the rule says so.
        from: Option<String>,
        /// The beginning of the text; `null` if it is computed.
        text: Option<String>,
    },
    /// A rule tells somebody of mail.
    Notifies {
        /// Whose mail.
        whose: Whose,
        /// What of it.
        of: Matched,
        /// Who is told.
        target: String,
        /// Whether that is outside.
        outside: bool,
        /// Whether it is an allowed exit, if it is outside.
        approved: bool,
    },
    /// Mail may from now on go to an address outside.
    AllowsExit {
        /// Whose mail.
        whose: Whose,
        /// The address.
        target: Address,
        /// Until when, RFC 3339.
        until: String,
    },
    /// Rules that ask for trusted senders let these pass.
    Trusts {
        /// For whose mail.
        whose: Whose,
        /// Addresses and domains.
        senders: Vec<Sender>,
        /// Senders beyond those listed.
        more: u64,
    },
    /// Something that was accepted is refused.
    Refuses {
        /// What.
        what: Refused,
    },
    /// A guard gets weaker.
    WeakensProtection {
        /// Which.
        what: Protection,
    },
    /// Less is known afterwards of what happened.
    BlursRecord {
        /// The setting that keeps the record.
        setting: String,
    },
    /// The records say of clients only what anybody on this machine claims, since a proxy that is
    /// believed is the machine itself.
    BlursSources {
        /// The proxy.
        network: Network,
        /// At which listener; `null` for all.
        listener: Option<ListenerId>,
    },
    /// Somebody may do or reach what they could not before.
    GrantsAccess {
        /// Who.
        to: Grantee,
        /// What.
        what: Access,
    },
    /// A credential opens an account that it did not open before.
    CreatesAccess {
        /// The account.
        account: AccountId,
        /// The credential.
        credential: CredentialId,
    },
    /// A key with which mail is signed is made, used, left or forgotten.
    SigningKey {
        /// The key.
        key: DkimName,
        /// What is done with it from now on; `null` if it is forgotten.
        state: Option<DkimUse>,
    },
    /// Mail for other servers goes another way.
    RoutesMail {
        /// Which mail.
        mail: RouteFor,
        /// To which host and port; `null` for the hosts that DNS names.
        to: Option<String>,
        /// Whether the host must prove its name.
        checked: bool,
        /// Whether this server signs in there.
        signs_in: bool,
    },
    /// Mail is shown to a service, whole, before it is taken.
    SendsContent {
        /// Which.
        scanner: ScannerKind,
        /// Where it answers.
        to: ScannerAddress,
    },
    /// A service says whether mail is taken, put aside or refused.
    DelegatesVerdict {
        /// Which.
        scanner: ScannerKind,
        /// What becomes of mail that it does not answer for.
        if_silent: IfSilent,
    },
    /// Further effects that the entry has no room for; all of them count in its class.
    AndMore {
        /// How many.
        count: u64,
    },
}

/// What of somebody's mail a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matched {
    /// Mailboxes whose mail it is.
    pub mailboxes: u64,
    /// On which messages, in words such as `the subject contains "tucows"`; `null`: on all.
    pub when: Option<String>,
}

/// How mail is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// Marked as read.
    MarkedRead,
    /// Marked as deleted.
    MarkedDeleted,
    /// Flagged in a way that is computed.
    AnyFlag,
}

/// Whose mail an effect is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Mail for one address.
    Address(Address),
    /// Mail for all addresses of a domain that nobody has.
    UnknownIn(Domain),
    /// Mail for postmaster and abuse, in every domain that has none of its own.
    RoleAddresses,
    /// The mail that an account has.
    Account(AccountId),
    /// All mail of the server.
    Everyone,
    /// Mail for all addresses of a domain.
    Domain(Domain),
    /// Mail that accounts of a domain send.
    SentFrom(Domain),
    /// Mail that accounts of the server send.
    SentByEveryone,
}

/// What is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// Mail for one address.
    Address(Address),
    /// Mail for all addresses of a domain that nobody has.
    UnknownIn(Domain),
    /// Mail for addresses with details, such as `ann+shop@`, of a domain.
    DetailsIn(Domain),
    /// All mail for a domain.
    Domain(Domain),
    /// Connections to a service at an address.
    Listener {
        /// The service.
        service: Service,
        /// Address and port.
        address: SocketAddr,
    },
    /// The password of an account where mail programs use it.
    PasswordForMail(AccountId),
    /// What passes the lowered limit of this setting.
    Beyond(String),
    /// Mail from senders.
    Senders {
        /// For whom it is refused.
        whose: Whose,
        /// Addresses and domains.
        senders: Vec<Sender>,
        /// Senders beyond those listed.
        more: u64,
    },
    /// Clients from where they could come before.
    Sources(Sources),
    /// Connections by a proxy.
    Proxy {
        /// The proxy.
        network: Network,
        /// At which listener; `null` for all.
        listener: Option<ListenerId>,
    },
    /// A source for a while.
    Source {
        /// The source.
        network: Network,
        /// What of it.
        what: Blocked,
        /// Until when, RFC 3339.
        until: String,
    },
}

/// A guard that can get weaker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// A setting.
    Setting(String),
    /// TLS under a name that no certificate serves any more.
    Certificate {
        /// The name.
        name: Domain,
        /// The certificate that served it.
        certificate: CertificateId,
    },
    /// A list that kept sources out.
    Sources(Sources),
    /// The socket's own word on where a client comes from: a proxy is believed in its place.
    SourceBy {
        /// The proxy.
        network: Network,
        /// At which listener; `null` for all.
        listener: Option<ListenerId>,
    },
    /// The block of a source.
    Block(Network),
    /// A service that looked at mail.
    Scanner(ScannerKind),
    /// The second factor of an account.
    SecondFactor(AccountId),
    /// The wait of grave changes after edits from outside.
    Freeze {
        /// The entry of the first of them.
        #[serde(with = "digits")]
        first: u64,
        /// The entry of the newest.
        #[serde(with = "digits")]
        last: u64,
        /// How many they are.
        count: u64,
    },
}

/// From where something may be used from now on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// What.
    pub of: AccessSubject,
    /// Only from here; empty: from anywhere.
    pub allow: Vec<Network>,
    /// Never from here.
    pub deny: Vec<Network>,
    /// Networks beyond those listed.
    pub more: u64,
}

/// Who gains access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grantee {
    /// One account.
    Account(AccountId),
    /// Whoever reaches the address.
    Anyone,
}

/// What is gained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// The rights of a role.
    Role(Role),
    /// Sending with the address of another.
    SendAs(Owned),
    /// A service at an address.
    Listener {
        /// The service.
        service: Service,
        /// Address and port.
        address: SocketAddr,
    },
}
