//! Private servers on free ports of 127.0.0.1, from the configuration files of `config/`: PostgreSQL, Redis, nginx.
//! Each has a temporary folder of its own and ends when dropped, by its own pid.
//!
//! A started PostgreSQL is a copy of a data folder that is made once a build, and waits in Cargo's folder for tests:
//! a few tenths of a second where `initdb` takes more than one.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The project's configuration files.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
/// Of every role, the superuser `postgres` too.
const PASSWORD: &str = "only-for-tests";
/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// A PostgreSQL with the database `agenthub`, the roles `agenthub` (its owner) and `agenthub_monitor` (`pg_monitor`
/// only), and `pg_stat_statements`.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    port: u16,
    server: Option<Server>,
}

impl Postgres {
    pub fn start() -> Self {
        let folder = reachable_folder();
        let copied = Command::new("cp").arg("-a").arg(template()).arg(folder.path().join("data")).status();
        assert!(copied.expect("cp runs").success(), "the template of a data folder cannot be copied");
        let mut postgres = Self { folder, port: free_port(), server: None };
        postgres.start_again();
        postgres
    }

    /// As the service's own role.
    pub fn url(&self) -> String {
        format!("postgres://agenthub:{PASSWORD}@127.0.0.1:{}/agenthub", self.port)
    }

    /// As the role that a probe has.
    pub fn monitor_url(&self) -> String {
        format!("postgres://agenthub_monitor:{PASSWORD}@127.0.0.1:{}/agenthub", self.port)
    }

    /// The postmaster's.
    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("it runs").pid()
    }

    /// What psql prints for `text`, run by the superuser in the service's database: a line a row, `|` between columns.
    pub fn sql(&self, text: &str) -> String {
        let printed = psql(self.port, "agenthub").args(["-c", text]).output().expect("psql runs");
        assert!(printed.status.success(), "{text}\n{}", String::from_utf8_lossy(&printed.stderr));
        String::from_utf8_lossy(&printed.stdout).trim_end().to_owned()
    }

    /// Holds what `text` takes in a transaction, e.g. `LOCK TABLE tasks`, until dropped.
    pub fn holding(&self, text: &str) -> Held {
        let mut command = psql(self.port, "agenthub");
        let mut psql = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql runs");
        let (mut stdin, stdout) = (psql.stdin.take().expect("piped"), psql.stdout.take().expect("piped"));
        writeln!(stdin, "BEGIN; {text};\n\\echo held").expect("psql reads");
        let mut said = String::new();
        BufReader::new(stdout).read_line(&mut said).expect("psql writes");
        assert_eq!(said, "held\n", "{text}");
        Held { psql, stdin: Some(stdin) }
    }

    /// One of PostgreSQL's own programs, e.g. `pgbench`.
    pub fn program(name: &str) -> PathBuf {
        postgres_program(name)
    }

    /// Ends it, its clients' connections at once; its data stay.
    pub fn stop(&mut self) {
        drop(self.server.take());
    }

    /// Starts it again, where it was.
    pub fn start_again(&mut self) {
        self.server = Some(postmaster(&self.folder.path().join("data"), self.port));
    }

    /// Starts it again as a standby, whose primary is silent.
    pub fn become_standby(&mut self) {
        self.stop();
        fs::write(self.folder.path().join("data/standby.signal"), "").expect("a file");
        self.start_again();
    }
}

/// A transaction that holds a lock. Rolled back when dropped.
#[derive(Debug)]
pub struct Held {
    psql: Child,
    stdin: Option<ChildStdin>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // At the end of its input psql ends, and its transaction with it.
        drop(self.stdin.take());
        let _ = self.psql.wait();
    }
}

/// A Redis with nothing in it.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    server: Option<Server>,
}

impl Redis {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With other settings than the project's, as arguments: `--maxmemory 2mb`.
    pub fn with(settings: &[&str]) -> Self {
        let settings = settings.iter().map(|word| (*word).to_owned()).collect();
        let mut redis = Self { folder: reachable_folder(), port: free_port(), settings, server: None };
        redis.start_again();
        redis
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its own.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("it runs").pid()
    }

    /// What redis-cli prints.
    pub fn cli(&self, args: &[&str]) -> String {
        let printed =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(args).output().expect("redis-cli runs");
        assert!(printed.status.success(), "{args:?}\n{}", String::from_utf8_lossy(&printed.stderr));
        String::from_utf8_lossy(&printed.stdout).trim_end().to_owned()
    }

    pub fn stop(&mut self) {
        drop(self.server.take());
    }

    /// Starts it again on its port, empty.
    pub fn start_again(&mut self) {
        let mut command = Command::new("redis-server");
        command.arg(format!("{CONFIG}/redis/redis.conf")).args(["--port", &self.port.to_string(), "--dir"]);
        command.arg(self.folder.path()).args(&self.settings);
        let server = Server::spawn(&mut command, self.folder.path(), "TERM");
        self.server = Some(server.listening_at(self.port));
    }
}

/// An nginx.
#[derive(Debug)]
pub struct Nginx {
    folder: TempDir,
    port: u16,
    server: Server,
}

impl Nginx {
    /// The project's, in front of a service at `upstream` (`127.0.0.1:8000`).
    pub fn in_front_of(upstream: &str) -> Self {
        let template = fs::read_to_string(format!("{CONFIG}/nginx/nginx.conf.template")).expect("the template");
        Self::with(|folder, port| {
            template
                .replace("${AGENTHUB_LISTEN}", &format!("127.0.0.1:{port}"))
                .replace("${AGENTHUB_UPSTREAM}", upstream)
                .replace("${AGENTHUB_FOLDER}", &folder.display().to_string())
                .replace("${AGENTHUB_STATUS_FROM}", "127.0.0.1")
        })
    }

    /// One of few lines, with these directives in its `http` block: serves a page of 300 bytes at `/page`, where `/moved`
    /// leads.
    pub fn with_directives(http: &str) -> Self {
        Self::with_page(1, http, "")
    }

    /// The same of two workers, with a `stub_status`.
    pub fn with_status() -> Self {
        Self::with_page(2, "", "location = /nginx_status { stub_status; allow 127.0.0.1; deny all; }")
    }

    fn with_page(workers: u32, http: &str, locations: &str) -> Self {
        Self::with(|folder, port| {
            fs::create_dir(folder.join("html")).expect("a folder");
            fs::write(folder.join("html/page"), "x".repeat(300)).expect("a file");
            let at = folder.display();
            format!(
                "pid {at}/pid; error_log {at}/error.log; worker_processes {workers}; events {{ worker_connections 512; }}\n\
                 http {{ access_log off; client_body_temp_path {at}/a; proxy_temp_path {at}/b; fastcgi_temp_path {at}/c;\n\
                 uwsgi_temp_path {at}/d; scgi_temp_path {at}/e; {http}\n\
                 server {{ listen 127.0.0.1:{port}; root {at}/html; {locations} location = /moved {{ return 301 /page; }} }} }}\n"
            )
        })
    }

    /// One with this configuration, by its folder and port.
    pub fn with(configuration: impl FnOnce(&Path, u16) -> String) -> Self {
        let (folder, port) = (reachable_folder(), free_port());
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration(folder.path(), port)).expect("a file");
        Self::run(folder, port)
    }

    fn run(folder: TempDir, port: u16) -> Self {
        let file = folder.path().join("nginx.conf");
        let mut command = Command::new(program("nginx", &["/usr/sbin", "/usr/local/sbin"]));
        command.arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(&file);
        // TERM lets the master end its workers, KILL would leave them.
        let server = Server::spawn(command.args(["-g", &format!("daemon off; {}", user())]), folder.path(), "TERM");
        Self { folder, port, server: server.listening_at(port) }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where its `stub_status` is, if it has one.
    pub fn status_url(&self) -> String {
        format!("{}/nginx_status", self.url())
    }

    /// Another configuration text from now on, over a reload; what nginx says against it fails the test.
    pub fn reconfigure(&self, text: &str) {
        fs::write(self.configuration(), text).expect("a file");
        self.reload();
    }

    /// Reads its files again.
    pub fn reload(&self) {
        let log = self.folder.path().join("error.log");
        let mut tried = Command::new(program("nginx", &["/usr/sbin", "/usr/local/sbin"]));
        tried.arg("-t").arg("-e").arg(log).arg("-c").arg(self.configuration()).args(["-g", user()]);
        let tried = tried.output().expect("nginx runs");
        assert!(tried.status.success(), "{}", String::from_utf8_lossy(&tried.stderr));
        succeeded(Command::new("kill").args(["-s", "HUP", &self.pid().to_string()]));
    }

    /// Ends it, and starts it with what is in its files now.
    pub fn restart(self) -> Self {
        let Self { folder, port, server } = self;
        drop(server);
        Self::run(folder, port)
    }

    /// Its configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("nginx.conf")
    }

    /// The master's.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }
}

/// As root nginx would give its workers another user, who must not see a private folder: stay who we are.
fn user() -> &'static str {
    if cfg!(target_os = "linux") { "user root;" } else { "" }
}

/// A running program. When dropped it is asked to end with its signal, and waited for.
#[derive(Debug)]
struct Server {
    child: Child,
    signal: &'static str,
    log: PathBuf,
}

impl Server {
    /// What it prints goes to a file in `folder`.
    fn spawn(command: &mut Command, folder: &Path, signal: &'static str) -> Self {
        let log = folder.join("log");
        let file = fs::File::create(&log).expect("a file");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} (scripts/test.sh installs it): {error}"));
        Self { child, signal, log }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until somebody can connect.
    fn listening_at(self, port: u16) -> Self {
        self.ready(|| TcpStream::connect(("127.0.0.1", port)).is_ok())
    }

    fn ready(mut self, answers: impl Fn() -> bool) -> Self {
        let began = Instant::now();
        while !answers() {
            let ended = self.child.try_wait().expect("a child of ours");
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "not started ({ended:?}): {}",
                fs::read_to_string(&self.log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        self
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-s", self.signal, &self.child.id().to_string()]).status();
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Starts the postmaster of a data folder, and waits until it answers.
fn postmaster(data: &Path, port: u16) -> Server {
    let mut command = as_postgres(&postgres_program("postgres"));
    // Nothing here has to outlive a power cut.
    command.arg("-D").arg(data).args(["-F", "-p", &port.to_string()]);
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    // INT ends it and its clients' connections in an orderly way.
    let folder = data.parent().expect("it is in a folder of ours");
    let answers =
        || psql(port, "postgres").args(["-c", "select 1"]).output().is_ok_and(|output| output.status.success());
    Server::spawn(&mut command, folder, "INT").listening_at(port).ready(answers)
}

/// psql as the superuser, printing rows alone.
fn psql(port: u16, database: &str) -> Command {
    let mut command = Command::new(postgres_program("psql"));
    command.args([
        "-X",
        "-A",
        "-t",
        "-q",
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
        "-U",
        "postgres",
        "-d",
        database,
    ]);
    command.args(["-v", "ON_ERROR_STOP=1"]).env("PGPASSWORD", PASSWORD);
    for role in ["AGENTHUB_PASSWORD", "AGENTHUB_MONITOR_PASSWORD"] {
        command.env(role, PASSWORD);
    }
    command
}

/// A data folder with everything in it, made where there is none of this version and configuration.
fn template() -> PathBuf {
    let configuration = fs::read(format!("{CONFIG}/postgres/postgresql.conf")).expect("postgresql.conf");
    let setup = format!("{CONFIG}/postgres/setup.sql");
    let version = succeeded(Command::new(postgres_program("postgres")).arg("--version")).stdout;
    let mut hash = Sha256::new();
    for part in [&version, &configuration, &fs::read(&setup).expect("setup.sql")] {
        hash.update(part);
    }
    let hash = format!("{:x}", hash.finalize());
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres-{}", &hash[..12]));
    if kept.exists() {
        return kept;
    }

    let folder = reachable_folder();
    let (data, password) = (folder.path().join("data"), folder.path().join("password"));
    fs::create_dir(&data).expect("a folder");
    fs::write(&password, PASSWORD).expect("a file");
    if rustix::process::geteuid().is_root() {
        succeeded(Command::new("chown").arg("postgres:").arg(&data));
    }
    let mut initdb = as_postgres(&postgres_program("initdb"));
    initdb.arg("-D").arg(&data).arg("--pwfile").arg(&password);
    succeeded(initdb.args(["-N", "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=scram-sha-256"]));
    fs::write(data.join("postgresql.conf"), configuration).expect("a file");
    let port = free_port();
    let server = postmaster(&data, port);
    succeeded(psql(port, "postgres").args(["-f", &setup]));
    drop(server);
    // Two tests may both have come here: the copy of one stays, and a half of one is never seen.
    let half = kept.with_extension(format!("{}-{port}", std::process::id()));
    succeeded(Command::new("cp").arg("-a").arg(&data).arg(&half));
    if fs::rename(&half, &kept).is_err() {
        fs::remove_dir_all(&half).expect("a folder of ours");
    }
    kept
}

fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} (scripts/test.sh installs it): {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program).current_dir("/");
    command
}

/// Another PostgreSQL to test against: the folder of its `postgres` and `initdb`. What else there is not there, psql above
/// all, is this machine's.
const POSTGRES_BIN: &str = "AGENTHUB_PERF_TEST_POSTGRES_BIN";

/// A program of PostgreSQL's: the newest version, which Debian keeps out of the search path, unless another is asked for.
fn postgres_program(name: &str) -> PathBuf {
    if let Some(bin) = std::env::var_os(POSTGRES_BIN).map(PathBuf::from) {
        assert!(bin.join("postgres").exists(), "{POSTGRES_BIN}: there is no postgres in {}", bin.display());
        if bin.join(name).exists() {
            return bin.join(name);
        }
    }
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    versions.sort_by_key(|bin| {
        bin.parent().and_then(|version| version.file_name()?.to_str()?.parse::<u32>().ok()).unwrap_or(0)
    });
    let folders: Vec<&str> = versions.iter().rev().filter_map(|bin| bin.to_str()).collect();
    program(name, &folders)
}

/// A program in one of these folders, else wherever the search path has it.
fn program(name: &str, folders: &[&str]) -> PathBuf {
    let found = folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from(name))
}

/// A temporary folder that the user postgres can reach.
fn reachable_folder() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().expect("a temporary folder")
}

/// Free a moment ago; what takes it next is most likely the server that it is for.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}
