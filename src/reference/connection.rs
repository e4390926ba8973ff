//! One connection: gives its requests to the endpoints, rehearses trouble on the way, and resets it when drawn.

use std::convert::Infallible;
use std::error::Error as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::Request;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Endpoint;
use super::alarm::Alarm;
use super::api::LARGEST_BODY;
use super::lock;
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::rehearsal::{Outcome, Rehearsal};

/// What a leak keeps of a request: filled, so that it takes memory and not only addresses.
const LEAKED: usize = 64 * 1024;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) metrics: Arc<Metrics>,
    pub(super) rehearsal: Rehearsal,
    pub(super) alarm: Alarm,
    /// What is kept for good of every request; `None`: nothing.
    pub(super) leak: Option<Mutex<Vec<Vec<u8>>>>,
}

/// The request was drawn to be answered with a reset.
#[derive(Debug, thiserror::Error)]
#[error("this connection is to be reset")]
struct Reset;

/// Serves a connection until its end. When `closing` changes, the requests that it has are still answered.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, mut closing: watch::Receiver<()>) {
    let _open = shared.metrics.connected();
    // Fails only where the connection is gone already, which reading tells next.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| answer(Arc::clone(&shared), request));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        _ = closing.changed() => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        Pin::new(&mut connection).graceful_shutdown();
        (&mut connection).await
    };
    // Any other end is the client's doing.
    if ended.is_err_and(|error| error.source().is_some_and(<dyn std::error::Error>::is::<Reset>)) {
        let stream = connection.into_parts().io.into_inner();
        // Closed with nothing to linger for, a socket sends RST in place of FIN.
        let _ = stream.set_zero_linger();
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response, Reset> {
    let arrived = Instant::now();
    let endpoint = Endpoint::of(request.method(), request.uri().path());
    shared.metrics.received(endpoint);
    if let Some(leak) = &shared.leak {
        lock(leak).push(vec![1; LEAKED]);
    }
    let fate = shared.rehearsal.next(endpoint);
    let served = shared.rehearsal.served(endpoint, arrived, fate.delay);
    let response = match fate.outcome {
        Outcome::Answer => Ok(route(&shared.router, request).await),
        Outcome::Error => {
            // What is left unread would end the connection.
            let _ = Limited::new(request.into_body(), LARGEST_BODY).collect().await;
            Ok(Refusal::Error.into_response())
        }
        Outcome::Reset => Err(Reset),
    };
    let ready = Instant::now().max(served);
    shared.alarm.sleep_until(shared.rehearsal.release(endpoint, ready)).await;
    shared.metrics.answered(arrived.elapsed());
    response
}

async fn route(router: &Router, request: Request<Incoming>) -> Response {
    let answered: Result<Response<Body>, Infallible> = TowerToHyperService::new(router.clone()).call(request).await;
    answered.unwrap_or_else(|never| match never {})
}
