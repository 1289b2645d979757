//! The client's side of TLS (RFC 8446, RFC 5246): to servers whose authority is known beforehand.

use std::io;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Connects to servers that one authority vouches for.
#[derive(Clone)]
pub struct TlsClient(TlsConnector);

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TlsClientError {
    /// The authority's certificate cannot be read.
    #[error("the certificate of the authority is not PEM: {0}")]
    NotPem(#[from] rustls::pki_types::pem::Error),
    /// It is no certificate, or TLS cannot be set up.
    #[error("the authority cannot be trusted: {0}")]
    Tls(#[from] rustls::Error),
}

impl TlsClient {
    /// Trusts this authority (a certificate in PEM) and no other.
    pub fn trusting(ca_pem: &str) -> Result<Self, TlsClientError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes())?)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands with a server that must prove this name.
    pub async fn connect(
        &self,
        tcp: TcpStream,
        name: &str,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, tcp).await
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
        for (ca, name, is_trusted) in [
            (&ours, "localhost", true),
            (&ours, "mail.example.org", false),
            (&other, "localhost", false),
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
            let client = TlsClient::trusting(ca.certificate_pem()).unwrap();
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
