//! The certificates in force: read from the ledger's objects, renewed when the configuration is.

use std::sync::Mutex;

use net::{Certificates, TlsServer};
use policy::Config;
use types::{CertificateId, Secret, Sha256, Timestamp};

use crate::{Service, StartError, lock};

/// What clients are shown, and of which objects it was made.
#[derive(Default)]
pub(crate) struct Shown(Mutex<Option<InForce>>);

struct InForce {
    made_of: Vec<(Sha256, Sha256)>,
    /// The end of the one that ends first.
    first_end: Option<Timestamp>,
    certificates: Certificates,
    server: TlsServer,
}

impl Service {
    /// The TLS side of every listener; `None` until there is a certificate. It follows later
    /// changes of the certificates by itself.
    pub fn tls(&self) -> Option<TlsServer> {
        lock(&self.inner.shown.0)
            .as_ref()
            .map(|shown| shown.server.clone())
    }

    /// The end of the certificate shown that ends first.
    pub(crate) fn first_certificate_end(&self) -> Option<Timestamp> {
        lock(&self.inner.shown.0).as_ref()?.first_end
    }

    /// Reads the certificates of the configuration and shows them from now on, without those that
    /// cannot be used; if none can be, what was shown before stays.
    pub(crate) fn show_certificates(&self, config: &Config) -> Result<(), StartError> {
        let wanted: Vec<_> = config.certificates().collect();
        let made_of: Vec<_> = wanted
            .iter()
            .map(|wanted| (wanted.chain, wanted.key))
            .collect();
        let mut shown = lock(&self.inner.shown.0);
        if wanted.is_empty() || shown.as_ref().is_some_and(|shown| shown.made_of == made_of) {
            return Ok(());
        }
        let (mut read, mut unusable) = (Vec::with_capacity(wanted.len()), None);
        for certificate in wanted {
            match self.certificate(certificate.id, certificate.chain, certificate.key) {
                Ok(shown) => {
                    self.alarm_if_out_of_time(certificate.id, &shown);
                    read.push(shown);
                }
                // One that was tampered with must not take the others along.
                Err(err) => {
                    tracing::error!(error = %err, "not shown: {err}");
                    unusable = Some(err);
                }
            }
        }
        let first_end = read.iter().map(net::Certificate::not_after).min();
        let Some((default, others)) = read.split_first() else {
            return unusable.map_or(Ok(()), Err);
        };
        if let Some(shown) = shown.as_mut() {
            shown.certificates.replace(default, others);
            (shown.made_of, shown.first_end) = (made_of, first_end);
            return Ok(());
        }
        let certificates = Certificates::new(default, others);
        let server =
            TlsServer::new(certificates.clone()).map_err(|err| StartError::Certificate {
                id: "all".to_owned(),
                why: err.to_string(),
            })?;
        *shown = Some(InForce {
            made_of,
            first_end,
            certificates,
            server,
        });
        Ok(())
    }

    fn alarm_if_out_of_time(&self, id: CertificateId, certificate: &net::Certificate) {
        if certificate.is_valid_at(self.clock().now()) {
            return;
        }
        let until = certificate.not_after();
        let text = format!(
            "certificate {id} is not valid now (it ends {until}), clients will complain; \
             replace it: sealpost certificate set --chain FILE --key FILE"
        );
        self.alarm("certificate", &text);
    }

    /// The last moment of a certificate's life; `None` if it cannot be read.
    pub(crate) fn certificate_end(&self, known: &policy::Certificate) -> Option<Timestamp> {
        let read = self.certificate(known.id, known.chain, known.key);
        read.ok().map(|certificate| certificate.not_after())
    }

    fn certificate(
        &self,
        id: CertificateId,
        chain: Sha256,
        key: Sha256,
    ) -> Result<net::Certificate, StartError> {
        let wrong = |why: String| StartError::Certificate {
            id: id.to_string(),
            why,
        };
        let missing = |what: &str| wrong(format!("its {what} is missing or not as recorded"));
        let object = |id: Sha256| {
            self.inner
                .store
                .read_blocking(|tx| store::ledger::object(tx, &id))
        };
        let chain = object(chain)?.ok_or_else(|| missing("chain"))?;
        let sealed = object(key)?.ok_or_else(|| missing("key"))?;
        let key: Secret = self
            .inner
            .vault
            .open_secret(key, &sealed)
            .ok_or_else(|| missing("key"))?;
        net::Certificate::from_pem_at_any_time(&chain, &key).map_err(|err| wrong(err.to_string()))
    }
}
