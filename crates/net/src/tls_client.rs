//! The client's side of TLS (RFC 8446, RFC 5246): to servers that must prove who they are, and, where
//! plain text is the alternative, to any that encrypts (RFC 7435).

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Connects to servers whose certificates it checks in one of the ways below.
#[derive(Clone)]
pub struct TlsClient(TlsConnector);

/// A connection under TLS.
pub(crate) struct Secured {
    pub(crate) stream: tokio_rustls::client::TlsStream<TcpStream>,
    /// Such as `TLSv1.3`.
    pub(crate) version: &'static str,
}

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TlsClientError {
    /// The authority's certificate cannot be read.
    #[error("the certificate of the authority is not PEM: {0}")]
    NotPem(#[from] rustls::pki_types::pem::Error),
    /// It is no certificate, or TLS cannot be set up.
    #[error("the authority cannot be trusted: {0}")]
    Tls(#[from] rustls::Error),
    /// This machine has no list of authorities.
    #[error("this machine trusts no authority: install its package of CA certificates")]
    NoAuthorities,
}

impl TlsClient {
    /// Trusts this authority (a certificate in PEM) and no other.
    pub fn trusting(ca_pem: &str) -> Result<Self, TlsClientError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes())?)?;
        Self::with_roots(roots)
    }

    /// Trusts the authorities that this machine trusts.
    pub fn trusting_system() -> Result<Self, TlsClientError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(TlsClientError::NoAuthorities);
        }
        Self::with_roots(roots)
    }

    /// Takes any certificate: it keeps listeners out who cannot change what passes, and says nothing
    /// of who answers.
    pub fn trusting_anyone() -> Result<Self, TlsClientError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    fn with_roots(roots: RootCertStore) -> Result<Self, TlsClientError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands with a server that must prove this name, if it must prove any.
    pub(crate) async fn secure(&self, tcp: TcpStream, name: &str) -> io::Result<Secured> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let stream = self.0.connect(name, tcp).await?;
        let newest = Some(rustls::ProtocolVersion::TLSv1_3);
        let is_newest = stream.get_ref().1.protocol_version() == newest;
        Ok(Secured {
            stream,
            version: if is_newest { "TLSv1.3" } else { "TLSv1.2" },
        })
    }

    /// Shakes hands with a server that must prove this name.
    pub async fn connect(
        &self,
        tcp: TcpStream,
        name: &str,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>> {
        Ok(self.secure(tcp, name).await?.stream)
    }
}

/// Takes any certificate. The handshake must be signed with its key all the same.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::certificate::Certificate;
    use crate::clock::Clock;
    use crate::own_ca::OwnCa;
    use crate::tls::{Certificates, TlsServer};

    #[tokio::test]
    async fn only_the_authority_and_the_name_that_were_asked_for_are_trusted() {
        let now = Clock::real().now();
        let (ours, other) = (OwnCa::new("A", now).unwrap(), OwnCa::new("B", now).unwrap());
        let issued = ours
            .issue(&["localhost".parse().unwrap()], &[], now)
            .unwrap();
        let chain = issued.chain_pem.as_bytes();
        let certificate = Certificate::from_pem(chain, &issued.key_pem, now).unwrap();
        let server = TlsServer::new(Certificates::new(&certificate, &[])).unwrap();
        let trusting = |ca: &OwnCa| TlsClient::trusting(ca.certificate_pem()).unwrap();
        let (ours, other) = (trusting(&ours), trusting(&other));
        let anyone = TlsClient::trusting_anyone().unwrap();
        for (client, name, is_trusted) in [
            (&ours, "localhost", true),
            (&ours, "mail.example.org", false),
            (&other, "localhost", false),
            (&anyone, "mail.example.org", true),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let tcp = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let acceptor = server.acceptor();
            let served = tokio::spawn(async move {
                let (tcp, _) = listener.accept().await.unwrap();
                let mut tls = acceptor.accept(tcp).await?;
                tls.write_all(b"hello").await?;
                tls.shutdown().await
            });
            match client.connect(tcp, name).await {
                Ok(mut tls) => {
                    let mut heard = String::new();
                    tls.read_to_string(&mut heard).await.unwrap();
                    assert!(is_trusted && heard == "hello", "{name}: {heard}");
                }
                Err(err) => assert!(!is_trusted, "{name}: {err}"),
            }
            assert_eq!(served.await.unwrap().is_ok(), is_trusted);
        }
    }

    #[test]
    fn what_is_no_certificate_is_not_trusted() {
        for text in [
            "",
            "text",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(TlsClient::trusting(text).is_err(), "{text:?}");
        }
    }
}
