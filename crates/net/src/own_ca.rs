//! A certificate authority of our own, for the demo and the first start.
//!
//! It makes a CA certificate that a person can trust by hand, and certificates for host names and
//! addresses below it. Nobody else is asked, so nobody else vouches for them.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use types::{Domain, Secret, Timestamp};

/// How long the CA lives: ten years.
const CA_LIFE_S: u64 = 10 * 365 * 86_400;
/// How long a server certificate lives: what browsers and phones accept at most from public CAs.
const SERVER_LIFE_S: u64 = 397 * 86_400;
/// How far the start of both lies in the past, for clients whose clocks are slow.
const BACKDATED_S: u64 = 86_400;
/// The last time for which certificates are made: 2200-01-01. RFC 5280 goes on to the year 9999.
const LAST_START_S: u64 = 7_258_118_400;

/// A certificate authority with its private key.
pub struct OwnCa {
    certificate_pem: String,
    key_pem: Secret,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate chain and its private key as PEM.
#[derive(Clone, Debug)]
pub struct IssuedPem {
    /// The server's certificate, then the CA's.
    pub chain_pem: String,
    /// The key (PKCS #8).
    pub key_pem: Secret,
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum OwnCaError {
    /// The stored CA cannot be read back.
    #[error(
        "the stored certificate authority is damaged ({0}). Restore its files, or remove both to let \
         the server make a new one; clients must trust that one anew"
    )]
    Damaged(rcgen::Error),
    /// The certificate cannot be made.
    #[error("the certificate cannot be made: {0}")]
    NotMade(#[from] rcgen::Error),
}

impl OwnCa {
    /// Makes a new CA with a fresh key (ECDSA P-256) that is called `name`.
    pub fn new(name: &str, now: Timestamp) -> Result<Self, OwnCaError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_life(&mut params, now, CA_LIFE_S);
        let certificate_pem = params.self_signed(&key)?.pem();
        let key_pem = Secret::new(key.serialize_pem().into_bytes());
        Ok(Self {
            certificate_pem,
            key_pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// Reads back what [`Self::certificate_pem`] and [`Self::key_pem`] gave.
    pub fn from_pem(certificate_pem: &str, key_pem: &Secret) -> Result<Self, OwnCaError> {
        let key_text = String::from_utf8_lossy(key_pem.expose());
        let key = KeyPair::from_pem(&key_text).map_err(OwnCaError::Damaged)?;
        let issuer = Issuer::from_ca_cert_pem(certificate_pem, key).map_err(OwnCaError::Damaged)?;
        Ok(Self {
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.clone(),
            issuer,
        })
    }

    /// The certificate that clients must trust.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The CA's private key (PKCS #8).
    pub fn key_pem(&self) -> &Secret {
        &self.key_pem
    }

    /// Makes a certificate with a fresh key for a server of these names and addresses.
    pub fn issue(
        &self,
        names: &[Domain],
        addresses: &[IpAddr],
        now: Timestamp,
    ) -> Result<IssuedPem, OwnCaError> {
        let names: Vec<&str> = names.iter().map(Domain::as_str).collect();
        self.issue_for(&names, addresses, now)
    }

    fn issue_for(
        &self,
        names: &[&str],
        addresses: &[IpAddr],
        now: Timestamp,
    ) -> Result<IssuedPem, OwnCaError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for name in names {
            let name = (*name).try_into()?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        let addresses = addresses.iter().copied().map(SanType::IpAddress);
        params.subject_alt_names.extend(addresses);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        set_life(&mut params, now, SERVER_LIFE_S);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(IssuedPem {
            chain_pem: format!("{}{}", certificate.pem(), self.certificate_pem),
            key_pem: Secret::new(key.serialize_pem().into_bytes()),
        })
    }
}

impl std::fmt::Debug for OwnCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnCa(..)")
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    distinguished_name
}

fn set_life(params: &mut CertificateParams, now: Timestamp, life_s: u64) {
    let now_s = u64::try_from(now.seconds()).unwrap_or(0).min(LAST_START_S);
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(now_s.saturating_sub(BACKDATED_S));
    params.not_after = epoch + Duration::from_secs(now_s + life_s);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::certificate::Certificate;

    pub(crate) const NOW: Timestamp = Timestamp(1_795_428_580_000_000);

    /// A new CA and a certificate of it; the names may have a `*`.
    pub(crate) fn ca_and_certificate(names: &[&str]) -> (OwnCa, Certificate) {
        let ca = OwnCa::new("Test CA", NOW).unwrap();
        let issued = ca
            .issue_for(names, &["127.0.0.1".parse().unwrap()], NOW)
            .unwrap();
        let pem = issued.chain_pem.as_bytes();
        let certificate = Certificate::from_pem(pem, &issued.key_pem, NOW).unwrap();
        (ca, certificate)
    }
}
