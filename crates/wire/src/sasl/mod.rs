//! Server side of SASL PLAIN (RFC 4616), LOGIN and SCRAM-SHA-256 (RFC 7677), over lines of base64
//! (RFC 4422 §4).
//!
//! SMTP, POP3, IMAP and ManageSieve frame the same exchange in their own words: the door sends the challenge
//! and hands each answer of the client in. An exchange is consumed by its answer, so nothing can
//! be said to it after its end. What it yields is a claim; whether it is true is not known here.

pub mod fuzzing;
pub mod scram;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use types::Secret;

use scram::{Bindings, ClientFinal, ClientFirst, ServerFirst};

/// Octets of one decoded response. As base64 it fits a command line of every protocol here,
/// and it holds a name and a password of 255 octets each, which RFC 4616 §2 asks for.
pub const RESPONSE_MAX_OCTETS: usize = 1_024;
/// Octets of an authentication identity (RFC 4616 §2).
pub const AUTHCID_MAX_OCTETS: usize = 255;

/// A mechanism that this server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 7677, bound to the TLS connection.
    ScramSha256Plus,
    /// RFC 7677.
    ScramSha256,
    /// RFC 4616.
    Plain,
    /// Two prompts, never standardised, still the first choice of some clients.
    Login,
}

/// Who the client says it is, and its proof.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Who it wants to act as; only ever equal to `authcid`.
    pub authzid: Option<String>,
    /// Whose password it is.
    pub authcid: String,
    /// The password.
    pub password: Secret,
}

/// What follows a response.
#[derive(Debug)]
pub enum Turn {
    /// Send this challenge and give the answer to [`Exchange::respond`].
    Challenge(Exchange),
    /// The client has said all.
    Done(Credentials),
    /// The client has named somebody: [`Exchange::after_first`] goes on.
    ScramFirst(ClientFirst),
    /// The client has proved something: [`Exchange::after_final`] goes on if it is true.
    ScramFinal(ClientFinal),
    /// The client has seen our proof, and the exchange is over.
    ScramDone,
}

/// An exchange that waits for the client's next line.
#[derive(Debug)]
pub struct Exchange(State);

#[derive(Debug)]
enum State {
    Plain,
    LoginName,
    LoginPassword {
        authcid: String,
    },
    ScramFirst {
        plus: bool,
        bindings: Bindings,
    },
    ScramFinal(Box<ServerFirst>),
    /// The server's last message was sent.
    ScramSeen {
        message: String,
    },
}

/// Why an exchange ended without credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// The client sent `*` (RFC 4954 §4).
    #[error("the exchange was cancelled by the client")]
    Cancelled,
    /// Not canonical base64.
    #[error("the response is not valid base64")]
    NotBase64,
    /// More than [`RESPONSE_MAX_OCTETS`].
    #[error("the response is too long")]
    TooLong,
    /// A part is missing, empty, not UTF-8, or has a control character.
    #[error("the response does not follow the mechanism")]
    Malformed,
    /// The client could have bound the exchange to the TLS connection, and was told that this
    /// server cannot, which is not so (RFC 5802 §6).
    #[error("the offer of channel binding was lost on the way")]
    Downgraded,
    /// The exchange is bound to another connection, or in a way that is not offered.
    #[error("the exchange is not bound to this connection")]
    OtherBinding,
    /// The client wants to act as somebody else.
    #[error("acting as another user is not supported")]
    OtherAuthzid,
}

impl Mechanism {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::Plain,
        Self::Login,
    ];

    /// The mechanism of this name, in any case (RFC 4422 §3.1).
    pub fn by_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| name.eq_ignore_ascii_case(known.name().as_bytes()))
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }
}

/// Opens an exchange; `initial` is the client's initial response as base64, where `=` stands for
/// an empty one (RFC 4954 §4). `bindings` are those of the connection, if it has any.
pub fn start(
    mechanism: Mechanism,
    initial: Option<&[u8]>,
    bindings: Bindings,
) -> Result<Turn, SaslError> {
    let exchange = Exchange(match mechanism {
        Mechanism::ScramSha256Plus | Mechanism::ScramSha256 => State::ScramFirst {
            plus: mechanism == Mechanism::ScramSha256Plus,
            bindings,
        },
        Mechanism::Plain => State::Plain,
        Mechanism::Login => State::LoginName,
    });
    match initial {
        None => Ok(Turn::Challenge(exchange)),
        Some(b"=") => exchange.respond(b""),
        Some(response) => exchange.respond(response),
    }
}

impl Exchange {
    /// The challenge to send, as base64.
    pub fn challenge(&self) -> Cow<'static, str> {
        match &self.0 {
            State::Plain | State::ScramFirst { .. } => "".into(),
            State::LoginName => "VXNlcm5hbWU6".into(),
            State::LoginPassword { .. } => "UGFzc3dvcmQ6".into(),
            State::ScramFinal(first) => STANDARD.encode(first.message()).into(),
            State::ScramSeen { message } => STANDARD.encode(message).into(),
        }
    }

    /// Goes on after the client has named somebody, with the salt and rounds of that name;
    /// `nonce` is fresh and printable, without commas.
    pub fn after_first(first: ClientFirst, nonce: &str, salt: &[u8], iterations: u32) -> Self {
        let answer = first.answer(nonce, salt, iterations);
        Self(State::ScramFinal(Box::new(answer)))
    }

    /// Goes on after the client's proof was found true: now the server proves itself.
    pub fn after_final(signature: &[u8; scram::PROOF_OCTETS]) -> Self {
        let message = scram::server_final(signature);
        Self(State::ScramSeen { message })
    }

    /// Takes the client's line, without its CRLF.
    pub fn respond(self, line: &[u8]) -> Result<Turn, SaslError> {
        if line == b"*" {
            return Err(SaslError::Cancelled);
        }
        let response = decode(line)?;
        match self.0 {
            State::Plain => plain(&response).map(Turn::Done),
            State::LoginName => {
                let authcid = identity(response.expose())?;
                Ok(Turn::Challenge(Self(State::LoginPassword { authcid })))
            }
            State::LoginPassword { authcid } => Ok(Turn::Done(Credentials {
                authzid: None,
                authcid,
                password: password(response.expose())?,
            })),
            State::ScramFirst { plus, bindings } => {
                ClientFirst::parse(response.expose(), plus, &bindings).map(Turn::ScramFirst)
            }
            State::ScramFinal(first) => first.respond(response.expose()).map(Turn::ScramFinal),
            State::ScramSeen { .. } if response.expose().is_empty() => Ok(Turn::ScramDone),
            State::ScramSeen { .. } => Err(SaslError::Malformed),
        }
    }
}

/// Decodes into a buffer that never moves, so that no copy of the password is left behind.
fn decode(line: &[u8]) -> Result<Secret, SaslError> {
    if line.len() > RESPONSE_MAX_OCTETS.div_ceil(3) * 4 {
        return Err(SaslError::TooLong);
    }
    let mut octets = vec![0; base64::decoded_len_estimate(line.len())];
    let decoded = STANDARD.decode_slice(line, &mut octets).ok();
    octets.truncate(decoded.unwrap_or(0));
    let response = Secret::new(octets);
    match decoded {
        None => Err(SaslError::NotBase64),
        Some(len) if len > RESPONSE_MAX_OCTETS => Err(SaslError::TooLong),
        Some(_) => Ok(response),
    }
}

/// `[authzid] NUL authcid NUL passwd` (RFC 4616 §2).
fn plain(response: &Secret) -> Result<Credentials, SaslError> {
    let mut parts = response.expose().splitn(3, |octet| *octet == 0);
    let (Some(authzid), Some(authcid), Some(passwd)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(SaslError::Malformed);
    };
    let authcid = identity(authcid)?;
    let authzid = match authzid {
        [] => None,
        same if same == authcid.as_bytes() => Some(authcid.clone()),
        _ => return Err(SaslError::OtherAuthzid),
    };
    Ok(Credentials {
        authzid,
        authcid,
        password: password(passwd)?,
    })
}

/// A name without control characters: it goes into records, and must stay one word there.
fn identity(octets: &[u8]) -> Result<String, SaslError> {
    let text = std::str::from_utf8(octets).map_err(|_| SaslError::Malformed)?;
    if text.is_empty() || text.len() > AUTHCID_MAX_OCTETS || text.contains(char::is_control) {
        return Err(SaslError::Malformed);
    }
    Ok(text.to_owned())
}

/// A password is compared as octets; it need not be UTF-8, but it has no NUL (RFC 4616 §2).
fn password(octets: &[u8]) -> Result<Secret, SaslError> {
    if octets.is_empty() || octets.contains(&0) {
        return Err(SaslError::Malformed);
    }
    Ok(Secret::new(octets.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(text: &[u8]) -> Vec<u8> {
        STANDARD.encode(text).into_bytes()
    }

    /// Plays the client's lines; the first is the initial response.
    fn play(
        mechanism: Mechanism,
        initial: Option<&[u8]>,
        lines: &[&[u8]],
    ) -> Result<(String, Vec<u8>), SaslError> {
        let mut turn = start(mechanism, initial, Bindings::default())?;
        let mut lines = lines.iter();
        loop {
            turn = match turn {
                Turn::Challenge(exchange) => exchange.respond(lines.next().unwrap())?,
                Turn::Done(found) => {
                    return Ok((found.authcid, found.password.expose().to_vec()));
                }
                other => panic!("no password in {other:?}"),
            };
        }
    }

    #[test]
    fn plain_is_read_with_and_without_an_initial_response() {
        let tim = base64(b"\0tim\0tanstaaftanstaaf");
        let expected = ("tim".to_owned(), b"tanstaaftanstaaf".to_vec());
        assert_eq!(
            play(Mechanism::Plain, Some(&tim), &[]),
            Ok(expected.clone())
        );
        assert_eq!(play(Mechanism::Plain, None, &[&tim]), Ok(expected.clone()));
        let same = base64(b"tim\0tim\0tanstaaftanstaaf");
        assert_eq!(play(Mechanism::Plain, Some(&same), &[]), Ok(expected));
    }

    #[test]
    fn login_asks_for_the_name_then_for_the_password() {
        let Ok(Turn::Challenge(first)) = start(Mechanism::Login, None, Bindings::default()) else {
            panic!("no challenge");
        };
        assert_eq!(first.challenge(), STANDARD.encode("Username:"));
        let Ok(Turn::Challenge(second)) = first.respond(&base64(b"ann@example.org")) else {
            panic!("no challenge");
        };
        assert_eq!(second.challenge(), STANDARD.encode("Password:"));
        let Ok(Turn::Done(found)) = second.respond(&base64(b"s\xff crt")) else {
            panic!("not done");
        };
        assert_eq!(found.authcid, "ann@example.org");
        assert_eq!(found.password.expose(), b"s\xff crt");
        let name = base64(b"ann");
        let shorter = play(Mechanism::Login, Some(&name), &[&base64(b"pw")]);
        assert_eq!(shorter, Ok(("ann".to_owned(), b"pw".to_vec())));
    }

    #[test]
    fn what_does_not_follow_plain_is_refused() {
        let long_name = [b"\0", "a".repeat(256).as_bytes(), b"\0pw"].concat();
        let table: &[(&[u8], SaslError)] = &[
            (b"", SaslError::Malformed),
            (b"tim", SaslError::Malformed),
            (b"\0tim", SaslError::Malformed),
            (b"\0tim\0", SaslError::Malformed),
            (b"\0\0pw", SaslError::Malformed),
            (b"\0tim\0p\0w", SaslError::Malformed),
            (b"\0ti\r\nm\0pw", SaslError::Malformed),
            (b"\0ti\xff\0pw", SaslError::Malformed),
            (b"root\0tim\0pw", SaslError::OtherAuthzid),
            (b"Tim\0tim\0pw", SaslError::OtherAuthzid),
            (&long_name, SaslError::Malformed),
            (&[b'a'; RESPONSE_MAX_OCTETS + 1], SaslError::TooLong),
        ];
        for (said, error) in table {
            let heard = play(Mechanism::Plain, Some(&base64(said)), &[]);
            assert_eq!(heard, Err(*error), "{said:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_base64_ends_the_exchange() {
        for (line, error) in [
            (&b"*"[..], SaslError::Cancelled),
            (b"AHRpbQBwdw", SaslError::NotBase64),
            (b"AHRpbQBwdx==", SaslError::NotBase64),
            (b"AHRpbQBw dw==", SaslError::NotBase64),
            (b"====", SaslError::NotBase64),
            (&[b'A'; 4 * RESPONSE_MAX_OCTETS], SaslError::TooLong),
        ] {
            assert_eq!(play(Mechanism::Plain, None, &[line]), Err(error));
            assert_eq!(play(Mechanism::Login, None, &[line]), Err(error));
        }
        let empty = play(Mechanism::Plain, Some(b"="), &[]);
        assert_eq!(empty, Err(SaslError::Malformed));
    }

    #[test]
    fn a_password_is_not_printed() {
        let said = base64(b"\0tim\0hunter2");
        let turn = start(Mechanism::Plain, Some(&said), Bindings::default());
        assert!(!format!("{turn:?}").contains("hunter2"));
    }

    #[test]
    fn scram_takes_three_lines_and_ends_with_an_empty_one() {
        for initial in [None, Some(base64(b"n,,n=ann,r=x"))] {
            let mut turn = start(
                Mechanism::ScramSha256,
                initial.as_deref(),
                Bindings::default(),
            );
            if let Ok(Turn::Challenge(exchange)) = turn {
                assert_eq!(exchange.challenge(), "");
                turn = exchange.respond(&base64(b"n,,n=ann,r=x"));
            }
            let Ok(Turn::ScramFirst(first)) = turn else {
                panic!("nobody is named");
            };
            let exchange = Exchange::after_first(first, "srv", b"salt", 4_096);
            let said = STANDARD.encode("r=xsrv,s=c2FsdA==,i=4096");
            assert_eq!(exchange.challenge(), said);
            let proof = STANDARD.encode([7; scram::PROOF_OCTETS]);
            let last = format!("c=biws,r=xsrv,p={proof}");
            let Ok(Turn::ScramFinal(found)) = exchange.respond(&base64(last.as_bytes())) else {
                panic!("nothing is proved");
            };
            assert_eq!(found.proof, [7; scram::PROOF_OCTETS]);
            let seen = || Exchange::after_final(&[8; scram::PROOF_OCTETS]);
            let said = STANDARD.encode(format!("v={}", STANDARD.encode([8; 32])));
            assert_eq!(seen().challenge(), said);
            assert!(matches!(seen().respond(b""), Ok(Turn::ScramDone)));
            for (line, error) in [
                (&b"*"[..], SaslError::Cancelled),
                (b"eA==", SaslError::Malformed),
            ] {
                assert_eq!(seen().respond(line).unwrap_err(), error);
            }
        }
    }
}
