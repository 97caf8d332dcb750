//! The laws of measuring, each broken on purpose to see whether the figures tell.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::canary;
use crate::probe::Probe;
use crate::runs::{above, constant, plan, run, run_with, try_run};
use crate::world::{Kind, World};
use kbench::base::error::ExitCode;
use kbench::broker::config::BrokerConfig;
use kbench::client::facts::BrokerKind;
use kbench::client::loopback::hooks::{LoopbackHooks, WriteHook};
use kbench::result::RunResult;

/// The protocol's number of the request.
const INIT_PRODUCER_ID: i16 = 22;

/// Places without a broker, where faults can be planted.
const LOOPBACK: &[Kind] = &[Kind::Loopback];

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("laws::a_stalled_sender_shows_from_the_due_time", stalled_sender)
            .only(LOOPBACK)
            .alone(),
        Probe::new("laws::a_stopped_broker_shows_from_the_due_time", stopped_broker)
            .only(&[Kind::Kafka])
            .natively(&[Kind::Kafka])
            .alone(),
        Probe::new("laws::the_schedule_is_the_same_whatever_the_sink_does", same_schedule)
            .only(LOOPBACK)
            .alone(),
        Probe::new("laws::what_was_changed_on_the_way_shows_against_the_books", forged)
            .only(LOOPBACK),
        Probe::new("laws::what_nobody_confirms_has_no_ack_latency", unconfirmed)
            .only(&[Kind::Embedded, Kind::Kafka])
            .natively(&[Kind::Embedded, Kind::Kafka]),
        Probe::new("laws::every_event_of_a_fast_path_has_its_sample", fast_path)
            .only(LOOPBACK)
            .alone(),
        Probe::new("laws::warm_up_is_cut_by_due_time", warm_up).only(LOOPBACK),
        Probe::new("laws::no_event_waits_for_a_client_that_connects", connecting)
            .only(&[Kind::Embedded])
            .natively(&[Kind::Embedded])
            .alone(),
        Probe::new("laws::a_late_joiner_leaves_no_trace", late_joiner).only(LOOPBACK).alone(),
        Probe::new("laws::a_group_that_never_joins_fails_the_run", never_joins).only(LOOPBACK),
        Probe::new("laws::what_was_written_wrongly_is_found_in_every_app", written_wrongly)
            .only(LOOPBACK),
        Probe::new("laws::what_one_app_misses_is_found_in_that_one", hidden).only(LOOPBACK),
        Probe::new("laws::unsent_failed_and_unknown_are_counted_apart", three_outcomes)
            .only(LOOPBACK),
        Probe::new("laws::a_result_says_what_kind_of_broker_it_is_from", labelled).only(&[
            Kind::Loopback,
            Kind::Embedded,
            Kind::Kafka,
        ]),
    ]
}

/// Law 1. The sink does not come back for 1 s at 1,000/s: the events that came due meanwhile
/// waited between 1 s and nothing, evenly.
fn stalled_sender(world: &World) {
    let faults =
        LoopbackHooks { stall: Some(((0, 1_000), 1_000_000_000)), ..LoopbackHooks::default() };
    let text = constant(1_000, 3, "uniform");
    let result = run_with(world, &format!("{text}\n[measure]\ninterval = \"250ms\"\n"), faults);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert_eq!(result.ack.count, 3_000);
    // However many samples it has, it happened once, and p99 says so.
    for stage in result.apps.iter().map(|app| &app.end_to_end).chain([&result.ack]) {
        let footing = stage.p99_rests_on.unwrap();
        assert!(footing.episodes < 2.0 && !footing.is_enough, "{footing:?}");
        assert!((20..=30).contains(&footing.above), "{footing:?}");
    }
    let shown = kbench::output::table::terminal(&result, false);
    assert!(shown.contains("p99 rests on 1 episode ("), "{shown}");
    // Of 1,000 events, those above x ms are the (1,000 − x) that came due first.
    for limit_ms in [100, 300, 500, 700, 900] {
        let expected = 1_000 - limit_ms;
        let found = above(&result.ack, limit_ms);
        assert!(found.abs_diff(expected) <= 60, "{found} above {limit_ms} ms, not {expected}");
    }
    // From the real send, those that came due meanwhile waited for nothing: only the hand-over
    // that stalled (64 events at most) shows. Side by side, that is coordinated omission.
    assert_eq!(result.ack_uncorrected.count, 3_000);
    let blind = above(&result.ack_uncorrected, 100);
    assert!(blind <= 64, "{blind} uncorrected acks above 100 ms");
    for app in &result.apps {
        assert_eq!(app.end_to_end_uncorrected.count, 3_000);
        assert!(above(&app.end_to_end_uncorrected, 100) <= 64);
        assert!(above(&app.end_to_end, 100) >= 840);
        // And it is the sender that the slow events waited for, says the stack.
        let p90 = app.stack.iter().find(|slice| slice.percentile == "p90").unwrap();
        let sum = p90.send_delay_ns.unwrap() + p90.broker_ns + p90.service_ns;
        assert!((sum - p90.end_to_end_ns).abs() < 1.0, "{p90:?}");
        assert!(p90.send_delay_ns.unwrap() > 0.9 * p90.end_to_end_ns, "{p90:?}");
    }
    // And the harness accuses itself: the sender was held back.
    assert!(result.verdict.flags.iter().any(|flag| flag.contains("harness limited")));
}

/// Law 1 with a broker that is stopped for 500 ms at 2,000/s. Whatever came due while it surely
/// stood still, but for the last 100 ms, took longer than 100 ms; the longest took as long as the
/// stop. No more did than what a canary
/// waited for explains, with 300 ms to send what had gathered. What the canary waited for beyond
/// the stop is the host's doing, and counts four times: a run has more threads to hold up.
fn stopped_broker(shared: &World) {
    const RATE_PER_S: f64 = 2_000.0;
    const LIMIT: Duration = Duration::from_millis(100);
    let world = World::fresh(Kind::Kafka, 1, &[]).by(shared.client());
    let mut text = constant(2_000, 10, "uniform").replace("warmup = \"0s\"", "warmup = \"3s\"");
    text.push_str("[kafka.producer]\nlinger.ms = 1\n");
    let over = AtomicBool::new(false);
    let (result, stopped, slow) = thread::scope(|scope| {
        let stopper = scope.spawn(|| {
            // Within the measured ten seconds: they begin with the warm-up's end, 3 s after the
            // groups and the producers are ready, which takes between 1 and 6 s.
            thread::sleep(Duration::from_secs(10));
            world.pause_broker(Duration::from_millis(500))
        });
        let canary = scope.spawn(|| canary::watch(&world, LIMIT, &over));
        let result = try_run(&world, &plan(&world, &text), LoopbackHooks::default());
        over.store(true, Ordering::Relaxed);
        let stopped = stopper.join().unwrap();
        (result.unwrap_or_else(|error| panic!("{error}")).result, stopped, canary.join().unwrap())
    });
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let events = |time: Duration| (time.as_secs_f64() * RATE_PER_S) as u64;
    let least = stopped - LIMIT;
    let recovery = Duration::from_millis(300);
    let (least, most) = (events(least), events(slow + recovery + 3 * slow.saturating_sub(least)));
    let mut found = vec![("acks", &result.ack)];
    found.extend(result.apps.iter().map(|app| (app.name.as_str(), &app.end_to_end)));
    for (what, latency) in found {
        // What came due as the broker stopped, or within 5 ms after, waited for the whole stop.
        let longest = Duration::from_nanos(latency.max_ns.unwrap().unsigned_abs());
        assert!(
            longest + Duration::from_millis(5) >= stopped,
            "{what}: at most {longest:?} in a stop of {stopped:?}"
        );
        let found = above(latency, 100);
        assert!(
            (least..=most).contains(&found),
            "{what}: {found} above 100 ms, not {least} to {most}: stopped for {stopped:?}, and \
             {slow:?} in which the canary waited"
        );
    }
}

/// Law 1. A sink that does not come back for 1 s changes no due time, skips no slot and leaves no
/// event out: the burst is sent at once, and flagged.
fn same_schedule(world: &World) {
    let text = constant(1_000, 3, "poisson");
    let calm = run(world, &text);
    let faults =
        LoopbackHooks { stall: Some(((0, 1_000), 1_000_000_000)), ..LoopbackHooks::default() };
    let stalled = run_with(world, &text, faults);
    // By the interval that they were due in.
    let offered = |result: &RunResult| -> Vec<u64> {
        result.series.iter().map(|row| row.offered).filter(|&count| count > 0).collect()
    };
    assert_eq!(offered(&calm), offered(&stalled));
    assert_eq!((calm.ledger.sent, &calm.books), (stalled.ledger.sent, &stalled.books));
    // The applications know each event by its date: one that is off by a second shows.
    for (calm, stalled) in calm.apps.iter().zip(&stalled.apps) {
        assert_eq!(calm.summary, stalled.summary, "{}", calm.name);
    }
    assert!(above(&stalled.ack, 500) > 300, "nothing was held up");
    let flagged = |flag: &String| flag.contains("over 10 ms late");
    assert!(stalled.verdict.flags.iter().any(flagged), "{:?}", stalled.verdict);
}

/// Law 2. Where everything takes less than a millisecond, nothing is dropped as zero.
fn fast_path(world: &World) {
    let result = run(world, &constant(2_000, 2, "poisson"));
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let offered = result.ledger.offered;
    assert!(offered > 3_500);
    assert_eq!((result.send_delay.count, result.ack.count), (offered, offered));
    for app in &result.apps {
        for stage in [&app.arrival, &app.service, &app.end_to_end] {
            assert_eq!(stage.count, offered);
            assert_eq!((stage.zero_or_negative, stage.over_range), (0, 0));
        }
        assert!(app.end_to_end.p50_ns.unwrap() < 1_000_000);
    }
}

/// Law 1. An idempotent client asks for a producer id when it first connects. This broker takes
/// a second for it: a client that connected with the first event would be a second late.
fn connecting(shared: &World) {
    let world = World::embedded(&BrokerConfig::default()).unwrap().by(shared.client());
    world.broker().faults().delay(INIT_PRODUCER_ID, Duration::from_secs(1));
    let result = run(&world, &constant(500, 1, "uniform"));
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert_eq!((result.ack.count, above(&result.ack, 500)), (500, 0));
}

/// Law 3. The warm-up's events are sent, seen and counted, and are in no latency figure.
fn warm_up(world: &World) {
    let text = constant(1_000, 2, "uniform").replace("warmup = \"0s\"", "warmup = \"1s\"");
    // A stall that lies wholly within the warm-up must leave no trace.
    let faults = LoopbackHooks { stall: Some(((0, 100), 500_000_000)), ..LoopbackHooks::default() };
    let result = run_with(world, &text, faults);
    assert_eq!((result.ledger.offered, result.ack.count), (3_000, 2_000));
    assert_eq!(result.books.events, 3_000);
    assert_eq!(above(&result.ack, 300), 0);
    assert_eq!(result.apps[0].end_to_end.count, 2_000);
    assert_eq!(result.apps[0].summary.as_ref().unwrap().totals.events, 3_000);
}

/// Law 3. The schedule starts only when everybody reads.
fn late_joiner(world: &World) {
    let mut plan = plan(world, &constant(1_000, 2, "uniform"));
    plan.apps[1].workers = 2;
    let join_after = HashMap::from([(plan.apps[1].group.clone(), Duration::from_secs(3))]);
    let began = Instant::now();
    let faults = LoopbackHooks { join_after, ..LoopbackHooks::default() };
    let result = try_run(world, &plan, faults).unwrap().result;
    assert!(began.elapsed() > Duration::from_secs(5), "it did not wait");
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    for app in &result.apps {
        assert_eq!(app.end_to_end.count, 2_000);
        assert_eq!(above(&app.end_to_end, 900), 0, "{} has a trace of the late join", app.name);
    }
}

/// Law 3. Waiting has an end, and it is a failure.
fn never_joins(world: &World) {
    let mut plan = plan(world, &constant(1_000, 2, "uniform"));
    plan.measure.ready_timeout_ms = 1_000;
    let join_after = HashMap::from([(plan.apps[2].group.clone(), Duration::from_secs(60))]);
    let began = Instant::now();
    let error = try_run(world, &plan, LoopbackHooks { join_after, ..LoopbackHooks::default() })
        .unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(error.exit_code(), ExitCode::Invalid);
    assert!(error.to_string().contains(&plan.apps[2].group), "{error}");
}

/// Law 4. Dropped, doubled, swapped and cut records, found exactly, in every application.
fn written_wrongly(world: &World) {
    let write = HashMap::from([
        ((0, 100), WriteHook::Drop),
        ((0, 101), WriteHook::Drop),
        ((0, 777), WriteHook::Drop),
        ((0, 300), WriteHook::Double),
        ((0, 301), WriteHook::Double),
        ((0, 500), WriteHook::Swap),
        ((0, 900), WriteHook::Cut),
    ]);
    let faults = LoopbackHooks { write, ..LoopbackHooks::default() };
    let result = run_with(world, &constant(1_000, 2, "uniform"), faults);
    assert!(!result.verdict.valid);
    assert!(result.ledger.closes);
    for app in &result.ledger.apps {
        let named: Vec<u64> = app.missing_named.iter().map(|slot| slot.seq).collect();
        assert_eq!(named, [100, 101, 777]);
        let found = (app.missing, app.duplicates, app.reordered, app.corrupt);
        assert_eq!(found, (3, 2, 1, 1));
        assert_eq!((app.skipped, app.missing_unsettled), (0, 0), "none was withheld");
    }
    // And what is missing is told apart by where it was lost: on the way into the log.
    let ledger = &result.ledger;
    let lost: Vec<u64> = ledger.lost_named.iter().map(|slot| slot.seq).collect();
    assert_eq!((ledger.lost, lost), (3, vec![100, 101, 777]));
    let rescan = ledger.rescan.as_ref().unwrap();
    assert_eq!((rescan.events, rescan.doubled), (2_000 - 3, 2));
    let reason = "3 acknowledged events were never in the log (0/100, 0/101, 0/777)";
    assert_eq!(result.verdict.reasons[0], reason);
}

/// Law 5. The stamp is whole and the ledger content, but the event is another: only the
/// generator's own books know.
fn forged(world: &World) {
    let write = [(0, 100), (0, 777)].map(|slot| (slot, WriteHook::Forge));
    let faults = LoopbackHooks { write: HashMap::from(write), ..LoopbackHooks::default() };
    let result = run_with(world, &constant(1_000, 2, "uniform"), faults);
    let ledger = &result.ledger;
    assert!(ledger.closes && ledger.apps.iter().all(|app| app.missing + app.corrupt == 0));
    assert!(!result.verdict.valid, "{:?}", result.verdict);
    let purchase = result.checks.iter().find(|check| check.what == "purchase").unwrap();
    assert_eq!(purchase.apps, [Some(purchase.books + 2); 4]);
    let reason = format!(
        "purchase: the books have {0}, analytics {1} (+2), fraud {1} (+2), dashboard {1} (+2), \
         behavior {1} (+2)",
        purchase.books,
        purchase.books + 2
    );
    assert!(result.verdict.reasons.contains(&reason), "{:?}", result.verdict.reasons);
    let events = &result.checks[0];
    assert!(events.agrees() && events.what == "events", "{events:?}");
}

/// Law 7. Handed over is not acknowledged, and acknowledged is not consumed: where the broker
/// confirms nothing, the log and the applications say what came of it.
fn unconfirmed(world: &World) {
    let mut text = constant(500, 2, "uniform");
    text.push_str("[kafka.producer]\nacks = 0\n\"enable.idempotence\" = false\n");
    let result = run(world, &text);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let ledger = &result.ledger;
    assert_eq!((ledger.sent, ledger.acked, ledger.unknown), (1_000, 0, 1_000));
    assert_eq!(ledger.unknown_written, 1_000);
    assert!(ledger.apps.iter().all(|app| (app.seen, app.seen_unacked) == (1_000, 1_000)));
    assert_eq!((result.ack.count, result.ack.p50_ns, result.ack.max_ns), (0, None, None));
    assert!(result.throughput.acked_per_s.abs() < f64::EPSILON, "{:?}", result.throughput);
    let shown = kbench::output::table::terminal(&result, false);
    assert!(shown.contains("ack p50 n/a p99 n/a max n/a"), "{shown}");
}

/// Law 4. The ledger judges each application by itself.
fn hidden(world: &World) {
    let plan = plan(world, &constant(1_000, 2, "uniform"));
    let hide = HashMap::from([(plan.apps[3].group.clone(), vec![(0, 5), (0, 1_500)])]);
    let result =
        try_run(world, &plan, LoopbackHooks { hide, ..LoopbackHooks::default() }).unwrap().result;
    let missing: Vec<u64> = result.ledger.apps.iter().map(|app| app.missing).collect();
    assert_eq!(missing, [0, 0, 0, 2]);
    assert_eq!(
        result.verdict.reasons,
        ["behavior: 2 acknowledged events are missing: they are in the log, and it was not given \
          them (0/5, 0/1500)"]
    );
    assert_eq!((result.ledger.lost, result.ledger.apps[3].skipped), (0, 2));
}

/// Law 4. Three outcomes and a refusal, and the sums close over them.
fn three_outcomes(world: &World) {
    let write = HashMap::from([
        ((0, 10), WriteHook::Full),
        ((0, 11), WriteHook::Full),
        ((0, 20), WriteHook::Fail),
        ((0, 30), WriteHook::Lose),
    ]);
    let faults = LoopbackHooks { write, ..LoopbackHooks::default() };
    let result = run_with(world, &constant(1_000, 1, "uniform"), faults);
    let ledger = &result.ledger;
    assert!(ledger.closes);
    assert_eq!((ledger.offered, ledger.sent, ledger.unsent), (1_000, 998, 2));
    assert_eq!((ledger.acked, ledger.failed, ledger.unknown), (996, 1, 1));
    assert_eq!(ledger.unknown_written, 1, "the groups saw it");
    assert!(result.verdict.flags.iter().any(|flag| flag.starts_with("client limited: 2")));
    assert_eq!(result.verdict.reasons, ["1 events were sent and not written"]);
    assert_eq!(result.failures["the client's queue was full"], 2);
}

/// Law 8. No result without its kind of broker.
fn labelled(world: &World) {
    let result = run(world, &constant(200, 1, "uniform"));
    let (kind, words) = match world.kind() {
        Kind::Loopback => (BrokerKind::Loopback, "the loopback, without a broker"),
        Kind::Embedded => (BrokerKind::Embedded, "the embedded in-memory broker"),
        Kind::Kafka => (BrokerKind::Kafka, "Kafka at "),
    };
    assert_eq!(result.broker.kind, kind);
    for text in [
        kbench::output::summary::markdown(&result),
        kbench::output::table::terminal(&result, false),
    ] {
        assert!(text.contains(words), "{text}");
    }
}
