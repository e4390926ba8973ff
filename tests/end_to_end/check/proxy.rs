//! nginx: the project's configuration with each tuning taken away, Debian's own, and what it tells while it runs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{check, evidence, fix, of, outcome, serve, with_outcome};
use crate::support::faults::refusing;
use crate::support::harness::Workbench;
use crate::support::stack::Nginx;

/// Puts lines where their comments say.
#[track_caller]
fn apply(configuration: &Path, fix: &str) {
    let mut lines: Vec<(String, String)> = Vec::new();
    for line in fix.lines() {
        match (line.strip_prefix("# "), lines.last_mut()) {
            (Some(place), _) => lines.push((place.to_owned(), String::new())),
            (None, Some((_, text))) => text.extend([line, "\n"]),
            (None, None) => panic!("no place in {fix:?}"),
        }
    }
    // From the last line of a file to the first, so that numbers stay true; then what has no number.
    let numbered = |place: &str| {
        let (file, line) = place.split_once(" at ")?.1.rsplit_once(':')?;
        Some((file.to_owned(), line.parse::<usize>().ok()?))
    };
    let mut with_line: Vec<_> =
        lines.iter().filter_map(|(place, text)| Some((numbered(place)?, place.clone(), text.clone()))).collect();
    with_line.sort_by(|a, b| b.0.cmp(&a.0));
    for ((file, line), place, text) in with_line {
        let whole = std::fs::read_to_string(&file).unwrap();
        let begin: usize = whole.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let changed = if let Some(rest) = place.strip_prefix("in place of ") {
            let name = rest.split(' ').next().unwrap();
            let from = begin + whole[begin..].find(&format!("{name} ")).unwrap();
            let to = from + whole[from..].find(';').unwrap() + 1;
            format!("{}{}{}", &whole[..from], text.trim_end(), &whole[to..])
        } else {
            assert!(place.starts_with("in the block at "), "{place}");
            let after = begin + whole[begin..].find('{').unwrap() + 1;
            format!("{}\n{text}{}", &whole[..after], &whole[after..])
        };
        std::fs::write(&file, changed).unwrap();
    }
    for (place, text) in lines.iter().filter(|(place, _)| numbered(place).is_none() && !text_is_note(place)) {
        let whole = std::fs::read_to_string(configuration).unwrap();
        let changed = if place == "at the top of nginx.conf" {
            format!("{text}{whole}")
        } else {
            let block = place.strip_prefix("in the block ").unwrap_or_else(|| panic!("{place:?} is no place"));
            let at = whole.find(&format!("\n{block} {{")).unwrap() + block.len() + 3;
            format!("{}\n{text}{}", &whole[..at], &whole[at..])
        };
        std::fs::write(configuration, changed).unwrap();
    }
}

fn text_is_note(place: &str) -> bool {
    place.starts_with("and ")
}

#[track_caller]
fn look(bench: &Workbench, configuration: &Path, more: &[&str]) -> Value {
    let configuration = configuration.display().to_string();
    check(bench, &[&["proxy", "--nginx-config", &configuration], more].concat()).0
}

fn bad(found: &Value) -> Vec<String> {
    [with_outcome(found, "fail"), with_outcome(found, "warn"), with_outcome(found, "unknown")].concat()
}

#[test]
fn each_tuning_that_is_taken_away_is_missed_and_the_printed_lines_bring_it_back() {
    let bench = Workbench::new();
    let service = serve(&bench, &[]);
    let nginx = Nginx::in_front_of(service.url.trim_start_matches("http://"));
    let file = nginx.configuration();
    let tuned = std::fs::read_to_string(&file).unwrap();
    assert_eq!(bad(&look(&bench, &file, &[])), [""; 0]);
    let upstream =
        tuned.split_once("server 127").map(|(_, rest)| format!("server 127{}", rest.split(';').next().unwrap()));
    let upstream = upstream.unwrap();
    for (from, to, rules) in [
        ("worker_processes auto;", "", &["proxy.worker_processes"][..]),
        ("worker_processes auto;", "worker_processes 1;", &["proxy.worker_processes"]),
        ("worker_connections 4096;", "worker_connections 100;", &["proxy.worker_connections"]),
        ("worker_connections 4096;", "", &["proxy.worker_connections"]),
        ("multi_accept on;", "", &["proxy.multi_accept"]),
        ("gzip on;", "gzip off;", &["proxy.gzip"]),
        ("gzip on;", "", &["proxy.gzip"]),
        ("location / {", "location / { gzip off;", &["proxy.gzip"]),
        ("gzip_vary on;", "", &["proxy.gzip_vary"]),
        ("gzip_min_length 1024;", "gzip_min_length 64k;", &["proxy.gzip_min_length"]),
        ("application/json ", "", &["proxy.gzip_types"]),
        ("keepalive_timeout 30;", "keepalive_timeout 0;", &["proxy.keepalive_timeout"]),
        ("keepalive_requests 100;", "keepalive_requests 1;", &["proxy.keepalive_requests"]),
        ("sendfile on;", "", &["proxy.sendfile"]),
        ("tcp_nopush on;", "", &["proxy.tcp_nopush"]),
        ("tcp_nodelay on;", "tcp_nodelay off;", &["proxy.tcp_nodelay"]),
        ("client_body_buffer_size 128k;", "", &["proxy.client_body_buffer_size"]),
        ("client_max_body_size 10m;", "client_max_body_size 0;", &["proxy.client_max_body_size"]),
        ("proxy_connect_timeout 5s;", "proxy_connect_timeout 1m;", &["proxy.connect_timeout"]),
        ("proxy_send_timeout 30s;", "", &["proxy.send_timeout"]),
        ("proxy_read_timeout 30s;", "", &["proxy.read_timeout"]),
        ("proxy_buffering on;", "proxy_buffering off;", &["proxy.buffering"]),
        ("proxy_buffer_size 4k;", "proxy_buffer_size 2k;", &["proxy.buffer_size"]),
        ("worker_rlimit_nofile 65535;", "", &["proxy.worker_rlimit_nofile"]),
        ("worker_rlimit_nofile 65535;", "worker_rlimit_nofile 1024;", &["proxy.worker_rlimit_nofile"]),
        ("keepalive 32;", "", &["proxy.upstream_keepalive"]),
        ("proxy_http_version 1.1;", "", &["proxy.upstream_keepalive"]),
        ("proxy_set_header Connection \"\";", "", &["proxy.upstream_keepalive"]),
        ("proxy_set_header Connection \"\";", "proxy_set_header Connection close;", &["proxy.upstream_keepalive"]),
        // Headers of its own hide those around it.
        ("location / {", "location / { proxy_set_header X-Name \"a b\";", &["proxy.upstream_keepalive"]),
        (&upstream, &upstream.replace(" max_fails=3 fail_timeout=30s", ""), &["proxy.upstream_failure"]),
        ("http://backend", &service.url, &["proxy.upstream_keepalive", "proxy.upstream_failure"]),
        ("proxy_cache api_cache;", "", &["proxy.static_cache"]),
        ("proxy_cache api_cache;", "proxy_cache off;", &["proxy.static_cache"]),
        ("proxy_cache_valid 200 30m;", "", &["proxy.static_cache"]),
        ("add_header X-Cache-Status $upstream_cache_status;", "", &["proxy.static_cache"]),
        ("location /api/v2/static/ {", "location /elsewhere/ {", &["proxy.static_cache"]),
    ] {
        let text = tuned.replace(from, to);
        assert_ne!(text, tuned, "{from}");
        nginx.reconfigure(&text);
        let found = look(&bench, &file, &[]);
        assert_eq!(bad(&found), rules, "{from:?} is {to:?}");
        assert!(!of(&found, rules[0])[0]["summary"].as_str().unwrap().is_empty());
        apply(&file, &fix(&found, rules[0]));
        nginx.reload();
        let again = look(&bench, &file, &[]);
        let now = std::fs::read_to_string(&file).unwrap();
        assert_eq!(bad(&again), [""; 0], "{from:?} is {to:?}; after\n{}\n{now}", fix(&found, rules[0]));
    }
}

/// Debian's own files below another folder, its default site passing on to `service`.
fn debian(folder: &Path, port: u16, service: &str) -> String {
    let copied = Command::new("cp").arg("-r").arg("/etc/nginx/.").arg(folder).status().unwrap();
    assert!(copied.success());
    let at = folder.display().to_string();
    let site = folder.join("sites-enabled/default");
    let text = std::fs::read_to_string("/etc/nginx/sites-enabled/default").unwrap();
    let text =
        text.replace("listen [::]:80 default_server;", "").replace("listen 80 ", &format!("listen 127.0.0.1:{port} "));
    let _ = std::fs::remove_file(&site);
    std::fs::write(&site, text.replace("try_files $uri $uri/ =404;", &format!("proxy_pass {service};"))).unwrap();
    let text = std::fs::read_to_string("/etc/nginx/nginx.conf").unwrap();
    text.replace("/etc/nginx", &at)
        .replace("user www-data;", "")
        .replace("/run/nginx.pid", &format!("{at}/pid"))
        .replace("/var/log/nginx", &at)
}

#[test]
fn debian_s_own_configuration_is_read_from_its_files_and_as_nginx_prints_it_and_becomes_the_guide_s() {
    if !Path::new("/etc/nginx/sites-enabled/default").exists() {
        eprintln!("skipped: there is no nginx of Debian's here");
        return;
    }
    let bench = Workbench::new();
    let service = serve(&bench, &[]);
    let nginx = Nginx::with(|folder, port| debian(folder, port, &service.url));
    let file = nginx.configuration();
    let found = look(&bench, &file, &[]);
    let printed = Command::new("nginx").args(["-T", "-e", "/dev/null", "-c"]).arg(&file).output();
    let printed = printed.or_else(|_| Command::new("/usr/sbin/nginx").args(["-T", "-c"]).arg(&file).output()).unwrap();
    let dump = bench.write("nginx-T.txt", &String::from_utf8_lossy(&printed.stdout));
    assert_eq!(look(&bench, &dump, &[])["findings"], found["findings"], "both ways tell the same");
    let all = bad(&found);
    for rule in ["proxy.worker_connections", "proxy.gzip_types", "proxy.upstream_keepalive", "proxy.static_cache"] {
        assert!(all.iter().any(|id| id == rule), "{rule} is not among {all:?}");
    }
    for good in ["proxy.worker_processes", "proxy.gzip", "proxy.sendfile"] {
        assert_eq!(outcome(&found, good), "pass");
    }
    // One after the other: each changes the numbers of lines.
    for rule in all {
        let found = look(&bench, &file, &[]);
        if bad(&found).contains(&rule) {
            // A cache of its own, in the folder of the test.
            let lines =
                fix(&found, &rule).replace("/var/cache/nginx", &file.with_file_name("cache").display().to_string());
            apply(&file, &lines);
            nginx.reload();
        }
    }
    // Workers of the configuration before answer until those of the new one are there.
    let mut found = look(&bench, &file, &["-H", &nginx.url()]);
    for _ in 0..40 {
        if bad(&found).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
        found = look(&bench, &file, &["-H", &nginx.url()]);
    }
    assert_eq!(bad(&found), [""; 0], "{found:#}");
    assert_eq!(outcome(&found, "proxy.cache_hits"), "pass");
}

/// Opens connections for one request each, for `count`.
fn knock(nginx: &Nginx, count: usize, requests: usize) {
    let address = nginx.url().trim_start_matches("http://").to_owned();
    for _ in 0..count {
        let mut stream = TcpStream::connect(&address).unwrap();
        for _ in 0..requests {
            stream.write_all(b"GET /nginx_status HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut answer = [0; 1024];
            assert!(stream.read(&mut answer).unwrap() > 0);
        }
    }
}

#[test]
fn what_nginx_counts_while_it_runs_is_judged_and_mended() {
    let bench = Workbench::new();
    let service = serve(&bench, &[]);
    let nginx = Nginx::in_front_of(service.url.trim_start_matches("http://"));
    let file = nginx.configuration();
    let tuned = std::fs::read_to_string(&file).unwrap();
    // Nothing is kept in a cache that there is not.
    nginx.reconfigure(&tuned.replace("proxy_cache api_cache;", "").replace("add_header X-Cache-Status", "#"));
    let host = nginx.url();
    // A reload begins with workers that go on with the old configuration.
    let look_at = |nginx: &Nginx, rule: &str, wanted: &str| {
        let status = nginx.status_url();
        let arguments = ["-H", &host, "--nginx", &status];
        let mut found = look(&bench, &file, &arguments);
        for _ in 0..50 {
            if outcome(&found, rule) == wanted {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
            found = look(&bench, &file, &arguments);
        }
        assert_eq!(outcome(&found, rule), wanted, "{found:#}");
        found
    };
    let found = look_at(&nginx, "proxy.cache_hits", "fail");
    apply(&file, &fix(&found, "proxy.cache_hits"));
    nginx.reload();
    look_at(&nginx, "proxy.cache_hits", "pass");

    nginx.reconfigure(&tuned.replace("keepalive_timeout 30;", "keepalive_timeout 0;"));
    knock(&nginx, 1000, 1);
    let found = look_at(&nginx, "proxy.client_reuse", "warn");
    apply(&file, &fix(&found, "proxy.client_reuse"));
    nginx.reload();
    std::thread::sleep(Duration::from_millis(200));
    knock(&nginx, 30, 90);
    look_at(&nginx, "proxy.client_reuse", "pass");

    // Few connections, and more clients than that.
    std::fs::write(
        &file,
        tuned
            .replace("worker_processes auto;", "worker_processes 1;")
            .replace("worker_connections 4096;", "worker_connections 12;"),
    )
    .unwrap();
    let nginx = nginx.restart();
    let address = nginx.url().trim_start_matches("http://").to_owned();
    let mut crowd: Vec<TcpStream> = Vec::new();
    for _ in 0..40 {
        let Ok(mut stream) = TcpStream::connect(&address) else { continue };
        // A request that has begun: idle connections would be given up for the next.
        let _ = stream.write_all(b"GET /nginx_status HTTP/1.1\r\nHost");
        crowd.push(stream);
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(crowd);
    let found = look_at(&nginx, "proxy.dropped_connections", "fail");
    let lines = fix(&found, "proxy.dropped_connections");
    assert!(lines.ends_with("# and start nginx anew: it goes on counting over a reload"), "{lines}");
    apply(&file, &lines);
    let nginx = nginx.restart();
    look_at(&nginx, "proxy.dropped_connections", "pass");
}

#[test]
fn an_nginx_without_a_service_behind_it_is_told_from_one_that_caches_nothing() {
    let bench = Workbench::new();
    let nginx = Nginx::in_front_of(&refusing().to_string());
    let (found, _) = check(&bench, &["proxy", "app", "-H", &nginx.url(), "--nginx", &nginx.status_url()]);
    assert_eq!(outcome(&found, "proxy.reachable"), "pass");
    assert_eq!(outcome(&found, "proxy.cache_hits"), "unknown");
    assert!(found.to_string().contains("502 Bad Gateway: nginx cannot reach the service"), "{found:#}");
    assert_eq!(outcome(&found, "app.health"), "fail");
    // A page that is none of nginx' status.
    let (found, ended) = check(&bench, &["proxy", "--nginx", &format!("{}/elsewhere", nginx.url())]);
    assert!(of(&found, "proxy.reachable")[0]["summary"].as_str().unwrap().contains("answers 502"), "{found:#}");
    ended.assert_code(1);
    let text = "http {\n    gzip on\n}\n";
    let (found, ended) =
        check(&bench, &["proxy", "--nginx-config", &bench.write("bad.conf", text).display().to_string()]);
    assert!(of(&found, "proxy.reachable")[0]["summary"].as_str().unwrap().contains("bad.conf:2: `gzip` has no `;`"));
    ended.assert_code(1);
    assert_eq!(evidence(&found, "proxy.reachable"), [""; 0]);
}
