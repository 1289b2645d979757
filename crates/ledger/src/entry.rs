//! The entry: one record of the ledger, its fields and its exact bytes (RFC 8785).
//!
//! The stored bytes are what is hashed, so each entry has exactly one spelling. Every field of the
//! envelope always stands: what does not apply is `null`, an empty list `[]` or an empty object
//! `{}`; nothing is ever left out. Sequence numbers, microseconds and ages are texts of decimal
//! digits. `before`, `after` and the effects belong to `policy`, which gives them their types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::{AccountId, DomainId, ListenerId, SessionId, Sha256, Timestamp};

use crate::canonical::{self, CanonicalError, DEPTH_MAX, INTEGER_MAX};
use crate::commitment::{Commitment, ObjectId, object_id};
use crate::origin::Origin;
use crate::text::Text;

/// The version of the format that this crate reads and writes.
pub const ENTRY_VERSION: u32 = 1;

/// Why a value is not an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The bytes are not canonical JSON, or pass a limit.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A field is unknown, missing or not of its type.
    #[error("not an entry: {0}")]
    Schema(String),
    /// A later format.
    #[error("entry version {0} is not known here")]
    Version(u32),
    /// A number in a payload is not an integer of at most 2^53−1.
    #[error("{0} is not an integer of at most 2^53-1")]
    Number(String),
    /// A payload is nested more deeply than an entry may be.
    #[error("a payload is nested more than {DEPTH_MAX} deep")]
    TooDeep,
    /// `unix` stands exactly when the actor is a Unix user.
    #[error("kernel facts belong to the actor kind unix_user, and only to it")]
    UnixFacts,
    /// A batch number outside its batch.
    #[error("entry {n} of {of} is not in a batch")]
    Batch {
        /// Number in the batch, from 1.
        n: u32,
        /// Entries of the batch.
        of: u32,
    },
}

/// One record of the ledger (docs/ledger.md, "Entry").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of the format: [`ENTRY_VERSION`].
    pub v: u32,
    /// The log that the entry belongs to.
    pub log: Origin,
    /// Number of the entry in its log, from 0 without gaps.
    #[serde(with = "decimal")]
    pub seq: u64,
    /// Wall-clock time, which may step.
    #[serde(with = "rfc3339")]
    pub ts: Timestamp,
    /// Microseconds since `boot` by a clock that never steps.
    #[serde(with = "decimal")]
    pub mono_us: u64,
    /// Random id of this start of the server.
    pub boot: String,
    /// What happened, such as `rule.create`; a closed list in `policy`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The thing that was changed.
    #[serde(deserialize_with = "Option::deserialize")]
    pub object: Option<Object>,
    /// Whose matter it is.
    pub scope: Scope,
    /// Who did it.
    pub actor: Actor,
    /// By which way it came.
    pub via: Via,
    /// The thing before the change.
    #[serde(deserialize_with = "Option::deserialize")]
    pub before: Option<Value>,
    /// The thing after the change.
    #[serde(deserialize_with = "Option::deserialize")]
    pub after: Option<Value>,
    /// Objects that the payloads name, stored beside the ledger.
    pub objects: Vec<ObjectId>,
    /// What the change does to mail, as typed values.
    pub effects: Vec<Value>,
    /// How much harm the change could do.
    pub risk: Risk,
    /// Version of the engine that found effects and risk.
    pub analyser: u32,
    /// The atomic set that the entry is part of.
    #[serde(deserialize_with = "Option::deserialize")]
    pub batch: Option<Batch>,
    /// What led to it.
    #[serde(deserialize_with = "Option::deserialize")]
    pub cause: Option<Cause>,
    /// The words that the actor gave.
    #[serde(deserialize_with = "Option::deserialize")]
    pub reason: Option<Commitment>,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in force.
    Applied,
    /// A right, a rule or a person said no.
    Refused,
    /// It was allowed, but could not be done.
    Failed,
}

/// The thing that an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// Such as `rule`.
    pub kind: String,
    /// Such as `r_9f3k`; never used again for another thing.
    pub id: String,
    /// Number of the change to this thing, from 1.
    pub rev: u32,
}

/// Whose matter an entry is; both fields `null` mean the whole server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// One domain.
    #[serde(deserialize_with = "Option::deserialize")]
    pub domain: Option<DomainId>,
    /// One account.
    #[serde(deserialize_with = "Option::deserialize")]
    pub account: Option<AccountId>,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// What sort of actor.
    pub kind: ActorKind,
    /// Its id, such as `a_7`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub id: Option<String>,
    /// What the kernel attests about a Unix user.
    #[serde(deserialize_with = "Option::deserialize")]
    pub unix: Option<UnixFacts>,
    /// The credential that the session was opened with.
    #[serde(deserialize_with = "Option::deserialize")]
    pub credential: Option<Credential>,
    /// What was shown, and how long ago.
    pub factors: Vec<Factor>,
    /// The session that gave the command.
    #[serde(deserialize_with = "Option::deserialize")]
    pub session: Option<SessionId>,
    /// The sign-in record in the activity log, such as `a1201`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub sign_in: Option<String>,
    /// The account for which the actor acted.
    #[serde(deserialize_with = "Option::deserialize")]
    pub on_behalf_of: Option<AccountId>,
}

impl Actor {
    /// An actor of this kind of which nothing else is known.
    pub fn bare(kind: ActorKind) -> Self {
        Self {
            kind,
            id: None,
            unix: None,
            credential: None,
            factors: Vec::new(),
            session: None,
            sign_in: None,
            on_behalf_of: None,
        }
    }
}

/// Sorts of actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// An account that signed in.
    Account,
    /// A program with a token.
    ApiToken,
    /// A user of the host's console.
    UnixUser,
    /// A plan that an actor made earlier.
    Schedule,
    /// The server itself.
    System,
    /// Nobody knows; never used for want of looking.
    Unknown,
}

/// What the kernel says about the peer of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnixFacts {
    /// User of the process.
    pub uid: u32,
    /// Group of the process.
    #[serde(deserialize_with = "Option::deserialize")]
    pub gid: Option<u32>,
    /// The process.
    #[serde(deserialize_with = "Option::deserialize")]
    pub pid: Option<u32>,
    /// User who signed in to the host, kept through `sudo`, where the kernel has one.
    #[serde(deserialize_with = "Option::deserialize")]
    pub login_uid: Option<u32>,
}

/// A credential that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// What sort.
    pub kind: CredentialKind,
    /// Its id, such as `k_3`.
    pub id: String,
    /// The entry that made it.
    #[serde(with = "decimal")]
    pub made_seq: u64,
}

/// Something shown to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// What sort.
    pub kind: CredentialKind,
    /// Seconds since it was made or last changed.
    #[serde(with = "decimal")]
    pub age_s: u64,
}

/// Sorts of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A password that a person knows.
    Password,
    /// A password made by the server for one program.
    AppPassword,
    /// A passkey (WebAuthn).
    Passkey,
    /// A code from an authenticator (RFC 6238).
    Totp,
    /// One of the codes kept for a lost device.
    RecoveryCode,
    /// A token for programs.
    ApiToken,
    /// A client certificate.
    Certificate,
}

/// By which way a command came. What stands outside `claimed` is attested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Via {
    /// The door.
    pub door: Door,
    /// The listener that took the connection.
    #[serde(deserialize_with = "Option::deserialize")]
    pub listener: Option<ListenerId>,
    /// Address of the socket's peer.
    #[serde(deserialize_with = "Option::deserialize")]
    pub peer: Option<Commitment>,
    /// Address of the client; another than the peer's only behind a trusted proxy.
    #[serde(deserialize_with = "Option::deserialize")]
    pub client: Option<Commitment>,
    /// Version of TLS, if there was any.
    #[serde(deserialize_with = "Option::deserialize")]
    pub tls: Option<TlsVersion>,
    /// What the other side said about itself; nobody vouches for it.
    pub claimed: BTreeMap<Claim, Claimed>,
}

impl Via {
    /// A way without a network: no peer, no claims.
    pub fn local(door: Door) -> Self {
        Self {
            door,
            listener: None,
            peer: None,
            client: None,
            tls: None,
            claimed: BTreeMap::new(),
        }
    }
}

/// The doors through which commands come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The web pages.
    Web,
    /// The programming interface.
    Api,
    /// The command line.
    Cli,
    /// ManageSieve (RFC 5804).
    Managesieve,
    /// IMAP (RFC 9051).
    Imap,
    /// JMAP (RFC 8620).
    Jmap,
    /// CalDAV and CardDAV.
    Dav,
    /// An import from another server.
    Import,
    /// A restored backup.
    Restore,
    /// Recovery after a lost key or ledger.
    Recovery,
    /// A plan that has come due.
    Schedule,
    /// The start of the server.
    Boot,
}

/// Versions of TLS that are spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "1.2")]
    V1_2,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    V1_3,
}

/// Things that the other side may say about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// The environment variable `SUDO_USER`.
    SudoUser,
    /// The environment variable `SSH_CONNECTION`.
    SshConnection,
    /// The header field `X-Forwarded-For`.
    XForwardedFor,
    /// The line of a PROXY protocol.
    Proxy,
    /// The header field `User-Agent`, or the ID of an IMAP client (RFC 2971).
    UserAgent,
}

/// The value of a claim: plain where it names no person, else a commitment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Claimed {
    /// As it was said.
    Plain(Text),
    /// Told only to whoever holds the salt.
    Committed(Commitment),
}

/// How much harm a change could do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// What the change needs before it applies.
    pub class: RiskClass,
    /// Points of the rules that matched.
    pub score: u32,
    /// The rules that matched, such as `R1`.
    pub detections: Vec<String>,
}

impl Risk {
    /// No harm to be feared.
    pub fn none() -> Self {
        Self {
            class: RiskClass::C0,
            score: 0,
            detections: Vec::new(),
        }
    }
}

/// Classes of change, from harmless to grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RiskClass {
    /// Applies at once.
    C0,
    /// Applies at once and is told.
    C1,
    /// Needs a fresh proof of who asks.
    C2,
    /// Needs a second person or time, and an anchor.
    C3,
}

/// The atomic set that an entry is part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Id of the set, such as `b_5`.
    pub id: String,
    /// Number of this entry in the set, from 1.
    pub n: u32,
    /// Entries of the set.
    pub of: u32,
}

/// What led to an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A request that people agreed to, such as `cr_55`.
    ChangeRequest(String),
    /// An earlier entry of the same log, which this one undoes or continues.
    Entry(#[serde(with = "decimal")] u64),
}

impl Entry {
    /// The bytes that are stored, hashed and signed.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        self.check()?;
        let payloads = [&self.before, &self.after].into_iter().flatten();
        for payload in payloads.chain(&self.effects) {
            check_payload(payload, DEPTH_MAX)?;
        }
        let bytes = serde_json_canonicalizer::to_vec(self)
            .map_err(|err| EntryError::Schema(err.to_string()))?;
        canonical::check(&bytes)?;
        Ok(bytes)
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    ///
    /// No second writing is needed to prove that: canonical JSON has one spelling, every field is
    /// required, and each field's type reads one spelling only.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        canonical::check(bytes)?;
        let entry: Self =
            serde_json::from_slice(bytes).map_err(|err| EntryError::Schema(err.to_string()))?;
        entry.check()?;
        Ok(entry)
    }

    /// SHA-256 of the stored bytes of `after`, for the state root.
    pub fn after_sha256(&self) -> Result<Sha256, EntryError> {
        if let Some(after) = &self.after {
            check_payload(after, DEPTH_MAX)?;
        }
        serde_json_canonicalizer::to_vec(&self.after)
            .map(|bytes| object_id(&bytes))
            .map_err(|err| EntryError::Schema(err.to_string()))
    }

    /// What the types of the fields do not say.
    fn check(&self) -> Result<(), EntryError> {
        if self.v != ENTRY_VERSION {
            return Err(EntryError::Version(self.v));
        }
        let unix_user = self.actor.kind == ActorKind::UnixUser;
        if unix_user != self.actor.unix.is_some() {
            return Err(EntryError::UnixFacts);
        }
        match self.batch {
            Some(Batch { n, of, .. }) if n == 0 || n > of => Err(EntryError::Batch { n, of }),
            _ => Ok(()),
        }
    }
}

/// Refuses what the canonical writer would silently round, before it could.
fn check_payload(value: &Value, depth_left: usize) -> Result<(), EntryError> {
    let deeper = || depth_left.checked_sub(1).ok_or(EntryError::TooDeep);
    match value {
        Value::Number(number) => {
            let magnitude = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
            match magnitude {
                Some(0..=INTEGER_MAX) => Ok(()),
                _ => Err(EntryError::Number(number.to_string())),
            }
        }
        Value::Array(items) => {
            let depth_left = deeper()?;
            items
                .iter()
                .try_for_each(|item| check_payload(item, depth_left))
        }
        Value::Object(fields) => {
            let depth_left = deeper()?;
            fields
                .values()
                .try_for_each(|field| check_payload(field, depth_left))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

/// A number as a text of decimal digits without leading zeros.
mod decimal {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        crate::decimal::parse(&text)
            .ok_or_else(|| D::Error::custom("not a decimal number in a text"))
    }
}

/// A point in time in its one spelling.
mod rfc3339 {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{self, Serializer};
    use types::Timestamp;

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        let text = time.to_rfc3339();
        if Timestamp::from_rfc3339(&text) != Some(*time) {
            return Err(ser::Error::custom("the time has no spelling"));
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::from_rfc3339(&text)
            .ok_or_else(|| D::Error::custom("not a time such as 2026-11-23T10:09:40.123456Z"))
    }
}
