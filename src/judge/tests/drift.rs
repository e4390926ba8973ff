//! Soaks by a clock that runs fast: what is seen each second is made up, with the noise that such figures have, and the truth is
//! known.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::judge::tests::{Answer, fast, simulate, users};
use crate::judge::{DriftGrowth, DriftResult, RunResult, Verdict, judge};
use crate::record::{Asked, End, Gap, ProbeKind, ProbeLine, ProbeName, Recorder, Run, Seen, Watched, read};

const MB: f64 = 1e6;
const GB: f64 = 1e9;
const DAY_S: f64 = 86_400.0;
const A_QUARTER_OF_AN_HOUR_S: u32 = 900;

fn soak(seconds: u32) -> Asked {
    Asked { horizon_s: Some(7.0 * DAY_S), ..users(20, 20.0, f64::from(seconds)) }
}

/// A quarter of an hour of steady load, made once.
fn quarter() -> Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| simulate(soak(A_QUARTER_OF_AN_HOUR_S), fast)).clone()
}

/// What a figure is made of beside its level: each is the worst that is meant, of bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Noise {
    /// The height of a collector's teeth, and how long one takes, seconds.
    teeth: (f64, f64),
    /// What comes and goes by itself, and how long it stays, seconds.
    wander: (f64, f64),
    /// What fills up at the start, and its time constant, seconds.
    warm_up: (f64, f64),
    /// Jumps of so much, once in 200 s, that stay within twice that.
    jumps: f64,
}

/// So many seconds of it.
fn series(seed: u64, seconds: u32, level: f64, a_minute: f64, noise: &Noise) -> Vec<f64> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let normal =
        |rng: &mut fastrand::Rng| (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
    let stays = if noise.wander.1 > 0.0 { (-1.0 / noise.wander.1).exp() } else { 0.0 };
    let (mut tooth, mut takes_s) = (rng.f64(), noise.teeth.1);
    let (mut wander, mut jumped) = (normal(&mut rng) * noise.wander.0, 0.0);
    let second = |second: u32| {
        let at_s = f64::from(second);
        tooth += 1.0 / takes_s.max(1.0);
        if tooth >= 1.0 {
            (tooth, takes_s) = (0.0, noise.teeth.1 * (0.8 + 0.4 * rng.f64()));
        }
        wander = stays * wander + (1.0 - stays * stays).sqrt() * noise.wander.0 * normal(&mut rng);
        if rng.f64() < 1.0 / 200.0 {
            let by = if rng.bool() { noise.jumps } else { -noise.jumps };
            jumped = (jumped + by).clamp(-2.0 * noise.jumps, 2.0 * noise.jumps);
        }
        let filled = noise.warm_up.0 * (1.0 - (-at_s / noise.warm_up.1.max(1.0)).exp());
        level + a_minute / 60.0 * at_s + noise.teeth.0 * tooth + wander + filled + jumped
    };
    (0..seconds).map(second).collect()
}

/// A probe that looked once a second.
fn watched(kind: ProbeKind, name: &str, gauges: &[(&str, &[f64])]) -> Watched {
    let mut watched = Watched::new(ProbeName { kind, name: name.to_owned(), facts: BTreeMap::new() });
    watched.seen = (0..gauges[0].1.len())
        .map(|second| Seen {
            from_s: (second as f64 - 1.0).max(0.0),
            to_s: second as f64,
            gauges: gauges.iter().map(|(name, values)| ((*name).to_owned(), values[second % values.len()])).collect(),
            ..Seen::default()
        })
        .collect();
    watched
}

fn service(memory: &[f64], limit: f64) -> Watched {
    watched(ProbeKind::Process, "api", &[("memory_bytes", memory), ("memory_limit_bytes", &[limit]), ("cpus", &[2.0])])
}

#[track_caller]
fn of<'a>(result: &'a RunResult, name: &str, subject: Option<&str>) -> &'a DriftResult {
    let found = result.drift.iter().find(|drift| drift.name == name && drift.subject.as_deref() == subject);
    found.unwrap_or_else(|| panic!("no drift of {name} {subject:?} in {:#?}", result.drift))
}

/// What collectors and caches do to the memory of a service.
const REAL: Noise =
    Noise { teeth: (12.0 * MB, 25.0), wander: (0.4 * MB, 10.0), warm_up: (60.0 * MB, 45.0), jumps: 0.0 };

#[test]
fn a_leak_of_1_mb_a_minute_is_found_in_a_quarter_of_an_hour_in_19_of_20() {
    let (mut found, mut held) = (0, 0);
    for seed in 1..=20 {
        let mut run = quarter();
        run.watched = vec![service(&series(seed, A_QUARTER_OF_AN_HOUR_S, 200.0 * MB, MB, &REAL), 4.0 * GB)];
        let result = judge(&run);
        let memory = of(&result, "memory", Some("process api"));
        let per_hour = memory.per_hour.unwrap();
        held += u32::from(per_hour.low <= 60.0 * MB && 60.0 * MB <= per_hour.high);
        if memory.verdict == Verdict::Fail {
            found += 1;
            assert_eq!(result.verdict, Verdict::Fail);
            assert!(
                result.reasons.iter().any(|reason| reason.starts_with("drift of memory (process api): it grows by "))
            );
            // What stands out tells of the same leak.
            let suspect = &result.suspects[0];
            assert_eq!((suspect.rule.as_str(), suspect.subject.as_str()), ("memory_growth", "process api"));
            assert!(suspect.evidence.iter().any(|line| line.contains(&memory.reason)), "{suspect:#?}");
        }
    }
    assert!(found >= 19, "found {found} of 20");
    assert!(held >= 18, "the interval held the truth in {held} of 20");
}

#[test]
fn nothing_is_found_on_a_steady_service_in_20_of_20_of_each_kind() {
    let kinds = [
        ("still", Noise::default()),
        ("real", REAL),
        ("high teeth", Noise { teeth: (40.0 * MB, 45.0), ..Noise::default() }),
        ("long teeth", Noise { teeth: (40.0 * MB, 400.0), ..Noise::default() }),
        ("wandering", Noise { wander: (5.0 * MB, 120.0), ..Noise::default() }),
        ("warming up", Noise { warm_up: (150.0 * MB, 60.0), wander: (0.5 * MB, 5.0), ..Noise::default() }),
        ("jumping", Noise { jumps: 4.0 * MB, wander: (0.5 * MB, 5.0), ..Noise::default() }),
    ];
    for (kind, noise) in kinds {
        for seed in 1..=20 {
            let memory = |shift, level| series(seed + shift, A_QUARTER_OF_AN_HOUR_S, level, 0.0, &noise);
            let connections: Vec<f64> =
                series(seed, A_QUARTER_OF_AN_HOUR_S, 21.0, 0.0, &Noise { wander: (3.0, 20.0), ..Noise::default() })
                    .into_iter()
                    .map(f64::round)
                    .collect();
            let mut run = quarter();
            let container = [("memory_bytes", &*memory(100, 200.0 * MB)), ("memory_limit_bytes", &[0.6 * GB][..])];
            run.watched = vec![
                service(&memory(0, 200.0 * MB), 8.0 * GB),
                watched(ProbeKind::Container, "api", &container),
                watched(ProbeKind::Postgres, "", &[("connections", &connections), ("connections_limit", &[97.0])]),
                watched(ProbeKind::Redis, "", &[("clients", &connections), ("clients_limit", &[10_000.0])]),
            ];
            let result = judge(&run);
            assert_eq!(result.drift.len(), 6, "{:#?}", result.drift);
            for drift in &result.drift {
                assert_ne!(drift.verdict, Verdict::Fail, "{kind}, seed {seed}: {drift:#?}");
            }
            assert!(
                !result.reasons.iter().any(|reason| reason.contains("drift")),
                "{kind} {seed}: {:?}",
                result.reasons
            );
            assert!(result.suspects.iter().all(|s| s.rule != "memory_growth"), "{kind}: {:#?}", result.suspects);
        }
    }
}

#[test]
fn a_cache_that_is_still_filling_up_is_no_leak_and_is_not_called_steady_either() {
    let filling = Noise { warm_up: (300.0 * MB, 240.0), wander: (0.3 * MB, 5.0), ..Noise::default() };
    let mut run = quarter();
    run.watched = vec![service(&series(3, A_QUARTER_OF_AN_HOUR_S, 200.0 * MB, 0.0, &filling), 4.0 * GB)];
    let result = judge(&run);
    let memory = of(&result, "memory", Some("process api"));
    assert_eq!((memory.verdict, memory.growth), (Verdict::Unproven, Some(DriftGrowth::Slowing)), "{memory:#?}");
    assert!(memory.is_open() && memory.reason.ends_with("but ever slower: run longer to see where it ends"));
    assert_eq!(result.verdict, Verdict::Unproven);
    assert!(result.suspects.is_empty(), "{:#?}", result.suspects);
}

#[test]
fn connections_that_are_never_given_back_run_out() {
    let mut run = quarter();
    let leaking: Vec<f64> =
        (0..A_QUARTER_OF_AN_HOUR_S).map(|second| (21.0 + f64::from(second) / 60.0).floor()).collect();
    run.watched = vec![watched(ProbeKind::Postgres, "", &[("connections", &leaking), ("connections_limit", &[97.0])])];
    let result = judge(&run);
    let drift = of(&result, "connections", Some("postgres"));
    assert_eq!((drift.verdict, drift.limit, &*drift.unit), (Verdict::Fail, Some(97.0), "connections"), "{drift:#?}");
    // 60 an hour, and 72 are free a quarter of the way in: about 72 min.
    let runs_out = drift.runs_out_s.unwrap();
    assert!(runs_out.low.unwrap() < 4320.0 && 4320.0 < runs_out.high.unwrap() + 120.0, "{drift:#?}");
    assert!(drift.reason.contains("within the horizon of 7 days"), "{}", drift.reason);
}

#[test]
fn a_constant_count_may_have_grown_by_one_that_was_not_seen() {
    let judged = |seconds: u32| {
        let mut run = simulate(Asked { horizon_s: Some(7.0 * DAY_S), ..users(2, 2.0, f64::from(seconds)) }, fast);
        let gauges = [("connections", &[21.0][..]), ("connections_limit", &[198.0])];
        run.watched = vec![watched(ProbeKind::Postgres, "", &gauges)];
        for second in 1..seconds {
            let mut seen = run.watched[0].seen[0].clone();
            (seen.from_s, seen.to_s) = (f64::from(second) - 1.0, f64::from(second));
            run.watched[0].seen.push(seen);
        }
        of(&judge(&run), "connections", Some("postgres")).clone()
    };
    let short = judged(90);
    let per_hour = short.per_hour.unwrap();
    assert_eq!((short.verdict, per_hour.value), (Verdict::Unproven, 0.0), "{short:#?}");
    assert!(!short.is_open() && per_hour.low < -50.0 && 50.0 < per_hour.high && per_hour.high < 65.0, "{per_hour:?}");
    // One in an hour and a half is about 115 in 7 days, and 177 are free.
    assert_eq!(judged(7200).verdict, Verdict::Pass, "{:#?}", judged(7200));
}

#[test]
fn requests_that_become_slower_run_into_their_target() {
    let slower = |rng: &mut fastrand::Rng, at_s: f64| {
        let Answer { us, .. } = fast(rng, at_s);
        Answer::ok(us * (1.0 + at_s / 30.0))
    };
    let result = judge(&simulate(soak(A_QUARTER_OF_AN_HOUR_S), slower));
    let drift = of(&result, "p95_response_time", None);
    assert_eq!((drift.verdict, drift.limit), (Verdict::Fail, Some(2000.0)), "{drift:#?}");
    assert!(drift.from_s >= result.steady.from_s && drift.to_s <= result.steady.to_s);
    let steady = judge(&quarter());
    assert_eq!(of(&steady, "p95_response_time", None).verdict, Verdict::Pass);
    assert_eq!(steady.verdict, Verdict::Unproven, "{:?}", steady.reasons);
    assert!(steady.reasons.iter().all(|reason| !reason.contains("drift")), "only its load is too small");
}

/// A host that fails so many of its requests at an instant.
fn failing(rate: impl Fn(f64) -> f64) -> impl FnMut(&mut fastrand::Rng, f64) -> Answer {
    move |rng, at_s| Answer { failed: rng.f64() < rate(at_s), ..fast(rng, at_s) }
}

#[test]
fn errors_that_grow_are_shown_to_and_no_errors_of_few_requests_prove_nothing() {
    let errors = |seconds, limit: &str, rate: &dyn Fn(f64) -> f64| {
        let mut asked = Asked { horizon_s: Some(7.0 * DAY_S), ..users(150, 150.0, f64::from(seconds)) };
        asked.targets.insert("error_rate".to_owned(), limit.to_owned());
        of(&judge(&simulate(asked, failing(rate))), "error_rate", None).clone()
    };
    // Three in a hundred by the end: the last third is surely worse than the first, and each than the one before.
    let ramp = errors(600, "< 10%", &|at_s| 0.03 * at_s / 600.0);
    assert_eq!((ramp.verdict, ramp.growth), (Verdict::Fail, Some(DriftGrowth::Steady)), "{ramp:#?}");
    let per_hour = ramp.per_hour.unwrap();
    assert!(per_hour.low <= 0.18 && 0.18 <= per_hour.high && per_hour.low > 0.0, "{per_hour:?}");
    // One in a thousand by the end, of 4,500 requests: so few fail that most windows see none.
    let sparse = errors(90, "< 0.1%", &|at_s| 0.001 * at_s / 90.0);
    assert_eq!(sparse.verdict, Verdict::Unproven, "{sparse:#?}");
    assert!(sparse.per_hour.unwrap().high >= 0.04, "{sparse:#?}");
    let none = errors(90, "< 0.1%", &|_| 0.0);
    assert_eq!((none.verdict, none.growth), (Verdict::Unproven, Some(DriftGrowth::None)), "{none:#?}");
    assert!(none.runs_out_s.unwrap().low.unwrap() < DAY_S, "{none:#?}");
    assert!(!none.is_open() && none.reason.contains("that it lasts is proven for "), "{}", none.reason);
}

#[test]
fn what_no_limit_is_known_of_is_told_and_not_judged() {
    let mut run = quarter();
    let memory: Vec<f64> = (0..A_QUARTER_OF_AN_HOUR_S).map(|second| 1e8 + 1e5 * f64::from(second)).collect();
    let unlimited = |name: &str, kind| watched(kind, name, &[("memory_bytes", &*memory), ("active", &[5.0][..])]);
    let mut database = service(&memory, 8.0 * GB);
    database.name.name = "postgres".to_owned();
    run.watched = vec![unlimited("api", ProbeKind::Process), unlimited("", ProbeKind::Nginx), database];
    let result = judge(&run);
    for (name, subject) in [("memory", "process api"), ("connections", "nginx"), ("memory", "process postgres")] {
        let drift = of(&result, name, Some(subject));
        assert_eq!((drift.verdict, drift.limit, drift.headroom), (Verdict::NotMeasured, None, None), "{drift:#?}");
        assert!(drift.reason.starts_with("no limit is known, so there is none to run out of: "), "{}", drift.reason);
        assert!(drift.per_hour.is_some() && !drift.points.is_empty());
    }
    assert!(!result.reasons.iter().any(|reason| reason.contains("drift")), "{:?}", result.reasons);
}

#[test]
fn what_could_not_be_seen_at_all_is_unproven_with_the_reason_of_its_probe() {
    let mut run = quarter();
    let refused = |kind, name: &str, why: &str| {
        let mut blind = watched(kind, name, &[("cpus", &[2.0])]);
        blind.seen.clear();
        blind.gaps = vec![Gap { from_s: 0.0, to_s: f64::from(A_QUARTER_OF_AN_HOUR_S), why: why.to_owned() }];
        blind
    };
    run.watched = vec![
        refused(ProbeKind::Postgres, "", "connection refused"),
        refused(ProbeKind::Process, "api", "no process of that name"),
    ];
    let result = judge(&run);
    for (name, subject, reason) in [
        ("connections", "postgres", "nothing was seen of postgres: connection refused"),
        ("memory", "process api", "nothing was seen of process api: no process of that name"),
    ] {
        let drift = of(&result, name, Some(subject));
        assert_eq!((drift.verdict, &*drift.reason), (Verdict::Unproven, reason), "{drift:#?}");
        assert!(drift.is_open());
    }
}

#[test]
fn headroom_is_the_target_s_share_of_the_limit_less_the_level_at_the_start() {
    let memory: Vec<f64> =
        (0..A_QUARTER_OF_AN_HOUR_S).map(|second| 100.0 * MB + MB / 60.0 * f64::from(second)).collect();
    let judged = |asked: &dyn Fn(&mut Asked)| {
        let mut run = quarter();
        asked(&mut run.asked);
        run.watched = vec![service(&memory, 500.0 * MB)];
        let result = judge(&run);
        of(&result, "memory", Some("process api")).clone()
    };
    let drift = judged(&|_| {});
    let start = 100.0 * MB + MB / 60.0 * drift.from_s;
    let near = |value: Option<f64>, wanted: f64| assert!((value.unwrap() / wanted - 1.0).abs() < 0.01, "{drift:#?}");
    near(drift.level, start);
    near(drift.headroom, 400.0 * MB - start);
    near(drift.runs_out_s.unwrap().low, (400.0 * MB - start) / MB * 60.0);
    assert_eq!((drift.verdict, drift.growth), (Verdict::Fail, Some(DriftGrowth::Steady)));
    assert_eq!(drift.per_hour_in_words(), "60 MB/h");
    assert_eq!(drift.runs_out_in_words(), "in 4.9 h");
    // The target of the subject itself comes first; a nearer horizon is met; without a target it is the limit itself.
    near(judged(&|asked| drop(asked.targets.insert("memory[process api]".into(), "< 50%".into()))).limit, 250.0 * MB);
    near(judged(&|asked| drop(asked.targets.remove("memory"))).limit, 500.0 * MB);
    assert_eq!(judged(&|asked| asked.horizon_s = Some(4.0 * 3600.0)).verdict, Verdict::Pass);
    let past = judged(&|asked| drop(asked.targets.insert("memory".into(), "< 10%".into())));
    assert_eq!(past.verdict, Verdict::NotMeasured, "{past:#?}");
}

#[test]
fn an_unproven_line_leaves_the_run_as_it_is_unless_something_grows_or_nothing_was_seen() {
    let mut run = quarter();
    let wandering = Noise { wander: (5.0 * MB, 60.0), ..Noise::default() };
    run.watched = vec![service(&series(1, A_QUARTER_OF_AN_HOUR_S, 200.0 * MB, 0.0, &wandering), 0.3 * GB)];
    let result = judge(&run);
    let drift = of(&result, "memory", Some("process api"));
    assert_eq!((drift.verdict, drift.growth), (Verdict::Unproven, Some(DriftGrowth::None)), "{drift:#?}");
    assert!(!drift.is_open() && drift.reason.contains("that it lasts is proven for "), "{}", drift.reason);
    assert!(!result.reasons.iter().any(|reason| reason.contains("drift")));
    // Seen for ten seconds only.
    for seen in &mut run.watched[0].seen {
        if seen.to_s > 10.0 {
            seen.gauges.remove("memory_bytes");
        }
    }
    let result = judge(&run);
    let drift = of(&result, "memory", Some("process api"));
    assert!(drift.is_open() && drift.per_hour.is_none(), "{drift:#?}");
    assert!(result.reasons.iter().any(|reason| reason.starts_with("drift of memory (process api): ")));
}

#[test]
fn without_a_horizon_nothing_is_judged() {
    let mut run = quarter();
    run.asked.horizon_s = None;
    run.watched = vec![service(&series(1, A_QUARTER_OF_AN_HOUR_S, 200.0 * MB, MB, &REAL), GB)];
    assert!(judge(&run).drift.is_empty());
    let mut short = simulate(Asked { horizon_s: Some(3600.0), ..users(20, 20.0, 20.0) }, fast);
    short.watched = vec![service(&[200.0 * MB; 20], GB)];
    let result = judge(&short);
    assert!(
        result.drift.iter().all(|drift| drift.verdict == Verdict::Unproven && drift.is_open()),
        "{:#?}",
        result.drift
    );
}

#[test]
fn the_journal_tells_the_same_of_seconds_and_of_merged_minutes() {
    let seconds = 4200;
    let memory = series(5, seconds, 200.0 * MB, MB, &REAL);
    let limits = [("memory_bytes", &*memory), ("memory_limit_bytes", &[GB][..])];
    let fresh = watched(ProbeKind::Process, "api", &limits);
    let folder = tempfile::tempdir().unwrap();
    let asked = soak(seconds);
    let names = quarter().endpoints;
    let started = "2026-11-23T08:10:00Z".parse().unwrap();
    let (recorder, mut hand) = Recorder::by_hand(folder.path(), &asked, names, started).unwrap();
    recorder.probe(ProbeLine::Probe { id: 1, name: fresh.name.clone() });
    for (second, seen) in (0..u64::from(seconds)).zip(&fresh.seen) {
        recorder.probe(ProbeLine::Seen { probe: 1, seen: seen.clone() });
        for n in 0..6 {
            recorder.record(&crate::record::fixture::sample(0, second * 1_000_000 + n * 150_000, 2000 + n));
        }
        hand.tick((second + 1) * 1_000_000 + 30_000);
    }
    hand.finish(u64::from(seconds) * 1_000_000, &End::Finished).unwrap();
    let merged = read(folder.path()).unwrap();
    assert!(merged.watched[0].seen[3].length_s() > 50.0, "the first hour is minutes by now");
    let mut seconds_kept = merged.clone();
    seconds_kept.watched = vec![fresh];
    let [of_minutes, of_seconds] =
        [merged, seconds_kept].map(|run| of(&judge(&run), "memory", Some("process api")).clone());
    assert_eq!((of_minutes.verdict, of_seconds.verdict), (Verdict::Fail, Verdict::Fail), "{of_minutes:#?}");
    let [minutes, seconds] = [of_minutes, of_seconds].map(|drift| drift.per_hour.unwrap());
    assert!((minutes.value / seconds.value - 1.0).abs() < 0.1, "{minutes:?} {seconds:?}");
    assert!(minutes.low <= 60.0 * MB && 60.0 * MB <= minutes.high, "{minutes:?}");
}

/// Not a test of the program: how soon a leak is found, for the documentation.
#[test]
#[ignore = "prints a table"]
fn how_soon() {
    for minutes in [3, 5, 8, 10, 15, 20, 30] {
        let kinds = [
            ("still", Noise { wander: (0.3 * MB, 5.0), ..Noise::default() }),
            ("real", REAL),
            ("high teeth", Noise { teeth: (40.0 * MB, 45.0), warm_up: (60.0 * MB, 45.0), ..Noise::default() }),
        ];
        let run = simulate(soak(minutes * 60), fast);
        let share = kinds.map(|(kind, noise)| {
            let of_leak = |a_minute: f64| {
                (1..=100)
                    .filter(|&seed| {
                        let mut run = run.clone();
                        run.watched =
                            vec![service(&series(seed, minutes * 60, 200.0 * MB, a_minute, &noise), 4.0 * GB)];
                        of(&judge(&run), "memory", Some("process api")).verdict == Verdict::Fail
                    })
                    .count()
            };
            format!("{kind}: {} of 100, steady {}", of_leak(MB), of_leak(0.0))
        });
        println!("{minutes} min: {}", share.join("; "));
    }
}
