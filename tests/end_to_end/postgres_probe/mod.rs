//! The probe of PostgreSQL against a real server: what it sees is what psql sees, and nothing that happens to the server
//! or its role does more to it than a gap with a reason.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agenthub_perf::observe::{Address, Depth, Look, Observer, Probe, Watch};
use agenthub_perf::record::{End, FIGURES, ProbeKind, Recorder, StatementRow, Watched, read};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Client, NoTls};

use crate::support::stack::Postgres;

mod figures;
mod trouble;

fn probe(url: &str) -> Box<dyn Probe> {
    let watch = Watch { postgres: Some(Address::postgres(url).unwrap()), ..Watch::default() };
    watch.probes().pop().unwrap()
}

fn fact(probe: &dyn Probe, name: &str) -> String {
    probe.name().facts.get(name).cloned().unwrap_or_default()
}

async fn whole(probe: &mut Box<dyn Probe>) -> Look {
    probe.look(Depth::Whole).await.unwrap()
}

async fn quick(probe: &mut Box<dyn Probe>) -> Look {
    probe.look(Depth::Quick).await.unwrap()
}

/// The error of a look, which comes within the probe's patience.
async fn refused(url: &str) -> String {
    let mut probe = probe(url);
    let patience = probe.patience();
    let error = tokio::time::timeout(patience, probe.look(Depth::Whole)).await.expect("in time").unwrap_err();
    assert!(!error.contains("only-for-tests") && !error.contains("geheim") && !error.contains('\n'), "{error}");
    error
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn between(before: &Look, after: &Look, name: &str) -> f64 {
    after.totals[name] - before.totals[name]
}

/// A role without any privilege but to connect.
fn role_without_privileges(postgres: &Postgres) -> String {
    postgres.sql("CREATE ROLE plain LOGIN PASSWORD 'only-for-tests'; GRANT CONNECT ON DATABASE agenthub TO plain");
    postgres.url().replace("agenthub:", "plain:")
}

/// Calls and ms of the application's statements, as psql sees them.
fn psql_reads(postgres: &Postgres) -> (f64, f64) {
    let sums = postgres.sql(
        "SELECT coalesce(sum(calls), 0), coalesce(sum(total_exec_time), 0) FROM pg_stat_statements \
         WHERE toplevel AND userid = 'agenthub'::regrole",
    );
    let (calls, ms) = sums.split_once('|').unwrap();
    (calls.parse().unwrap(), ms.parse().unwrap())
}

fn assert_within_one_percent(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() <= theirs * 0.01, "{what}: {ours} here, {theirs} by psql");
}
