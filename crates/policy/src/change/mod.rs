//! Every change of the configuration, as closed values with a fixed encoding.
//!
//! One module for each family. The fields of a change, without its `id`, are the `after` of its
//! entry. An encoding never changes once it is released; a new meaning is a new variant.

/// What is written as a text: the conversions that serde goes by.
macro_rules! as_text {
    ($error:ty: $($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}

mod id;
mod moment;

mod account;
mod alias;
mod certificate;
mod credential;
mod dkim;
mod domain;
mod listener;
mod recoverable;
mod route;
mod rule;
mod scanner;
mod senders;
mod source;
mod system;

mod exit;

mod entry;

pub use account::{
    AccountCreate, AccountNameSet, AccountQuotaSet, AccountRef, AccountRoleSet, PasswordSet,
    SendAsGrant, SendAsRevoke,
};
pub use alias::{
    AliasCreate, AliasMembersChange, AliasRemove, CatchAllClear, CatchAllSet,
    MEMBERS_PER_CHANGE_MAX,
};
pub use certificate::{CertificateRemove, CertificateSet};
pub use credential::{
    AppPasswordCreate, CredentialRef, MailScope, RecoveryCodesCreate, ScopeError, TokenCreate,
    TokenScope, TotpCreate,
};
pub use dkim::{
    DkimAlgorithm, DkimCreate, DkimName, DkimNameError, DkimRemove, DkimSetUse, DkimUse,
};
pub use domain::{
    DetailSeparator, DomainAliasCreate, DomainAliasRemove, DomainCreate, DomainPlusAddressingSet,
    DomainRef,
};
pub use exit::{ExitAllow, ExitRevoke};
pub use id::{Member, MemberError, Owned};
pub use listener::{ListenerRemove, ListenerSet, Service, ServiceError, ServiceSwitch};
pub use recoverable::RecoverablePurge;
pub use route::{RouteError, RouteFor, RouteHost, RouteRemove, RouteSet, RouteTls};
pub use rule::{
    LevelError, RuleContent, RuleDirection, RuleLevel, RuleMove, RulePurpose, RuleRef, RuleSet,
};
pub use scanner::{
    IfSilent, ScannerAddress, ScannerAddressError, ScannerKind, ScannerRemove, ScannerSet,
};
pub use senders::{
    SENDERS_PER_CHANGE_MAX, Sender, SenderError, SenderList, SendersChange, SendersOf,
};
pub use source::{
    AccessSet, AccessSubject, BlockAdd, BlockRemove, Blocked, ProxyScope, ProxySet, SourceError,
};
pub(crate) use system::digits;
pub use system::{
    Acknowledge, ActivityCheckpoint, Boot, Genesis, Mode, OutsideEdit, Preset, RULES_ENGINE,
    SealedLog,
};

use serde_json::Value;

use crate::settings::Setting;

macro_rules! changes {
    ($($(#[$doc:meta])* $variant:ident($fields:ty) = $name:literal,)*) => {
        /// One change of the configuration.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Change {
            $($(#[$doc])* $variant($fields),)*
        }

        impl Change {
            /// The type names of all changes.
            pub const TYPES: &'static [&'static str] = &[$($name),*];

            /// The type name that its entry carries.
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// The id of the object that it is about, where its type alone does not say it.
            fn target(&self) -> Option<String> {
                match self { $(Self::$variant(fields) => fields.target(),)* }
            }

            /// All its fields.
            fn to_fields(&self) -> Value {
                match self { $(Self::$variant(fields) => serde_json::to_value(fields),)* }
                    .expect("structs with text keys always have a JSON form")
            }

            /// The change of this type with these fields; `None` for an unknown type.
            fn from_fields(
                type_name: &str,
                fields: Value,
            ) -> Option<Result<Self, serde_json::Error>> {
                match type_name {
                    $($name => Some(serde_json::from_value(fields).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }
    };
}

changes! {
    /// The first entry of a ledger.
    Genesis(Genesis) = "system.genesis",
    /// The server started.
    Boot(Boot) = "system.boot",
    /// Somebody changed data past the server; evidence, never obeyed.
    OutsideEdit(OutsideEdit) = "security.oob_edit",
    /// Somebody has looked at such edits; grave changes go on.
    Acknowledge(Acknowledge) = "security.acknowledge",
    /// How far a log of what happened is signed, told by the ledger too.
    ActivityCheckpoint(ActivityCheckpoint) = "activity.checkpoint",
    /// A setting takes a value.
    SettingSet(Setting) = "setting.set",
    /// A listener is made.
    ListenerCreate(ListenerSet) = "listener.create",
    /// A listener moves to another address or serves another protocol.
    ListenerChange(ListenerSet) = "listener.change",
    /// A listener goes.
    ListenerRemove(ListenerRemove) = "listener.remove",
    /// All listeners of a service answer.
    ServiceOn(ServiceSwitch) = "service.on",
    /// No listener of a service answers.
    ServiceOff(ServiceSwitch) = "service.off",
    /// A certificate is made known, or takes the place of an older one.
    CertificateSet(CertificateSet) = "certificate.set",
    /// A certificate is no longer used.
    CertificateRemove(CertificateRemove) = "certificate.remove",
    /// Mail for a domain is delivered here.
    DomainCreate(DomainCreate) = "domain.create",
    /// Mail for a domain is no longer delivered here.
    DomainRemove(DomainRef) = "domain.remove",
    /// A domain refuses mail and sign-ins, and keeps what it has.
    DomainDisable(DomainRef) = "domain.disable",
    /// A disabled domain works again.
    DomainEnable(DomainRef) = "domain.enable",
    /// A domain's way to write details into addresses.
    DomainPlusAddressingSet(DomainPlusAddressingSet) = "domain.plus_addressing.set",
    /// A second name for a domain.
    DomainAliasCreate(DomainAliasCreate) = "domain_alias.create",
    /// A second name goes.
    DomainAliasRemove(DomainAliasRemove) = "domain_alias.remove",
    /// Mail for unknown addresses of a domain goes to these.
    CatchAllSet(CatchAllSet) = "catch_all.set",
    /// Mail for unknown addresses of a domain is refused.
    CatchAllClear(CatchAllClear) = "catch_all.clear",
    /// An account with its address.
    AccountCreate(AccountCreate) = "account.create",
    /// An account goes, with its mail.
    AccountRemove(AccountRef) = "account.remove",
    /// An account gets no mail and may not sign in, and keeps what it has.
    AccountDisable(AccountRef) = "account.disable",
    /// A disabled account works again.
    AccountEnable(AccountRef) = "account.enable",
    /// The name that people see.
    AccountNameSet(AccountNameSet) = "account.name.set",
    /// What an account may do.
    AccountRoleSet(AccountRoleSet) = "account.role.set",
    /// How much an account may keep.
    AccountQuotaSet(AccountQuotaSet) = "account.quota.set",
    /// The password of an account.
    PasswordSet(PasswordSet) = "credential.password.set",
    /// A password made for one program.
    AppPasswordCreate(AppPasswordCreate) = "credential.app_password.create",
    /// An app password no longer opens anything.
    AppPasswordRemove(CredentialRef) = "credential.app_password.remove",
    /// An account gets a second factor.
    TotpCreate(TotpCreate) = "credential.totp.create",
    /// An account loses its second factor, and its recovery codes with it.
    TotpRemove(CredentialRef) = "credential.totp.remove",
    /// Codes for the day on which the second factor is lost.
    RecoveryCodesCreate(RecoveryCodesCreate) = "credential.recovery_codes.create",
    /// A program may act on the authority of an account.
    TokenCreate(TokenCreate) = "credential.token.create",
    /// A token is no longer taken.
    TokenRemove(CredentialRef) = "credential.token.remove",
    /// An address that delivers to others.
    AliasCreate(AliasCreate) = "alias.create",
    /// An alias goes.
    AliasRemove(AliasRemove) = "alias.remove",
    /// An alias delivers to more or others.
    AliasMembersChange(AliasMembersChange) = "alias.members.change",
    /// An account may send with the address of another.
    SendAsGrant(SendAsGrant) = "send_as.grant",
    /// An account may no longer send with the address of another.
    SendAsRevoke(SendAsRevoke) = "send_as.revoke",
    /// From where a service, a listener or the accounts of a role may be used.
    AccessSet(AccessSet) = "access.set",
    /// Which proxies are believed when they say where a client comes from.
    ProxySet(ProxySet) = "proxy.set",
    /// A source is refused for a while.
    BlockAdd(BlockAdd) = "block.add",
    /// A source is no longer refused.
    BlockRemove(BlockRemove) = "block.remove",
    /// Mail is shown to a scanner before it is taken.
    ScannerSet(ScannerSet) = "scanner.set",
    /// A scanner is not asked any more.
    ScannerRemove(ScannerRemove) = "scanner.remove",
    /// A rule is made; it stands last in its level.
    RuleCreate(RuleSet) = "rule.create",
    /// A rule says something else.
    RuleChange(RuleSet) = "rule.change",
    /// A rule goes.
    RuleRemove(RuleRef) = "rule.remove",
    /// A rule does nothing for the time being.
    RulePause(RuleRef) = "rule.pause",
    /// A rule that did nothing works again.
    RuleResume(RuleRef) = "rule.resume",
    /// A rule takes another place in its level.
    RuleMove(RuleMove) = "rule.move",
    /// The server switches a rule off whose time is over.
    RuleExpire(RuleRef) = "rule.expire",
    /// Mail may go to an address outside.
    ExitAllow(ExitAllow) = "exit.allow",
    /// Mail may no longer go to an address outside.
    ExitRevoke(ExitRevoke) = "exit.revoke",
    /// Senders come to a list of an account or a domain, or go from it.
    SendersChange(SendersChange) = "senders.change",
    /// Removed mail of an account is deleted for good before its time.
    RecoverablePurge(RecoverablePurge) = "recoverable.purge",
    /// Mail for other servers goes to a host, whatever DNS says.
    RouteSet(RouteSet) = "route.set",
    /// Mail for other servers goes to the hosts that DNS names again.
    RouteRemove(RouteRemove) = "route.remove",
    /// A key is made with which mail of a domain can be signed.
    DkimCreate(DkimCreate) = "dkim.create",
    /// Mail is signed with a key, or no longer.
    DkimSetUse(DkimSetUse) = "dkim.use",
    /// A key is forgotten.
    DkimRemove(DkimRemove) = "dkim.remove",
}

impl Change {
    /// The object that it is about: kind and id. A kind is the first word of the type name; what
    /// there is only one of goes by the rest of it.
    pub fn object(&self) -> (&'static str, String) {
        let (kind, rest) = self
            .type_name()
            .split_once('.')
            .expect("every type name in the list above has a dot");
        (kind, self.target().unwrap_or_else(|| rest.to_owned()))
    }
}

/// What a change is about.
trait Target {
    fn target(&self) -> Option<String>;
}

macro_rules! target_is_id {
    ($($fields:ty),* $(,)?) => {$(
        impl Target for $fields {
            fn target(&self) -> Option<String> {
                Some(self.id.to_string())
            }
        }
    )*};
}

target_is_id!(
    ActivityCheckpoint,
    ListenerSet,
    ListenerRemove,
    ServiceSwitch,
    CertificateSet,
    CertificateRemove,
    DomainCreate,
    DomainRef,
    DomainPlusAddressingSet,
    DomainAliasCreate,
    DomainAliasRemove,
    CatchAllSet,
    CatchAllClear,
    AccountCreate,
    AccountRef,
    AccountNameSet,
    AccountRoleSet,
    AccountQuotaSet,
    PasswordSet,
    AppPasswordCreate,
    TotpCreate,
    RecoveryCodesCreate,
    TokenCreate,
    CredentialRef,
    AliasCreate,
    AliasRemove,
    AliasMembersChange,
    SendAsGrant,
    SendAsRevoke,
    AccessSet,
    ProxySet,
    BlockAdd,
    BlockRemove,
    ScannerSet,
    ScannerRemove,
    RuleSet,
    RuleRef,
    RuleMove,
    ExitAllow,
    ExitRevoke,
    SendersChange,
    RecoverablePurge,
    RouteSet,
    RouteRemove,
    DkimCreate,
    DkimSetUse,
    DkimRemove,
);

impl Target for Setting {
    fn target(&self) -> Option<String> {
        Some(self.key().to_owned())
    }
}

macro_rules! target_is_type {
    ($($fields:ty),*) => {$(
        impl Target for $fields {
            fn target(&self) -> Option<String> {
                None
            }
        }
    )*};
}

target_is_type!(Genesis, Boot, OutsideEdit, Acknowledge);
