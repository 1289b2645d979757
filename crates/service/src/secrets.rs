//! Values that entries name by digest: how they are made, sealed and opened again.

use ledger::{Commitment, ObjectId, object_id, secret_object, secret_value};
use net::Random;
use types::{Domain, Secret, SubjectId, Timestamp};

use crate::keys::{Keys, KeysError};
use crate::scram::Salt;

/// An object to be stored beside the ledger before the entry that names it.
pub(crate) struct NewObject {
    pub(crate) id: ObjectId,
    /// The octets as stored; sealed where the object is secret.
    pub(crate) stored: Vec<u8>,
    pub(crate) secret: bool,
}

/// A personal value to be stored, sealed, before the entry that commits to it.
pub(crate) struct NewPersonal {
    pub(crate) commitment: Commitment,
    /// Salt and value in the clear until [`Vault::seal_personal`] has a key for the subject.
    opened: Vec<u8>,
}

/// Makes and opens such values with the keys of this installation.
pub(crate) struct Vault {
    keys: Keys,
    random: Random,
}

impl Vault {
    pub(crate) fn new(keys: Keys, random: Random) -> Self {
        Self { keys, random }
    }

    /// The salt of SCRAM for this name.
    pub(crate) fn scram_salt(&self, name: &str) -> Salt {
        self.keys.scram_salt(name)
    }

    /// An object that anybody who reads the ledger may read.
    pub(crate) fn plain_object(&self, value: &[u8]) -> NewObject {
        NewObject {
            id: object_id(value),
            stored: value.to_vec(),
            secret: false,
        }
    }

    /// An object that only this installation can open.
    pub(crate) fn secret_object(&self, value: &[u8]) -> NewObject {
        let (id, octets) = secret_object(&self.random.array(), value);
        NewObject {
            id,
            stored: self.keys.seal_object(id, octets.expose()),
            secret: true,
        }
    }

    /// The value of a stored secret object; `None` if it is not what `id` names.
    pub(crate) fn open_secret(&self, id: ObjectId, stored: &[u8]) -> Option<Secret> {
        let octets = self.keys.open_object(id, stored)?;
        secret_value(&id, octets.expose())
    }

    /// Commits to a value that may have to be erased one day.
    pub(crate) fn personal(&self, subject: SubjectId, value: &[u8]) -> NewPersonal {
        let salt = self.random.array();
        let commitment = Commitment::new(&salt, value, subject);
        NewPersonal {
            commitment,
            opened: [&salt[..], value].concat(),
        }
    }

    /// The sidecar that goes with the commitment.
    pub(crate) fn seal_personal(&self, personal: &NewPersonal) -> Result<Vec<u8>, KeysError> {
        self.keys
            .seal_personal(personal.commitment.k, &personal.opened)
    }

    /// The value behind a commitment; `None` if it was erased or altered.
    pub(crate) fn open_personal(&self, commitment: &Commitment, sidecar: &[u8]) -> Option<String> {
        let opened = self.keys.open_personal(commitment.k, sidecar)?;
        let (salt, value) = opened.expose().split_first_chunk()?;
        commitment
            .verify(salt, value)
            .then(|| String::from_utf8_lossy(value).into_owned())
    }
}

/// The names in a certificate that can be used with its key, or what is wrong with it.
///
/// A wildcard counts by the domain below which it holds.
pub(crate) fn certificate_names(
    chain_pem: &str,
    key_pem: &Secret,
    now: Timestamp,
) -> Result<Vec<Domain>, net::CertificateError> {
    let certificate = net::Certificate::from_pem(chain_pem.as_bytes(), key_pem, now)?;
    let names = certificate
        .names()
        .iter()
        .map(|name| name.strip_prefix("*.").unwrap_or(name));
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}
