//! A server that counts what reaches it. One OS thread a connection, blocking sockets: nothing between a request and
//! its count. It answers the endpoints of the guide's user, and records the time that it truly took for each.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::wire::Request;

/// Requests kept whole; later ones are only counted.
const KEPT_REQUESTS: usize = 50_000;
/// Service times kept of one endpoint.
const KEPT_TIMES: usize = 1_000_000;

const LOGIN: (&str, &str) = ("POST", "/api/v2/auth/login");

/// How the server behaves. By default it answers everything well and at once.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// How long requests take whose endpoint is not in `times`.
    pub time: ServiceTime,
    /// How long requests of one endpoint take: `"GET /api/v2/projects"`.
    pub times: HashMap<String, ServiceTime>,
    /// Every n-th request but logins, in the order of their arrival, is answered with this status.
    pub fail: Option<(u64, u16)>,
    /// Requests that come within this stretch, counted from the first but a login or a health request, are answered at its end.
    pub stall: Option<(Duration, Duration)>,
    /// What a login is answered with, in place of a token.
    pub login: Option<(u16, String)>,
    /// Of the service times.
    pub seed: u64,
}

/// A distribution of service times.
#[derive(Debug, Clone, Copy, Default)]
pub enum ServiceTime {
    #[default]
    None,
    Fixed(Duration),
    /// With this mean.
    Exponential(Duration),
    Bimodal {
        fast: Duration,
        slow: Duration,
        slow_share: f64,
    },
}

/// A request, and what became of it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub request: Request,
    pub status: u16,
    /// Whether it carried a token that this server handed out.
    pub authorized: bool,
}

/// The running server. Ends when dropped.
#[derive(Debug)]
pub struct CountingServer {
    shared: Arc<Shared>,
    addr: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Behaviour,
    down: AtomicBool,
    /// Of requests but logins.
    arrived: AtomicU64,
    connections: AtomicU64,
    record: Mutex<Record>,
    open: Mutex<HashMap<u64, TcpStream>>,
}

#[derive(Debug, Default)]
struct Record {
    counts: BTreeMap<(String, String), u64>,
    failed: u64,
    unauthorized: u64,
    seen: Vec<Seen>,
    /// When requests but logins and health requests came, the first ones.
    arrivals: Vec<Instant>,
    times_us: HashMap<String, Vec<u64>>,
    tokens: HashSet<String>,
    malformed: u64,
}

impl CountingServer {
    /// A server that answers everything well and at once.
    pub fn start() -> Self {
        Self::with(Behaviour::default())
    }

    pub fn with(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("the address of a bound port");
        let shared = Arc::new(Shared {
            behaviour,
            down: AtomicBool::new(false),
            arrived: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            record: Mutex::default(),
            open: Mutex::default(),
        });
        let theirs = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(&listener, &theirs));
        Self { shared, addr, accepting: Some(accepting) }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Requests of one method and path, without the query.
    pub fn count(&self, method: &str, path: &str) -> u64 {
        self.record().counts.get(&(method.to_owned(), path.to_owned())).copied().unwrap_or(0)
    }

    /// Requests by method and path.
    pub fn counts(&self) -> BTreeMap<(String, String), u64> {
        self.record().counts.clone()
    }

    /// All requests.
    pub fn total(&self) -> u64 {
        self.record().counts.values().sum()
    }

    /// Requests that were made to fail by `Behaviour::fail`.
    pub fn failed(&self) -> u64 {
        self.record().failed
    }

    /// Requests but logins without a token that was handed out here.
    pub fn unauthorized(&self) -> u64 {
        self.record().unauthorized
    }

    /// Connections that sent something else than HTTP/1.1.
    pub fn malformed(&self) -> u64 {
        self.record().malformed
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The first requests, whole, in the order in which they were answered.
    pub fn seen(&self) -> Vec<Seen> {
        self.record().seen.clone()
    }

    /// When the first requests but logins and health requests came, seconds after the first of them, in order.
    pub fn arrivals_s(&self) -> Vec<f64> {
        let mut arrivals = self.record().arrivals.clone();
        arrivals.sort_unstable();
        let first = arrivals.first().copied();
        arrivals.into_iter().filter_map(|at| Some((at - first?).as_secs_f64())).collect()
    }

    /// The true service times of an endpoint (`"GET /api/v2/projects"`) in µs, sorted: from the last byte of the
    /// request read to the last byte of the answer handed to the kernel.
    pub fn times_us(&self, endpoint: &str) -> Vec<u64> {
        let mut times = self.record().times_us.get(endpoint).cloned().unwrap_or_default();
        times.sort_unstable();
        times
    }

    /// The smallest true service time in ms that at least the share `q` of an endpoint's requests did not exceed.
    pub fn quantile_ms(&self, endpoint: &str, q: f64) -> f64 {
        let times = self.times_us(endpoint);
        assert!(!times.is_empty(), "no request reached {endpoint}");
        let rank = ((q * times.len() as f64).ceil() as usize).clamp(1, times.len());
        times[rank - 1] as f64 / 1e3
    }

    /// The host goes down: the port is closed, and so are all connections.
    pub fn go_down(&self) {
        if self.shared.down.swap(true, Ordering::SeqCst) {
            return;
        }
        // Wakes the thread that accepts, which then drops the listener.
        let _ = TcpStream::connect(self.addr);
        for stream in lock(&self.shared.open).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.shared.record)
    }
}

impl Drop for CountingServer {
    fn drop(&mut self) {
        self.go_down();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics with it")
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.down.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        let Ok(handle) = stream.try_clone() else { continue };
        lock(&shared.open).insert(number, handle);
        // Checked again: `go_down` may have closed all that were there before this one.
        if shared.down.load(Ordering::SeqCst) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let shared = Arc::clone(shared);
        let served = std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
            shared.serve(&stream, number);
            lock(&shared.open).remove(&number);
        });
        served.expect("a thread for a connection");
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream, number: u64) {
        let _ = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream);
        let mut random = fastrand::Rng::with_seed(self.behaviour.seed.wrapping_mul(1_000_003).wrapping_add(number));
        loop {
            let request = match Request::read(&mut reader) {
                Ok(Some(request)) => request,
                Ok(None) => return,
                Err(error) => {
                    if error.kind() == std::io::ErrorKind::InvalidData {
                        lock(&self.record).malformed += 1;
                    }
                    return;
                }
            };
            let arrived = Instant::now();
            let last = request.is_last();
            let endpoint = format!("{} {}", request.method, request.path);
            let time = self.behaviour.times.get(&endpoint).unwrap_or(&self.behaviour.time).draw(&mut random);
            let time = time.max(self.stalled(&request.path, arrived));
            let (status, body) = self.answer(request);
            std::thread::sleep((arrived + time).saturating_duration_since(Instant::now()));
            let head = format!(
                "HTTP/1.1 {status} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n",
                if status < 400 { "OK" } else { "Refused" },
                body.len(),
                if last { "Connection: close\r\n" } else { "" },
            );
            let sent = { stream }.write_all(format!("{head}{body}").as_bytes());
            let took_us = arrived.elapsed().as_micros() as u64;
            let mut record = lock(&self.record);
            let times = record.times_us.entry(endpoint).or_default();
            if times.len() < KEPT_TIMES {
                times.push(took_us);
            }
            drop(record);
            if sent.is_err() || last {
                return;
            }
        }
    }

    /// Notes when a request came, and says how long the host stands still from then on.
    fn stalled(&self, path: &str, arrived: Instant) -> Duration {
        if path == LOGIN.1 || path == "/api/v2/health" {
            return Duration::ZERO;
        }
        let mut record = lock(&self.record);
        if record.arrivals.len() < KEPT_REQUESTS {
            record.arrivals.push(arrived);
        }
        let first = record.arrivals[0];
        let Some((from, to)) = self.behaviour.stall else { return Duration::ZERO };
        let at = arrived.saturating_duration_since(first);
        if at < from { Duration::ZERO } else { to.saturating_sub(at) }
    }

    /// Counts a request and says what it is answered with.
    fn answer(&self, request: Request) -> (u16, String) {
        let is_login = (request.method.as_str(), request.path.as_str()) == LOGIN;
        let number = if is_login { 0 } else { self.arrived.fetch_add(1, Ordering::SeqCst) + 1 };
        let mut record = lock(&self.record);
        *record.counts.entry((request.method.clone(), request.path.clone())).or_default() += 1;
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let authorized = token.is_some_and(|token| record.tokens.contains(token));
        record.unauthorized += u64::from(!authorized && !is_login);
        let failure = self.behaviour.fail.filter(|&(every, _)| !is_login && number.is_multiple_of(every));
        let (status, body) = match (failure, &self.behaviour.login) {
            (Some((_, status)), _) => {
                record.failed += 1;
                (status, json!({"detail": "made to fail"}).to_string())
            }
            (None, Some(given)) if is_login => given.clone(),
            _ if is_login => {
                let token = format!("token-{}", record.tokens.len() + 1);
                record.tokens.insert(token.clone());
                (200, json!({"access_token": token, "token_type": "bearer"}).to_string())
            }
            _ => {
                let (status, body) = answer(&request, authorized);
                (status, body.to_string())
            }
        };
        if record.seen.len() < KEPT_REQUESTS {
            record.seen.push(Seen { request, status, authorized });
        }
        (status, body)
    }
}

/// What an endpoint but the login answers.
fn answer(request: &Request, authorized: bool) -> (u16, Value) {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/v2/health") => (200, json!({"status": "healthy"})),
        ("GET", "/api/v2/projects" | "/api/v2/tasks") | ("POST", "/api/v2/tasks") if !authorized => {
            (401, json!({"detail": "Not authenticated"}))
        }
        ("GET", "/api/v2/projects") => {
            let project = |id: &str| json!({"id": id, "name": id, "description": "counted"});
            (200, json!({"projects": {"p-1": project("p-1"), "p-2": project("p-2")}, "total": 2}))
        }
        ("GET", "/api/v2/tasks") => (200, json!({"tasks": [{"id": "t-1", "title": "counted"}], "total": 1})),
        ("POST", "/api/v2/tasks") => match serde_json::from_slice::<Value>(&request.body) {
            Ok(body) if body["title"].is_string() => (201, json!({"id": "t-2", "title": body["title"]})),
            _ => (422, json!({"detail": [{"type": "missing", "loc": ["body", "title"], "msg": "Field required"}]})),
        },
        _ => (404, json!({"detail": "Not Found"})),
    }
}

impl ServiceTime {
    fn draw(self, random: &mut fastrand::Rng) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Fixed(time) => time,
            Self::Exponential(mean) => mean.mul_f64(-(1.0 - random.f64()).ln()),
            Self::Bimodal { fast, slow, slow_share } => {
                if random.f64() < slow_share {
                    slow
                } else {
                    fast
                }
            }
        }
    }
}
