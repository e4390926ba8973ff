//! What went wrong with a request, in few distinct words.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use crate::record::FailureKind;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: FailureKind,
    pub(super) text: String,
}

/// Why a TLS handshake failed, and what to do; `None` where the cause is not TLS but below it.
pub(crate) fn tls_words(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<Error>() {
            return Some(tls_text(tls));
        }
        // An I/O error hides what it was made of from `source`.
        let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match within {
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    None
}

fn tls_text(error: &Error) -> String {
    const EITHER: &str = "renew it, or take any with --insecure";
    match error {
        Error::InvalidCertificate(why) => match why {
            CertificateError::ExpiredContext { not_after, .. } => {
                format!("certificate expired on {}: {EITHER}", day(*not_after))
            }
            CertificateError::Expired => format!("certificate expired: {EITHER}"),
            CertificateError::NotValidYetContext { not_before, .. } => {
                format!("certificate not valid before {}: is this machine's clock right?", day(*not_before))
            }
            CertificateError::NotValidYet => "certificate not valid yet: is this machine's clock right?".to_owned(),
            CertificateError::NotValidForNameContext { expected, presented } => {
                let names: Vec<String> = presented.iter().take(3).map(|name| plain_name(name)).collect();
                let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
                format!("certificate is for {names}, not for {}; --insecure takes any", expected.to_str())
            }
            CertificateError::NotValidForName => "certificate is for another name; --insecure takes any".to_owned(),
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "certificate not trusted: self-signed, or by an issuer that this machine does not know; \
                 name its file in SSL_CERT_FILE, or take any with --insecure"
                    .to_owned()
            }
            CertificateError::Revoked => "certificate revoked".to_owned(),
            other => format!("certificate not trusted: {other}; --insecure takes any"),
        },
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the host does not speak TLS there: write http://, or name another port".to_owned()
        }
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "the host speaks none of the HTTP versions offered".to_owned()
        }
        Error::AlertReceived(alert) => format!("refused by the host: {alert:?}"),
        other => other.to_string(),
    }
}

/// `DnsName("a.test")` and `a.test` alike, as the latter.
fn plain_name(name: &str) -> String {
    name.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")")).unwrap_or(name).to_owned()
}

/// A day in UTC: the same text for every request of a run.
fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}
