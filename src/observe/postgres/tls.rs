//! TLS as libpq understands it: `require` encrypts, `verify-ca` looks who signed, `verify-full` looks at the name too.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::tls::Trust;

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
    let mut trust = match (check, root) {
        (Check::Nothing, _) => Trust::anybody(),
        (_, None | Some("system")) => Trust::system().map_err(|error| format!("the system's certificates: {error}"))?,
        (_, Some(file)) => Trust::roots(roots(file)?).map_err(|error| format!("sslrootcert {file}: {error}"))?,
    };
    if check != Check::ChainAndName {
        trust = trust.of_any_name();
    }
    trust.client_config(&[b"postgresql"]).map_err(|error| error.to_string())
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
