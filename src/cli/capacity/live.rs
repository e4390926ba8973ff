//! A search's stage that is a running load.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Receiver;

use crate::capacity::{Seen, Stage, Step};
use crate::judge::{self, Judged, LawLevel, Verdict};
use crate::load::LoadControl;
use crate::record::{self, AskedSearch, HeldLevel, Recorder, Run, Snapshot};
use crate::units::{format_duration, format_ms, format_ratio};

/// A search's stage that is a running load.
pub(in crate::cli) struct Live<'a> {
    control: LoadControl,
    recorder: Arc<Recorder>,
    snapshots: Receiver<Snapshot>,
    folder: PathBuf,
    asked: &'a AskedSearch,
    users: bool,
    /// Requests and failures up to the second before.
    before: (u64, u64),
    tell: &'a dyn Fn(&str),
    /// Why it could not go on.
    pub(in crate::cli) failed: Option<String>,
}

impl<'a> Live<'a> {
    pub(in crate::cli) fn new(
        control: LoadControl,
        recorder: Arc<Recorder>,
        folder: &Path,
        asked: &'a AskedSearch,
        tell: &'a dyn Fn(&str),
    ) -> Self {
        let users = control.all_users().is_some();
        let snapshots = recorder.snapshots();
        let folder = folder.to_owned();
        Self { control, recorder, snapshots, folder, asked, users, before: (0, 0), tell, failed: None }
    }

    /// Sets the load of the first moment, whatever the plan says.
    pub(in crate::cli) fn rest(control: &LoadControl, asked: &AskedSearch) {
        let low = asked.start * 0.1;
        control.set_rate(low);
        if control.rate().is_none() {
            control.set_all_users(low.ceil() as u32);
        }
    }

    /// Writes a level down, and judges it by what the journal tells of it.
    async fn of_journal<T: Send + 'static>(
        &mut self,
        held: HeldLevel,
        judge: impl FnOnce(&Run, &HeldLevel) -> T + Send + 'static,
    ) -> Option<T> {
        self.recorder.level(held.clone());
        let folder = self.folder.clone();
        let (told, hears) = tokio::sync::oneshot::channel();
        let judging = move || {
            // The load comes first: this takes what CPU it leaves. A system that refuses is no reason not to judge.
            let _ = rustix::process::nice(10);
            // The second before the hold is looked at as well.
            let run = record::read_from(&folder, held.from_s - 2.0).map(|mut run| {
                // Its line may not have been written yet.
                run.levels.retain(|level| level.from_s != held.from_s);
                run.levels.push(held.clone());
                run
            });
            let _ = told.send(run.map(|run| judge(&run, &held)));
        };
        if let Err(error) = std::thread::Builder::new().name("look".into()).spawn(judging) {
            self.failed = Some(format!("a level cannot be looked at: {error}"));
            return None;
        }
        match hears.await {
            Ok(Ok(judged)) => Some(judged),
            Ok(Err(error)) => {
                self.failed = Some(error.to_string());
                None
            }
            Err(_) => {
                self.failed = Some("a level cannot be looked at: the judge has ended".to_owned());
                None
            }
        }
    }

    fn level(&self, level: f64) -> String {
        if self.users { format!("{level} users") } else { format!("{level}/s") }
    }
}

impl Stage for Live<'_> {
    fn set(&mut self, level: f64) {
        if self.users {
            self.control.set_all_users(level.round() as u32);
        } else {
            self.control.set_rate(level);
        }
    }

    async fn second(&mut self) -> Option<Seen> {
        loop {
            self.snapshots.changed().await.ok()?;
            let now = self.snapshots.borrow_and_update().clone();
            // The first value is that of the beginning.
            if now.at_s > 0.0 {
                let (requests, failures) = (now.requests - self.before.0, now.failures - self.before.1);
                self.before = (now.requests, now.failures);
                let queued = now.arrivals.map_or(0, |arrivals| arrivals.queued);
                let outstanding = u64::from(now.in_flight) + queued;
                return Some(Seen { at_s: now.at_s, outstanding, requests, failures, mean_ms: now.mean_ms });
            }
        }
    }

    fn set_turns(&mut self, tasks: f64) {
        self.control.set_turns(tasks.round() as u32);
    }

    async fn look(&mut self, held: HeldLevel) -> Option<Judged> {
        let confidence = self.asked.confidence(held.looks);
        self.of_journal(held, move |run, held| judge::judge_hold(run, held, confidence)).await
    }

    async fn measure(&mut self, held: HeldLevel) -> Option<LawLevel> {
        self.of_journal(held, judge::measure_law_level).await
    }

    fn note(&mut self, held: HeldLevel) {
        self.recorder.level(held);
    }

    fn tell(&mut self, step: &Step<'_>) {
        let line = match step {
            Step::Holds { level, confirms: true } => format!("{} once more, to confirm it", self.level(*level)),
            Step::Holds { .. } => return,
            Step::NotAtRest => "the host has not come to rest again under a low load: the search is over".to_owned(),
            Step::Law => "the scaling law: levels of more and more at one time".to_owned(),
            Step::Measured(level) => {
                let of =
                    if self.users { format!("{} users", level.level) } else { format!("{} at a time", level.level) };
                let left_out = level.left_out.as_deref().map(|why| format!(" · left out: {why}")).unwrap_or_default();
                format!(
                    "{:>6.0} s  {of}: {:.1} in flight · {:.0} req/s{left_out}",
                    level.to_s, level.in_flight, level.requests_per_s
                )
            }
            Step::Looked(judged) => {
                let level = &judged.level;
                let word = match level.verdict {
                    Verdict::Pass => "passes",
                    Verdict::Fail => "FAILS",
                    Verdict::Void => "void",
                    Verdict::Unproven | Verdict::NotMeasured if judged.looks_good => "looks good",
                    Verdict::Unproven | Verdict::NotMeasured => "not yet clear",
                };
                let p95 = level.p95_ms.map_or_else(|| "–".to_owned(), format_ms);
                let errors = level.error_rate.map_or_else(|| "–".to_owned(), format_ratio);
                let held = format_duration(Duration::from_secs_f64((level.to_s - level.from_s).round().max(0.0)));
                let why = if level.verdict == Verdict::Void || level.verdict == Verdict::Fail {
                    format!(" · {}", level.reason)
                } else {
                    String::new()
                };
                format!(
                    "{:>6.0} s  {}: {word} after {held} · {:.0} req/s · p95 {p95} · errors {errors}{why}",
                    level.to_s,
                    self.level(level.level),
                    level.requests_per_s
                )
            }
        };
        (self.tell)(&line);
    }
}
