//! Binds a port and serves what connects to it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::alarm::Alarm;
use super::api::{self, Api};
use super::connection::{self, Shared};
use super::metrics::Metrics;
use super::rehearsal::Rehearsal;
use super::store::Store;
use super::{DatabaseConfig, RedisUrl, Rule};

/// How long requests may still take when the service ends.
const GRACE: Duration = Duration::from_secs(5);
/// The pause after a connection could not be accepted, e.g. for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What the service is to be like.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The only account that may log in; `None`: any well-formed one.
    pub account: Option<Account>,
    /// What goes wrong where. Of what several rules say to one endpoint, the last counts.
    pub troubles: Vec<Rule>,
    /// Of every random draw.
    pub seed: u64,
    /// Where everything is kept; `None`: in memory.
    pub database: Option<DatabaseConfig>,
    /// The cache in front of it; `None`: none.
    pub redis: Option<RedisUrl>,
    /// Answers are sent as they are, whatever their size.
    pub uncompressed: bool,
    /// 64 KiB of every request are kept for good.
    pub leak: bool,
}

/// Somebody who may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("email", &self.email).finish_non_exhaustive()
    }
}

/// The service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The port cannot be had.
    #[error("cannot listen on {addr}: {source}")]
    Bind {
        /// What was asked for.
        addr: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The database cannot be had, or not be prepared.
    #[error("cannot use the database {url}: {reason}")]
    Database {
        /// Which one, masked.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The cache cannot be had.
    #[error("cannot use the cache {url}: {reason}")]
    Cache {
        /// Which one, masked.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The thread that times delays cannot be started.
    #[error("cannot start the reference service's timer thread: {0}")]
    Thread(io::Error),
}

/// The reference service, bound to its port.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Service {
    /// Binds `addr`; port 0 takes any that is free. Opens the database and the cache, and makes what is missing there. From here on clients can connect; [`Service::serve`] answers them.
    pub async fn bind(addr: SocketAddr, config: Config) -> Result<Self, ReferenceError> {
        let failed = |source| ReferenceError::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let metrics = Arc::new(Metrics::default());
        let store = Arc::new(Store::open(&config).await?);
        let account = config.account.map(Arc::new);
        let api = Api { store, metrics: Arc::clone(&metrics), account, compressed: !config.uncompressed };
        let shared = Shared {
            router: api::router(api),
            metrics,
            rehearsal: Rehearsal::new(&config.troubles, config.seed),
            alarm: Alarm::start().map_err(ReferenceError::Thread)?,
            leak: config.leak.then(Mutex::default),
        };
        Ok(Self { listener, addr: bound, shared: Arc::new(shared) })
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown` is done; then takes no more connections, and gives the requests it has 5 s to end.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, shared, .. } = self;
        let (close, closing) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection::serve(stream, Arc::clone(&shared), closing.clone()));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
                },
            }
        }
        drop(listener);
        // Fails only where no connection is left to hear it.
        let _ = close.send(());
        let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
        connections.shutdown().await;
    }
}
