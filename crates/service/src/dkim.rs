//! Signing what leaves (RFC 6376), with RSA and with Ed25519 (RFC 8463): relaxed in header and body,
//! so that what servers on the way do to white space breaks nothing.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{Context, SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::MessageParser;
use policy::change::{DkimAlgorithm, DkimName};
use types::{Domain, Secret, Sha256, Timestamp};

use crate::header::{self, Field};
use crate::lock;

/// Keys that are kept ready at a time.
const READY_MAX: usize = 256;
/// Characters of a line of a signature.
const LINE_MAX: usize = 72;
/// Fields that are signed. Each is named once more than it stands there, so that nobody adds another
/// on the way (RFC 6376 §8.15).
const SIGNED: [&str; 15] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// A key that is ready to sign.
pub(crate) enum SigningKey {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// A new key: what is kept secret, and what its record publishes.
pub(crate) struct NewKey {
    pub(crate) secret: Secret,
    /// In base64.
    pub(crate) public: String,
}

/// Keys that were used lately.
#[derive(Default)]
pub(crate) struct ReadyKeys(Mutex<HashMap<Sha256, Arc<SigningKey>>>);

/// The hash of a body in its relaxed form (RFC 6376 §3.4.4), taken piece by piece.
pub(crate) struct BodyHash {
    hash: Context,
    ready: Vec<u8>,
    /// Line ends that count only if something follows.
    lines: u64,
    space: bool,
    after_cr: bool,
    is_empty: bool,
}

/// What a signature is made of.
pub(crate) struct Signing<'a> {
    pub(crate) name: &'a DkimName,
    pub(crate) head: &'a [u8],
    pub(crate) body_hash: &'a [u8],
    pub(crate) at: Timestamp,
}

impl ReadyKeys {
    pub(crate) fn get(&self, id: &Sha256) -> Option<Arc<SigningKey>> {
        lock(&self.0).get(id).cloned()
    }

    pub(crate) fn keep(&self, id: Sha256, key: SigningKey) -> Arc<SigningKey> {
        let key = Arc::new(key);
        let mut ready = lock(&self.0);
        if ready.len() >= READY_MAX {
            ready.clear();
        }
        ready.insert(id, Arc::clone(&key));
        key
    }
}

/// Makes a key.
pub(crate) fn generate(algorithm: DkimAlgorithm) -> Result<NewKey, Unspecified> {
    let (secret, public) = match algorithm {
        DkimAlgorithm::Rsa => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
            let secret: Pkcs8V1Der<'_> = pair.as_der()?;
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
            (secret.as_ref().to_vec(), STANDARD.encode(public.as_ref()))
        }
        DkimAlgorithm::Ed25519 => {
            let secret = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())?;
            let pair = Ed25519KeyPair::from_pkcs8(secret.as_ref()).map_err(|_| Unspecified)?;
            let public = STANDARD.encode(pair.public_key().as_ref());
            (secret.as_ref().to_vec(), public)
        }
    };
    Ok(NewKey {
        secret: Secret::new(secret),
        public,
    })
}

/// The domain for which a message can be signed: that of its author, if there is only one.
pub(crate) fn author_domain(head: &[u8]) -> Option<Domain> {
    let mut from = header::fields(head).filter(|field| field.is("From"));
    if from.next().is_none() || from.next().is_some() {
        return None;
    }
    let parsed = MessageParser::default().parse_headers(head)?;
    let mut domains = parsed.from()?.iter().map(|one| {
        let (_, domain) = one.address.as_deref()?.rsplit_once('@')?;
        domain.parse::<Domain>().ok()
    });
    let first = domains.next()??;
    domains
        .all(|other| other.as_ref() == Some(&first))
        .then_some(first)
}

impl SigningKey {
    /// Reads the secret of a key.
    pub(crate) fn open(algorithm: DkimAlgorithm, secret: &[u8]) -> Option<Self> {
        Some(match algorithm {
            DkimAlgorithm::Rsa => Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(secret).ok()?)),
            DkimAlgorithm::Ed25519 => {
                Self::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(secret).ok()?))
            }
        })
    }

    fn algorithm(&self) -> DkimAlgorithm {
        match self {
            Self::Rsa(_) => DkimAlgorithm::Rsa,
            Self::Ed25519(_) => DkimAlgorithm::Ed25519,
        }
    }

    /// The `DKIM-Signature` of a message with its line end (RFC 6376 §3.5).
    pub(crate) fn sign(&self, signing: &Signing<'_>) -> Result<Vec<u8>, Unspecified> {
        let (names, mut data) = signed_fields(signing.head);
        let mut field = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={};\r\n\th=",
            self.algorithm().as_str(),
            signing.name.domain,
            signing.name.selector(),
            signing.at.0.div_euclid(1_000_000),
        );
        fold(&mut field, names.iter().map(String::as_str));
        // Writing to a text cannot fail.
        let _ = write!(
            field,
            ";\r\n\tbh={};\r\n\tb=",
            STANDARD.encode(signing.body_hash)
        );
        let name_end = field.find(':').unwrap_or_default();
        relaxed(
            b"dkim-signature",
            &field.as_bytes()[name_end + 1..],
            &mut data,
        );
        data.truncate(data.len() - b"\r\n".len());
        let signature = STANDARD.encode(self.sign_octets(&data)?);
        let pieces: Vec<_> = (0..signature.len())
            .step_by(LINE_MAX)
            .map(|at| &signature[at..signature.len().min(at + LINE_MAX)])
            .collect();
        field += &pieces.join("\r\n\t ");
        field += "\r\n";
        Ok(field.into_bytes())
    }

    fn sign_octets(&self, data: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    data,
                    &mut signature,
                )?;
                Ok(signature)
            }
            // What is signed is the hash (RFC 8463 §3).
            Self::Ed25519(pair) => Ok(pair.sign(digest(&SHA256, data).as_ref()).as_ref().to_vec()),
        }
    }
}

/// The names of `h=`, each in the piece that it takes of a line, and the fields in relaxed form.
fn signed_fields(head: &[u8]) -> (Vec<String>, Vec<u8>) {
    let (mut names, mut data) = (Vec::new(), Vec::new());
    let fields: Vec<Field<'_>> = header::fields(head).collect();
    for name in SIGNED {
        // The last is signed first (RFC 6376 §5.4.2).
        let of_name = fields.iter().rev().filter(|field| field.is(name));
        for field in of_name {
            relaxed(name.to_ascii_lowercase().as_bytes(), field.value, &mut data);
            names.push(format!("{name}:"));
        }
        names.push(format!("{name}:"));
    }
    if let Some(last) = names.last_mut() {
        last.pop();
    }
    (names, data)
}

/// A field in its relaxed form (RFC 6376 §3.4.2).
fn relaxed(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.push(b':');
    let start = out.len();
    let mut space = false;
    for &octet in value {
        match octet {
            b'\r' | b'\n' => {}
            b' ' | b'\t' => space = true,
            octet => {
                if space && out.len() > start {
                    out.push(b' ');
                }
                space = false;
                out.push(octet);
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Adds pieces, on lines that are not too long.
fn fold<'a>(text: &mut String, pieces: impl Iterator<Item = &'a str>) {
    let line_start = text.rfind('\n').map_or(0, |at| at + 1);
    let mut length = text.len() - line_start;
    for piece in pieces {
        if length + piece.len() > LINE_MAX {
            *text += "\r\n\t ";
            length = 2;
        }
        *text += piece;
        length += piece.len();
    }
}

impl BodyHash {
    pub(crate) fn new() -> Self {
        Self {
            hash: Context::new(&SHA256),
            ready: Vec::new(),
            lines: 0,
            space: false,
            after_cr: false,
            is_empty: true,
        }
    }

    /// Takes the next piece.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        for &octet in piece {
            if std::mem::take(&mut self.after_cr) {
                if octet == b'\n' {
                    self.space = false;
                    self.lines += 1;
                    continue;
                }
                self.put(b'\r');
            }
            match octet {
                b'\r' => self.after_cr = true,
                b' ' | b'\t' => self.space = true,
                octet => self.put(octet),
            }
        }
        self.hash.update(&self.ready);
        self.ready.clear();
    }

    fn put(&mut self, octet: u8) {
        for _ in 0..std::mem::take(&mut self.lines) {
            self.ready.extend_from_slice(b"\r\n");
        }
        if std::mem::take(&mut self.space) {
            self.ready.push(b' ');
        }
        self.ready.push(octet);
        self.is_empty = false;
    }

    /// The hash; empty lines at the end do not count, and the last line has an end.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.after_cr {
            self.put(b'\r');
        }
        if !self.is_empty {
            self.ready.extend_from_slice(b"\r\n");
        }
        self.hash.update(&self.ready);
        self.hash.finish().as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(pieces: &[&[u8]]) -> String {
        let mut hash = BodyHash::new();
        for piece in pieces {
            hash.update(piece);
        }
        STANDARD.encode(hash.finish())
    }

    #[test]
    fn the_hash_of_a_body_is_that_of_the_standards() {
        // RFC 8463 Appendix A; RFC 6376 §3.4.4 for the empty one.
        let body: &[u8] = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
        let expected = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";
        assert_eq!(hash(&[body]), expected);
        let each: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(hash(&each), expected, "octet by octet");
        let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        for body in [&b""[..], b"\r\n", b" \t\r\n\r\n  "] {
            assert_eq!(hash(&[body]), empty, "{body:?}");
        }
    }

    #[test]
    fn white_space_that_servers_change_does_not_count() {
        let plain = hash(&[b"a b\r\n c\r\n\r\nd\r\n"]);
        for same in [
            &b"a \t b  \r\n\tc\r\n \r\nd"[..],
            b"a b\r\n  c \t\r\n\r\nd\r\n\r\n\r\n",
        ] {
            assert_eq!(hash(&[same]), plain, "{same:?}");
        }
        for other in [
            &b"ab\r\n c\r\n\r\nd\r\n"[..],
            b"a b\r\nc\r\n\r\nd\r\n",
            b"a b\r\n c\r\nd\r\n",
        ] {
            assert_ne!(hash(&[other]), plain, "{other:?}");
        }
    }

    #[test]
    fn fields_are_signed_from_the_last_and_once_more_than_they_stand_there() {
        let head = b"To: a@example.net\r\nSubject:  two\r\n\twords \r\nto: b@example.net\r\n\
                     From: <ann@example.org>\r\nX-Other: no\r\n\r\n";
        let (names, data) = signed_fields(head);
        assert_eq!(
            String::from_utf8(data).unwrap(),
            "from:<ann@example.org>\r\nto:b@example.net\r\nto:a@example.net\r\nsubject:two words\r\n"
        );
        let names = names.concat();
        assert!(
            names.starts_with("From:From:Sender:Reply-To:To:To:To:Cc:Subject:Subject:Date:"),
            "{names}"
        );
        assert!(!names.ends_with(':'), "{names}");
    }

    #[test]
    fn a_message_has_one_author_or_is_not_signed() {
        for (head, expected) in [
            ("From: Ann <ann@Example.ORG>\r\n\r\n", Some("example.org")),
            (
                "From: a@example.org, b@example.org\r\n\r\n",
                Some("example.org"),
            ),
            ("From: a@example.org, b@example.net\r\n\r\n", None),
            ("From: a@example.org\r\nFrom: a@example.org\r\n\r\n", None),
            ("From: nobody\r\n\r\n", None),
            ("To: a@example.org\r\n\r\n", None),
        ] {
            let found = author_domain(head.as_bytes());
            assert_eq!(found.as_ref().map(Domain::as_str), expected, "{head}");
        }
    }

    #[test]
    fn lines_of_a_signature_are_short() {
        let key = generate(DkimAlgorithm::Rsa).unwrap();
        let key = SigningKey::open(DkimAlgorithm::Rsa, key.secret.expose()).unwrap();
        let name = "s1._domainkey.example.org".parse().unwrap();
        let signing = Signing {
            name: &name,
            head: b"From: ann@example.org\r\n\r\n",
            body_hash: &[7; 32],
            at: Timestamp(1_000_000),
        };
        let field = String::from_utf8(key.sign(&signing).unwrap()).unwrap();
        assert!(field.lines().all(|line| line.len() <= 78), "{field}");
        assert!(field.contains("s=s1; t=1;"), "{field}");
    }
}
