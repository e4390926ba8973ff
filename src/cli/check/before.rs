//! The check that a run makes before its load.

use std::time::Instant;

use tokio::sync::watch::Receiver;

use super::super::Failure;
use super::super::settings::Settings;
use super::targets::{More, options, targets};
use crate::audit::{self, Checked, Planned};
use crate::load::Host;
use crate::record::LoadModel;
use crate::report::words::seconds;

/// Where the token of answers that need a login is found, as for `check`.
const TOKEN: &str = "AGENTHUB_PERF_CHECK_TOKEN";

/// Ends when the process is asked to end.
pub(super) async fn asked_to_stop(stop: &mut Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could ask.
        std::future::pending::<()>().await;
    }
}

/// Looks at what is named, and at this machine with the load that it is to make, where that is asked for. `None` where it is
/// not, or the run is to end meanwhile.
pub(in crate::cli) async fn before_load(
    settings: &Settings,
    host: &Host,
    mut stop: Receiver<bool>,
    tell: &dyn Fn(&str),
) -> Result<Option<Checked>, Failure> {
    if settings.check.before_run != Some(true) {
        return Ok(None);
    }
    let peak = settings.plan.peak();
    let planned = match settings.plan.model {
        LoadModel::Closed => Planned::Users(peak.ceil() as u64),
        LoadModel::Open => Planned::Rate(peak),
    };
    let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
    let more = More { token, planned: Some(planned), ..More::default() };
    let targets = targets(settings, Some(host.clone()), more);
    let options = options(settings, Vec::new())?;
    if options.leave_nothing(&targets) {
        tell(
            "warning: nothing is checked before the load: `only` and `skip` of [check] leave nothing of what is named",
        );
        return Ok(None);
    }
    let areas: Vec<&str> =
        targets.areas().into_iter().filter(|area| options.ask_for(*area)).map(audit::Area::name).collect();
    tell(&format!("checking {} before the load", areas.join(", ")));
    let began = Instant::now();
    let found = Box::pin(audit::check(&targets, &options, asked_to_stop(&mut stop))).await;
    if found.partial {
        return Ok(None);
    }
    tell(&format!("checked in {}: {}", seconds(began.elapsed().as_secs_f64().ceil()), found.counts.words()));
    Ok(Some(found))
}
