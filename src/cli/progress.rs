//! What a person sees while the load runs: one live line on a terminal, a plain line every ten seconds elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use super::say;
use crate::record::Snapshot;
use crate::units::{counted, format_count, format_ms};

/// Seconds between two lines where there is no terminal.
const PLAIN_EVERY_S: f64 = 10.0;

/// Shows progress until the snapshots end or the task is aborted.
pub(super) async fn show(mut snapshots: watch::Receiver<Snapshot>, mut stop: watch::Receiver<bool>, length: Duration) {
    let terminal = std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(Some(length.as_secs().max(1)), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(" {bar:30} {msg}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    let mut next_plain_s = PLAIN_EVERY_S;
    let mut stopping = false;
    loop {
        tokio::select! {
            changed = snapshots.changed() => if changed.is_err() { break },
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                bar.suspend(|| say("stopping: requests in flight are finished; once more to stop at once"));
                continue;
            }
        }
        let snapshot = snapshots.borrow_and_update().clone();
        let left_s = (length.as_secs_f64() - snapshot.at_s).max(0.0);
        let line = line(&snapshot, left_s);
        if terminal {
            bar.set_position(snapshot.at_s as u64);
            bar.set_message(line);
        } else if snapshot.at_s >= next_plain_s {
            next_plain_s += PLAIN_EVERY_S;
            say(&format!("{:>6.0} s  {line}", snapshot.at_s));
        }
    }
    bar.finish_and_clear();
}

fn line(now: &Snapshot, left_s: f64) -> String {
    let p95 = now.p95_ms.map_or_else(|| "–".to_owned(), format_ms);
    let mut line = format!(
        "{left_s:.0} s left · {}{} · {:.0} req/s · p95 {p95} · {} failed",
        counted(u64::from(now.users), if now.arrivals.is_some() { "session" } else { "user" }),
        if now.arrivals.is_some() { " busy" } else { "" },
        now.requests_per_s,
        format_count(now.failures),
    );
    if now.failed_starts > 0 {
        let who = if now.arrivals.is_some() { "session" } else { "user" };
        let _ = write!(line, " · {} could not start", counted(now.failed_starts, who));
    }
    if let Some(arrivals) = now.arrivals.filter(|arrivals| arrivals.late + arrivals.queued > 0) {
        let (late, waiting) = (format_count(arrivals.late), format_count(arrivals.queued));
        let _ = write!(line, " · {late} late, {waiting} waiting");
    }
    line
}
