//! The typed configuration: what may be changed, what it means for mail, and who may do it.
//!
//! A change is a value ([`Change`]); the configuration ([`Config`]) is the fold of all changes in
//! the order of the ledger. [`judge`] compares two configurations and says what the difference
//! does to mail. Nothing here knows a clock, a disk or a socket: equal input gives equal output,
//! on every machine and in every later version.

mod authenticity;
mod dns_list;
mod log_level;
pub mod role;
pub mod settings;
pub mod shown;

mod fold_error;
mod id_map;

pub mod change;

pub mod effect;

pub mod config;

pub mod payload;
pub mod right;

pub mod check;
pub mod judge;
pub mod sentence;

pub mod plain;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod sample;

pub use authenticity::{AuthenticityError, DomainSet, SenderAuthentication};
pub use change::{
    Change, MailScope, Member, Owned, RuleContent, RuleDirection, RuleLevel, RulePurpose, RuleSet,
    Sender, SenderList, SendersOf, Service, TokenScope,
};
pub use check::{CONTENT_MAX_OCTETS, ChangeError, ChangeErrorKind, RULES_PER_LEVEL_MAX};
pub use config::{
    AccessList, Account, Alias, Author, Authorship, Block, Certificate, Config, ConfigBuilder,
    Credential, CredentialKind, DkimKey, Exit, ExpandError, Expansion, FormerRule, Grant,
    HostedDomain, Listener, Password, Resolution, Rule, SenderLists, StateItem,
};
pub use dns_list::{DnsLists, DnsListsError};
pub use effect::Effect;
pub use fold_error::FoldError;
pub use judge::{Class, Judgement, detection_words, judge};
pub use log_level::{LogKind, LogLevel, LogWordError};
pub use payload::Payload;
pub use plain::plain;
pub use role::{Authority, Right, Role, Subject, may};
pub use sentence::{Viewer, sentence};
pub use settings::{Setting, SettingError, Settings};
