//! Signed notes: a text, a blank line, and lines of signatures (C2SP signed-note).
//!
//! Only Ed25519 keys (RFC 8032) are known here; lines of other keys are kept and not judged, so
//! that a note keeps the signatures of witnesses. Bounds: [`NOTE_MAX_OCTETS`], [`SIGNATURES_MAX`].

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::commitment::sha256;
use crate::origin::Origin;

/// Octets of a whole note.
pub const NOTE_MAX_OCTETS: usize = 65_536;
/// Signature lines of a note.
pub const SIGNATURES_MAX: usize = 100;
/// Octets of the private seed of a signing key.
pub const SEED_OCTETS: usize = 32;
/// Octets of an Ed25519 public key.
const PUBLIC_KEY_OCTETS: usize = 32;
/// Octets of a key id.
const KEY_ID_OCTETS: usize = 4;
/// The type of Ed25519 keys in key ids and verifier keys.
const ALGORITHM_ED25519: u8 = 1;
/// Opens a signature line: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// Why bytes are no note, or why a note is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More octets than [`NOTE_MAX_OCTETS`].
    #[error("a note has at most {NOTE_MAX_OCTETS} octets")]
    TooLong,
    /// Not UTF-8, or with control characters.
    #[error("a note is UTF-8 without control characters")]
    NotText,
    /// The text does not end its last line, or no blank line sets the signatures apart.
    #[error("a note is a text of whole lines, a blank line and signatures")]
    Shape,
    /// A line among the signatures that is none.
    #[error("a signature line is an em dash, a key name and base64")]
    SignatureLine,
    /// More signature lines than [`SIGNATURES_MAX`].
    #[error("a note has at most {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// A verifier key that is not `name+id+key`, or whose id does not fit.
    #[error("not a verifier key of the form name+id+key")]
    VerifierKey,
    /// No signature of the key that was asked for.
    #[error("not signed by this key")]
    NotSigned,
    /// A line names the key, but its signature is not of this text.
    #[error("the signature is not of this text")]
    BadSignature,
    /// The seed cannot be made a key.
    #[error("the seed is not accepted as a key")]
    Seed,
}

/// A public key with its name; written as `name+id+key` to be kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: Origin,
    public: [u8; PUBLIC_KEY_OCTETS],
}

impl VerifierKey {
    /// The name of the key, which is the origin of the log that it signs.
    pub fn name(&self) -> &Origin {
        &self.name
    }

    /// The first octets of a digest over name and key.
    pub fn key_id(&self) -> [u8; KEY_ID_OCTETS] {
        let name = self.name.as_str().as_bytes();
        let digest = sha256(&[name, b"\n", &[ALGORITHM_ED25519], &self.public]);
        let mut id = [0; KEY_ID_OCTETS];
        id.copy_from_slice(&digest.0[..KEY_ID_OCTETS]);
        id
    }

    fn verify(&self, text: &str, signature: &[u8]) -> Result<(), NoteError> {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(text.as_bytes(), signature)
            .map_err(|_| NoteError::BadSignature)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.key_id());
        let key = STANDARD.encode([&[ALGORITHM_ED25519], &self.public[..]].concat());
        write!(f, "{}+{id:08x}+{key}", self.name)
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let wrong = NoteError::VerifierKey;
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong);
        };
        let octets = STANDARD.decode(key).map_err(|_| wrong)?;
        let Some((&ALGORITHM_ED25519, public)) = octets.split_first() else {
            return Err(wrong);
        };
        let key = Self {
            name: name.parse().map_err(|_| wrong)?,
            public: public.try_into().map_err(|_| wrong)?,
        };
        // Its id follows from name and key, so only one spelling is right.
        (key.to_string() == text).then_some(key).ok_or(wrong)
    }
}

/// A private key with its name.
pub struct SigningKey {
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key that belongs to a secret seed; the caller keeps the seed.
    pub fn from_seed(name: Origin, seed: &[u8; SEED_OCTETS]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Seed)?;
        let public = pair.public_key().as_ref();
        let public = public.try_into().map_err(|_| NoteError::Seed)?;
        let verifier = VerifierKey { name, public };
        Ok(Self { verifier, pair })
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    fn sign(&self, text: &str) -> Signature {
        Signature {
            name: self.verifier.name.to_string(),
            key_id: self.verifier.key_id(),
            octets: self.pair.sign(text.as_bytes()).as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

/// One signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    key_id: [u8; KEY_ID_OCTETS],
    octets: Vec<u8>,
}

impl Signature {
    fn parse(line: &str) -> Result<Self, NoteError> {
        let wrong = NoteError::SignatureLine;
        let line = line.strip_prefix(SIGNATURE_PREFIX).ok_or(wrong)?;
        let (name, encoded) = line.split_once(' ').ok_or(wrong)?;
        let plain_name =
            !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+');
        let decoded = STANDARD.decode(encoded).map_err(|_| wrong)?;
        match decoded.split_first_chunk() {
            Some((key_id, octets)) if plain_name && !octets.is_empty() => Ok(Self {
                name: name.to_owned(),
                key_id: *key_id,
                octets: octets.to_vec(),
            }),
            _ => Err(wrong),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([&self.key_id[..], &self.octets].concat());
        writeln!(f, "{SIGNATURE_PREFIX}{} {encoded}", self.name)
    }
}

/// A text with at least one signature; `Display` writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// Signs a text of whole lines without control characters.
    pub fn sign(text: String, key: &SigningKey) -> Result<Self, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Shape);
        }
        if has_control_characters(&text) {
            return Err(NoteError::NotText);
        }
        let signatures = vec![key.sign(&text)];
        let note = Self { text, signatures };
        if note.to_string().len() > NOTE_MAX_OCTETS {
            return Err(NoteError::TooLong);
        }
        Ok(note)
    }

    /// Reads a note; judges no signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_MAX_OCTETS {
            return Err(NoteError::TooLong);
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        if has_control_characters(whole) {
            return Err(NoteError::NotText);
        }
        let blank = whole.rfind("\n\n").ok_or(NoteError::Shape)?;
        let (text, signatures) = (&whole[..=blank], &whole[blank + 2..]);
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Shape)?;
        if lines.split('\n').count() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let signatures = lines.split('\n').map(Signature::parse);
        Ok(Self {
            text: text.to_owned(),
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }

    /// The text that is signed, with its final line end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks that `key` signed the text; every line that names the key must hold.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let key_id = key.key_id();
        let mut seen = false;
        for signature in &self.signatures {
            if signature.key_id == key_id && signature.name == key.name.as_str() {
                key.verify(&self.text, &signature.octets)?;
                seen = true;
            }
        }
        seen.then_some(()).ok_or(NoteError::NotSigned)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| signature.fmt(f))
    }
}

fn has_control_characters(text: &str) -> bool {
    text.bytes().any(|c| c < 0x20 && c != b'\n')
}
