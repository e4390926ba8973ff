//! An engine's replies, as its API's documentation and version 28 have them, from a server on a socket.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::*;

/// Control groups of version 2.
pub(in super::super) const V2: &str = r#"{"id":"3f2a","name":"/db","os_type":"linux","read":"2026-11-23T08:10:01.5Z","preread":"2026-11-23T08:10:00.5Z",
"pids_stats":{"current":7,"limit":18446744073709551615},
"blkio_stats":{"io_service_bytes_recursive":[{"major":254,"minor":0,"op":"read","value":8192},{"major":254,"minor":0,"op":"write","value":4096}],"io_serviced_recursive":null},
"num_procs":0,"storage_stats":{},
"cpu_stats":{"cpu_usage":{"total_usage":12500000000,"usage_in_kernelmode":2500000000,"usage_in_usermode":10000000000},"system_cpu_usage":739306590000000,"online_cpus":4,"throttling_data":{"periods":100,"throttled_periods":25,"throttled_time":2500000000}},
"precpu_stats":{"cpu_usage":{"total_usage":0},"throttling_data":{"periods":0,"throttled_periods":0,"throttled_time":0}},
"memory_stats":{"usage":73400320,"stats":{"active_anon":1,"anon":2,"file":3,"inactive_anon":4,"inactive_file":20971520},"limit":536870912},
"networks":{"eth0":{"rx_bytes":5000,"rx_packets":5,"rx_errors":0,"rx_dropped":0,"tx_bytes":30,"tx_packets":1,"tx_errors":0,"tx_dropped":0},"eth1":{"rx_bytes":338,"tx_bytes":6}}}"#;

/// Control groups of version 1: `percpu_usage`, operations with a capital letter, `total_inactive_file`.
pub(in super::super) const V1: &str = r#"{"read":"2026-11-23T08:10:01.5Z","preread":"0001-01-01T00:00:00Z","pids_stats":{"current":7},
"blkio_stats":{"io_service_bytes_recursive":[{"major":8,"minor":0,"op":"Read","value":8192},{"major":8,"minor":0,"op":"Write","value":4096},{"major":8,"minor":0,"op":"Sync","value":0},{"major":8,"minor":0,"op":"Async","value":12288},{"major":8,"minor":0,"op":"Total","value":12288}]},
"cpu_stats":{"cpu_usage":{"total_usage":12500000000,"percpu_usage":[1,2,3,4],"usage_in_kernelmode":1,"usage_in_usermode":2},"system_cpu_usage":739306590000000,"throttling_data":{"periods":100,"throttled_periods":25,"throttled_time":2500000000}},
"precpu_stats":{},"memory_stats":{"usage":73400320,"max_usage":80000000,"stats":{"cache":1,"inactive_file":10485760,"total_inactive_file":31457280},"failcnt":0,"limit":536870912},
"name":"/db","id":"3f2a","networks":{"eth0":{"rx_bytes":5338,"tx_bytes":36}}}"#;

/// Of a container that does not run.
pub(in super::super) const STOPPED: &str = r#"{"read":"0001-01-01T00:00:00Z","preread":"0001-01-01T00:00:00Z","pids_stats":{},"blkio_stats":{"io_service_bytes_recursive":null},"num_procs":0,"storage_stats":{},
"cpu_stats":{"cpu_usage":{"total_usage":0,"usage_in_kernelmode":0,"usage_in_usermode":0},"throttling_data":{"periods":0,"throttled_periods":0,"throttled_time":0}},
"precpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{},"name":"/db","id":"3f2a"}"#;

const INSPECT: &str = r#"{"Id":"3f2a9c3f2a9c3f2a9c","Created":"2026-11-20T08:00:00Z","Path":"postgres","Args":[],"State":{"Status":"running","Running":true,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"Pid":4711,"ExitCode":0,"Error":"","StartedAt":"2026-11-23T08:00:00Z","FinishedAt":"0001-01-01T00:00:00Z"},"Image":"sha256:1","Name":"/db","RestartCount":0,"HostConfig":{"NanoCpus":2000000000,"Memory":536870912,"CpusetCpus":""},"Config":{"Image":"postgres:15"}}"#;

/// A script that a fake engine follows.
#[derive(Default)]
struct Script {
    /// What it says of the container; empty: it knows none.
    inspect: Mutex<String>,
    /// A reply a word of the stream, which then hangs, or ends.
    stream: Mutex<Vec<String>>,
    ends: bool,
    /// Between words.
    every: Duration,
    streams: AtomicUsize,
    asked: Mutex<Vec<String>>,
}

impl Script {
    fn of(stream: Vec<String>) -> Self {
        Self {
            inspect: Mutex::new(INSPECT.into()),
            stream: Mutex::new(stream),
            every: Duration::from_millis(30),
            ..Self::default()
        }
    }

    async fn serve(self: Arc<Self>, mut socket: impl AsyncRead + AsyncWrite + Unpin) {
        let mut request = Vec::new();
        while socket.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
            if !request.ends_with(b"\r\n\r\n") {
                continue;
            }
            let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
            request.clear();
            self.asked.lock().unwrap().push(line.clone());
            let (status, body) = if line.contains("/version") {
                ("200 OK", r#"{"Version":"28.2.2","ApiVersion":"1.41","MinAPIVersion":"1.24"}"#.to_owned())
            } else if line.contains("/json") {
                match self.inspect.lock().unwrap().clone() {
                    none if none.is_empty() => ("404 Not Found", r#"{"message":"No such container: db"}"#.to_owned()),
                    inspect => ("200 OK", inspect),
                }
            } else {
                self.streams.fetch_add(1, Ordering::SeqCst);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
                let _ = socket.write_all(head.as_bytes()).await;
                let words = self.stream.lock().unwrap().clone();
                for word in words {
                    let word = word.replace('\n', "") + "\n";
                    let chunk = format!("{:x}\r\n{word}\r\n", word.len());
                    if socket.write_all(chunk.as_bytes()).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(self.every).await;
                }
                if self.ends {
                    let _ = socket.write_all(b"0\r\n\r\n").await;
                    return;
                }
                return std::future::pending().await;
            };
            let response = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            if socket.write_all(response.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// An engine on a socket of its own, and where it is.
fn engine(script: Script) -> (Arc<Script>, tempfile::TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let script = Arc::new(script);
    let theirs = Arc::clone(&script);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(Arc::clone(&theirs).serve(socket));
        }
    });
    let engine = Engine::new("db", &format!("unix://{}", socket.display()), folder.path().to_owned());
    (script, folder, engine)
}

/// The reply with another CPU time, seen so many seconds later.
fn word(cpu_s: f64, second: u32) -> String {
    V2.replace("12500000000,\"usage_in_kernel", &format!("{},\"usage_in_kernel", (cpu_s * 1e9) as u64)).replacen(
        "08:10:01.5Z",
        &format!("08:10:{second:02}.5Z"),
        1,
    )
}

async fn until(engine: &mut Engine, enough: impl Fn(&Result<Look, EngineError>) -> bool) -> Result<Look, EngineError> {
    for _ in 0..1000 {
        let look = engine.look(&mut BTreeMap::new()).await;
        if enough(&look) {
            return look;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 1000 looks");
}

fn cpu_s(look: &Result<Look, EngineError>) -> f64 {
    look.as_ref().map_or(0.0, |look| look.totals["cpu_s"])
}

#[tokio::test]
async fn one_stream_is_followed_and_a_look_takes_its_newest_word() {
    let (script, _folder, mut engine) = engine(Script::of((1..=5).map(|n| word(f64::from(n), n)).collect()));
    let mut facts = BTreeMap::new();
    let first = engine.look(&mut facts).await.unwrap();
    assert_eq!((first.gauges["cpus"], first.gauges["memory_limit_bytes"]), (2.0, 536_870_912.0));
    let at = format!("28.2.2 at {}", engine.host());
    let known: Vec<(&str, &str)> = facts.iter().map(|(name, fact)| (name.as_str(), fact.as_str())).collect();
    assert_eq!(
        known,
        [
            ("cpus", "2"),
            ("engine", at.as_str()),
            ("id", "3f2a9c3f2a9c"),
            ("image", "postgres:15"),
            ("memory limit", "512 MiB")
        ]
    );
    let last = until(&mut engine, |look| cpu_s(look) == 5.0).await.unwrap();
    assert!(last.at.unwrap() > first.at.unwrap());
    // The same word again is the same look: it has the same time.
    assert_eq!(engine.look(&mut facts).await.unwrap().at, last.at);
    assert_eq!(script.streams.load(Ordering::SeqCst), 1);
    let asked = script.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|line| line.starts_with("GET ")), "it only reads: {asked:?}");
    let stats = asked.iter().find(|line| line.contains("/stats")).unwrap();
    assert!(stats.contains("/containers/3f2a9c3f2a9c3f2a9c/stats?"), "by its id: {stats}");
    assert!(stats.contains("stream=true") && stats.contains("one-shot=false"), "{stats}");
}

#[tokio::test]
async fn an_engine_is_found_by_tcp_too() {
    let script = Arc::new(Script::of(vec![V1.to_owned()]));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            tokio::spawn(Arc::clone(&script).serve(listener.accept().await.unwrap().0));
        }
    });
    let look = Engine::new("db", &host, "/nowhere".into()).look(&mut BTreeMap::new()).await.unwrap();
    assert_eq!((look.totals["cpu_s"], look.gauges["cpus"]), (12.5, 2.0));
}

#[tokio::test]
async fn a_restart_is_a_gap_and_then_it_is_followed_anew() {
    let (script, _folder, mut engine) = engine(Script::of(vec![word(9.0, 1), word(0.5, 3)]));
    assert_eq!(
        until(&mut engine, Result::is_err).await.unwrap_err(),
        EngineError::Container("db was restarted".into())
    );
    *script.stream.lock().unwrap() = vec![word(0.75, 4)];
    let look = engine.look(&mut BTreeMap::new()).await;
    assert!(cpu_s(&look) == 0.75 && look.is_ok_and(|look| look.anew), "its counters are not those of the life before");
    assert_eq!(script.streams.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_became_of_one_that_does_not_run_is_said() {
    let (script, _folder, mut engine) = engine(Script::of(vec![word(9.0, 1), STOPPED.to_owned()]));
    engine.look(&mut BTreeMap::new()).await.unwrap();
    let killed =
        INSPECT.replace("\"Running\":true", "\"Running\":false").replace("\"OOMKilled\":false", "\"OOMKilled\":true");
    *script.inspect.lock().unwrap() = killed.replace("\"ExitCode\":0", "\"ExitCode\":137");
    let why = |error: EngineError| match error {
        EngineError::Container(why) => why,
        EngineError::NoEngine(why) => panic!("there is one: {why}"),
    };
    let killed = until(&mut engine, Result::is_err).await.unwrap_err();
    assert_eq!(why(killed), "db: it was killed for want of memory");
    *script.inspect.lock().unwrap() =
        INSPECT.replace("\"Running\":true", "\"Running\":false").replace("\"ExitCode\":0", "\"ExitCode\":1");
    assert_eq!(why(engine.look(&mut BTreeMap::new()).await.unwrap_err()), "db: it does not run, exit code 1");
    script.inspect.lock().unwrap().clear();
    let unknown = format!("the engine at {} knows no container db: `docker ps` lists them", engine.host());
    assert_eq!(why(engine.look(&mut BTreeMap::new()).await.unwrap_err()), unknown);
}

#[tokio::test]
async fn a_stream_that_ends_is_followed_anew_and_an_engine_that_is_gone_is_said() {
    let script = Script { ends: true, ..Script::of(vec![word(1.0, 1)]) };
    let (script, folder, mut engine) = engine(script);
    engine.look(&mut BTreeMap::new()).await.unwrap();
    let ended = until(&mut engine, Result::is_err).await.unwrap_err();
    assert_eq!(ended, EngineError::Container("db: its figures have ended".into()));
    assert!(engine.look(&mut BTreeMap::new()).await.is_ok());
    assert_eq!(script.streams.load(Ordering::SeqCst), 2);
    std::fs::remove_file(folder.path().join("docker.sock")).unwrap();
    engine.following = None;
    assert!(matches!(engine.look(&mut BTreeMap::new()).await, Err(EngineError::NoEngine(_))));
}

#[tokio::test]
async fn what_the_engine_said_long_ago_is_no_longer_so() {
    let (_script, _folder, mut engine) = engine(Script::of(vec![word(1.0, 1)]));
    engine.look(&mut BTreeMap::new()).await.unwrap();
    let following = engine.following.as_mut().unwrap();
    let long_ago = Instant::now().checked_sub(Duration::from_secs(7)).unwrap();
    let (_tell, newest) = watch::channel(Newest::Told(Box::new(serde_json::from_str(V2).unwrap()), long_ago));
    following.newest = newest;
    let told = engine.look(&mut BTreeMap::new()).await.unwrap_err();
    assert_eq!(told, EngineError::Container(format!("the engine at {} has told nothing for 7 s", engine.host())));
}

#[test]
fn the_engine_s_clock_gives_spans_that_late_delivery_does_not_stretch() {
    let (zero, read): (Instant, Timestamp) = (Instant::now(), "2026-11-23T08:10:00Z".parse().unwrap());
    let mut times = Times::default();
    let mut at = |read_ms: i64, came_ms: u64| {
        let came = zero + Duration::from_millis(came_ms);
        times.at(read + jiff::SignedDuration::from_millis(read_ms), came).duration_since(zero).as_millis()
    };
    assert_eq!(at(0, 500), 500);
    assert_eq!(at(1000, 1900), 1500, "delivered late, seen on time");
    assert_eq!(at(2000, 2300), 2300, "quicker than ever: the new measure");
    assert_eq!(at(3000, 3400), 3300);
    assert_eq!(at(-60_000, 4400), 4400, "its clock was set back");
    assert_eq!(at(-59_000, 5450), 5400);
}
