//! One connection, in which nothing can be written and nothing can wait for long.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::tls;
use super::trouble::Trouble;

/// In each statement of the probe, and in the text that the server keeps of it: so that it can leave itself out.
pub(super) const MARK: &str = "/* agenthub-perf */";
/// What the session is called in `pg_stat_activity`.
const APPLICATION: &str = "agenthub-perf";
/// What holds in the session from its first statement on.
const LIMITS: [(&str, &str); 5] = [
    ("default_transaction_read_only", "on"),
    ("lock_timeout", "1s"),
    ("statement_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("search_path", "pg_catalog"),
];
/// For the connection as such, without a word of PostgreSQL's.
const CONNECTED_WITHIN: Duration = Duration::from_millis(1500);
/// For a connection to end in an orderly way.
const GOODBYE_WITHIN: Duration = Duration::from_millis(500);

/// How to connect, as the URL says it.
#[derive(Clone)]
pub(crate) struct Settings {
    config: Config,
    tls: MakeRustlsConnect,
}

/// Reads a URL as libpq does. Errors name parameters, never their values.
pub(crate) fn settings(url: &Url) -> Result<Settings, String> {
    // The query as it was written: the parser of the library decodes no `+`.
    let (ours, theirs): (Vec<&str>, Vec<&str>) = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .partition(|pair| ["sslmode", "sslrootcert"].contains(&pair.split('=').next().unwrap_or_default()));
    let ours: Vec<(String, String)> = url::form_urlencoded::parse(ours.join("&").as_bytes()).into_owned().collect();
    let value = |name: &str| ours.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let root = value("sslrootcert");
    let (mode, check) = match (value("sslmode"), root) {
        (Some("disable"), _) => (SslMode::Disable, tls::Check::Nothing),
        (None | Some("allow" | "prefer"), _) => (SslMode::Prefer, tls::Check::Nothing),
        (Some("require"), None) => (SslMode::Require, tls::Check::Nothing),
        // As libpq has it: who names a root certificate wants it looked at.
        (Some("require"), Some(_)) | (Some("verify-ca"), _) => (SslMode::Require, tls::Check::Chain),
        (Some("verify-full"), _) => (SslMode::Require, tls::Check::ChainAndName),
        (Some(_), _) => {
            return Err("its sslmode is none of disable, allow, prefer, require, verify-ca, verify-full".to_owned());
        }
    };
    let mut plain = url.clone();
    plain.set_query((!theirs.is_empty()).then(|| theirs.join("&")).as_deref());
    let mut config: Config = plain.as_str().parse().map_err(|error: tokio_postgres::Error| {
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        format!("it cannot be understood: {why}")
    })?;
    config.ssl_mode(mode).application_name(APPLICATION).connect_timeout(CONNECTED_WITHIN);
    let tls = MakeRustlsConnect::new(tls::client_config(check, root)?);
    Ok(Settings { config, tls })
}

impl Settings {
    /// For a connection of somebody else's.
    pub(crate) fn parts(&self) -> (Config, MakeRustlsConnect) {
        (self.config.clone(), self.tls.clone())
    }

    /// Host and port, for messages.
    pub(crate) fn place(&self) -> String {
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) if host.contains(':') => format!("[{host}]:{port}"),
            Some(Host::Tcp(host)) => format!("{host}:{port}"),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => format!("{}/.s.PGSQL.{port}", folder.display()),
            None => format!("port {port}"),
        }
    }

    pub(super) fn user(&self) -> &str {
        self.config.get_user().unwrap_or("the user who runs this")
    }

    pub(super) fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_else(|| self.user())
    }

    fn trouble(&self, error: &tokio_postgres::Error) -> Trouble {
        Trouble::connecting(error, &self.place(), self.user(), self.database())
    }
}

/// An open connection. Dropped, it ends; one that is not answered is cut off.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    /// Says what could not be said at connecting, at the head of whatever is asked.
    preface: Option<String>,
    /// Dropped with the session: the connection's task then has little time left.
    _goodbye: oneshot::Sender<()>,
}

impl Session {
    /// Connects. What a pooler refuses to be told at connecting is then said in each transaction anew, and only for it:
    /// a pooler's connections are shared with the application.
    pub(super) async fn open(settings: &Settings) -> Result<Self, Trouble> {
        let mut config = settings.config.clone();
        let ours = LIMITS.iter().map(|(name, value)| format!("-c {name}={value}"));
        let all: Vec<String> = config.get_options().map(str::to_owned).into_iter().chain(ours).collect();
        config.options(all.join(" "));
        match Self::connect(&config, settings).await {
            Ok(session) => session.sure_of_its_limits().await,
            Err(error) if is_refused_option(&error) => {
                let session = Self::connect(&settings.config, settings).await;
                let mut session = session.map_err(|error| settings.trouble(&error))?;
                session.preface = Some(limits_of_a_transaction());
                Ok(session)
            }
            Err(error) => Err(settings.trouble(&error)),
        }
    }

    async fn connect(config: &Config, settings: &Settings) -> Result<Self, tokio_postgres::Error> {
        let (client, connection) = config.connect(settings.tls.clone()).await?;
        let (goodbye, gone) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                _ = &mut connection => {}
                _ = gone => {
                    let _ = tokio::time::timeout(GOODBYE_WITHIN, connection).await;
                }
            }
        });
        Ok(Self { client, preface: None, _goodbye: goodbye })
    }

    /// Some poolers take the options and forget them.
    async fn sure_of_its_limits(mut self) -> Result<Self, Trouble> {
        let asked = format!("SELECT {MARK} current_setting('default_transaction_read_only') AS read_only");
        let answer = self.ask(&[asked]).await?;
        if answer[0].first().and_then(|row| text(row, "read_only")) != Some("on") {
            self.preface = Some(limits_of_a_transaction());
        }
        Ok(self)
    }

    /// Whether it goes through a pooler that kept the limits from the session.
    pub(super) fn is_pooled(&self) -> bool {
        self.preface.is_some()
    }

    /// Whether it has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Asks all of this at once, in one transaction of the server's; hands out the rows of each.
    pub(super) async fn ask(&self, statements: &[String]) -> Result<Vec<Vec<SimpleQueryRow>>, Trouble> {
        let all: Vec<&str> = self.preface.iter().chain(statements).map(String::as_str).collect();
        let messages = self.client.simple_query(&all.join(";\n")).await.map_err(|error| Trouble::asking(&error))?;
        let mut answers: Vec<Vec<SimpleQueryRow>> = vec![Vec::new()];
        for message in messages {
            match message {
                SimpleQueryMessage::Row(row) => {
                    if let Some(rows) = answers.last_mut() {
                        rows.push(row);
                    }
                }
                SimpleQueryMessage::CommandComplete(_) => answers.push(Vec::new()),
                _ => {}
            }
        }
        answers.pop();
        if self.preface.is_some() && !answers.is_empty() {
            answers.remove(0);
        }
        if answers.len() == statements.len() {
            Ok(answers)
        } else {
            Err(Trouble::new("the server answered less than it was asked"))
        }
    }
}

/// The limits, for one transaction. A SELECT can be told by its mark, which SET cannot.
fn limits_of_a_transaction() -> String {
    let limits = LIMITS.iter().map(|(name, value)| {
        let name = if *name == "default_transaction_read_only" { "transaction_read_only" } else { name };
        format!("set_config('{name}', '{value}', true)")
    });
    format!("SELECT {MARK} {}", limits.collect::<Vec<_>>().join(", "))
}

fn is_refused_option(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| {
        // As PgBouncer says it: a protocol violation, as it has no code of its own for it.
        *error.code() == SqlState::PROTOCOL_VIOLATION && error.message().contains("startup parameter")
    })
}

/// A column as text; `None` where it is NULL or not there.
pub(super) fn text<'r>(row: &'r SimpleQueryRow, name: &str) -> Option<&'r str> {
    row.try_get(name).ok().flatten()
}

/// A column as a number.
pub(super) fn number(row: &SimpleQueryRow, name: &str) -> Option<f64> {
    text(row, name)?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A column as a yes or no.
pub(super) fn yes(row: &SimpleQueryRow, name: &str) -> bool {
    text(row, name) == Some("t")
}
