//! Runs the built binary in a folder of its own, and finds what it wrote.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a run may take that was given no time of its own.
const PATIENCE: Duration = Duration::from_mins(2);

/// An empty folder in which the binary is run. Gone when dropped.
#[derive(Debug)]
pub struct Workbench {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// A binary that runs. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    started: Instant,
    stdout: Option<Collector>,
    stderr: Option<Collector>,
}

/// What a pipe has brought so far, and the thread that empties it.
#[derive(Debug)]
struct Collector {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

/// What a run ended with.
#[derive(Debug)]
pub struct Outcome {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    /// It was killed because it took too long.
    pub timed_out: bool,
}

impl Workbench {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), environment: Vec::new() }
    }

    /// Sets a variable of every later run.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, e.g. a scenario; its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder");
        }
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Runs the binary to its end, for two minutes at most.
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.start(args).finish(PATIENCE)
    }

    /// Runs the binary to its end, for `limit` at most.
    pub fn run_for(&self, args: &[&str], limit: Duration) -> Outcome {
        self.start(args).finish(limit)
    }

    /// Starts the binary. Of this process' environment it does not see what would steer it.
    pub fn start(&self, args: &[&str]) -> Running {
        let binary = env!("CARGO_BIN_EXE_agenthub-perf");
        let mut command = Command::new(binary);
        command.args(args).current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if ["AGENTHUB_", "GITHUB_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.env("NO_COLOR", "1").envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().expect("the built binary starts");
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Running { child, started: Instant::now(), stdout: stdout.map(collect), stderr: stderr.map(collect) }
    }

    /// The result folders, the oldest first: their names begin with the time.
    pub fn results(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path().join("results")) else { return Vec::new() };
        let mut folders: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
        folders.sort();
        folders
    }

    /// Waits until the journal of a running load has its first seconds.
    pub fn wait_for_journal(&self) {
        let began = Instant::now();
        let written = |folder: &PathBuf| {
            std::fs::read_to_string(folder.join("samples.ndjson")).is_ok_and(|text| text.contains("\"second\""))
        };
        while !self.results().last().is_some_and(written) {
            assert!(began.elapsed() < PATIENCE, "no journal in {}", self.path().display());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The newest result folder.
    pub fn newest_result(&self) -> PathBuf {
        self.results().pop().unwrap_or_else(|| panic!("no result in {}", self.path().join("results").display()))
    }

    /// `result.json` of the newest result.
    pub fn result(&self) -> Value {
        let path = self.newest_result().join("result.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal: `INT`, `TERM`, `KILL`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "SIG{name} did not reach {}", self.pid());
    }

    /// Waits until standard error has this text.
    pub fn wait_for_error(&self, text: &str) {
        let began = Instant::now();
        while !self.stderr.as_ref().is_some_and(|stderr| stderr.so_far().contains(text)) {
            assert!(began.elapsed() < PATIENCE, "{text:?} was never said");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the first line on standard output, without its end.
    pub fn first_line(&mut self) -> String {
        let began = Instant::now();
        loop {
            let so_far = self.stdout.as_ref().map(Collector::so_far).unwrap_or_default();
            if let Some((line, _)) = so_far.split_once('\n') {
                return line.to_owned();
            }
            assert!(self.is_running() && began.elapsed() < PATIENCE, "no line on standard output");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    /// Waits for its end, and kills it after `limit`.
    pub fn finish(mut self, limit: Duration) -> Outcome {
        let mut timed_out = false;
        let status = loop {
            if let Some(status) = self.ended() {
                break status;
            }
            if self.started.elapsed() > limit {
                timed_out = true;
                // Fails only where it has just ended.
                let _ = self.child.kill();
                break self.child.wait().expect("a child of ours");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let took = self.started.elapsed();
        let text = |collector: Option<Collector>| collector.map_or_else(String::new, Collector::whole);
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        Outcome { code: status.code(), stdout: text(stdout), stderr: text(stderr), took, timed_out }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Outcome {
    /// Fails, showing all that was printed, unless the run ended by itself with this code.
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert!(!self.timed_out, "killed after {:?}\n{self}", self.took);
        assert_eq!(self.code, Some(code), "after {:?}\n{self}", self.took);
        self
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"))
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "── stdout\n{}\n── stderr\n{}", self.stdout, self.stderr)
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> Collector {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&bytes);
    let thread = std::thread::spawn(move || {
        let mut some = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut some) {
            theirs.lock().unwrap().extend_from_slice(&some[..read]);
        }
    });
    Collector { bytes, thread }
}

impl Collector {
    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn whole(self) -> String {
        let Self { bytes, thread } = self;
        thread.join().unwrap();
        let bytes = bytes.lock().unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The guide's user in the scenario format, with another think time: `"none"`, `{ between = ["1s", "5s"] }`.
pub fn guide_user(wait: &str) -> String {
    format!(
        r#"name = "agenthub user"
wait = {wait}

[[on_start]]
name = "log in"
post = "/api/v2/auth/login"
json = {{ email = "test@example.com", password = "testpassword" }}
capture = {{ token = "$.access_token" }}

[[task]]
name = "view projects"
weight = 3
get = "/api/v2/projects"
bearer = "{{{{token}}}}"

[[task]]
name = "view tasks"
weight = 2
get = "/api/v2/tasks"
bearer = "{{{{token}}}}"

[[task]]
name = "create task"
weight = 1
post = "/api/v2/tasks"
bearer = "{{{{token}}}}"
json = {{ title = "Load test task", description = "Automated load test task" }}
"#
    )
}

/// The same user with one of two accounts, which `serve --email test@example.com --password right` lets in and refuses.
pub fn user_of_two_accounts(bench: &Workbench, wait: &str) -> String {
    bench.write("accounts.csv", "email,password\ntest@example.com,right\nnobody@example.com,wrong\n");
    let (known, of_file) = (
        "\"test@example.com\", password = \"testpassword\"",
        "\"{{account.email}}\", password = \"{{account.password}}\"",
    );
    let feeder = "[feeders.account]\nfile = \"accounts.csv\"\nper = \"user\"\nsecret = [\"password\"]\n\n[[on_start]]";
    guide_user(wait).replace(known, of_file).replacen("[[on_start]]", feeder, 1)
}

/// A scenario whose only task is a GET of `path`, without a login; `more` are further keys of the task.
pub fn only_get(path: &str, wait: &str, more: &str) -> String {
    format!("name = \"only get\"\nwait = {wait}\n\n[[task]]\nname = \"get\"\nget = \"{path}\"\n{more}\n")
}
