//! Where users leave what they did until the recorder's thread fetches it, a second's worth at most.
//!
//! A thread always uses the same shard, so threads do not wait for each other as long as there are shards enough;
//! a lock is held for one push, or for the swap of one `Vec`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Sample, State};

/// A user entered or left a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) at_us: u64,
    pub(super) state: State,
    pub(super) entered: bool,
}

/// What became of an arrival of an open load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It was due.
    Planned,
    /// Its task was begun by a session that was free.
    Started,
    /// Its task was begun after it had waited for a free session.
    StartedLate,
    /// It was never begun: it was still waiting when the load ended.
    Unsent,
}

/// What threads leave behind.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) samples: Vec<Sample>,
    pub(super) marks: Vec<Mark>,
    pub(super) lags_us: Vec<u64>,
    /// When, µs, and what.
    pub(super) arrivals: Vec<(u64, Arrival)>,
    pub(super) failed_starts: u64,
}

/// On cache lines of its own, so that neighbours do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Batch>);

/// The shards of one recorder.
#[derive(Debug)]
pub(super) struct Shards {
    shards: Box<[Shard]>,
}

static THREADS: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    /// The thread's number within the process, the same for every recorder.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

impl Shards {
    /// Enough for a runtime of one thread a CPU, with some to spare.
    pub(super) fn new() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let count = (cpus * 4).next_power_of_two().max(16);
        Self { shards: std::iter::repeat_with(Shard::default).take(count).collect() }
    }

    /// The shard of the calling thread, locked.
    pub(super) fn own(&self) -> MutexGuard<'_, Batch> {
        let at = THREAD.with(|thread| *thread) & (self.shards.len() - 1);
        self.shards[at].lock()
    }

    /// An empty batch for each shard.
    pub(super) fn spares(&self) -> Vec<Batch> {
        std::iter::repeat_with(Batch::default).take(self.shards.len()).collect()
    }

    /// Hands everything that was left to `take`, shard by shard. A shard and its spare take turns, so that both are
    /// soon as large as a second of that shard needs, and no larger.
    pub(super) fn drain(&self, spares: &mut [Batch], mut take: impl FnMut(&mut Batch)) {
        for (shard, spare) in self.shards.iter().zip(spares) {
            std::mem::swap(&mut *shard.lock(), spare);
            take(spare);
            spare.samples.clear();
            spare.marks.clear();
            spare.lags_us.clear();
            spare.arrivals.clear();
            spare.failed_starts = 0;
        }
    }
}

impl Shard {
    /// A thread that panics between two pushes leaves the batch whole: poisoning means nothing here.
    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_leave_is_drained_once() {
        let shards = Shards::new();
        let mut spares = shards.spares();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let shards = &shards;
                scope.spawn(move || {
                    for n in 0..1000 {
                        shards.own().lags_us.push(thread * 1000 + n);
                    }
                });
            }
        });
        let mut seen: Vec<u64> = Vec::new();
        shards.drain(&mut spares, |batch| seen.extend(&batch.lags_us));
        seen.sort_unstable();
        assert_eq!(seen, (0..8000).collect::<Vec<_>>());
        shards.drain(&mut spares, |batch| assert!(batch.lags_us.is_empty()));
    }
}
