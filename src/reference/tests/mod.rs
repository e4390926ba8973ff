//! The service, asked over a real port by a client that is nobody's library.

mod answers;
mod trouble;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Config, Service};

/// A service on a free port, and the runtime that it runs on. Ends when dropped.
struct Running {
    addr: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What came back.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

fn running(config: Config) -> Running {
    let (shutdown, told) = oneshot::channel();
    let (bound, addr) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let service = Service::bind(([127, 0, 0, 1], 0).into(), config).await.expect("a free port");
            bound.send(service.local_addr()).expect("somebody waits");
            service.serve(async { drop(told.await) }).await;
        });
    });
    Running { addr: addr.recv().expect("the service is bound"), shutdown: Some(shutdown), thread: Some(thread) }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        let ended = self.thread.take().expect("started").join();
        assert!(ended.is_ok() || std::thread::panicking(), "the service panicked");
    }
}

impl Running {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("the service listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream
    }

    /// Sends a request on a connection of its own; `headers` are whole lines.
    fn try_ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> io::Result<Answer> {
        let mut stream = self.connect();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        if !body.is_empty() {
            request.push_str("Content-Type: application/json\r\nContent-Length: ");
            request.push_str(&body.len().to_string());
            request.push_str("\r\n");
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(Answer::read(&bytes))
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        self.try_ask(method, path, headers, body).expect("an answer")
    }

    fn get(&self, path: &str, headers: &[&str]) -> Answer {
        self.ask("GET", path, headers, "")
    }

    /// Logs in; the header line of the token.
    fn token(&self) -> String {
        let body = json!({"email": "test@example.com", "password": "testpassword"}).to_string();
        let answer = self.ask("POST", "/api/v2/auth/login", &[], &body);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["token_type"], "bearer");
        format!("Authorization: Bearer {}", answer.json()["access_token"].as_str().expect("a token"))
    }
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the headers end");
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = head.split(' ').nth(1).expect("a status line").parse().expect("a status");
        let mut body = bytes[end + 4..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunked(&body);
        }
        Self { status, head, body }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).expect("ASCII"), 16).expect("hexadecimal");
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}
