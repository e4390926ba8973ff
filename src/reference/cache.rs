//! The cache in Redis: a few kinds of things, each kept for its own time. It is never in the way: what it does not answer is
//! fetched from the store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::AsyncCommands as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use super::service::ReferenceError;
use super::urls::RedisUrl;

/// The guide's `socket_connect_timeout` and `socket_timeout`.
const WITHIN: Duration = Duration::from_secs(5);

/// What is cached, named as the guide's cache configuration names it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The user of a token.
    UserSessions,
    /// What a user may do.
    UserPermissions,
    /// The answer with a user's projects.
    ProjectData,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::UserSessions => "user_sessions",
            Self::UserPermissions => "user_permissions",
            Self::ProjectData => "project_data",
        }
    }

    fn lifetime(self) -> Duration {
        Duration::from_secs(match self {
            Self::UserSessions => 1800,
            Self::UserPermissions => 900,
            Self::ProjectData => 300,
        })
    }

    fn key(self, of: &str) -> String {
        format!("{}:{of}", self.name())
    }
}

/// What the cache says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CacheFigures {
    pub(super) hits: u64,
    /// Those asked in vain for want of an answer are among them.
    pub(super) misses: u64,
}

/// The cache.
pub(super) struct Cache {
    redis: ConnectionManager,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("figures", &self.figures()).finish_non_exhaustive()
    }
}

impl Cache {
    /// Connects, and hears whether somebody answers.
    pub(super) async fn open(url: &RedisUrl) -> Result<Self, ReferenceError> {
        let failed =
            |error: redis::RedisError| ReferenceError::Cache { url: url.to_string(), reason: error.to_string() };
        let client = redis::Client::open(url.text()).map_err(failed)?;
        // A lost connection is tried again at the next request, which goes on without it.
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(WITHIN))
            .set_response_timeout(Some(WITHIN))
            .set_number_of_retries(0);
        let mut redis = ConnectionManager::new_with_config(client, config).await.map_err(failed)?;
        let _: String = redis::cmd("PING").query_async(&mut redis).await.map_err(failed)?;
        Ok(Self { redis, hits: AtomicU64::new(0), misses: AtomicU64::new(0) })
    }

    /// What is there.
    pub(super) async fn get(&self, kind: Kind, key: &str) -> Option<Bytes> {
        let found: Option<Vec<u8>> = self.redis.clone().get(kind.key(key)).await.ok().flatten();
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
        found.map(Bytes::from)
    }

    /// Keeps it for its time.
    pub(super) async fn put(&self, kind: Kind, key: &str, value: &[u8]) {
        let _: Result<(), _> = self.redis.clone().set_ex(kind.key(key), value, kind.lifetime().as_secs()).await;
    }

    /// Lets it go.
    pub(super) async fn forget(&self, kind: Kind, key: &str) {
        let _: Result<(), _> = self.redis.clone().del(kind.key(key)).await;
    }

    pub(super) fn figures(&self) -> CacheFigures {
        CacheFigures { hits: self.hits.load(Ordering::Relaxed), misses: self.misses.load(Ordering::Relaxed) }
    }
}
