//! What the probe of PostgreSQL costs the server that it watches: a database of 10,000 tables and 5,000 statements.
//!
//! `cargo bench --bench observe [-- SECONDS]`. Looks as a run does: once a second, whole at the start, every 30 s and at the
//! end. Fails by CPU time, which a busy machine hardly changes: where a whole look takes the server 100 ms in the median, all
//! its statements together, or the probe more than 1 % of one CPU. The times on the clock are for a reader to judge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    unreachable_pub,
    reason = "a benchmark prints, and one that cannot be set up has failed"
)]

#[path = "../tests/support/stack.rs"]
mod stack;

use std::process::Command;
use std::time::{Duration, Instant};

use agenthub_perf::observe::{Address, Depth, Probe, Watch};
use stack::Postgres;
use tokio_postgres::NoTls;

const TABLES: u32 = 10_000;
const STATEMENTS: u32 = 5_000;

/// A database as large as they get.
async fn large() -> Postgres {
    let mut postgres = Postgres::start();
    postgres.sql("ALTER SYSTEM SET pg_stat_statements.max = 20000");
    postgres.sql("ALTER SYSTEM SET autovacuum = off");
    postgres.stop();
    postgres.start_again();
    let (client, connection) = tokio_postgres::connect(&postgres.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(&format!(
            "DO $$ BEGIN FOR n IN 1..{TABLES} LOOP \
             EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, title text)', n); \
             EXECUTE format('INSERT INTO t%s VALUES (1, ''one'')', n); \
             IF n % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$"
        ))
        .await
        .unwrap();
    for n in 1..=STATEMENTS {
        let text = format!(
            "SELECT tasks.id, tasks.title, projects.title AS project FROM t{n} AS tasks JOIN t{} AS projects ON \
             projects.id = tasks.id WHERE tasks.id = 1 AND projects.title LIKE 'o%' ORDER BY tasks.title LIMIT 20",
            n + 1
        );
        client.batch_execute(&text).await.unwrap();
    }
    postgres
}

/// CPU seconds of a process.
fn cpu_s(pid: &str) -> f64 {
    let ticks = Command::new("getconf").arg("CLK_TCK").output().unwrap().stdout;
    let ticks: f64 = String::from_utf8(ticks).unwrap().trim().parse().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the program's name, which may hold blanks: user and system time are the 12th and 13th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / ticks
}

fn median(mut ms: Vec<f64>) -> f64 {
    ms.sort_by(f64::total_cmp);
    ms[ms.len() / 2]
}

async fn timed(probe: &mut Box<dyn Probe>, depth: Depth) -> f64 {
    let began = Instant::now();
    probe.look(depth).await.unwrap();
    began.elapsed().as_secs_f64() * 1000.0
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let seconds = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(120_u32);
    let began = Instant::now();
    let postgres = large().await;
    let there = |what: &str| postgres.sql(&format!("SELECT count(*) FROM {what}"));
    println!(
        "{} tables, {} statements, made in {:.0} s",
        there("pg_stat_user_tables"),
        there("pg_stat_statements"),
        began.elapsed().as_secs_f64()
    );
    let url = Address::postgres(&postgres.monitor_url()).unwrap();
    let mut probe = Watch { postgres: Some(url), ..Watch::default() }.probes().pop().unwrap();
    println!("first look, connecting included: {:.0} ms", timed(&mut probe, Depth::Whole).await);
    let pid = postgres.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'agenthub-perf'");
    let (began, before_s) = (Instant::now(), cpu_s(&pid));
    let (mut quick_ms, mut whole_ms, mut whole_cpu_ms) = (Vec::new(), Vec::new(), Vec::new());
    for second in 1..=seconds {
        tokio::time::sleep_until((began + Duration::from_secs(second.into())).into()).await;
        if second % 30 == 0 || second == seconds {
            let before_s = cpu_s(&pid);
            whole_ms.push(timed(&mut probe, Depth::Whole).await);
            whole_cpu_ms.push((cpu_s(&pid) - before_s) * 1000.0);
        } else {
            quick_ms.push(timed(&mut probe, Depth::Quick).await);
        }
    }
    let share = (cpu_s(&pid) - before_s) / began.elapsed().as_secs_f64();
    let whole_cpu_ms = median(whole_cpu_ms);
    println!(
        "over {seconds} s: quick looks {:.1} ms in the median, whole ones {:.0} ms, of which {whole_cpu_ms:.0} ms CPU; its backend {:.2} CPU s a minute, {:.2} % of one CPU",
        median(quick_ms),
        median(whole_ms),
        share * 60.0,
        share * 100.0
    );
    for (name, says) in &probe.name().facts {
        println!("  {name}: {says}");
    }

    println!("{:>7} {:>9} {:>9} {:>9}  statement (execution on the server, ms)", "calls", "mean", "deviation", "max");
    let rows = postgres.sql(
        "SELECT calls, mean_exec_time, stddev_exec_time, max_exec_time, left(regexp_replace(query, '\\s+', ' ', 'g'), 90) \
         FROM pg_stat_statements WHERE query LIKE '%/* agenthub-perf%' ORDER BY total_exec_time DESC",
    );
    for row in rows.lines() {
        let columns: Vec<&str> = row.splitn(5, '|').collect();
        let ms = |at: usize| columns[at].parse::<f64>().unwrap();
        println!("{:>7} {:>9.2} {:>9.2} {:>9.2}  {}", columns[0], ms(1), ms(2), ms(3), columns[4]);
    }
    assert!(whole_cpu_ms < 100.0, "a whole look takes {whole_cpu_ms:.0} ms CPU in the median");
    assert!(share < 0.01, "the probe takes {:.2} % of one CPU", share * 100.0);
}
