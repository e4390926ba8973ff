//! The workload of a run: what decides whether its figures may be held against another's.

use sha2::{Digest, Sha256};

use crate::judge::Differs;
use crate::record::{Asked, LoadModel};
use crate::units::format_duration;

/// What users do and how many of them there are; never where, by what, or on which code.
///
/// The length of a load that holds one level is no part of it, as only its steady window is judged; of a load in several holds the
/// lengths are, as they weigh the holds against each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The same for the same workload, 16 hexadecimal digits.
    pub hash: String,
    /// What it is made of: name and value, as a person reads them.
    pub parts: Vec<(&'static str, String)>,
}

/// The workload that was asked for.
pub fn workload(asked: &Asked) -> Workload {
    let holds = asked.plan.holds();
    let levels: Vec<String> = match holds.as_slice() {
        // Which levels a search holds is its result; what it looks for hangs on the targets.
        _ if asked.search.is_some() => vec![format!("searched for the edge by {}", in_words(&asked.targets))],
        [] => vec![asked.plan.peak().to_string()],
        [only] => vec![only.level.to_string()],
        several => several
            .iter()
            .map(|hold| {
                let length = std::time::Duration::from_secs_f64((hold.to_s - hold.from_s).max(0.0));
                format!("{}:{}", hold.level, format_duration(length))
            })
            .collect(),
    };
    let mut parts = vec![
        ("scenario", format!("{} ({})", asked.scenario_name, asked.scenario_hash)),
        ("load model", if asked.plan.model == LoadModel::Open { "open" } else { "closed" }.to_owned()),
        (if asked.plan.model == LoadModel::Open { "arrivals a second" } else { "users" }, levels.join(",")),
        ("think time", asked.wait.clone()),
    ];
    if let Some(arrivals) = asked.arrivals.filter(|_| asked.plan.model == LoadModel::Open) {
        parts.push(("arrivals", arrivals.as_str().to_owned()));
    }
    // Only what is not the default, so that other runs keep the hash that they had before this was recorded.
    if !asked.connections.keep_alive {
        parts.push(("connections", "one for each request".to_owned()));
    }
    if !asked.connections.http2 {
        parts.push(("HTTP version", "1.1".to_owned()));
    }
    let mut digest = Sha256::new();
    // The hash of a scenario says what it does; its name may change.
    digest.update(&asked.scenario_hash);
    for (name, value) in &parts[1..] {
        digest.update(format!("\n{name}={value}"));
    }
    // Nobody thinks between arrivals.
    parts.retain(|(_, value)| !value.is_empty());
    Workload { hash: short_hash(digest), parts }
}

/// The targets that a search goes by.
fn in_words(targets: &std::collections::BTreeMap<String, String>) -> String {
    let decides = |name: &&String| !name.starts_with("throughput");
    let words = targets.iter().filter(|(name, _)| decides(name)).map(|(name, limit)| format!("{name} {limit}"));
    words.collect::<Vec<_>>().join(", ")
}

/// The first 8 bytes of a digest, as hexadecimal digits.
pub fn short_hash(digest: Sha256) -> String {
    digest.finalize().iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

impl Workload {
    /// In what another workload differs; empty where it is the same.
    pub fn differences(&self, other: &Self) -> Vec<Differs> {
        if self.hash == other.hash {
            return Vec::new();
        }
        let of = |workload: &Self, name: &str| {
            let left_out = match name {
                "connections" => "kept",
                "HTTP version" => "2 where the host has it",
                _ => "none",
            };
            workload.parts.iter().find(|part| part.0 == name).map_or_else(|| left_out.to_owned(), |part| part.1.clone())
        };
        let mut names: Vec<&str> = self.parts.iter().chain(&other.parts).map(|part| part.0).collect();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(*name));
        let differs = |name: &str| Differs { what: name.to_owned(), a: of(self, name), b: of(other, name) };
        names.into_iter().map(differs).filter(|differs| differs.a != differs.b).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::record::fixture::asked;
    use crate::record::{Arrivals, AskedConnections, AskedSearch, Environment, LoadPlan, Stage};

    fn users(users: u32, rate: f64, run_time_s: f64) -> Asked {
        Asked { plan: LoadPlan::users(users, rate, run_time_s), ..asked() }
    }

    fn names(a: &Asked, b: &Asked) -> Vec<String> {
        workload(a).differences(&workload(b)).into_iter().map(|differs| differs.what).collect()
    }

    #[test]
    fn where_and_by_what_and_for_how_long_make_no_other_workload() {
        let other = Asked {
            host: "http://elsewhere:80".into(),
            environment: Environment { commit: Some("abc".into()), cpus: 64, ..asked().environment },
            scenario_name: "renamed".into(),
            seed: 9,
            ..users(50, 5.0, 300.0)
        };
        assert_eq!(workload(&users(50, 10.0, 60.0)).hash, workload(&other).hash);
        assert_eq!(names(&users(50, 10.0, 60.0), &other), Vec::<String>::new());
    }

    #[test]
    fn searches_by_the_same_targets_are_one_workload_whatever_levels_they_held() {
        let search = |most: f64, limit: &str| Asked {
            search: Some(AskedSearch {
                start: 10.0,
                most,
                max_time_s: 60.0,
                width: 0.05,
                abort_on: 0.2,
                looks_s: vec![15.0],
                confidences: vec![0.99],
                law: None,
            }),
            plan: LoadPlan::rate(most, 60.0),
            targets: std::collections::BTreeMap::from([("p95_response_time".to_owned(), limit.to_owned())]),
            ..asked()
        };
        assert_eq!(workload(&search(100.0, "< 1s")).hash, workload(&search(900.0, "< 1s")).hash);
        assert_eq!(names(&search(100.0, "< 1s"), &search(100.0, "< 2s")), ["arrivals a second"]);
        let run = Asked { search: None, ..search(100.0, "< 1s") };
        assert_ne!(workload(&search(100.0, "< 1s")).hash, workload(&run).hash);
    }

    #[test]
    fn what_differs_is_named() {
        let base = users(50, 10.0, 60.0);
        assert_eq!(names(&base, &users(60, 10.0, 60.0)), ["users"]);
        let other = Asked { scenario_hash: "def".into(), wait: "none".into(), ..base.clone() };
        assert_eq!(names(&base, &other), ["scenario", "think time"]);
        let open = Asked { plan: LoadPlan::rate(20.0, 60.0), arrivals: Some(Arrivals::Poisson), ..base.clone() };
        assert_eq!(names(&base, &open), ["load model", "users", "arrivals a second", "arrivals"]);
        // As it is recorded: arrivals have no think time, and that is said and no blank.
        let thoughtless = Asked { wait: String::new(), ..open.clone() };
        let found = workload(&base).differences(&workload(&thoughtless));
        assert!(found.iter().all(|differs| !differs.a.is_empty() && !differs.b.is_empty()), "{found:?}");
        let think_time = found.iter().find(|differs| differs.what == "think time").unwrap();
        assert_eq!((think_time.a.as_str(), think_time.b.as_str()), (base.wait.as_str(), "none"));
        let even = Asked { arrivals: Some(Arrivals::Constant), ..open.clone() };
        assert_eq!(names(&open, &even), ["arrivals"]);
    }

    #[test]
    fn how_connections_are_kept_is_part_of_it_and_the_way_to_the_host_is_not() {
        let with = |connections| Asked { connections, ..asked() };
        let short = with(AskedConnections { keep_alive: false, ..AskedConnections::default() });
        let found = workload(&asked()).differences(&workload(&short));
        assert_eq!(found, [Differs { what: "connections".into(), a: "kept".into(), b: "one for each request".into() }]);
        let old = with(AskedConnections { http2: false, ..AskedConnections::default() });
        assert_eq!(names(&asked(), &old), ["HTTP version"]);
        let proxy = Some("http://proxy:3128".to_owned());
        let way = with(AskedConnections { check_certificates: false, proxy, ..AskedConnections::default() });
        assert_eq!(workload(&asked()).hash, workload(&way).hash);
        // Results of before this was recorded.
        assert_eq!(workload(&asked()).hash, "1ba722af40a0676e");
    }

    #[test]
    fn of_several_holds_the_lengths_count() {
        let staged = |second_s| {
            let stages = [(10.0, 0.0), (10.0, 60.0), (20.0, 5.0), (20.0, second_s)];
            let stages = stages.iter().map(|&(level, duration_s)| Stage { level, duration_s }).collect();
            Asked { plan: LoadPlan { model: LoadModel::Closed, stages }, ..asked() }
        };
        let found = workload(&staged(60.0)).differences(&workload(&staged(90.0)));
        assert_eq!(found, [Differs { what: "users".into(), a: "10:60s,20:60s".into(), b: "10:60s,20:90s".into() }]);
    }
}
