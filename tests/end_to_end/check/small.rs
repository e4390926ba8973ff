//! A small service of a few answers, in threads: good, or with one flaw.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What one answers.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whole lines.
    pub(super) headers: String,
    pub(super) body: Vec<u8>,
    pub(super) after: Duration,
    /// The connection ends with it.
    pub(super) closes: bool,
}

impl Answer {
    pub(super) fn json(status: u16, body: &str) -> Self {
        let headers = "Content-Type: application/json\r\n".to_owned();
        Self { status, headers, body: body.into(), after: Duration::ZERO, closes: false }
    }
}

/// As the guide wants it: health, compression, errors, metrics, no docs.
pub(super) fn good(path: &str, gzip: bool) -> Answer {
    match path {
        "/api/v2/health" => Answer::json(200, r#"{"status": "healthy"}"#),
        "/api/v2/projects" | "/api/v2/tasks" => {
            let body = format!("[{}]", vec![r#"{"name": "a project"}"#; 100].join(","));
            let mut answer = Answer::json(200, &body);
            if gzip {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(body.as_bytes()).unwrap();
                answer.body = encoder.finish().unwrap();
                answer.headers.push_str("Content-Encoding: gzip\r\n");
            }
            answer
        }
        "/metrics" => {
            let text = "# TYPE http_requests_total counter\nhttp_requests_total 1\n\
                        http_request_duration_seconds_count 1\nactive_connections 1\n";
            Answer { headers: "Content-Type: text/plain\r\n".to_owned(), ..Answer::json(200, text) }
        }
        _ => Answer::json(404, r#"{"detail": "Not Found"}"#),
    }
}

/// Starts one; its URL. It ends with the test's process. With `in_a_row` it does one thing at a time, whatever connection it
/// comes over, as an event loop that is blocked.
pub(super) fn small(in_a_row: bool, answer: impl Fn(&str, bool) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (answer, turn) = (Arc::new(answer), Arc::new(Mutex::new(())));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (answer, turn) = (Arc::clone(&answer), Arc::clone(&turn));
            std::thread::spawn(move || serve(stream, in_a_row.then_some(&*turn), &*answer));
        }
    });
    url
}

fn serve(mut stream: TcpStream, turn: Option<&Mutex<()>>, answer: &dyn Fn(&str, bool) -> Answer) {
    let _ = stream.set_nodelay(true);
    let mut bytes = Vec::new();
    let mut some = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut some) {
        bytes.extend_from_slice(&some[..read]);
        if !bytes.ends_with(b"\r\n\r\n") {
            continue;
        }
        let head = String::from_utf8_lossy(&std::mem::take(&mut bytes)).to_lowercase();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = {
            let _mine = turn.map(|turn| turn.lock().unwrap());
            let answer = answer(&path, head.contains("accept-encoding: gzip"));
            std::thread::sleep(answer.after);
            answer
        };
        let close = if answer.closes { "Connection: close\r\n" } else { "" };
        let (status, length, headers) = (answer.status, answer.body.len(), &answer.headers);
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}{close}\r\n");
        if stream.write_all(&[head.as_bytes(), &answer.body].concat()).is_err() || answer.closes {
            return;
        }
    }
}
