//! One connection in which nothing can be written and nothing can wait for long.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use crate::observe::{Address, postgres_settings};

/// What the session is called in `pg_stat_activity`.
pub(super) const APPLICATION: &str = "agenthub-perf check";
/// What a statement may take, and wait for a lock.
const LIMITS: &str = "-c default_transaction_read_only=on -c lock_timeout=1s";
/// For the connection to end in an orderly way.
const GOODBYE_WITHIN: Duration = Duration::from_millis(500);

/// Nobody's tables or functions are taken for the server's own.
const CATALOGUES: &str = "SET LOCAL search_path = pg_catalog";

/// What was asked for, or in one line why it could not be told.
pub(super) type Told<T> = Result<T, String>;

/// How a plan is come by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Nothing is run.
    Planned,
    /// The statement is run.
    Run,
}

/// Why there are no rows.
enum Unanswered {
    NotUtf8,
    Because(String),
}

impl From<String> for Unanswered {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

impl From<Unanswered> for String {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::NotUtf8 => "names or statements there are not UTF-8".to_owned(),
            Unanswered::Because(why) => why,
        }
    }
}

/// An open connection. It ends when dropped.
pub(super) struct Session {
    client: Client,
    timeout: Duration,
    _goodbye: oneshot::Sender<()>,
}

impl Session {
    /// Connects within `timeout`, which then holds for each statement.
    pub(super) async fn open(address: &Address, timeout: Duration) -> Told<Self> {
        let settings = postgres_settings(address.url())?;
        let (place, (mut config, tls)) = (settings.place(), settings.parts());
        config.application_name(APPLICATION).connect_timeout(timeout);
        let late =
            || format!("{place}: no answer within {} s: is it PostgreSQL that listens there?", timeout.as_secs_f64());
        let plain = config.clone();
        // Beside those that the URL names.
        config.options(plain.get_options().map_or_else(|| LIMITS.to_owned(), |named| format!("{named} {LIMITS}")));
        let opened = match tokio::time::timeout(timeout, config.connect(tls.clone())).await {
            // A pooler may refuse options; every statement says them again anyhow.
            Ok(Err(error)) if error.code() == Some(&SqlState::PROTOCOL_VIOLATION) => {
                tokio::time::timeout(timeout, plain.connect(tls)).await
            }
            other => other,
        };
        let (client, connection) =
            opened.map_err(|_| late())?.map_err(|error| format!("{place}: {}", connect_words(&error)))?;
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
        Ok(Self { client, timeout, _goodbye: goodbye })
    }

    /// The rows of a SELECT, each read from its JSON.
    pub(super) async fn rows<T: DeserializeOwned>(&self, select: &str) -> Told<Vec<T>> {
        let text = format!("SELECT row_to_json(asked)::text FROM ({select}) AS asked");
        let lines = match self.ask(&text, CATALOGUES).await {
            Err(Unanswered::NotUtf8) => self.bytes(select).await?,
            other => other?,
        };
        let read = |line: String| {
            serde_json::from_str(&line).map_err(|error| format!("the answer cannot be understood: {error}"))
        };
        lines.into_iter().map(read).collect()
    }

    /// The same where names or statements are not UTF-8, as those of a database in `SQL_ASCII` may be.
    async fn bytes(&self, select: &str) -> Told<Vec<String>> {
        let hex = format!("SELECT encode(textsend(row_to_json(asked)::text), 'hex') FROM ({select}) AS asked");
        let unconverted = format!("{CATALOGUES}; SET LOCAL client_encoding = 'SQL_ASCII'");
        let lines = self.ask(&hex, &unconverted).await?;
        let byte = |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).unwrap_or_default(), 16).unwrap_or(b'?');
        let text = |line: String| {
            String::from_utf8_lossy(&line.as_bytes().chunks(2).map(byte).collect::<Vec<u8>>()).into_owned()
        };
        Ok(lines.into_iter().map(text).collect())
    }

    /// The first row of a SELECT.
    pub(super) async fn row<T: DeserializeOwned>(&self, select: &str) -> Told<T> {
        self.rows(select).await?.into_iter().next().ok_or_else(|| "the server gave no answer".to_owned())
    }

    /// The first column of each row of one statement, in a transaction that cannot write and is rolled back.
    pub(super) async fn lines(&self, statement: &str) -> Told<Vec<String>> {
        Ok(self.ask(statement, CATALOGUES).await?)
    }

    async fn ask(&self, statement: &str, settings: &str) -> Result<Vec<String>, Unanswered> {
        self.begin(settings).await?;
        let answer = self.client.simple_query(statement).await;
        let _ = self.client.batch_execute("ROLLBACK").await;
        let messages = answer.map_err(|error| match error.code() {
            Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE | &SqlState::UNTRANSLATABLE_CHARACTER) => Unanswered::NotUtf8,
            _ => Unanswered::Because(statement_words(&error)),
        })?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.try_get(0).map(|text| text.unwrap_or_default().to_owned())),
            _ => None,
        });
        rows.collect::<Result<_, _>>().map_err(|_| Unanswered::NotUtf8)
    }

    /// The plan of a statement that somebody else wrote, as JSON, with their search path, and only if it is a single one.
    pub(super) async fn plan(&self, statement: &str, how: How) -> Told<String> {
        self.begin("").await?;
        let asked = async {
            // Prepared, and not run: the server takes one statement only.
            let parameters = self.client.prepare(statement).await.map_err(|error| plan_words(&error))?.params().len();
            let options = match (how, parameters) {
                (How::Run, 0) => "ANALYZE, BUFFERS, VERBOSE, FORMAT JSON",
                (How::Planned, 0) => "VERBOSE, FORMAT JSON",
                (How::Planned, _) => "GENERIC_PLAN, VERBOSE, FORMAT JSON",
                (How::Run, _) => return Err("it has parameters: write values for $1 … to have it run".to_owned()),
            };
            let explain = format!("EXPLAIN ({options}) {statement}");
            self.client.simple_query(&explain).await.map_err(|error| match error.code() {
                // The option is new in 16.
                Some(&SqlState::SYNTAX_ERROR | &SqlState::UNDEFINED_PARAMETER) if parameters > 0 => {
                    "it has parameters, which are planned from PostgreSQL 16 on: write values for $1 …".to_owned()
                }
                _ => plan_words(&error),
            })
        };
        let answer = asked.await;
        let _ = self.client.batch_execute("ROLLBACK").await;
        let text = answer?.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten().map(str::to_owned),
            _ => None,
        });
        text.ok_or_else(|| "the server gave no plan".to_owned())
    }

    async fn begin(&self, more: &str) -> Told<()> {
        let ms = self.timeout.as_millis().max(1);
        let begin = format!(
            // A standby knows no serializable transaction, and a deferrable one may wait.
            "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL statement_timeout = {ms}; \
             SET LOCAL lock_timeout = 1000; SET LOCAL jit = off; {more}"
        );
        self.client.batch_execute(&begin).await.map_err(|error| statement_words(&error))
    }
}

fn connect_words(error: &Error) -> String {
    let Some(server) = error.as_db_error() else {
        let mut innermost: &dyn std::error::Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let text = innermost.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        return match text {
            "server does not support TLS" => {
                "the server does not speak TLS: drop sslmode, or turn `ssl` on there".to_owned()
            }
            text => text.to_owned(),
        };
    };
    let said = server.message();
    match *server.code() {
        SqlState::INVALID_PASSWORD => format!("{said}: are role and password of the URL right?"),
        // pg_hba.conf has only hostssl lines for us.
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION if said.contains("no encryption") || said.contains("SSL off") => {
            format!("{said}: add ?sslmode=require to the URL")
        }
        SqlState::INVALID_CATALOG_NAME => format!("{said}: is the name at the end of the URL right?"),
        SqlState::TOO_MANY_CONNECTIONS => format!("{said}: every connection is taken"),
        _ => said.to_owned(),
    }
}

/// Of a statement that somebody else wrote.
fn plan_words(error: &Error) -> String {
    let Some(server) = error.as_db_error() else { return statement_words(error) };
    let said = server.message();
    match *server.code() {
        // pg_monitor reads no tables.
        SqlState::INSUFFICIENT_PRIVILEGE => format!("{said}: look as a role that may read it, or grant SELECT"),
        SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME => {
            format!("{said}: is it in this database, spelled and quoted as there, and its schema named?")
        }
        SqlState::SYNTAX_ERROR if said.contains("multiple commands") => format!("{said}: only one is explained"),
        SqlState::SYNTAX_ERROR | SqlState::UNDEFINED_COLUMN | SqlState::UNDEFINED_FUNCTION => {
            let hint = server.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{said}{hint}")
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => format!("{said}: only what writes nothing is run"),
        _ => statement_words(error),
    }
}

fn statement_words(error: &Error) -> String {
    error.as_db_error().map_or_else(
        || "the connection was lost".to_owned(),
        |server| match *server.code() {
            SqlState::QUERY_CANCELED => "the server did not answer in time: a longer --timeout may help".to_owned(),
            SqlState::INSUFFICIENT_PRIVILEGE => format!("{}: grant the role pg_monitor", server.message()),
            _ => server.message().to_owned(),
        },
    )
}
