//! The one seam behind the endpoints: what is kept, in memory or in a database, read through the cache where there is one.
//!
//! What waits for a database or the cache is boxed: the way from memory, which never waits, would carry its size.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::Config;
use super::cache::{Cache, Kind};
use super::database::{self, Database, Unavailable};
use super::memory::{self, Memory};
use super::metrics::Figures;
use super::service::ReferenceError;

/// Tasks kept of a user: the newest.
pub(super) const TASKS_PER_USER: usize = 1000;

/// Name and description of every user's projects: together more than the 1000 bytes from which answers are compressed.
pub(super) const PROJECTS: [(&str, &str); 5] = [
    ("Onboarding", "Everything a new colleague needs in the first week: accounts, access, introductions and reading."),
    ("Website relaunch", "New structure, new texts and a faster start page; the old addresses keep working."),
    ("Quarterly report", "Collects the figures of all departments, checks them twice and sends them to the board."),
    ("Support inbox", "Agents sort incoming questions, answer the simple ones and hand over the others."),
    ("Database upgrade", "Moves every service to the new major version, one by one, each with a way back."),
];

/// A task.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) status: String,
    pub(super) priority: String,
    pub(super) created_at: String,
}

/// A part of a user's tasks, as it is answered.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    pub(super) tasks: Vec<Task>,
    /// How many there are in all, of the status asked for.
    pub(super) total: usize,
}

/// Somebody who has logged in.
#[derive(Debug)]
pub(super) enum User {
    InMemory(Arc<memory::User>),
    InDatabase(database::User),
}

/// Everything that the service keeps.
#[derive(Debug)]
pub(super) struct Store {
    place: Place,
    cache: Option<Cache>,
}

#[derive(Debug)]
enum Place {
    Memory(Memory),
    Database(Arc<Database>),
}

impl Store {
    /// Opens the database and the cache that were asked for.
    pub(super) async fn open(config: &Config) -> Result<Self, ReferenceError> {
        let place = match &config.database {
            Some(database) => Place::Database(Arc::new(Database::open(database).await?)),
            None => Place::Memory(Memory::new()),
        };
        let cache = match &config.redis {
            Some(redis) => Some(Cache::open(redis).await?),
            None => None,
        };
        Ok(Self { place, cache })
    }

    /// Hands out a new token for the user of this address, who is made where there is none.
    pub(super) async fn log_in(&self, email: &str) -> Result<String, Unavailable> {
        match &self.place {
            Place::Memory(memory) => Ok(memory.log_in(email)),
            Place::Database(database) => Box::pin(database.log_in(email)).await,
        }
    }

    /// Whose token this is.
    pub(super) async fn user(&self, token: &str) -> Result<Option<User>, Unavailable> {
        if let Some(cache) = &self.cache
            && let Some(key) = Box::pin(cache.get(Kind::UserSessions, token)).await
            && let Some(user) = self.known(&key)
        {
            return Ok(Some(user));
        }
        let user = match &self.place {
            Place::Memory(memory) => memory.user(token).map(User::InMemory),
            Place::Database(database) => Box::pin(database.user(token)).await?.map(User::InDatabase),
        };
        if let (Some(cache), Some(user)) = (&self.cache, &user) {
            Box::pin(cache.put(Kind::UserSessions, token, user.key().as_bytes())).await;
        }
        Ok(user)
    }

    /// The user whom the cache calls so.
    fn known(&self, key: &[u8]) -> Option<User> {
        let key = std::str::from_utf8(key).ok()?;
        match &self.place {
            Place::Memory(memory) => memory.known(key).map(User::InMemory),
            Place::Database(database) => Some(User::InDatabase(database.known(key))),
        }
    }

    /// Whether the user may create tasks.
    pub(super) async fn may_write(&self, user: &User) -> Result<bool, Unavailable> {
        let User::InDatabase(row) = user else { return Ok(true) };
        let permissions = self.through(Kind::UserPermissions, user.key(), Box::pin(row.permissions())).await?;
        Ok(permissions.split(|&byte| byte == b',').any(|one| one == b"write"))
    }

    /// The answer to `GET /api/v2/projects`.
    pub(super) async fn projects(&self, user: &User) -> Result<Bytes, Unavailable> {
        self.through(Kind::ProjectData, user.key(), async {
            match user {
                User::InMemory(user) => Ok(user.projects.clone()),
                User::InDatabase(user) => Box::pin(user.projects()).await,
            }
        })
        .await
    }

    /// Keeps a task.
    pub(super) async fn add_task(&self, user: &User, task: &Task) -> Result<(), Unavailable> {
        match user {
            User::InMemory(user) => user.add_task(task.clone()),
            User::InDatabase(row) => {
                Box::pin(row.add_task(task)).await?;
                // They say how many tasks each project has.
                if let Some(cache) = &self.cache {
                    Box::pin(cache.forget(Kind::ProjectData, user.key())).await;
                }
            }
        }
        Ok(())
    }

    /// What the pool and the cache say of themselves.
    pub(super) fn figures(&self) -> Figures {
        let pool = match &self.place {
            Place::Memory(_) => None,
            Place::Database(database) => Some(database.pool_figures()),
        };
        Figures { pool, cache: self.cache.as_ref().map(Cache::figures) }
    }

    /// From the cache, else fetched and put there.
    async fn through(
        &self,
        kind: Kind,
        key: &str,
        fetch: impl Future<Output = Result<Bytes, Unavailable>>,
    ) -> Result<Bytes, Unavailable> {
        let Some(cache) = &self.cache else { return fetch.await };
        if let Some(cached) = Box::pin(cache.get(kind, key)).await {
            return Ok(cached);
        }
        let fetched = fetch.await?;
        Box::pin(cache.put(kind, key, &fetched)).await;
        Ok(fetched)
    }
}

impl User {
    /// The newest tasks first, from `offset` on.
    pub(super) async fn tasks(&self, status: Option<&str>, offset: usize, limit: usize) -> Result<Page, Unavailable> {
        match self {
            Self::InMemory(user) => Ok(user.tasks(status, offset, limit)),
            Self::InDatabase(user) => Box::pin(user.tasks(status, offset, limit)).await,
        }
    }

    /// Names the user in the cache.
    fn key(&self) -> &str {
        match self {
            Self::InMemory(user) => &user.email,
            Self::InDatabase(user) => user.id(),
        }
    }
}

pub(super) fn new_token() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Now, as agenthub writes it: RFC 3339, to the microsecond.
pub(super) fn now() -> String {
    written(Timestamp::now())
}

pub(super) fn written(at: Timestamp) -> String {
    format!("{at:.6}")
}
