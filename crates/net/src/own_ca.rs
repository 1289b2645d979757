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
/// Octets of a common name at most (RFC 5280 appendix A, `ub-common-name`).
const COMMON_NAME_MAX_OCTETS: usize = 64;
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
        // Names are read from the extension, but some mail programs refuse a certificate without one.
        params.distinguished_name = names
            .iter()
            .find(|name| name.len() <= COMMON_NAME_MAX_OCTETS)
            .map_or_else(DistinguishedName::new, |name| named(name));
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
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, UnixTime};
    use rustls::time_provider::TimeProvider;
    use rustls::{ClientConfig, RootCertStore};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::certificate::{Certificate, CertificateError};

    pub(crate) const NOW: Timestamp = Timestamp(1_795_428_580_000_000);
    const DAY_S: i64 = 86_400;

    /// A new CA and a certificate of it; the names may have a `*`.
    pub(crate) fn ca_and_certificate(names: &[&str]) -> (OwnCa, Certificate) {
        let ca = OwnCa::new("Test CA", NOW).unwrap();
        let certificate = certificate_of(&ca, names);
        (ca, certificate)
    }

    pub(crate) fn certificate_of(ca: &OwnCa, names: &[&str]) -> Certificate {
        let issued = ca
            .issue_for(names, &["127.0.0.1".parse().unwrap()], NOW)
            .unwrap();
        loaded(&issued, NOW).unwrap()
    }

    fn loaded(issued: &IssuedPem, now: Timestamp) -> Result<Certificate, CertificateError> {
        Certificate::from_pem(issued.chain_pem.as_bytes(), &issued.key_pem, now)
    }

    /// A client that trusts this CA alone and whose clock stands at [`NOW`].
    pub(crate) fn client_trusting(ca: &OwnCa) -> TlsConnector {
        client_trusting_pem(ca.certificate_pem())
    }

    pub(crate) fn client_trusting_pem(ca_pem: &str) -> TlsConnector {
        #[derive(Debug)]
        struct Noon;
        impl TimeProvider for Noon {
            fn current_time(&self) -> Option<UnixTime> {
                let seconds = u64::try_from(NOW.seconds()).unwrap();
                Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
            }
        }
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(Noon))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    #[test]
    fn a_certificate_is_for_its_names_and_lives_a_year_and_a_month() {
        let ca = OwnCa::new("Test CA", NOW).unwrap();
        let names = ["mail.example.org".parse().unwrap()];
        let issued = ca.issue(&names, &[], NOW).unwrap();
        let certificate = loaded(&issued, NOW).unwrap();
        assert_eq!(certificate.names(), ["mail.example.org"]);
        assert_eq!(certificate.not_after(), NOW.plus_s(397 * DAY_S));
        assert_eq!(issued.chain_pem.matches("BEGIN CERTIFICATE").count(), 2);
        assert!(issued.chain_pem.ends_with(ca.certificate_pem()));
    }

    #[test]
    fn a_stored_ca_goes_on_under_the_same_certificate() {
        let ca = OwnCa::new("Test CA", NOW).unwrap();
        let again = OwnCa::from_pem(ca.certificate_pem(), ca.key_pem()).unwrap();
        assert_eq!(again.certificate_pem(), ca.certificate_pem());
        assert_eq!(again.key_pem().expose(), ca.key_pem().expose());
        let name = ["mail.example.org".parse().unwrap()];
        assert!(loaded(&again.issue(&name, &[], NOW).unwrap(), NOW).is_ok());
    }

    #[test]
    fn a_damaged_ca_is_not_used() {
        let ca = OwnCa::new("Test CA", NOW).unwrap();
        let no_key = Secret::new(b"-----BEGIN PRIVATE KEY-----\nAAAA\n".to_vec());
        for (certificate, key) in [("", ca.key_pem()), (ca.certificate_pem(), &no_key)] {
            let err = OwnCa::from_pem(certificate, key).unwrap_err();
            assert!(matches!(err, OwnCaError::Damaged(_)));
        }
    }

    #[test]
    fn times_beyond_the_range_of_certificates_do_not_overflow() {
        for now in [Timestamp(i64::MIN), Timestamp(0), Timestamp(i64::MAX)] {
            assert!(OwnCa::new("Test CA", now).is_ok());
        }
    }
}
