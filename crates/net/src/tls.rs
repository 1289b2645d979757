//! TLS for servers: which certificate is shown to whom (RFC 8446, RFC 5246, RFC 6066 §3).
//!
//! One provider (AWS-LC), TLS 1.2 and 1.3 with the suites that rustls calls safe. Certificates can
//! be replaced while the server runs; connections that exist keep theirs.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;

/// The certificates in force; clones share them, and [`Self::replace`] swaps all at once.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<RwLock<Arc<Shown>>>);

/// The server's side of TLS, ready for handshakes; cheap to clone.
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    certificates: Certificates,
}

/// What a finished handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// Such as `TLSv1.3`.
    pub version: String,
    /// The suite's name at IANA, such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The host name that the client asked for, in lower case (RFC 6066 §3).
    pub server_name: Option<String>,
    /// By what a client can prove that it shares this very connection.
    pub bindings: ChannelBindings,
}

/// Values that only the two ends of one TLS connection have in common (RFC 5056).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// `tls-exporter` (RFC 9266 §2); under TLS 1.3 only, because for TLS 1.2 it needs an extension
    /// of the handshake of which nobody can tell whether the client used it.
    pub exporter: Option<[u8; EXPORTER_OCTETS]>,
    /// `tls-server-end-point` (RFC 5929 §4): the hash of the server's certificate.
    pub end_point: Option<Arc<[u8]>>,
}

/// Octets of the value of `tls-exporter` (RFC 9266 §2).
const EXPORTER_OCTETS: usize = 32;
/// The label under which it is exported.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// The server cannot do TLS at all.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct TlsError(#[from] rustls::Error);

#[derive(Debug)]
struct Shown {
    default: Certificate,
    /// By host name in lower case; `*.example.org` stands for one label.
    by_name: HashMap<String, Certificate>,
}

impl Certificates {
    /// Shows `default` to clients that name no host or one that no certificate covers.
    pub fn new(default: &Certificate, others: &[Certificate]) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Shown::new(default, others)))))
    }

    /// Puts other certificates in force for the handshakes that begin from now on.
    pub fn replace(&self, default: &Certificate, others: &[Certificate]) {
        let shown = Arc::new(Shown::new(default, others));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shown {
    fn new(default: &Certificate, others: &[Certificate]) -> Self {
        let mut by_name = HashMap::new();
        // Where two cover one name the first given wins, and the default is the first of all.
        for certificate in std::iter::once(default).chain(others) {
            for name in certificate.names() {
                by_name
                    .entry(name.clone())
                    .or_insert_with(|| certificate.clone());
            }
        }
        Self {
            default: default.clone(),
            by_name,
        }
    }

    /// The certificate for a client that asks for this host, or for none.
    fn for_client(&self, server_name: Option<&str>) -> &Certificate {
        let named = server_name.and_then(|name| self.for_name(name));
        named.unwrap_or(&self.default)
    }

    fn for_name(&self, name: &str) -> Option<&Certificate> {
        let name = name.to_ascii_lowercase();
        self.by_name.get(&name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        })
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown();
        Some(shown.for_client(hello.server_name()).certified_key())
    }
}

impl TlsServer {
    /// Shows `certificates` and resumes sessions by tickets whose keys live only in memory.
    pub fn new(certificates: Certificates) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates.clone()));
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        Ok(Self {
            config: Arc::new(config),
            certificates,
        })
    }

    /// What a finished handshake agreed on; `None` before its end.
    pub(crate) fn info(&self, session: &rustls::ServerConnection) -> Option<TlsInfo> {
        let is_newest = session.protocol_version()? == rustls::ProtocolVersion::TLSv1_3;
        let suite = session.negotiated_cipher_suite()?.suite();
        let cipher = suite.as_str().unwrap_or("unknown");
        let export = || {
            let octets = [0; EXPORTER_OCTETS];
            let exported = session.export_keying_material(octets, EXPORTER_LABEL, Some(b""));
            exported.ok()
        };
        let certificates = self.certificates.shown();
        let certificate = certificates.for_client(session.server_name());
        Some(TlsInfo {
            version: if is_newest { "TLSv1.3" } else { "TLSv1.2" }.to_owned(),
            // rustls marks the suites of TLS 1.3 with their version; IANA does not.
            cipher: cipher.replacen("TLS13_", "TLS_", 1),
            server_name: session.server_name().map(str::to_ascii_lowercase),
            bindings: ChannelBindings {
                exporter: is_newest.then(export).flatten(),
                end_point: certificate.end_point(),
            },
        })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsServer(..)")
    }
}

impl std::fmt::Debug for ChannelBindings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChannelBindings(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::own_ca::tests::ca_and_certificate;

    #[test]
    fn the_most_exact_name_wins_and_strangers_get_the_default() {
        let (_, default) = ca_and_certificate(&["mail.example.org"]);
        let (_, wild) = ca_and_certificate(&["*.example.org"]);
        let (_, exact) = ca_and_certificate(&["imap.example.org"]);
        let shown = Shown::new(&default, &[wild.clone(), exact.clone()]);
        for (asked, expected) in [
            ("mail.example.org", Some(&default)),
            ("IMAP.Example.org", Some(&exact)),
            ("pop.example.org", Some(&wild)),
            ("a.b.example.org", None),
            ("example.org", None),
            ("example.test", None),
        ] {
            let found = shown.for_name(asked);
            let found = found.map(|c| c.certified_key().cert.clone());
            let expected = expected.map(|c| c.certified_key().cert.clone());
            assert_eq!(found, expected, "{asked}");
        }
    }
}
