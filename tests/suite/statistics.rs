//! What librdkafka's statistics cost a producer, on against off. A measurement and no test: it
//! takes minutes and an idle host, and says nothing where there is neither.
//!
//! ```text
//! KBENCH_STATISTICS_PAIRS=20 cargo test --release --test suite embedded::statistics -- --nocapture
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use statrs::distribution::{ContinuousCDF, StudentsT};

use kbench::base::clock::{Clock, SystemClock};
use kbench::client::librdkafka::{ClientLog, KafkaSink, STATISTICS_MS};
use kbench::event::{Outcome, Receipt};
use kbench::measure::latency::Recorder;
use kbench::measure::ledger::Ledger;
use kbench::workers::produce;
use kbench::workers::produce::{ProducerTask, ReceiptBook, Receiver, Sending, Sink, Workload};

use crate::admin::delete_topic;
use crate::probe::Probe;
use crate::runs::{constant, plan};
use crate::world::{Kind, World};

/// How many pairs of runs.
const PAIRS: &str = "KBENCH_STATISTICS_PAIRS";

/// Events per second.
const RATE_PER_S: u32 = 20_000;

pub fn probes() -> Vec<Probe> {
    if std::env::var_os(PAIRS).is_none() {
        return Vec::new();
    }
    let probe = Probe::new("statistics::on_and_off", on_and_off).only(&[Kind::Embedded]).alone();
    vec![Probe { limit: Duration::from_secs(3_600), ..probe }]
}

/// The figures of one run: acks in ms, CPU of the whole process in µs an event.
type Figures = [(&'static str, f64); 3];

fn on_and_off(world: &World) {
    let pairs: u32 = std::env::var(PAIRS).unwrap().parse().expect("a number of pairs");
    let mut ratios = vec![Vec::new(); 3];
    for pair in 0..pairs {
        // In turns (on off, off on), so that what drifts does so for both.
        let order = if pair % 2 == 0 { [STATISTICS_MS, 0] } else { [0, STATISTICS_MS] };
        let mut both = order.map(|every_ms| (every_ms, run(world, every_ms)));
        both.sort_by_key(|(every_ms, _)| *every_ms);
        let [(_, off), (_, on)] = both;
        for (ratios, (on, off)) in ratios.iter_mut().zip(on.iter().zip(&off)) {
            ratios.push((on.1 / off.1).ln());
        }
        eprintln!("pair {}: on {on:.3?} off {off:.3?}", pair + 1);
    }
    for (what, ratios) in ["ack p50", "ack p99", "CPU"].iter().zip(&ratios) {
        let count = ratios.len() as f64;
        let mean = ratios.iter().sum::<f64>() / count;
        let variance = ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let t = StudentsT::new(0.0, 1.0, count - 1.0).unwrap().inverse_cdf(0.975);
        let half = t * (variance / count).sqrt();
        let percent = |log: f64| (log.exp() - 1.0) * 1e2;
        eprintln!(
            "{what}: on is {:+.2} % of off (95 %: {:+.2} to {:+.2}), {count} pairs",
            percent(mean),
            percent(mean - half),
            percent(mean + half)
        );
    }
}

/// Keeps the ack of each event.
#[derive(Default)]
struct Acks {
    ns: Mutex<Vec<i64>>,
    clock: Option<Arc<SystemClock>>,
}

impl Receiver for Acks {
    fn receive(&self, receipt: &Receipt<'_>) {
        assert_eq!((receipt.outcome, receipt.reason), (Outcome::Acked, ""));
        let clock = self.clock.as_ref().unwrap();
        let due_ns = clock.ns_of_wall_us(receipt.stamp.due_wall_us);
        self.ns.lock().unwrap().push(receipt.at_ns as i64 - due_ns);
    }
}

fn run(world: &World, every_ms: u32) -> Figures {
    let plan = plan(world, &constant(RATE_PER_S, 3, "poisson"));
    let topic = world.topic("statistics", 6);
    let clock = Arc::new(SystemClock::start());
    let acks = Arc::new(Acks { clock: Some(clock.clone()), ..Acks::default() });
    let properties: &BTreeMap<_, _> = &plan.kafka.producer;
    let sink = KafkaSink::with_statistics(
        world.bootstrap(),
        properties,
        (&topic, plan.event.codec()),
        clock.clone(),
        (acks.clone(), &ClientLog::default()),
        every_ms,
    );
    let mut sink = sink.unwrap();
    sink.get_ready(Instant::now() + Duration::from_secs(1));
    let (windows, _collected) = channel();
    let shift = ProducerTask {
        shard: 0,
        run: 1,
        start_ns: (clock.now_ns() + 50_000_000).next_multiple_of(1_000),
        script: Workload::for_shards(&plan, Sending::default()).remove(0),
        sink: Box::new(sink),
        recorder: Recorder::new(0..u64::MAX, 1_000_000_000),
        clock,
        ledger: Arc::new(Ledger::new(1, 1, 0)),
        receipts: Arc::new(ReceiptBook::new(6)),
        stop: Arc::new(AtomicBool::default()),
        tick_ns: 0,
        interval_ns: 1_000_000_000,
        windows,
    };
    let receipts = shift.receipts.clone();
    let cpu_before_ns = cpu_ns();
    let done = produce::run(shift).unwrap();
    while (acks.ns.lock().unwrap().len() as u64) < receipts.accepted() {
        thread::sleep(Duration::from_millis(1));
    }
    let cpu_ns = cpu_ns() - cpu_before_ns;
    drop(done);
    // A broker in memory that is full answers nothing for 30 s.
    delete_topic(world, &topic).unwrap();
    let mut acks = std::mem::take(&mut *acks.ns.lock().unwrap());
    acks.sort_unstable();
    let at = |share: f64| acks[(acks.len() as f64 * share) as usize] as f64 / 1e6;
    let cpu_us = cpu_ns as f64 / 1e3 / acks.len() as f64;
    [("ack p50 ms", at(0.5)), ("ack p99 ms", at(0.99)), ("CPU us", cpu_us)]
}

/// CPU that the threads of this process have had.
fn cpu_ns() -> u64 {
    let threads = fs::read_dir("/proc/self/task").unwrap().map_while(Result::ok);
    let of = |path: std::path::PathBuf| {
        let text = fs::read_to_string(path.join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    threads.filter_map(|thread| of(thread.path())).sum()
}
