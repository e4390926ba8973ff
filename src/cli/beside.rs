//! What goes on beside a load and may end it: a search that moves it, or the patience with its failures.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch::Receiver;

use super::capacity::Live;
use super::settings::Settings;
use crate::capacity::{self, Pace};
use crate::judge::TargetName;
use crate::load::{self, Load, LoadControl, LoadError, Patience};
use crate::record::{AskedSearch, End, LoadModel, Recorder, Snapshot};

/// What goes on beside a load.
pub(super) struct Beside<'a> {
    what: What<'a>,
    tell: &'a dyn Fn(&str),
}

enum What<'a> {
    Nothing,
    /// A larger share of failures ends it.
    Patience(f64),
    Search {
        asked: &'a AskedSearch,
        pace: Pace,
        folder: &'a Path,
    },
}

impl<'a> Beside<'a> {
    /// As asked for; `folder` is the result's.
    pub(super) fn new(settings: &'a Settings, folder: &'a Path, tell: &'a dyn Fn(&str)) -> Self {
        let users = settings.plan.model == LoadModel::Closed;
        let growth = settings.spawn_rate.filter(|_| users).unwrap_or(f64::INFINITY);
        let what = match (&settings.search, settings.abort_on) {
            (Some(asked), _) => What::Search {
                asked,
                pace: Pace { users, growth, slowest_s: slowest_s(settings), sessions: 0 },
                folder,
            },
            (None, Some(most)) => What::Patience(most),
            (None, None) => What::Nothing,
        };
        Self { what, tell }
    }

    /// A search tells of its levels; a bar would only count the time that it may take at most.
    pub(super) fn wants_progress(&self) -> bool {
        !matches!(self.what, What::Search { .. })
    }

    /// Drives the load until it ends, or is ended from here.
    pub(super) async fn drive(
        self,
        load: Load,
        control: LoadControl,
        recorder: &Arc<Recorder>,
        stop: Receiver<bool>,
    ) -> Result<End, LoadError> {
        if let What::Search { asked, .. } = self.what {
            // Before the first arrival.
            Live::rest(&control, asked);
        }
        let stopped = stop.clone();
        let mut driving = Box::pin(load::drive(load, control.clone(), Arc::clone(recorder), stop));
        let mut word = None;
        let mut beside = Box::pin(self.go_on(control.clone(), recorder));
        let ended = loop {
            tokio::select! {
                ended = &mut driving => break ended,
                said = &mut beside, if word.is_none() => {
                    word = Some(said);
                    control.stop();
                }
            }
        };
        match (ended, word) {
            // The end that came from here.
            (Ok(End::Interrupted), Some(word)) if !*stopped.borrow() => Ok(word),
            (ended, _) => ended,
        }
    }

    /// Ready where the load is to end, with the reason.
    async fn go_on(self, control: LoadControl, recorder: &Arc<Recorder>) -> End {
        match self.what {
            What::Nothing => std::future::pending().await,
            What::Patience(most) => End::GivenUp(given_up(recorder.snapshots(), most).await),
            What::Search { asked, pace, folder } => {
                let pace = Pace { sessions: control.most_sessions(), ..pace };
                let mut live = Live::new(control, Arc::clone(recorder), folder, asked, self.tell);
                if capacity::drive(asked, pace, &mut live).await.is_none() {
                    match live.failed {
                        Some(why) => return End::Aborted(why),
                        // The load has ended, which whoever drives it tells.
                        None => std::future::pending::<()>().await,
                    }
                }
                End::Finished
            }
        }
    }
}

/// The slowest answers that a target allows.
fn slowest_s(settings: &Settings) -> f64 {
    let times = settings.targets.0.iter().filter(|target| matches!(target.name, TargetName::ResponseTime(_)));
    times.map(|target| target.limit / 1000.0).fold(0.0, f64::max)
}

/// Waits until more fails than is borne, and says so.
async fn given_up(mut snapshots: Receiver<Snapshot>, most: f64) -> String {
    let mut patience = Patience::new(most);
    let (mut requests, mut failures) = (0, 0);
    while snapshots.changed().await.is_ok() {
        let now = snapshots.borrow_and_update().clone();
        if let Some(why) = patience.second(now.requests - requests, now.failures - failures) {
            return why;
        }
        (requests, failures) = (now.requests, now.failures);
    }
    std::future::pending().await
}
