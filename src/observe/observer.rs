//! Looks once a second, on a thread of its own, and tells the journal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::{Depth, Look, Probe, SinceFirst};
use crate::record::{Gap, ProbeLine, ProbeName, Recorder, Seen, Statements, Tables};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Every how many looks one is whole.
const WHOLE_EVERY: u64 = 30;
/// How long a first look may take: the load waits for it.
const FIRST_WITHIN: Duration = Duration::from_secs(3);
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
}

impl Observer {
    /// Lets each probe have its first look, and hands out what they met; from then on they look once a second of the
    /// recorder's time until [`Observer::stop`].
    pub async fn start(
        probes: Vec<Box<dyn Probe>>,
        recorder: Arc<Recorder>,
    ) -> std::io::Result<(Self, Vec<FirstLook>)> {
        let (stop, stopped) = watch::channel(false);
        let (tell_first, first) = oneshot::channel();
        let (tell_done, done) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("probes".into()).spawn(move || {
            runtime.block_on(watch_all(probes, recorder, stopped, tell_first));
            // What still hangs in a look-up of a name ends by itself: nobody waits for it.
            runtime.shutdown_background();
            let _ = tell_done.send(());
        })?;
        let first = first.await.unwrap_or_default();
        Ok((Self { stop, thread: Some(thread), done }, first))
    }

    /// Has each probe look once more, and ends them. Takes no longer than the most patient of them.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let _ = (&mut self.done).await;
        if let Some(thread) = self.thread.take() {
            // It has said that it is done.
            let _ = thread.join();
        }
    }
}

async fn watch_all(
    probes: Vec<Box<dyn Probe>>,
    recorder: Arc<Recorder>,
    stopped: watch::Receiver<bool>,
    tell_first: oneshot::Sender<Vec<FirstLook>>,
) {
    let mut first = JoinSet::new();
    for (id, probe) in (0_u32..).zip(probes) {
        let mut watcher = Watcher::new(id, probe, Arc::clone(&recorder));
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
    fn new(id: u32, probe: Box<dyn Probe>, recorder: Arc<Recorder>) -> Self {
        let name = probe.name();
        recorder.probe(ProbeLine::Probe { id, name: name.clone() });
        Self {
            id,
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
        let problem = self.look(Depth::Whole, FIRST_WITHIN.max(self.probe.patience())).await;
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
        let offset = APART * self.id;
        // What happened between the first look and the load is not the load's: counting begins anew.
        (self.seen_s, self.last) = (None, BTreeMap::new());
        for number in 0.. {
            let depth = if number > 0 && number % WHOLE_EVERY == 0 { Depth::Whole } else { Depth::Quick };
            let due = zero + offset + EVERY * u32::try_from(number).unwrap_or(u32::MAX);
            // A look that took longer than a second costs those that were due in the meantime.
            if due + EVERY / 2 < Instant::now() {
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
            let patience = self.probe.patience();
            self.look_and_tell(depth, patience).await;
        }
        self.look_and_tell(Depth::Whole, self.probe.patience()).await;
    }

    async fn look_and_tell(&mut self, depth: Depth, within: Duration) {
        let from_s = self.looked_s;
        if let Some(why) = self.look(depth, within).await {
            let to_s = self.now_s();
            self.tell(ProbeLine::Gap { probe: self.id, gap: Gap { from_s, to_s, why } });
        }
        self.looked_s = self.now_s();
    }

    /// Looks, and tells what was seen; hands out why nothing was.
    async fn look(&mut self, depth: Depth, within: Duration) -> Option<String> {
        let looked = tokio::time::timeout(within, self.probe.look(depth)).await;
        let look = match looked {
            Ok(Ok(look)) => look,
            Ok(Err(why)) => return Some(why),
            Err(_) => return Some(format!("no answer within {} s", within.as_secs_f64())),
        };
        let now_s = look.at.map_or_else(|| self.now_s(), |at| seconds(self.recorder.at_us(at)));
        let name = self.probe.name();
        if name != self.name {
            self.name = name.clone();
            self.tell(ProbeLine::Probe { id: self.id, name });
        }
        self.tell_look(look, now_s);
        None
    }

    fn tell_look(&mut self, look: Look, now_s: f64) {
        let Look { at: _, gauges, totals, statements, tables, mut blocked } = look;
        let from_s = self.seen_s.unwrap_or(now_s);
        self.seen_s = Some(now_s);
        // By when counting began; mostly that is the look before.
        let mut spans: BTreeMap<u64, Seen> = BTreeMap::new();
        let seen = |from_s, to_s| Seen { from_s, to_s, ..Seen::default() };
        for (name, value) in totals {
            let before = self.last.insert(name.to_string(), (now_s, value));
            if let Some((began_s, before)) = before
                // A counter that went back has begun anew, and tells nothing.
                && value >= before
            {
                let span = spans.entry(began_s.to_bits()).or_insert_with(|| seen(began_s, now_s));
                span.counts.insert(name.into_owned(), value - before);
            }
        }
        let mut latest = spans.remove(&from_s.to_bits()).unwrap_or_else(|| seen(from_s, now_s));
        latest.gauges = gauges.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
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
        seconds(self.recorder.now_us())
    }

    fn tell(&self, line: ProbeLine) {
        self.recorder.probe(line);
    }
}

fn seconds(us: u64) -> f64 {
    // Whole milliseconds: what lies between is not known anyway.
    (us / 1000) as f64 / 1000.0
}

async fn begin(recorder: &Recorder) -> Instant {
    loop {
        if let Some(zero) = recorder.began() {
            return zero;
        }
        tokio::time::sleep(BEGIN_EVERY).await;
    }
}
