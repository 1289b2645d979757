//! Certificates and the names they serve.

use serde::{Deserialize, Serialize};
use types::{CertificateId, Domain, Sha256};

/// `certificate.set`: makes a certificate known, or renews it under its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateSet {
    /// The certificate.
    pub id: CertificateId,
    /// Names for which it is shown (RFC 6066 §3); the newest certificate also serves all others,
    /// and wins where two have one name.
    pub names: Vec<Domain>,
    /// The chain as PEM, stored as an object.
    pub chain: Sha256,
    /// The private key, stored as a secret object.
    pub key: Sha256,
}

/// `certificate.remove`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRemove {
    /// The certificate.
    pub id: CertificateId,
}
