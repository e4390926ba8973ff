//! Directives that take one value each: the guide's, and what holds where they are not said.

use super::super::rule::{Finding, FixKind, Outcome, Rule};
use super::config::Directive;
use super::judge::{NGINX, rule};
use super::place::Lines;
use super::scope::Scope;

/// A directive, and what it must be.
pub(super) struct Simple {
    pub(super) rule: Rule,
    pub(super) name: &'static str,
    /// The block that it belongs in: the top of the file, `events`, or `http` (servers and locations too).
    block: &'static str,
    /// What holds where it is not said: nginx' documentation of its module.
    default: &'static str,
    wanted: Wanted,
    /// As the guide writes it.
    pub(super) fix: &'static str,
}

enum Wanted {
    Is(&'static str),
    Has(&'static str),
    /// A number between these.
    Count(f64, f64),
    /// Bytes between these.
    Size(f64, f64),
    /// Seconds between these.
    Time(f64, f64),
}

const MANY: f64 = f64::INFINITY;
const THE_GUIDE: &str = "the guide's nginx.conf";

pub(super) static SIMPLE: [Simple; 19] = [
    Simple {
        rule: rule(
            "proxy.worker_processes",
            &[16],
            NGINX,
            "auto, or 2 or more",
            "the guide: auto; own choice: from 2 on a stuck worker holds up only some",
        ),
        name: "worker_processes",
        block: "",
        default: "1",
        wanted: Wanted::Count(2.0, MANY),
        fix: "worker_processes auto;",
    },
    Simple {
        rule: rule(
            "proxy.worker_connections",
            &[16],
            NGINX,
            "1024 or more",
            "the guide: 4096; own choice: 1024 is twice nginx' default",
        ),
        name: "worker_connections",
        block: "events",
        default: "512",
        wanted: Wanted::Count(1024.0, MANY),
        fix: "worker_connections 4096;",
    },
    Simple {
        rule: rule("proxy.multi_accept", &[16], NGINX, "on", THE_GUIDE),
        name: "multi_accept",
        block: "events",
        default: "off",
        wanted: Wanted::Is("on"),
        fix: "multi_accept on;",
    },
    Simple {
        rule: rule("proxy.gzip", &[16], NGINX, "on", THE_GUIDE),
        name: "gzip",
        block: "http",
        default: "off",
        wanted: Wanted::Is("on"),
        fix: "gzip on;",
    },
    Simple {
        rule: rule("proxy.gzip_vary", &[16], NGINX, "on: else caches hand out what a client cannot read", THE_GUIDE),
        name: "gzip_vary",
        block: "http",
        default: "off",
        wanted: Wanted::Is("on"),
        fix: "gzip_vary on;",
    },
    Simple {
        rule: rule(
            "proxy.gzip_min_length",
            &[16],
            NGINX,
            "256 to 4096 bytes (the guide: 1024)",
            "the guide: 1024; own choice: a quarter to four times of it, smaller bodies fit a packet anyhow",
        ),
        name: "gzip_min_length",
        block: "http",
        default: "20",
        wanted: Wanted::Size(256.0, 4096.0),
        fix: "gzip_min_length 1024;",
    },
    Simple {
        rule: rule("proxy.gzip_types", &[16], NGINX, "application/json is among them", THE_GUIDE),
        name: "gzip_types",
        block: "http",
        default: "text/html",
        wanted: Wanted::Has("application/json"),
        fix: "gzip_types text/plain text/css application/json application/javascript text/xml application/xml application/xml+rss text/javascript;",
    },
    Simple {
        rule: rule(
            "proxy.keepalive_timeout",
            &[16],
            NGINX,
            "5 to 120 s (the guide: 30)",
            "the guide: 30; own choice: longer than the guide's users think, and nginx' default of 75 is in it",
        ),
        name: "keepalive_timeout",
        block: "http",
        default: "75",
        wanted: Wanted::Time(5.0, 120.0),
        fix: "keepalive_timeout 30;",
    },
    Simple {
        rule: rule("proxy.keepalive_requests", &[16], NGINX, "100 or more", THE_GUIDE),
        name: "keepalive_requests",
        block: "http",
        default: "1000",
        wanted: Wanted::Count(100.0, MANY),
        fix: "keepalive_requests 100;",
    },
    Simple {
        rule: rule("proxy.sendfile", &[16], NGINX, "on", THE_GUIDE),
        name: "sendfile",
        block: "http",
        default: "off",
        wanted: Wanted::Is("on"),
        fix: "sendfile on;",
    },
    Simple {
        rule: rule("proxy.tcp_nopush", &[16], NGINX, "on", THE_GUIDE),
        name: "tcp_nopush",
        block: "http",
        default: "off",
        wanted: Wanted::Is("on"),
        fix: "tcp_nopush on;",
    },
    Simple {
        rule: rule("proxy.tcp_nodelay", &[16], NGINX, "on", THE_GUIDE),
        name: "tcp_nodelay",
        block: "http",
        default: "on",
        wanted: Wanted::Is("on"),
        fix: "tcp_nodelay on;",
    },
    Simple {
        rule: rule(
            "proxy.client_body_buffer_size",
            &[16],
            NGINX,
            "64k or more (the guide: 128k)",
            "the guide: 128k; own choice: half of it; what is larger goes through a file",
        ),
        name: "client_body_buffer_size",
        block: "http",
        default: "16k",
        wanted: Wanted::Size(65_536.0, MANY),
        fix: "client_body_buffer_size 128k;",
    },
    Simple {
        rule: rule(
            "proxy.client_max_body_size",
            &[16],
            NGINX,
            "1m to 100m (the guide: 10m)",
            "the guide: 10m; own choice: a tenth to ten times of it, and 0 is no limit",
        ),
        name: "client_max_body_size",
        block: "http",
        default: "1m",
        wanted: Wanted::Size(1_048_576.0, 104_857_600.0),
        fix: "client_max_body_size 10m;",
    },
    Simple {
        rule: rule(
            "proxy.connect_timeout",
            &[16],
            NGINX,
            "10 s or less (the guide: 5 s)",
            "the guide: 5s; own choice: twice of it",
        ),
        name: "proxy_connect_timeout",
        block: "http",
        default: "60",
        wanted: Wanted::Time(0.001, 10.0),
        fix: "proxy_connect_timeout 5s;",
    },
    Simple {
        rule: rule("proxy.send_timeout", &[16], NGINX, "30 s or less", THE_GUIDE),
        name: "proxy_send_timeout",
        block: "http",
        default: "60",
        wanted: Wanted::Time(0.001, 30.0),
        fix: "proxy_send_timeout 30s;",
    },
    Simple {
        rule: rule("proxy.read_timeout", &[16], NGINX, "30 s or less", THE_GUIDE),
        name: "proxy_read_timeout",
        block: "http",
        default: "60",
        wanted: Wanted::Time(0.001, 30.0),
        fix: "proxy_read_timeout 30s;",
    },
    Simple {
        rule: rule("proxy.buffering", &[16], NGINX, "on", THE_GUIDE),
        name: "proxy_buffering",
        block: "http",
        default: "on",
        wanted: Wanted::Is("on"),
        fix: "proxy_buffering on;",
    },
    Simple {
        rule: rule("proxy.buffer_size", &[16], NGINX, "4k or more", THE_GUIDE),
        name: "proxy_buffer_size",
        block: "http",
        default: "4k",
        wanted: Wanted::Size(4096.0, MANY),
        fix: "proxy_buffer_size 4k;",
    },
];

impl Wanted {
    fn holds(&self, args: &[String]) -> bool {
        let first = args.first().map_or("", String::as_str);
        let between = |amount: Option<f64>, least: f64, most: f64| amount.is_some_and(|n| (least..=most).contains(&n));
        match self {
            Self::Is(word) => first == *word,
            Self::Has(word) => args.iter().any(|arg| arg == word || arg == "*"),
            Self::Count(least, most) => first == "auto" || between(first.parse().ok(), *least, *most),
            Self::Size(least, most) => between(size(first), *least, *most),
            Self::Time(least, most) => between(time(first), *least, *most),
        }
    }
}

/// `128k`, `10m`, `1g`.
fn size(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "" => 1.0,
        "k" | "K" => 1024.0,
        "m" | "M" => 1_048_576.0,
        "g" | "G" => 1_073_741_824.0,
        _ => return None,
    };
    Some(number * unit)
}

/// `30`, `30s`, `500ms`, `1h 30m` in one word, as seconds.
fn time(text: &str) -> Option<f64> {
    let (mut sum, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let ends = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        sum += number
            * match after[..ends].trim() {
                "" | "s" => 1.0,
                "ms" => 1e-3,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                "M" => 2_592_000.0,
                "y" => 31_536_000.0,
                _ => return None,
            };
        rest = &after[ends..];
    }
    (!text.is_empty()).then_some(sum)
}

/// The rule of a directive.
pub(super) fn named(name: &str) -> Option<&'static Simple> {
    SIMPLE.iter().find(|simple| simple.name == name)
}

impl Simple {
    /// Judges a configuration.
    pub(super) fn judge(&'static self, config: &[Directive]) -> Finding {
        let Self { rule, name, default, wanted, .. } = self;
        let by_default = [(*default).to_owned()];
        let holds = |said: Option<&Directive>| wanted.holds(said.map_or(&by_default[..], |said| &said.args));
        let places: Vec<Scope<'_>> = match self.block {
            "http" => Scope::servers(config),
            block => Scope::all(config).into_iter().filter(|scope| scope.name() == block).collect(),
        };
        let bad = places.iter().filter(|scope| !holds(scope.value(name))).count();
        let wrong = self.wrong(config);
        let Some(first) = places.first().and_then(|scope| scope.value(name)) else {
            let silent = format!("{name} is not set, and is {default} by default");
            return match (bad, wrong.is_empty()) {
                (0, true) if places.is_empty() && !holds(None) => {
                    rule.fail(silent).fix(FixKind::Nginx, self.lines(config))
                }
                (0, true) => rule.pass(format!("{name} {default}: the default")),
                (bad, _) if bad == places.len() => {
                    rule.fail(silent).seen(wrong.iter().map(|said| shown(said))).fix(FixKind::Nginx, self.lines(config))
                }
                _ => self.in_part(&wrong, config),
            };
        };
        match bad {
            0 if wrong.is_empty() => rule.pass(format!("{name} {}", first.args.join(" "))),
            bad if bad == places.len() => {
                let summary = format!("{name} {}", first.args.join(" "));
                rule.fail(summary).seen(wrong.iter().map(|said| shown(said))).fix(FixKind::Nginx, self.lines(config))
            }
            // An exception for one place may be meant so.
            _ => self.in_part(&wrong, config),
        }
    }

    fn in_part(&'static self, wrong: &[&Directive], config: &[Directive]) -> Finding {
        let summary = match wrong {
            [] => format!("{} is not set for every server, and is {} by default", self.name, self.default),
            [one] => format!("{} {} in one place", self.name, one.args.join(" ")),
            several => format!("{} is set otherwise in {} places", self.name, several.len()),
        };
        let lines = wrong.iter().take(10).map(|said| shown(said));
        self.rule.found(Outcome::Warn, summary).seen(lines).fix(FixKind::Nginx, self.lines(config))
    }

    /// Where it is said, and is not what it must be.
    fn wrong<'c>(&self, config: &'c [Directive]) -> Vec<&'c Directive> {
        let scopes = Scope::all(config);
        let said = scopes.iter().flat_map(Scope::own).filter(|said| said.name == self.name);
        said.filter(|said| !self.wanted.holds(&said.args)).collect()
    }

    /// What to write, and where: in place of what is wrong, or where nothing is said.
    pub(super) fn lines(&self, config: &[Directive]) -> String {
        self.lines_of(self.fix, config)
    }

    /// The same, with other lines than the guide's.
    pub(super) fn lines_of(&self, fix: &str, config: &[Directive]) -> String {
        let wrong = self.wrong(config);
        let lines = wrong.iter().fold(Lines::default(), |lines, said| lines.instead(said, fix));
        if wrong.is_empty() { Lines::default().within(self.block, fix).text() } else { lines.text() }
    }
}

fn shown(said: &Directive) -> String {
    format!("{}: {} {}", said.place, said.name, said.args.join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::of;
    use super::*;

    fn judged(name: &str, text: &str) -> Finding {
        named(name).unwrap().judge(&of(text).unwrap())
    }

    #[test]
    fn sizes_and_times_are_read_as_nginx_reads_them() {
        assert_eq!(
            [size("128k"), size("10m"), size("1G"), size("7"), size("x"), size("")],
            [Some(131_072.0), Some(10_485_760.0), Some(1_073_741_824.0), Some(7.0), None, None]
        );
        assert_eq!(
            [time("75"), time("1m"), time("1m30s"), time("500ms"), time("1x"), time("")],
            [Some(75.0), Some(60.0), Some(90.0), Some(0.5), None, None]
        );
        assert_eq!(judged("keepalive_timeout", "http { keepalive_timeout 1m; server {} }").outcome, Outcome::Pass);
    }

    #[test]
    fn each_server_counts_and_an_exception_is_a_warning() {
        let outcome = |text: &str| judged("gzip", text).outcome;
        assert_eq!(outcome("http { server { gzip on; } server { gzip on; } }"), Outcome::Pass);
        assert_eq!(outcome("http { server { gzip on; } server { } }"), Outcome::Warn);
        assert_eq!(outcome("http { gzip on; server { } server { gzip off; } }"), Outcome::Warn);
        assert_eq!(outcome("http { gzip on; server { location /x { gzip off; } } }"), Outcome::Warn);
        assert_eq!(outcome("http { server { } server { } }"), Outcome::Fail);
        assert_eq!(outcome("http { gzip off; server { } }"), Outcome::Fail);
        assert_eq!(outcome("http { map $a $b { gzip off; } gzip on; server { } }"), Outcome::Pass);
        assert_eq!(judged("worker_connections", "events { } http { }").outcome, Outcome::Fail);
        assert_eq!(judged("worker_connections", "http { }").outcome, Outcome::Fail);
        assert_eq!(judged("tcp_nodelay", "http { server { } }").outcome, Outcome::Pass);
    }

    #[test]
    fn the_lines_stand_where_they_are_missing_or_in_place_of_what_is_wrong() {
        let fix = |name: &str, text: &str| judged(name, text).fix.unwrap().text;
        assert_eq!(fix("gzip", "http { server { } }"), "# in the block http\ngzip on;");
        assert_eq!(fix("gzip", "http {\ngzip off; }"), "# in place of gzip at nginx.conf:2\ngzip on;");
        assert_eq!(fix("worker_processes", "http { }"), "# at the top of nginx.conf\nworker_processes auto;");
        assert_eq!(fix("worker_connections", "events { }"), "# in the block events\nworker_connections 4096;");
    }
}
