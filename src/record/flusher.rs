//! What the recorder's thread does: once a second, close the second, journal it, publish it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::accountant::Accountant;
use super::errors::ErrorTexts;
use super::generator::ProcessMeter;
use super::live::Live;
use super::shard::{Batch, Shards};
use super::{End, EndpointName, HeldLevel, Journal, JournalError, ProbeLine, Snapshot};

/// One second, µs.
pub(super) const SECOND_US: u64 = 1_000_000;

/// How long after its end a second is closed, µs: what was stamped just before is there by then.
const GRACE_US: u64 = 25_000;

/// The thread wakes at least this often, to notice when it could not.
const WATCH: Duration = Duration::from_millis(50);

/// Waking up this much too late is a process that did not run, µs; less is what a busy machine does to any thread.
const STOPPED_US: u64 = 500_000;

/// What users and the recorder's thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) shards: Shards,
    pub(super) errors: Arc<ErrorTexts>,
    /// What probes have told and is not written yet.
    told: Mutex<Vec<ProbeLine>>,
    /// Levels that a search has told of and that are not written yet.
    levels: Mutex<Vec<HeldLevel>>,
    /// The bits of the `f64` that is asked for.
    wanted: AtomicU64,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            shards: Shards::new(),
            errors: Arc::new(ErrorTexts::new()),
            told: Mutex::default(),
            levels: Mutex::default(),
            wanted: AtomicU64::new(0.0_f64.to_bits()),
        }
    }

    pub(super) fn tell(&self, line: ProbeLine) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub(super) fn hold(&self, level: HeldLevel) {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner).push(level);
    }

    fn levels(&self) -> Vec<HeldLevel> {
        std::mem::take(&mut *self.levels.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn told(&self) -> Vec<ProbeLine> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_wanted(&self, level: f64) {
        self.wanted.store(level.to_bits(), Ordering::Relaxed);
    }
}

/// What the recorder tells its thread.
#[derive(Debug)]
pub(super) enum Order {
    /// The run's zero, by both clocks.
    Begin(Instant, jiff::Timestamp),
    /// Write what is left, and how it ended, and stop.
    Stop(End),
}

/// Closes seconds. It is told what time it is, so that a test can run hours in a moment.
#[derive(Debug)]
pub(super) struct Flusher {
    shared: Arc<Shared>,
    endpoints: Vec<EndpointName>,
    accountant: Accountant,
    journal: Journal,
    /// Why the journal ends here: after a failed write nothing more is appended, a line may be torn.
    broken: Option<JournalError>,
    meter: ProcessMeter,
    /// When the process is known not to have run, from and to, µs; not yet in a closed second.
    stops: Vec<(u64, u64)>,
    live: Live,
    watchers: watch::Sender<Snapshot>,
    spares: Vec<Batch>,
}

impl Flusher {
    pub(super) fn new(
        shared: Arc<Shared>,
        endpoints: Vec<EndpointName>,
        journal: Journal,
        watchers: watch::Sender<Snapshot>,
    ) -> Self {
        let live = Live::new(&endpoints);
        watchers.send_replace(live.snapshot().clone());
        Self {
            accountant: Accountant::new(endpoints.len(), Arc::clone(&shared.errors)),
            spares: shared.shards.spares(),
            shared,
            endpoints,
            journal,
            broken: None,
            meter: ProcessMeter::new(),
            stops: Vec::new(),
            live,
            watchers,
        }
    }

    /// The load is an open one: every second tells what became of its arrivals.
    pub(super) fn count_arrivals(&mut self) {
        self.accountant.count_arrivals();
    }

    /// The run's zero was at `started`.
    pub(super) fn begin(&mut self, started: jiff::Timestamp) {
        self.write(|journal, endpoints| journal.begin(started, endpoints));
        // What the process did before the load is not the load's.
        self.meter.measure();
        self.publish();
    }

    /// The thread was to wake at `due_us` and did at `now_us`.
    pub(super) fn woke(&mut self, due_us: u64, now_us: u64) {
        if now_us.saturating_sub(due_us) >= STOPPED_US {
            self.stops.push((due_us, now_us));
        }
    }

    /// Seconds in which the process did not run, of those up to `to_us` that were not told yet.
    fn stopped_s(&mut self, to_us: u64) -> f64 {
        let mut stopped_us = 0;
        self.stops.retain_mut(|(from_us, until_us)| {
            stopped_us += to_us.min(*until_us).saturating_sub(*from_us);
            *from_us = to_us.max(*from_us);
            from_us < until_us
        });
        // Whole milliseconds, as CPU time is told.
        (stopped_us as f64 / 1000.0).round() / 1000.0
    }

    /// Closes all seconds that are over at `now_us`.
    pub(super) fn tick(&mut self, now_us: u64) {
        self.drain();
        while self.next_us() <= now_us {
            self.close(self.accountant.closed_us() + SECOND_US);
        }
    }

    /// When the next second can be closed, µs.
    pub(super) fn next_us(&self) -> u64 {
        self.accountant.closed_us() + SECOND_US + GRACE_US
    }

    /// Closes everything up to `now_us`, the last second being a shorter one, and hands out what went wrong.
    pub(super) fn finish(mut self, now_us: u64, end: Option<&End>) -> Result<(), JournalError> {
        self.drain();
        // What is stamped at or after the end is told all the same.
        let last_us = self.accountant.latest_us().map_or(0, |at_us| at_us + 1).max(now_us);
        while self.accountant.closed_us() + SECOND_US <= last_us {
            self.close(self.accountant.closed_us() + SECOND_US);
        }
        if last_us > self.accountant.closed_us() || self.accountant.latest_us().is_some() {
            self.close(last_us.max(self.accountant.closed_us() + 1));
        }
        self.watch();
        if let Some(end) = end {
            self.write(|journal, _| journal.end(end));
        }
        self.publish();
        self.broken.map_or(Ok(()), Err)
    }

    fn drain(&mut self) {
        let accountant = &mut self.accountant;
        self.shared.shards.drain(&mut self.spares, |batch| accountant.take(batch));
    }

    fn close(&mut self, to_us: u64) {
        let wanted = f64::from_bits(self.shared.wanted.load(Ordering::Relaxed));
        let mut generator = self.meter.measure();
        generator.stopped_s += self.stopped_s(to_us);
        let closed = self.accountant.close(to_us, wanted, generator);
        self.watch();
        self.write(|journal, _| journal.append(&closed.second, &closed.intervals));
        self.live.add(&closed);
        self.publish();
    }

    /// Writes what probes and a search have told.
    fn watch(&mut self) {
        let told = self.shared.told();
        self.live.watch(&told);
        self.write(|journal, _| journal.watch(&told));
        let levels = self.shared.levels();
        self.write(|journal, _| journal.levels(&levels));
    }

    fn write(&mut self, write: impl FnOnce(&mut Journal, &[EndpointName]) -> Result<(), JournalError>) {
        if self.broken.is_none()
            && let Err(error) = write(&mut self.journal, &self.endpoints)
        {
            self.live.broken(&error.to_string());
            self.broken = Some(error);
        }
    }

    fn publish(&self) {
        self.watchers.send_replace(self.live.snapshot().clone());
    }

    /// The thread's life. Ends with the order to stop, or (then without an end line) when the recorder is gone.
    pub(super) fn run(mut self, orders: &Receiver<Order>) -> Result<(), JournalError> {
        let (zero, started) = match orders.recv() {
            Ok(Order::Begin(zero, started)) => (zero, started),
            Ok(Order::Stop(end)) => {
                // The load never began. What was recorded before it is still told.
                self.begin(jiff::Timestamp::now());
                return self.finish(0, Some(&end));
            }
            Err(_) => return Ok(()),
        };
        self.begin(started);
        loop {
            let due = zero + Duration::from_micros(self.next_us());
            let now = Instant::now();
            let wake = due.min(now + WATCH).max(now);
            let order = orders.recv_timeout(wake - now);
            let woken = Instant::now();
            let now_us = elapsed_us(zero, woken);
            self.woke(elapsed_us(zero, wake), now_us);
            match order {
                Ok(Order::Stop(end)) => return self.finish(now_us, Some(&end)),
                Err(RecvTimeoutError::Disconnected) => return self.finish(now_us, None),
                Err(RecvTimeoutError::Timeout) if woken >= due => self.tick(now_us),
                Ok(Order::Begin(..)) | Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// µs from `zero` to `instant`; 0 where that is before.
pub(super) fn elapsed_us(zero: Instant, instant: Instant) -> u64 {
    let elapsed = instant.saturating_duration_since(zero);
    elapsed.as_secs() * SECOND_US + u64::from(elapsed.subsec_micros())
}

#[cfg(test)]
#[path = "flusher_tests.rs"]
mod tests;
