//! The recorder: what drivers call for every request.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::watch;

use super::flusher::{Flusher, Order, Shared, elapsed_us};
use super::shard::Mark;
use super::{
    Arrival, Asked, End, EndpointName, ErrorId, FailureKind, HeldLevel, Journal, JournalError, LoadModel, ProbeLine,
    Sample, Snapshot,
};

/// What a user is doing; the three are counted independently (a user in flight is also at work).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Past the gate.
    AtWork,
    /// With a request in flight.
    InFlight,
    /// In planned think time.
    Thinking,
}

/// Records what users do. One a run, shared by all users.
///
/// Dropping it without [`Recorder::finish`] writes what is left but not how the run ended: the run is then partial.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    zero: OnceLock<Instant>,
    snapshots: watch::Receiver<Snapshot>,
    /// `None` once it was told to stop.
    writer: Mutex<Option<Writer>>,
}

/// The thread that writes.
#[derive(Debug)]
struct Writer {
    orders: Sender<Order>,
    thread: JoinHandle<Result<(), JournalError>>,
}

impl Recorder {
    /// Writes `run.toml`, opens the journal in `folder` (made by the caller) and starts the thread that writes once a second.
    pub fn create(folder: &Path, asked: &Asked, endpoints: Vec<EndpointName>) -> Result<Self, JournalError> {
        asked.write(folder)?;
        let open = asked.plan.model == LoadModel::Open;
        let mut journal = Journal::create(folder)?;
        if asked.search.is_some() {
            journal.keep_seconds();
        }
        Self::start(journal, endpoints, open).map_err(|error| JournalError::new(folder, error))
    }

    fn start(journal: Journal, endpoints: Vec<EndpointName>, open: bool) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new());
        let (watchers, snapshots) = watch::channel(Snapshot::default());
        let (orders, received) = channel();
        let mut flusher = Flusher::new(Arc::clone(&shared), endpoints, journal, watchers);
        if open {
            flusher.count_arrivals();
        }
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || flusher.run(&received))?;
        Ok(Self { shared, zero: OnceLock::new(), snapshots, writer: Mutex::new(Some(Writer { orders, thread })) })
    }

    /// Sets the zero of the run's time: now. What is recorded before counts in the first second.
    /// Only the first call counts; without any, nothing is written before [`Recorder::finish`].
    pub fn begin(&self) {
        let (now, started) = (Instant::now(), jiff::Timestamp::now());
        if self.zero.set(now).is_ok()
            && let Some(writer) = &*self.writer.lock().unwrap_or_else(PoisonError::into_inner)
        {
            // The thread only ever ends when told to, so it hears this.
            let _ = writer.orders.send(Order::Begin(now, started));
        }
    }

    /// µs since `begin`; 0 before it.
    pub fn now_us(&self) -> u64 {
        self.at_us(Instant::now())
    }

    /// µs since `begin` of an instant; 0 before it.
    pub fn at_us(&self, instant: Instant) -> u64 {
        self.zero.get().map_or(0, |&zero| elapsed_us(zero, instant))
    }

    /// A finished request. Costs some tens of nanoseconds; never waits for another user.
    ///
    /// Its endpoint must be one of those that the recorder was made with.
    pub fn record(&self, sample: &Sample) {
        self.shared.shards.own().samples.push(*sample);
    }

    /// A request that was in flight has ended: [`Recorder::record`] and [`Recorder::leave`] at once.
    pub fn ended(&self, sample: &Sample) {
        let mut own = self.shared.shards.own();
        own.samples.push(*sample);
        own.marks.push(Mark { at_us: sample.end_us, state: State::InFlight, entered: false });
    }

    /// A user enters a state at an instant.
    pub fn enter(&self, state: State, at_us: u64) {
        self.shared.shards.own().marks.push(Mark { at_us, state, entered: true });
    }

    /// A user leaves a state at an instant.
    pub fn leave(&self, state: State, at_us: u64) {
        self.shared.shards.own().marks.push(Mark { at_us, state, entered: false });
    }

    /// How much later than planned a request was sent, µs.
    pub fn lag(&self, lag_us: u64) {
        self.shared.shards.own().lags_us.push(lag_us);
    }

    /// What became of an arrival, and when, µs.
    pub fn arrival(&self, what: Arrival, at_us: u64) {
        self.shared.shards.own().arrivals.push((at_us, what));
    }

    /// A user could not start.
    pub fn failed_start(&self) {
        self.shared.shards.own().failed_starts += 1;
    }

    /// What a probe has to tell: it is in the journal within a second, and never waits for it.
    pub fn probe(&self, line: ProbeLine) {
        self.shared.tell(line);
    }

    /// A level that a search has held so far: it is in the journal within a second.
    pub fn level(&self, level: HeldLevel) {
        self.shared.hold(level);
    }

    /// The zero of the run's time, once the load has begun.
    pub fn began(&self) -> Option<Instant> {
        self.zero.get().copied()
    }

    /// The level that the driver is asking for from now on.
    pub fn wanted(&self, level: f64) {
        self.shared.set_wanted(level);
    }

    /// The id of an error's text; the texts of a run are kept distinct and bounded in number (then `other errors`).
    /// Of a text the first line's first 200 characters are kept; an empty one becomes the kind's name.
    pub fn error_id(&self, kind: FailureKind, text: &str) -> ErrorId {
        self.shared.errors.id(kind, text)
    }

    /// What is seen of the run, a new value once a second.
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.clone()
    }

    /// Writes what is left and how the run ended, and closes the journal: what is recorded afterwards is nowhere.
    /// The error is the first that writing met. Only the first call counts.
    pub fn finish(&self, end: End) -> Result<(), JournalError> {
        self.close(Some(end))
    }

    fn close(&self, end: Option<End>) -> Result<(), JournalError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Writer { orders, thread }) = writer else { return Ok(()) };
        if let Some(end) = end {
            let _ = orders.send(Order::Stop(end));
        }
        // Without a sender the thread stops.
        drop(orders);
        thread.join().unwrap_or_else(|_| {
            Err(JournalError::new(Path::new("the journal"), std::io::Error::other("its thread panicked")))
        })
    }
}

/// The recorder's thread, by hand: time passes when it is told to, so that hours pass in a moment.
#[derive(Debug)]
pub struct ByHand(Flusher);

impl Recorder {
    /// A recorder without a thread and without a clock, for simulations: what is recorded is written when the hand says so.
    pub fn by_hand(
        folder: &Path,
        asked: &Asked,
        endpoints: Vec<EndpointName>,
        started: jiff::Timestamp,
    ) -> Result<(Self, ByHand), JournalError> {
        asked.write(folder)?;
        let shared = Arc::new(Shared::new());
        let (watchers, snapshots) = watch::channel(Snapshot::default());
        let mut journal = Journal::create(folder)?;
        if asked.search.is_some() {
            journal.keep_seconds();
        }
        let mut flusher = Flusher::new(Arc::clone(&shared), endpoints, journal, watchers);
        flusher.begin(started);
        Ok((Self { shared, zero: OnceLock::new(), snapshots, writer: Mutex::new(None) }, ByHand(flusher)))
    }
}

impl ByHand {
    /// It is `now_us` after the start: closes and writes all seconds that are over.
    pub fn tick(&mut self, now_us: u64) {
        self.0.tick(now_us);
    }

    /// Writes what is left, and how the run ended at `now_us`.
    pub fn finish(self, now_us: u64, end: &End) -> Result<(), JournalError> {
        self.0.finish(now_us, Some(end))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.close(None);
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
