//! Reads POP3 command lines (RFC 1939 §3, RFC 2449 §4). Pure; never panics; the caller bounds
//! the line.

use types::Secret;

use crate::sasl::{AUTHCID_MAX_OCTETS, Mechanism};

use super::command::{Command, MessageNumber, Verb};

/// Digits of a number on the wire; enough for every number of 64 bits.
const NUMBER_MAX_DIGITS: usize = 20;

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// The line has a CR, a LF or a NUL in it.
    #[error("a command is one line without CR, LF or NUL")]
    ControlCharacter,
    /// The first word is no verb of ours.
    #[error("the command is not known")]
    UnknownVerb,
    /// An argument is missing, wrong, or stands where none may.
    #[error("the arguments of {0} are wrong")]
    Arguments(Verb),
    /// The mechanism of AUTH is not offered.
    #[error("the mechanism is not known")]
    UnknownMechanism,
}

/// Parses a line without its CRLF. Returns `Err` for every other input; never panics.
pub fn command(line: &[u8]) -> Result<Command, SyntaxError> {
    if line.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n')) {
        return Err(SyntaxError::ControlCharacter);
    }
    let name_end = line.iter().position(|octet| *octet == b' ');
    let (name, rest) = line.split_at(name_end.unwrap_or(line.len()));
    let verb = Verb::by_name(name).ok_or(SyntaxError::UnknownVerb)?;
    // A password keeps all its spaces; everything else is words.
    if verb == Verb::Pass {
        return match rest.split_first() {
            Some((_, password)) if !password.is_empty() => {
                Ok(Command::Pass(Secret::new(password.to_vec())))
            }
            _ => Err(SyntaxError::Arguments(verb)),
        };
    }
    let rest = std::str::from_utf8(rest).map_err(|_| SyntaxError::Arguments(verb))?;
    if verb == Verb::User {
        return user(rest.trim_matches(' '));
    }
    let mut words = Words::new(verb, rest);
    let command = match verb {
        Verb::Auth => {
            let mechanism = words.required()?;
            let mechanism = Mechanism::by_name(mechanism.as_bytes());
            Command::Auth {
                mechanism: mechanism.ok_or(SyntaxError::UnknownMechanism)?,
                initial: words
                    .next()
                    .map(|word| Secret::new(word.as_bytes().to_vec())),
            }
        }
        Verb::Dele => Command::Dele(words.message_number()?),
        Verb::List => Command::List(words.optional_message_number()?),
        Verb::Retr => Command::Retr(words.message_number()?),
        Verb::Top => Command::Top {
            number: words.message_number()?,
            lines: words.number()?,
        },
        Verb::Uidl => Command::Uidl(words.optional_message_number()?),
        Verb::Capa => Command::Capa,
        Verb::Noop => Command::Noop,
        Verb::Quit => Command::Quit,
        Verb::Rset => Command::Rset,
        Verb::Stat => Command::Stat,
        Verb::Stls => Command::Stls,
        Verb::Pass | Verb::User => return Err(SyntaxError::Arguments(verb)),
    };
    words.end()?;
    Ok(command)
}

/// `USER name`; the name may have spaces, as a quoted local part may.
fn user(name: &str) -> Result<Command, SyntaxError> {
    if name.is_empty() || name.len() > AUTHCID_MAX_OCTETS || name.contains(char::is_control) {
        return Err(SyntaxError::Arguments(Verb::User));
    }
    Ok(Command::User(name.to_owned()))
}

/// The words behind a verb.
struct Words<'a> {
    verb: Verb,
    rest: std::str::Split<'a, char>,
}

impl<'a> Words<'a> {
    fn new(verb: Verb, rest: &'a str) -> Self {
        let rest = rest.split(' ');
        Self { verb, rest }
    }

    fn next(&mut self) -> Option<&'a str> {
        self.rest.find(|word| !word.is_empty())
    }

    fn required(&mut self) -> Result<&'a str, SyntaxError> {
        self.next().ok_or(SyntaxError::Arguments(self.verb))
    }

    /// A number; what is larger than the type is read as its largest value.
    fn number(&mut self) -> Result<u64, SyntaxError> {
        let word = self.required()?;
        self.read_number(word)
    }

    fn read_number(&self, word: &str) -> Result<u64, SyntaxError> {
        let plain = word.bytes().all(|octet| octet.is_ascii_digit());
        if !plain || word.len() > NUMBER_MAX_DIGITS {
            return Err(SyntaxError::Arguments(self.verb));
        }
        Ok(word.parse().unwrap_or(u64::MAX))
    }

    fn message_number(&mut self) -> Result<MessageNumber, SyntaxError> {
        let number = self.number()?;
        Ok(MessageNumber(u32::try_from(number).unwrap_or(u32::MAX)))
    }

    fn optional_message_number(&mut self) -> Result<Option<MessageNumber>, SyntaxError> {
        let Some(word) = self.next() else {
            return Ok(None);
        };
        let number = self.read_number(word)?;
        Ok(Some(MessageNumber(
            u32::try_from(number).unwrap_or(u32::MAX),
        )))
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(SyntaxError::Arguments(self.verb)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a line means, written in its one spelling.
    fn canonical(line: &[u8]) -> Result<String, SyntaxError> {
        command(line).map(|command| String::from_utf8_lossy(&command.to_bytes()).into_owned())
    }

    #[test]
    fn commands_are_read() {
        for (line, expected) in [
            ("user ann@example.org ", "USER ann@example.org"),
            ("USER \"a b\"@example.org", "USER \"a b\"@example.org"),
            ("PASS  two  spaces ", "PASS  two  spaces "),
            ("stat", "STAT"),
            ("LIST", "LIST"),
            ("LIST 2", "LIST 2"),
            ("RETR 4294967296", "RETR 4294967295"),
            ("dele 007", "DELE 7"),
            ("TOP 1 2147483647", "TOP 1 2147483647"),
            ("TOP 1 99999999999999999999", "TOP 1 18446744073709551615"),
            ("TOP  1  0 ", "TOP 1 0"),
            ("UIDL 0", "UIDL 0"),
            ("UIDL", "UIDL"),
            ("NOOP", "NOOP"),
            ("RSET", "RSET"),
            ("QUIT ", "QUIT"),
            ("CAPA", "CAPA"),
            ("STLS", "STLS"),
            ("AUTH plain", "AUTH PLAIN"),
            ("AUTH LOGIN YW5u", "AUTH LOGIN YW5u"),
        ] {
            assert_eq!(canonical(line.as_bytes()).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_command_is_refused() {
        use SyntaxError as E;
        let long_name = format!("USER {}", "a".repeat(AUTHCID_MAX_OCTETS + 1));
        let table: &[(&[u8], E)] = &[
            (b"", E::UnknownVerb),
            (b" STAT", E::UnknownVerb),
            (b"STATS", E::UnknownVerb),
            (b"APOP ann 00", E::UnknownVerb),
            (b"\xff", E::UnknownVerb),
            (b"USER", E::Arguments(Verb::User)),
            (b"USER  ", E::Arguments(Verb::User)),
            (b"USER a\tb", E::Arguments(Verb::User)),
            (b"USER \xff", E::Arguments(Verb::User)),
            (long_name.as_bytes(), E::Arguments(Verb::User)),
            (b"PASS", E::Arguments(Verb::Pass)),
            (b"PASS ", E::Arguments(Verb::Pass)),
            (b"STAT 1", E::Arguments(Verb::Stat)),
            (b"LIST 1 2", E::Arguments(Verb::List)),
            (b"LIST -1", E::Arguments(Verb::List)),
            (b"LIST 1e3", E::Arguments(Verb::List)),
            (b"RETR", E::Arguments(Verb::Retr)),
            (b"RETR +1", E::Arguments(Verb::Retr)),
            (b"RETR 000000000000000000001", E::Arguments(Verb::Retr)),
            (b"TOP 1", E::Arguments(Verb::Top)),
            (b"TOP 1 2 3", E::Arguments(Verb::Top)),
            (b"AUTH", E::Arguments(Verb::Auth)),
            (b"AUTH PLAIN a b", E::Arguments(Verb::Auth)),
            (b"AUTH CRAM-MD5", E::UnknownMechanism),
            (b"STLS now", E::Arguments(Verb::Stls)),
            (b"NOOP\rQUIT", E::ControlCharacter),
            (b"NOOP\nQUIT", E::ControlCharacter),
            (b"PASS a\0b", E::ControlCharacter),
        ];
        for (line, error) in table {
            assert_eq!(canonical(line), Err(*error), "{line:?}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let pass = command(b"PASS hunter2").unwrap();
        assert!(!format!("{pass:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn commands_survive_print_and_parse(line in "[A-Za-z]{3,5}( .{0,9}){0,3}|(TOP|RETR|UIDL|LIST|USER|PASS) [ -~]{0,12}") {
            crate::pop3::fuzzing::command_round_trip(line.as_bytes());
        }
    }
}
