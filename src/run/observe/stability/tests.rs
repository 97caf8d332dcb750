use super::*;
use crate::base::clock::{Clock, ManualClock};
use crate::base::random::Random;
use crate::plan::{Arrivals, PhasePlan, RateSegment};
use crate::result::AppInterval;
use crate::result::flag::limits::DRIFT_LIMIT_PERCENT;

fn load(segments: &[(u64, f64, f64)]) -> LoadPlan {
    let segment = |&(seconds, from_per_s, to_per_s)| RateSegment {
        duration_ns: seconds * 1_000_000_000,
        shape: Shape::Linear { from_per_s, to_per_s },
    };
    let phase = |name: &str, warmup, segments| PhasePlan {
        name: name.to_owned(),
        warmup,
        segments,
        hot: None,
        sale: None,
    };
    let warmup = phase("warm-up", true, vec![segment(&(30, 100.0, 100.0))]);
    let main = phase("main", false, segments.iter().map(segment).collect());
    LoadPlan {
        producers: 1,
        arrivals: Arrivals::Uniform,
        tick_ns: 0,
        phases: vec![warmup, main],
        replay: None,
    }
}

/// A run's intervals for one application: 5 ms with a noise of 6 %, whose neighbours are
/// alike by 0.6; `grow` gives what is added by time.
fn series(seed: u64, seconds: u32, grow: impl Fn(f64) -> f64) -> Vec<Interval> {
    let mut random = Random::new(seed, 77, 0);
    let mut normal = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
    let mut noise = 0.06 * normal();
    let row = |second: u32| {
        noise = 0.6 * noise + 0.06 * 0.8 * normal();
        let from_s = f64::from(second);
        let p50_ns = Some((5e6 * (1.0 + noise + grow(from_s))) as i64);
        let apps = vec![AppInterval { p50_ns, ..AppInterval::default() }];
        Interval { from_s, apps, ..Interval::default() }
    };
    (0..seconds).map(row).collect()
}

fn flagged(load: &LoadPlan, grow: impl Fn(f64) -> f64 + Copy) -> usize {
    let seconds = u32::try_from(load.duration_ns() / 1_000_000_000).unwrap();
    let is_flagged = |seed: &u64| {
        let series = series(*seed, seconds, grow);
        let drifts = drifts(&steady(load), 1_000_000_000, &series, &["analytics".to_owned()]);
        drifts.iter().any(|drift| drift.change_percent() > DRIFT_LIMIT_PERCENT)
    };
    (0..200).filter(is_flagged).count()
}

#[test]
fn ten_percent_a_minute_are_flagged_and_flat_noise_is_not() {
    let load = load(&[(180, 1_000.0, 1_000.0)]);
    let found = flagged(&load, |second| 0.1 * second / 60.0);
    assert!(found >= 190, "{found} of 200");
    let found = flagged(&load, |second| -0.1 * second / 60.0);
    assert!(found >= 190, "{found} of 200 downwards");
    let wrong = flagged(&load, |_| 0.0);
    assert!(wrong <= 10, "{wrong} of 200");
}

/// Three applications and two stretches: an interval of each that misses the truth in one of 120
/// cases, so that a run does in one of 20.
#[test]
fn a_runs_slopes_miss_the_truth_in_one_of_twenty_cases_together() {
    let load = load(&[(60, 1_000.0, 1_000.0), (60, 2_000.0, 2_000.0)]);
    let mut series = series(5, 150, |_| 0.0);
    series.iter_mut().for_each(|row| row.apps.push(row.apps[0].clone()));
    series.iter_mut().for_each(|row| row.apps.push(row.apps[0].clone()));
    let names = ["analytics", "fraud", "recommend"].map(str::to_owned);
    let found = drifts(&steady(&load), 1_000_000_000, &series, &names);
    assert_eq!(found.len(), 6);
    assert!(found[0].from_s.to_bits() == 30_f64.to_bits(), "{found:?}");
    assert!(found[0].to_s.to_bits() == 90_f64.to_bits(), "{found:?}");
    let points: Vec<_> =
        series[30..90].iter().map(|row| (row.from_s, row.apps[0].p50_ns.unwrap() as f64)).collect();
    let expected = trend(&points, 0.05 / 6.0).unwrap();
    let percent = |slope: f64| slope * 6_000.0 / expected.middle;
    assert!((found[0].low_percent_per_min - percent(expected.low)).abs() < 1e-9, "{found:?}");
    assert!((found[0].high_percent_per_min - percent(expected.high)).abs() < 1e-9, "{found:?}");
}

#[test]
fn a_ramp_is_no_drift_and_neither_is_a_step() {
    let ramp = load(&[(180, 100.0, 10_000.0)]);
    assert_eq!(flagged(&ramp, |second| second / 60.0), 0);
    let step = load(&[(60, 100.0, 100.0), (60, 1_000.0, 1_000.0)]);
    assert_eq!(steady(&step), [30_000_000_000..90_000_000_000, 90_000_000_000..150_000_000_000]);
    let wrong = flagged(&step, |second| if second < 90.0 { 0.0 } else { 1.0 });
    assert!(wrong <= 10, "{wrong} of 200");
}

#[test]
fn neighbours_of_one_rate_are_one_stretch_and_short_ones_are_none() {
    let load = load(&[(15, 100.0, 100.0), (15, 100.0, 100.0), (10, 50.0, 50.0), (60, 0.0, 0.0)]);
    let found = steady(&load);
    assert_eq!((found.len(), found[0].clone()), (1, 30_000_000_000..60_000_000_000));
}

#[test]
fn memory_that_fills_up_at_the_start_is_no_growth() {
    let fills: Vec<_> =
        (0..120).map(|at| (f64::from(at), 1e8 + 1e6 * f64::from(at.min(50)))).collect();
    assert_eq!(growth(&fills, 1 << 33).unwrap().full_in_s(), None);
    let leaks: Vec<_> = (0..120).map(|at| (f64::from(at), 1e8 + 1e6 * f64::from(at))).collect();
    let growth = growth(&leaks, 1_000_000_000).unwrap();
    assert!((growth.full_in_s().unwrap() - 1_000.0).abs() < 1.0, "{growth:?}");
    assert!(super::growth(&leaks[..38], 1).is_none(), "19 looks in the second half");
    assert!(super::growth(&leaks[..40], 1).is_some());
}

#[test]
fn a_step_of_the_wall_clock_is_seen_though_it_is_taken_back() {
    let clock = ManualClock::new(1_700_000_000_000_000);
    let mut steps = Steps::default();
    // The wall clock by itself runs 100 ppm fast, is set 2 s ahead after 3 s, and back again.
    for second in 0..10_i64 {
        let set_us = if (3..6).contains(&second) { 2_000_000 } else { 0 };
        let now_ns = clock.now_ns();
        let wall_us = clock.wall_us(now_ns) + 100 * second + set_us;
        steps.look(wall_us - clock.wall_us(now_ns));
        clock.advance_ns(1_000_000_000);
    }
    assert_eq!(steps.worst_us(), 2_000_100);
}

#[test]
fn of_two_steps_of_one_size_the_first_is_told() {
    let mut steps = Steps::default();
    for off_us in [7_000, 7_050, 7_000, 7_020] {
        steps.look(off_us);
    }
    assert_eq!(steps.worst_us(), 50);
}

/// At least 3 % a minute in either direction, over two minutes.
#[test]
fn a_change_is_the_least_over_the_whole_stretch_whatever_its_direction() {
    let of = |low_percent_per_min, high_percent_per_min| {
        let (from_s, to_s) = (60.0, 180.0);
        let drift =
            Drift { from_s, to_s, low_percent_per_min, high_percent_per_min, ..Drift::default() };
        drift.change_percent()
    };
    assert!((of(3.0, 5.0) - 6.0).abs() < 1e-9);
    assert!((of(-5.0, -3.0) - 6.0).abs() < 1e-9);
    assert!(of(-1.0, 4.0).abs() < 1e-9, "it may not have changed at all");
}

#[test]
fn a_latency_of_nothing_has_no_drift_and_twenty_intervals_are_enough() {
    let load = load(&[(20, 100.0, 100.0)]);
    let names = ["analytics".to_owned()];
    let mut series = series(5, 60, |_| 0.0);
    assert_eq!(drifts(&steady(&load), 1_000_000_000, &series, &names).len(), 1);
    series[40].apps[0].p50_ns = None;
    assert_eq!(
        drifts(&steady(&load), 1_000_000_000, &series, &names),
        [],
        "nineteen that have a p50"
    );
    series.iter_mut().for_each(|row| row.apps[0].p50_ns = Some(0));
    assert_eq!(drifts(&steady(&load), 1_000_000_000, &series, &names), [], "percent of nothing");
}
