//! SMTP commands as checked values (RFC 5321 §4.1.1).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use types::limits::DOMAIN_MAX_OCTETS;
use types::{Address, Domain, DsnMessage, DsnRecipient, ReversePath, Secret};

use crate::sasl::Mechanism;

use super::parse::SyntaxError;
use super::xtext::xtext;

/// The first word of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// RFC 4954 §4
    Auth,
    /// RFC 3030 §2
    Bdat,
    /// RFC 5321 §4.1.1.4
    Data,
    /// RFC 5321 §4.1.1.1
    Ehlo,
    /// RFC 5321 §4.1.1.7
    Expn,
    /// RFC 5321 §4.1.1.1
    Helo,
    /// RFC 5321 §4.1.1.8
    Help,
    /// RFC 5321 §4.1.1.2
    Mail,
    /// RFC 5321 §4.1.1.9
    Noop,
    /// RFC 5321 §4.1.1.10
    Quit,
    /// RFC 5321 §4.1.1.3
    Rcpt,
    /// RFC 5321 §4.1.1.5
    Rset,
    /// RFC 3207 §4
    StartTls,
    /// RFC 5321 §4.1.1.6
    Vrfy,
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
    /// Announces so many octets of content, which follow at once.
    Bdat {
        /// Octets of this chunk.
        octets: u64,
        /// Whether the message ends with this chunk.
        last: bool,
    },
    /// Announces content with stuffed dots.
    Data,
    /// Opens a session with extensions.
    Ehlo(HeloName),
    /// Asks for the members of a list; what it names is not read.
    Expn,
    /// Opens a session without extensions.
    Helo(HeloName),
    /// Asks for help; the topic is not read.
    Help,
    /// Opens a transaction.
    Mail {
        /// Where notifications go.
        reverse_path: ReversePath,
        /// What is said of the message.
        params: MailParams,
    },
    /// Does nothing.
    Noop,
    /// Ends the session.
    Quit,
    /// Adds a recipient.
    Rcpt {
        /// Who is to receive the message.
        forward_path: ForwardPath,
        /// Whether it was written with octets beyond ASCII, which needs SMTPUTF8 (RFC 6531 §3.3).
        internationalized: bool,
        /// `NOTIFY=` and `ORCPT=` (RFC 3461 §4).
        dsn: DsnRecipient,
    },
    /// Drops the transaction.
    Rset,
    /// Turns to TLS.
    StartTls,
    /// Asks whether a mailbox exists; what it names is not read.
    Vrfy,
}

/// What the client calls itself: a domain name or an address literal (RFC 5321 §4.1.3).
///
/// Its characters are harmless in a header field and in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeloName(String);

/// The recipient of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardPath {
    /// `<postmaster>`, which needs no domain (RFC 5321 §4.5.1).
    Postmaster,
    /// `<local@domain>`; a source route before it is dropped (RFC 5321 §4.1.1.3).
    Address(Address),
}

/// The parameters of MAIL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailParams {
    /// `SIZE=`: octets that the client means to send; more than fits is read as the largest number.
    pub size_octets: Option<u64>,
    /// `BODY=`
    pub body: Option<BodyType>,
    /// `SMTPUTF8`
    pub smtputf8: bool,
    /// `AUTH=`: who submitted the message first, as the client claims (RFC 4954 §5).
    pub auth: Option<ReversePath>,
    /// `RET=` and `ENVID=` (RFC 3461 §4).
    pub dsn: DsnMessage,
    /// `REQUIRETLS`: wherever the message goes, it goes under TLS (RFC 8689 §2).
    pub require_tls: bool,
    /// `PRDR`: a reply for each recipient is wanted after the content (draft-hall-prdr-00).
    pub prdr: bool,
}

/// The declared kind of content (RFC 6152 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyType {
    /// `7BIT`
    SevenBit,
    /// `8BITMIME`
    EightBitMime,
}

impl Verb {
    const ALL: [Self; 14] = [
        Self::Auth,
        Self::Bdat,
        Self::Data,
        Self::Ehlo,
        Self::Expn,
        Self::Helo,
        Self::Help,
        Self::Mail,
        Self::Noop,
        Self::Quit,
        Self::Rcpt,
        Self::Rset,
        Self::StartTls,
        Self::Vrfy,
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
            Self::Bdat => "BDAT",
            Self::Data => "DATA",
            Self::Ehlo => "EHLO",
            Self::Expn => "EXPN",
            Self::Helo => "HELO",
            Self::Help => "HELP",
            Self::Mail => "MAIL",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
            Self::Rcpt => "RCPT",
            Self::Rset => "RSET",
            Self::StartTls => "STARTTLS",
            Self::Vrfy => "VRFY",
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
            Self::Bdat { .. } => Verb::Bdat,
            Self::Data => Verb::Data,
            Self::Ehlo(_) => Verb::Ehlo,
            Self::Expn => Verb::Expn,
            Self::Helo(_) => Verb::Helo,
            Self::Help => Verb::Help,
            Self::Mail { .. } => Verb::Mail,
            Self::Noop => Verb::Noop,
            Self::Quit => Verb::Quit,
            Self::Rcpt { .. } => Verb::Rcpt,
            Self::Rset => Verb::Rset,
            Self::StartTls => Verb::StartTls,
            Self::Vrfy => Verb::Vrfy,
        }
    }

    /// The command as a line without its CRLF; it holds the secret of an AUTH.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut line = self.verb().name().as_bytes().to_vec();
        match self {
            Self::Auth { mechanism, initial } => {
                line.push(b' ');
                line.extend_from_slice(mechanism.name().as_bytes());
                if let Some(initial) = initial {
                    line.push(b' ');
                    line.extend_from_slice(initial.expose());
                }
            }
            Self::Bdat { octets, last } => {
                let last = if *last { " LAST" } else { "" };
                line.extend_from_slice(format!(" {octets}{last}").as_bytes());
            }
            Self::Ehlo(name) | Self::Helo(name) => {
                line.extend_from_slice(format!(" {name}").as_bytes());
            }
            Self::Mail {
                reverse_path,
                params,
            } => line.extend_from_slice(format!(" FROM:{reverse_path}{params}").as_bytes()),
            Self::Rcpt {
                forward_path, dsn, ..
            } => {
                line.extend_from_slice(format!(" TO:{forward_path}").as_bytes());
                if let Some(notify) = dsn.notify {
                    line.extend_from_slice(format!(" NOTIFY={notify}").as_bytes());
                }
                if let Some(original) = &dsn.original {
                    let (kind, address) = (original.kind(), xtext(original.address()));
                    line.extend_from_slice(format!(" ORCPT={kind};{address}").as_bytes());
                }
            }
            Self::Data
            | Self::Expn
            | Self::Help
            | Self::Noop
            | Self::Quit
            | Self::Rset
            | Self::StartTls
            | Self::Vrfy => {}
        }
        line
    }
}

impl PartialEq for Command {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl HeloName {
    /// The name as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeloName {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let valid = match text.strip_prefix('[') {
            Some(literal) => is_address_literal(literal),
            None => is_host_name(text),
        };
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(SyntaxError::HeloName)
        }
    }
}

/// The rest of an address literal behind its `[`.
fn is_address_literal(literal: &str) -> bool {
    let Some(address) = literal.strip_suffix(']') else {
        return false;
    };
    match address.split_once(':') {
        Some((tag, v6)) if tag.eq_ignore_ascii_case("IPv6") => v6.parse::<Ipv6Addr>().is_ok(),
        _ => address.parse::<Ipv4Addr>().is_ok(),
    }
}

/// A domain name, or one with underscores: Windows machines have such names (seen until 2026).
fn is_host_name(text: &str) -> bool {
    text.len() <= DOMAIN_MAX_OCTETS
        && text.is_ascii()
        && text.replace('_', "x").parse::<Domain>().is_ok()
}

impl fmt::Display for HeloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("<postmaster>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

impl fmt::Display for MailParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(octets) = self.size_octets {
            write!(f, " SIZE={octets}")?;
        }
        match self.body {
            None => {}
            Some(BodyType::SevenBit) => f.write_str(" BODY=7BIT")?,
            Some(BodyType::EightBitMime) => f.write_str(" BODY=8BITMIME")?,
        }
        if self.smtputf8 {
            f.write_str(" SMTPUTF8")?;
        }
        match &self.auth {
            None => {}
            Some(ReversePath::Null) => f.write_str(" AUTH=<>")?,
            Some(ReversePath::Address(address)) => {
                write!(f, " AUTH={}", xtext(&address.to_string()))?;
            }
        }
        if let Some(ret) = self.dsn.ret {
            write!(f, " RET={}", ret.as_str())?;
        }
        if let Some(id) = &self.dsn.envelope_id {
            write!(f, " ENVID={}", xtext(id.as_str()))?;
        }
        if self.require_tls {
            f.write_str(" REQUIRETLS")?;
        }
        if self.prdr {
            f.write_str(" PRDR")?;
        }
        Ok(())
    }
}
