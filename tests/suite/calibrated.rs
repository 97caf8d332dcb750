//! A loopback whose times are known: each figure of a run is what was planted, to 0.3 ms. What
//! reads a clock too early, too late or too seldom shows here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::probe::Probe;
use crate::runs::{constant, histogram, plan, run_with, try_run};
use crate::world::{Kind, World};
use kbench::client::loopback::hooks::{LoopbackHooks, WriteHook};
use kbench::client::loopback::{Delays, Ticks};
use kbench::result::{LatencySummary, RunResult};

/// Places without a broker, where times can be planted.
const LOOPBACK: &[Kind] = &[Kind::Loopback];

/// How far a figure may lie from what was planted.
const TOLERANCE_MS: f64 = 0.3;

/// Runs that a host may disturb before it is no place for this test.
const TRIES: usize = 5;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("calibrated::every_figure_is_what_was_planted", every_figure)
            .only(LOOPBACK)
            .alone(),
        Probe::new("calibrated::what_is_written_after_its_answer_got_lost_is_read", written_late)
            .only(LOOPBACK),
        Probe::new("calibrated::what_nobody_answers_is_looked_up_in_the_log", unanswered)
            .only(LOOPBACK),
    ]
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// At 100/s an event is due at 5, 15, 25 and 35 ms of each 40. The sink blocks for 2 ms, so it is
/// written at 7, 17, 27 and 37. Answers come at the next 40, a millisecond apart. The log gives a
/// record after 50 ms, at the next 40: those of −5, 5, 15 and 25 together at 80, and the first
/// application works on each of them for 3 ms.
fn delays(group: &str) -> Delays {
    Delays {
        send: ms(2),
        hold: Ticks { least: ms(50), tick: ms(40) },
        answer: Ticks { least: ms(0), tick: ms(40) },
        answer_gap: ms(1),
        work: HashMap::from([(group.to_owned(), ms(3))]),
    }
}

/// A figure and what it has to be for each of the four places in a tick, in ms and rising.
struct Planted<'a> {
    what: &'a str,
    found: &'a LatencySummary,
    ms: [f64; 4],
}

fn planted(result: &RunResult) -> Vec<Planted<'_>> {
    let planted = |what, found, ms| Planted { what, found, ms };
    let [busy, idle] = &result.apps[..] else { panic!("two applications") };
    // From 80 ms back to when each was due, and what the application works before its turn.
    vec![
        planted("send delay", &result.send_delay, [2.0; 4]),
        planted("ack", &result.ack, [8.0, 17.0, 26.0, 35.0]),
        planted("arrival", &busy.arrival, [64.0, 71.0, 78.0, 85.0]),
        planted("service", &busy.service, [3.0; 4]),
        planted("end to end", &busy.end_to_end, [67.0, 74.0, 81.0, 88.0]),
        planted("arrival without work", &idle.arrival, [55.0, 65.0, 75.0, 85.0]),
        planted("service without work", &idle.service, [0.0; 4]),
        planted("end to end without work", &idle.end_to_end, [55.0, 65.0, 75.0, 85.0]),
    ]
}

impl Planted<'_> {
    /// What is not as planted, in words. A quarter of the samples belongs to each place: its
    /// median is not moved by the few that the host held up.
    fn faults(&self) -> Vec<String> {
        let histogram = histogram(self.found);
        let quantiles = [0.125, 0.375, 0.625, 0.875];
        let places = quantiles.into_iter().zip(self.ms);
        let fault = |(quantile, planted_ms): (f64, f64)| {
            let found_ms = histogram.value_at_quantile(quantile) as f64 / 1e6;
            ((found_ms - planted_ms).abs() > TOLERANCE_MS)
                .then(|| format!("{}: {found_ms:.2} ms, not {planted_ms} ms", self.what))
        };
        places.filter_map(fault).collect()
    }
}

fn every_figure(world: &World) {
    let mut plan = plan(world, &constant(100, 4, "uniform"));
    plan.topic.partitions = 1;
    plan.apps.truncate(2);
    let mut faults = Vec::new();
    for _ in 0..TRIES {
        let sleepers = Sleepers::begin();
        let planted_faults =
            LoopbackHooks { delays: delays(&plan.apps[0].group), ..LoopbackHooks::default() };
        let result = try_run(world, &plan, planted_faults).unwrap().result;
        let late = sleepers.end();
        assert_eq!(result.verdict.reasons, Vec::<String>::new());
        assert_eq!((result.ack.count, result.apps[0].end_to_end.count), (400, 400));
        faults = planted(&result).iter().flat_map(Planted::faults).collect();
        if faults.is_empty() {
            return;
        }
        assert!(late > LATE_SHARE, "{faults:#?}\n({:.1} % of the sleeps were late)", late * 1e2);
    }
    panic!("the host held every run up: {faults:#?}");
}

/// A sleep of a millisecond that ends so much late was held up by the host.
const LATE: Duration = Duration::from_micros(250);

/// Where more sleeps than these are late, a figure proves nothing.
pub const LATE_SHARE: f64 = 0.002;

/// Threads that only sleep, one for each core: what the host does to somebody who is not a part of
/// kbench.
pub struct Sleepers {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(u32, u32)>>,
}

impl Sleepers {
    pub fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let sleeper = |_| {
            let over = over.clone();
            thread::spawn(move || {
                kbench::base::clock::wake_on_time();
                let (mut late, mut all) = (0, 0);
                while !over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    thread::sleep(ms(1));
                    late += u32::from(began.elapsed() > ms(1) + LATE);
                    all += 1;
                }
                (late, all)
            })
        };
        let threads = (0..cores).map(sleeper).collect();
        Self { over, threads }
    }

    /// The share of sleeps that ended late.
    pub fn end(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        let counts = self.threads.into_iter().map(|thread| thread.join().unwrap());
        let (late, all) = counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        f64::from(late) / f64::from(all.max(1))
    }
}

/// The answer to the last event got lost, and it is written 600 ms later: behind everything that
/// the groups have read by then. They are let to read it, since the partitions' ends must have
/// stood for a second.
fn written_late(world: &World) {
    let write = HashMap::from([((0, 999), WriteHook::Late(ms(600)))]);
    let faults = LoopbackHooks { write, ..LoopbackHooks::default() };
    let result = run_with(world, &constant(1_000, 1, "uniform"), faults);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let ledger = &result.ledger;
    assert_eq!((ledger.acked, ledger.unknown, ledger.unknown_written), (999, 1, 1));
    assert!(ledger.apps.iter().all(|app| (app.seen, app.missing) == (1_000, 0)));
}

/// One event's answer never comes, and no group is shown it. What became of it only the log says.
fn unanswered(world: &World) {
    let mut plan = plan(world, &constant(1_000, 1, "uniform"));
    plan.measure.drain_timeout_ms = 1_500;
    let groups = plan.apps.iter().map(|app| (app.group.clone(), vec![(0, 500)]));
    let faults = LoopbackHooks {
        write: HashMap::from([((0, 500), WriteHook::Mute)]),
        hide: groups.collect(),
        ..LoopbackHooks::default()
    };
    let result = try_run(world, &plan, faults).unwrap().result;
    let ledger = &result.ledger;
    assert_eq!((ledger.acked, ledger.unresolved, ledger.closes), (999, 1, false));
    assert_eq!(ledger.unresolved_written, 1, "nobody looked into the log");
    assert_eq!(ledger.rescan.as_ref().map(|rescan| rescan.events), Some(1_000));
    let said = &result.verdict.reasons;
    assert!(said.iter().any(|reason| reason.contains("1 receipts are outstanding")), "{said:?}");
    assert!(said.iter().any(|reason| reason.contains("1 without an outcome")), "{said:?}");
}
