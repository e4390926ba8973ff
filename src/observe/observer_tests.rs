//! Probes that follow a script, at a pace of some tens of milliseconds, and what the journal has of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::*;
use crate::record::fixture::asked;
use crate::record::{Blocked, ByHand, End, ProbeKind, Run, StatementRow, Watched, read};

const QUICKLY: Pace = Pace {
    every: Duration::from_millis(40),
    whole_every: 5,
    first_within: Duration::from_millis(400),
    grace: Duration::from_millis(400),
};

type Script = Box<dyn FnMut(usize) -> BoxFuture<'static, Result<Look, String>> + Send>;

/// A probe whose looks are numbered from 0: the first one is before the load.
struct Scripted {
    name: ProbeName,
    script: Script,
    depths: Arc<Mutex<Vec<Depth>>>,
    patience: Duration,
}

impl Scripted {
    fn new(name: &str, script: impl FnMut(usize) -> BoxFuture<'static, Result<Look, String>> + Send + 'static) -> Self {
        let name = ProbeName { kind: ProbeKind::Process, name: name.to_owned(), facts: BTreeMap::new() };
        Self { name, script: Box::new(script), depths: Arc::default(), patience: Duration::from_millis(100) }
    }

    /// One that answers at once.
    fn telling(name: &str, mut tell: impl FnMut(usize) -> Result<Look, String> + Send + 'static) -> Self {
        Self::new(name, move |number| {
            let told = tell(number);
            Box::pin(async move { told })
        })
    }
}

impl Probe for Scripted {
    fn name(&self) -> ProbeName {
        let mut name = self.name.clone();
        name.facts.insert("looks".into(), self.depths.lock().unwrap().len().min(2).to_string());
        name
    }

    fn look(&mut self, depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        let number = {
            let mut depths = self.depths.lock().unwrap();
            depths.push(depth);
            depths.len() - 1
        };
        (self.script)(number)
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

/// What a look of most of these scripts tells.
#[expect(clippy::unnecessary_wraps, reason = "scripts tell a look or why there is none")]
fn total(value: f64) -> Result<Look, String> {
    let mut look = Look::default();
    look.total("cpu_s", value);
    look.gauge("threads", value);
    Ok(look)
}

fn by_hand(folder: &std::path::Path) -> (Arc<Recorder>, ByHand) {
    let (recorder, hand) = Recorder::by_hand(folder, &asked(), Vec::new(), Timestamp::UNIX_EPOCH).unwrap();
    (Arc::new(recorder), hand)
}

/// Lets probes work for so many looks of the pace, and reads the journal; what their first looks met; how long the end took.
async fn watch(probes: Vec<Scripted>, looks: u32) -> (Run, Vec<FirstLook>, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, hand) = by_hand(folder.path());
    let probes = probes.into_iter().map(|probe| Box::new(probe) as Box<dyn Probe>).collect();
    let (observer, first) = Observer::start_at(QUICKLY, probes, Arc::clone(&recorder)).await.unwrap();
    recorder.begin();
    tokio::time::sleep(QUICKLY.every * looks).await;
    let told = Instant::now();
    observer.stop().await;
    let took = told.elapsed();
    hand.finish(recorder.now_us(), &End::Finished).unwrap();
    (read(folder.path()).unwrap(), first, took)
}

fn counts(watched: &Watched) -> Vec<Option<f64>> {
    watched.seen.iter().map(|seen| seen.counts.get("cpu_s").copied()).collect()
}

#[tokio::test]
async fn differences_of_totals_are_told_for_spans_that_join() {
    let probe = Scripted::telling("a", |number| total(number as f64 * 10.0));
    let depths = Arc::clone(&probe.depths);
    let (run, first, _) = watch(vec![probe], 12).await;
    let [watched] = &*run.watched else { panic!("{:?}", run.watched) };
    assert_eq!((first.len(), first[0].problem.as_deref()), (1, None));
    let looks = depths.lock().unwrap().len();
    assert_eq!(watched.seen.len(), looks, "every look, the one before the load and the last too");
    assert!(looks >= 4, "{looks} looks");
    let counts = counts(watched);
    assert_eq!(counts[..2], [None, None], "before the load, and where counting begins");
    assert!(counts[2..].iter().all(|count| *count == Some(10.0)), "{counts:?}");
    assert!(watched.seen[1..].windows(2).all(|pair| pair[1].from_s == pair[0].to_s), "{:?}", watched.seen);
    assert_eq!(watched.seen[1].length_s(), 0.0);
    // The last look may follow the one before within the same millisecond.
    assert!(watched.seen[2..looks - 1].iter().all(|seen| seen.length_s() > 0.0), "{:?}", watched.seen);
    assert!(watched.gaps.is_empty(), "{:?}", watched.gaps);
}

#[tokio::test]
async fn a_counter_that_went_back_tells_nothing_once() {
    let steps = [0.0, 100.0, 120.0, 5.0, 15.0];
    let probe = Scripted::telling("a", move |number| total(steps.get(number).map_or(15.0, |&step| step)));
    let (run, ..) = watch(vec![probe], 12).await;
    let counts = counts(&run.watched[0]);
    assert_eq!(counts[..5], [None, None, Some(20.0), None, Some(10.0)], "{counts:?}");
    assert!(counts[5..].iter().all(|count| *count == Some(0.0)), "{counts:?}");
}

#[tokio::test]
async fn a_counter_that_is_new_counts_from_its_second_look() {
    let probe = Scripted::telling("a", |number| {
        let mut look = total(number as f64)?;
        if number >= 3 {
            look.total("late", 1000.0 + number as f64);
        }
        Ok(look)
    });
    let (run, ..) = watch(vec![probe], 12).await;
    let late: Vec<Option<f64>> = run.watched[0].seen.iter().map(|seen| seen.counts.get("late").copied()).collect();
    assert_eq!(late[..5], [None, None, None, None, Some(1.0)]);
}

#[tokio::test]
async fn looks_that_fail_are_a_gap_with_its_reason_and_the_next_count_reaches_back_over_it() {
    let probe = Scripted::telling("a", |number| match number {
        3 | 4 => Err("connection refused".to_owned()),
        5 => Err("wrong password".to_owned()),
        _ => total(number as f64),
    });
    let (run, ..) = watch(vec![probe], 14).await;
    let watched = &run.watched[0];
    let reasons: Vec<&str> = watched.gaps.iter().map(|gap| &*gap.why).collect();
    assert_eq!(reasons, ["connection refused", "wrong password"], "neighbours with the same reason are one");
    let (before, after) = (&watched.seen[2], &watched.seen[3]);
    assert_eq!(watched.gaps[0].from_s, before.to_s, "from the last look that saw something");
    assert!(watched.gaps[0].to_s > watched.gaps[0].from_s);
    assert_eq!(watched.gaps[1].from_s, watched.gaps[0].to_s);
    assert!(watched.gaps[1].to_s <= after.to_s, "{watched:?}");
    assert_eq!((after.from_s, after.counts["cpu_s"]), (before.to_s, 4.0), "what happened in the meantime is not lost");
}

#[tokio::test]
async fn one_that_hangs_forever_holds_up_neither_the_others_nor_the_end() {
    let hanging = || Scripted::new("hangs", |_| Box::pin(std::future::pending()));
    let well = Scripted::telling("well", |number| total(number as f64));
    let alone = Scripted::telling("well", |number| total(number as f64));
    let (with, without) = tokio::join!(watch(vec![hanging(), well, hanging()], 20), watch(vec![alone], 20));
    let (run, first, took) = with;
    assert_eq!(first[0].problem.as_deref(), Some("no answer within 0.4 s"));
    assert_eq!(first[1].problem, None);
    let most = 2 * Duration::from_millis(100) + QUICKLY.grace;
    assert!(took < most + Duration::from_secs(2), "the end took {took:?}");
    let [hung, well, _] = &*run.watched else { panic!("{:?}", run.watched) };
    assert!(hung.seen.is_empty());
    assert!(hung.gaps.iter().any(|gap| gap.why == "no answer within 0.1 s"), "{:?}", hung.gaps);
    assert!(well.gaps.is_empty(), "{:?}", well.gaps);
    let alone = without.0.watched[0].seen.len();
    assert!(well.seen.len() * 2 > alone, "{} looks, {alone} without one that hangs", well.seen.len());
}

#[tokio::test]
async fn one_that_blocks_the_thread_itself_holds_up_neither_the_load_nor_the_end() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let folder = tempfile::tempdir().unwrap();
    let (recorder, hand) = by_hand(folder.path());
    let blocking = Scripted::telling("blocks", move |_| {
        // Until the test is over: whoever waits for it waits forever.
        let _ = released.lock().unwrap().recv();
        Err("blocked".to_owned())
    });
    let probes: Vec<Box<dyn Probe>> = vec![Box::new(blocking)];
    let (observer, first) = Observer::start_at(QUICKLY, probes, Arc::clone(&recorder)).await.unwrap();
    assert_eq!(first[0].name.name, "blocks");
    assert!(first[0].problem.as_deref().unwrap().contains("holds up all others"), "{first:?}");
    recorder.begin();
    observer.stop().await;
    hand.finish(recorder.now_us(), &End::Finished).unwrap();
    drop(release);
}

#[tokio::test]
async fn one_that_is_slow_skips_looks_and_never_looks_twice_at_once() {
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let most_seen = Arc::clone(&most);
    let mut probe = Scripted::new("slow", move |number| {
        let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
        Box::pin(async move {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(QUICKLY.every * 5 / 2).await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            total(number as f64)
        })
    });
    probe.patience = Duration::from_secs(10);
    let (run, _, took) = watch(vec![probe], 30).await;
    let watched = &run.watched[0];
    assert_eq!(most_seen.load(Ordering::SeqCst), 1);
    assert!((3..=13).contains(&watched.seen.len()), "{} looks in the time of 30", watched.seen.len());
    assert!(watched.gaps.is_empty(), "{:?}", watched.gaps);
    assert!(took >= QUICKLY.every, "its last look was waited for");
    let last = watched.seen.last().unwrap();
    assert_eq!(watched.total("cpu_s", 0.0, f64::INFINITY), Some(last.gauges["threads"] - 1.0), "nothing is lost");
}

#[tokio::test]
async fn one_that_panics_becomes_a_gap_and_takes_nobody_along() {
    let bad = Scripted::new("bad", |number| match number {
        2 => panic!("no such index"),
        3 => Box::pin(async { panic!("{} and later", 7) }),
        _ => Box::pin(async move { total(number as f64) }),
    });
    let well = Scripted::telling("well", |number| total(number as f64));
    let (run, ..) = watch(vec![bad, well], 14).await;
    let [bad, well] = &*run.watched else { panic!("{:?}", run.watched) };
    let reasons: Vec<&str> = bad.gaps.iter().map(|gap| &*gap.why).collect();
    let defect = |what: &str| format!("a defect of the probe itself, please report it: {what}");
    assert_eq!(reasons, [defect("no such index"), defect("7 and later")]);
    assert!(bad.seen.len() >= 3, "it goes on: {:?}", bad.seen);
    assert!(well.gaps.is_empty() && well.seen.len() >= 4, "{well:?}");
}

#[tokio::test]
async fn the_first_look_tells_who_sees_nothing_and_each_goes_on_trying() {
    let probes = vec![
        Scripted::telling("first", |number| if number < 2 { Err("starts up".to_owned()) } else { total(1.0) }),
        Scripted::telling("second", |_| total(1.0)),
    ];
    let (run, first, _) = watch(probes, 10).await;
    let met: Vec<(&str, Option<&str>)> =
        first.iter().map(|first| (&*first.name.name, first.problem.as_deref())).collect();
    assert_eq!(met, [("first", Some("starts up")), ("second", None)]);
    let watched = &run.watched[0];
    assert_eq!((watched.gaps.len(), &*watched.gaps[0].why, watched.gaps[0].from_s), (1, "starts up", 0.0));
    assert!(!watched.seen.is_empty());
}

#[tokio::test]
async fn whole_looks_are_the_first_every_so_many_and_the_last() {
    let probe = Scripted::telling("a", |_| total(1.0));
    let depths = Arc::clone(&probe.depths);
    let (run, ..) = watch(vec![probe], 23).await;
    let depths = depths.lock().unwrap();
    assert_eq!((depths[0], depths[1]), (Depth::Whole, Depth::Quick), "before the load, and at its begin");
    assert_eq!(*depths.last().unwrap(), Depth::Whole);
    let between = depths[1..depths.len() - 1].iter().filter(|depth| **depth == Depth::Whole).count();
    // One every fifth look, be some of them skipped.
    let most = run.watched[0].seen.last().unwrap().to_s / (QUICKLY.every * 5).as_secs_f64();
    assert!(between >= 1 && between as f64 <= most, "{between} whole looks, at most {most}: {depths:?}");
}

#[tokio::test]
async fn a_whole_look_that_was_skipped_is_made_up_for() {
    let mut probe = Scripted::new("slow", |_| {
        Box::pin(async {
            tokio::time::sleep(QUICKLY.every * 3 / 2).await;
            total(1.0)
        })
    });
    probe.patience = Duration::from_secs(10);
    let depths = Arc::clone(&probe.depths);
    // Every second look is skipped, so that the fifth, the 15th … are not there.
    let (run, ..) = watch(vec![probe], 40).await;
    let depths = depths.lock().unwrap();
    let whole = depths[1..depths.len() - 1].iter().filter(|depth| **depth == Depth::Whole).count() as f64;
    let due = run.watched[0].seen.last().unwrap().to_s / (QUICKLY.every * 5).as_secs_f64();
    assert!(whole >= 0.5 * due - 1.0, "{whole} of {due}: {depths:?}");
}

#[tokio::test]
async fn a_name_that_learns_more_is_told_again_and_the_last_counts() {
    let (run, first, _) = watch(vec![Scripted::telling("a", |_| total(1.0))], 8).await;
    assert_eq!(first[0].name.facts["looks"], "1", "as it is after the first look");
    assert_eq!(run.watched.len(), 1);
    assert_eq!(run.watched[0].name.facts["looks"], "2");
}

#[tokio::test]
async fn what_is_not_a_number_is_not_told() {
    let probe = Scripted::telling("a", |number| {
        let mut look = total(number as f64)?;
        look.gauge("files", if number == 2 { f64::NAN } else { 3.0 });
        look.total("disk_read_bytes", if number == 3 { f64::INFINITY } else { number as f64 });
        Ok(look)
    });
    let (run, ..) = watch(vec![probe], 14).await;
    let seen = &run.watched[0].seen;
    let told = |name: &str| seen[1..].iter().filter(|seen| seen.gauges.contains_key(name)).count();
    assert_eq!(told("files") + 1, told("threads"), "{seen:?}");
    // The count that follows reaches back over it.
    let read: Vec<f64> = seen.iter().filter_map(|seen| seen.counts.get("disk_read_bytes").copied()).collect();
    assert_eq!(read[..3], [1.0, 2.0, 1.0], "{seen:?}");
}

#[tokio::test]
async fn counters_of_another_life_are_no_difference_to_those_of_the_one_before() {
    let probe = Scripted::telling("a", |number| {
        // Higher than ever, as only the probe knows that it is another one.
        let look = total(if number < 4 { number as f64 } else { 1000.0 + number as f64 })?;
        Ok(Look { anew: number == 4, ..look })
    });
    let (run, ..) = watch(vec![probe], 14).await;
    let counts = counts(&run.watched[0]);
    assert_eq!(counts[1..6], [None, Some(1.0), Some(1.0), None, Some(1.0)], "{counts:?}");
}

#[tokio::test]
async fn what_was_seen_earlier_keeps_its_time_and_is_told_once() {
    let mut seen_at = Instant::now();
    let probe = Scripted::telling("a", move |number| {
        // Something new every third look only.
        if number % 3 == 0 {
            seen_at = Instant::now();
        }
        Ok(Look { at: Some(seen_at), ..total((number / 3) as f64)? })
    });
    let (run, ..) = watch(vec![probe], 24).await;
    let watched = &run.watched[0];
    assert!(watched.gaps.is_empty());
    let told = &watched.seen[1..];
    assert!(told.len() >= 2, "{told:?}");
    assert!(told[1..].iter().all(|seen| seen.counts["cpu_s"] == 1.0 && seen.length_s() > 0.0), "{told:?}");
}

#[test]
fn hours_that_were_merged_keep_what_was_counted_and_when_nothing_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, mut hand) = by_hand(folder.path());
    let name = ProbeName { kind: ProbeKind::Postgres, name: String::new(), facts: BTreeMap::new() };
    recorder.probe(ProbeLine::Probe { id: 0, name });
    let seconds = 2 * 3600 + 90_u32;
    for second in 0..seconds {
        let (from_s, to_s) = (f64::from(second), f64::from(second + 1));
        if (1000..1010).contains(&second) {
            recorder.probe(ProbeLine::Gap { probe: 0, gap: Gap { from_s, to_s, why: "gone".into() } });
        } else {
            let calls = if second == 4000 { 900.0 } else { 3.0 };
            let seen = Seen {
                from_s,
                to_s,
                gauges: [("connections".to_owned(), f64::from(second % 60))].into(),
                counts: [("calls".to_owned(), calls)].into(),
                ..Seen::default()
            };
            recorder.probe(ProbeLine::Seen { probe: 0, seen });
        }
        if second % 30 == 0 {
            let top = vec![StatementRow { id: "1".into(), calls: to_s, ..StatementRow::default() }];
            let statements = Statements { to_s, top, ..Statements::default() };
            recorder.probe(ProbeLine::Statements { probe: 0, statements });
        }
        if second == 5000 {
            let session = Blocked { at_s: to_s, waited_s: 2.0, ..Blocked::default() };
            recorder.probe(ProbeLine::Blocked { probe: 0, sessions: vec![session] });
        }
        hand.tick(u64::from(second + 1) * 1_000_000);
    }
    hand.finish(u64::from(seconds) * 1_000_000, &End::Finished).unwrap();
    let run = read(folder.path()).unwrap();
    let [watched] = &*run.watched else { panic!("{:?}", run.watched) };
    assert!(watched.seen.len() < 400, "{} spans", watched.seen.len());
    let calls = watched.total("calls", 0.0, f64::INFINITY).unwrap();
    assert_eq!(calls, 3.0 * f64::from(seconds - 11) + 900.0);
    let peak = watched.seen.iter().filter_map(|seen| seen.peak("calls")).fold(0.0, f64::max);
    assert_eq!(peak, 900.0, "the peak of a second, in a merged minute");
    let minute = watched.seen.iter().find(|seen| seen.from_s >= 4200.0).unwrap();
    assert!((minute.length_s() - 60.0).abs() < 1.1 && (minute.gauges["connections"] - 29.5).abs() < 1.0, "{minute:?}");
    assert_eq!(watched.gaps.len(), 1);
    assert_eq!((watched.gaps[0].from_s, watched.gaps[0].to_s), (1000.0, 1010.0));
    assert_eq!(watched.statements.as_ref().unwrap().top[0].calls, f64::from(seconds - 90 + 61));
    assert_eq!(watched.blocked.len(), 1);
}

#[test]
fn a_total_that_is_told_less_often_is_counted_over_its_own_span_and_one_that_went_back_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, mut hand) = Recorder::by_hand(folder.path(), &asked(), Vec::new(), Timestamp::UNIX_EPOCH).unwrap();
    let mut watcher = Watcher::new(
        0,
        QUICKLY,
        Box::new(Scripted::telling("db", |_| Err("it is told by hand".to_owned()))),
        Arc::new(recorder),
    );
    for (second, calls, commits) in
        [(0.0, Some(10.0), 5.0), (1.0, None, 6.0), (2.0, None, 8.0), (3.0, Some(40.0), 2.0), (4.0, Some(41.0), 3.0)]
    {
        let mut look = Look::default();
        look.gauge("connections", 1.0);
        look.total("commits", commits);
        if let Some(calls) = calls {
            look.total("calls", calls);
        }
        watcher.tell_look(look, second);
    }
    hand.tick(5_000_000);
    hand.finish(5_000_000, &End::Finished).unwrap();
    let run = read(folder.path()).unwrap();
    let seen = &run.watched[0].seen;
    let told = |name: &str| -> Vec<(f64, f64, f64)> {
        seen.iter().filter_map(|seen| Some((seen.from_s, seen.to_s, *seen.counts.get(name)?))).collect()
    };
    assert_eq!(told("calls"), [(0.0, 3.0, 30.0), (3.0, 4.0, 1.0)]);
    assert_eq!(told("commits"), [(0.0, 1.0, 1.0), (1.0, 2.0, 2.0), (3.0, 4.0, 1.0)]);
    let looks: Vec<f64> = seen.iter().filter(|seen| !seen.gauges.is_empty()).map(|seen| seen.to_s).collect();
    assert_eq!(looks, [0.0, 1.0, 2.0, 3.0, 4.0]);
}
