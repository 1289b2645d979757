//! POP3 commands as checked values (RFC 1939 §5 to §7).

use std::fmt;

use types::Secret;

use crate::sasl::Mechanism;

/// The number of a message in the maildrop, from 1; 0 and others that do not exist can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageNumber(pub u32);

/// The first word of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// RFC 5034 §4
    Auth,
    /// RFC 2449 §5
    Capa,
    /// RFC 1939 §5
    Dele,
    /// RFC 1939 §5
    List,
    /// RFC 1939 §5
    Noop,
    /// RFC 1939 §7
    Pass,
    /// RFC 1939 §4
    Quit,
    /// RFC 1939 §5
    Retr,
    /// RFC 1939 §5
    Rset,
    /// RFC 1939 §5
    Stat,
    /// RFC 2595 §4
    Stls,
    /// RFC 1939 §7
    Top,
    /// RFC 1939 §7
    Uidl,
    /// RFC 1939 §7
    User,
}

/// One client command that obeys the grammar.
///
/// Two commands are equal when they are written alike.
#[derive(Clone, Debug)]
pub enum Command {
    /// Signs in; `initial` is the first response as base64, still unread.
    Auth {
        /// One of the mechanisms that are offered.
        mechanism: Mechanism,
        /// The initial response, or `=` for an empty one.
        initial: Option<Secret>,
    },
    /// Asks what the server can do.
    Capa,
    /// Marks a message as deleted.
    Dele(MessageNumber),
    /// Asks for the sizes of all messages, or of one.
    List(Option<MessageNumber>),
    /// Does nothing.
    Noop,
    /// The password: the whole rest of the line, spaces included.
    Pass(Secret),
    /// Ends the session, and in the transaction state carries out the deletions.
    Quit,
    /// Asks for a message.
    Retr(MessageNumber),
    /// Takes the deletion marks away.
    Rset,
    /// Asks for the number of messages and their octets.
    Stat,
    /// Turns to TLS.
    Stls,
    /// Asks for the header and so many lines of the body.
    Top {
        /// Which message.
        number: MessageNumber,
        /// Lines of the body; more than fits is read as the largest number.
        lines: u64,
    },
    /// Asks for the unique ids of all messages, or of one.
    Uidl(Option<MessageNumber>),
    /// The name for a following PASS.
    User(String),
}

impl Verb {
    const ALL: [Self; 14] = [
        Self::Auth,
        Self::Capa,
        Self::Dele,
        Self::List,
        Self::Noop,
        Self::Pass,
        Self::Quit,
        Self::Retr,
        Self::Rset,
        Self::Stat,
        Self::Stls,
        Self::Top,
        Self::Uidl,
        Self::User,
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
            Self::Auth => "AUTH",
            Self::Capa => "CAPA",
            Self::Dele => "DELE",
            Self::List => "LIST",
            Self::Noop => "NOOP",
            Self::Pass => "PASS",
            Self::Quit => "QUIT",
            Self::Retr => "RETR",
            Self::Rset => "RSET",
            Self::Stat => "STAT",
            Self::Stls => "STLS",
            Self::Top => "TOP",
            Self::Uidl => "UIDL",
            Self::User => "USER",
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
            Self::Auth { .. } => Verb::Auth,
            Self::Capa => Verb::Capa,
            Self::Dele(_) => Verb::Dele,
            Self::List(_) => Verb::List,
            Self::Noop => Verb::Noop,
            Self::Pass(_) => Verb::Pass,
            Self::Quit => Verb::Quit,
            Self::Retr(_) => Verb::Retr,
            Self::Rset => Verb::Rset,
            Self::Stat => Verb::Stat,
            Self::Stls => Verb::Stls,
            Self::Top { .. } => Verb::Top,
            Self::Uidl(_) => Verb::Uidl,
            Self::User(_) => Verb::User,
        }
    }

    /// The command as a line without its CRLF; it holds the secret of PASS and AUTH.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut line = self.verb().name().as_bytes().to_vec();
        let mut word = |octets: &[u8]| {
            line.push(b' ');
            line.extend_from_slice(octets);
        };
        match self {
            Self::Auth { mechanism, initial } => {
                word(mechanism.name().as_bytes());
                if let Some(initial) = initial {
                    word(initial.expose());
                }
            }
            Self::Dele(number)
            | Self::Retr(number)
            | Self::List(Some(number))
            | Self::Uidl(Some(number)) => word(number.to_string().as_bytes()),
            Self::Pass(password) => word(password.expose()),
            Self::Top { number, lines } => word(format!("{number} {lines}").as_bytes()),
            Self::User(name) => word(name.as_bytes()),
            Self::Capa
            | Self::List(None)
            | Self::Noop
            | Self::Quit
            | Self::Rset
            | Self::Stat
            | Self::Stls
            | Self::Uidl(None) => {}
        }
        line
    }
}

impl PartialEq for Command {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
