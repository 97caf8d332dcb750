use super::super::tests::saved;
use super::super::{Allow, Comparison, Gate, Sense, Side, compare};
use super::*;
use crate::base::error::Error;
use crate::result::RunResult;

fn runs(side: &str, count: usize, change: impl Fn(usize, &mut RunResult)) -> Vec<Saved> {
    (0..count).map(|n| saved(side, n, |run| change(n, run))).collect()
}

fn alike(side: &str, count: usize) -> Vec<Saved> {
    runs(side, count, |_, _| ())
}

fn compared(base: Vec<Saved>, other: Vec<Saved>) -> crate::base::error::Result<Comparison> {
    compare(&Side::of("a", base), &Side::of("b", other), &CompareOptions::default())
}

#[test]
fn one_side_before_the_other_is_told_and_runs_in_turns_are_not() {
    let at = |side: &str, minutes: &[u32]| -> Vec<Saved> {
        let one = |(n, minute): (usize, &u32)| {
            saved(side, n, |run| run.started = format!("2026-11-23T10:{minute:02}:00Z"))
        };
        minutes.iter().enumerate().map(one).collect()
    };
    let said = |base: &[u32], other: &[u32]| order(&at("a", base), &at("b", other));
    let before = |early: &str, late: &str| {
        let begin = format!("every run of the {early} was before every run of the {late}: ");
        move |words: String| words.starts_with(&begin)
    };
    assert!(said(&[2, 1], &[4, 3]).is_some_and(before("baseline", "candidate")));
    assert!(said(&[4, 3], &[2, 1]).is_some_and(before("candidate", "baseline")));
    assert_eq!(said(&[1, 3], &[2, 4]), None);
    assert_eq!(said(&[1, 4], &[2, 3]), None);
    assert_eq!(said(&[2, 3], &[1, 4]), None);
    // In the same minute neither was before the other.
    assert_eq!(said(&[1, 2], &[2, 3]), None);
    assert_eq!(said(&[2, 3], &[1, 2]), None);
    assert_eq!(said(&[1], &[2, 3]), None, "of one run it says nothing");
    assert_eq!(said(&[], &[2, 3]), None);
}

#[test]
fn flags_are_counted_by_their_kind() {
    let flagged = runs("b", 4, |n, run| {
        let slow = format!("late: {n} ms behind");
        run.verdict.flags = [vec![slow], vec!["starved: of a core".to_owned(); n / 3]].concat();
    });
    assert_eq!(flags("b", &flagged), ["b: late, in 4 of 4 runs", "b: starved, in 1 of 4 runs"]);
    assert!(flags("b", &alike("b", 2)).is_empty());
}

#[test]
fn a_group_says_what_it_ran_against_and_when() {
    let SideRuns { name, runs, broker, first, last } = group("x", &alike("a", 3));
    let times = ["2026-11-23T10:00:00Z", "2026-11-23T10:02:00Z"];
    assert_eq!((name.as_str(), runs, first.as_str(), last.as_str()), ("x", 3, times[0], times[1]));
    assert!(broker.starts_with("the embedded in-memory broker"), "{broker}");
}

fn names(metrics: &[Metric]) -> Vec<&str> {
    metrics.iter().map(|metric| metric.name.as_str()).collect()
}

fn metric(name: &str) -> Metric {
    Metric::find(name, ["analytics", "fraud"]).unwrap()
}

const LEDGER: [&str; 6] = [
    "ledger.missing",
    "ledger.duplicates",
    "ledger.reordered",
    "ledger.failed",
    "ledger.unknown",
    "ledger.unsent",
];

#[test]
fn the_usual_metrics_are_those_of_the_applications_that_both_sides_have() {
    let others = runs("b", 2, |_, run| run.apps[1].name = "another".to_owned());
    let [named, usual] = metrics(&alike("a", 2), &others, &CompareOptions::default());
    let figures =
        ["analytics.e2e.p50", "analytics.e2e.p99", "ack.p99", "throughput", "cpu_us_per_event"];
    assert!(named.is_empty(), "{named:?}");
    assert_eq!(names(&usual), [&figures[..], &LEDGER].concat());
}

#[test]
fn what_is_named_by_itself_or_by_a_gate_stands_once_and_counts_behind() {
    let gate = |text: &str| Gate::parse(text, Sense::FailOn, ["analytics", "fraud"]).unwrap();
    let gates = vec![gate("lag.max > 5"), gate("ack.p99 > +10%"), gate("ack.p99 > +20%")];
    let by_gates = CompareOptions { gates: gates.clone(), ..CompareOptions::default() };
    let [named, usual] = metrics(&alike("a", 1), &alike("b", 1), &by_gates);
    assert_eq!(names(&named), ["ack.p99", "lag.max"]);
    let expected = [
        &["analytics.e2e.p50", "analytics.e2e.p99", "fraud.e2e.p50", "fraud.e2e.p99"][..],
        &["throughput", "cpu_us_per_event"],
        &LEDGER,
    ];
    assert_eq!(names(&usual), expected.concat());
    let chosen = vec![metric("ledger.missing"), metric("ack.p50"), metric("ack.p99")];
    let chosen = CompareOptions { metrics: chosen, gates, ..CompareOptions::default() };
    let [named, usual] = metrics(&alike("a", 1), &alike("b", 1), &chosen);
    assert_eq!(names(&named), ["ack.p50", "ack.p99", "ledger.missing", "lag.max"]);
    assert!(usual.is_empty(), "only these: {usual:?}");
}

#[test]
fn what_got_worse_stands_first_then_what_got_better() {
    let other = runs("b", 3, |_, run| {
        run.ack.p99_ns = run.ack.p99_ns.map(|ns| 2 * ns);
        run.throughput.acked_per_s *= 2.0;
        run.ledger.unknown = 5;
        let fraud = &mut run.apps[1].end_to_end;
        fraud.p50_ns = fraud.p50_ns.map(|ns| 2 * ns);
    });
    let found = compared(alike("a", 3), other).unwrap();
    let rows: Vec<(&str, Call)> =
        found.pairs[0].rows.iter().map(|row| (row.metric.name.as_str(), row.call)).collect();
    let expected = [
        ("fraud.e2e.p50", Call::Worse),
        ("ack.p99", Call::Worse),
        ("throughput", Call::Better),
        ("analytics.e2e.p50", Call::Same),
    ];
    assert_eq!(rows[..4], expected);
    assert_eq!(rows.len(), 7 + 6);
    // Three runs of each are one way of twenty: the ranks of a count decide nothing yet.
    assert!(rows.contains(&("ledger.unknown", Call::Inconclusive)), "{rows:?}");
}

#[test]
fn a_run_on_both_sides_and_a_difference_that_nobody_declared_are_refused() {
    let refused = |base: Vec<Saved>, other: Vec<Saved>| match compared(base, other) {
        Err(Error::Refused(reasons)) => reasons,
        other => panic!("{other:?}"),
    };
    let mut both = alike("b", 3);
    both[1] = saved("a", 2, |_| ());
    let expected = "results/a-2: run a0000002 is on both sides: a run with itself";
    assert_eq!(refused(alike("a", 3), both), [expected]);
    // The same number at another time is another run.
    let mut other = alike("b", 3);
    other[1].result.run = "a0000002".to_owned();
    assert!(compared(alike("a", 3), other).is_ok());
    let large = runs("b", 3, |_, run| run.host.cores = 64);
    let expected = "host.cores: 4 in the baseline, 64 in the candidate; expected the same, or \
                    --allow host";
    assert_eq!(refused(alike("a", 3), large), [expected]);
}

#[test]
fn a_pair_keeps_what_is_declared_and_what_is_compared_apart() {
    let other = runs("b", 3, |_, run| {
        run.host.cores = 64;
        run.plan["topic"]["partitions"] = 99.into();
    });
    let options = CompareOptions { allow: vec![Allow::Host], ..CompareOptions::default() };
    let sides = [Side::of("a", alike("a", 3)), Side::of("b", other)];
    let pair = compare(&sides[0], &sides[1], &options).unwrap().pairs.remove(0);
    let what = |differences: &[Difference]| -> Vec<String> {
        differences.iter().map(|difference| difference.what.clone()).collect()
    };
    assert_eq!(
        (what(&pair.declared), what(&pair.compared)),
        (vec!["host.cores".to_owned()], vec!["topic.partitions".to_owned()])
    );
    assert_eq!(
        (pair.scenario.as_str(), pair.design, pair.plan_hash),
        ("steady", Design::Apart, None)
    );
    assert_eq!((pair.baseline.runs, pair.candidate.name.as_str()), (3, "b"));
}
