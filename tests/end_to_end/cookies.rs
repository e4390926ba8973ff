//! Cookies as a browser session keeps them, seen from the host.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use crate::support::harness::Workbench;
use crate::support::wire::Request;
use crate::{assert_missed, endpoint};

const SCENARIO: &str = r#"name = "session"
wait = { constant = "20ms" }

[[on_start]]
name = "log in"
post = "/login"

[[task]]
name = "look"
get = "/look"
"#;

/// A host that gives each log-in a session of its own and answers 401 to whoever does not show one.
struct SessionHost {
    addr: SocketAddr,
    /// The cookie header of every request to `/look`.
    shown: Arc<Mutex<Vec<Option<String>>>>,
}

impl SessionHost {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&shown);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let shown = Arc::clone(&theirs);
                std::thread::spawn(move || {
                    let mut read = BufReader::new(stream.try_clone().unwrap());
                    let mut stream = stream;
                    while let Ok(Some(request)) = Request::read(&mut read) {
                        let cookie = request.header("cookie").map(str::to_owned);
                        let answer = if request.path == "/login" {
                            format!(
                                "200 OK\r\nSet-Cookie: session=s3cret-{number}; Path=/; HttpOnly\r\n\
                                 Set-Cookie: elsewhere=1; Path=/admin"
                            )
                        } else if cookie.as_ref().is_some_and(|cookie| cookie.starts_with("session=s3cret-")) {
                            "200 OK".to_owned()
                        } else {
                            "401 Unauthorized".to_owned()
                        };
                        if request.path == "/look" {
                            shown.lock().unwrap().push(cookie.clone());
                        }
                        // Says back what it was shown, as careless hosts do.
                        let body = format!("you are {}", cookie.unwrap_or_default());
                        let length = body.len();
                        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: {length}\r\n\r\n{body}");
                        if stream.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { addr, shown }
    }

    fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

#[test]
fn each_user_shows_the_cookie_that_it_was_given_and_no_other() {
    let host = SessionHost::start();
    let bench = Workbench::new();
    bench.write("s.toml", SCENARIO);
    let outcome =
        bench.run(&["run", "-H", &host.url(), "-f", "s.toml", "-u", "4", "-r", "100", "-t", "3s", "--allow-unproven"]);
    let result = bench.result();
    assert_eq!(result["totals"]["failures"], 0, "{outcome}");
    let mut shown: Vec<String> = host.shown.lock().unwrap().iter().flatten().cloned().collect();
    assert_eq!(shown.len(), host.shown.lock().unwrap().len(), "a request came without");
    shown.sort();
    shown.dedup();
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert!(shown.iter().all(|cookie| !cookie.contains("elsewhere")), "{shown:?}");
}

#[test]
fn a_scenario_may_do_without_cookies() {
    let host = SessionHost::start();
    let bench = Workbench::new();
    bench.write("s.toml", &format!("cookies = false\n{SCENARIO}"));
    assert_missed(&bench.run(&["run", "-H", &host.url(), "-f", "s.toml", "-u", "2", "-r", "100", "-t", "2s"]));
    let result = bench.result();
    let look = endpoint(&result, "GET /look");
    assert_eq!(look["failures"], look["requests"]);
    assert!(host.shown.lock().unwrap().iter().all(Option::is_none));
}

#[test]
fn trying_a_scenario_shows_that_a_cookie_is_sent_and_not_what_is_in_it() {
    let host = SessionHost::start();
    let bench = Workbench::new();
    bench.write("s.toml", SCENARIO);
    let outcome = bench.run(&["scenario", "try", "s.toml", "-H", &host.url()]);
    outcome.assert_code(0);
    assert!(outcome.stdout.contains("> cookie: ***") && outcome.stdout.contains("< set-cookie: ***"), "{outcome}");
    assert!(outcome.stdout.contains("you are session=***"), "{outcome}");
    assert!(!outcome.stdout.contains("s3cret") && !outcome.stderr.contains("s3cret"), "{outcome}");
}
