//! Why nothing could be seen, in one line that names the fix.

use std::error::Error as Cause;
use std::io::{Error as IoError, ErrorKind};

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

/// What went wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trouble {
    /// In one line.
    pub(super) line: String,
    /// The connection has ended, and another one may fare better.
    pub(super) is_lost: bool,
    /// What the server calls it, where it was the server.
    pub(super) code: Option<SqlState>,
}

impl Trouble {
    pub(super) fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), is_lost: false, code: None }
    }

    /// An error of an open connection.
    pub(super) fn asking(error: &Error) -> Self {
        let Some(server) = error.as_db_error() else {
            return Self { line: format!("the connection was lost: {}", chain(error)), is_lost: true, code: None };
        };
        let code = server.code();
        let line = match *code {
            SqlState::QUERY_CANCELED => {
                "a statement of the probe took more than 2 s: the server is overloaded".to_owned()
            }
            SqlState::LOCK_NOT_AVAILABLE => "the probe waited more than 1 s for a lock".to_owned(),
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => {
                format!("the server shut down: {}", server.message())
            }
            _ => said(server),
        };
        let is_lost = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN].contains(code);
        Self { line: one_line(&line), is_lost, code: Some(code.clone()) }
    }

    /// An error of connecting.
    pub(super) fn connecting(error: &Error, place: &str, user: &str, database: &str) -> Self {
        let (line, code) = match error.as_db_error() {
            Some(server) => (refused(server, place, user, database), Some(server.code().clone())),
            None => (unconnected(error, place), None),
        };
        Self { line: one_line(&line), is_lost: false, code }
    }
}

/// The server itself refuses.
fn refused(server: &DbError, place: &str, user: &str, database: &str) -> String {
    let said = server.message();
    match *server.code() {
        SqlState::INVALID_PASSWORD => format!("wrong password for the role {user}: correct the one in the URL"),
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION if said.contains("no encryption") || said.contains("SSL off") => {
            format!("{place} wants TLS from the role {user}: add ?sslmode=require to the URL ({said})")
        }
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            format!("{place} does not let the role {user} in: {said}; see its pg_hba.conf and the role's LOGIN")
        }
        SqlState::INVALID_CATALOG_NAME => {
            format!("there is no database {database} at {place}: correct the name at the end of the URL")
        }
        SqlState::TOO_MANY_CONNECTIONS => {
            format!(
                "{place} has no connection left ({said}): close some, raise max_connections, or from version 16 on GRANT pg_use_reserved_connections TO {user}"
            )
        }
        SqlState::CANNOT_CONNECT_NOW => format!("{place} takes no connections now: {said}"),
        SqlState::INSUFFICIENT_PRIVILEGE => {
            format!("{said}: GRANT CONNECT ON DATABASE {database} TO {user}")
        }
        _ => format!("{place} refuses: {}", self::said(server)),
    }
}

/// It did not come to that.
fn unconnected(error: &Error, place: &str) -> String {
    let io = causes(error).find_map(|cause| cause.downcast_ref::<IoError>());
    let all = chain(error);
    match io.map(IoError::kind) {
        Some(ErrorKind::ConnectionRefused) => {
            format!("nothing listens at {place}: start PostgreSQL, or correct host and port in the URL")
        }
        Some(ErrorKind::NotFound) => format!("there is no socket {place}: start PostgreSQL, or correct the path"),
        Some(ErrorKind::TimedOut) => format!("{place} cannot be reached: no answer to connecting"),
        Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => {
            format!("{place} hung up while connecting: {all}")
        }
        _ if all.contains("failed to lookup address") => {
            format!("no such host: {place}; correct its name in the URL")
        }
        _ if all.contains("password missing") => {
            format!("{place} wants a password: write it in the URL, postgres://user:password@host/name")
        }
        _ if all.contains("does not support TLS") => {
            format!("{place} has no TLS: leave sslmode out of the URL, or set ssl = on at the server")
        }
        _ if all.contains("certificate") => {
            format!(
                "the certificate of {place} is not trusted ({all}): name its root with sslrootcert=FILE, or encrypt without checking by sslmode=require"
            )
        }
        _ => format!("no connection to {place}: {all}"),
    }
}

/// An error with its causes.
fn chain(error: &Error) -> String {
    std::iter::once(error.to_string()).chain(causes(error).map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

fn causes<'e>(error: &'e Error) -> impl Iterator<Item = &'e (dyn Cause + 'static)> {
    std::iter::successors(error.source(), |cause: &&'e (dyn Cause + 'static)| (*cause).source())
}

fn said(server: &DbError) -> String {
    let hint = server.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{} ({}){hint}", server.message(), server.code().code())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
