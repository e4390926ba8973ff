//! Looks once a second, on a thread of its own, and tells the journal.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::{Depth, Look, Probe, SinceFirst};
use crate::record::{Gap, ProbeLine, ProbeName, Recorder, Seen, Statements, Tables};

/// How often to look.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Between two looks.
    every: Duration,
    /// Every how many looks one is whole.
    whole_every: u64,
    /// How long a first look may take: the load waits for it.
    first_within: Duration,
    /// How long the thread may take to end, once every probe has had its time.
    grace: Duration,
}

const PACE: Pace = Pace {
    every: Duration::from_secs(1),
    whole_every: 30,
    first_within: Duration::from_secs(3),
    grace: Duration::from_secs(1),
};

/// Probes do not all look in the same moment.
const APART: Duration = Duration::from_millis(7);
/// How often the begin of the load is looked for.
const BEGIN_EVERY: Duration = Duration::from_millis(5);

/// What the first look of a probe, before the load, has met.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstLook {
    /// Who it is.
    pub name: ProbeName,
    /// Why it saw nothing, if so. It goes on trying.
    pub problem: Option<String>,
}

/// All probes of a run, at work.
#[derive(Debug)]
pub struct Observer {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    /// Done when the thread is.
    done: oneshot::Receiver<()>,
    /// How long the end may take.
    ends_within: Duration,
}

impl Observer {
    /// Lets each probe have its first look, and hands out what they met; from then on they look once a second of the
    /// recorder's time until [`Observer::stop`].
    pub async fn start(
        probes: Vec<Box<dyn Probe>>,
        recorder: Arc<Recorder>,
    ) -> std::io::Result<(Self, Vec<FirstLook>)> {
        Self::start_at(PACE, probes, recorder).await
    }

    async fn start_at(
        pace: Pace,
        probes: Vec<Box<dyn Probe>>,
        recorder: Arc<Recorder>,
    ) -> std::io::Result<(Self, Vec<FirstLook>)> {
        let (stop, stopped) = watch::channel(false);
        let (tell_first, first) = oneshot::channel();
        let (tell_done, done) = oneshot::channel();
        let patience = probes.iter().map(|probe| probe.patience()).max().unwrap_or_default();
        let names: Vec<ProbeName> = probes.iter().map(|probe| probe.name()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("probes".into()).spawn(move || {
            runtime.block_on(watch_all(pace, probes, recorder, stopped, tell_first));
            // What still hangs in a look-up of a name ends by itself: nobody waits for it.
            runtime.shutdown_background();
            let _ = tell_done.send(());
        })?;
        // A probe that holds up the whole thread must not hold up the load.
        let met = tokio::time::timeout(pace.first_within.max(patience) + pace.grace, first).await;
        let all_held_up = || {
            let problem = Some("a probe holds up all others: none of them sees anything".to_owned());
            names.into_iter().map(|name| FirstLook { name, problem: problem.clone() }).collect()
        };
        let first = met.map_or_else(|_| all_held_up(), Result::unwrap_or_default);
        Ok((Self { stop, thread: Some(thread), done, ends_within: 2 * patience + pace.grace }, first))
    }

    /// Has each probe look once more, and ends them. A look under way is waited for: what hangs costs as much time as it
    /// is given, once.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let done = tokio::time::timeout(self.ends_within, &mut self.done).await;
        if done.is_ok()
            && let Some(thread) = self.thread.take()
        {
            // It has said that it is done. One that has not is left to itself: it only reads.
            let _ = thread.join();
        }
    }
}

async fn watch_all(
    pace: Pace,
    probes: Vec<Box<dyn Probe>>,
    recorder: Arc<Recorder>,
    stopped: watch::Receiver<bool>,
    tell_first: oneshot::Sender<Vec<FirstLook>>,
) {
    let mut first = JoinSet::new();
    for (id, probe) in (0_u32..).zip(probes) {
        let mut watcher = Watcher::new(id, pace, probe, Arc::clone(&recorder));
        first.spawn(async move {
            let problem = watcher.first_look().await;
            (watcher, problem)
        });
    }
    let mut met: Vec<(Watcher, Option<String>)> = first.join_all().await;
    met.sort_by_key(|(watcher, _)| watcher.id);
    let told = met.iter().map(|(watcher, problem)| FirstLook { name: watcher.name.clone(), problem: problem.clone() });
    let _ = tell_first.send(told.collect());

    let mut at_work = JoinSet::new();
    for (watcher, _) in met {
        at_work.spawn(watcher.run(stopped.clone()));
    }
    at_work.join_all().await;
}

/// One probe at work.
struct Watcher {
    id: u32,
    pace: Pace,
    probe: Box<dyn Probe>,
    recorder: Arc<Recorder>,
    name: ProbeName,
    /// When the last look was that saw something.
    seen_s: Option<f64>,
    /// The totals as they were told last, and when that was: a probe may tell some less often.
    last: BTreeMap<String, (f64, f64)>,
    /// The last look, whether it saw something or not.
    looked_s: f64,
    statements_from_s: f64,
    tables_from_s: f64,
}

impl Watcher {
    fn new(id: u32, pace: Pace, probe: Box<dyn Probe>, recorder: Arc<Recorder>) -> Self {
        let name = probe.name();
        recorder.probe(ProbeLine::Probe { id, name: name.clone() });
        Self {
            id,
            pace,
            probe,
            recorder,
            name,
            seen_s: None,
            last: BTreeMap::new(),
            looked_s: 0.0,
            statements_from_s: 0.0,
            tables_from_s: 0.0,
        }
    }

    /// Before the load: connects, learns what it is, and begins to count.
    async fn first_look(&mut self) -> Option<String> {
        let problem = self.look(Depth::Whole, self.pace.first_within.max(self.probe.patience())).await;
        if let Some(why) = &problem {
            self.tell(ProbeLine::Gap { probe: self.id, gap: Gap { from_s: 0.0, to_s: 0.0, why: why.clone() } });
        }
        problem
    }

    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let zero = tokio::select! {
            zero = begin(&self.recorder) => zero,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        let Pace { every, whole_every, .. } = self.pace;
        let offset = APART * self.id;
        // What happened between the first look and the load is not the load's: counting begins anew.
        (self.seen_s, self.last) = (None, BTreeMap::new());
        let mut depth = Depth::Quick;
        for number in 0.. {
            if number > 0 && number % whole_every == 0 {
                depth = Depth::Whole;
            }
            let due = zero + offset + every * u32::try_from(number).unwrap_or(u32::MAX);
            // A look that took longer than a second costs those that were due in the meantime.
            if due + every / 2 < Instant::now() {
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
            let patience = self.probe.patience();
            let saw = self.look_and_tell(depth, patience).await;
            depth = Depth::Quick;
            if !saw && *stopped.borrow() {
                // It had its time after the end, and more of it would bring no more.
                return;
            }
        }
        self.look_and_tell(Depth::Whole, self.probe.patience()).await;
    }

    /// Whether it saw something.
    async fn look_and_tell(&mut self, depth: Depth, within: Duration) -> bool {
        let from_s = self.looked_s;
        let problem = self.look(depth, within).await;
        let saw = problem.is_none();
        if let Some(why) = problem {
            let to_s = self.now_s();
            self.tell(ProbeLine::Gap { probe: self.id, gap: Gap { from_s, to_s, why } });
            self.looked_s = to_s;
        } else if let Some(seen_s) = self.seen_s {
            self.looked_s = seen_s;
        }
        saw
    }

    /// Looks, and tells what was seen; hands out why nothing was.
    async fn look(&mut self, depth: Depth, within: Duration) -> Option<String> {
        let looking = AssertUnwindSafe(async { self.probe.look(depth).await }).catch_unwind();
        let look = match tokio::time::timeout(within, looking).await {
            Ok(Ok(Ok(look))) => look,
            Ok(Ok(Err(why))) => return Some(why),
            Ok(Err(panic)) => return Some(defect(panic.as_ref())),
            Err(_) => return Some(format!("no answer within {} s", within.as_secs_f64())),
        };
        let now = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| self.probe.name())) {
            Ok(name) if name != self.name => {
                self.name = name.clone();
                self.tell(ProbeLine::Probe { id: self.id, name });
            }
            Ok(_) => {}
            Err(panic) => return Some(defect(panic.as_ref())),
        }
        let at_s = self.at_s(look.at.unwrap_or(now).min(now));
        // It may have nothing newer to tell than the last time.
        if look.at.is_none() || self.seen_s.is_none_or(|seen_s| at_s > seen_s) {
            self.tell_look(look, at_s);
        }
        None
    }

    fn tell_look(&mut self, look: Look, now_s: f64) {
        let Look { at: _, anew, gauges, totals, statements, tables, mut blocked } = look;
        if anew {
            self.last.clear();
        }
        let from_s = self.seen_s.unwrap_or(now_s);
        self.seen_s = Some(now_s);
        // By when counting began; mostly that is the look before.
        let mut spans: BTreeMap<u64, Seen> = BTreeMap::new();
        let seen = |from_s, to_s| Seen { from_s, to_s, ..Seen::default() };
        for (name, value) in finite(totals) {
            let before = self.last.insert(name.clone(), (now_s, value));
            if let Some((began_s, before)) = before
                // A counter that went back has begun anew, and tells nothing.
                && value >= before
            {
                let span = spans.entry(began_s.to_bits()).or_insert_with(|| seen(began_s, now_s));
                span.counts.insert(name, value - before);
            }
        }
        let mut latest = spans.remove(&from_s.to_bits()).unwrap_or_else(|| seen(from_s, now_s));
        latest.gauges = finite(gauges);
        // The look itself comes last, so that it is what is shown of now.
        for seen in spans.into_values().chain([latest]) {
            self.tell(ProbeLine::Seen { probe: self.id, seen });
        }
        if let Some(SinceFirst { counted: (top, others), begins, incomplete }) = statements {
            if begins {
                self.statements_from_s = now_s;
            }
            let statements = Statements { from_s: self.statements_from_s, to_s: now_s, top, others, incomplete };
            self.tell(ProbeLine::Statements { probe: self.id, statements });
        }
        if let Some(SinceFirst { counted: top, begins, incomplete: _ }) = tables {
            if begins {
                self.tables_from_s = now_s;
            }
            self.tell(ProbeLine::Tables {
                probe: self.id,
                tables: Tables { from_s: self.tables_from_s, to_s: now_s, top },
            });
        }
        if !blocked.is_empty() {
            for session in &mut blocked {
                session.at_s = now_s;
            }
            self.tell(ProbeLine::Blocked { probe: self.id, sessions: blocked });
        }
    }

    fn now_s(&self) -> f64 {
        self.at_s(Instant::now())
    }

    fn at_s(&self, instant: Instant) -> f64 {
        // Whole milliseconds: what lies between is not known anyway.
        (self.recorder.at_us(instant) / 1000) as f64 / 1000.0
    }

    fn tell(&self, line: ProbeLine) {
        self.recorder.probe(line);
    }
}

/// The journal has no word for what is not a number.
fn finite(figures: BTreeMap<Cow<'static, str>, f64>) -> BTreeMap<String, f64> {
    let finite = figures.into_iter().filter(|(_, value)| value.is_finite());
    finite.map(|(name, value)| (name.into_owned(), value)).collect()
}

/// In words, what a panic had to say.
fn defect(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a defect of the probe itself, please report it: {}", said.unwrap_or("it panicked"))
}

async fn begin(recorder: &Recorder) -> Instant {
    loop {
        if let Some(zero) = recorder.began() {
            return zero;
        }
        tokio::time::sleep(BEGIN_EVERY).await;
    }
}

#[cfg(test)]
#[path = "observer_tests.rs"]
mod tests;
