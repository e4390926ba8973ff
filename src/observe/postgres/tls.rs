//! TLS as libpq understands it: `require` encrypts, `verify-ca` looks who signed, `verify-full` looks at the name too.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// What of a server's certificate is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// It encrypts, whoever it is.
    Nothing,
    /// Somebody trusted has signed it.
    Chain,
    /// And it is of this host.
    ChainAndName,
}

/// A client's configuration; `root` is the file of a root certificate, else the system's store is trusted.
pub(super) fn client_config(check: Check, root: Option<&str>) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let trusted: Option<Arc<dyn ServerCertVerifier>> = match (check, root) {
        (Check::Nothing, _) => None,
        (_, None | Some("system")) => Some(Arc::new(
            Verifier::new(Arc::clone(&provider)).map_err(|error| format!("the system's certificates: {error}"))?,
        )),
        (_, Some(file)) => Some(
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots(file)?), Arc::clone(&provider))
                .build()
                .map_err(|error| format!("sslrootcert {file}: {error}"))?,
        ),
    };
    let verifier = Arc::new(AsAsked { provider: Arc::clone(&provider), trusted, name: check == Check::ChainAndName });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

fn roots(file: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(file).map_err(|error| format!("sslrootcert {file}: {error}"))?;
    for certificate in read {
        let added = certificate.map_err(|error| error.to_string());
        added
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()))
            .map_err(|error| format!("sslrootcert {file}: {error}"))?;
    }
    if roots.is_empty() { Err(format!("sslrootcert {file} holds no certificate")) } else { Ok(roots) }
}

/// Looks at what it was asked to look at. Signatures are always checked: the server holds the key that it shows.
#[derive(Debug)]
struct AsAsked {
    provider: Arc<CryptoProvider>,
    trusted: Option<Arc<dyn ServerCertVerifier>>,
    name: bool,
}

impl ServerCertVerifier for AsAsked {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trusted) = &self.trusted else { return Ok(ServerCertVerified::assertion()) };
        match trusted.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: all the rest is in order.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.name => Ok(ServerCertVerified::assertion()),
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
