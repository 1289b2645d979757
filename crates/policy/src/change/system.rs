//! The ledger's own beginnings, the server's starts, and traces of other hands.

use std::fmt;

use serde::{Deserialize, Serialize};
use types::{Domain, Sha256};

/// What the ledger was set up for; `serve` refuses a demo ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Real mail.
    Serve,
    /// A show on one machine.
    Demo,
}

/// How much change control an install begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Notices; holds only where they never run out by themselves.
    Relaxed,
    /// Short holds by day.
    Careful,
    /// All holds as they stand.
    Strict,
}

/// Entry 0 of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Random id of the install, 8 lower-case hexadecimal digits.
    pub instance: String,
    /// What it was set up for.
    pub mode: Mode,
    /// The host name of that day, part of the log's name for life.
    pub host_name: Domain,
    /// The verifier key of the log, as a signed note writes it.
    pub vkey: String,
    /// The change control it begins with.
    pub preset: Preset,
}

/// The version of the meaning of rules that a start records. Under 1, the next start ended what an
/// edit from outside had frozen; since 2, only an acknowledgement does.
pub const RULES_ENGINE: u32 = 2;

/// One start of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// Version of the server.
    pub version: String,
    /// Version of the meaning of rules; effects that would differ are held.
    pub rules_engine: u32,
    /// SHA-256 of the executable file.
    pub binary: Sha256,
    /// The command line, each word with octets outside UTF-8 replaced.
    pub argv: Vec<String>,
    /// The start file, stored as an object.
    pub start_file: Sha256,
    /// Keys of the start file whose values differ from the last start.
    pub start_file_differs: Vec<String>,
    /// Digest of the resolver's configuration, where there is one.
    pub resolver: Option<Sha256>,
    /// Digest of the trust store, where there is one.
    pub trust_store: Option<Sha256>,
    /// Names of the environment variables that the server honours and found.
    pub environment: Vec<String>,
    /// Name of the machine as the kernel gives it.
    pub host: String,
    /// User of the process.
    pub uid: u32,
    /// State root of the configuration that was folded.
    pub state_root: Sha256,
    /// Size of the log that the signer signed last.
    #[serde(with = "digits")]
    pub last_signed_size: u64,
}

/// Data that changed without an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideEdit {
    /// What was found, such as `a row without a signed checkpoint`.
    pub what: String,
    /// Where, such as `ledger_entry 1234`.
    #[serde(rename = "where")]
    pub place: String,
    /// The rogue bytes with file times and owners, stored as an object.
    pub evidence: Option<Sha256>,
}

/// A log of what happened, signed apart from the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealedLog {
    /// Sign-ins, what was given out and removed, alarms, heartbeats.
    Activity,
    /// What happened to each message.
    Trace,
}

impl OutsideEdit {
    /// How the place of an object begins that is not what entries name.
    pub const OBJECT_PLACE: &str = "ledger_object ";

    /// Whether grave changes wait after an edit at this place. Not after that of an object: it is
    /// never obeyed, and what puts it right is a change.
    pub fn freezes_at(place: &str) -> bool {
        !place.starts_with(Self::OBJECT_PLACE)
    }
}

/// Somebody has looked at the edits from outside, and grave changes go on. It adopts nothing of
/// them, and they stay in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// The newest edit that was looked at: the number of its entry.
    #[serde(with = "digits")]
    pub through: u64,
}

impl SealedLog {
    /// Its name in origins, folders and entries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for SealedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The newest signed checkpoint of a log beside the ledger; whoever holds the ledger can hold the
/// log against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivityCheckpoint {
    /// Which log.
    pub id: SealedLog,
    /// Rows under it.
    #[serde(with = "digits")]
    pub size: u64,
    /// The root over them.
    pub root: Sha256,
    /// The signed note that says so.
    pub note: String,
}

/// Numbers that may pass 2^53−1 are texts of digits.
pub(crate) mod digits {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number: u64 = text.parse().map_err(D::Error::custom)?;
        if number.to_string() == text {
            Ok(number)
        } else {
            Err(D::Error::custom("a number with a sign or leading zeros"))
        }
    }
}
