//! One pair of axes on a canvas: grid, ticks, the judged window, target lines, labels at the ends of lines.

use super::axis::{Axis, spread, time_ticks, time_words};
use super::canvas::{Anchor, Canvas, Ink};
use crate::judge::RunResult;
use crate::record::Run;

/// Room that labels of lines stand apart by.
const LABEL_GAP: f64 = 14.0;

/// The width of a letter.
const LETTER: f64 = 7.0;

/// Room left of a panel, for the labels of its ticks.
pub(super) fn left_room(canvas: &Canvas) -> f64 {
    if canvas.narrow() { 52.0 } else { 66.0 }
}

/// The same, and as much more as the words of these ticks need.
pub(super) fn left_room_for(canvas: &Canvas, y: &Axis, height: f64, words: impl Fn(f64) -> String) -> f64 {
    let widest = y.ticks(tick_count(height)).into_iter().map(|tick| words(tick).chars().count()).max().unwrap_or(0);
    left_room(canvas).max(14.0 + LETTER * widest as f64)
}

/// How many lines a height has room for.
fn tick_count(height: f64) -> usize {
    // A low panel has room for few: those it has stand closer.
    let apart = if height < 160.0 { 27.0 } else { 38.0 };
    (height / apart).clamp(2.0, 8.0) as usize
}

/// Of neighbours that would say the same only one: the lowest of all where it is among them, else the highest.
fn told_apart(ticks: &[(f64, String)]) -> Vec<(f64, String)> {
    let same = ticks.chunk_by(|(_, one), (_, next)| one == next).enumerate();
    same.filter_map(|(n, same)| if n == 0 { same.first() } else { same.last() }).cloned().collect()
}

/// A rectangle with two axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    /// Of figures that grow to the right.
    pub(super) x: Axis,
    /// Of figures that grow upwards.
    pub(super) y: Axis,
    /// Pixels.
    pub(super) left: f64,
    /// Pixels.
    pub(super) right: f64,
    /// Pixels.
    pub(super) top: f64,
    /// Pixels.
    pub(super) bottom: f64,
}

impl Panel {
    /// The pixel of a figure.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x.at(x), self.y.at(y))
    }

    /// Horizontal lines with the figures that they stand for.
    pub(super) fn grid(&self, canvas: &mut Canvas, words: impl Fn(f64) -> String) {
        let ticks = self.y.ticks(tick_count(self.bottom - self.top));
        for (tick, words) in told_apart(&ticks.into_iter().map(|tick| (tick, words(tick))).collect::<Vec<_>>()) {
            let y = self.y.at(tick);
            canvas.line(&[(self.left, y), (self.right, y)], Ink::Grid, 1.0);
            canvas.text((self.left - 8.0, y), &words, Ink::Muted, Anchor::End);
        }
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], Ink::Muted, 1.0);
    }

    /// Ticks of a time axis; `named`: with their words and its name.
    pub(super) fn time(&self, canvas: &mut Canvas, length_s: f64, named: bool) {
        self.time_ticks(canvas, length_s, named);
        if named {
            let (_, name) = time_words(length_s);
            let middle = f64::midpoint(self.left, self.right);
            canvas.text((middle, self.bottom + 34.0), name, Ink::Muted, Anchor::Middle);
        }
    }

    /// Ticks of a time axis; `with_words`: but without its name.
    pub(super) fn time_ticks(&self, canvas: &mut Canvas, length_s: f64, with_words: bool) {
        let (words, _) = time_words(length_s);
        for tick in time_ticks(length_s, if canvas.narrow() { 4 } else { 9 }) {
            let x = self.x.at(tick);
            canvas.line(&[(x, self.bottom), (x, self.bottom + 4.0)], Ink::Muted, 1.0);
            if with_words {
                canvas.text((x, self.bottom + 15.0), &words(tick), Ink::Muted, Anchor::Middle);
            }
        }
    }

    /// Shades where nothing was seen, with who saw nothing where there is room; what is too short to be seen is given a pixel
    /// and a half.
    pub(super) fn gaps(&self, canvas: &mut Canvas, gaps: &[(f64, f64, &str)]) {
        for &(from_s, to_s, who) in gaps {
            let (from, to) = (self.x.at(from_s), self.x.at(to_s));
            let to = to.max(from + 1.5);
            canvas.area((from, self.top), (to, self.bottom), Ink::Gap);
            let whole = format!("{who}: gap");
            let fits = |words: &&str| to - from > 6.8 * words.chars().count() as f64 + 8.0;
            if let Some(words) = [whole.as_str(), "gap"].into_iter().find(fits) {
                let middle = (f64::midpoint(from, to), self.top + 9.0);
                canvas.text(middle, words, Ink::Muted, Anchor::Middle);
            }
        }
    }

    /// Shades what is judged; `named`: says so.
    pub(super) fn judged(&self, canvas: &mut Canvas, windows: &[(f64, f64)], named: bool) {
        for &(from_s, to_s) in windows {
            let (from, to) = (self.x.at(from_s), self.x.at(to_s));
            canvas.area((from, self.top), (to, self.bottom), Ink::Shade);
            if named && to - from > 50.0 {
                canvas.text((from + 2.0, self.top - 8.0), "judged", Ink::Muted, Anchor::Start);
            }
        }
    }

    /// A dashed line across.
    pub(super) fn target_line(&self, canvas: &mut Canvas, limit: f64) {
        let y = self.y.at(limit);
        canvas.line(&[(self.left, y), (self.right, y)], Ink::Target, 1.5);
    }

    /// A dashed line across, its words at the right end: above it, or below where fewer of the `drawn` points are.
    pub(super) fn target(&self, canvas: &mut Canvas, limit: f64, words: &str, drawn: &[(f64, f64)]) {
        self.targets(canvas, &[(limit, words)], drawn);
    }

    /// Several, whose words keep out of each other's way.
    pub(super) fn targets(&self, canvas: &mut Canvas, limits: &[(f64, &str)], drawn: &[(f64, f64)]) {
        let mut taken: Vec<f64> = Vec::new();
        for (limit, words) in limits {
            taken.push(self.one_target(canvas, *limit, words, drawn, &taken));
        }
    }

    /// Where its words stand, with others `taken`.
    fn one_target(&self, canvas: &mut Canvas, limit: f64, words: &str, drawn: &[(f64, f64)], taken: &[f64]) -> f64 {
        self.target_line(canvas, limit);
        let y = self.y.at(limit);
        let from = self.right - 7.0 * words.chars().count() as f64;
        let is_taken = |at: f64| taken.iter().any(|taken| (taken - at).abs() < LABEL_GAP);
        let crossed = |at: f64| drawn.iter().filter(|p| p.0 > from && (p.1 - at).abs() < 10.0).count();
        let busy = |at: f64| if is_taken(at) { usize::MAX } else { crossed(at) };
        let (above, below) = (y - 10.0, y + 10.0);
        let fits_above = above > self.top - 6.0;
        let fits_below = below < self.bottom - 6.0;
        let at = if fits_below && (!fits_above || busy(below) < busy(above)) { below } else { above };
        canvas.text((self.right - 4.0, at), words, Ink::Target, Anchor::End);
        at
    }

    /// Names to the right of lines, each at the height where its line ends, moved apart where they would touch.
    pub(super) fn labels(&self, canvas: &mut Canvas, labels: &[(String, f64, Ink)]) {
        let wanted: Vec<f64> = labels.iter().map(|label| label.1).collect();
        for ((name, _, ink), y) in labels.iter().zip(spread(&wanted, LABEL_GAP, self.top, self.bottom)) {
            canvas.text((self.right + 6.0, y), name, *ink, Anchor::Start);
        }
    }

    /// Words in the middle of a panel that has nothing else to show.
    pub(super) fn instead(&self, canvas: &mut Canvas, words: &str) {
        let middle = (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom));
        canvas.text(middle, words, Ink::Muted, Anchor::Middle);
    }
}

/// The windows that are judged: each hold where there are several, else the steady one.
pub(super) fn judged_windows(result: &RunResult) -> Vec<(f64, f64)> {
    let windows: Vec<(f64, f64)> = match result.stages.len() {
        0 | 1 => vec![(result.steady.from_s, result.steady.to_s)],
        _ => result.stages.iter().map(|stage| (stage.from_s, stage.to_s)).collect(),
    };
    windows.into_iter().filter(|(from, to)| to > from).collect()
}

/// How long the time axis is: what was run, or where nothing was, what was asked.
pub(super) fn length_s(run: &Run) -> f64 {
    let ran = run.duration_s();
    if ran > 0.0 { ran } else { run.asked.plan.duration_s().max(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::amounts::bytes_per_s;

    #[test]
    fn no_two_ticks_say_the_same() {
        let said = |to: f64, count: usize| -> Vec<String> {
            let ticks = Axis::linear(0.0, to, (100.0, 0.0)).ticks(count);
            let ticks: Vec<(f64, String)> = ticks.into_iter().map(|tick| (tick, bytes_per_s(tick))).collect();
            told_apart(&ticks).into_iter().map(|(at, words)| format!("{at} {words}")).collect()
        };
        assert_eq!(said(1.0, 4), ["0 0 B/s", "1 1 B/s"]);
        assert_eq!(said(1.0, 8), ["0 0 B/s", "1 1 B/s"]);
        assert_eq!(said(4.0, 4), ["0 0 B/s", "1 1 B/s", "2 2 B/s", "3 3 B/s", "4 4 B/s"]);
    }

    #[test]
    fn words_of_targets_keep_out_of_each_other_s_way() {
        let y = Axis::linear(0.0, 1.12, (120.0, 0.0));
        let panel =
            Panel { x: Axis::linear(0.0, 1.0, (0.0, 300.0)), y, left: 0.0, right: 300.0, top: 0.0, bottom: 120.0 };
        let mut canvas = Canvas::new(360.0, 150.0);
        let mut at = Vec::new();
        for limit in [0.7, 0.9] {
            at.push(panel.one_target(&mut canvas, limit, "target", &[], &at));
        }
        assert!((at[0] - at[1]).abs() >= LABEL_GAP, "{at:?}");
        // Lines run where the upper one's words would stand.
        let drawn: Vec<(f64, f64)> = (0..300).map(|x| (f64::from(x), y.at(0.9) - 10.0)).collect();
        let first = panel.one_target(&mut canvas, 0.7, "target", &drawn, &[]);
        let second = panel.one_target(&mut canvas, 0.9, "target", &drawn, &[first]);
        assert!((first - second).abs() >= LABEL_GAP, "{first} {second}");
    }
}
