use super::*;
use crate::plan::metric::Metric;
use crate::result::compare::tests::{comparison, more_partitions, pair, row};
use crate::result::compare::{GateResult, MetricComparison};

#[test]
fn a_huge_sweep_still_fits_into_a_comment_and_says_what_did_not() {
    let text = markdown(&comparison(500));
    assert!(text.len() <= BYTES_MAX, "{}", text.len());
    assert!(text.contains("more points did not fit") && text.contains("460 more gates"));
    assert!(markdown(&comparison(1)).contains("| analytics.e2e.p50 "));
    assert!(!text.contains("\n## c"), "a name can't make a heading");
}

#[test]
fn annotations_are_ten_at_most_failed_gates_first_then_the_worst() {
    let lines = annotations(&comparison(1));
    assert_eq!(lines.len(), ANNOTATIONS_MAX);
    assert!(
        lines[0].starts_with("::error title=kbench compare::rate=0: analytics.e2e.p99 > +10%25")
    );
    assert!(lines[1].starts_with("::warning") && lines[1].contains("wire.ratio"), "{}", lines[1]);
}

/// A point with one metric, named so that all have lines of the same length.
fn small(number: usize) -> Pair {
    let rows = vec![row(&Metric::find("ack.p99", []).unwrap(), 1.5)];
    Pair { rows, gates: Vec::new(), notes: Vec::new(), ..pair(1_000 + number) }
}

fn of(pairs: Vec<Pair>) -> Comparison {
    Comparison { pairs, ..comparison(0) }
}

#[test]
fn a_comment_is_filled_up_to_the_room_for_the_line_on_what_did_not_fit() {
    let text = |count: usize, pad: &[usize]| {
        let left_out = pad.iter().map(|chars| "x".repeat(*chars)).collect();
        markdown(&Comparison { left_out, ..of((0..count).map(small).collect()) })
    };
    let [one, two] = [1, 2].map(|count| text(count, &[]).len());
    let (section, limit) = (two - one, 60_000 - 200);
    let count = (limit - one) / section;
    // Lines of up to 200 characters, each with 13 around it, that leave nothing.
    let mut left = limit - text(count, &[]).len();
    let mut pad = Vec::new();
    while left > 213 {
        pad.push(100);
        left -= 113;
    }
    pad.push(left - 13);
    let full = text(count, &pad);
    assert_eq!(full.len(), limit);
    assert_eq!(full.matches("\n### ").count(), count);
    *pad.last_mut().unwrap() += 1;
    let over = text(count, &pad);
    assert_eq!(over.matches("\n### ").count(), count - 1);
    assert!(over.contains("\n1 more points did not fit: see `--format json`.\n"), "{over}");
    let many = text(count + 70, &pad);
    assert_eq!(many.matches("\n### ").count(), count - 1);
    assert!(many.contains("\n71 more points did not fit"));
}

#[test]
fn points_with_most_that_got_worse_stand_first_then_those_with_most_that_got_better() {
    let metric = Metric::find("ack.p99", []).unwrap();
    let point = |number: usize, calls: &[Call]| {
        let rows = calls.iter().map(|call| MetricComparison { call: *call, ..row(&metric, 1.5) });
        Pair { rows: rows.collect(), ..small(number) }
    };
    let (worse, better, same) = (Call::Worse, Call::Better, Call::Same);
    let text = markdown(&of(vec![
        point(1, &[same, same, same]),
        point(2, &[better]),
        point(3, &[worse]),
        point(4, &[better, better]),
        point(5, &[worse, worse]),
        point(6, &[worse, better]),
    ]));
    let heads: Vec<&str> = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix("### rate=100")?.split_at(1).0))
        .collect();
    assert_eq!(heads, ["5", "6", "3", "4", "2", "1"]);
}

#[test]
fn gates_stand_in_a_table_the_failed_ones_first_and_forty_at_most() {
    let gates = |count: usize| {
        let states = [GateState::Passed, GateState::Inconclusive, GateState::Failed];
        let gate = |n: usize| GateResult {
            gate: format!("a|b > {n}"),
            state: states[n % 3],
            why: "so `it` is".to_owned(),
        };
        markdown(&of(vec![Pair { gates: (0..count).map(gate).collect(), ..small(0) }]))
    };
    let table = "| gate | | measured |\n|---|---|---|\n\
                 | `rate=1000: a\\|b > 2` | FAILED | so  it  is |\n\
                 | `rate=1000: a\\|b > 1` | inconclusive | so  it  is |\n\
                 | `rate=1000: a\\|b > 0` | passed | so  it  is |\n\n";
    assert!(gates(3).contains(table), "{}", gates(3));
    assert!(!gates(0).contains("| gate |") && !gates(40).contains("more gates"));
    assert!(gates(41).contains("\n1 more gates: see `--format json`.\n"));
}

#[test]
fn a_section_says_what_was_compared_and_why_nothing_more_is_said() {
    let metric = |name: &str| Metric::find(name, []).unwrap();
    let zero = || vec![Some(0.0); 5];
    let zero = MetricComparison {
        baseline: zero(),
        candidate: zero(),
        ..row(&metric("ledger.unsent"), 1.0)
    };
    let unsure =
        MetricComparison { why: Some("too few".to_owned()), ..row(&metric("ack.p99"), 1.5) };
    let compared = more_partitions();
    let full = Pair {
        rows: vec![unsure, zero],
        compared: vec![compared],
        plan_hash: Some("0a1b".to_owned()),
        design: crate::result::compare::Design::Paired,
        scenario: "s".to_owned(),
        ..small(0)
    };
    let text = section(&full);
    let head = "\n### rate=1000: s\n\n\
                - baseline: `a`, 5 runs on Kafka at a:1, from 2026-11-23T10:00:00Z\n\
                - candidate: `b`, 5 runs on Kafka at a:1, from 2026-11-23T10:00:00Z\n\
                - compared as 5 pairs of runs that were taken in turns\n\
                - plan `0a1b` on both sides\n\
                - compared: `topic.partitions`: `3` → `6`\n\n| metric ";
    assert!(text.starts_with(head), "{text}");
    let end = "\n- ack.p99: too few\n- zero in every run of both sides: ledger.unsent\n";
    assert!(text.ends_with(end), "{text}");
    assert!(!section(&small(0)).contains("zero in every run"));
}

#[test]
fn a_name_is_one_short_line_without_what_makes_code() {
    assert_eq!(plain("a`b\nc\td"), "a b\\nc\\td");
    assert_eq!(plain(&"x".repeat(200)), "x".repeat(200));
    assert_eq!(plain(&"é".repeat(201)), "é".repeat(200) + "…");
}

#[test]
fn what_got_worse_is_annotated_by_its_change_or_by_what_it_has_instead_of_one() {
    let metric = |name: &str| Metric::find(name, []).unwrap();
    let without =
        |endless| MetricComparison { ratio: None, endless, ..row(&metric("ack.p99"), 1.0) };
    let rows = vec![
        row(&metric("ack.p99"), 1.5),
        MetricComparison { call: Call::Better, ..row(&metric("ack.p50"), 9.0) },
        row(&metric("throughput"), 0.2),
        without((0, 2)),
        without((0, 0)),
    ];
    let lines = annotations(&of(vec![Pair { rows, point: [].into(), ..small(0) }]));
    let warning = |text: &str| format!("::warning title=kbench compare::{text}, worse");
    let expected = [
        "ack.p99: without end",
        "ack.p99: from zero",
        "throughput: -80.0 %25",
        "ack.p99: +50.0 %25",
    ];
    assert_eq!(lines, expected.map(warning));
    assert_eq!(command("error", "a\r\nb"), "::error title=kbench compare::a%0D%0Ab");
}
