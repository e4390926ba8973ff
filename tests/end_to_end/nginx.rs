//! A real nginx: connections that it closes after so many requests are opened again, and cost no failure.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::endpoint;
use crate::support::harness::{Workbench, only_get};

/// A private nginx on a free port. Ends when dropped.
struct Nginx {
    child: Child,
    url: String,
}

impl Nginx {
    fn start(bench: &Workbench, http: &str) -> Self {
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx", "/opt/homebrew/bin/nginx"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.exists())
            .expect("nginx is installed: scripts/test.sh installs it");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = bench.path().join("nginx");
        std::fs::create_dir_all(folder.join("html")).unwrap();
        std::fs::write(folder.join("html/page"), "x".repeat(300)).unwrap();
        let at = folder.display();
        let configuration = format!(
            "daemon off; pid {at}/pid; error_log {at}/error.log; worker_processes 1; events {{ worker_connections 512; }}\n\
             http {{ access_log off; client_body_temp_path {at}/a; proxy_temp_path {at}/b; fastcgi_temp_path {at}/c;\n\
             uwsgi_temp_path {at}/d; scgi_temp_path {at}/e; {http}\n\
             server {{ listen 127.0.0.1:{port}; root {at}/html; location = /moved {{ return 301 /page; }} }} }}\n"
        );
        std::fs::write(folder.join("nginx.conf"), configuration).unwrap();
        // As root nginx would give its worker another user, who must not see a private folder: stay who we are.
        let user = if cfg!(target_os = "linux") { "user root;" } else { "" };
        let child = Command::new(program)
            .arg("-e")
            .arg(folder.join("error.log"))
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .args(["-g", user])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self { child, url: format!("http://127.0.0.1:{port}") };
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return nginx;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nginx does not listen: {}", std::fs::read_to_string(folder.join("error.log")).unwrap_or_default());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // TERM lets the master end its worker, KILL would leave it.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

#[test]
fn a_connection_closed_after_its_requests_is_opened_again_without_a_failure() {
    let bench = Workbench::new();
    let nginx = Nginx::start(&bench, "keepalive_requests 10;");
    bench.write("page.toml", &only_get("/page", "{ constant = \"20ms\" }", ""));
    let args = ["run", "-H", &nginx.url, "-f", "page.toml", "-u", "10", "-r", "100", "-t", "5s", "--allow-unproven"];
    bench.run(&args).assert_code(0);
    let result = bench.result();
    let (requests, connections) =
        (result["totals"]["requests"].as_u64().unwrap(), result["totals"]["connections"].as_u64().unwrap());
    assert_eq!(result["totals"]["failures"], 0);
    assert!(requests > 500, "{requests} requests");
    // Ten requests a connection, and for each of the ten users at most one that was not used up.
    assert!((requests.div_ceil(10)..=requests / 10 + 10).contains(&connections), "{connections} for {requests}");
}

#[test]
fn a_redirect_is_one_request_and_is_told() {
    let bench = Workbench::new();
    let nginx = Nginx::start(&bench, "");
    bench.write("page.toml", &only_get("/moved", "{ constant = \"20ms\" }", ""));
    let args = ["run", "-H", &nginx.url, "-f", "page.toml", "-u", "5", "-r", "100", "-t", "3s", "--allow-unproven"];
    let outcome = bench.run(&args);
    outcome.assert_code(0);
    let result = bench.result();
    let moved = endpoint(&result, "GET /moved");
    assert_eq!(moved["redirected"], moved["requests"]);
    assert_eq!(moved["statuses"]["200"], moved["requests"]);
    assert!(outcome.stdout.contains("redirect"), "{outcome}");
}
