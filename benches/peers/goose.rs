//! Stock Goose, as its documentation would have it, doing what `scripts/compare-peers.sh` measures of every tool: plain GETs,
//! the guide's user without think time, and users who think for a minute.
//!
//! Goose's own command line chooses: `--scenarios plain`, `guide` or `thinking`. Each user has its own client, as is Goose's
//! default. Only the log-in's body is read, as in Goose's examples: a response is timed to its headers.

use std::time::Duration;

use goose::prelude::*;
use serde::Deserialize;
use serde_json::json;

/// What a user got when it logged in.
#[derive(Clone, Deserialize)]
struct Session {
    access_token: String,
}

#[tokio::main]
async fn main() -> Result<(), GooseError> {
    let minute = Duration::from_mins(1);
    let attack = GooseAttack::initialize()?
        .register_scenario(scenario!("plain").register_transaction(transaction!(page)))
        .register_scenario(
            scenario!("thinking").set_wait_time(minute, minute)?.register_transaction(transaction!(page)),
        )
        .register_scenario(
            scenario!("guide")
                .register_transaction(transaction!(log_in).set_on_start())
                .register_transaction(transaction!(view_projects).set_weight(3)?)
                .register_transaction(transaction!(view_tasks).set_weight(2)?)
                .register_transaction(transaction!(create_task).set_weight(1)?),
        );
    Box::pin(attack.execute()).await?;
    Ok(())
}

async fn page(user: &mut GooseUser) -> TransactionResult {
    user.get("/").await?;
    Ok(())
}

async fn log_in(user: &mut GooseUser) -> TransactionResult {
    let who = json!({ "email": "test@example.com", "password": "testpassword" });
    let response =
        user.post_json("/api/v2/auth/login", &who).await?.response.map_err(|error| Box::new(error.into()))?;
    let session: Session = response.json().await.map_err(|error| Box::new(error.into()))?;
    user.set_session_data(session);
    Ok(())
}

async fn view_projects(user: &mut GooseUser) -> TransactionResult {
    with_token(user, GooseMethod::Get, "/api/v2/projects", None).await
}

async fn view_tasks(user: &mut GooseUser) -> TransactionResult {
    with_token(user, GooseMethod::Get, "/api/v2/tasks", None).await
}

async fn create_task(user: &mut GooseUser) -> TransactionResult {
    let task = json!({
        "title": format!("Load test task {}", fastrand::u32(1..=1000)),
        "description": "Automated load test task",
    });
    with_token(user, GooseMethod::Post, "/api/v2/tasks", Some(task)).await
}

async fn with_token(
    user: &mut GooseUser,
    method: GooseMethod,
    path: &str,
    body: Option<serde_json::Value>,
) -> TransactionResult {
    let token = &user.get_session_data_unchecked::<Session>().access_token;
    let mut request = user.get_request_builder(&method, path)?.bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    user.request(GooseRequest::builder().method(method).path(path).set_request_builder(request).build()).await?;
    Ok(())
}
