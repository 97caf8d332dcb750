//! What was offered and never delivered is a sample without end, and a latency stands in the second
//! in which its event was due.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::probe::Probe;
use crate::runs::{PROGRAM, constant, plan, run_with, try_run};
use crate::world::{Kind, World};
use kbench::client::loopback::hooks::{LoopbackHooks, WriteHook};
use kbench::measure::latency::Reading;
use kbench::output::progress::Progress;
use kbench::output::summary::markdown;
use kbench::output::table::terminal;
use kbench::plan::metric::Statistic;
use kbench::result::{LatencySummary, RunResult};
use kbench::run;
use kbench::run::RunOptions;

/// Places without a broker, where faults can be planted.
const LOOPBACK: &[Kind] = &[Kind::Loopback];

/// The drain's time-out where none is set: what is without end exceeds it.
const WAITED_NS: i64 = 30_000_000_000;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("undelivered::a_percentile_has_no_end_from_the_exact_rank_on", exact_rank)
            .only(LOOPBACK),
        Probe::new("undelivered::whatever_became_of_it_every_slot_is_a_sample", every_slot)
            .only(LOOPBACK),
        Probe::new("undelivered::a_broker_that_stops_can_t_hide_behind_a_full_queue", full_queue)
            .only(&[Kind::Kafka])
            .natively(&[Kind::Kafka])
            .alone(),
        Probe::new("undelivered::latency_stands_in_the_second_in_which_it_was_due", by_due)
            .only(LOOPBACK)
            .alone(),
        Probe::new("undelivered::a_run_cut_short_has_the_rates_of_what_it_reached", cut_short)
            .only(LOOPBACK)
            .alone(),
    ]
}

/// The figures of one stage: a percentile beside that of the delivered.
fn p99(latency: &LatencySummary) -> (Reading, Option<i64>) {
    let delivered = latency.delivered.as_ref().and_then(|delivered| delivered.p99_ns);
    (latency.reading(Statistic::P99), delivered)
}

/// Law 2. Of 2,000 slots a client refuses 20: p99 is the slowest that was delivered. One more,
/// and it has no end.
fn exact_rank(world: &World) {
    let refused = |count: u64| {
        let write = (0..count).map(|number| ((0, 13 + 90 * number), WriteHook::Full)).collect();
        let mut text = constant(1_000, 2, "uniform");
        text.push_str("[thresholds]\n\"analytics.e2e.p99\" = \"< 20s\"\n\"ack.p90\" = \"< 20s\"\n");
        run_with(world, &text, LoopbackHooks { write, ..LoopbackHooks::default() })
    };
    let result = refused(20);
    for latency in all_stages(&result) {
        assert_eq!((latency.count, latency.never_delivered), (2_000, 20));
        let (p99, delivered) = p99(latency);
        let slowest = latency.delivered.as_ref().unwrap().max_ns.unwrap();
        let Reading::Value(value_ns) = p99 else { panic!("{p99:?}") };
        // The last rank but the endless ones, within the histogram's thousandth.
        assert!(value_ns.abs_diff(slowest) <= slowest.unsigned_abs() / 1_000 + 1, "{latency:?}");
        assert!(delivered.unwrap() <= value_ns);
        assert_eq!(latency.reading(Statistic::Max), Reading::Endless(WAITED_NS));
    }
    assert!(result.thresholds.iter().all(|threshold| threshold.passed), "{:?}", result.thresholds);
    // What never left the client has no delay of its sending, and no service.
    assert_eq!((result.send_delay.count, result.send_delay.never_delivered), (1_980, 0));
    assert_eq!((result.apps[0].service.count, result.apps[0].service.never_delivered), (1_980, 0));

    let result = refused(21);
    for latency in all_stages(&result) {
        assert_eq!((latency.count, latency.never_delivered), (2_000, 21));
        let (p99, delivered) = p99(latency);
        assert_eq!(p99, Reading::Endless(WAITED_NS));
        assert!(delivered.unwrap() < 20_000_000_000);
        assert!(matches!(latency.reading(Statistic::P90), Reading::Value(_)));
    }
    let of = |name| result.thresholds.iter().find(|found| found.metric == name).unwrap();
    let (ack, e2e) = (of("ack.p90"), of("analytics.e2e.p99"));
    assert!(ack.passed, "{ack:?}");
    assert_eq!((e2e.passed, e2e.shown.as_str()), (false, "> 30.0 s (1.1 % never delivered)"));
    for text in [terminal(&result, false), markdown(&result)] {
        let row = text.lines().find(|line| line.contains("analytics") && line.contains("> 30.0 s"));
        assert!(row.is_some(), "{text}");
        let beside = "analytics: 1.1 % never delivered (21 of 2 000 offered in the measured part), \
                      samples without end; of the delivered alone p50 ";
        assert!(text.contains(beside), "{text}");
    }
}

fn all_stages(result: &RunResult) -> impl Iterator<Item = &LatencySummary> {
    let apps = result.apps.iter().flat_map(|app| [&app.arrival, &app.end_to_end]);
    std::iter::once(&result.ack).chain(apps)
}

/// Law 2. Refused, failed, timed out with and without a record, lost, withheld: each where it
/// belongs, in its second, and nothing twice.
fn every_slot(world: &World) {
    let mut text = constant(1_000, 2, "uniform");
    text = text.replace("warmup = \"0s\"", "warmup = \"1s\"");
    let plan = plan(world, &text);
    let mut write = HashMap::new();
    // In the warm-up, which is not measured; then in each measured second.
    for (from, count) in [(0, 50), (1_000, 7), (2_000, 11)] {
        for seq in from..from + count {
            write.insert((0, seq), WriteHook::Full);
            write.insert((0, 100 + seq), WriteHook::Fail);
            // Written, though its answer got lost: acknowledged late, and seen.
            write.insert((0, 200 + seq), WriteHook::Lose);
            // Acknowledged, and never seen.
            write.insert((0, 300 + seq), WriteHook::Drop);
        }
    }
    let hide =
        HashMap::from([(plan.apps[1].group.clone(), (2_500..2_520).map(|s| (0, s)).collect())]);
    let faults = LoopbackHooks { write, hide, ..LoopbackHooks::default() };
    let result = try_run(world, &plan, faults).unwrap().result;
    assert_eq!((result.ack.count, result.ack.never_delivered), (2_000, 2 * (7 + 11)));
    for (place, app) in result.apps.iter().enumerate() {
        let withheld = if place == 1 { 20 } else { 0 };
        for latency in [&app.arrival, &app.end_to_end] {
            let found = (latency.count, latency.never_delivered);
            assert_eq!(found, (2_000, 3 * (7 + 11) + withheld), "{}", app.name);
        }
        let rows: Vec<_> = result.series[..3].iter().map(|row| &row.apps[place]).collect();
        let never: Vec<_> = rows.iter().map(|row| row.never_delivered).collect();
        assert_eq!(never, [0, 3 * 7, 3 * 11 + withheld], "{}", app.name);
        let count: Vec<_> = rows.iter().map(|row| row.count).collect();
        assert_eq!(count, [0, 1_000, 1_000], "{}", app.name);
        assert_eq!(rows[2].reading(Statistic::P99), Reading::Endless(WAITED_NS));
        assert!(rows[2].p50_ns.is_some() && rows[2].max_ns.is_none());
    }
}

/// The figure that made a stopped broker look fast: the client's queue is full after 50 ms, what
/// is refused from then on is in no latency, and a limit of 50 ms is kept.
fn full_queue(world: &World) {
    let world = World::fresh(Kind::Kafka, 1, &[]).by(world.client());
    let mut text = constant(2_000, 12, "uniform").replace("warmup = \"0s\"", "warmup = \"3s\"");
    text.push_str("[kafka.producer]\n\"queue.buffering.max.messages\" = 100\n");
    text.push_str("[thresholds]\n\"analytics.e2e.p99\" = \"< 50ms\"\n\"ack.p99\" = \"< 50ms\"\n");
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            // Within the twelve measured seconds: they begin with the warm-up's end, 3 s after the
            // groups are ready, which takes between 1 and 4 s.
            thread::sleep(Duration::from_secs(10));
            world.pause_broker(Duration::from_secs(1))
        });
        try_run(&world, &plan(&world, &text), LoopbackHooks::default()).unwrap().result
    });
    let refused = result.ack.never_delivered;
    assert!(refused > 1_000, "only {refused} were refused in a second at 2,000/s");
    assert!(refused <= result.ledger.unsent, "{:?}", result.ledger);
    for latency in all_stages(&result) {
        assert_eq!((latency.count, latency.never_delivered), (24_000, refused));
        // Some 8 % were refused, and p99 is that of what was offered.
        assert_eq!(latency.reading(Statistic::P99), Reading::Endless(WAITED_NS));
        assert!(latency.delivered.as_ref().unwrap().p99_ns.is_some());
    }
    for threshold in &result.thresholds {
        assert!(!threshold.passed, "{threshold:?}");
        assert!(threshold.shown.starts_with("> 30.0 s ("), "{threshold:?}");
        assert!(threshold.shown.contains("% never delivered) (rests on "), "{threshold:?}");
    }
    // And they are where they were due: in the second of the stop, or in it and the next.
    for place in 0..4 {
        let never = result.series.iter().map(|row| row.apps[place].never_delivered);
        let mut never: Vec<u64> = never.collect();
        never.sort_unstable();
        let most: u64 = never.iter().rev().take(2).sum();
        assert!(most * 10 >= refused * 9, "{never:?}");
    }
}

/// Law 11. The sink stands still from 1.5 s on, for 0.8 s: what was due in the second second waited
/// up to 0.8 s, what was due in the third one up to 0.3 s; it all came through in the third.
fn by_due(world: &World) {
    let faults =
        LoopbackHooks { stall: Some(((0, 1_500), 800_000_000)), ..LoopbackHooks::default() };
    let result = run_with(world, &constant(1_000, 4, "uniform"), faults);
    for (place, app) in result.apps.iter().enumerate() {
        let max_ms: Vec<i64> = result.series[..4]
            .iter()
            .map(|row| row.apps[place].max_ns.unwrap() / 1_000_000)
            .collect();
        let expected = [0..150, 790..950, 290..450, 0..150];
        let fits = expected.iter().zip(&max_ms).all(|(range, ms)| range.contains(ms));
        assert!(fits, "{}: {max_ms:?} ms by second", app.name);
        let rows = || result.series.iter().map(|row| &row.apps[place]);
        let count: Vec<_> = rows().map(|row| row.count).take(4).collect();
        assert_eq!(count, [1_000; 4], "{}: by the second in which they were due", app.name);
        let seen: Vec<_> = rows().map(|row| row.seen).take(4).collect();
        assert!((400..=600).contains(&seen[1]), "{}: came through {seen:?}", app.name);
        assert!((1_400..=1_600).contains(&seen[2]), "{}: came through {seen:?}", app.name);
    }
}

/// A signal after some three seconds of sixty: what is measured are the whole seconds until then,
/// and the rates are those of the schedule.
fn cut_short(world: &World) {
    let plan = plan(world, &constant(1_000, 60, "uniform"));
    let results = tempfile::tempdir().unwrap();
    let signal = Arc::new(AtomicUsize::new(0));
    let options = RunOptions {
        program: PROGRAM.into(),
        results_dir: results.path().to_owned(),
        signal: signal.clone(),
        loopback: Some(LoopbackHooks::default()),
        ..RunOptions::default()
    };
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(5));
            signal.store(130, Ordering::Relaxed);
        });
        run::run(&plan, "", options, &mut Progress::Quiet).unwrap().result
    });
    assert_eq!(result.verdict.interrupted_by, Some(130));
    let whole_s = (result.ledger.offered / 1_000) as f64;
    assert!((1.0..6.0).contains(&whole_s), "{whole_s}");
    let throughput = &result.throughput;
    assert!((throughput.measured_s - whole_s).abs() < 1e-9, "{throughput:?}");
    let rates = [throughput.offered_per_s, throughput.accepted_per_s, throughput.acked_per_s];
    let consumed = result.apps.iter().map(|app| app.consumed_per_s);
    for rate in rates.into_iter().chain(consumed) {
        assert!((rate / 1_000.0 - 1.0).abs() < 0.02, "{rate} in {throughput:?}");
    }
    // Nothing that was offered is missing from a latency.
    assert_eq!((result.ack.count, result.ack.never_delivered), (result.ledger.offered, 0));
}
