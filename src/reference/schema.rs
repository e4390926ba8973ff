//! Makes the tables, the guide's indexes and the rows asked for, where they are missing. One service at a time.

use tokio_postgres::{Client, Error, NoTls};

use super::database::{DatabaseConfig, one, reason};
use super::pool::CONNECT_WITHIN;
use super::service::ReferenceError;
use super::sql;
use super::store::PROJECTS;

/// Seeded tasks of one user.
const TASKS_PER_SEEDED_USER: u32 = 200;

/// Prepares the database on a connection of its own, under a lock.
pub(super) async fn prepare(config: &DatabaseConfig) -> Result<(), ReferenceError> {
    let failed = |reason: String| ReferenceError::Database { url: config.url.to_string(), reason };
    let connecting = tokio::time::timeout(CONNECT_WITHIN, config.url.config().connect(NoTls));
    let (client, connection) = match connecting.await {
        Ok(connected) => connected.map_err(|error| failed(reason(&error)))?,
        Err(_) => return Err(failed(format!("no connection within {} s", CONNECT_WITHIN.as_secs()))),
    };
    let connection = tokio::spawn(connection);
    let prepared = make(&client, config).await.map_err(|error| failed(reason(&error)));
    // Its end closes the connection, which gives the lock back.
    drop(client);
    let _ = connection.await;
    prepared
}

async fn make(client: &Client, config: &DatabaseConfig) -> Result<(), Error> {
    client.batch_execute(sql::LOCK_SCHEMA).await?;
    client.batch_execute(sql::TABLES).await?;
    if config.without_indexes {
        client.batch_execute(sql::NO_INDEXES).await?;
    }
    seed(client, config.seed_rows).await?;
    if !config.without_indexes {
        client.batch_execute(sql::INDEXES).await?;
    }
    Ok(())
}

/// Fills the tables until there are `rows` tasks.
async fn seed(client: &Client, rows: u32) -> Result<(), Error> {
    let there = one(&client.query(sql::ALL_TASKS, &[]).await?)?;
    let wanted = i64::from(rows);
    if there >= wanted {
        return Ok(());
    }
    let users = i64::from(rows.div_ceil(TASKS_PER_SEEDED_USER));
    let (names, descriptions): (Vec<&str>, Vec<&str>) = PROJECTS.into_iter().unzip();
    client.execute(sql::SEED_USERS, &[&users, &names, &descriptions]).await?;
    client.execute(sql::SEED_TASKS, &[&wanted, &(wanted - there), &users, &names]).await?;
    client.batch_execute(sql::ANALYZE).await
}
