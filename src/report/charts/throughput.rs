//! `throughput.svg`: successful responses a second over time, and beneath them the users.

use super::Readout;
use super::axis::Axis;
use super::canvas::{Canvas, Ink};
use super::panel::{Panel, judged_windows, left_room, length_s};
use super::series::{self, CountsBin};
use crate::judge::RunResult;
use crate::record::{LoadModel, Run};
use crate::report::words;
use crate::units::format_count;

const MOST: f64 = 300.0;

pub(super) fn caption(run: &Run) -> String {
    let level = match run.asked.plan.model {
        LoadModel::Closed => "users at work",
        LoadModel::Open => "sessions at work",
    };
    format!(
        "Successful responses a second, and {level} at the same time. Each point covers {}.",
        words::seconds(series::width_s(run, MOST))
    )
}

fn rate(bin: &CountsBin) -> f64 {
    bin.good as f64 / (bin.to_s - bin.from_s)
}

pub(super) fn draw(canvas: &mut Canvas, run: &Run, result: &RunResult) -> Readout {
    let length = length_s(run);
    let width_s = series::width_s(run, MOST);
    let mut bins = series::counts(run, width_s);
    // The rest of a second at the end has no rate worth a point.
    bins.retain(|bin| bin.to_s - bin.from_s > width_s / 2.0 || run.duration_s() < width_s);
    let target = result.targets.iter().find(|t| t.name == "throughput");
    let (left, right) = (left_room(canvas), canvas.width - 16.0);
    // Two panels want more room than one.
    canvas.height += 50.0;
    let split = canvas.height * 0.58;
    let x = Axis::linear(0.0, length, (left, right));
    let most = bins.iter().map(rate).chain(target.map(|t| t.limit / 60.0)).fold(0.0, f64::max);
    let rates = Panel { x, y: Axis::linear(0.0, most * 1.15, (split, 44.0)), left, right, top: 44.0, bottom: split };
    let (top, bottom) = (split + 46.0, canvas.height - 48.0);
    let most_users = bins.iter().map(|bin| f64::from(bin.users)).fold(4.0, f64::max);
    let users = Panel { x, y: Axis::linear(0.0, most_users * 1.1, (bottom, top)), left, right, top, bottom };

    let windows = judged_windows(result);
    canvas.title((12.0, 16.0), "Throughput, successful responses/s");
    rates.judged(canvas, &windows, true);
    rates.grid(canvas, words::plain);
    rates.time(canvas, length, false);
    let name = if run.asked.plan.model == LoadModel::Closed { "Users at work" } else { "Sessions at work" };
    canvas.title((12.0, split + 28.0), name);
    users.judged(canvas, &windows, false);
    users.grid(canvas, words::plain);
    users.time(canvas, length, true);
    if result.totals.requests == 0 || bins.is_empty() {
        rates.instead(canvas, "no request was made");
    }
    let points: Vec<(f64, f64)> =
        bins.iter().map(|bin| rates.at(f64::midpoint(bin.from_s, bin.to_s), rate(bin))).collect();
    canvas.line(&points, Ink::Blue, 2.0);
    if let Some(target) = target {
        rates.target(canvas, target.limit / 60.0, &format!("target {}", words::limit(target)), &points);
    }
    // Users are what there were at a bin's end: a step at a time.
    let mut steps = Vec::new();
    for bin in &bins {
        steps.push(users.at(bin.from_s, bin.users.into()));
        steps.push(users.at(bin.to_s, bin.users.into()));
    }
    canvas.line(&steps, Ink::Orange, 2.0);
    let read = |bin: &CountsBin| {
        let middle = f64::midpoint(bin.from_s, bin.to_s);
        let (at, rate) = (words::seconds(middle), words::plain((rate(bin) * 10.0).round() / 10.0));
        (x.at(middle), format!("{at}: {rate} responses/s · {} at work", format_count(bin.users.into())))
    };
    bins.iter().map(read).collect()
}
