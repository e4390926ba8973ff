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

/// What was asked for, or in one line why it could not be told.
pub(super) type Told<T> = Result<T, String>;

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
        let lines = self.lines(&format!("SELECT row_to_json(asked)::text FROM ({select}) AS asked")).await?;
        let read = |line: String| {
            serde_json::from_str(&line).map_err(|error| format!("the answer cannot be understood: {error}"))
        };
        lines.into_iter().map(read).collect()
    }

    /// The first row of a SELECT.
    pub(super) async fn row<T: DeserializeOwned>(&self, select: &str) -> Told<T> {
        self.rows(select).await?.into_iter().next().ok_or_else(|| "the server gave no answer".to_owned())
    }

    /// The first column of each row of one statement, in a transaction that cannot write and is rolled back.
    pub(super) async fn lines(&self, statement: &str) -> Told<Vec<String>> {
        self.begin("SET LOCAL search_path = pg_catalog").await?;
        let answer = self.client.simple_query(statement).await;
        let _ = self.client.batch_execute("ROLLBACK").await;
        let messages = answer.map_err(|error| statement_words(&error))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The plan of a statement that somebody else wrote, as JSON, with their search path, and only if it is a single one.
    pub(super) async fn plan(&self, statement: &str, analyze: bool) -> Told<String> {
        self.begin("").await?;
        let asked = async {
            // Prepared, and not run: the server takes one statement only.
            self.client.prepare(statement).await?;
            let options = if analyze { "ANALYZE, BUFFERS, VERBOSE, FORMAT JSON" } else { "VERBOSE, FORMAT JSON" };
            self.client.simple_query(&format!("EXPLAIN ({options}) {statement}")).await
        };
        let answer = asked.await;
        let _ = self.client.batch_execute("ROLLBACK").await;
        let messages = answer.map_err(|error| statement_words(&error))?;
        let text = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        text.ok_or_else(|| "the server gave no plan".to_owned())
    }

    async fn begin(&self, more: &str) -> Told<()> {
        let ms = self.timeout.as_millis().max(1);
        let begin = format!(
            "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = {ms}; SET LOCAL lock_timeout = 1000; {more}"
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
