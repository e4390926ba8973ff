//! The synthetic server: threads of its own, no runtime, and its own record of what it did.
//!
//! A thread a connection reads; one thread answers, each request at its instant: it sleeps until shortly before, and spins
//! the rest. How late it was all the same is in its record, and what it wrote down is when it really answered.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::schedule::{Answer, Behaviour, Schedule};

/// The last stretch before an answer, which is spun: longer than a sleep is late.
const SPIN: Duration = Duration::from_micros(150);

/// The largest head of a request, bytes.
const LARGEST_HEAD: usize = 16 << 10;

/// A thread that only reads needs little.
const STACK: usize = 128 << 10;

/// The body of a right answer; scenarios expect it.
pub(super) const RIGHT_BODY: &str = "{\"answer\":\"right\"}";
const WRONG_BODY: &str = "{\"answer\":\"wrong\"}";

/// One request as the server saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// When its last byte had come, µs since the server's start.
    pub at_us: u64,
    /// From then to when the last byte of the answer was written, ns.
    pub took_ns: u64,
    /// How much later than planned that was, ns.
    pub late_ns: u64,
    /// How it was answered.
    pub answer: Answer,
    /// The N of `/known/N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<u32>,
}

/// What a server wrote down of its whole life.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// All requests, in the order in which they were answered.
    pub served: Vec<Served>,
    /// CPU seconds that its process used.
    pub cpu_s: f64,
}

/// A synthetic server that runs.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    zero: Instant,
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Debug)]
struct Work {
    schedule: Schedule,
    /// The earliest on top.
    waiting: BinaryHeap<Reverse<Job>>,
    taken: u64,
    served: Vec<Served>,
    closed: bool,
}

#[derive(Debug)]
struct Job {
    due_ns: u64,
    /// Among those due at once: who came first.
    turn: u64,
    at_ns: u64,
    answer: Answer,
    pattern: Option<u32>,
    stream: Arc<TcpStream>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1 and serves.
    pub fn start(behaviour: Behaviour, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let work = Work {
            schedule: Schedule::new(behaviour, seed),
            waiting: BinaryHeap::new(),
            taken: 0,
            served: Vec::new(),
            closed: false,
        };
        let shared = Arc::new(Shared { zero: Instant::now(), work: Mutex::new(work), changed: Condvar::new() });
        let (taker, answerer) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            Builder::new().name("synthetic-accept".to_owned()).spawn(move || taker.accept(&listener))?,
            Builder::new().name("synthetic-answer".to_owned()).spawn(move || answerer.answer())?,
        ];
        Ok(Self { address, shared, threads })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers what is waiting, then ends, and hands out what it wrote down.
    pub fn stop(self) -> Record {
        self.shared.work().closed = true;
        self.shared.changed.notify_all();
        // Wakes the thread that accepts. Where it cannot be connected to, that thread has ended.
        let _ = TcpStream::connect(self.address);
        for thread in self.threads {
            let _ = thread.join();
        }
        Record { served: std::mem::take(&mut self.shared.work().served), cpu_s: process_cpu_s() }
    }
}

/// CPU seconds that this process has used.
pub(super) fn process_cpu_s() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ns(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.zero).as_nanos() as u64
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.work().closed {
                return;
            }
            let Ok(stream) = stream else { continue };
            let shared = Arc::clone(self);
            // Where no thread can be had the connection is closed, which the generator will count.
            let _ =
                Builder::new().name("synthetic-read".to_owned()).stack_size(STACK).spawn(move || shared.read(stream));
        }
    }

    /// Reads the requests of one connection, and plans each.
    fn read(&self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        let mut head = Vec::with_capacity(1024);
        let mut some = [0; 2048];
        loop {
            let Ok(read @ 1..) = (&*stream).read(&mut some) else { return };
            let at_ns = self.ns(Instant::now());
            head.extend_from_slice(&some[..read]);
            if head.ends_with(b"\r\n\r\n") {
                self.take(at_ns, pattern(&head), Arc::clone(&stream));
                head.clear();
            } else if head.len() > LARGEST_HEAD {
                return;
            }
        }
    }

    fn take(&self, at_ns: u64, pattern: Option<u32>, stream: Arc<TcpStream>) {
        let mut work = self.work();
        let plan = work.schedule.plan(at_ns, pattern);
        work.taken += 1;
        let job = Job { due_ns: plan.due_ns, turn: work.taken, at_ns, answer: plan.answer, pattern, stream };
        let first = work.waiting.peek().is_none_or(|Reverse(next)| job < *next);
        work.waiting.push(Reverse(job));
        drop(work);
        if first {
            self.changed.notify_one();
        }
    }

    /// Answers every request at its instant, until the server is closed and nothing is waiting.
    fn answer(&self) {
        let mut work = self.work();
        loop {
            let now_ns = self.ns(Instant::now());
            match work.waiting.peek().map(|Reverse(next)| next.due_ns) {
                None if work.closed => return,
                None => work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner),
                Some(due_ns) if due_ns <= now_ns => {
                    let Some(Reverse(job)) = work.waiting.pop() else { continue };
                    drop(work);
                    write_answer(&job.stream, job.answer);
                    let end_ns = self.ns(Instant::now());
                    work = self.work();
                    work.served.push(Served {
                        at_us: job.at_ns / 1000,
                        took_ns: end_ns.saturating_sub(job.at_ns),
                        late_ns: end_ns.saturating_sub(job.due_ns),
                        answer: job.answer,
                        pattern: job.pattern,
                    });
                }
                Some(due_ns) => match Duration::from_nanos(due_ns - now_ns).checked_sub(SPIN) {
                    Some(left) if !left.is_zero() => {
                        work = self.changed.wait_timeout(work, left).unwrap_or_else(PoisonError::into_inner).0;
                    }
                    _ => {
                        // Others may come meanwhile, and one of them may be due before.
                        drop(work);
                        std::hint::spin_loop();
                        work = self.work();
                    }
                },
            }
        }
    }
}

/// The N of `GET /known/N`.
fn pattern(head: &[u8]) -> Option<u32> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let target = std::str::from_utf8(line).ok()?.split(' ').nth(1)?;
    target.strip_prefix("/known/")?.parse().ok()
}

/// What cannot be written was not wanted any more: the generator has closed the connection.
fn write_answer(stream: &TcpStream, answer: Answer) {
    let whole = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    let send = |text: &str| {
        let mut stream = stream;
        let _ = stream.write_all(text.as_bytes());
    };
    match answer {
        Answer::Right => send(&whole("200 OK", RIGHT_BODY)),
        Answer::WrongBody => send(&whole("200 OK", WRONG_BODY)),
        Answer::Status => send(&whole("503 Service Unavailable", RIGHT_BODY)),
        Answer::CutBody => {
            let text = whole("200 OK", RIGHT_BODY);
            send(&text[..text.len() - RIGHT_BODY.len() / 2]);
            let _ = stream.shutdown(Shutdown::Both);
        }
        Answer::Reset => {
            // Closed with nothing to linger for, a socket sends RST in place of FIN. Its reader wakes up and closes it.
            let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

impl Ord for Job {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due_ns, self.turn).cmp(&(other.due_ns, other.turn))
    }
}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Job {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::schedule::Pattern;

    /// The answer to a GET on a connection of its own, as far as it comes.
    fn get(server: &Server, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(server.address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: here\r\n\r\n")?;
        let (mut text, mut some) = (String::new(), [0; 512]);
        let whole = |text: &str| text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() == RIGHT_BODY.len());
        while !whole(&text) {
            match stream.read(&mut some)? {
                0 => break,
                read => text.push_str(&String::from_utf8_lossy(&some[..read])),
            }
        }
        Ok(text)
    }

    #[test]
    fn a_request_takes_what_was_planned_and_is_written_down() {
        let server = Server::start(Behaviour::Fixed { delay_us: 20_000 }, 1).unwrap();
        for _ in 0..2 {
            assert!(get(&server, "/known").unwrap().ends_with(RIGHT_BODY));
        }
        let record = server.stop();
        assert_eq!(record.served.len(), 2);
        for served in record.served {
            assert_eq!((served.answer, served.pattern), (Answer::Right, None));
            assert_eq!(served.took_ns - served.late_ns, 20_000_000, "{served:?}");
        }
    }

    #[test]
    fn many_requests_on_one_connection_are_each_written_down() {
        let server = Server::start(Behaviour::Queue { mean_us: 100 }, 1).unwrap();
        let mut stream = TcpStream::connect(server.address).unwrap();
        let length = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 18\r\n\r\n".len() + 18;
        let mut answer = vec![0; length];
        for _ in 0..50 {
            stream.write_all(b"GET /known HTTP/1.1\r\n").unwrap();
            stream.write_all(b"host: here\r\n\r\n").unwrap();
            stream.read_exact(&mut answer).unwrap();
            assert!(answer.ends_with(RIGHT_BODY.as_bytes()));
        }
        assert_eq!(server.stop().served.len(), 50);
    }

    #[test]
    fn known_requests_fail_in_known_ways() {
        let server = Server::start(Behaviour::Faults { patterns: 2 }, 5).unwrap();
        let mut known = Pattern::new(5, 1);
        let mut expected = Vec::new();
        // Fewer would leave one of the kinds out.
        while expected.len() < 8 || Answer::FAILURES.iter().any(|kind| !expected.contains(kind)) {
            expected.push(known.next());
            let seen = get(&server, "/known/1");
            match expected.last().unwrap() {
                Answer::Right => assert!(seen.unwrap().ends_with(RIGHT_BODY)),
                Answer::WrongBody => assert!(seen.unwrap().ends_with(WRONG_BODY)),
                Answer::Status => assert!(seen.unwrap().starts_with("HTTP/1.1 503 ")),
                Answer::CutBody => {
                    assert!(seen.unwrap().ends_with(&format!("\r\n\r\n{}", &RIGHT_BODY[..RIGHT_BODY.len() / 2])));
                }
                Answer::Reset => assert_eq!(seen.unwrap_err().kind(), io::ErrorKind::ConnectionReset),
            }
        }
        let record = server.stop();
        assert_eq!(record.served.iter().map(|served| served.answer).collect::<Vec<_>>(), expected);
        assert!(record.served.iter().all(|served| served.pattern == Some(1)));
    }

    #[test]
    fn a_record_survives_its_way_to_the_parent() {
        let served = Served { at_us: 1, took_ns: 2, late_ns: 3, answer: Answer::CutBody, pattern: Some(4) };
        let record = Record { served: vec![served, Served { pattern: None, ..served }], cpu_s: 0.5 };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
