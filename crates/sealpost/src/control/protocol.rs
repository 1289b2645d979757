//! What travels over the control socket. Both ends are the same program; nothing here is kept.

use std::collections::BTreeMap;

use ledger::Claim;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{
    ActivityQuery, AlertQuery, Command, Guarded, Password, Question, QueueAct, QueueWanted, RuleAt,
    RuleSource, RunOver, TraceQuery, TrialMessage, Wanted,
};
use types::{Address, Domain, RuleId, SessionId};

use crate::exit::Exit;

/// Octets of a request line; the largest is a certificate chain or an alias with many targets.
pub(crate) const REQUEST_MAX_OCTETS: usize = 1_048_576;
/// Octets of an answer line; the largest is a list of all accounts.
pub(crate) const ANSWER_MAX_OCTETS: usize = 67_108_864;

/// One question or wish.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// Version of the program that asks; another one is refused, as its words may differ.
    pub(crate) version: String,
    /// What the asking process says about where it comes from.
    pub(crate) claimed: BTreeMap<Claim, String>,
    /// What is asked.
    pub(crate) ask: Ask,
}

/// What can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Ask {
    /// Change something, or say what the change would do.
    Admit {
        /// All or none are applied.
        commands: Vec<Command>,
        /// Kept with the entry.
        reason: Option<String>,
        /// Nothing is changed.
        dry_run: bool,
        /// Sessions of listeners that close end with them.
        end_sessions: bool,
    },
    /// How the server is.
    Status,
    /// Whether it works, for probes.
    Health,
    /// The newest lines of the running log.
    LogTail {
        /// Only of this kind.
        kind: Option<String>,
        /// How many at most.
        lines: usize,
    },
    /// End the server once its sessions have ended.
    Stop,
    /// All domains.
    DomainList,
    /// One domain.
    DomainShow(Domain),
    /// All accounts, or those of one domain.
    AccountList(Option<Domain>),
    /// One account.
    AccountShow(Address),
    /// App passwords: all, or those of one account.
    AppPasswordList(Option<Address>),
    /// Tokens: all, or those of one account.
    TokenList(Option<Address>),
    /// Checks a code of a second factor, and uses it up.
    FactorCheck {
        /// Whose it is.
        account: Address,
        /// The code.
        code: Password,
    },
    /// Open sessions: all, or those of one account.
    SessionList(Option<Address>),
    /// Ends one session.
    SessionEnd(SessionId),
    /// Ends all sessions of an account.
    SessionEndAll(Address),
    /// All aliases, or those of one domain.
    AliasList(Option<Domain>),
    /// One alias.
    AliasShow(Address),
    /// Who may send with the address of another.
    SendAsList,
    /// What people and programs did.
    ActivityList(ActivityQuery),
    /// The removed mail of an account.
    RecoverableList {
        account: Address,
        before: Option<i64>,
    },
    /// Bring removed mail back.
    RecoverableRestore {
        /// Whose; `None`: of all accounts, what a rule removed.
        account: Option<Address>,
        /// Which.
        wanted: Wanted,
    },
    /// All services with their listeners.
    ServiceList,
    /// From where a service, a listener or the accounts of a role may be used.
    AccessList(Guarded),
    /// All blocks that stand.
    BlockList,
    /// All proxies that are believed.
    ProxyList,
    /// The scanners that are used, and those that could be.
    ScannerList,
    /// The mail in quarantine.
    QuarantineList,
    /// The records that a domain should have in DNS.
    DnsWanted(Domain),
    /// The keys of a domain.
    DkimList(Domain),
    /// All routes of mail for other servers.
    RouteList,
    /// Where mail for an address goes.
    RouteTest(Address),
    /// Mail that waits for other servers.
    QueueList(QueueWanted),
    /// Why some of it waits.
    QueueWhy(QueueWanted),
    /// Do something with it, or say what that would concern.
    QueueAct {
        /// What.
        act: QueueAct,
        /// With which rows.
        wanted: QueueWanted,
        /// Nothing is changed.
        dry_run: bool,
    },
    /// All certificates.
    CertificateList,
    /// All settings with meaning, range and value.
    SettingList,
    /// Entries of the ledger in this range of numbers; the newest where `from` is missing.
    LedgerList {
        /// The first.
        from: Option<u64>,
        /// How many at most.
        limit: usize,
    },
    /// One entry.
    LedgerShow(u64),
    /// The newest signed checkpoint.
    LedgerCheckpoint,
    /// The proof that an entry stands in the ledger.
    LedgerProof(u64),
    /// Checks the whole ledger.
    LedgerVerify,
    /// Begins an examination of all that the server keeps.
    DoctorBegin {
        /// Puts right what can be.
        fix: bool,
    },
    /// How far the examination is, and what it found.
    DoctorLook,
    /// The rules of a level, or all.
    RuleList {
        /// Which level.
        at: Option<RuleAt>,
        /// Also those that are gone.
        removed: bool,
    },
    /// Every way by which mail can leave.
    ExitList,
    /// Lists of senders: all, or those of an account or a domain.
    SendersList(Option<RuleAt>),
    /// One rule.
    RuleShow(RuleId),
    /// Changes that detections matched.
    AlertList(AlertQuery),
    /// What a rule would have matched lately.
    RulePreview(RuleSource),
    /// What a rule would do to a message.
    RuleTest {
        /// The rule.
        rule: RuleSource,
        /// The message.
        message: TrialMessage,
    },
    /// Run a rule over a folder, or say what that would do.
    RuleRun {
        /// The rule.
        rule: RuleSource,
        /// Over which mail.
        over: RunOver,
        /// Nothing is changed.
        dry_run: bool,
    },
    /// All that is known of something.
    Explain(Question),
    /// What happened to messages.
    Trace(TraceQuery),
}

impl Ask {
    /// What is asked in one word, without any value of it.
    pub(crate) fn name(&self) -> String {
        let whole = format!("{self:?}");
        let is_part = |c: &char| c.is_ascii_alphanumeric();
        whole.chars().take_while(is_part).collect()
    }
}

/// What the server says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Answer {
    /// It was done; here is what was asked for.
    Done(Value),
    /// It was not done.
    Refused {
        /// Which sort of refusal.
        exit: Exit,
        /// For the person.
        words: String,
    },
}

impl Answer {
    /// A refusal.
    pub(crate) fn refused(exit: Exit, words: impl Into<String>) -> Self {
        Self::Refused {
            exit,
            words: words.into(),
        }
    }
}
