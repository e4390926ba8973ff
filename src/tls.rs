//! What of a server's certificate is looked at: who signed it, of which host it is, or nothing at all.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// Whom a client trusts. Signatures are always checked: the server holds the key that it shows.
#[derive(Debug)]
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    signed_by: Option<Arc<dyn ServerCertVerifier>>,
    any_name: bool,
}

impl Trust {
    /// Every certificate is taken.
    pub(crate) fn anybody() -> Self {
        Self { provider: Arc::new(aws_lc_rs::default_provider()), signed_by: None, any_name: true }
    }

    /// Those that the system's store trusts, each for its own name.
    pub(crate) fn system() -> Result<Self, Error> {
        let anybody = Self::anybody();
        let verifier = Verifier::new(Arc::clone(&anybody.provider))?;
        Ok(Self { signed_by: Some(Arc::new(verifier)), any_name: false, ..anybody })
    }

    /// Those that one of these has signed, each for its own name.
    pub(crate) fn roots(roots: RootCertStore) -> Result<Self, VerifierBuilderError> {
        let anybody = Self::anybody();
        let provider = Arc::clone(&anybody.provider);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        Ok(Self { signed_by: Some(verifier), any_name: false, ..anybody })
    }

    /// The same, for whatever name.
    pub(crate) fn of_any_name(self) -> Self {
        Self { any_name: true, ..self }
    }

    /// A client's configuration over TLS 1.2 and 1.3 that offers these protocols.
    pub(crate) fn client_config(self, protocols: &[&[u8]]) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self))
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(signed_by) = &self.signed_by else { return Ok(ServerCertVerified::assertion()) };
        match signed_by.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: all the rest is in order.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
