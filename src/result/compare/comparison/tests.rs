use super::*;

fn judged(name: &str, baseline: &[f64], candidate: &[f64]) -> MetricComparison {
    let metric = Metric::find(name, ["analytics"]).unwrap();
    let some = |values: &[f64]| values.iter().copied().map(Some).collect();
    let once = (Design::Apart, Looks::Once);
    let mut draft = of_values(&metric, some(baseline), some(candidate), once.0, once.1);
    judge_together(std::iter::once(&mut draft), 0.05);
    draft.row
}

const P99: &str = "analytics.e2e.p99";

#[test]
fn what_is_endless_more_often_is_worse_and_never_left_out() {
    let five = [5e6, 5.1e6, 5.2e6, 4.9e6, 5e6];
    let row = judged(P99, &five, &[f64::INFINITY; 5]);
    assert_eq!((row.call, row.endless), (Call::Worse, (0, 5)));
    assert_eq!((row.ratio, row.interval), (None, None), "no figure for what has none");
    assert!(row.why.unwrap().contains("0 of 5 baseline runs and 5 of 5 candidate runs"));
    assert_eq!(judged(P99, &[f64::INFINITY; 5], &five).call, Call::Better);
    // Once in five may be chance, though the others are better than ever.
    let once = [f64::INFINITY, 1e6, 1e6, 1e6, 1.1e6];
    assert_eq!(judged(P99, &five, &once).call, Call::Inconclusive);
    let row = judged(P99, &[f64::INFINITY; 5], &[f64::INFINITY; 5]);
    assert_eq!((row.call, row.p), (Call::Inconclusive, None), "not the same: nobody knows");
    assert!(row.baseline_mean.is_some_and(f64::is_infinite) && row.ratio.is_none());
}

#[test]
fn an_exact_test_that_is_looked_at_again_and_again_spends_its_level_once() {
    let metric = Metric::find(P99, ["analytics"]).unwrap();
    let some = |value: f64| vec![Some(value); 6];
    let (paired, ends) = (Design::Paired, (some(5e6), some(f64::INFINITY)));
    let p = |looks| of_values(&metric, ends.0.clone(), ends.1.clone(), paired, looks).row.p;
    // Two of 924 ways; six pairs are the fourth look: 4 times 5.
    assert!((p(Looks::Once).unwrap() - 2.0 / 924.0).abs() < 1e-12);
    assert!((p(Looks::Always).unwrap() - 40.0 / 924.0).abs() < 1e-12);
}

#[test]
fn counts_of_which_some_are_zero_are_called_by_their_ranks() {
    let few = [0.0, 1.0, 2.0, 1.0, 0.0, 1.0];
    let hundreds = [300.0, 700.0, 0.0, 800.0, 600.0, 500.0];
    // Zero in some runs of either side: neither all nor none.
    let row = judged("ledger.duplicates", &few, &hundreds);
    assert!(row.p.is_some_and(|p| p < 0.1), "{row:?}");
    let every = [300.0, 700.0, 400.0, 800.0, 600.0, 500.0];
    assert_eq!(judged("ledger.duplicates", &few, &every).call, Call::Worse);
    assert_eq!(judged("ledger.duplicates", &every, &few).call, Call::Better);
    assert_eq!(judged("ledger.duplicates", &few, &few).call, Call::Inconclusive);
    assert_eq!(judged("ledger.duplicates", &[0.0; 5], &[0.0; 5]).call, Call::Same);
    // Every one higher in rank, but by a twentieth at most: no effect that matters.
    let mut close = [1000.0; 24];
    close[0] = 0.0;
    let row = judged("lag.max", &close, &[1001.0; 24]);
    assert!(row.p.is_some_and(|p| p < 1e-6), "{row:?}");
    assert_eq!(row.call, Call::Inconclusive);
    assert_eq!(judged("lag.max", &close, &[1101.0; 24]).call, Call::Worse);
}

fn near(left: Option<f64>, right: f64) {
    let left = left.unwrap();
    assert!((left - right).abs() <= 1e-6 * right.abs(), "{left} is not {right}");
}

/// Rows of a metric, to be judged together.
fn drafts(name: &str, pairs: &[(&[f64], &[f64])]) -> Vec<MetricDraft> {
    let metric = Metric::find(name, ["analytics"]).unwrap();
    let some = |values: &[f64]| values.iter().copied().map(Some).collect();
    let draft = |&(base, other): &(&[f64], &[f64])| {
        of_values(&metric, some(base), some(other), Design::Apart, Looks::Once)
    };
    pairs.iter().map(draft).collect()
}

/// So many nanoseconds as the logarithm says.
fn exp<const N: usize>(logs: [f64; N]) -> [f64; N] {
    logs.map(f64::exp)
}

#[test]
fn a_row_has_the_ratio_and_the_interval_of_its_figures() {
    // Logs of mean 10 and 11 and variance 0.01 each: error √(0.02 / 3), 4 degrees, 2.77645.
    let row = judged(P99, &exp([9.9, 10.0, 10.1]), &exp([10.9, 11.0, 11.1]));
    near(row.baseline_mean, 10.0_f64.exp());
    near(row.candidate_mean, 11.0_f64.exp());
    near(row.ratio, 1.0_f64.exp());
    let half = 2.776_445 * (0.02_f64 / 3.0).sqrt();
    near(row.interval.map(|interval| interval.0), (1.0 - half).exp());
    near(row.interval.map(|interval| interval.1), (1.0 + half).exp());
    assert_eq!((row.call, row.why.clone(), row.p), (Call::Worse, None, row.p_holm));
    // The 80 % point for 4 degrees is 0.94096.
    near(row.detectable, ((2.776_445 + 0.940_965) * (0.02_f64 / 3.0).sqrt()).exp_m1());
    assert!(row.runs_to_call.is_some_and(|runs| runs > 3) && row.runs_for_same > row.runs_to_call);
}

#[test]
fn means_are_geometric_and_of_counts_and_zeros_arithmetic() {
    assert_eq!(mean(&[], Unit::Nanoseconds), None);
    near(mean(&[1.0, 4.0, 16.0], Unit::Nanoseconds), 4.0);
    near(mean(&[1.0, 4.0, 16.0], Unit::Count), 7.0);
    near(mean(&[0.0, 5.0, 16.0], Unit::Nanoseconds), 7.0);
}

#[test]
fn a_ratio_needs_a_baseline_above_zero_and_a_candidate_that_is_not_below() {
    let ratio = |base: &[f64], other: &[f64]| judged(P99, base, other).ratio;
    near(ratio(&[0.0, 10.0], &[0.0, 30.0]), 3.0);
    near(ratio(&[10.0, 10.0], &[0.0, 0.0]).map(|ratio| ratio + 1.0), 1.0);
    assert_eq!(ratio(&[0.0, 0.0], &[10.0, 10.0]), None);
    assert_eq!(ratio(&[-10.0, -10.0], &[10.0, 0.0]), None);
    assert_eq!(ratio(&[10.0, 0.0], &[-10.0, -10.0]), None);
}

#[test]
fn fewer_than_three_runs_a_side_decide_nothing() {
    let why = |base: usize, other: usize| {
        let row = judged(P99, &[1e6; 5][..base], &[9e6; 5][..other]);
        assert_eq!(row.call == Call::Worse, row.why.is_none());
        row.why
    };
    assert_eq!(why(3, 3), None);
    let few = "too few runs; expected 3 a side or more, better 5";
    assert_eq!([why(2, 5), why(5, 2)], [Some(few.to_owned()), Some(few.to_owned())]);
    let one = "one run a side proves nothing; expected 3 a side or more, better 5";
    assert_eq!(why(1, 5), Some(one.to_owned()));
}

#[test]
fn what_is_more_than_chance_by_itself_only_says_so() {
    // Differences of 0.7 with variances of 0.04 a side: t = 4.29 with 4 degrees, p = 1.3 %.
    let (base, other) = (exp([9.8, 10.0, 10.2]), exp([10.5, 10.7, 10.9]));
    let chance = (exp([9.8, 10.0, 10.2]), exp([9.9, 10.1, 10.3]));
    let same: (&[f64], &[f64]) = (&chance.0, &chance.1);
    let judged = |count: usize| {
        let mut drafts =
            drafts(P99, &[&[(&base[..], &other[..])][..], &vec![same; count - 1]].concat());
        judge_together(drafts.iter_mut(), 0.05);
        drafts.into_iter().map(|draft| draft.row).collect::<Vec<_>>()
    };
    let rows = judged(2);
    near(rows[0].p_holm, 2.0 * rows[0].p.unwrap());
    assert_eq!((rows[0].call, rows[0].why.clone()), (Call::Worse, None));
    assert_eq!((rows[1].call, rows[1].why.clone()), (Call::Inconclusive, None), "p is large");
    let rows = judged(5);
    near(rows[0].p_holm, 5.0 * rows[0].p.unwrap());
    let why =
        "more than chance by itself, but of 5 figures looked at together some do so by chance";
    assert_eq!((rows[0].call, rows[0].why.clone()), (Call::Inconclusive, Some(why.to_owned())));
    // At the level itself it is more than chance: what holds it up is its size.
    let small = (exp([9.98, 10.0, 10.02]), exp([10.028, 10.048, 10.068]));
    let mut draft = drafts(P99, &[(&small.0, &small.1)]).remove(0);
    draft.row.p_holm = Some(ALPHA);
    judge(&mut draft, 2, 0.05);
    assert!(draft.row.p.is_some_and(|p| p < ALPHA - 1e-9), "{:?}", draft.row.p);
    assert_eq!((draft.row.call, draft.row.why), (Call::Inconclusive, None));
}

#[test]
fn ranks_are_called_by_a_change_that_is_beyond_the_limit_and_goes_their_way() {
    let called = |base: &[f64], other: &[f64], min_effect: f64| {
        // Of counts the mean is exact.
        let mut drafts = drafts("lag.max", &[(base, other)]);
        judge_together(drafts.iter_mut(), min_effect);
        assert!(drafts[0].row.p.is_some_and(|p| p <= ALPHA), "{:?}", drafts[0].row.p);
        drafts.remove(0).row.call
    };
    // Means of 10 and 20: exactly 100 %.
    let (base, other) = ([0.0, 12.0, 12.0, 12.0, 12.0, 12.0], [20.0; 6]);
    assert_eq!(called(&base, &other, 1.0), Call::Inconclusive);
    assert_eq!(called(&base, &other, 0.99), Call::Worse);
    assert_eq!(called(&other, &base, 0.99), Call::Better);
    // Lower in rank, and higher in the mean by one run of eight: nobody knows.
    let odd = [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1_000.0];
    assert_eq!(called(&[10.0; 8], &odd, 0.05), Call::Inconclusive);
    assert_eq!(called(&odd, &[10.0; 8], 0.05), Call::Inconclusive);
    // Without a ratio the ranks alone decide.
    assert_eq!(called(&[0.0; 6], &other, 0.05), Call::Worse);
}

#[test]
fn why_nothing_more_is_said_counts_the_runs_of_both_sides() {
    let above = judged("lag.max", &[0.0, -1.0, 3.0], &[2.0, 0.0, 5.0]).why.unwrap();
    assert_eq!(
        above,
        "above zero in 1 of 3 baseline runs and 2 of 3 candidate runs; an exact test on ranks"
    );
    let metric = Metric::find(P99, ["analytics"]).unwrap();
    let (base, other) = (vec![Some(1.0), None, None], vec![Some(1.0), Some(1.0), None]);
    let mut draft = of_values(&metric, base, other, Design::Apart, Looks::Once);
    judge_together(std::iter::once(&mut draft), 0.05);
    let MetricComparison { call, why, p_holm, .. } = draft.row;
    let words = "not enough samples, or not measured, in 3 of 6 runs".to_owned();
    assert_eq!((call, why, p_holm), (Call::Inconclusive, Some(words), None));
    // Runs that were looked at again and again, and are no pairs.
    let some = || vec![Some(1e6), Some(2e6), Some(3e6)];
    let mut draft = of_values(&metric, some(), some(), Design::Apart, Looks::Always);
    judge_together(std::iter::once(&mut draft), 0.05);
    let words = "taken until it was decided, but no pairs: nothing can be said".to_owned();
    assert_eq!((draft.row.call, draft.row.why), (Call::Inconclusive, Some(words)));
    let endless = judged(P99, &[f64::INFINITY; 3], &[f64::INFINITY; 3]).why.unwrap();
    assert!(endless.contains("in 3 of 3 baseline runs and 3 of 3 candidate runs"), "{endless}");
}

#[test]
fn pairs_have_no_interval_until_some_t_would_be_enough() {
    let metric = Metric::find(P99, ["analytics"]).unwrap();
    let row = |n: usize| {
        let figures = |by: f64| [1.0, 1.01, 0.99, 1.02].map(|it| Some(by * it))[..n].to_vec();
        of_values(&metric, figures(1e6), figures(2e6), Design::Paired, Looks::Always).row
    };
    assert_eq!((row(3).interval, row(3).ratio.is_some()), (None, true));
    assert!(row(4).interval.is_some());
}
