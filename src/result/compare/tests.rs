//! Sides of whole runs whose figures are set one by one.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::*;
use crate::plan::metric::Metric;
use crate::result::{RunResult, Saved, Trial, load};

/// A recorded run of two applications, without its figures over time.
static RUN: LazyLock<RunResult> = LazyLock::new(|| {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
    let mut run = load(&recorded.join("steady-20261123T071318Z-d47e7083")).unwrap().result;
    run.series.clear();
    run.apps.truncate(2);
    run.apps.iter_mut().for_each(|app| app.summary = None);
    run.ledger.apps.truncate(2);
    run
});

pub(crate) fn run() -> RunResult {
    RUN.clone()
}

/// Run number `n` of a side, with what a test changes of it. Those of two sides alternate in time.
pub(crate) fn saved(side: &str, n: usize, change: impl FnOnce(&mut RunResult)) -> Saved {
    let mut result = run();
    result.run = format!("{side}{n:07}");
    let second = usize::from(side != "a");
    result.started = format!("2026-11-23T10:{n:02}:0{second}Z");
    change(&mut result);
    Saved { folder: PathBuf::from(format!("results/{side}-{n}")), result }
}

/// What a sweep over partitions has apart.
pub(crate) fn more_partitions() -> Difference {
    Difference {
        what: "topic.partitions".to_owned(),
        baseline: "3".to_owned(),
        candidate: "6".to_owned(),
        allow: None,
    }
}

/// Three runs of a point of a sweep.
fn at_point(side: &str, place: usize, value: &str) -> Vec<Saved> {
    let point: PointSettings = [("acks".to_owned(), value.to_owned())].into();
    let trial = Trial { sweep: side.to_owned(), point, ..Trial::default() };
    let one = |n: u32| {
        let trial = Trial { repeat: n, ..trial.clone() };
        saved(side, 10 * place + n as usize, |run| run.trial = Some(trial))
    };
    (0..3).map(one).collect()
}

fn sweep(side: &str, values: &[&str]) -> Side {
    let points = values.iter().enumerate().map(|(place, value)| at_point(side, place, value));
    Side::of(side, points.flatten().collect())
}

fn plain(side: &str) -> Side {
    Side::of(side, (0..3).map(|n| saved(side, n, |_| ())).collect())
}

fn compared(baseline: &Side, candidate: &Side) -> Result<Comparison> {
    compare(baseline, candidate, &CompareOptions::default())
}

/// A metric that got worse.
pub(crate) fn row(metric: &Metric, ratio: f64) -> MetricComparison {
    MetricComparison {
        metric: metric.clone(),
        unit: metric.unit(),
        call: Call::Worse,
        why: None,
        baseline: vec![Some(1e6); 5],
        candidate: vec![Some(ratio * 1e6); 5],
        endless: (0, 0),
        few_episodes: (0, 0),
        baseline_mean: Some(1e6),
        candidate_mean: Some(ratio * 1e6),
        ratio: Some(ratio),
        interval: Some((ratio * 0.9, ratio * 1.1)),
        p: Some(0.001),
        p_holm: Some(0.01),
        detectable: Some(0.1),
        runs_to_call: Some(20),
        runs_for_same: Some(60),
    }
}

pub(crate) fn pair(number: usize) -> Pair {
    let group = |name: &str| SideRuns {
        name: name.to_owned(),
        runs: 5,
        broker: "Kafka at a:1".to_owned(),
        first: "2026-11-23T10:00:00Z".to_owned(),
        last: "2026-11-23T11:00:00Z".to_owned(),
    };
    let metrics = Metric::all(["analytics"]);
    let text = "analytics.e2e.p99 > +10%";
    let gate = Gate::parse(text, Sense::FailOn, ["analytics"]).unwrap();
    Pair {
        point: [("rate".to_owned(), number.to_string())].into(),
        plan_hash: None,
        scenario: "a|b`\n## c".to_owned(),
        baseline: group("a"),
        candidate: group("b"),
        design: Design::Apart,
        declared: Vec::new(),
        notes: vec!["x".repeat(10_000)],
        compared: Vec::new(),
        rows: (1_u32..).zip(&metrics).map(|(n, it)| row(it, 1.0 + f64::from(n))).collect(),
        gates: vec![GateResult { gate: gate.text, state: GateState::Failed, why: "100 %".into() }],
    }
}

pub(crate) fn comparison(pairs: usize) -> Comparison {
    Comparison {
        baseline: "a".to_owned(),
        candidate: "b".to_owned(),
        min_effect: 0.05,
        effect_to_call: 0.1,
        declared: Vec::new(),
        left_out: Vec::new(),
        pairs: (0..pairs).map(pair).collect(),
    }
}

fn points(comparison: &Comparison) -> Vec<String> {
    comparison.pairs.iter().map(|pair| shown_point(&pair.point)).collect()
}

fn refused(result: Result<Comparison>) -> Vec<String> {
    match result {
        Err(Error::Refused(reasons)) => reasons,
        other => panic!("{other:?}"),
    }
}

#[test]
fn points_that_both_sides_have_are_compared_and_the_others_named() {
    let found = compared(&sweep("a", &["0", "1", "all"]), &sweep("b", &["1", "all", "2"])).unwrap();
    assert_eq!(points(&found), ["acks=1", "acks=all"]);
    assert_eq!(found.left_out, ["acks=0 only in a", "acks=2 only in b"]);
    assert_eq!((found.baseline.as_str(), found.candidate.as_str()), ("a", "b"));
    let found = compared(&sweep("a", &["1"]), &sweep("b", &["1", "2"])).unwrap();
    assert_eq!((points(&found), found.left_out.len()), (vec!["acks=1".to_owned()], 1));
}

#[test]
fn the_only_points_of_two_sides_are_compared_whatever_they_are() {
    let same = compared(&sweep("a", &["1"]), &sweep("b", &["1"])).unwrap();
    assert_eq!((points(&same), same.left_out.len()), (vec!["acks=1".to_owned()], 0));
    let other = compared(&sweep("a", &["1"]), &sweep("b", &["all"])).unwrap();
    assert_eq!(points(&other), ["the scenario as it is"], "it is not a point of both");
}

#[test]
fn sides_without_a_point_in_common_are_refused_for_that_alone() {
    let reasons = refused(compared(&sweep("a", &["0", "1"]), &sweep("b", &["2", "3"])));
    let expected = "a and b have no point in common: acks=0 only in a; acks=1 only in a; acks=2 \
                    only in b; acks=3 only in b; expected DIR:KEY=VALUE to choose one on each side";
    assert_eq!(reasons, [expected]);
    let reasons = refused(compared(&plain("a"), &Side::of("b", Vec::new())));
    assert!(reasons.len() == 1 && reasons[0].contains("no point in common"), "{reasons:?}");
    // Where all runs of a side were limited, that is the reason.
    let mut slow = plain("b");
    let runs = slow.points.values_mut().flatten();
    runs.for_each(|saved| saved.result.watch.slip_p99_ns = Some(5_000_000));
    let reasons = refused(compared(&plain("a"), &slow));
    assert!(reasons.len() == 1 && reasons[0].starts_with("b: no run is free"), "{reasons:?}");
}

#[test]
fn nothing_is_declared_where_nothing_was_limited() {
    let options = CompareOptions { allow: vec![Allow::Limited], ..CompareOptions::default() };
    let found = compare(&plain("a"), &plain("b"), &options).unwrap();
    assert_eq!((found.declared.len(), found.left_out.len()), (0, 0));
}

#[test]
fn what_is_declared_of_many_points_is_said_once() {
    let (a, mut b) = (sweep("a", &["1", "all"]), sweep("b", &["1", "all"]));
    for saved in b.points.values_mut().flatten() {
        saved.result.host.cores = 64;
    }
    let options = CompareOptions { allow: vec![Allow::Host], ..CompareOptions::default() };
    let found = compare(&a, &b, &options).unwrap();
    assert_eq!(found.declared, ["4 against 64 (host.cores): declared by --allow host"]);
    assert_eq!(found.pairs.len(), 2);
}

#[test]
fn calls_and_gates_are_counted_over_all_points() {
    let (a, mut b) = (sweep("a", &["1", "all"]), sweep("b", &["1", "all"]));
    for saved in b.points.values_mut().flatten() {
        let ack = &mut saved.result.ack;
        ack.p99_ns = ack.p99_ns.map(|ns| 2 * ns);
    }
    let gate = |text: &str| Gate::parse(text, Sense::FailOn, ["analytics"]).unwrap();
    let gates = vec![gate("ack.p99 > +10%"), gate("throughput < -10%")];
    let found = compare(&a, &b, &CompareOptions { gates, ..CompareOptions::default() }).unwrap();
    let calls = [Call::Worse, Call::Better, Call::Inconclusive].map(|call| found.count(call));
    assert_eq!(calls, [2, 0, 0]);
    let rows: usize = found.pairs.iter().map(|pair| pair.rows.len()).sum();
    assert_eq!(found.count(Call::Same), rows - 2);
    let named = |state| -> Vec<String> {
        found.gates(state).map(|(pair, it)| shown_point(&pair.point) + ": " + &it.gate).collect()
    };
    assert_eq!(named(GateState::Failed), ["acks=1: ack.p99 > +10%", "acks=all: ack.p99 > +10%"]);
    let passed = ["acks=1: throughput < -10%", "acks=all: throughput < -10%"];
    assert_eq!(
        (named(GateState::Passed), named(GateState::Inconclusive).len()),
        (passed.map(str::to_owned).to_vec(), 0)
    );
}
