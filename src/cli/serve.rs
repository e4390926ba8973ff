//! `serve`: the reference agenthub service alone.

use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};

use tokio::sync::{oneshot, watch};

use super::exit::ExitCode;
use super::{Failure, print};
use crate::reference::{Account, Config, Rule, Service};

/// The options of `serve`.
#[derive(Debug, Clone, clap::Args)]
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
    /// End when standard input ends: with the process that started this one
    #[arg(long, hide = true)]
    pub parent_pipe: bool,
}

/// Serves until it is told to stop, or until the end of standard input with `--parent-pipe`. Prints one line when ready.
pub(super) async fn serve(args: ServeArgs, mut stop: watch::Receiver<bool>) -> Result<ExitCode, Failure> {
    let account = args.email.zip(args.password).map(|(email, password)| Account { email, password });
    let config = Config { account, troubles: args.troubles, seed: args.seed };
    let service = Service::bind(SocketAddr::new(args.bind, args.port), config).await.map_err(Failure::cannot)?;
    print(&format!("reference agenthub service on http://{}\n", service.local_addr()))?;
    let parent_gone = args.parent_pipe.then(standard_input_ends);
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
