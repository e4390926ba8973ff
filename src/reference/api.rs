//! The endpoints of agenthub that a load meets.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use serde_json::{Value, json};
use tower_http::compression::predicate::SizeAbove;
use tower_http::compression::{CompressionLayer, CompressionLevel};
use uuid::Uuid;

use super::fields::Fields;
use super::metrics::Metrics;
use super::refusal::{Kind, Problem, Refusal};
use super::store::{self, Page, Store, Task, User};
use super::{Account, Endpoint};

/// Answers are compressed from this size on, as the guide sets it.
const COMPRESSED_FROM: u16 = 1000;
/// The largest body that is read.
pub(super) const LARGEST_BODY: usize = 64 * 1024;

/// What the endpoints answer from.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) store: Arc<Store>,
    pub(super) metrics: Arc<Metrics>,
    /// The only account that may log in; `None`: any.
    pub(super) account: Option<Arc<Account>>,
    pub(super) compressed: bool,
}

/// The routes.
pub(super) fn router(api: Api) -> Router {
    let gzip = CompressionLayer::new().gzip(api.compressed).quality(CompressionLevel::Fastest);
    Router::new()
        .route(Endpoint::Login.path(), post(log_in))
        .route(Endpoint::Projects.path(), get(projects))
        .route(Endpoint::Tasks.path(), get(tasks).post(create_task))
        .route(Endpoint::Version.path(), get(version))
        .route(Endpoint::Health.path(), get(async || Json(json!({"status": "healthy"}))))
        .route(Endpoint::Metrics.path(), get(metrics))
        .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
        .fallback(async || Refusal::NotFound)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(gzip.compress_when(SizeAbove::new(COMPRESSED_FROM)))
        .with_state(api)
}

async fn log_in(State(api): State<Api>, body: Body) -> Result<Json<Value>, Refusal> {
    let mut fields = Fields::of_body(&body.0)?;
    let given = Account { email: fields.required_email("email"), password: fields.required("password") };
    fields.check()?;
    if api.account.is_some_and(|account| *account != given) {
        return Err(Refusal::WrongPassword);
    }
    Ok(Json(json!({"access_token": api.store.log_in(&given.email).await?, "token_type": "bearer"})))
}

async fn projects(State(api): State<Api>, LoggedIn(user): LoggedIn) -> Result<Response, Refusal> {
    Ok(([(CONTENT_TYPE, "application/json")], api.store.projects(&user).await?).into_response())
}

async fn tasks(LoggedIn(user): LoggedIn, Query(query): Query<HashMap<String, String>>) -> Result<Json<Page>, Refusal> {
    let limit = small_number(&query, "limit", 50)?;
    let offset = small_number(&query, "offset", 0)?;
    Ok(Json(user.tasks(query.get("status").map(String::as_str), offset, limit).await?))
}

async fn create_task(
    State(api): State<Api>,
    LoggedIn(user): LoggedIn,
    body: Body,
) -> Result<(StatusCode, Json<Task>), Refusal> {
    let mut fields = Fields::of_body(&body.0)?;
    let task = Task {
        id: Uuid::new_v4().to_string(),
        title: fields.required("title"),
        description: fields.optional("description", ""),
        status: fields.optional("status", "todo"),
        priority: fields.optional("priority", "medium"),
        created_at: store::now(),
    };
    fields.check()?;
    if !api.store.may_write(&user).await? {
        return Err(Refusal::NotPermitted);
    }
    api.store.add_task(&user, &task).await?;
    Ok((StatusCode::CREATED, Json(task)))
}

/// What proxies may keep as long as the guide keeps static data.
async fn version() -> impl IntoResponse {
    let body = json!({"service": "agenthub", "api": "v2", "version": env!("CARGO_PKG_VERSION")});
    ([(CACHE_CONTROL, "public, max-age=3600")], Json(body))
}

async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], api.metrics.render(&api.store.figures()))
}

/// A number of the query from 0 to 1000: no more tasks than that are kept.
fn small_number(query: &HashMap<String, String>, name: &'static str, default: usize) -> Result<usize, Refusal> {
    let Some(text) = query.get(name) else { return Ok(default) };
    text.parse()
        .ok()
        .filter(|&number| number <= store::TASKS_PER_USER)
        .ok_or_else(|| Refusal::Invalid(vec![Problem::new("query", Some(name), Kind::NotSmallNumber)]))
}

/// The user whose token a request carries.
struct LoggedIn(User);

impl FromRequestParts<Api> for LoggedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let (_, token) = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .ok_or(Refusal::NotAuthenticated)?;
        api.store.user(token.trim()).await?.map(Self).ok_or(Refusal::NotAuthenticated)
    }
}

/// A body that is not too large.
struct Body(Bytes);

impl FromRequest<Api> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        // Besides its size only a lost connection can spoil a body, and then nobody hears the answer.
        Bytes::from_request(request, api).await.map(Self).map_err(|_| Refusal::TooLarge)
    }
}
