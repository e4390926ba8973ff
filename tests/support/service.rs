//! The reference service as a process of its own, with the flags that a test wants.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::asking::{Answer, ask};
use super::harness::{Running, Workbench};

const LOGIN: &str = "/api/v2/auth/login";
const TASKS: &str = "/api/v2/tasks";
/// How long something may take that nothing guarantees a time for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A reference service. Ends when dropped.
pub struct Service {
    pub running: Running,
    pub url: String,
    _bench: Workbench,
}

impl Service {
    pub fn start(args: &[&str]) -> Self {
        let bench = Workbench::new();
        let mut running = bench.start(&[&["serve", "--port", "0"], args].concat());
        let url = running.first_line().rsplit(' ').next().expect("a URL").to_owned();
        Self { running, url, _bench: bench }
    }

    pub fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let headers: &[&str] = if token.is_empty() { &[] } else { &[token] };
        ask(&self.url, method, path, headers, body)
    }

    pub fn get(&self, path: &str, token: &str) -> Answer {
        self.ask("GET", path, token, "")
    }

    /// Logs somebody in; the header line of the token.
    pub fn token(&self, email: &str) -> String {
        let answer = self.ask("POST", LOGIN, "", &json!({"email": email, "password": "x"}).to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
        format!("Authorization: Bearer {}", answer.json()["access_token"].as_str().expect("a token"))
    }

    pub fn create(&self, token: &str, title: &str) -> Value {
        let answer = self.ask("POST", TASKS, token, &json!({"title": title}).to_string());
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// A metric without labels; `None` where it is not there.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics", "").text();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    #[track_caller]
    pub fn wait_for_metric(&self, name: &str, value: f64) {
        eventually(&format!("{name} {value}"), || self.metric(name) == Some(value));
    }
}

#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
