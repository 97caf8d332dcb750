use super::*;
use crate::plan::metric::Metric;
use crate::result::compare::tests::{comparison, more_partitions, pair, row};
use crate::result::compare::{Design, GateResult, MetricComparison};

fn metric(name: &str) -> Metric {
    Metric::find(name, ["analytics", "fraud"]).unwrap()
}

fn called(name: &str, call: Call, why: Option<&str>) -> MetricComparison {
    MetricComparison { call, why: why.map(str::to_owned), ..row(&metric(name), 1.5) }
}

fn zero(name: &str) -> MetricComparison {
    let zeros = || vec![Some(0.0); 5];
    MetricComparison { baseline: zeros(), candidate: zeros(), ..called(name, Call::Same, None) }
}

fn small(rows: Vec<MetricComparison>) -> Pair {
    let scenario = "steady".to_owned();
    Pair { rows, scenario, point: [].into(), notes: Vec::new(), gates: Vec::new(), ..pair(7) }
}

#[test]
fn a_comparison_is_said_from_the_verdicts_down_to_the_metrics() {
    let gate = |gate: &str, state| GateResult {
        gate: gate.to_owned(),
        state,
        why: format!("because of {gate}"),
    };
    let compared = more_partitions();
    let full = Pair {
        point: [("acks".to_owned(), "all".to_owned())].into(),
        notes: vec!["mind this".to_owned()],
        gates: vec![
            gate("one", GateState::Passed),
            gate("two", GateState::Inconclusive),
            gate("three", GateState::Failed),
        ],
        compared: vec![compared],
        plan_hash: Some("0a1b".to_owned()),
        design: Design::Paired,
        ..small(vec![
            called("ack.p99", Call::Worse, Some("so it is")),
            called("ack.p50", Call::Inconclusive, None),
            zero("ledger.unsent"),
            zero("ledger.failed"),
        ])
    };
    let all = Comparison {
        declared: vec!["this is declared".to_owned()],
        left_out: vec!["that one".to_owned()],
        pairs: vec![full],
        ..comparison(0)
    };
    let text = text(&all);
    let (head, rest) = text.split_once(" metric ").unwrap();
    let expected = "this is declared\n\
        compare  1 worse, 0 better, 2 same, 1 inconclusive\n  \
        FAILED: acks=all: three: because of three\n  \
        inconclusive: acks=all: two: because of two\n  \
        left out: that one\n\n\
        acks=all: steady\n  \
        baseline   a: 5 runs on Kafka at a:1\n  \
        candidate  b: 5 runs on Kafka at a:1\n  \
        plan       0a1b on both sides\n  \
        compared as 5 pairs of runs that were taken in turns\n  \
        ! mind this\n  \
        compared: topic.partitions: 3 → 6\n";
    assert_eq!(head, expected);
    let words: Vec<Vec<&str>> =
        rest.lines().map(|line| line.split_whitespace().collect()).take(3).collect();
    let row = |name: &str, call: &str| {
        format!("{name} 1.00 ms 1.50 ms +50.0 % +35.0 % … +65.0 % {call} +10.0 % 20 60")
    };
    assert_eq!(words[1].join(" "), row("ack.p99", "worse"));
    assert_eq!(words[2].join(" "), row("ack.p50", "inconclusive"));
    let end = rest.lines().skip(3).collect::<Vec<_>>().join("\n");
    let expected = "  ack.p99: so it is\n  \
        zero in every run of both sides: ledger.unsent, ledger.failed\n  \
        passed: one: because of one\n\n";
    assert!(end.starts_with(expected), "{end}");
    let legend = end.lines().last().unwrap();
    assert!(legend.contains("after Holm, over all points and metrics) and more than 5 %"));
    assert!(legend.contains("to call a rise of 10 %. ") && legend.contains("is below 5 % where"));
}

#[test]
fn what_is_not_there_is_not_said() {
    let text = one(&small(vec![called("ack.p99", Call::Same, Some("it is"))]));
    let heads: Vec<&str> = text.lines().take(3).collect();
    let expected = [
        "steady",
        "  baseline   a: 5 runs on Kafka at a:1",
        "  candidate  b: 5 runs on Kafka at a:1",
    ];
    assert_eq!(heads, expected);
    assert_eq!(text.lines().count(), 5, "a head and a row: {text}");
    assert_eq!([0, 1, 2].map(runs), ["0 runs", "1 run", "2 runs"]);
    assert_eq!(paired(&small(Vec::new())), None);
}

#[test]
fn the_legend_has_the_effects_as_they_were_asked_for() {
    assert!(legend(0.025).contains("more than 2.5 %.") && legend(0.025).contains("rise of 5 %."));
    assert!(legend(0.1).contains("more than 10 %.") && legend(0.1).contains("rise of 20 %."));
}

#[test]
fn a_reason_is_said_once_with_the_metrics_that_have_it() {
    let rows = [
        called("ack.p50", Call::Inconclusive, Some("few")),
        called("ack.p90", Call::Same, Some("few")),
        called("ack.p99", Call::Worse, Some("zeros")),
        called("throughput", Call::Inconclusive, Some("few")),
        called("wire.ratio", Call::Inconclusive, None),
    ];
    assert_eq!(reasons(&rows), ["ack.p50, throughput: few", "ack.p99: zeros"]);
    let many = ["ack.p50", "ack.p90", "ack.p99", "ack.max"];
    let many = many.map(|name| called(name, Call::Inconclusive, Some("few")));
    assert_eq!(reasons(&many), ["ack.p50 and 3 more: few"]);
    assert_eq!(reasons(&many[..3]), ["ack.p50 and 2 more: few"]);
}

#[test]
fn only_what_is_zero_in_every_run_of_both_sides_is_no_row() {
    let once =
        MetricComparison { candidate: [0.0, 1.0].map(Some).to_vec(), ..zero("ledger.failed") };
    let missing = MetricComparison { baseline: vec![Some(0.0), None], ..zero("ledger.unknown") };
    let rows = vec![zero("ledger.unsent"), once, missing];
    assert_eq!(zeros(&rows), ["ledger.unsent"]);
    let table = table(&small(rows), presets::NOTHING);
    assert!(!table.contains("ledger.unsent") && table.contains("ledger.failed"), "{table}");
    assert!(table.contains("ledger.unknown") && table.lines().count() == 3, "{table}");
}

#[test]
fn runs_that_it_takes_are_a_number_or_more_than_anybody_makes_or_not_known() {
    let row = row(&metric("ack.p99"), 1.5);
    assert_eq!((needed(&row, Some(7)), needed(&row, None)), ("7".into(), "> 10000".into()));
    let unknown = MetricComparison { detectable: None, ratio: None, interval: None, ..row };
    assert_eq!((needed(&unknown, Some(7)), needed(&unknown, None)), ("n/a".into(), "n/a".into()));
    let table = table(&small(vec![unknown]), presets::NOTHING);
    let cells: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    let expected = "ack.p99 1.00 ms 1.50 ms n/a n/a worse n/a n/a n/a";
    assert_eq!(cells.join(" "), expected);
}
