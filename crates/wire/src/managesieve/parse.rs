//! Reads ManageSieve commands (RFC 5804 §4). Pure; never panics; the caller bounds the command.

use types::Secret;

use super::command::{Command, ScriptName, ScriptNameError, Verb};
use super::limits::QUOTED_MAX_OCTETS;
use crate::sasl::Mechanism;

/// Why octets are no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// The first word is no verb of ours.
    #[error("the command is not known")]
    UnknownVerb,
    /// An argument is missing, wrong, or stands where none may.
    #[error("the arguments of {0} are wrong")]
    Arguments(Verb),
    /// The answer in a SASL exchange is no string.
    #[error("an answer is one string")]
    Answer,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// A script cannot be called so.
    #[error(transparent)]
    Name(#[from] ScriptNameError),
    /// The mechanism of AUTHENTICATE is not known here.
    #[error("the mechanism is not offered here")]
    UnknownMechanism,
}

/// Parses a command without its last CRLF. Returns `Err` for every other input; never panics.
pub fn command(octets: &[u8]) -> Result<Command, SyntaxError> {
    let end = octets.iter().position(|octet| !octet.is_ascii_alphabetic());
    let (name, rest) = octets.split_at(end.unwrap_or(octets.len()));
    let verb = Verb::by_name(name).ok_or(SyntaxError::UnknownVerb)?;
    let mut arguments = Arguments { verb, rest };
    let command = match verb {
        Verb::Authenticate => {
            let mechanism = Mechanism::by_name(&arguments.octets()?);
            Command::Authenticate {
                mechanism: mechanism.ok_or(SyntaxError::UnknownMechanism)?,
                initial: match arguments.is_empty() {
                    true => None,
                    false => Some(Secret::new(arguments.text()?.into_bytes())),
                },
            }
        }
        Verb::CheckScript => Command::CheckScript(arguments.text()?),
        Verb::DeleteScript => Command::DeleteScript(arguments.name()?),
        Verb::GetScript => Command::GetScript(arguments.name()?),
        Verb::HaveSpace => Command::HaveSpace {
            name: arguments.name()?,
            octets: arguments.number()?,
        },
        Verb::Noop => Command::Noop(match arguments.is_empty() {
            true => None,
            false => Some(arguments.text()?),
        }),
        Verb::PutScript => Command::PutScript {
            name: arguments.name()?,
            script: arguments.text()?,
        },
        Verb::RenameScript => Command::RenameScript {
            old: arguments.name()?,
            new: arguments.name()?,
        },
        Verb::SetActive => {
            let name = arguments.text()?;
            Command::SetActive(match name.is_empty() {
                true => None,
                false => Some(name.try_into()?),
            })
        }
        Verb::Capability => Command::Capability,
        Verb::ListScripts => Command::ListScripts,
        Verb::Logout => Command::Logout,
        Verb::StartTls => Command::StartTls,
    };
    match arguments.is_empty() {
        true => Ok(command),
        false => Err(SyntaxError::Arguments(verb)),
    }
}

/// Parses what a client says in a SASL exchange: one string, which is base64 or `*`
/// (RFC 5804 §2.1). It stays unread.
pub fn answer(octets: &[u8]) -> Result<Secret, SyntaxError> {
    match string(octets) {
        Some((answer, [])) => Ok(Secret::new(answer)),
        _ => Err(SyntaxError::Answer),
    }
}

/// What follows the verb.
struct Arguments<'a> {
    verb: Verb,
    rest: &'a [u8],
}

impl Arguments<'_> {
    fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn octets(&mut self) -> Result<Vec<u8>, SyntaxError> {
        let wrong = SyntaxError::Arguments(self.verb);
        let found = self.rest.strip_prefix(b" ").and_then(string);
        let (octets, rest) = found.ok_or(wrong)?;
        self.rest = rest;
        Ok(octets)
    }

    fn text(&mut self) -> Result<String, SyntaxError> {
        String::from_utf8(self.octets()?).map_err(|_| SyntaxError::NotUtf8)
    }

    fn name(&mut self) -> Result<ScriptName, SyntaxError> {
        Ok(self.text()?.try_into()?)
    }

    /// A number of 32 bits (RFC 5804 §4).
    fn number(&mut self) -> Result<u32, SyntaxError> {
        let wrong = SyntaxError::Arguments(self.verb);
        let rest = self.rest.strip_prefix(b" ").ok_or(wrong)?;
        let end = rest.iter().position(|octet| !octet.is_ascii_digit());
        let (digits, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = rest;
        let digits = std::str::from_utf8(digits).ok();
        digits.and_then(|d| d.parse().ok()).ok_or(wrong)
    }
}

/// A quoted string or a literal at the front, and what follows it.
fn string(octets: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    match octets.split_first()? {
        (b'"', rest) => quoted(rest),
        (b'{', rest) => literal(rest),
        _ => None,
    }
}

fn quoted(octets: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    let mut rest = octets;
    loop {
        let (octet, behind) = rest.split_first()?;
        rest = behind;
        match octet {
            b'"' => return (text.len() <= QUOTED_MAX_OCTETS).then_some((text, rest)),
            b'\\' => {
                let (quoted, behind) = rest.split_first()?;
                rest = behind;
                if !matches!(quoted, b'"' | b'\\') {
                    return None;
                }
                text.push(*quoted);
            }
            0 | b'\r' | b'\n' => return None,
            octet => text.push(*octet),
        }
    }
}

fn literal(octets: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let end = octets.iter().position(|octet| !octet.is_ascii_digit())?;
    let (digits, rest) = octets.split_at(end);
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let rest = rest.strip_prefix(b"+}\r\n")?;
    let (literal, rest) = rest.split_at_checked(length)?;
    Some((literal.to_vec(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ScriptName {
        name.to_owned().try_into().unwrap()
    }

    #[test]
    fn commands_are_read_as_the_rfc_writes_them() {
        // RFC 5804 §2.1 to §2.13.
        for (said, read) in [
            (
                "HAVESPACE \"myscript\" 999999",
                Command::HaveSpace {
                    name: name("myscript"),
                    octets: 999_999,
                },
            ),
            (
                "Putscript \"foo\" {31+}\r\n#comment\r\nInvalidSieveCommand\r\n",
                Command::PutScript {
                    name: name("foo"),
                    script: "#comment\r\nInvalidSieveCommand\r\n".to_owned(),
                },
            ),
            ("Listscripts", Command::ListScripts),
            (
                "Setactive \"vacationscript\"",
                Command::SetActive(Some(name("vacationscript"))),
            ),
            ("Setactive \"\"", Command::SetActive(None)),
            (
                "Getscript {8+}\r\nmyscript",
                Command::GetScript(name("myscript")),
            ),
            ("Deletescript \"foo\"", Command::DeleteScript(name("foo"))),
            (
                "Renamescript \"f\\\"o\" \"b\\\\r\"",
                Command::RenameScript {
                    old: name("f\"o"),
                    new: name("b\\r"),
                },
            ),
            ("CheckScript {0+}\r\n", Command::CheckScript(String::new())),
            ("NOOP", Command::Noop(None)),
            (
                "NOOP \"STARTTLS-SYNC-42\"",
                Command::Noop(Some("STARTTLS-SYNC-42".to_owned())),
            ),
            ("starttls", Command::StartTls),
            ("LOGOUT", Command::Logout),
            ("CAPABILITY", Command::Capability),
            (
                "AUTHENTICATE \"plain\" {4+}\r\nAAAA",
                Command::Authenticate {
                    mechanism: Mechanism::Plain,
                    initial: Some(Secret::new(b"AAAA".to_vec())),
                },
            ),
        ] {
            assert_eq!(command(said.as_bytes()), Ok(read), "{said:?}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused() {
        let wrong = SyntaxError::Arguments;
        let long_name = format!("GETSCRIPT \"{}\"", "é".repeat(129));
        let long_string = format!("NOOP \"{}\"", "a".repeat(QUOTED_MAX_OCTETS + 1));
        for (said, why) in [
            (&b""[..], SyntaxError::UnknownVerb),
            (b" NOOP", SyntaxError::UnknownVerb),
            (b"UNAUTHENTICATE", SyntaxError::UnknownVerb),
            (b"LOGOUT ", wrong(Verb::Logout)),
            (b"LISTSCRIPTS \"a\"", wrong(Verb::ListScripts)),
            (b"GETSCRIPT", wrong(Verb::GetScript)),
            (b"GETSCRIPT a", wrong(Verb::GetScript)),
            (b"GETSCRIPT  \"a\"", wrong(Verb::GetScript)),
            (b"GETSCRIPT \"a", wrong(Verb::GetScript)),
            (b"GETSCRIPT \"a\\n\"", wrong(Verb::GetScript)),
            (b"GETSCRIPT \"a\"\"b\"", wrong(Verb::GetScript)),
            (b"GETSCRIPT {2+}\r\na", wrong(Verb::GetScript)),
            (b"GETSCRIPT {1}\r\na", wrong(Verb::GetScript)),
            (b"GETSCRIPT \"\xff\"", SyntaxError::NotUtf8),
            (b"GETSCRIPT \"\"", SyntaxError::Name(ScriptNameError)),
            (b"GETSCRIPT \"a\x1b\"", SyntaxError::Name(ScriptNameError)),
            (b"GETSCRIPT {1+}\r\n\n", SyntaxError::Name(ScriptNameError)),
            (
                "GETSCRIPT \"a\u{2028}b\"".as_bytes(),
                SyntaxError::Name(ScriptNameError),
            ),
            (long_name.as_bytes(), SyntaxError::Name(ScriptNameError)),
            (long_string.as_bytes(), wrong(Verb::Noop)),
            (b"HAVESPACE \"a\" -1", wrong(Verb::HaveSpace)),
            (b"HAVESPACE \"a\" 4294967296", wrong(Verb::HaveSpace)),
            (b"HAVESPACE \"a\" \"1\"", wrong(Verb::HaveSpace)),
            (b"PUTSCRIPT \"a\"", wrong(Verb::PutScript)),
            (b"AUTHENTICATE PLAIN", wrong(Verb::Authenticate)),
            (b"AUTHENTICATE \"CRAM-MD5\"", SyntaxError::UnknownMechanism),
        ] {
            assert_eq!(command(said), Err(why), "{}", said.escape_ascii());
        }
    }

    #[test]
    fn an_answer_is_one_string() {
        for (said, read) in [
            (&b"\"AAAA\""[..], Some(&b"AAAA"[..])),
            (b"{1+}\r\n*", Some(b"*")),
            (b"\"\"", Some(b"")),
            (b"AAAA", None),
            (b"\"A\" \"B\"", None),
            (b"", None),
        ] {
            let read_now = answer(said).ok();
            assert_eq!(read_now.as_ref().map(Secret::expose), read, "{said:?}");
        }
    }
}
