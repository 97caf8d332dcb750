//! What the parts of a run hold reaches its result, however many processes they are from.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::event::{Outcome, Stamp};
use crate::measure::latency::window::Stage;
use crate::measure::latency::{Recorder, Series};
use crate::measure::ledger::{Dues, Ledger, PartitionTracker};
use crate::result::load_all;
use crate::result::threshold::ThresholdResult;
use crate::result::{Check, Interval};

const SECOND_NS: u64 = 1_000_000_000;

/// Three minutes of one event a second by one shard, all acknowledged, of which one application
/// has seen the first `seen`, each after a millisecond.
fn ledger(seen: u64) -> Ledger {
    let ledger = Ledger::new(1, 1, 1);
    ledger.offered(0, 180);
    let mut partition = PartitionTracker::default();
    for seq in 0..180 {
        let stamp = Stamp { run: 1, shard: 0, seq, due_wall_us: 0 };
        ledger.outcome(&stamp, Outcome::Acked);
        if seq < seen {
            let offset = i64::try_from(seq).unwrap();
            partition.tick(&ledger, 0, offset, Some(&stamp));
        }
    }
    ledger.set_dues(0, Dues { by_interval: vec![1; 180], measured: 0..180 });
    ledger
}

/// Its latencies, by a clock on which the schedule begins with interval `first`; `grow` gives
/// what is added to a millisecond by time, in ns.
fn series(first: u64, seen: u64, grow: impl Fn(u64) -> u64) -> Series {
    let mut series = Series::new(Stage::EndToEnd, 1);
    let mut recorder = Recorder::new(0..u64::MAX, SECOND_NS);
    for at in first..first + seen {
        for place in 0..200 {
            let due_ns = at * SECOND_NS + place * 1_000_000;
            let done_ns = due_ns + 1_000_000 + grow(at - first);
            if let Some(window) = recorder.roll(due_ns) {
                series.add(&window);
            }
            recorder.consumed((0, at * 200 + place), due_ns, due_ns, done_ns);
        }
    }
    series.add(&recorder.flush((first + seen) * SECOND_NS));
    series
}

fn reading(first: u64, seen: u64) -> ReadingPart {
    ReadingPart::new("fraud", "g", series(first, seen, |_| 0), first)
}

/// What the senders left, of a run that is otherwise healthy.
fn sending() -> SendingPart {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded/aa/embedded/a");
    let mut result = load_all(&folder).unwrap().remove(0).result;
    (result.apps, result.checks, result.ack_stack) = Default::default();
    (result.end_lag, result.hiccups, result.recording) = Default::default();
    (result.verdict, result.watch, result.thresholds) = Default::default();
    let row = |at: u32| Interval { from_s: f64::from(at), offered: 1, ..Interval::default() };
    result.series = (0..180).map(row).collect();
    SendingPart {
        result,
        log: "#[first]\n#[BaseTime: 0 (seconds since epoch)]\nTag=ack,0,1,1,x\n".to_owned(),
        reached: RunExtent { measured: 0..180, intervals: 180 },
        interval_ns: SECOND_NS,
        start_wall_us: 0,
        waited_ns: 30_000_000_000,
        steady: Vec::new(),
        stalls_ns: BTreeMap::new(),
        unanswered: BTreeMap::new(),
        strangers: Vec::new(),
    }
}

fn merged(sent: &SendingPart, read: ReadingPart, seen: u64) -> RunResult {
    merge(sent, vec![read], &ledger(seen)).unwrap().0
}

#[test]
fn a_series_of_any_clock_is_laid_on_the_schedule_with_its_lags() {
    for first in [0, 70] {
        let mut read = reading(first, 180);
        read.lags.insert(3, LagAt { records: 5, seconds: Some(0.5) });
        let result = merged(&sending(), read, 180);
        let app = &result.series[3].apps[0];
        assert_eq!((app.seen, app.lag_records, app.lag_s), (200, Some(5), Some(0.5)));
        assert_eq!(result.series[4].apps[0].lag_records, None);
        assert_eq!(result.series.len(), 180, "{first}");
        assert!((result.apps[0].consumed_per_s - 200.0).abs() < 1e-9);
        assert_eq!(result.apps[0].end_to_end.count, 36_000);
    }
}

#[test]
fn rows_go_on_for_as_long_as_something_is_read() {
    let mut sent = sending();
    sent.unanswered = BTreeMap::from([(181, 7)]);
    sent.stalls_ns = BTreeMap::from([(2, 9), (181, 6)]);
    let result = merged(&sent, ReadingPart::new("fraud", "g", series(1, 184, |_| 0), 1), 180);
    assert_eq!(result.series.len(), 184);
    let row = &result.series[181];
    assert_eq!((row.from_s.to_bits(), row.unanswered), (181_f64.to_bits(), Some(7)));
    let stalls = [2, 3, 181].map(|at: usize| result.series[at].host_stall_ns);
    assert_eq!(stalls, [Some(9), None, Some(6)]);
}

#[test]
fn what_an_application_never_saw_has_no_end_and_makes_the_run_invalid() {
    let result = merged(&sending(), reading(0, 180), 170);
    let app = &result.apps[0];
    assert_eq!((app.end_to_end.never_delivered, app.arrival.never_delivered), (10, 10));
    assert_eq!((app.service.never_delivered, app.end_to_end.endless_ns), (0, Some(30_000_000_000)));
    assert!(!result.verdict.valid && result.ledger.apps[0].missing == 10);
}

#[test]
fn who_left_no_part_is_a_fault_where_something_is_missing_and_a_flag_elsewhere() {
    let verdict = |seen| {
        let mut read = reading(0, 180);
        read.absent.push("killed".to_owned());
        read.notices.push("late".to_owned());
        merged(&sending(), read, seen).verdict
    };
    let (whole, missing) = (verdict(180), verdict(179));
    let has = |lines: &[String], what: &str| lines.iter().any(|line| line == what);
    assert!(whole.valid && has(&whole.flags, "killed") && has(&whole.flags, "late"), "{whole:?}");
    assert!(has(&missing.reasons, "killed") && !has(&missing.flags, "killed"), "{missing:?}");
    let mut read = reading(0, 180);
    read.faults.push("ended".to_owned());
    assert_eq!(merged(&sending(), read, 180).verdict.reasons, ["ended"]);
    let mut sent = sending();
    sent.result.verdict.reasons.push("producer-0 panicked".to_owned());
    assert_eq!(merged(&sent, reading(0, 180), 180).verdict.reasons, ["producer-0 panicked"]);
}

#[test]
fn the_merged_result_says_whether_an_application_kept_up() {
    let mut read = reading(0, 180);
    read.lags.extend((0..180).map(|at| (at, LagAt { records: 5, seconds: Some(0.1) })));
    assert!(merged(&sending(), read, 180).apps[0].keeping_up.is_some());
}

#[test]
fn answers_that_differ_are_told_where_the_ledger_does_not_say_why() {
    let told = |seen| {
        let mut result = merged(&sending(), reading(0, 180), seen);
        result.verdict = Verdict::default();
        result.checks = vec![Check::new("events", 180, vec![Some(179)])];
        verdict(&result, &[], &[]).reasons
    };
    assert_eq!(told(180), ["events: the books have 180, fraud 179 (-1)"]);
    let lost = told(179);
    assert!(!lost.is_empty() && !lost.iter().any(|it| it.contains("books")), "{lost:?}");
}

/// What the senders alone could not tell.
#[test]
fn thresholds_are_judged_by_what_the_applications_left() {
    let mut sent = sending();
    let unjudged = |expected: &str| ThresholdResult {
        metric: "fraud.e2e.p50".to_owned(),
        expected: expected.to_owned(),
        actual: None,
        shown: "n/a".to_owned(),
        passed: false,
    };
    sent.result.thresholds = ["< 50ms", "< 50us"].map(unjudged).to_vec();
    let judged = merged(&sent, reading(0, 180), 180).thresholds;
    assert_eq!(judged.iter().map(|it| it.passed).collect::<Vec<_>>(), [true, false]);
    assert!(judged.iter().all(|it| it.actual.is_some()), "{judged:?}");
}

#[test]
fn drift_is_looked_for_in_stretches_of_one_rate_whoever_read() {
    let drifting = || ReadingPart::new("fraud", "g", series(0, 180, |at| at * 10_000), 0);
    let mut sent = sending();
    assert!(merged(&sent, drifting(), 180).watch.drift.is_empty());
    sent.steady.push(0..180 * SECOND_NS);
    let result = merged(&sent, drifting(), 180);
    assert_eq!(result.watch.drift[0].app, "fraud");
    assert!(result.watch.drift[0].low_percent_per_min > 10.0, "{:?}", result.watch.drift);
    assert!(result.verdict.flags.iter().any(|flag| flag.starts_with("drift: ")));
}

#[test]
fn clocks_of_other_processes_bound_what_a_latency_says() {
    let clock = |clocks| {
        let result = merged(&sending(), ReadingPart { clocks, ..reading(0, 180) }, 180);
        let flags = result.verdict.flags.iter().filter(|flag| flag.contains("clock"));
        (result.apps[0].clock.map(|clock| clock.usable), flags.count())
    };
    assert_eq!(clock(Clocks::One), (None, 0));
    let median = merged(&sending(), reading(0, 180), 180).apps[0].end_to_end.p50_ns;
    let median = u64::try_from(median.unwrap()).unwrap();
    assert_eq!(clock(Clocks::Several(Some(median))), (Some(true), 0), "no more than it says");
    assert_eq!(clock(Clocks::Several(Some(900_000))), (Some(true), 0));
    assert_eq!(clock(Clocks::Several(Some(1_100_000))), (Some(false), 1));
    assert_eq!(clock(Clocks::Several(None)), (Some(false), 1));
}

#[test]
fn the_log_has_the_senders_series_and_then_the_applications() {
    let (_, log) = merge(&sending(), vec![reading(9, 180)], &ledger(170)).unwrap();
    let tags = log.lines().filter(|line| line.starts_with("Tag="));
    let tags: Vec<_> = tags.map(|line| line.split(',').take(2).collect::<Vec<_>>()).collect();
    assert_eq!(tags[..2], [["Tag=ack", "0"], ["Tag=fraud.end_to_end", "0.000"]]);
    assert_eq!(tags.len(), 181);
    let place = |what: &str| log.lines().position(|line| line.contains(what)).unwrap();
    assert!(place("10 events that were offered and never delivered") < place("BaseTime"), "{log}");
}
