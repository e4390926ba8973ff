//! What users do with a scenario: the whole way from a file to a request, and from a reply to a value.

mod draws;
mod plan;
mod replies;
mod requests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::*;

/// A scenario from the lines of its file.
fn scenario(text: &str) -> Arc<Scenario> {
    Arc::new(file::read(text, "s.toml", None, &|_| None).unwrap_or_else(|error| panic!("{error}")))
}

/// The guide's user, in an empty environment.
fn guide() -> Arc<Scenario> {
    shipped("agenthub")
}

/// One of the scenarios that come with the project, in an empty environment.
fn shipped(name: &str) -> Arc<Scenario> {
    Arc::new(file::load_with(&Path::new("scenarios").join(format!("{name}.toml")), &|_| None).unwrap())
}

/// User 0 of a scenario.
fn user(scenario: &Arc<Scenario>) -> User {
    User::new(scenario.clone(), Arc::new(Feeds::new(scenario)), 0, 7, None)
}

/// The only request of a task.
fn request(scenario: &Scenario, task: usize) -> &Request {
    match scenario.tasks[task].steps.as_slice() {
        [Step::Request(request)] => request,
        other => panic!("no single request: {other:?}"),
    }
}

/// What a task's request looks like.
fn prepared(scenario: &Arc<Scenario>, user: &mut User, task: usize) -> Prepared {
    let mut into = Prepared::default();
    user.prepare(request(scenario, task), &mut into).unwrap();
    into
}

/// Hands a user a reply to a task's request.
fn reply(scenario: &Scenario, user: &mut User, task: usize, status: u16, body: &str) -> Result<(), Rejection> {
    let headers = HeaderMap::new();
    let reply = Reply { status, headers: &headers, body: body.as_bytes(), time: Duration::from_millis(100) };
    user.accept(request(scenario, task), &reply)
}

/// A prepared request as a text: target, headers in the order of their names, body.
fn shown(prepared: &Prepared) -> String {
    let mut headers: Vec<String> =
        prepared.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
    headers.sort();
    let body = prepared.body.as_ref().map(|body| String::from_utf8(body.to_vec()).unwrap());
    format!("{}\n{}\n{}", prepared.target, headers.concat(), body.unwrap_or_default())
}
