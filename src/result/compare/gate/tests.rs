use rand::RngExt;

use super::*;

fn limit(text: &str) -> Result<GateLimit, String> {
    Gate::parse(text, Sense::FailOn, ["analytics"]).map(|gate| gate.limit)
}

#[test]
fn gates_are_read_as_they_are_written() {
    let Ok(GateLimit::Above(rise)) = limit("analytics.e2e.p99 > +10%") else { panic!() };
    assert!((rise - 1.1).abs() < 1e-12);
    assert_eq!(limit("throughput<-5%"), Ok(GateLimit::Below(0.95)));
    assert!(matches!(limit("ledger.duplicates > 0"), Ok(GateLimit::Each(_))));
    assert!(matches!(limit("analytics.e2e.p99 > 50ms"), Ok(GateLimit::Each(_))));
}

/// A row whose candidate never delivered in one of its runs.
fn endless() -> MetricComparison {
    let figures = |last: f64| [1e6, 1.01e6, 0.99e6, last].map(Some).to_vec();
    MetricComparison {
        metric: Metric::find("analytics.e2e.p99", ["analytics"]).unwrap(),
        unit: Unit::Nanoseconds,
        call: super::super::stats::Call::Inconclusive,
        why: None,
        baseline: figures(1e6),
        candidate: figures(f64::INFINITY),
        endless: (0, 1),
        few_episodes: (0, 0),
        baseline_mean: Some(1e6),
        candidate_mean: Some(f64::INFINITY),
        ratio: Some(f64::NAN),
        interval: Some((f64::NAN, f64::NAN)),
        p: Some(f64::NAN),
        p_holm: Some(f64::NAN),
        detectable: None,
        runs_to_call: None,
        runs_for_same: None,
    }
}

#[test]
fn a_figure_without_end_passes_no_gate_whatever_the_statistics_made_of_it() {
    for (sense, text) in [
        (Sense::FailOn, "analytics.e2e.p99 > +900%"),
        (Sense::FailOn, "analytics.e2e.p99 < -90%"),
        (Sense::FailOn, "analytics.e2e.p99 > 50s"),
        (Sense::Require, "analytics.e2e.p99 < +900%"),
        (Sense::Require, "analytics.e2e.p99 > -90%"),
        (Sense::Require, "analytics.e2e.p99 < 50s"),
    ] {
        let gate = Gate::parse(text, sense, ["analytics"]).unwrap();
        let GateResult { state, why, .. } = judge(&gate, &[endless()]);
        assert_eq!(state, GateState::Failed, "{sense:?} {text}: {why}");
        assert!(why.contains("1 of 4 candidate") || why.contains("in 3 of 4"), "{why}");
    }
    let gate = Gate::parse("throughput > -5%", Sense::Require, ["analytics"]).unwrap();
    assert_eq!(judge(&gate, &[endless()]).state, GateState::Failed, "not measured at all");
}

/// A row of figures that spread by 8 % from run to run.
fn drawn(ratio: f64, rng: &mut rand_pcg::Pcg64Mcg) -> MetricComparison {
    // The sum of twelve uniform numbers less 6 is as good as normal.
    let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let mut five =
        |mean: f64| -> Vec<f64> { (0..5).map(|_| mean * (0.08 * normal()).exp()).collect() };
    let (baseline, candidate) = (five(1e6), five(ratio * 1e6));
    let estimate = super::super::stats::Estimate::of(&baseline, &candidate).unwrap();
    let known = |figures: Vec<f64>| figures.into_iter().map(Some).collect();
    MetricComparison {
        baseline: known(baseline),
        candidate: known(candidate),
        ratio: Some(estimate.ratio()),
        interval: Some(estimate.interval()),
        p: Some(estimate.p),
        p_holm: Some(estimate.p),
        ..endless()
    }
}

#[test]
fn a_change_of_the_limit_is_hardly_ever_shown_to_be_within_it() {
    let mut rng: rand_pcg::Pcg64Mcg = rand::SeedableRng::seed_from_u64(1);
    let gate = Gate::parse("analytics.e2e.p99 < +10%", Sense::Require, ["analytics"]).unwrap();
    let mut share = |ratio: f64| {
        let states = (0..4_000).map(|_| judge(&gate, &[drawn(ratio, &mut rng)]).state);
        states.filter(|state| *state == GateState::Passed).count() as f64 / 4_000.0
    };
    let (at_limit, without_change, better) = (share(1.1), share(1.0), share(0.85));
    assert!((0.01..0.035).contains(&at_limit), "{at_limit}");
    assert!((0.2..0.6).contains(&without_change), "{without_change}");
    assert!(better > 0.95, "{better}");
}

#[test]
fn a_wrong_gate_says_what_was_expected() {
    let says = |text: &str, words: &str| {
        let error = limit(text).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    };
    says("analytics.e2e.p98 > +10%", "nearest are analytics.e2e.p9");
    says("analytics.e2e.p99", "expected METRIC");
    says("analytics.e2e.p99 > -10%", "wants a rise");
    says("throughput < -100%", "wants a rise");
    says("throughput > +x%", "expected METRIC");
    says("ledger.missing > +10%", "may be zero");
    says("analytics.e2e.p99 > 50", "has no unit");
}

fn parsed(text: &str, sense: Sense) -> Result<GateLimit, String> {
    Gate::parse(text, sense, ["analytics"]).map(|gate| gate.limit)
}

#[test]
fn the_sign_of_a_limit_is_that_of_what_fails_or_of_what_is_required() {
    let (fails, requires) = (Sense::FailOn, Sense::Require);
    assert_eq!(parsed("throughput > +50%", fails), Ok(GateLimit::Above(1.5)));
    assert_eq!(parsed("throughput > 0%", fails), Ok(GateLimit::Above(1.0)));
    assert_eq!(parsed("throughput < -25 %", fails), Ok(GateLimit::Below(0.75)));
    assert_eq!(parsed("throughput < 0%", fails), Ok(GateLimit::Below(1.0)));
    assert_eq!(parsed("throughput < +50%", requires), Ok(GateLimit::Above(1.5)));
    assert_eq!(parsed("throughput > -25%", requires), Ok(GateLimit::Below(0.75)));
    for (text, sense) in [
        ("throughput < +50%", fails),
        ("throughput > -25%", fails),
        ("throughput > +50%", requires),
        ("throughput < -25%", requires),
        ("throughput >= +50%", fails),
        ("throughput > +inf%", fails),
        ("throughput < -150%", fails),
    ] {
        let error = parsed(text, sense).unwrap_err();
        let wants = match sense {
            Sense::FailOn => "> wants a rise and < a fall; expected METRIC > +10%",
            Sense::Require => "< wants a rise and > a fall; expected METRIC < +10%",
        };
        assert!(error.contains(wants), "{text}: {error}");
    }
    let count = |sense| parsed("ledger.missing > +10%", sense).unwrap_err();
    assert!(count(fails).ends_with("expected ledger.missing > 0"), "{}", count(fails));
    assert!(count(requires).ends_with("expected ledger.missing == 0"), "{}", count(requires));
}

/// Four runs a side; where not said otherwise, with a change of 20 % that is no chance.
fn changed(ratio: f64, interval: (f64, f64), p_holm: f64) -> MetricComparison {
    MetricComparison {
        baseline: vec![Some(1e6); 4],
        candidate: vec![Some(ratio * 1e6); 4],
        endless: (0, 0),
        few_episodes: (0, 0),
        candidate_mean: Some(ratio * 1e6),
        ratio: Some(ratio),
        interval: Some(interval),
        p: Some(p_holm),
        p_holm: Some(p_holm),
        why: Some("as it is".to_owned()),
        ..endless()
    }
}

fn judged(text: &str, sense: Sense, row: &MetricComparison) -> (GateState, String) {
    let gate = Gate::parse(text, sense, ["analytics"]).unwrap();
    let other = MetricComparison {
        metric: Metric::find("throughput", ["analytics"]).unwrap(),
        ..endless()
    };
    let GateResult { gate, state, why } = judge(&gate, &[other, row.clone()]);
    let required = if sense == Sense::Require { "require " } else { "" };
    assert_eq!(gate, format!("{required}{text}"));
    (state, why)
}

const RISE: &str = "analytics.e2e.p99 > +50%";
const FALL: &str = "analytics.e2e.p99 < -25%";

#[test]
fn a_gate_fails_by_the_estimate_and_passes_by_the_whole_interval() {
    use GateState::{Failed, Inconclusive, Passed};
    let said = |text: &str, row: &MetricComparison| judged(text, Sense::FailOn, row);
    let state = |text: &str, ratio, interval, p| said(text, &changed(ratio, interval, p)).0;
    // Beyond, and no chance: at the level itself, too.
    assert_eq!(state(RISE, 1.75, (1.25, 2.25), ALPHA), Failed);
    assert_eq!(state(RISE, 1.75, (1.25, 2.25), 0.06), Inconclusive);
    assert_eq!(state(FALL, 0.5, (0.4, 0.9), ALPHA), Failed);
    assert_eq!(state(FALL, 0.5, (0.4, 0.9), 0.06), Inconclusive);
    // Exactly at the limit is not beyond it.
    assert_eq!(state(RISE, 1.5, (1.25, 1.75), 0.01), Inconclusive);
    assert_eq!(state(RISE, 1.25, (1.0, 1.5), 0.01), Passed);
    assert_eq!(state(FALL, 0.75, (0.5, 1.0), 0.01), Inconclusive);
    assert_eq!(state(FALL, 1.0, (0.75, 1.25), 0.9), Passed);
    // A rise can't fall too far, nor the other way round.
    assert_eq!(state(FALL, 1.75, (1.25, 2.25), 0.01), Passed);
    assert_eq!(state(RISE, 0.5, (0.4, 0.9), 0.01), Passed);

    let words = said(RISE, &changed(1.75, (1.25, 2.25), 0.01)).1;
    assert_eq!(words, "+75.0 % (95 %: +25.0 % to +125.0 %)");
    let words = said(RISE, &changed(1.0, (0.5, 1.25), 0.9)).1;
    assert_eq!(words, "+0.0 % (95 %: -50.0 % to +25.0 %)", "it passed: no why");
    let words = said(RISE, &changed(1.75, (1.25, 2.25), 0.06)).1;
    assert_eq!(words, "+75.0 % (95 %: +25.0 % to +125.0 %); as it is");
    let words = said(RISE, &changed(1.25, (1.1, 1.75), 0.01)).1;
    assert_eq!(words, "+25.0 % (95 %: +10.0 % to +75.0 %); as it is", "changed, and not beyond");
}

#[test]
fn what_is_required_fails_unless_the_whole_interval_shows_it() {
    use GateState::{Failed, Passed};
    let said = |ratio, interval, p| {
        judged("analytics.e2e.p99 < +50%", Sense::Require, &changed(ratio, interval, p))
    };
    let passed = "+25.0 % (95 %: +0.0 % to +50.0 %)".to_owned();
    assert_eq!(said(1.25, (1.0, 1.5), 0.01), (Passed, passed));
    let words = |ending: &str| format!("not shown: +75.0 % (95 %: +25.0 % to +125.0 %){ending}");
    assert_eq!(said(1.75, (1.25, 2.25), 0.01), (Failed, words("")));
    assert_eq!(said(1.75, (1.25, 2.25), 0.06), (Failed, words("; as it is")));
}

#[test]
fn fewer_than_three_runs_of_a_side_show_nothing_whatever_their_interval() {
    let state = |few: usize, many: usize, sense: Sense, text: &str| {
        let mut row = changed(1.0, (0.99, 1.01), 0.9);
        row.baseline.truncate(few);
        row.candidate.truncate(many);
        judged(text, sense, &row).0
    };
    let required = "analytics.e2e.p99 < +50%";
    assert_eq!(state(3, 4, Sense::FailOn, RISE), GateState::Passed);
    assert_eq!(state(3, 3, Sense::Require, required), GateState::Passed);
    for (few, many) in [(2, 4), (4, 2), (1, 1)] {
        assert_eq!(state(few, many, Sense::FailOn, RISE), GateState::Inconclusive);
        assert_eq!(state(few, many, Sense::Require, required), GateState::Failed);
    }
    let none = MetricComparison { ratio: None, interval: None, ..changed(1.0, (1.0, 1.0), 0.9) };
    let inconclusive = (GateState::Inconclusive, "as it is".to_owned());
    assert_eq!(judged(RISE, Sense::FailOn, &none), inconclusive);
    assert_eq!(judged(required, Sense::Require, &none).0, GateState::Failed);
}

#[test]
fn a_run_without_a_figure_fails_a_relative_gate_and_is_counted_by_its_side() {
    let mut row = changed(1.0, (0.9, 1.1), 0.9);
    row.baseline[0] = None;
    let words = "not enough samples, or not measured, in 1 of 4 baseline runs";
    assert_eq!(judged(RISE, Sense::FailOn, &row), (GateState::Failed, words.to_owned()));
    row.candidate[1] = None;
    row.candidate[2] = None;
    let words = format!("{words} and 2 of 4 candidate runs");
    assert_eq!(judged(RISE, Sense::FailOn, &row), (GateState::Failed, words));
    let row = changed(1.0, (0.9, 1.1), 0.9);
    let endless = vec![Some(f64::INFINITY), Some(1.0), Some(f64::INFINITY)];
    let row = MetricComparison { candidate: endless, ..row };
    let words = "without end in 2 of 3 candidate runs".to_owned();
    assert_eq!(judged(RISE, Sense::FailOn, &row), (GateState::Failed, words));
}

#[test]
fn a_limit_on_each_run_names_how_many_are_beyond_and_the_worst() {
    use GateState::{Failed, Passed};
    let said = |text: &str, sense, candidate: &[Option<f64>]| {
        let row =
            MetricComparison { candidate: candidate.to_vec(), ..changed(1.0, (0.9, 1.1), 0.9) };
        judged(text, sense, &row)
    };
    let some = |ms: [f64; 3]| ms.map(|ms| Some(1e6 * ms));
    let so = |state, n: usize, worst: &str| {
        (state, format!("so in {n} of 3 candidate runs; worst {worst}"))
    };
    // What fails: none may be so.
    let (above, below) = ("analytics.e2e.p99 > 50ms", "analytics.e2e.p99 < 2ms");
    assert_eq!(said(above, Sense::FailOn, &some([30.0, 60.0, 40.0])), so(Failed, 1, "60.0 ms"));
    assert_eq!(said(above, Sense::FailOn, &some([30.0, 50.0, 40.0])), so(Passed, 0, "50.0 ms"));
    assert_eq!(said(below, Sense::FailOn, &some([3.0, 1.0, 4.0])), so(Failed, 1, "1.00 ms"));
    // What is required: all have to be so.
    let (below, above) = ("analytics.e2e.p99 < 50ms", "analytics.e2e.p99 > 2ms");
    let at_least = "analytics.e2e.p99 >= 3ms";
    assert_eq!(said(below, Sense::Require, &some([30.0, 49.0, 40.0])), so(Passed, 3, "49.0 ms"));
    assert_eq!(said(below, Sense::Require, &some([30.0, 60.0, 40.0])), so(Failed, 2, "60.0 ms"));
    assert_eq!(said(above, Sense::Require, &some([3.0, 1.0, 4.0])), so(Failed, 2, "1.00 ms"));
    assert_eq!(said(at_least, Sense::Require, &some([3.0, 3.5, 4.0])), so(Passed, 3, "3.00 ms"));
    // A run without a figure may be any: it fails what is required, and what nobody is beyond.
    let words = "not enough samples, or not measured, in 1 of 2 candidate runs".to_owned();
    let fine = [Some(1e6), None];
    let above = "analytics.e2e.p99 > 50ms";
    assert_eq!(said(above, Sense::FailOn, &fine), (Failed, words.clone()));
    assert_eq!(said(below, Sense::Require, &fine), (Failed, words));
    let words = "so in 1 of 2 candidate runs; worst 60.0 ms".to_owned();
    assert_eq!(said(above, Sense::FailOn, &[Some(60e6), None]), (Failed, words));
}

#[test]
fn a_change_is_a_percentage_or_a_factor_and_never_less_than_zero_by_rounding() {
    let shown =
        [1.1, 0.95, 1.0004, 0.9996, 0.9994, 10.99, 11.0, 9_999.0, 1e4, 12_345.0].map(change);
    let expected = [
        "+10.0 %", "-5.0 %", "+0.0 %", "+0.0 %", "-0.1 %", "+999.0 %", "×11.0", "×9999.0",
        "×1.0e4", "×1.2e4",
    ];
    assert_eq!(shown, expected);
}
