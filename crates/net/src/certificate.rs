//! Certificate chains with their private keys, read from PEM (RFC 7468, RFC 5280).
//!
//! A [`Certificate`] is the proof that its files are whole: the key fits, and the time is right.

use std::io;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use types::{Secret, Timestamp};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Octets of a PEM file that are read; real chains have a few thousand.
const PEM_MAX_OCTETS: u64 = 1_048_576;

/// A certificate chain whose private key fits, in force at the time when it was read.
#[derive(Clone, Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    facts: Facts,
}

/// What a certificate says of itself.
#[derive(Clone, Debug)]
struct Facts {
    names: Vec<String>,
    not_before: Timestamp,
    not_after: Timestamp,
    end_point: Option<Arc<[u8]>>,
}

/// Why a certificate cannot be used, in words that say what to do.
///
/// `file` is the path, or another name for the text, as the caller gave it.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file cannot be opened or read.
    #[error(
        "{file} cannot be read: {source}. Give the path of a PEM file that the server's user may read"
    )]
    Unreadable {
        /// The path.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error(
        "{file} is empty. Copy the PEM text into it again; the tool that writes it may have failed"
    )]
    Empty {
        /// The path.
        file: String,
    },
    /// More than a mebibyte.
    #[error(
        "{file} has more than 1,048,576 octets, so it is not a certificate or key. Check the path"
    )]
    TooLong {
        /// The path.
        file: String,
    },
    /// No PEM section, or a broken one.
    #[error(
        "{file} is not PEM text: there must be whole sections from -----BEGIN to -----END. \
         A DER file is converted by `openssl x509 -inform der` or `openssl pkey -inform der`"
    )]
    NotPem {
        /// The path.
        file: String,
    },
    /// PEM, but no certificate in it.
    #[error("{file} holds no CERTIFICATE section. Was it mixed up with the key file?")]
    NoCertificate {
        /// The path.
        file: String,
    },
    /// PEM, but no private key in it.
    #[error("{file} holds no PRIVATE KEY section. Was it mixed up with the certificate file?")]
    NoKey {
        /// The path.
        file: String,
    },
    /// The key is protected by a passphrase.
    #[error(
        "the private key in {file} is encrypted, and the server cannot ask for its passphrase. \
         Write it decrypted with `openssl pkey -in OLD -out NEW` and let only the server's user read it"
    )]
    KeyEncrypted {
        /// The path.
        file: String,
    },
    /// The key cannot be used for signing.
    #[error(
        "the private key in {file} is damaged or of a kind that is not supported; use ECDSA P-256, RSA 2048 or more, or Ed25519"
    )]
    KeyUnusable {
        /// The path.
        file: String,
    },
    /// The certificate's text cannot be understood.
    #[error("the first certificate in {file} is damaged. Fetch it again from its issuer")]
    Damaged {
        /// The path.
        file: String,
    },
    /// The first certificate was made for another key.
    #[error(
        "the private key does not belong to the first certificate in {file}. The server's own \
         certificate must come first, then those of its issuers; or the key is that of an older certificate"
    )]
    KeyMismatch {
        /// The path.
        file: String,
    },
    /// It was in force once.
    #[error(
        "the certificate in {file} expired at {at}. Renew it; if it is new, check the machine's clock"
    )]
    Expired {
        /// The path.
        file: String,
        /// The last moment of its life.
        at: Timestamp,
    },
    /// It will be in force later.
    #[error("the certificate in {file} is valid only from {at}. Check the machine's clock")]
    NotYetValid {
        /// The path.
        file: String,
        /// The first moment of its life.
        at: Timestamp,
    },
}

impl Certificate {
    /// Reads the chain (the server's own certificate first) and the key from two files.
    pub fn from_files(chain: &Path, key: &Path, now: Timestamp) -> Result<Self, CertificateError> {
        let (chain_pem, chain_name) = read(chain)?;
        let (key_pem, key_name) = read(key)?;
        let key_pem = Secret::new(key_pem);
        Self::read((&chain_pem, chain_name), (&key_pem, key_name), now)
    }

    /// Reads the chain and the key from PEM text that has no file of its own.
    pub fn from_pem(
        chain_pem: &[u8],
        key_pem: &Secret,
        now: Timestamp,
    ) -> Result<Self, CertificateError> {
        let chain_name = "the certificate text".to_owned();
        let key_name = "the key text".to_owned();
        Self::read((chain_pem, chain_name), (key_pem, key_name), now)
    }

    /// As [`Self::from_pem`], also before and after the life of the certificate: for a server that
    /// already goes by it, since clients that are told of an old certificate beat a server that
    /// does not answer. Whether it is in its time, [`Self::is_valid_at`] says.
    pub fn from_pem_at_any_time(
        chain_pem: &[u8],
        key_pem: &Secret,
    ) -> Result<Self, CertificateError> {
        Self::read_whole(
            (chain_pem, "the certificate text".to_owned()),
            (key_pem, "the key text".to_owned()),
        )
    }

    /// Whether this moment lies in its life.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.facts.not_before..=self.facts.not_after).contains(&now)
    }

    /// The host names that it is for, in lower case; the first label may be `*`.
    pub fn names(&self) -> &[String] {
        &self.facts.names
    }

    /// The last moment of its life.
    pub fn not_after(&self) -> Timestamp {
        self.facts.not_after
    }

    pub(crate) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// The hash by which a client tells which certificate it saw (RFC 5929 §4.1).
    pub(crate) fn end_point(&self) -> Option<Arc<[u8]>> {
        self.facts.end_point.clone()
    }

    fn read(
        chain: (&[u8], String),
        key: (&Secret, String),
        now: Timestamp,
    ) -> Result<Self, CertificateError> {
        let file = chain.1.clone();
        let read = Self::read_whole(chain, key)?;
        if now > read.facts.not_after {
            return Err(CertificateError::Expired {
                file,
                at: read.facts.not_after,
            });
        }
        if now < read.facts.not_before {
            return Err(CertificateError::NotYetValid {
                file,
                at: read.facts.not_before,
            });
        }
        Ok(read)
    }

    fn read_whole(
        (chain_pem, chain_file): (&[u8], String),
        (key_pem, key_file): (&Secret, String),
    ) -> Result<Self, CertificateError> {
        let chain = parse_chain(chain_pem, &chain_file)?;
        let key = parse_key(key_pem.expose(), &key_file)?;
        let signer = provider::sign::any_supported_type(&key)
            .map_err(|_| CertificateError::KeyUnusable { file: key_file })?;
        let facts = facts(&chain[0], &chain_file)?;
        let key = CertifiedKey::new(chain, signer);
        if key.keys_match().is_err() {
            return Err(CertificateError::KeyMismatch { file: chain_file });
        }
        Ok(Self {
            key: Arc::new(key),
            facts,
        })
    }
}

fn read(path: &Path) -> Result<(Vec<u8>, String), CertificateError> {
    let file = path.display().to_string();
    let unreadable = |source| CertificateError::Unreadable {
        file: file.clone(),
        source,
    };
    let octets = std::fs::metadata(path).map_err(unreadable)?.len();
    if octets > PEM_MAX_OCTETS {
        return Err(CertificateError::TooLong { file });
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    Ok((text, file))
}

/// At least one certificate, or the reason why there is none.
fn parse_chain(pem: &[u8], file: &str) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    refuse_no_pem(pem, file)?;
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| CertificateError::NotPem { file: file.into() })?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate { file: file.into() });
    }
    Ok(chain)
}

fn parse_key(pem: &[u8], file: &str) -> Result<PrivateKeyDer<'static>, CertificateError> {
    use rustls::pki_types::pem::Error;
    refuse_no_pem(pem, file)?;
    if is_encrypted(pem) {
        return Err(CertificateError::KeyEncrypted { file: file.into() });
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|err| match err {
        Error::NoItemsFound => CertificateError::NoKey { file: file.into() },
        _ => CertificateError::NotPem { file: file.into() },
    })
}

fn refuse_no_pem(pem: &[u8], file: &str) -> Result<(), CertificateError> {
    if pem.trim_ascii().is_empty() {
        return Err(CertificateError::Empty { file: file.into() });
    }
    if !contains(pem, b"-----BEGIN ") {
        return Err(CertificateError::NotPem { file: file.into() });
    }
    Ok(())
}

/// Both ways in which PEM marks a passphrase: PKCS #8 (RFC 7468 §11), and the older header line.
fn is_encrypted(pem: &[u8]) -> bool {
    contains(pem, b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || contains(pem, b"Proc-Type: 4,ENCRYPTED")
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Host names, first and last moment (RFC 5280 §4.1.2.5, §4.2.1.6), and the hash.
fn facts(der: &CertificateDer<'_>, file: &str) -> Result<Facts, CertificateError> {
    let damaged = || CertificateError::Damaged { file: file.into() };
    let (_, parsed) = X509Certificate::from_der(der).map_err(|_| damaged())?;
    let alternative = parsed.subject_alternative_name().map_err(|_| damaged())?;
    let names = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    let validity = parsed.validity();
    let moment = |seconds: i64| Timestamp(0).plus_s(seconds);
    let hash = end_point_hash(&parsed.signature_algorithm.algorithm.to_id_string());
    Ok(Facts {
        names,
        not_before: moment(validity.not_before.timestamp()),
        not_after: moment(validity.not_after.timestamp()),
        end_point: hash.map(|hash| digest::digest(hash, der).as_ref().into()),
    })
}

/// The hash function of the certificate's signature, SHA-256 instead of older ones; `None` for
/// signatures that have none of their own, such as Ed25519 (RFC 5929 §4.1).
fn end_point_hash(signature_oid: &str) -> Option<&'static digest::Algorithm> {
    match signature_oid {
        // RSA with MD5, SHA-1, SHA-256; ECDSA with SHA-1, SHA-256.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => Some(&digest::SHA256),
        // RSA and ECDSA with SHA-384.
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(&digest::SHA384),
        // RSA and ECDSA with SHA-512.
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(&digest::SHA512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::own_ca::tests::NOW;
    use crate::own_ca::{IssuedPem, OwnCa};

    const DAY_S: i64 = 86_400;

    fn issued() -> IssuedPem {
        let ca = OwnCa::new("Test CA", NOW).unwrap();
        ca.issue(&["mail.example.org".parse().unwrap()], &[], NOW)
            .unwrap()
    }

    /// The variant's name and the words, of what files with these contents give.
    fn refusal(chain: &[u8], key: &[u8], now: Timestamp) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let (chain_path, key_path) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        std::fs::write(&chain_path, chain).unwrap();
        std::fs::write(&key_path, key).unwrap();
        let err = Certificate::from_files(&chain_path, &key_path, now).unwrap_err();
        let debug = format!("{err:?}");
        let variant = debug.split(' ').next().unwrap().to_owned();
        (variant, err.to_string())
    }

    #[test]
    fn whole_files_are_read_with_their_names() {
        let issued = issued();
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        std::fs::write(&chain, &issued.chain_pem).unwrap();
        std::fs::write(&key, issued.key_pem.expose()).unwrap();
        let certificate = Certificate::from_files(&chain, &key, NOW).unwrap();
        assert_eq!(certificate.names(), ["mail.example.org"]);
        assert_eq!(certificate.certified_key().cert.len(), 2);
    }

    #[test]
    fn each_broken_file_is_refused_with_its_own_reason() {
        let (good, other) = (issued(), issued());
        let chain = good.chain_pem.as_bytes();
        let key = good.key_pem.expose();
        let ca_first: String = {
            let second = good.chain_pem.rfind("-----BEGIN").unwrap();
            good.chain_pem[second..].to_owned() + &good.chain_pem[..second]
        };
        let cut = &chain[..chain.len() / 4];
        let no_der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let no_key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let locked =
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let old_locked =
            b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        let endless = vec![b'A'; 1_048_577];
        let table: &[(&[u8], &[u8], &str, &str)] = &[
            (b" \n", key, "Empty", "c.pem is empty"),
            (chain, b"", "Empty", "k.pem is empty"),
            (b"\x30\x82\x01", key, "NotPem", "openssl x509 -inform der"),
            (cut, key, "NotPem", "c.pem is not PEM"),
            (key, key, "NoCertificate", "mixed up with the key file"),
            (chain, chain, "NoKey", "mixed up with the certificate file"),
            (chain, locked, "KeyEncrypted", "openssl pkey -in OLD"),
            (chain, old_locked, "KeyEncrypted", "openssl pkey -in OLD"),
            (chain, no_key, "KeyUnusable", "k.pem is damaged"),
            (no_der, key, "Damaged", "c.pem is damaged"),
            (
                chain,
                other.key_pem.expose(),
                "KeyMismatch",
                "does not belong",
            ),
            (ca_first.as_bytes(), key, "KeyMismatch", "must come first"),
            (&endless, key, "TooLong", "Check the path"),
        ];
        for (chain, key, variant, words) in table {
            let (got_variant, got_words) = refusal(chain, key, NOW);
            assert_eq!(&got_variant, variant, "{got_words}");
            assert!(got_words.contains(words), "{got_words}");
            assert!(!got_words.contains("AAAA"), "{got_words}");
        }
    }

    #[test]
    fn a_certificate_out_of_its_time_is_refused_with_the_time() {
        let good = issued();
        let (chain, key) = (good.chain_pem.as_bytes(), good.key_pem.expose());
        for (now, variant, time) in [
            (
                NOW.plus_s(397 * DAY_S + 1),
                "Expired",
                "2027-12-25T10:09:40",
            ),
            (NOW.plus_s(-DAY_S - 1), "NotYetValid", "2026-11-22T10:09:40"),
        ] {
            let (got_variant, words) = refusal(chain, key, now);
            assert_eq!(got_variant, variant);
            assert!(words.contains(time), "{words}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let path = Path::new("/nowhere/c.pem");
        let err = Certificate::from_files(path, path, NOW).unwrap_err();
        assert!(err.to_string().starts_with("/nowhere/c.pem cannot be read"));
    }
}
