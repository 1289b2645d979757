//! Why a change cannot be made, in words that say what, where, and what to do.

use std::net::SocketAddr;

use types::{AccountId, Address, Domain, ExitId, ListenerId, RuleId};

use crate::change::{MEMBERS_PER_CHANGE_MAX, Member, Owned, Sender, SenderList, Service};
use crate::config::ExpandError;
use crate::fold_error::FoldError;
use crate::settings::SettingError;

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChangeError {
    /// A setting out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// It is about something that does not exist.
    #[error(
        "there is no {noun} {id}; `sealpost {} list` shows what there is",
        group(noun)
    )]
    Missing {
        /// What it would be.
        noun: &'static str,
        /// The id or name.
        id: String,
    },
    /// The address belongs to somebody.
    #[error("{address} belongs to {owner} already; choose another address")]
    AddressTaken {
        /// The address.
        address: Address,
        /// Whose it is.
        owner: Owned,
    },
    /// The name is a name of a domain here.
    #[error("{0} is hosted here already; `sealpost domain show {0}` shows how")]
    DomainTaken(Domain),
    /// The address lies in a domain that is not hosted here.
    #[error("{0} is not hosted here; add it first with `sealpost domain add {0}`")]
    NotHosted(Domain),
    /// An id that is not the next one, so another change came between.
    #[error("{id} is not the next free id, {next} is; ask again")]
    IdNotNext {
        /// The id that was asked for.
        id: String,
        /// The next one.
        next: String,
    },
    /// All is as the change would make it.
    #[error("{0} is so already; nothing would change")]
    NothingChanges(String),
    /// No edit from outside waits for somebody to look.
    #[error("there is nothing to acknowledge: no change past the server is open")]
    NothingToAcknowledge,
    /// Another edit from outside was found than the newest one that was looked at.
    #[error(
        "the newest change past the server is entry #{last}; look at it too (`sealpost ledger show {last}`), then acknowledge again"
    )]
    OtherEdits {
        /// The newest one.
        last: u64,
    },
    /// A limit is reached.
    #[error("{place} has the {max} {things} that it may have; remove some first")]
    TooMany {
        /// What there would be too many of.
        things: &'static str,
        /// Where.
        place: String,
        /// How many there may be.
        max: usize,
    },
    /// More members than one change can carry.
    #[error(
        "one change carries at most {MEMBERS_PER_CHANGE_MAX} members; add the rest by further changes"
    )]
    TooManyAtOnce,
    /// Nobody could change the server any more.
    #[error("{0} is the last owner that works; make another account owner first")]
    LastOwner(AccountId),
    /// A service would have no certificate.
    #[error("{0} needs a certificate and this is the last one; set another one first")]
    LastCertificate(Service),
    /// The domain is still used.
    #[error(
        "{name} still has {accounts} accounts, {aliases} aliases and {second_names} second names; remove them first"
    )]
    NotEmpty {
        /// The domain.
        name: Domain,
        /// Its accounts.
        accounts: usize,
        /// Its aliases.
        aliases: usize,
        /// Its second names.
        second_names: usize,
    },
    /// Mail would go nowhere.
    #[error("{0} would deliver to nobody; give at least one member, or remove it")]
    NoMembers(String),
    /// A member that nobody has.
    #[error("{0} cannot be a member: nobody here has it")]
    NoSuchMember(Member),
    /// What is forwarded would come back; the steps in order.
    #[error("mail would go in a circle: {0}; leave out one of these steps")]
    Circle(String),
    /// The alias would reach too far.
    #[error("{address} cannot deliver so: {reason}")]
    Expansion {
        /// The alias.
        address: Address,
        /// Why not.
        reason: ExpandError,
    },
    /// The port is in use by another listener.
    #[error("{address} is the address of listener {by}; choose another port")]
    ListenerTaken {
        /// Address and port.
        address: SocketAddr,
        /// The other listener.
        by: ListenerId,
    },
    /// A field has a value that it cannot have.
    #[error("{field} cannot be {value}: {accepted}")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it can be.
        accepted: &'static str,
    },
    /// An account has one second factor.
    #[error("{0} has a second factor already; remove it first")]
    HasFactor(AccountId),
    /// Recovery codes stand in for a second factor.
    #[error("{0} has no second factor that codes could stand in for; enrol one first")]
    NoFactor(AccountId),
    /// There is no such rule.
    #[error("there is no rule {0}; `sealpost rules list` shows what there is")]
    NoRule(RuleId),
    /// There is no such leave to send outside.
    #[error("there is no allowed exit {0}; `sealpost exits list` shows what there is")]
    NoExit(ExitId),
    /// A script with mistakes.
    #[error("the script has a mistake, so nothing was changed:\n{0}")]
    Script(String),
    /// A form that is no rule.
    #[error(transparent)]
    Form(#[from] sieve::form::FormError),
    /// More than the entry of a rule has room for.
    #[error(
        "the rule does not fit into one entry of the record; make its script shorter, or divide it with `include`"
    )]
    RuleTooLong,
    /// Scripts are included by their names.
    #[error("the script {by} is called {name:?} already; choose another name")]
    ScriptNameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        by: RuleId,
    },
    /// An account has one forward and one vacation.
    #[error("{by} is the {what} of this account already; change that one")]
    SecondOfPurpose {
        /// What there is one of.
        what: &'static str,
        /// The present one.
        by: RuleId,
    },
    /// One script of mail programs is active.
    #[error("the script {0} is active; pause it first")]
    SecondActiveScript(RuleId),
    /// A sender cannot be trusted and blocked.
    #[error("{sender} is a {list} sender; take it out of that list first", list = .list.as_str())]
    InOtherList {
        /// The sender.
        sender: Sender,
        /// Where it stands.
        list: SenderList,
    },
    /// The ledger has its first entry, or has none.
    #[error(
        "the ledger begins with one system.genesis entry and has no second; run `sealpost setup` once"
    )]
    Genesis,
    /// The change does not fit the configuration in a way that no check above names.
    #[error(transparent)]
    Fold(#[from] FoldError),
}

/// What sort of refusal it is, for exit codes and answers of doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeErrorKind {
    /// It is about something that does not exist.
    NotFound,
    /// It collides with what exists.
    Conflict,
    /// It is wrong in itself, or passes a limit.
    Invalid,
}

/// The group of commands that lists such things.
fn group(noun: &'static str) -> &'static str {
    match noun {
        "grant" => "account send-as",
        noun => noun,
    }
}

impl ChangeError {
    /// What sort of refusal it is.
    pub fn kind(&self) -> ChangeErrorKind {
        match self {
            Self::NoRule(_)
            | Self::NoExit(_)
            | Self::Missing { .. }
            | Self::NotHosted(_)
            | Self::NoSuchMember(_) => ChangeErrorKind::NotFound,
            Self::AddressTaken { .. }
            | Self::DomainTaken(_)
            | Self::IdNotNext { .. }
            | Self::NothingChanges(_)
            | Self::NothingToAcknowledge
            | Self::OtherEdits { .. }
            | Self::LastOwner(_)
            | Self::LastCertificate(_)
            | Self::NotEmpty { .. }
            | Self::ListenerTaken { .. }
            | Self::HasFactor(_)
            | Self::NoFactor(_)
            | Self::ScriptNameTaken { .. }
            | Self::SecondOfPurpose { .. }
            | Self::SecondActiveScript(_)
            | Self::InOtherList { .. }
            | Self::Genesis
            | Self::Fold(_) => ChangeErrorKind::Conflict,
            Self::Setting(_)
            | Self::Script(_)
            | Self::Form(_)
            | Self::RuleTooLong
            | Self::TooMany { .. }
            | Self::TooManyAtOnce
            | Self::NoMembers(_)
            | Self::Circle(_)
            | Self::Expansion { .. }
            | Self::Field { .. } => ChangeErrorKind::Invalid,
        }
    }
}
