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
    // Up to 13 the server would keep the password by md5, which its pg_hba.conf does not take.
    postgres.sql(
        "SET password_encryption = 'scram-sha-256'; CREATE ROLE plain LOGIN PASSWORD 'only-for-tests'; \
         GRANT CONNECT ON DATABASE agenthub TO plain",
    );
    postgres.url().replace("agenthub:", "plain:")
}

fn version(postgres: &Postgres) -> u32 {
    postgres.sql("SHOW server_version_num").parse::<u32>().unwrap() / 10_000
}

/// Until what sessions have told the server is what it tells: up to 14 that is half a second later.
async fn until_told(postgres: &Postgres) {
    let ms = if version(postgres) < 15 { 1100 } else { 300 };
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// Until a condition holds by what psql reads.
async fn until(postgres: &Postgres, condition: &str) {
    let began = Instant::now();
    while postgres.sql(&format!("SELECT {condition}")) != "t" {
        assert!(began.elapsed() < Duration::from_mins(1), "{condition}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Calls and ms of the application's statements, as psql sees them.
fn psql_reads(postgres: &Postgres) -> (f64, f64) {
    // Before 14 only those at the top are counted.
    let once = if version(postgres) < 14 { "" } else { "toplevel AND " };
    let sums = postgres.sql(&format!(
        "SELECT coalesce(sum(calls), 0), coalesce(sum(total_exec_time), 0) FROM pg_stat_statements \
         WHERE {once}userid = 'agenthub'::regrole",
    ));
    let (calls, ms) = sums.split_once('|').unwrap();
    (calls.parse().unwrap(), ms.parse().unwrap())
}

fn assert_within_one_percent(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() <= theirs * 0.01, "{what}: {ours} here, {theirs} by psql");
}
