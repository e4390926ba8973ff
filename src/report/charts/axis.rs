//! Axes: from figures to pixels, and where ticks stand.

/// From a range of figures to a range of pixels, linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    log: bool,
    px: (f64, f64),
}

impl Axis {
    /// Linear. A range without extent is given one.
    pub(super) fn linear(from: f64, to: f64, px: (f64, f64)) -> Self {
        let from = if from.is_finite() { from } else { 0.0 };
        let to = if to.is_finite() && to > from { to } else { from + 1.0 };
        Self { from, to, log: false, px }
    }

    /// For figures from `least` (above 0) to `most`: logarithmic where they are far apart, else linear from 0.
    pub(super) fn for_times(least: f64, most: f64, px: (f64, f64)) -> Self {
        if least > 0.0 && most.is_finite() && most / least > 15.0 {
            return Self { from: least / 1.3, to: most * 1.4, log: true, px };
        }
        Self::linear(0.0, most * 1.12, px)
    }

    /// Whether it is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.log
    }

    /// The pixel of a figure, never outside the axis.
    pub(super) fn at(&self, figure: f64) -> f64 {
        let share = if self.log {
            (figure.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (figure - self.from) / (self.to - self.from)
        };
        self.px.0 + (self.px.1 - self.px.0) * share.clamp(0.0, 1.0)
    }

    /// Figures to put a tick at, about `count`.
    pub(super) fn ticks(&self, count: usize) -> Vec<f64> {
        if self.log { log_ticks(self.from, self.to, count) } else { round_ticks(self.from, self.to, count) }
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn round_ticks(from: f64, to: f64, count: usize) -> Vec<f64> {
    let rough = (to - from) / count.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|&step| step >= rough).unwrap_or(rough);
    let first = (from / step).ceil() as i64;
    let last = (to / step + 1e-9).floor() as i64;
    (first..=last).map(|n| n as f64 * step).collect()
}

/// Powers of ten; with 2 and 5 times them where there is room for it.
fn log_ticks(from: f64, to: f64, count: usize) -> Vec<f64> {
    let decades = (from.log10().floor() as i32)..=(to.log10().ceil() as i32);
    let with = |factors: &[f64]| -> Vec<f64> {
        let all = decades.clone().flat_map(|n| factors.iter().map(move |f| f * 10f64.powi(n)));
        all.filter(|tick| (from..=to).contains(tick)).collect()
    };
    let fine = with(&[1.0, 2.0, 5.0]);
    if fine.len() <= count { fine } else { with(&[1.0]) }
}

/// Seconds at which a time axis of this length has its ticks.
pub(super) fn time_ticks(length_s: f64, count: usize) -> Vec<f64> {
    const STEPS: [f64; 17] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0,
        86400.0,
    ];
    let fits = |step: &&f64| length_s / **step <= count as f64;
    let step = STEPS.iter().find(fits).copied().unwrap_or(length_s / count as f64);
    (0..=(length_s / step + 1e-9) as u32).map(|n| f64::from(n) * step).collect()
}

/// How times on an axis of this length are written, and what it is called.
pub(super) fn time_words(length_s: f64) -> (fn(f64) -> String, &'static str) {
    if length_s <= 120.0 {
        (|s| format!("{s:.0} s"), "time since the start")
    } else if length_s < 7200.0 {
        (|s| format!("{}:{:02}", s as u64 / 60, s as u64 % 60), "time since the start (min:s)")
    } else {
        (|s| format!("{}:{:02}", s as u64 / 3600, s as u64 % 3600 / 60), "time since the start (h:min)")
    }
}

/// Moves labels apart so that they stand at least `gap` from each other within `from..to`, in their order.
pub(super) fn spread(wanted: &[f64], gap: f64, from: f64, to: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut at = wanted.to_vec();
    let mut least = from;
    for &n in &order {
        at[n] = at[n].max(least);
        least = at[n] + gap;
    }
    let mut most = to;
    for &n in order.iter().rev() {
        at[n] = at[n].min(most);
        most = at[n] - gap;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_figures_get_the_ticks() {
        assert_eq!(round_ticks(0.0, 97.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0]);
        assert_eq!(round_ticks(0.0, 1.0, 4), [0.0, 0.5, 1.0]);
        assert_eq!(log_ticks(0.7, 30.0, 8), [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(log_ticks(0.7, 3000.0, 8), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(time_ticks(60.0, 8), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(time_ticks(36_000.0, 5), [0.0, 7200.0, 14400.0, 21600.0, 28800.0, 36000.0]);
    }

    #[test]
    fn times_are_written_for_their_length() {
        assert_eq!((time_words(60.0).0)(30.0), "30 s");
        assert_eq!((time_words(600.0).0)(90.0), "1:30");
        assert_eq!((time_words(36_000.0).0)(9000.0), "2:30");
    }

    #[test]
    fn a_range_without_extent_still_has_pixels() {
        for axis in [
            Axis::linear(0.0, 0.0, (100.0, 0.0)),
            Axis::linear(f64::NAN, f64::INFINITY, (100.0, 0.0)),
            Axis::for_times(0.0, 0.0, (100.0, 0.0)),
            Axis::for_times(f64::INFINITY, 0.0, (100.0, 0.0)),
        ] {
            for figure in [0.0, 1.0, 1e9] {
                assert!((0.0..=100.0).contains(&axis.at(figure)), "{axis:?} {figure}");
            }
            assert!(axis.ticks(5).len() < 12);
        }
    }

    #[test]
    fn far_apart_times_are_drawn_by_decades() {
        let axis = Axis::for_times(1.0, 1000.0, (100.0, 0.0));
        assert!(axis.is_log());
        let (one, ten, hundred) = (axis.at(1.0), axis.at(10.0), axis.at(100.0));
        assert!((one - ten - (ten - hundred)).abs() < 1e-9);
        assert!(!Axis::for_times(1.0, 10.0, (100.0, 0.0)).is_log());
    }

    #[test]
    fn labels_keep_their_order_and_distance() {
        assert_eq!(spread(&[50.0, 48.0, 10.0], 14.0, 0.0, 60.0), [60.0, 46.0, 10.0]);
    }
}
