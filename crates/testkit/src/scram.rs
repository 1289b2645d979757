//! A client's end of SCRAM-SHA-256, for dialogues with a door (RFC 5802, RFC 7677).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service::scram::{ScramKeys, client_proof};
use types::Secret;

/// One exchange of a client that knows a password.
pub struct ScramClient {
    header: String,
    binding: Vec<u8>,
    bare: String,
    password: Secret,
    /// Set by [`Self::last`].
    expected: Option<String>,
}

impl ScramClient {
    /// A client that begins with this header, such as `n,,`, and binds to these octets.
    pub fn new(header: &str, binding: &[u8], name: &str, password: &str) -> Self {
        Self {
            header: header.to_owned(),
            binding: binding.to_vec(),
            bare: format!("n={name},r=fyko+d2lbbFgONRv9qkxdawL"),
            password: Secret::new(password.into()),
            expected: None,
        }
    }

    /// The first message, as base64.
    pub fn first(&self) -> String {
        STANDARD.encode(format!("{}{}", self.header, self.bare))
    }

    /// The answer to the server's first message, both as base64.
    ///
    /// # Panics
    ///
    /// If the server's message is none.
    pub fn last(&mut self, challenge: &str) -> String {
        let challenge = text(challenge);
        let value = |name: &str| {
            let found = challenge
                .split(',')
                .find_map(|part| part.strip_prefix(name));
            found.expect("all that the server must say")
        };
        let salt = STANDARD.decode(value("s=")).expect("the salt is base64");
        let iterations = value("i=").parse().expect("a number of rounds");
        let binding = STANDARD.encode([self.header.as_bytes(), &self.binding].concat());
        let without_proof = format!("c={binding},r={}", value("r="));
        let messages = [self.bare.as_str(), &challenge, &without_proof].join(",");
        let messages = messages.as_bytes();
        let proof = client_proof(&self.password, &salt, iterations, messages);
        let keys = ScramKeys::new(&self.password, &salt, iterations);
        let signature = STANDARD.encode(keys.server_signature(messages));
        self.expected = Some(format!("v={signature}"));
        STANDARD.encode(format!("{without_proof},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server's last message, as base64, proves that it knows the password too.
    pub fn is_proof(&self, challenge: &str) -> bool {
        self.expected.as_deref() == Some(&text(challenge))
    }
}

fn text(base64: &str) -> String {
    let octets = STANDARD.decode(base64).expect("a challenge is base64");
    String::from_utf8(octets).expect("a message of SCRAM is text")
}
