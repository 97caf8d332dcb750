use std::path::Path;

use super::super::tests::run;
use super::*;
use crate::measure::latency::{Footing, Throttled};
use crate::measure::ledger::AppLedger;
use crate::output::html;
use crate::output::summary::markdown;
use crate::output::table::terminal;
use crate::result::throttling::Throttling;
use crate::result::{AppClock, AppInterval, Interval, PhaseResult, load_all};
use crate::workers::consume::GroupMember;
use crate::workers::produce::WireBytes;

const APPS: [&str; 2] = ["analytics", "fraud"];

fn figure(name: &str, result: &RunResult) -> Option<f64> {
    value(&Metric::find(name, APPS).unwrap(), result)
}

/// A hundred thousand samples, so that every percentile is told.
fn latency(ms: i64) -> LatencySummary {
    let ns = |factor: i64| Some(factor * ms * 1_000_000);
    LatencySummary {
        count: 100_000,
        p50_ns: ns(1),
        p90_ns: ns(2),
        p99_ns: ns(3),
        p99_9_ns: ns(4),
        p99_99_ns: ns(5),
        max_ns: ns(6),
        mean_ns: Some(1.5e6 * ms as f64),
        ..LatencySummary::default()
    }
}

/// Of which the slowest two percent never came, within ten seconds.
fn never(ms: i64) -> LatencySummary {
    LatencySummary {
        never_delivered: 2_000,
        endless_ns: Some(10_000_000_000),
        p99_ns: None,
        p99_9_ns: None,
        p99_99_ns: None,
        max_ns: None,
        mean_ns: None,
        ..latency(ms)
    }
}

/// Every figure of it is another one.
fn different() -> RunResult {
    let mut run = run();
    for (place, app) in (1..).zip(&mut run.apps) {
        app.end_to_end = latency(10 * place);
        app.arrival = latency(100 * place);
        app.service = latency(1_000 * place);
        app.consumed_per_s = f64::from(u8::try_from(place).unwrap()) * 7.0;
        app.clock = None;
    }
    run.ack = latency(3);
    run.send_delay = latency(4);
    run.throughput.acked_per_s = 99.0;
    run.throughput.measured_s = 30.0;
    run.watch.cpu_us_per_event = Some(16.0);
    run.ledger.failed = 11;
    run.ledger.unknown = 12;
    run.ledger.unsent = 13;
    let ledger = |by: u64| AppLedger {
        missing: by,
        duplicates: 10 * by,
        reordered: 100 * by,
        ..AppLedger::default()
    };
    run.ledger.apps = vec![ledger(1), ledger(2)];
    run
}

/// An event that both applications miss is one event, and was once two.
#[test]
fn an_event_that_several_applications_miss_is_missing_once() {
    let mut run = different();
    run.ledger.missing_events = Some(2);
    assert_eq!(figure("ledger.missing", &run), Some(2.0));
    run.ledger.missing_events = Some(3);
    assert_eq!(figure("ledger.missing", &run), Some(3.0), "each misses others");
    assert_eq!(figure("fraud.missing", &run), Some(2.0));
    run.ledger.missing_events = None;
    assert_eq!(figure("ledger.missing", &run), Some(2.0), "of an older kbench: at least");
}

#[test]
fn a_metric_is_the_figure_that_its_name_says() {
    let run = different();
    for (name, expected) in [
        ("analytics.e2e.p50", 10e6),
        ("fraud.e2e.p90", 40e6),
        ("fraud.e2e.mean", 30e6),
        ("analytics.arrival.p99", 300e6),
        ("fraud.service.max", 12_000e6),
        ("ack.p99.9", 12e6),
        ("send_delay.p99.99", 20e6),
        ("throughput", 99.0),
        ("analytics.throughput", 7.0),
        ("fraud.throughput", 14.0),
        ("cpu_us_per_event", 16.0),
        ("ledger.failed", 11.0),
        ("ledger.unknown", 12.0),
        ("ledger.unsent", 13.0),
        ("ledger.missing", 2.0),
        ("ledger.duplicates", 30.0),
        ("ledger.reordered", 300.0),
        ("fraud.missing", 2.0),
        ("fraud.duplicates", 20.0),
        ("analytics.reordered", 100.0),
    ] {
        assert_eq!(figure(name, &run), Some(expected), "{name}");
    }
}

#[test]
fn what_nobody_measured_has_no_figure() {
    let mut run = different();
    run.throughput.measured_s = 0.0;
    assert_eq!(figure("throughput", &run), None, "it ended in its first interval");
    assert_eq!(figure("analytics.throughput", &run), None);
    run.throughput.measured_s = 0.5;
    assert_eq!(figure("throughput", &run), Some(99.0));
    run.watch.cpu_us_per_event = None;
    run.wire = None;
    run.apps.truncate(1);
    run.ledger.apps.clear();
    for name in ["cpu_us_per_event", "wire.ratio", "fraud.e2e.p50", "fraud.throughput"] {
        assert_eq!(figure(name, &run), None, "{name}");
    }
    for name in ["fraud.missing", "ledger.missing", "lag.max"] {
        assert_eq!(figure(name, &run), None, "{name}");
    }
}

#[test]
fn the_most_unread_records_are_those_of_the_measured_part() {
    let mut run = different();
    let phase = |warmup, from_s, to_s| PhaseResult {
        sessions: None,
        name: String::new(),
        warmup,
        from_s,
        to_s,
        expected: 0.0,
    };
    run.phases = vec![phase(true, 0.0, 2.0), phase(true, 2.0, 3.0), phase(false, 3.0, 9.0)];
    let interval = |from_s: f64, lags: [Option<u64>; 2]| Interval {
        from_s,
        apps: lags.map(|lag_records| AppInterval { lag_records, ..AppInterval::default() }).into(),
        ..Interval::default()
    };
    run.series = vec![
        interval(2.9, [Some(900), Some(900)]),
        interval(3.0, [Some(7), Some(4)]),
        interval(4.0, [Some(5), None]),
    ];
    assert_eq!(figure("lag.max", &run), Some(7.0), "of the warm-up nothing");
    assert_eq!(figure("analytics.lag.max", &run), Some(7.0));
    assert_eq!(figure("fraud.lag.max", &run), Some(4.0));
    run.phases.clear();
    assert_eq!(figure("lag.max", &run), Some(900.0));
}

#[test]
fn the_ratio_on_the_wire_is_of_payload_to_what_was_sent() {
    let mut run = different();
    run.wire = Some(WireBytes { records: 1, payload_bytes: 500, wire_bytes: 200 });
    assert_eq!(figure("wire.ratio", &run), Some(2.5));
}

fn limit(name: &str, text: &str) -> Threshold {
    Threshold::parse(Metric::find(name, APPS).unwrap(), text).unwrap()
}

fn judged(name: &str, text: &str, run: &RunResult) -> (Option<f64>, String, bool) {
    let ThresholdResult { metric, expected, actual, shown, passed } =
        thresholds(&[limit(name, text)], run).remove(0);
    assert_eq!((metric.as_str(), expected.as_str()), (name, text));
    (actual, shown, passed)
}

#[test]
fn a_threshold_has_the_figure_in_words_and_whether_it_held() {
    let run = different();
    let held = (Some(30e6), "30.0 ms".to_owned(), true);
    assert_eq!(judged("analytics.e2e.p99", "<= 30ms", &run), held);
    assert_eq!(judged("analytics.e2e.p99", "< 30ms", &run), (held.0, held.1, false));
    let few = LatencySummary { count: 10, ..LatencySummary::default() };
    let run = RunResult { ack: few, ..run };
    let words = (None, "not enough samples".to_owned(), false);
    assert_eq!(judged("ack.p99", "< 1s", &run), words);
}

#[test]
fn a_latency_without_end_is_more_than_any_limit_and_says_why() {
    let mut run = different();
    run.ack = never(3);
    run.apps[1].end_to_end = never(5);
    run.apps[1].service = never(7);
    assert_eq!(figure("ack.p99", &run), Some(f64::INFINITY));
    let words = "> 10.0 s (2.0 % never delivered)";
    for name in ["ack.p99", "fraud.e2e.max", "fraud.service.p99.9"] {
        assert_eq!(judged(name, "< 999s", &run), (None, words.to_owned(), false), "{name}");
        assert_eq!(judged(name, "> 1s", &run), (None, words.to_owned(), true), "{name}");
    }
    // What has an end is told as it is, and what others have not is not theirs.
    assert_eq!(judged("ack.p50", "< 4ms", &run), (Some(3e6), "3.00 ms".to_owned(), true));
    let told = (Some(30e6), "30.0 ms".to_owned(), true);
    assert_eq!(judged("analytics.e2e.p99", "< 40ms", &run), told);
    // A figure that is not a latency of theirs has none either.
    assert_eq!(judged("throughput", "> 98/s", &run), (Some(99.0), "99/s".to_owned(), true));
}

#[test]
fn a_latency_between_two_clocks_says_nothing_below_their_bound() {
    let mut run = different();
    run.apps[0].clock = Some(AppClock { bound_ns: Some(30_000_000), usable: true });
    // Half is at 10 ms, 99 % at 30 ms: the bound itself.
    assert_eq!(figure("analytics.e2e.p50", &run), None);
    assert_eq!(figure("analytics.e2e.p99", &run), Some(30e6));
    assert_eq!(figure("analytics.arrival.p50", &run), Some(100e6));
    let below = "< 30.0 ms".to_owned();
    let at = |text: &str| judged("analytics.e2e.p50", text, &run);
    assert_eq!(at("< 31ms"), (None, below.clone(), true), "whatever it is, it is less");
    assert_eq!(at("< 30ms"), (None, below.clone(), false), "up to the bound it may be");
    assert_eq!(at("<= 30ms"), (None, below.clone(), true));
    assert_eq!(at("> 1ms"), (None, below, false), "how little it is nobody knows");
    assert_eq!(judged("analytics.e2e.p99", "<= 30ms", &run).0, Some(30e6));
    // The other application has a clock of its own; and a stage within one process needs none.
    assert_eq!(figure("fraud.e2e.p50", &run), Some(20e6));
    run.apps[0].service = latency(1);
    assert_eq!(figure("analytics.service.p50", &run), Some(1e6));
    // Without end it is beyond every bound; where nobody knows the bound, nothing is known.
    run.apps[0].end_to_end = never(1);
    assert_eq!(figure("analytics.e2e.p99", &run), Some(f64::INFINITY));
    run.apps[0].clock = Some(AppClock { bound_ns: None, usable: false });
    assert_eq!(figure("analytics.e2e.p50", &run), None);
    let words = (None, "not enough samples".to_owned(), false);
    assert_eq!(judged("analytics.e2e.p50", "< 1s", &run), words);
}

#[test]
fn a_value_has_the_words_of_its_unit() {
    let said = |unit, value| shown(unit, Some(value));
    assert_eq!(said(Unit::Nanoseconds, 1_234_000.4), "1.23 ms");
    assert_eq!(said(Unit::Microseconds, 15.97), "16.0 µs");
    assert_eq!(said(Unit::PerSecond, 99_992.2), "99 992/s");
    assert_eq!(said(Unit::Count, 1_234.0), "1 234");
    assert_eq!(said(Unit::Ratio, 2.346), "2.35");
    assert_eq!(said(Unit::Ratio, f64::INFINITY), "endless");
    assert_eq!(shown(Unit::Ratio, None), "n/a");
}

#[test]
fn thresholds_are_judged_again_by_what_is_known_now() {
    let mut run = different();
    let before = thresholds(&[limit("ack.p99", "< 10ms"), limit("throughput", "> 1/s")], &run);
    assert!(before.iter().all(|threshold| threshold.passed));
    run.ack = latency(30);
    let gone = ThresholdResult { metric: "gone.e2e.p99".to_owned(), ..before[1].clone() };
    let again = thresholds_again(&[before, vec![gone.clone()]].concat(), &APPS, &run);
    let told: Vec<(&str, bool)> = again.iter().map(|it| (it.shown.as_str(), it.passed)).collect();
    assert_eq!(told, [("90.0 ms", false), ("99/s", true), ("99/s", true)]);
    assert_eq!(again[2], gone, "of an application that did not run it stays as it was");
}

fn recorded() -> RunResult {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded/aa/embedded/a");
    load_all(&folder).unwrap().remove(0).result
}

/// Holds for the figure, and is not known from it: whoever reads the line alone has to see.
#[test]
fn a_threshold_on_a_percentile_that_rests_on_one_episode_says_so_wherever_it_is_read() {
    let mut run = recorded();
    let app = run.apps[0].name.clone();
    let names = ["ack.p99.9".to_owned(), "send_delay.p99".into(), format!("{app}.e2e.p99")];
    let limits: Vec<Threshold> = ["ack.p50", "ack.p99.99", "ledger.missing"]
        .map(str::to_owned)
        .into_iter()
        .chain(names.clone())
        .map(|name| {
            let metric = Metric::find(&name, [app.as_str()]).unwrap();
            let limit = if metric.unit() == Unit::Count { "== 0" } else { "< 50s" };
            Threshold::parse(metric, limit).unwrap()
        })
        .collect();
    let one = Footing { above: 30, episodes: 1.2, independent: 120.0, is_enough: false };
    let few = |run: &mut RunResult, footing| {
        run.ack.p99_9_rests_on = footing;
        run.send_delay.p99_rests_on = footing;
        run.apps[0].end_to_end.p99_rests_on = footing;
        // There is no p99.99 of so few samples.
        run.ack.p99_99_rests_on = None;
        run.thresholds = thresholds(&limits, run);
    };
    few(&mut run, Some(one));
    let page = html::html(&run);
    for (place, threshold) in run.thresholds.iter().enumerate() {
        let says = threshold.shown.ends_with(" (rests on 1 episode: one run does not know it)");
        assert_eq!(says, place >= 3, "{threshold:?}");
        let ThresholdResult { metric, shown, passed, .. } = threshold;
        let word = if *passed { "kept" } else { "FAILED" };
        assert_eq!(*passed, metric != "ack.p99.99", "{threshold:?}");
        let text = terminal(&run, false);
        let line = text.lines().find(|line| line.contains(&format!(" {metric} "))).unwrap();
        assert!(line.contains(&format!("threshold {word}: {metric} ")), "{line}");
        assert!(line.ends_with(&format!(": {shown}")), "{line}");
        assert!(markdown(&run).contains(&format!("- {}\n", line.trim_start())), "{line}");
        let line = line.trim_start().replace('<', "&lt;");
        assert!(page.contains(&line), "{line}");
    }
    // Four episodes are enough, and an older result does not know of any.
    for footing in [Some(Footing { is_enough: true, episodes: 4.2, ..one }), None] {
        few(&mut run, footing);
        let says = |it: &ThresholdResult| it.shown.contains("episode");
        assert!(!run.thresholds.iter().any(says), "{:?}", run.thresholds);
    }
}

#[test]
fn the_time_of_throttling_is_its_share_of_the_measured_part() {
    let mut run = different();
    let phase = |warmup, from_s, to_s| PhaseResult {
        name: String::new(),
        warmup,
        from_s,
        to_s,
        expected: 1.0,
        sessions: None,
    };
    run.phases = vec![phase(true, 0.0, 4.0), phase(false, 4.0, 24.0)];
    let throttled = |of_time| Some(Throttled { longest_ms: 900.0, of_time });
    run.throttling = Throttling { producers: throttled(0.25), consumers: throttled(0.0) };
    assert_eq!(figure("throttle_time.producers", &run), Some(5e9));
    assert_eq!(figure("throttle_time.consumers", &run), Some(0.0));
    let line = "\nproducers throttled by quota for 5.00 s\n";
    let text = terminal(&run, false);
    assert!(text.contains(line), "of those that were not there is no word: {text}");
    let limits = ["< 6s", "< 5s"].map(|text| limit("throttle_time.producers", text));
    let held: Vec<bool> = thresholds(&limits, &run).iter().map(|it| it.passed).collect();
    assert_eq!(held, [true, false]);
    // Clients that would not say so are not taken for clients that were not throttled.
    run.throttling = Throttling::default();
    assert_eq!(figure("throttle_time.producers", &run), None);
}

#[test]
fn the_rebalances_of_a_group_are_those_of_the_member_that_saw_most() {
    let mut run = different();
    assert_eq!(figure("fraud.rebalances", &run), None, "nobody looked");
    let member = |rebalances| GroupMember { partitions: 1, rebalances };
    run.apps[0].members = vec![member(0), member(0)];
    run.apps[1].members = vec![member(2), member(5), member(0)];
    assert_eq!(figure("analytics.rebalances", &run), Some(0.0));
    assert_eq!(figure("fraud.rebalances", &run), Some(5.0));
    let line = "\nrebalances: fraud 5\n";
    assert!(terminal(&run, false).contains(line), "{}", terminal(&run, false));
    let limits = [limit("fraud.rebalances", "== 5"), limit("fraud.rebalances", "< 5")];
    let held: Vec<bool> = thresholds(&limits, &run).iter().map(|it| it.passed).collect();
    assert_eq!(held, [true, false]);
}
