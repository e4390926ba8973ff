//! The store in PostgreSQL: what the endpoints ask of it, each in prepared statements of [`sql`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::pool::{Connection, Pool, PoolFigures, PoolSize};
use super::schema;
use super::service::ReferenceError;
use super::sql;
use super::store::{PROJECTS, Page, TASKS_PER_USER, Task, new_token, written};
use super::urls::DatabaseUrl;

/// How long a new task holds the shared row under lock contention.
const ROW_HELD: Duration = Duration::from_millis(40);
/// A user's old tasks are forgotten when so many have been created.
const FORGET_EVERY: u64 = 100;

/// The database that the service is to have.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Where it is.
    pub url: DatabaseUrl,
    /// The connections to it.
    pub pool: PoolSize,
    /// It is filled to so many tasks.
    pub seed_rows: u32,
    /// The guide's indexes are dropped, and not made.
    pub without_indexes: bool,
    /// Projects are listed with a statement for each of them.
    pub n_plus_one: bool,
    /// Every new task waits for one row, and holds it for some milliseconds.
    pub lock_contention: bool,
}

/// The database does not answer a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unavailable {
    /// All connections were in use.
    #[error("database connection pool exhausted: none became free within {} s", .0.as_secs_f64())]
    PoolExhausted(Duration),
    /// It could not be connected to in time.
    #[error("database unavailable: no connection in time")]
    NotInTime,
    /// It refused a connection or a statement.
    #[error("database unavailable: {}", reason(.0))]
    Failed(#[from] Error),
}

/// What is in the way, without the library's words around it.
pub(super) fn reason(error: &Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(told), _) => told.message().to_owned(),
        (None, Some(source)) => source.to_string(),
        (None, None) => error.to_string(),
    }
}

/// The database, and how it is asked.
#[derive(Debug)]
pub(super) struct Database {
    pool: Pool,
    n_plus_one: bool,
    lock_contention: bool,
    tasks_created: AtomicU64,
}

/// Somebody who has a row.
#[derive(Debug)]
pub(super) struct User {
    id: String,
    database: Arc<Database>,
}

impl Database {
    /// Makes tables and rows where they are missing.
    pub(super) async fn open(config: &DatabaseConfig) -> Result<Self, ReferenceError> {
        schema::prepare(config).await?;
        let pool = Pool::new(config.url.config().clone(), config.pool);
        pool.warm_up().await;
        Ok(Self {
            pool,
            n_plus_one: config.n_plus_one,
            lock_contention: config.lock_contention,
            tasks_created: AtomicU64::new(0),
        })
    }

    pub(super) async fn log_in(&self, email: &str) -> Result<String, Unavailable> {
        let token = new_token();
        let connection = self.pool.get().await?;
        let (names, descriptions): (Vec<&str>, Vec<&str>) = PROJECTS.into_iter().unzip();
        execute(&connection, sql::ADD_USER, &[&email, &names, &descriptions]).await?;
        execute(&connection, sql::ADD_SESSION, &[&token, &email]).await?;
        Ok(token)
    }

    pub(super) async fn user(self: &Arc<Self>, token: &str) -> Result<Option<User>, Unavailable> {
        let connection = self.pool.get().await?;
        let rows = query(&connection, sql::USER_OF_TOKEN, &[&token]).await?;
        Ok(rows.first().map(|row| row.try_get("user_id")).transpose()?.map(|id: String| self.known(&id)))
    }

    pub(super) fn known(self: &Arc<Self>, id: &str) -> User {
        User { id: id.to_owned(), database: Arc::clone(self) }
    }

    pub(super) fn pool_figures(&self) -> PoolFigures {
        self.pool.figures()
    }
}

impl User {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Joined by commas; none where the row is gone.
    pub(super) async fn permissions(&self) -> Result<Bytes, Unavailable> {
        let connection = self.database.pool.get().await?;
        let rows = query(&connection, sql::PERMISSIONS, &[&self.id]).await?;
        let permissions: Vec<String> =
            rows.first().map(|row| row.try_get("permissions")).transpose()?.unwrap_or_default();
        Ok(permissions.join(",").into())
    }

    /// The answer to `GET /api/v2/projects`.
    pub(super) async fn projects(&self) -> Result<Bytes, Unavailable> {
        let connection = self.database.pool.get().await?;
        let mut projects: Vec<Project> = Vec::new();
        if self.database.n_plus_one {
            for row in query(&connection, sql::PROJECTS, &[&self.id]).await? {
                let mut project = Project::of(&row)?;
                for row in query(&connection, sql::BRANCHES_OF_PROJECT, &[&project.id]).await? {
                    project.git_branches.extend(Branch::of(&row)?);
                }
                projects.push(project);
            }
        } else {
            for row in query(&connection, sql::PROJECTS_WITH_BRANCHES, &[&self.id]).await? {
                let project = Project::of(&row)?;
                let branch = Branch::of(&row)?;
                match projects.last_mut() {
                    Some(same) if same.id == project.id => same.git_branches.extend(branch),
                    _ => projects.push(Project { git_branches: branch.into_iter().collect(), ..project }),
                }
            }
        }
        Ok(rendered(&projects))
    }

    pub(super) async fn tasks(&self, status: Option<&str>, offset: usize, limit: usize) -> Result<Page, Unavailable> {
        let connection = self.database.pool.get().await?;
        let (from, most) = (offset.cast_signed() as i64, limit.cast_signed() as i64);
        let rows = match &status {
            Some(status) => query(&connection, sql::TASKS_OF_STATUS, &[&self.id, &most, &from, status]).await?,
            None => query(&connection, sql::TASKS, &[&self.id, &most, &from]).await?,
        };
        let total: i64 = match rows.first() {
            Some(row) => row.try_get("total")?,
            None if offset == 0 && limit > 0 => 0,
            None => one(&query(&connection, sql::COUNT_TASKS, &[&self.id, &status]).await?)?,
        };
        let tasks = rows.iter().map(task).collect::<Result<_, _>>()?;
        Ok(Page { tasks, total: total as usize })
    }

    pub(super) async fn add_task(&self, task: &Task) -> Result<(), Unavailable> {
        let mut connection = self.database.pool.get().await?;
        let created_at: Timestamp = task.created_at.parse().unwrap_or_default();
        let values: [&(dyn ToSql + Sync); 7] =
            [&task.id, &self.id, &task.title, &task.description, &task.status, &task.priority, &created_at];
        if self.database.lock_contention {
            let transaction = connection.transaction().await?;
            transaction.execute(&transaction.prepare_cached(sql::ADD_TASK).await?, &values).await?;
            transaction.execute(&transaction.prepare_cached(sql::COUNT_TASK).await?, &[]).await?;
            // What a service does that calls another one before it commits.
            tokio::time::sleep(ROW_HELD).await;
            transaction.commit().await?;
        } else {
            execute(&connection, sql::ADD_TASK, &values).await?;
        }
        if self.database.tasks_created.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            execute(&connection, sql::FORGET_OLD_TASKS, &[&self.id, &(TASKS_PER_USER.cast_signed() as i64)]).await?;
        }
        Ok(())
    }
}

/// A project, as it is answered.
#[derive(Debug, Serialize)]
struct Project {
    id: String,
    name: String,
    description: String,
    created_at: String,
    git_branches: Vec<Branch>,
}

#[derive(Debug, Serialize)]
struct Branch {
    id: String,
    name: String,
    task_count: i64,
}

impl Project {
    /// Without branches.
    fn of(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            description: row.try_get("description")?,
            created_at: written(row.try_get("created_at")?),
            git_branches: Vec::new(),
        })
    }
}

impl Branch {
    /// `None` where the project has none.
    fn of(row: &Row) -> Result<Option<Self>, Error> {
        let id: Option<String> = row.try_get("branch_id")?;
        let Some(id) = id else { return Ok(None) };
        Ok(Some(Self { id, name: row.try_get("branch")?, task_count: row.try_get("tasks")? }))
    }
}

fn rendered(projects: &[Project]) -> Bytes {
    let by_id: Map<String, Value> = projects
        .iter()
        .map(|project| {
            let mut value = json!(project);
            value["task_count"] = project.git_branches.iter().map(|branch| branch.task_count).sum::<i64>().into();
            (project.id.clone(), value)
        })
        .collect();
    json!({"total": projects.len(), "projects": by_id}).to_string().into()
}

fn task(row: &Row) -> Result<Task, Error> {
    Ok(Task {
        id: row.try_get("id")?,
        title: row.try_get("title")?,
        description: row.try_get("description")?,
        status: row.try_get("status")?,
        priority: row.try_get("priority")?,
        created_at: written(row.try_get("created_at")?),
    })
}

/// The only value of the only row.
pub(super) fn one(rows: &[Row]) -> Result<i64, Error> {
    rows.first().map_or(Ok(0), |row| row.try_get(0))
}

async fn query(connection: &Connection<'_>, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
    connection.query(&connection.prepare_cached(sql).await?, values).await
}

async fn execute(connection: &Connection<'_>, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, Error> {
    connection.execute(&connection.prepare_cached(sql).await?, values).await
}
