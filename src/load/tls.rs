//! TLS as the machine trusts it: certificates are checked against the system's store unless the user says otherwise.

use rustls::{ClientConfig, Error};

use crate::tls::Trust;

/// The name under which HTTP/2 is agreed upon.
pub(super) const HTTP2: &[u8] = b"h2";

/// A client's configuration that speaks HTTP/1.1, and HTTP/2 where it may and the host chooses it. Without a check
/// (`--insecure`) every certificate is taken.
pub(super) fn client_config(check_certificates: bool, http2: bool) -> Result<ClientConfig, Error> {
    let trust = if check_certificates { Trust::system()? } else { Trust::anybody() };
    trust.client_config(if http2 { &[HTTP2, b"http/1.1"] } else { &[b"http/1.1"] })
}
