//! ManageSieve commands as checked values (RFC 5804 §2).

use std::fmt;

use types::Secret;

use super::limits::SCRIPT_NAME_MAX_CHARS;
use super::string::string;
use crate::sasl::Mechanism;

/// The name of a script: 1 to 128 characters without control characters and line separators
/// (RFC 5804 §1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptName(String);

/// A text that is no name of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a script's name has 1 to 128 characters, no control characters, and no spaces at its ends"
)]
pub struct ScriptNameError;

impl ScriptName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ScriptName {
    type Error = ScriptNameError;

    fn try_from(name: String) -> Result<Self, ScriptNameError> {
        let forbidden = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let chars = name.chars().count();
        let fits = (1..=SCRIPT_NAME_MAX_CHARS).contains(&chars);
        if fits && !name.contains(forbidden) && name.trim() == name {
            Ok(Self(name))
        } else {
            Err(ScriptNameError)
        }
    }
}

/// The first word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// RFC 5804 §2.1
    Authenticate,
    /// RFC 5804 §2.4
    Capability,
    /// RFC 5804 §2.12
    CheckScript,
    /// RFC 5804 §2.10
    DeleteScript,
    /// RFC 5804 §2.9
    GetScript,
    /// RFC 5804 §2.5
    HaveSpace,
    /// RFC 5804 §2.7
    ListScripts,
    /// RFC 5804 §2.3
    Logout,
    /// RFC 5804 §2.13
    Noop,
    /// RFC 5804 §2.6
    PutScript,
    /// RFC 5804 §2.11
    RenameScript,
    /// RFC 5804 §2.8
    SetActive,
    /// RFC 5804 §2.2
    StartTls,
}

/// One client command that obeys the grammar.
///
/// Two commands are equal when they mean the same.
#[derive(Clone, Debug)]
pub enum Command {
    /// Signs in; `initial` is the first response as base64, still unread.
    Authenticate {
        /// One of the mechanisms that are known.
        mechanism: Mechanism,
        /// The initial response; empty is one too.
        initial: Option<Secret>,
    },
    /// Asks what the server can do.
    Capability,
    /// Asks whether a script is valid; nothing is kept.
    CheckScript(String),
    /// Removes a script that is not active.
    DeleteScript(ScriptName),
    /// Asks for the text of a script.
    GetScript(ScriptName),
    /// Asks whether a script of so many octets would be taken.
    HaveSpace {
        /// What it would be called.
        name: ScriptName,
        /// Octets of its text.
        octets: u32,
    },
    /// Asks for the names of all scripts.
    ListScripts,
    /// Ends the session.
    Logout,
    /// Does nothing; the tag comes back.
    Noop(Option<String>),
    /// Keeps a script under a name, in the place of one that has it.
    PutScript {
        /// What it is called.
        name: ScriptName,
        /// Its text.
        script: String,
    },
    /// Gives a script another name.
    RenameScript {
        /// Its name.
        old: ScriptName,
        /// Its name from now on.
        new: ScriptName,
    },
    /// Makes a script the active one; `None`: no script is active.
    SetActive(Option<ScriptName>),
    /// Turns to TLS.
    StartTls,
}

impl Verb {
    const ALL: [Self; 13] = [
        Self::Authenticate,
        Self::Capability,
        Self::CheckScript,
        Self::DeleteScript,
        Self::GetScript,
        Self::HaveSpace,
        Self::ListScripts,
        Self::Logout,
        Self::Noop,
        Self::PutScript,
        Self::RenameScript,
        Self::SetActive,
        Self::StartTls,
    ];

    /// The verb of this name, in any case.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|verb| name.eq_ignore_ascii_case(verb.name().as_bytes()))
    }

    /// The verb as it is written, in capitals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "AUTHENTICATE",
            Self::Capability => "CAPABILITY",
            Self::CheckScript => "CHECKSCRIPT",
            Self::DeleteScript => "DELETESCRIPT",
            Self::GetScript => "GETSCRIPT",
            Self::HaveSpace => "HAVESPACE",
            Self::ListScripts => "LISTSCRIPTS",
            Self::Logout => "LOGOUT",
            Self::Noop => "NOOP",
            Self::PutScript => "PUTSCRIPT",
            Self::RenameScript => "RENAMESCRIPT",
            Self::SetActive => "SETACTIVE",
            Self::StartTls => "STARTTLS",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Command {
    /// The verb of the command.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Authenticate { .. } => Verb::Authenticate,
            Self::Capability => Verb::Capability,
            Self::CheckScript(_) => Verb::CheckScript,
            Self::DeleteScript(_) => Verb::DeleteScript,
            Self::GetScript(_) => Verb::GetScript,
            Self::HaveSpace { .. } => Verb::HaveSpace,
            Self::ListScripts => Verb::ListScripts,
            Self::Logout => Verb::Logout,
            Self::Noop(_) => Verb::Noop,
            Self::PutScript { .. } => Verb::PutScript,
            Self::RenameScript { .. } => Verb::RenameScript,
            Self::SetActive(_) => Verb::SetActive,
            Self::StartTls => Verb::StartTls,
        }
    }

    /// The command without its CRLF; it holds the secret of AUTHENTICATE.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut line = self.verb().name().as_bytes().to_vec();
        let mut argument = |text: &[u8]| {
            line.push(b' ');
            line.extend_from_slice(text);
        };
        let mut text = |text: &str| argument(&string(text, true));
        match self {
            Self::Authenticate { mechanism, initial } => {
                text(mechanism.name());
                if let Some(initial) = initial {
                    text(&String::from_utf8_lossy(initial.expose()));
                }
            }
            Self::CheckScript(script) => text(script),
            Self::DeleteScript(name) | Self::GetScript(name) => text(name.as_str()),
            Self::HaveSpace { name, octets } => {
                text(name.as_str());
                argument(octets.to_string().as_bytes());
            }
            Self::Noop(Some(tag)) => text(tag),
            Self::PutScript { name, script } => {
                text(name.as_str());
                text(script);
            }
            Self::RenameScript { old, new } => {
                text(old.as_str());
                text(new.as_str());
            }
            Self::SetActive(name) => text(name.as_ref().map_or("", ScriptName::as_str)),
            Self::Capability
            | Self::ListScripts
            | Self::Logout
            | Self::Noop(None)
            | Self::StartTls => {}
        }
        line
    }
}

impl PartialEq for Command {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}
