use super::{fast, simulate, users};
use crate::judge::{Verdict, judge};
use crate::record::{GeneratorSecond, IntervalKind, Run};
use crate::stats::Distribution;

fn quick() -> Run {
    simulate(users(250, 50.0, 60.0), fast)
}

/// Its threads wait so long in each of these seconds, in so many turns.
fn waits(run: &mut Run, seconds: std::ops::Range<usize>, delay_s: f64, turns: u64) {
    for second in &mut run.seconds {
        second.generator.run_delay_s.get_or_insert(0.001);
        second.generator.run_turns = second.generator.run_turns.max(100);
    }
    for second in &mut run.seconds[seconds] {
        (second.generator.run_delay_s, second.generator.run_turns) = (Some(delay_s), turns);
    }
}

fn without_lag(run: &mut Run) {
    run.asked.mean_wait_s = Some(0.0);
    run.intervals.retain(|interval| interval.kind != IntervalKind::Lag);
}

#[test]
fn waiting_for_a_cpu_is_a_note_where_sends_are_in_time() {
    let mut run = quick();
    waits(&mut run, 20..24, 0.3, 100);
    let result = judge(&run);
    assert_eq!((result.verdict, result.notes), (Verdict::Pass, Vec::new()), "four seconds are a moment");
    waits(&mut run, 24..25, 0.3, 100);
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Pass);
    assert_eq!(
        result.notes,
        [
            "other programs on this machine, or a limit on its CPU time, kept the generator waiting: for 5 s in a row its threads were ready to run and had no CPU for 300 ms of each second, 282 µs each time; stop them, or use a machine of its own"
        ]
    );
    let percent = result.generators[0].run_delay_percent.unwrap();
    // 5 · 0.3 s and 50 · 1 ms of 55 s.
    assert!((percent - 1.55 / 55.0 * 100.0).abs() < 1e-9, "{percent}");
}

#[test]
fn where_sends_were_late_waiting_for_a_cpu_is_named_as_the_cause() {
    let mut run = quick();
    waits(&mut run, 0..60, 0.4, 100);
    for interval in run.intervals.iter_mut().filter(|interval| interval.kind == IntervalKind::Lag) {
        interval.values = Distribution::from_pairs([(15_000, interval.values.count())]);
    }
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Void);
    assert!(result.reasons[0].contains("had no CPU for 400 ms of each second: other programs"), "{:?}", result.reasons);
}

#[test]
fn users_who_do_not_think_are_void_by_the_wait_itself() {
    let mut run = quick();
    without_lag(&mut run);
    waits(&mut run, 10..60, 0.6, 200);
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Pass, "2.9 ms each time move no p95 by 10 ms: {:?}", result.reasons);
    assert_eq!(result.notes.len(), 1);
    waits(&mut run, 5..60, 0.6, 40);
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Void);
    assert!(
        result.reasons[0].ends_with(
            "15 ms each time: response times hold waits of 45 ms and more, and 10 ms are allowed; stop them, or use a machine of its own"
        ),
        "{:?}",
        result.reasons
    );
}

#[test]
fn a_system_that_does_not_tell_is_not_taken_for_an_idle_one() {
    assert_eq!(judge(&quick()).generators[0].run_delay_percent, None);
}

#[test]
fn a_clock_that_is_set_is_only_a_note() {
    let mut run = quick();
    run.seconds[20].generator.clock_jump_s = 2.0;
    run.seconds[40].generator.clock_jump_s = -2.5;
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Pass);
    assert_eq!(result.generators[0].clock_jumps, 2);
    assert!(
        result.notes[0].starts_with("the wall clock was set 2 times: by up to 2.5 s back at 40 s;"),
        "{:?}",
        result.notes
    );
    run.seconds[40].generator.clock_jump_s = 0.0;
    assert!(judge(&run).notes[0].starts_with("the wall clock was set: 2 s forward at 20 s;"));
}

#[test]
fn a_process_that_did_not_run_voids_where_it_is_judged() {
    let mut run = quick();
    run.seconds[2].generator.stopped_s = 1.0;
    let result = judge(&run);
    assert_eq!((result.verdict, result.generators[0].stopped_s), (Verdict::Pass, 1.0));
    run.seconds[30].generator.stopped_s = 0.7;
    run.seconds[31].generator.stopped_s = 1.0;
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Void);
    assert!(
        result.reasons[0].starts_with("the generator did not run for 1.7 s, first at 30 s: it was stopped"),
        "{:?}",
        result.reasons
    );
    assert_eq!(result.generators[0].stopped_s, 2.7);
}

#[test]
fn seconds_that_the_journal_lacks_void() {
    let mut run = quick();
    run.seconds[30].generator = GeneratorSecond { missing: true, ..GeneratorSecond::default() };
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Void);
    assert_eq!(
        result.reasons,
        ["1 s of the journal are missing, first at 30 s: what happened then is not known; run it again"]
    );
}

#[test]
fn of_half_a_cpu_ninety_per_cent_is_enough() {
    let mut run = quick();
    run.asked.environment.cpus = 1;
    run.asked.environment.cpu_quota = Some(0.5);
    for second in &mut run.seconds[20..30] {
        second.generator.cpu_s = 0.48;
    }
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Void);
    assert!(
        result.reasons[0].starts_with("the generator used 96 % of its 0.5 CPUs for 10 s in a row"),
        "{:?}",
        result.reasons
    );
    assert!((result.generators[0].cpu_percent - (50.0 * 0.12 + 10.0 * 0.48) / 60.0 / 0.5 * 100.0).abs() < 1e-9);
}

/// A load of two minutes in an hour, each one piece of the journal, with 2 CPUs; each second uses and waits this much, ms.
fn two_minutes(cpu_ms: impl Fn(usize) -> u32, run_delay_ms: impl Fn(usize) -> u32) -> Run {
    let mut run = simulate(users(250, 250.0, 121.0), fast);
    let minute = |from: usize| {
        let mut whole = run.seconds[from].clone();
        whole.to_s = whole.from_s + 60.0;
        for second in &run.seconds[from + 1..from + 60] {
            whole.user_s += second.user_s;
            whole.in_flight_s += second.in_flight_s;
            whole.thinking_s += second.thinking_s;
        }
        whole.each_cpu_ms = (from..from + 60).map(&cpu_ms).collect();
        whole.each_run_delay_ms = (from..from + 60).map(&run_delay_ms).collect();
        let seconds = |each: &[u32]| f64::from(each.iter().sum::<u32>()) / 1000.0;
        whole.generator.cpu_s = seconds(&whole.each_cpu_ms);
        whole.generator.run_delay_s = Some(seconds(&whole.each_run_delay_ms));
        whole.generator.run_turns = 600;
        whole
    };
    let minutes = [minute(1), minute(61)];
    run.seconds.splice(1..121, minutes);
    for interval in run.intervals.iter_mut().filter(|interval| (1.0..121.0).contains(&interval.from_s)) {
        interval.from_s = if interval.from_s < 61.0 { 1.0 } else { 61.0 };
        interval.to_s = interval.from_s + 60.0;
    }
    run
}

#[test]
fn half_a_minute_without_a_cpu_to_spare_is_seen_in_a_minute_of_an_hour() {
    let busy = |seconds: std::ops::Range<usize>| move |at: usize| if seconds.contains(&at) { 2000 } else { 100 };
    let result = judge(&two_minutes(busy(10..40), |_| 0));
    assert_eq!(result.verdict, Verdict::Void);
    let reason = &result.reasons[0];
    assert!(reason.starts_with("the generator used 100 % of its 2 CPUs for 30 s in a row"), "{reason}");
    // It goes on from one minute to the next.
    assert!(judge(&two_minutes(busy(58..64), |_| 0)).reasons[0].contains("for 6 s in a row"));
    assert!(!judge(&two_minutes(busy(59..63), |_| 0)).generators[0].void, "four seconds are a moment");
}

#[test]
fn waiting_for_a_cpu_is_seen_in_a_minute_of_an_hour() {
    let result = judge(&two_minutes(|_| 100, |at| if (70..78).contains(&at) { 300 } else { 1 }));
    assert!(
        result.notes.iter().any(|note| note.contains("for 8 s in a row its threads were ready to run")),
        "{:?}",
        result.notes
    );
}
