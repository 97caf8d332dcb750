use super::*;

fn coverage(process: Process, method: Method, which: usize) -> Coverage {
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let runs: Vec<CoverageRun> = (0..60).map(|_| process.run(30, &mut random)).collect();
    let truths = truths(&runs, QUANTILES[which].1).unwrap();
    Coverage::of(method, &runs, &truths, which).unwrap()
}

#[test]
fn of_independent_samples_every_method_holds_what_it_claims() {
    for method in [Method::Naive, Method::Effective, Method::Sections] {
        let Coverage { bounded, held, half } = coverage(Process::Independent, method, 0);
        assert!(bounded >= 0.95 && held >= 0.88 && half < 0.03, "{method:?}: {held} {half}");
    }
}

/// What the figures beside p99 once claimed, and what the number of independent samples
/// repairs of it.
#[test]
fn of_samples_that_hang_together_only_those_that_say_so_hold_it() {
    let naive = coverage(Process::Sluggish, Method::Naive, 0);
    let effective = coverage(Process::Sluggish, Method::Effective, 0);
    assert!(naive.held < 0.5 && naive.half < 0.02, "{naive:?}");
    assert!(effective.held > 0.85 && effective.half > 0.02, "{effective:?}");
    // And where runs differ as wholes, nothing from within one can hold it.
    let apart = coverage(Process::PausesAndRuns, Method::Effective, 0);
    assert!(apart.held < 0.9, "{apart:?}");
}

#[test]
fn the_truth_is_what_the_other_runs_say() {
    let run = |value: f64| CoverageRun { sorted: vec![value; 100], ..CoverageRun::default() };
    let runs = [run(1.0), run(2.0), run(2.0)];
    assert_eq!(truths(&runs, 0.5), Some(vec![2.0, 1.0, 1.0]));
    assert_eq!(truths(&runs[..1], 0.5), None);
}

fn near(left: f64, right: f64, by: f64) {
    assert!((left - right).abs() <= by, "{left} is not {right}");
}

/// A run whose samples are 1, 2, 3, ...
fn counting(count: u32) -> CoverageRun {
    CoverageRun { sorted: (1..=count).map(f64::from).collect(), ..CoverageRun::default() }
}

#[test]
fn ranks_count_from_one_and_end_with_the_samples() {
    let run = counting(100);
    assert_eq!(
        [0, 1, 2, 100, 101].map(|rank| run.at(rank)).to_vec(),
        [1.0, 1.0, 2.0, 100.0, 100.0]
    );
    assert_eq!(CoverageRun::default().at(1).to_bits(), 0.0_f64.to_bits());
    assert_eq!((run.percentile(0.99), run.percentile(0.5)), (Some(99.0), Some(50.0)));
    assert_eq!(counting(101).percentile(0.99), Some(100.0), "the least that 99 % don't exceed");
    assert_eq!(CoverageRun::default().percentile(0.99), None);
}

/// By the binomial distribution, of how many of n samples lie above p99: of 1,000 the ranks 983
/// and 997 hold it, of 2,500 2,465 and 2,485, of 4,000 3,947 and 3,973.
#[test]
fn bounds_are_the_samples_at_the_ranks_of_so_many_independent_ones() {
    let run = counting(40_000);
    assert_eq!(run.ranked(4_000.9, 0.99), Some((39_465.0, 39_725.0)), "ten times the rank − ½");
    assert_eq!(Method::Sixteenth.bounds(&run, 0), Some((39_432.0, 39_752.0)), "16 of each");
    let run = CoverageRun { independent: [Some(1_000.0), None], ..counting(4_000) };
    assert_eq!(Method::Naive.bounds(&run, 0), Some((3_947.0, 3_973.0)));
    assert_eq!(Method::Effective.bounds(&run, 0), Some((3_930.0, 3_986.0)));
    assert_eq!(Method::Effective.bounds(&run, 1), None);
    assert_eq!(run.ranked(1e9, 0.99), Some((3_947.0, 3_973.0)), "no more than there are");
    assert_eq!(Method::Sixteenth.bounds(&run, 0), None, "250 are too few");
}

#[test]
fn sections_have_the_spread_of_their_own_percentiles() {
    let of = |p99_by_interval: Vec<f64>| CoverageRun { p99_by_interval, ..counting(100) };
    // 0.1 off the whole run's 99 each: error √(0.04 / 3 / 4), 3 degrees, 3.18245.
    let off = [0.1_f64, -0.1, 0.1, -0.1].map(|log| 99.0 * log.exp()).to_vec();
    let (low, high) = Method::Sections.bounds(&of(off.clone()), 0).unwrap();
    near(low, 99.0 * (-0.183_739_f64).exp(), 1e-3);
    near(high, 99.0 * 0.183_739_f64.exp(), 1e-3);
    assert_eq!(Method::Sections.bounds(&of(off[1..].to_vec()), 0), None, "three are too few");
    assert_eq!(Method::Sections.bounds(&of(off), 1), None, "they are of p99");
}

#[test]
fn a_simulated_run_is_sorted_and_rests_on_what_lies_above_in_each_interval() {
    // Four intervals of 1,000; the 40 above p99, which is 3,960, are all in the first.
    let mut samples: Vec<f64> = (1..=4_000).map(f64::from).collect();
    samples.rotate_right(40);
    let run = CoverageRun::simulated(&samples, 1_000);
    assert_eq!(run.sorted, counting(4_000).sorted);
    assert_eq!(run.p99_by_interval, [3_990.0, 1_950.0, 2_950.0, 3_950.0]);
    // One cluster of 40: 4,000 samples are worth a fortieth.
    near(run.independent[0].unwrap(), 100.0, 1e-9);
    near(run.independent[1].unwrap(), 4_000.0 / 4.0, 1e-9);
}

#[test]
fn what_was_recorded_is_read_back_with_what_it_rests_on() {
    let mut latency = crate::measure::latency::Latency::default();
    (1..=2_000).for_each(|value| latency.record(value));
    let footing = |independent| Footing { above: 1, episodes: 1.0, independent, is_enough: true };
    let summary = LatencySummary::of(Some(&latency));
    let summary = LatencySummary {
        p99_rests_on: Some(footing(500.0)),
        p99_9_rests_on: Some(footing(600.0)),
        ..summary
    };
    let run = CoverageRun::recorded(&summary, vec![7.0]).unwrap();
    assert_eq!(run.sorted.len(), 2_000);
    assert!(run.sorted.is_sorted());
    assert_eq!((run.sorted[0], run.sorted[999]), (1.0, 1_000.0));
    assert_eq!((run.independent, run.p99_by_interval), ([Some(500.0), Some(600.0)], vec![7.0]));
    assert!(CoverageRun::recorded(&LatencySummary::default(), Vec::new()).is_none());
}

#[test]
fn the_truth_is_the_least_that_enough_of_the_others_do_not_exceed() {
    let ten = |from: u32| CoverageRun {
        sorted: (from..from + 10).map(f64::from).collect(),
        ..CoverageRun::default()
    };
    let runs = [ten(1), ten(11), ten(21)];
    assert_eq!(truths(&runs, 0.5), Some(vec![20.0, 10.0, 10.0]));
    assert_eq!(truths(&runs, 0.9), Some(vec![28.0, 28.0, 18.0]));
    assert_eq!(truths(&runs, 0.001), Some(vec![11.0, 1.0, 1.0]));
    assert_eq!(truths(&[], 0.5), Some(vec![]));
    assert_eq!(truths(&[CoverageRun::default()], 0.5), None);
}

#[test]
fn coverage_is_the_share_of_the_bounds_that_hold_the_truth_and_their_median_width() {
    assert_eq!(
        Coverage::from(vec![5.0, 1.0, 4.0, 2.0, 3.0], 3, 10),
        Some(Coverage { bounded: 0.5, held: 0.6, half: 3.0 })
    );
    assert_eq!(Coverage::from(Vec::new(), 0, 10), None);
    // Bounds of 3,947 and 3,973 for all but the short one: held at both ends, and not beyond.
    let runs = [counting(4_000), counting(4_000), counting(10), counting(4_000), counting(4_000)];
    let truths = [3_947.0, 3_973.0, 5.0, 3_946.9, 3_973.1];
    let found = Coverage::of(Method::Naive, &runs, &truths, 0).unwrap();
    assert_eq!((found.bounded, found.held), (0.8, 0.5));
    near(found.half, (3_973.0_f64 / 3_947.0).sqrt() - 1.0, 1e-12);
}

/// So many runs of a hundred equal samples each.
fn equal(values: &[f64]) -> Vec<CoverageRun> {
    values
        .iter()
        .map(|value| CoverageRun { sorted: vec![*value; 100], ..CoverageRun::default() })
        .collect()
}

#[test]
fn over_runs_the_interval_is_that_of_five_against_five() {
    assert_eq!(over_runs(&equal(&[1.0; 9]), 0.99, 10, 1), None);
    // Known to 0.1 %: error √(2e-6 / 60), 8 degrees, 2.30600.
    let found = over_runs(&equal(&[1.0; 10]), 0.99, 10, 1).unwrap();
    assert_eq!((found.bounded, found.held), (1.0, 1.0));
    near(found.half, (2.306_004 * (2e-6_f64 / 60.0).sqrt()).exp_m1(), 1e-9);
    // Of two kinds, of five runs each, the interval misses 1 where they fall apart: in two of 252
    // cases. Where four are of one kind t is 2.12, which is none.
    let kinds = [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0];
    let found = over_runs(&equal(&kinds), 0.99, 3_000, 1).unwrap();
    near(1.0 - found.held, 2.0 / 252.0, 0.005);
    assert!(found.held < 1.0, "{found:?}");
}

#[test]
fn a_row_says_what_was_bounded_and_held_in_percent() {
    let table = rows("same", &equal(&[1.0; 10]), 10, 1);
    let naive = "| same | p99 | as if independent | 100 % | 100 % | ± 0.0 % |\n";
    assert!(!table.contains("as if independent"), "100 samples are too few: {table}");
    assert!(table.contains("| same | p99 | a ratio of 5 runs to 5 | 100 % | 100 % | ± 0.0 % |\n"));
    assert!(table.contains("| same | p99.9 | a ratio of 5 runs to 5 |"), "{table}");
    let long: Vec<CoverageRun> =
        (0..2).map(|_| CoverageRun { sorted: vec![1.0; 400], ..CoverageRun::default() }).collect();
    assert_eq!(rows("same", &long, 10, 1), naive);
    // Every second one of another kind: none holds what the others say.
    let apart =
        [1.0, 2.0].map(|value| CoverageRun { sorted: vec![value; 400], ..CoverageRun::default() });
    assert_eq!(rows("same", &apart, 10, 1), naive.replace("100 % | ±", "0 % | ±"));
    let wide = CoverageRun {
        sorted: (0..400).map(|n| if n < 395 { 1.0 } else { 1.21 }).collect(),
        ..apart[0].clone()
    };
    let rows = rows("same", &[wide.clone(), wide], 10, 1);
    assert!(rows.ends_with("| 100 % | 100 % | ± 10.0 % |\n"), "{rows}");
}

#[test]
fn the_tables_have_a_head_and_a_row_for_each_way_to_bounds() {
    assert_eq!(recorded(&[], 10, 1), HEAD);
    let mut latency = crate::measure::latency::Latency::default();
    (1..=4_000).for_each(|value| latency.record(value));
    let mut run = crate::result::compare::tests::run();
    run.ack = LatencySummary::of(Some(&latency));
    run.apps.iter_mut().for_each(|app| app.end_to_end = run.ack.clone());
    let table = recorded(&[&run, &run], 10, 1);
    assert!(table.starts_with(HEAD), "{table}");
    assert!(table.contains("| ack | p99 | as if independent | 100 % | 100 % |"), "{table}");
    assert!(table.contains("| analytics.e2e | p99.9 | as if independent | 100 % |"), "{table}");
    let table = simulated(2, 10, 1);
    assert!(table.starts_with("2 simulated runs of 30 s at 1,000/s, seed 1\n\n| runs of |"));
    for (name, _) in Process::ALL {
        for method in [Method::Naive, Method::Sections] {
            let row = format!("| {name} | p99 | {} | 100 % |", method.name());
            assert!(table.contains(&row), "{row}: {table}");
        }
    }
    let names = Method::ALL.map(Method::name);
    let expected =
        ["as if independent", "by independent samples", "as if 1 of 16 were", "by intervals"];
    assert_eq!(names, expected);
}

/// Mean, standard deviation, and how much of a sample the next one has.
fn moments(samples: &[f64]) -> (f64, f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let off: Vec<f64> = samples.iter().map(|sample| sample - mean).collect();
    let variance = off.iter().map(|off| off * off).sum::<f64>() / n;
    let common = off.iter().zip(&off[1..]).map(|(one, next)| one * next).sum::<f64>() / n;
    (mean, variance.sqrt(), common / variance)
}

fn samples(process: Process, seconds: usize, seed: u64) -> Vec<f64> {
    process.samples(seconds, &mut Pcg64Mcg::seed_from_u64(seed))
}

/// In logarithms of 5 ms, and in units of their spread.
fn standardised(process: Process, seconds: usize, seed: u64) -> Vec<f64> {
    samples(process, seconds, seed).iter().map(|ms| (ms / 5.0).ln() / 0.2).collect()
}

#[test]
fn simulated_samples_have_the_spread_and_the_memory_that_they_are_to_have() {
    let drawn = standardised(Process::Independent, 20, 1);
    assert_eq!(drawn.len(), 20_000);
    let (mean, spread, common) = moments(&drawn);
    near(mean, 0.0, 0.03);
    near(spread, 1.0, 0.02);
    near(common, 0.0, 0.03);
    let (mean, spread, common) = moments(&standardised(Process::Sluggish, 100, 1));
    near(mean, 0.0, 0.2);
    near(spread, 1.0, 0.1);
    near(common, 0.99, 0.005);
}

#[test]
fn pauses_come_every_four_seconds_and_let_everything_wait_for_30_ms_on_average() {
    let drawn = samples(Process::Pauses, 400, 2);
    // Five standard deviations above the median without a pause.
    let is_slow = |ms: &f64| *ms > 5.0 * 1.0_f64.exp();
    let waited: f64 = drawn.iter().map(|ms| ms - 5.0 * 0.02_f64.exp()).sum();
    // A pause of x ms lasts as many samples, and what they wait adds up to x² / 2: 900 on average
    // of an exponential distribution, a hundred times.
    near(waited / 90_000.0, 1.0, 0.35);
    let begins = drawn.windows(2).filter(|two| !is_slow(&two[0]) && is_slow(&two[1])).count();
    // Those of less than 9 ms or so are not seen, and some are counted twice.
    assert!((60..=110).contains(&begins), "{begins}");
    // In between it is as without.
    let mut quiet: Vec<f64> = drawn.iter().map(|ms| (ms / 5.0).ln() / 0.2).collect();
    quiet.sort_unstable_by(f64::total_cmp);
    near(quiet[quiet.len() / 2], 0.0, 0.05);
}

#[test]
fn only_runs_that_differ_as_wholes_have_a_level_of_their_own() {
    let levels = |process: Process| {
        let mut random = Pcg64Mcg::seed_from_u64(4);
        let mut level = || {
            let run = process.run(1, &mut random);
            (run.percentile(0.5).unwrap() / 5.0).ln()
        };
        moments(&(0..150).map(|_| level()).collect::<Vec<_>>())
    };
    let (mean, spread, _) = levels(Process::PausesAndRuns);
    near(mean, 0.0, 0.03);
    near(spread, 0.08, 0.015);
    assert!(levels(Process::Pauses).1 < 0.02);
}
