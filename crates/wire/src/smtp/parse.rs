//! Reads SMTP command lines (RFC 5321 §4.1.2). Pure; never panics; the caller bounds the line.
//!
//! Addresses are read by `types::Address` alone, so that no two parts of the server can read one
//! differently.

use types::{Address, AddressError, Domain, DsnRecipient, Ret, ReversePath, Secret};

use crate::sasl::Mechanism;

use super::command::{BodyType, Command, ForwardPath, MailParams, Verb};
use super::xtext;

/// Digits of a number on the wire (RFC 1870 §4, RFC 3030 §2).
const NUMBER_MAX_DIGITS: usize = 20;

/// Why a line is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// The line has a CR, a LF or a NUL in it.
    #[error("a command is one line without CR, LF or NUL")]
    ControlCharacter,
    /// The first word is no verb of ours.
    #[error("the command is not known")]
    UnknownVerb,
    /// An argument is missing, or stands where none may.
    #[error("the arguments of {0} are wrong")]
    Arguments(Verb),
    /// The argument of EHLO or HELO is neither a domain name nor an address literal.
    #[error("the argument is neither a domain name nor an address literal")]
    HeloName,
    /// The address after `MAIL FROM:` is none.
    #[error("the reverse-path is not valid: {0}")]
    ReversePath(AddressError),
    /// The address after `RCPT TO:` is none.
    #[error("the forward-path is not valid: {0}")]
    ForwardPath(AddressError),
    /// The path has octets beyond ASCII, and SMTPUTF8 was not asked for (RFC 6531 §3.5).
    #[error("the address needs SMTPUTF8")]
    NeedsSmtpUtf8,
    /// MAIL or RCPT has a parameter that was not announced (RFC 5321 §4.1.1.11).
    #[error("the parameter {0} is not known")]
    UnknownParam(String),
    /// A known parameter has a wrong value, or stands twice.
    #[error("the parameter {0} is wrong")]
    BadParam(&'static str),
    /// The mechanism of AUTH is not offered.
    #[error("the mechanism is not known")]
    UnknownMechanism,
}

/// Parses a line without its CRLF. Returns `Err` for every other input; never panics.
pub fn command(line: &[u8]) -> Result<Command, SyntaxError> {
    if line.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n')) {
        return Err(SyntaxError::ControlCharacter);
    }
    // RFC 5321 §4.1.1 asks to tolerate white space at the end.
    let line = line.trim_ascii_end();
    let name_end = line.iter().position(|octet| *octet == b' ');
    let (name, argument) = line.split_at(name_end.unwrap_or(line.len()));
    let verb = Verb::by_name(name).ok_or(SyntaxError::UnknownVerb)?;
    let argument = std::str::from_utf8(argument.trim_ascii_start())
        .map_err(|_| SyntaxError::Arguments(verb))?;
    match verb {
        Verb::Auth => auth(argument),
        Verb::Bdat => bdat(argument),
        Verb::Ehlo => Ok(Command::Ehlo(argument.parse()?)),
        Verb::Helo => Ok(Command::Helo(argument.parse()?)),
        Verb::Mail => mail(argument),
        Verb::Rcpt => rcpt(argument),
        Verb::Expn => Ok(Command::Expn),
        Verb::Help => Ok(Command::Help),
        Verb::Noop => Ok(Command::Noop),
        Verb::Vrfy => Ok(Command::Vrfy),
        Verb::Data | Verb::Quit | Verb::Rset | Verb::StartTls if !argument.is_empty() => {
            Err(SyntaxError::Arguments(verb))
        }
        Verb::Data => Ok(Command::Data),
        Verb::Quit => Ok(Command::Quit),
        Verb::Rset => Ok(Command::Rset),
        Verb::StartTls => Ok(Command::StartTls),
    }
}

/// `AUTH mechanism [initial-response]` (RFC 4954 §4).
fn auth(argument: &str) -> Result<Command, SyntaxError> {
    let (name, initial) = match argument.split_once(' ') {
        None => (argument, None),
        Some((name, initial)) => (name, Some(initial.trim_start())),
    };
    if name.is_empty() || initial.is_some_and(|initial| initial.contains(' ')) {
        return Err(SyntaxError::Arguments(Verb::Auth));
    }
    let mechanism = Mechanism::by_name(name.as_bytes()).ok_or(SyntaxError::UnknownMechanism)?;
    Ok(Command::Auth {
        mechanism,
        initial: initial.map(|initial| Secret::new(initial.as_bytes().to_vec())),
    })
}

/// `BDAT chunk-size [LAST]` (RFC 3030 §2).
fn bdat(argument: &str) -> Result<Command, SyntaxError> {
    let (octets, last) = match argument.split_once(' ') {
        None => (argument, false),
        Some((octets, word)) if word.trim_start().eq_ignore_ascii_case("LAST") => (octets, true),
        Some(_) => return Err(SyntaxError::Arguments(Verb::Bdat)),
    };
    let octets = number(octets).ok_or(SyntaxError::Arguments(Verb::Bdat))?;
    Ok(Command::Bdat { octets, last })
}

/// `MAIL FROM:<reverse-path> [parameters]` (RFC 5321 §4.1.1.2).
fn mail(argument: &str) -> Result<Command, SyntaxError> {
    let (path, rest) =
        keyword_and_path(argument, "FROM:").ok_or(SyntaxError::Arguments(Verb::Mail))?;
    let params = mail_params(rest)?;
    if !argument.is_ascii() && !params.smtputf8 {
        return Err(SyntaxError::NeedsSmtpUtf8);
    }
    let reverse_path = if path.is_empty() {
        ReversePath::Null
    } else {
        ReversePath::Address(mailbox(path).map_err(SyntaxError::ReversePath)?)
    };
    Ok(Command::Mail {
        reverse_path,
        params,
    })
}

/// `RCPT TO:<forward-path> [parameters]` (RFC 5321 §4.1.1.3).
fn rcpt(argument: &str) -> Result<Command, SyntaxError> {
    let (path, rest) =
        keyword_and_path(argument, "TO:").ok_or(SyntaxError::Arguments(Verb::Rcpt))?;
    let dsn = rcpt_params(rest)?;
    let forward_path = if path.eq_ignore_ascii_case("postmaster") {
        ForwardPath::Postmaster
    } else {
        ForwardPath::Address(mailbox(path).map_err(SyntaxError::ForwardPath)?)
    };
    Ok(Command::Rcpt {
        forward_path,
        internationalized: !argument.is_ascii(),
        dsn,
    })
}

/// Splits `FROM:<path> parameters` into the inside of the brackets and the parameters.
fn keyword_and_path<'a>(argument: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (found, rest) = argument.split_at_checked(keyword.len())?;
    if !found.eq_ignore_ascii_case(keyword) {
        return None;
    }
    // RFC 5321 §3.3 allows no space here, but Outlook of Microsoft 365 submits with one (2023).
    let (path, rest) = bracketed(rest.trim_start_matches(' '))?;
    (rest.is_empty() || rest.starts_with(' ')).then_some((path, rest))
}

/// The text between `<` and the `>` that is not quoted, and what follows.
fn bracketed(input: &str) -> Option<(&str, &str)> {
    let inner = input.strip_prefix('<')?;
    let mut quoted = false;
    let mut escaped = false;
    for (index, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some((&inner[..index], &inner[index + 1..])),
            _ => {}
        }
    }
    None
}

/// The mailbox of a path; a source route before it is checked and dropped (RFC 5321 §4.1.1.3).
fn mailbox(path: &str) -> Result<Address, AddressError> {
    if !path.starts_with('@') {
        return path.parse();
    }
    let (route, mailbox) = path.split_once(':').ok_or(AddressError::NoAt)?;
    for hop in route.split(',') {
        let domain = hop.strip_prefix('@').ok_or(AddressError::NoAt)?;
        domain.parse::<Domain>()?;
    }
    mailbox.parse()
}

/// `keyword[=value]` between spaces (RFC 5321 §4.1.2, `Mail-parameters`).
fn params(rest: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    rest.split(' ')
        .filter(|param| !param.is_empty())
        .map(|param| match param.split_once('=') {
            None => (param, None),
            Some((keyword, value)) => (keyword, Some(value)),
        })
}

fn mail_params(rest: &str) -> Result<MailParams, SyntaxError> {
    let mut found = MailParams::default();
    for (keyword, value) in params(rest) {
        match keyword.to_ascii_uppercase().as_str() {
            "SIZE" => once("SIZE", &mut found.size_octets, value.and_then(number))?,
            "BODY" => once("BODY", &mut found.body, value.and_then(body_type))?,
            "AUTH" => once("AUTH", &mut found.auth, value.and_then(submitter))?,
            "SMTPUTF8" => flag("SMTPUTF8", &mut found.smtputf8, value)?,
            "RET" => once("RET", &mut found.dsn.ret, value.and_then(Ret::by_name))?,
            "ENVID" => {
                let id = value
                    .and_then(xtext::decoded)
                    .and_then(|id| id.parse().ok());
                once("ENVID", &mut found.dsn.envelope_id, id)?;
            }
            "REQUIRETLS" => flag("REQUIRETLS", &mut found.require_tls, value)?,
            "PRDR" => flag("PRDR", &mut found.prdr, value)?,
            _ => return Err(SyntaxError::UnknownParam(keyword.to_owned())),
        }
    }
    Ok(found)
}

fn rcpt_params(rest: &str) -> Result<DsnRecipient, SyntaxError> {
    let mut found = DsnRecipient::default();
    for (keyword, value) in params(rest) {
        match keyword.to_ascii_uppercase().as_str() {
            "NOTIFY" => {
                let notify = value.and_then(|value| value.parse().ok());
                once("NOTIFY", &mut found.notify, notify)?;
            }
            "ORCPT" => {
                let original = value.and_then(xtext::decoded);
                let original = original.and_then(|text| text.parse().ok());
                once("ORCPT", &mut found.original, original)?;
            }
            _ => return Err(SyntaxError::UnknownParam(keyword.to_owned())),
        }
    }
    Ok(found)
}

/// Fills a parameter that is still empty with a value that could be read.
fn once<T>(
    keyword: &'static str,
    slot: &mut Option<T>,
    value: Option<T>,
) -> Result<(), SyntaxError> {
    if slot.is_some() || value.is_none() {
        return Err(SyntaxError::BadParam(keyword));
    }
    *slot = value;
    Ok(())
}

/// Sets a parameter that has no value and stands once.
fn flag(keyword: &'static str, slot: &mut bool, value: Option<&str>) -> Result<(), SyntaxError> {
    if *slot || value.is_some() {
        return Err(SyntaxError::BadParam(keyword));
    }
    *slot = true;
    Ok(())
}

/// Up to 20 digits; what is larger than the type is read as its largest value, so that a limit
/// refuses it rather than the grammar.
fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|octet| octet.is_ascii_digit());
    if digits.is_empty() || digits.len() > NUMBER_MAX_DIGITS || !plain {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

fn body_type(value: &str) -> Option<BodyType> {
    if value.eq_ignore_ascii_case("7BIT") {
        Some(BodyType::SevenBit)
    } else if value.eq_ignore_ascii_case("8BITMIME") {
        Some(BodyType::EightBitMime)
    } else {
        None
    }
}

/// The value of `AUTH=`: `<>` or a mailbox as xtext (RFC 4954 §5, RFC 3461 §4).
fn submitter(value: &str) -> Option<ReversePath> {
    if value == "<>" {
        return Some(ReversePath::Null);
    }
    let mailbox: String = xtext::decoded(value)?;
    mailbox.parse().ok().map(ReversePath::Address)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a line means, written in its one spelling.
    fn canonical(line: &str) -> Result<String, SyntaxError> {
        command(line.as_bytes()).map(|command| String::from_utf8(command.to_bytes()).unwrap())
    }

    // long: one table of lines.
    #[test]
    fn commands_are_read() {
        for (line, expected) in [
            ("ehlo mail.example.org", "EHLO mail.example.org"),
            ("HELO [192.0.2.1]", "HELO [192.0.2.1]"),
            ("EHLO [IPv6:2001:db8::1]", "EHLO [IPv6:2001:db8::1]"),
            ("EHLO MY_PC", "EHLO MY_PC"),
            ("MAIL FROM:<>", "MAIL FROM:<>"),
            (
                "mail from:<ann@EXAMPLE.org> \t",
                "MAIL FROM:<ann@example.org>",
            ),
            (
                "MAIL FROM: <ann@example.org>",
                "MAIL FROM:<ann@example.org>",
            ),
            (
                "MAIL FROM:<ann@example.org> size=1000 body=8bitmime smtputf8 auth=<>",
                "MAIL FROM:<ann@example.org> SIZE=1000 BODY=8BITMIME SMTPUTF8 AUTH=<>",
            ),
            (
                "MAIL FROM:<a@example.org> AUTH=e+3Dmc2@example.org BODY=7BIT",
                "MAIL FROM:<a@example.org> BODY=7BIT AUTH=e+3Dmc2@example.org",
            ),
            (
                "MAIL FROM:<a@example.org> SIZE=99999999999999999999",
                "MAIL FROM:<a@example.org> SIZE=18446744073709551615",
            ),
            (
                "MAIL FROM:<žena@bücher.example> SMTPUTF8",
                "MAIL FROM:<žena@xn--bcher-kva.example> SMTPUTF8",
            ),
            (
                "MAIL FROM:<> ret=hdrs envid=QQ+2B+3D+20314159 requiretls prdr",
                "MAIL FROM:<> RET=HDRS ENVID=QQ+2B+3D+20314159 REQUIRETLS PRDR",
            ),
            (
                "MAIL FROM:<> ENVID=a+41 RET=FULL",
                "MAIL FROM:<> RET=FULL ENVID=aA",
            ),
            (
                "RCPT TO:<a@example.org> orcpt=rfc822;B+2Bc@x.test notify=delay,SUCCESS",
                "RCPT TO:<a@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B+2Bc@x.test",
            ),
            (
                "RCPT TO:<postmaster> NOTIFY=never ORCPT=utf-8;ž@x.test",
                "RCPT TO:<postmaster> NOTIFY=NEVER ORCPT=utf-8;+C5+BE@x.test",
            ),
            ("RCPT TO:<PostMaster>", "RCPT TO:<postmaster>"),
            (
                "RCPT TO:<\"a>b\"@example.org>",
                "RCPT TO:<\"a>b\"@example.org>",
            ),
            (
                "RCPT TO:<\"a\\\">\"@example.org>",
                "RCPT TO:<\"a\\\">\"@example.org>",
            ),
            ("RCPT TO:<\"ann\"@example.org>", "RCPT TO:<ann@example.org>"),
            (
                "RCPT TO:<@one.test,@two.test:ann@example.org>",
                "RCPT TO:<ann@example.org>",
            ),
            ("DATA ", "DATA"),
            ("BDAT 0 last", "BDAT 0 LAST"),
            ("BDAT 86", "BDAT 86"),
            ("noop anything at all", "NOOP"),
            ("VRFY ann", "VRFY"),
            ("EXPN list", "EXPN"),
            ("HELP MAIL", "HELP"),
            ("STARTTLS", "STARTTLS"),
            ("RSET", "RSET"),
            ("QUIT", "QUIT"),
            ("auth plain", "AUTH PLAIN"),
            ("AUTH LOGIN YW5u", "AUTH LOGIN YW5u"),
            ("AUTH PLAIN =", "AUTH PLAIN ="),
        ] {
            assert_eq!(canonical(line).as_deref(), Ok(expected), "{line:?}");
        }
    }

    // long: one table of lines.
    #[test]
    fn what_is_no_command_is_refused() {
        use SyntaxError as E;
        let mail = E::Arguments(Verb::Mail);
        let rcpt = E::Arguments(Verb::Rcpt);
        let unknown = |name: &str| E::UnknownParam(name.to_owned());
        let long_envid = format!("MAIL FROM:<> ENVID={}", "a".repeat(101));
        let long_orcpt = format!("RCPT TO:<a@example.org> ORCPT=x;{}", "a".repeat(499));
        for (line, error) in [
            ("", E::UnknownVerb),
            (" EHLO a.test", E::UnknownVerb),
            ("EHLOa.test", E::UnknownVerb),
            ("GET / HTTP/1.1", E::UnknownVerb),
            ("ETRN example.org", E::UnknownVerb),
            ("EHLO", E::HeloName),
            ("EHLO a b", E::HeloName),
            ("EHLO a..b", E::HeloName),
            ("EHLO [192.0.2.256]", E::HeloName),
            ("EHLO [192.0.2.1", E::HeloName),
            ("EHLO [2001:db8::1]", E::HeloName),
            ("EHLO <script>", E::HeloName),
            ("EHLO žena.test", E::HeloName),
            ("MAIL", mail.clone()),
            ("MAIL FROM", mail.clone()),
            ("MAIL TO:<a@example.org>", mail.clone()),
            ("MAIL FROM:a@example.org", mail.clone()),
            ("MAIL FROM:<a@example.org", mail.clone()),
            ("MAIL FROM:<a@example.org>SIZE=1", mail.clone()),
            ("MAIL FROM:<\"a@example.org>", mail),
            ("MAIL FROM:<a>", E::ReversePath(AddressError::NoAt)),
            ("MAIL FROM:<a@x>b@y.org>", E::Arguments(Verb::Mail)),
            ("MAIL FROM:<postmaster>", E::ReversePath(AddressError::NoAt)),
            ("MAIL FROM:<žena@example.org>", E::NeedsSmtpUtf8),
            ("MAIL FROM:<a@bücher.example>", E::NeedsSmtpUtf8),
            ("MAIL FROM:<> SIZE", E::BadParam("SIZE")),
            ("MAIL FROM:<> SIZE=", E::BadParam("SIZE")),
            ("MAIL FROM:<> SIZE=-1", E::BadParam("SIZE")),
            ("MAIL FROM:<> SIZE=1 SIZE=1", E::BadParam("SIZE")),
            (
                "MAIL FROM:<> SIZE=000000000000000000001",
                E::BadParam("SIZE"),
            ),
            ("MAIL FROM:<> BODY=BINARYMIME", E::BadParam("BODY")),
            ("MAIL FROM:<> SMTPUTF8=1", E::BadParam("SMTPUTF8")),
            ("MAIL FROM:<> AUTH=a+0D+0Ab@x.test", E::BadParam("AUTH")),
            ("MAIL FROM:<> AUTH=a+4", E::BadParam("AUTH")),
            ("MAIL FROM:<> AUTH=ž@x.test", E::NeedsSmtpUtf8),
            ("MAIL FROM:<> HOLDFOR=60", unknown("HOLDFOR")),
            ("MAIL FROM:<> RET", E::BadParam("RET")),
            ("MAIL FROM:<> RET=BODY", E::BadParam("RET")),
            ("MAIL FROM:<> RET=FULL RET=FULL", E::BadParam("RET")),
            ("MAIL FROM:<> ENVID=", E::BadParam("ENVID")),
            ("MAIL FROM:<> ENVID=a+0D+0ABcc:+20x", E::BadParam("ENVID")),
            ("MAIL FROM:<> ENVID=a+zz", E::BadParam("ENVID")),
            ("MAIL FROM:<> ENVID=a=b", E::BadParam("ENVID")),
            (&long_envid, E::BadParam("ENVID")),
            ("MAIL FROM:<> REQUIRETLS=1", E::BadParam("REQUIRETLS")),
            (
                "MAIL FROM:<> REQUIRETLS REQUIRETLS",
                E::BadParam("REQUIRETLS"),
            ),
            ("MAIL FROM:<> PRDR=yes", E::BadParam("PRDR")),
            ("MAIL FROM:<> NOTIFY=NEVER", unknown("NOTIFY")),
            ("RCPT", rcpt.clone()),
            ("RCPT TO:<>", E::ForwardPath(AddressError::NoAt)),
            ("RCPT TO:<a@example.org", rcpt),
            ("RCPT TO:<a@example.org> RET=FULL", unknown("RET")),
            ("RCPT TO:<a@example.org> NOTIFY", E::BadParam("NOTIFY")),
            (
                "RCPT TO:<a@example.org> NOTIFY=NEVER,DELAY",
                E::BadParam("NOTIFY"),
            ),
            (
                "RCPT TO:<a@example.org> NOTIFY=NEVER NOTIFY=DELAY",
                E::BadParam("NOTIFY"),
            ),
            (
                "RCPT TO:<a@example.org> ORCPT=b@x.test",
                E::BadParam("ORCPT"),
            ),
            (
                "RCPT TO:<a@example.org> ORCPT=rfc822;",
                E::BadParam("ORCPT"),
            ),
            (
                "RCPT TO:<a@example.org> ORCPT=rfc822;b+0Ax",
                E::BadParam("ORCPT"),
            ),
            (
                "RCPT TO:<a@example.org> ORCPT=rfc822;b+C5+BE",
                E::BadParam("ORCPT"),
            ),
            (&long_orcpt, E::BadParam("ORCPT")),
            ("RCPT TO:<@one.test:>", E::ForwardPath(AddressError::NoAt)),
            ("RCPT TO:<@one.test>", E::ForwardPath(AddressError::NoAt)),
            (
                "RCPT TO:<a b@x.test>",
                E::ForwardPath(AddressError::BadLocalPart),
            ),
            ("DATA now", E::Arguments(Verb::Data)),
            ("QUIT now", E::Arguments(Verb::Quit)),
            ("STARTTLS now", E::Arguments(Verb::StartTls)),
            ("BDAT", E::Arguments(Verb::Bdat)),
            ("BDAT LAST", E::Arguments(Verb::Bdat)),
            ("BDAT 1 FIRST", E::Arguments(Verb::Bdat)),
            ("BDAT 1 LAST LAST", E::Arguments(Verb::Bdat)),
            ("BDAT -1", E::Arguments(Verb::Bdat)),
            ("AUTH", E::Arguments(Verb::Auth)),
            ("AUTH PLAIN a b", E::Arguments(Verb::Auth)),
            ("AUTH CRAM-MD5", E::UnknownMechanism),
        ] {
            assert_eq!(canonical(line), Err(error), "{line:?}");
        }
    }

    #[test]
    fn control_characters_and_broken_utf8_are_refused_everywhere() {
        for verb in ["NOOP", "EHLO", "MAIL FROM:<a", "RCPT TO:<a", "AUTH PLAIN"] {
            for octet in ['\r', '\n', '\0'] {
                let line = format!("{verb}{octet}b@x.test>");
                assert_eq!(canonical(&line), Err(SyntaxError::ControlCharacter));
            }
        }
        let broken = command(b"RCPT TO:<\xff@example.org>");
        assert_eq!(broken, Err(SyntaxError::Arguments(Verb::Rcpt)));
    }

    #[test]
    fn a_password_is_not_printed() {
        let auth = command(b"AUTH PLAIN AHRpbQBwdw==").unwrap();
        assert!(!format!("{auth:?}").contains("AHRp"));
    }

    proptest! {
        #[test]
        fn commands_survive_print_and_parse(
            line in "(MAIL FROM:<[a-z.\"@ž]{0,8}@[a-z.]{1,9}>|RCPT TO:<.{0,20}>|BDAT [0-9]{1,21}|EHLO .{0,9})( SIZE=[0-9]{1,4}| SMTPUTF8| REQUIRETLS| PRDR| RET=(FULL|HDRS)| ENVID=[a-z+0-9A-F]{1,9}| NOTIFY=[NEVRSUC,]{5,7}| ORCPT=(rfc822|utf-8);[a-z+0-9A-Fž]{1,9}| AUTH=[a-z@.+=0-9A-F]{1,12}| LAST){0,3}"
        ) {
            crate::smtp::fuzzing::command_round_trip(line.as_bytes());
        }

        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            crate::smtp::fuzzing::command_round_trip(&line);
        }
    }
}
