//! The pool of database connections, with the meaning of `SQLAlchemy`'s `QueuePool`: up to `size` are kept open when nobody
//! uses them, `overflow` more are opened when needed and closed on their return, and who finds none waits `timeout`.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime, TimeoutType,
    Timeouts,
};
use futures_util::future::join_all;
use tokio_postgres::NoTls;

use super::database::Unavailable;

/// `DATABASE_POOL_RECYCLE`: an older connection is closed in place of being used again.
const OLDEST: Duration = Duration::from_hours(1);
/// How long opening a connection may take.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// As good as no limit, for a service without a pool.
const MANY: usize = 10_000;

/// What the pool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Connections kept open.
    pub size: usize,
    /// Connections opened beyond them when needed.
    pub overflow: usize,
    /// How long a request waits for one.
    pub timeout: Duration,
}

impl Default for PoolSize {
    /// The guide's.
    fn default() -> Self {
        Self { size: 20, overflow: 30, timeout: Duration::from_secs(30) }
    }
}

impl PoolSize {
    /// No pool: every request opens its own connections, and closes them.
    pub fn none() -> Self {
        Self { size: 0, overflow: MANY, ..Self::default() }
    }

    fn most(self) -> usize {
        self.size + self.overflow
    }
}

/// What a pool says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PoolFigures {
    /// The most connections that it may hold; `None` where every request opens one of its own, and there is no pool.
    pub(super) most: Option<usize>,
    /// In use.
    pub(super) active: usize,
    /// Open and unused.
    pub(super) idle: usize,
    /// Requests that wait for one.
    pub(super) waiting: usize,
    /// Requests that had to wait for one, ever.
    pub(super) waits: u64,
}

/// The pool.
#[derive(Debug)]
pub(super) struct Pool {
    inner: deadpool_postgres::Pool,
    size: PoolSize,
    waits: AtomicU64,
}

/// A connection of the pool, which goes back when dropped.
#[derive(Debug)]
pub(super) struct Connection<'pool> {
    /// `None` only while it goes back.
    object: Option<Object>,
    pool: &'pool Pool,
}

impl Pool {
    /// Nothing is connected yet.
    pub(super) fn new(config: tokio_postgres::Config, size: PoolSize) -> Self {
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, NoTls, manager);
        let timeouts = Timeouts { wait: Some(size.timeout), create: Some(CONNECT_WITHIN), recycle: None };
        let inner = deadpool_postgres::Pool::builder(manager)
            .max_size(size.most())
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .pre_recycle(Hook::sync_fn(|_, metrics| {
                if metrics.age() > OLDEST { Err(HookError::message("old enough")) } else { Ok(()) }
            }))
            .build();
        #[expect(clippy::expect_used, reason = "fails only where timeouts have no runtime, and they have one")]
        let inner = inner.expect("a runtime is named");
        Self { inner, size, waits: AtomicU64::new(0) }
    }

    /// A connection: an idle one, a new one, or the next that comes back.
    pub(super) async fn get(&self) -> Result<Connection<'_>, Unavailable> {
        let status = self.inner.status();
        if status.available == 0 && status.size >= status.max_size {
            self.waits.fetch_add(1, Ordering::Relaxed);
        }
        match self.inner.get().await {
            Ok(object) => Ok(Connection { object: Some(object), pool: self }),
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(Unavailable::PoolExhausted(self.size.timeout)),
            Err(PoolError::Backend(error)) => Err(Unavailable::Failed(error)),
            Err(_) => Err(Unavailable::NotInTime),
        }
    }

    /// Opens the connections that are kept, so that the first requests find them. What cannot be opened is tried again when it
    /// is needed.
    pub(super) async fn warm_up(&self) {
        let opened = join_all((0..self.size.size).map(|_| self.get())).await;
        drop(opened);
    }

    pub(super) fn figures(&self) -> PoolFigures {
        let status = self.inner.status();
        PoolFigures {
            most: (self.size.most() < MANY).then_some(status.max_size),
            active: status.size - status.available,
            idle: status.available,
            // The library counts those who open a connection as waiting, too.
            waiting: (status.size + status.waiting).saturating_sub(status.max_size),
            waits: self.waits.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        let enough = self.pool.inner.status().available >= self.pool.size.size;
        match self.object.take() {
            Some(object) if enough => drop(Object::take(object)),
            object => drop(object),
        }
    }
}

impl Deref for Connection<'_> {
    type Target = ClientWrapper;

    #[expect(clippy::expect_used, reason = "taken only when dropped")]
    fn deref(&self) -> &ClientWrapper {
        self.object.as_ref().expect("in use")
    }
}

impl DerefMut for Connection<'_> {
    #[expect(clippy::expect_used, reason = "taken only when dropped")]
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        self.object.as_mut().expect("in use")
    }
}
