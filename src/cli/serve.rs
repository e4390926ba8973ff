//! `serve`: the reference agenthub service alone.

use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use tokio::sync::{oneshot, watch};

use super::exit::ExitCode;
use super::{Failure, print};
use crate::reference::{Account, Config, DatabaseConfig, PoolSize, Rule, Service, UrlError};
use crate::units;

/// The options of `serve`.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct ServeArgs {
    /// Port to listen on; 0 takes any that is free
    #[arg(short, long, default_value_t = 8000)]
    pub port: u16,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// The only account that may log in (default: any)
    #[arg(long, requires = "password", env = "AGENTHUB_PERF_SERVE_EMAIL")]
    pub email: Option<String>,
    /// Its password
    #[arg(long, requires = "email", env = "AGENTHUB_PERF_SERVE_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// Trouble to rehearse at an endpoint, or at every one (*); repeatable
    ///
    /// KEY=VALUE parts behind the endpoint and a colon: delay=fixed(20ms), delay=exp(20ms) or
    /// delay=bimodal(5ms,200ms,10%) (fast, slow, share of slow); errors=1% (status 500); reset=0.5% (connection reset);
    /// servers=2 (so many requests are served at a time, each for its delay, and the others wait in order);
    /// stall=1s/10s (all answers held for 1 s every 10 s). A share written 1in100 takes exactly every hundredth request.
    /// Example: --trouble 'GET /api/v2/projects: delay=exp(20ms), errors=1%'
    #[arg(long = "trouble", value_name = "ENDPOINT: KEY=VALUE, ...")]
    pub troubles: Vec<Rule>,
    /// Seed of every random draw
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Keep everything in this PostgreSQL database, postgres://USER:PASSWORD@HOST:PORT/NAME [default: in memory]
    ///
    /// Tables and the guide's indexes are made where they are missing. The environment keeps the password out of the list of
    /// processes.
    #[arg(long, value_name = "URL", env = "AGENTHUB_PERF_SERVE_DATABASE", hide_env_values = true)]
    #[arg(help_heading = "Real parts")]
    pub database: Option<String>,
    /// Cache in this Redis, redis://HOST:PORT: sessions 30 min, permissions 15 min, projects 5 min
    #[arg(long, value_name = "URL", env = "AGENTHUB_PERF_SERVE_REDIS", hide_env_values = true)]
    #[arg(help_heading = "Real parts")]
    pub redis: Option<String>,
    /// Fill the database to N tasks, 200 a user; the first user is test@example.com
    #[arg(long, value_name = "N", default_value_t = 0, requires = "database", help_heading = "Real parts")]
    #[arg(value_parser = clap::value_parser!(u32).range(..=100_000_000), hide_default_value = true)]
    pub seed_rows: u32,
    /// Database connections kept open [default: 20]
    #[arg(long, value_name = "N", requires = "database", help_heading = "Real parts")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub pool_size: Option<u16>,
    /// Database connections opened beyond them when needed [default: 30]
    #[arg(long, value_name = "N", requires = "database", help_heading = "Real parts")]
    pub pool_overflow: Option<u16>,
    /// How long a request waits for a database connection before it is answered with 503 [default: 30s]
    #[arg(long, value_name = "TIME", requires = "database", help_heading = "Real parts")]
    #[arg(value_parser = units::parse_duration)]
    pub pool_timeout: Option<Duration>,
    /// Take tunings of the guide away, to rehearse what they prevent; a comma list, or repeated
    #[arg(long, value_name = "TUNING", value_delimiter = ',', help_heading = "Trouble of real parts")]
    pub without: Vec<Tuning>,
    /// List projects with a statement for each of them, in place of one for all
    #[arg(long, requires = "database", help_heading = "Trouble of real parts")]
    pub n_plus_one: bool,
    /// Let every new task update one shared row, and hold it for 40 ms before it commits
    #[arg(long, requires = "database", help_heading = "Trouble of real parts")]
    pub lock_contention: bool,
    /// Keep 64 KiB of memory for good with every request
    #[arg(long, help_heading = "Trouble of real parts")]
    pub leak: bool,
    /// End when standard input ends: with the process that started this one
    #[arg(long, hide = true)]
    pub parent_pipe: bool,
}

/// What the guide tunes, and `serve` can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Tuning {
    /// The guide's five indexes are dropped (needs --database)
    Indexes,
    /// Redis is not asked (needs --redis)
    Cache,
    /// Every request opens its own connections to the database, and closes them (needs --database)
    Pool,
    /// Answers are sent as they are
    Compression,
}

/// Serves until it is told to stop, or until the end of standard input with `--parent-pipe`. Prints one line when ready.
pub(super) async fn serve(args: ServeArgs, mut stop: watch::Receiver<bool>) -> Result<ExitCode, Failure> {
    let addr = SocketAddr::new(args.bind, args.port);
    let parent_pipe = args.parent_pipe;
    let service = Service::bind(addr, config(args)?).await.map_err(Failure::cannot)?;
    print(&format!("reference agenthub service on http://{}\n", service.local_addr()))?;
    let parent_gone = parent_pipe.then(standard_input_ends);
    service
        .serve(async move {
            let parent_gone = async {
                match parent_gone {
                    Some(gone) => drop(gone.await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = parent_gone => {}
            }
        })
        .await;
    Ok(ExitCode::Passed)
}

/// What the flags ask for.
fn config(args: ServeArgs) -> Result<Config, Failure> {
    let without = |tuning| args.without.contains(&tuning);
    for (tuning, name, part, there) in [
        (Tuning::Indexes, "indexes", "--database", args.database.is_some()),
        (Tuning::Pool, "pool", "--database", args.database.is_some()),
        (Tuning::Cache, "cache", "--redis", args.redis.is_some()),
    ] {
        if without(tuning) && !there {
            return Err(Failure::usage(format!("--without {name} needs {part} URL: there is nothing to take away")));
        }
    }
    let pool = if without(Tuning::Pool) {
        if args.pool_size.is_some() || args.pool_overflow.is_some() {
            return Err(Failure::usage(
                "--without pool takes no --pool-size and no --pool-overflow: every request opens its own connection",
            ));
        }
        PoolSize::none()
    } else {
        let guide = PoolSize::default();
        PoolSize {
            size: args.pool_size.map_or(guide.size, usize::from),
            overflow: args.pool_overflow.map_or(guide.overflow, usize::from),
            ..guide
        }
    };
    let pool = PoolSize { timeout: args.pool_timeout.unwrap_or(pool.timeout), ..pool };
    let redis = url("--redis", args.redis.as_deref())?;
    let database = url("--database", args.database.as_deref())?.map(|url| DatabaseConfig {
        url,
        pool,
        seed_rows: args.seed_rows,
        without_indexes: without(Tuning::Indexes),
        n_plus_one: args.n_plus_one,
        lock_contention: args.lock_contention,
    });
    Ok(Config {
        database,
        redis: redis.filter(|_| !without(Tuning::Cache)),
        uncompressed: without(Tuning::Compression),
        leak: args.leak,
        account: args.email.zip(args.password).map(|(email, password)| Account { email, password }),
        troubles: args.troubles,
        seed: args.seed,
    })
}

/// Read here and not by the command line's parser, which would show a wrong one with its password.
fn url<U: FromStr<Err = UrlError>>(flag: &str, text: Option<&str>) -> Result<Option<U>, Failure> {
    text.map(U::from_str).transpose().map_err(|error| Failure::usage(format!("{flag}: {error}")))
}

/// Done at the end of standard input. Reads on a thread of its own: one of tokio's would keep the process from ending.
fn standard_input_ends() -> oneshot::Receiver<()> {
    let (gone, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
        drop(gone);
    });
    told
}
