//! Server side of the messages of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677).
//!
//! Grammar and channel binding only: keys and proofs are computed elsewhere. What is refused here:
//! * a client that could have bound the channel, but was told that the server cannot (flag `y`):
//!   somebody between the two has stripped the offer (RFC 5802 §6);
//! * a binding to another channel than ours, and a header that changed between the two messages;
//! * extensions that must be understood (`m=`), and any second spelling of a message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{SaslError, identity};

/// Octets of a nonce that a client may choose.
const CLIENT_NONCE_MAX_OCTETS: usize = 256;
/// Octets of a proof and of a signature (SHA-256).
pub const PROOF_OCTETS: usize = 32;

/// What binds the exchange to its TLS connection: the values that both ends know.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// `tls-exporter` (RFC 9266).
    pub exporter: Option<Vec<u8>>,
    /// `tls-server-end-point` (RFC 5929 §4).
    pub end_point: Option<Vec<u8>>,
}

/// The client's first message: it names somebody.
#[derive(Debug)]
pub struct ClientFirst {
    name: String,
    /// The header by which the client said how it binds the channel; it comes again.
    header: String,
    /// What must follow the header then.
    binding: Vec<u8>,
    /// The message without the header.
    bare: String,
    nonce: String,
}

/// The server has answered with a salt, and waits for the proof.
#[derive(Debug)]
pub struct ServerFirst {
    /// Header and binding value, as they must come.
    binding: Vec<u8>,
    bare: String,
    message: String,
    nonce: String,
}

/// The client's last message: its proof for this exchange.
#[derive(Debug)]
pub struct ClientFinal {
    /// All messages of the exchange, over which the proof is made (RFC 5802 §3, `AuthMessage`).
    pub auth_message: Vec<u8>,
    /// The proof.
    pub proof: [u8; PROOF_OCTETS],
}

impl Bindings {
    /// Whether the -PLUS variant can be offered.
    pub fn any(&self) -> bool {
        self.exporter.is_some() || self.end_point.is_some()
    }

    fn of_type(&self, name: &str) -> Option<&[u8]> {
        match name {
            "tls-exporter" => self.exporter.as_deref(),
            "tls-server-end-point" => self.end_point.as_deref(),
            _ => None,
        }
    }
}

impl ClientFirst {
    /// Reads `gs2-header client-first-message-bare` (RFC 5802 §7). `plus` tells which of the two
    /// mechanisms the client chose.
    pub fn parse(message: &[u8], plus: bool, bindings: &Bindings) -> Result<Self, SaslError> {
        let text = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(SaslError::Malformed);
        };
        let binding = match (flag.strip_prefix("p="), flag, plus) {
            (Some(kind), _, true) => bindings.of_type(kind).ok_or(SaslError::OtherBinding)?,
            (None, "y", false) if bindings.any() => return Err(SaslError::Downgraded),
            (None, "n" | "y", false) => &[],
            _ => return Err(SaslError::Malformed),
        };
        let mut attributes = bare.split(',');
        let name = attributes.next().and_then(|name| name.strip_prefix("n="));
        let name = saslname(name.ok_or(SaslError::Malformed)?)?;
        match authzid.strip_prefix("a=") {
            // No name that is said to be one: so writes GNU SASL (2026).
            Some("") => {}
            Some(other) if saslname(other)? != name => return Err(SaslError::OtherAuthzid),
            None if !authzid.is_empty() => return Err(SaslError::Malformed),
            _ => {}
        }
        let nonce = attributes.next().and_then(|nonce| nonce.strip_prefix("r="));
        let nonce = nonce.filter(|nonce| {
            (1..=CLIENT_NONCE_MAX_OCTETS).contains(&nonce.len())
                && nonce.bytes().all(is_nonce_octet)
        });
        let nonce = nonce.ok_or(SaslError::Malformed)?.to_owned();
        attributes.try_for_each(extension)?;
        Ok(Self {
            name,
            header: format!("{flag},{authzid},"),
            binding: binding.to_vec(),
            bare: bare.to_owned(),
            nonce,
        })
    }

    /// Whose password the client claims to know.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Answers with the salt and the number of rounds; `nonce` is fresh and printable, without
    /// commas.
    pub fn answer(self, nonce: &str, salt: &[u8], iterations: u32) -> ServerFirst {
        let nonce = format!("{}{nonce}", self.nonce);
        let salt = STANDARD.encode(salt);
        ServerFirst {
            binding: [self.header.as_bytes(), &self.binding].concat(),
            bare: self.bare,
            message: format!("r={nonce},s={salt},i={iterations}"),
            nonce,
        }
    }
}

impl ServerFirst {
    /// What the server says.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Reads `client-final-message` (RFC 5802 §7).
    pub fn respond(self, message: &[u8]) -> Result<ClientFinal, SaslError> {
        let text = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(SaslError::Malformed)?;
        let mut attributes = without_proof.split(',');
        let binding = attributes
            .next()
            .and_then(|binding| binding.strip_prefix("c="));
        let binding = STANDARD.decode(binding.ok_or(SaslError::Malformed)?);
        if binding.map_err(|_| SaslError::Malformed)? != self.binding {
            return Err(SaslError::OtherBinding);
        }
        let nonce = attributes.next().and_then(|nonce| nonce.strip_prefix("r="));
        if nonce != Some(self.nonce.as_str()) {
            return Err(SaslError::Malformed);
        }
        attributes.try_for_each(extension)?;
        let proof = STANDARD.decode(proof).map_err(|_| SaslError::Malformed)?;
        let messages = [&self.bare, &self.message, without_proof];
        Ok(ClientFinal {
            auth_message: messages.join(",").into_bytes(),
            proof: proof.try_into().map_err(|_| SaslError::Malformed)?,
        })
    }
}

/// The server's last message: its own proof (RFC 5802 §7, `server-final-message`).
pub fn server_final(signature: &[u8; PROOF_OCTETS]) -> String {
    format!("v={}", STANDARD.encode(signature))
}

/// A name in which `=2C` stands for a comma and `=3D` for an equals sign.
fn saslname(text: &str) -> Result<String, SaslError> {
    let mut name = String::with_capacity(text.len());
    let mut parts = text.split('=');
    name.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (escaped, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(SaslError::Malformed),
        };
        name.push(escaped);
        name.push_str(rest);
    }
    identity(name.as_bytes())
}

/// An extension that may be passed over: `letter=value`; `m=` may not (RFC 5802 §5.1).
fn extension(attribute: &str) -> Result<(), SaslError> {
    match attribute.as_bytes() {
        [b'm' | b'p', ..] => Err(SaslError::Malformed),
        [letter, b'=', _, ..] if letter.is_ascii_alphabetic() => Ok(()),
        _ => Err(SaslError::Malformed),
    }
}

/// Printable ASCII without the comma (RFC 5802 §7, `printable`).
fn is_nonce_octet(octet: u8) -> bool {
    matches!(octet, b'!'..=b'~') && octet != b','
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONE: &Bindings = &Bindings {
        exporter: None,
        end_point: None,
    };

    fn both() -> Bindings {
        Bindings {
            exporter: Some(b"exported".to_vec()),
            end_point: Some(b"hash".to_vec()),
        }
    }

    /// The exchange of RFC 7677 §3.
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn first(message: &str, plus: bool, bindings: &Bindings) -> Result<ClientFirst, SaslError> {
        ClientFirst::parse(message.as_bytes(), plus, bindings)
    }

    fn answered(message: &str, plus: bool, bindings: &Bindings) -> ServerFirst {
        first(message, plus, bindings)
            .unwrap()
            .answer("srv", b"salt", 4_096)
    }

    #[test]
    fn the_exchange_of_rfc_7677_is_read() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let asked = first(FIRST, false, NONE).unwrap();
        assert_eq!(asked.name(), "user");
        let answer = asked.answer(SERVER_NONCE, &salt, 4_096);
        let said = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(answer.message(), said);
        let last = answer.respond(FINAL.as_bytes()).unwrap();
        let (without_proof, _) = FINAL.rsplit_once(",p=").unwrap();
        let messages = format!("n=user,r=rOprNGfwEbeRWgbNEkqO,{said},{without_proof}");
        assert_eq!(String::from_utf8(last.auth_message).unwrap(), messages);
        assert_eq!(
            STANDARD.encode(last.proof),
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let signature = STANDARD.decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let signature = signature.unwrap().try_into().unwrap();
        assert_eq!(
            server_final(&signature),
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }

    #[test]
    fn names_are_read_with_their_escapes_and_extensions_are_passed_over() {
        for (message, name) in [
            ("n,,n=a=2Cb=3D2C,r=x", "a,b=2C"),
            (
                "n,a=ann@example.org,n=ann@example.org,r=x",
                "ann@example.org",
            ),
            ("y,,n=žofie@example.org,r=x", "žofie@example.org"),
            ("n,,n=ann,r=x,z=later", "ann"),
            ("n,a=,n=ann,r=x", "ann"),
        ] {
            assert_eq!(
                first(message, false, NONE).unwrap().name(),
                name,
                "{message}"
            );
        }
    }

    // long: one table of messages.
    #[test]
    fn first_messages_that_break_a_rule_are_refused() {
        use SaslError as E;
        let long = format!("n,,n=ann,r={}", "x".repeat(CLIENT_NONCE_MAX_OCTETS + 1));
        for (message, error) in [
            ("", E::Malformed),
            ("n,,", E::Malformed),
            ("n,n=ann,r=x", E::Malformed),
            ("N,,n=ann,r=x", E::Malformed),
            ("n,,n=,r=x", E::Malformed),
            ("n,,n=ann", E::Malformed),
            ("n,,n=ann,r=", E::Malformed),
            ("n,,r=x,n=ann", E::Malformed),
            ("n,,n=ann,r=a b", E::Malformed),
            ("n,,n=ann,r=ž", E::Malformed),
            ("n,,n=a=2cb,r=x", E::Malformed),
            ("n,,n=a=,r=x", E::Malformed),
            ("n,,n=a\r\nb,r=x", E::Malformed),
            ("n,,n=a\0b,r=x", E::Malformed),
            ("n,,m=more,n=ann,r=x", E::Malformed),
            ("n,,n=ann,r=x,m=more", E::Malformed),
            ("n,,n=ann,r=x,", E::Malformed),
            ("n,ann,n=ann,r=x", E::Malformed),
            ("n,a=root,n=ann,r=x", E::OtherAuthzid),
            ("p=tls-exporter,,n=ann,r=x", E::Malformed),
            (&long, E::Malformed),
        ] {
            assert_eq!(
                first(message, false, NONE).unwrap_err(),
                error,
                "{message:?}"
            );
        }
        assert!(ClientFirst::parse(b"n,,n=\xff,r=x", false, NONE).is_err());
    }

    #[test]
    fn a_stripped_offer_and_a_wrong_choice_are_noticed() {
        use SaslError as E;
        for (flag, plus, bindings, expected) in [
            ("n", false, NONE, Ok(())),
            ("n", false, &both(), Ok(())),
            ("y", false, NONE, Ok(())),
            // The client can bind and heard no offer, but there was one.
            ("y", false, &both(), Err(E::Downgraded)),
            ("p=tls-exporter", false, &both(), Err(E::Malformed)),
            ("n", true, &both(), Err(E::Malformed)),
            ("y", true, &both(), Err(E::Malformed)),
            ("p=tls-exporter", true, &both(), Ok(())),
            ("p=tls-server-end-point", true, &both(), Ok(())),
            ("p=tls-unique", true, &both(), Err(E::OtherBinding)),
            ("p=", true, &both(), Err(E::OtherBinding)),
            ("p=tls-exporter", true, NONE, Err(E::OtherBinding)),
        ] {
            let heard = first(&format!("{flag},,n=ann,r=x"), plus, bindings);
            assert_eq!(heard.map(drop), expected, "{flag} {plus}");
        }
    }

    /// A final message with this binding.
    fn last(header: &str, binding: &str, nonce: &str) -> String {
        let channel = STANDARD.encode(format!("{header}{binding}"));
        let proof = STANDARD.encode([7; PROOF_OCTETS]);
        format!("c={channel},r={nonce},p={proof}")
    }

    // long: one table of messages.
    #[test]
    fn a_proof_for_another_channel_or_exchange_is_refused() {
        use SaslError as E;
        let exporter = "p=tls-exporter,,";
        for (header, plus, message, expected) in [
            ("n,,", false, last("n,,", "", "xsrv"), Ok(())),
            (exporter, true, last(exporter, "exported", "xsrv"), Ok(())),
            (
                exporter,
                true,
                last(exporter, "of another", "xsrv"),
                Err(E::OtherBinding),
            ),
            (
                exporter,
                true,
                last(exporter, "", "xsrv"),
                Err(E::OtherBinding),
            ),
            (
                exporter,
                true,
                last("n,,", "", "xsrv"),
                Err(E::OtherBinding),
            ),
            (
                exporter,
                true,
                last("p=tls-server-end-point,,", "hash", "xsrv"),
                Err(E::OtherBinding),
            ),
            ("n,,", false, last("y,,", "", "xsrv"), Err(E::OtherBinding)),
            (
                "n,a=ann,",
                false,
                last("n,,", "", "xsrv"),
                Err(E::OtherBinding),
            ),
            ("n,,", false, last("n,,", "", "x"), Err(E::Malformed)),
            ("n,,", false, last("n,,", "", "xother"), Err(E::Malformed)),
            ("n,,", false, "c=biws,r=xsrv".to_owned(), Err(E::Malformed)),
            (
                "n,,",
                false,
                "c=biws,r=xsrv,p=".to_owned(),
                Err(E::Malformed),
            ),
            (
                "n,,",
                false,
                "c=biws,r=xsrv,p=AAAA".to_owned(),
                Err(E::Malformed),
            ),
            (
                "n,,",
                false,
                "c=!,r=xsrv,p=AAAA".to_owned(),
                Err(E::Malformed),
            ),
            ("n,,", false, last("n,,", "", "xsrv,m=1"), Err(E::Malformed)),
            ("n,,", false, last("n,,", "", "xsrv,z=1"), Ok(())),
        ] {
            let answer = answered(&format!("{header}n=ann,r=x"), plus, &both());
            let heard = answer.respond(message.as_bytes());
            assert_eq!(heard.map(drop), expected, "{header} {message}");
        }
    }

    proptest! {
        #[test]
        fn no_message_panics(said in "[npy]?[a-z=,]{0,9},{0,2}n=[a-z=2CD]{0,5},r=.{0,9}", plus: bool) {
            if let Ok(asked) = first(&said, plus, &both()) {
                let answer = asked.answer("srv", b"salt", 1);
                prop_assert!(answer.message().is_ascii());
                prop_assert!(answer.respond(said.as_bytes()).is_err());
            }
        }
    }
}
