//! The computations of SCRAM-SHA-256: what a server keeps of a password, and how a proof is
//! checked against it (RFC 5802 §3, RFC 7677). The messages are the business of the doors.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use types::Secret;
use zeroize::Zeroizing;

/// Rounds of Hi for every account; a client works as long as this.
pub const ITERATIONS: u32 = 65_536;
/// Octets of a salt.
pub const SALT_OCTETS: usize = 16;
/// Octets of a key, a proof or a signature.
pub const KEY_OCTETS: usize = 32;

/// A salt.
pub type Salt = [u8; SALT_OCTETS];
/// A proof of the client, or a signature of the server.
pub type Signature = [u8; KEY_OCTETS];

/// What a line of stored keys begins with.
const MARK: &str = "$scram-sha-256$";

/// StoredKey and ServerKey of one password under one salt and number of rounds.
#[derive(Clone)]
pub struct ScramKeys {
    stored: Zeroizing<Signature>,
    server: Zeroizing<Signature>,
}

impl ScramKeys {
    /// The keys of a password. Takes as long as `iterations` rounds of HMAC-SHA-256.
    ///
    /// The password's octets are taken as they are: no SASLprep (RFC 4013), which changes nothing
    /// in ASCII.
    pub fn new(password: &Secret, salt: &[u8], iterations: u32) -> Self {
        let salted = salted_password(password, salt, iterations);
        let client = mac(&*salted, b"Client Key");
        Self {
            stored: Zeroizing::new(sha256(&*client)),
            server: mac(&*salted, b"Server Key"),
        }
    }

    /// Whether the proof was made with the password, for this exchange.
    pub fn verify(&self, auth_message: &[u8], proof: &Signature) -> bool {
        let signature = mac(&*self.stored, auth_message);
        let client = Zeroizing::new(xor(proof, &signature));
        constant_time::verify_slices_are_equal(&sha256(&*client), &*self.stored).is_ok()
    }

    /// By what the server shows that it knows the password too.
    pub fn server_signature(&self, auth_message: &[u8]) -> Signature {
        *mac(&*self.server, auth_message)
    }

    /// The keys as a line, with what they were made with.
    pub(crate) fn to_line(&self, salt: &Salt, iterations: u32) -> Zeroizing<String> {
        let base64 = |octets: &[u8]| Zeroizing::new(STANDARD_NO_PAD.encode(octets));
        let (stored, server) = (base64(&*self.stored), base64(&*self.server));
        let salt = base64(salt);
        Zeroizing::new(format!(
            "{MARK}{iterations}${}${}${}",
            *salt, *stored, *server
        ))
    }

    /// The keys of a line, if they were made with this salt and number of rounds.
    pub(crate) fn from_line(line: &str, salt: &Salt, iterations: u32) -> Option<Self> {
        let mut fields = line.strip_prefix(MARK)?.split('$');
        let made_with: u32 = fields.next()?.parse().ok()?;
        let made_salt = STANDARD_NO_PAD.decode(fields.next()?).ok()?;
        if (made_with, made_salt.as_slice()) != (iterations, salt.as_slice()) {
            return None;
        }
        let mut key = || -> Option<Zeroizing<Signature>> {
            let octets = Zeroizing::new(STANDARD_NO_PAD.decode(fields.next()?).ok()?);
            Some(Zeroizing::new(octets.as_slice().try_into().ok()?))
        };
        let (stored, server) = (key()?, key()?);
        fields.next().is_none().then_some(Self { stored, server })
    }
}

/// The proof that a client makes (RFC 5802 §3).
pub fn client_proof(
    password: &Secret,
    salt: &[u8],
    iterations: u32,
    auth_message: &[u8],
) -> Signature {
    let salted = salted_password(password, salt, iterations);
    let client = mac(&*salted, b"Client Key");
    let signature = mac(&sha256(&*client), auth_message);
    xor(&client, &signature)
}

/// `Hi(password, salt, iterations)`; no rounds count as one.
fn salted_password(password: &Secret, salt: &[u8], iterations: u32) -> Zeroizing<Signature> {
    let mut salted = Zeroizing::new([0; KEY_OCTETS]);
    let rounds = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(algorithm, rounds, salt, password.expose(), &mut *salted);
    salted
}

fn mac(key: &[u8], message: &[u8]) -> Zeroizing<Signature> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut octets = Zeroizing::new([0; KEY_OCTETS]);
    octets.copy_from_slice(tag.as_ref());
    octets
}

fn sha256(octets: &[u8]) -> Signature {
    let mut found = [0; KEY_OCTETS];
    found.copy_from_slice(digest::digest(&digest::SHA256, octets).as_ref());
    found
}

fn xor(one: &Signature, other: &Signature) -> Signature {
    std::array::from_fn(|at| one[at] ^ other[at])
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const AUTH: &[u8] = b"n=user,r=rOprNGfwEbeRWgbNEkqO,\
        r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
        c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

    fn pencil() -> (Secret, Vec<u8>) {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        (Secret::new(b"pencil".to_vec()), salt)
    }

    #[test]
    fn the_exchange_of_rfc_7677_comes_out() {
        let (password, salt) = pencil();
        let proof = client_proof(&password, &salt, 4_096, AUTH);
        assert_eq!(
            STANDARD.encode(proof),
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let keys = ScramKeys::new(&password, &salt, 4_096);
        assert!(keys.verify(AUTH, &proof));
        assert_eq!(
            STANDARD.encode(keys.server_signature(AUTH)),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }

    #[test]
    fn another_proof_message_or_password_is_refused() {
        let (password, salt) = pencil();
        let keys = ScramKeys::new(&password, &salt, 4_096);
        let proof = client_proof(&password, &salt, 4_096, AUTH);
        let mut bent = proof;
        bent[31] ^= 1;
        assert!(!keys.verify(AUTH, &bent));
        assert!(!keys.verify(&AUTH[1..], &proof));
        assert!(!keys.verify(AUTH, &[0; KEY_OCTETS]));
        let other = Secret::new(b"pencils".to_vec());
        let proof = client_proof(&other, &salt, 4_096, AUTH);
        assert!(!keys.verify(AUTH, &proof));
    }

    #[test]
    fn kept_keys_serve_only_what_they_were_made_with() {
        let salt = [7; SALT_OCTETS];
        let password = Secret::new(b"pencil".to_vec());
        let keys = ScramKeys::new(&password, &salt, 2);
        let line = keys.to_line(&salt, 2);
        let proof = client_proof(&password, &salt, 2, AUTH);
        let read = ScramKeys::from_line(&line, &salt, 2).unwrap();
        assert!(read.verify(AUTH, &proof));
        assert_eq!(read.server_signature(AUTH), keys.server_signature(AUTH));
        assert!(ScramKeys::from_line(&line, &salt, 3).is_none());
        assert!(ScramKeys::from_line(&line, &[8; SALT_OCTETS], 2).is_none());
        for odd in [
            "",
            "$scram-sha-256$",
            &line[..line.len() - 1],
            "$argon2id$2",
        ] {
            assert!(ScramKeys::from_line(odd, &salt, 2).is_none(), "{odd}");
        }
        assert!(ScramKeys::from_line(&format!("{}$x", *line), &salt, 2).is_none());
    }
}
