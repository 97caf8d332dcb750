//! What this host can send when nobody is behind: the measure for what it is asked to send.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use crate::base::clock::{Clock, SystemClock};
use crate::base::error::Result;
use crate::event::{Outcome, Receipt};
use crate::load::generate::Generator;
use crate::measure::latency::Recorder;
use crate::measure::latency::window::{Stage, Window};
use crate::measure::ledger::Ledger;
use crate::plan::Plan;
use crate::workers::produce::{
    self, Batch, Handover, ProducerTask, ReceiptBook, Receiver, Sending, ShardReceipts, Sink,
    Workload,
};

/// Until the threads are on their feet, and the first sessions drawn.
const LEAD: Duration = Duration::from_millis(60);

/// How long is counted.
const COUNTED: Duration = Duration::from_millis(160);

/// Most sessions that are live at once: drawing millions would take longer than the measuring.
const SESSIONS_MAX: u32 = 10_000;

/// The recorder's windows: none comes while it is counted.
const INTERVAL_NS: u64 = 10_000_000_000;

/// Nobody: takes everything, and acknowledges it at once.
struct NullSink {
    clock: Arc<dyn Clock>,
    receiver: Arc<dyn Receiver>,
}

impl Sink for NullSink {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<Handover> {
        let at_ns = self.clock.now_ns();
        for index in range.clone() {
            self.receiver.receive(&Receipt {
                stamp: *batch.stamp(index),
                outcome: Outcome::Acked,
                at_ns,
                partition: 0,
                // Nobody reads up to there.
                offset: 0,
                reason: "",
            });
        }
        Ok(Handover { taken: range.len(), refusal: None })
    }
}

/// Events per second that the plan's producers make, encode, hand over and account for on this
/// host, all of them at once and as fast as they can, when there is nobody to take them. It takes
/// a quarter of a second, and must be over before the load begins.
///
/// `None` for a replay, whose events are not made, and for who sends as fast as it goes: there is
/// no rate to be held against it. Nor where the host had no core for it at all.
///
/// # Errors
/// When a thread can't be started.
pub(in crate::run) fn ceiling_per_s(plan: &Plan, sending: Sending) -> Result<Option<f64>> {
    if plan.load.replay.is_some() || sending.unpaced {
        return Ok(None);
    }
    let mut plan = plan.clone();
    plan.population.sessions_max = plan.population.sessions_max.min(SESSIONS_MAX);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let ledger = Arc::new(Ledger::new(0, plan.load.producers, 0));
    let receipts = Arc::new(ReceiptBook::new(1));
    let stop = Arc::new(AtomicBool::new(false));
    let (windows, _taken) = channel();
    let bench = Bench { clock: clock.clone(), ledger, receipts: receipts.clone(), stop, windows };
    let mut threads = Vec::new();
    for (shard, generator) in (0..).zip(Generator::for_shards(&plan)) {
        let shift = bench.shift(shard, generator);
        threads.push(crate::run::threads::spawn("ceiling", move || produce::run(shift))?);
    }
    thread::sleep(LEAD);
    let (from_ns, before) = (clock.now_ns(), receipts.accepted());
    thread::sleep(COUNTED);
    let (to_ns, after) = (clock.now_ns(), receipts.accepted());
    bench.stop.store(true, Ordering::Relaxed);
    for thread in threads {
        // One that panics here will do so again in the run, where it is reported.
        let _ = thread.join();
    }
    Ok(rate_per_s((from_ns, before), (to_ns, after)))
}

/// Events per second between two moments, each with the events until then. On a host that had no
/// core for them in all that time, what they did before has to do.
fn rate_per_s(from: (u64, u64), (to_ns, after): (u64, u64)) -> Option<f64> {
    let (from_ns, before) = if after > from.1 { from } else { (0, 0) };
    let seconds = (to_ns - from_ns) as f64 / 1e9;
    (after > before).then(|| (after - before) as f64 / seconds)
}

/// What the producers share.
struct Bench {
    clock: Arc<dyn Clock>,
    ledger: Arc<Ledger>,
    receipts: Arc<ReceiptBook>,
    stop: Arc<AtomicBool>,
    windows: Sender<(Stage, Box<Window>)>,
}

impl Bench {
    fn shift(&self, shard: u16, generator: Generator) -> ProducerTask {
        let receiver = Arc::new(ShardReceipts::new(
            self.clock.clone(),
            self.ledger.clone(),
            self.receipts.clone(),
            Recorder::new(0..u64::MAX, INTERVAL_NS),
            self.windows.clone(),
        ));
        let generator = Box::new(generator);
        ProducerTask {
            shard,
            run: 0,
            start_ns: 0,
            script: Workload::Unpaced { generator, seq: 0, left: u64::MAX, until_ns: u64::MAX },
            sink: Box::new(NullSink { clock: self.clock.clone(), receiver }),
            recorder: Recorder::new(0..u64::MAX, INTERVAL_NS),
            clock: self.clock.clone(),
            ledger: self.ledger.clone(),
            receipts: self.receipts.clone(),
            stop: self.stop.clone(),
            tick_ns: 0,
            interval_ns: INTERVAL_NS,
            windows: self.windows.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::planned;
    use crate::plan::toml::source::ScenarioSource;
    use std::time::Instant;

    fn plan(load: &str) -> Plan {
        let text = format!("seed = 1\n[load]\n{load}\n[population]\nusers = 5000000\n");
        let source = ScenarioSource { name: "test.toml".to_owned(), text };
        planned(&source)
    }

    #[test]
    fn a_rate_is_of_what_is_counted_or_of_the_whole_where_that_is_nothing() {
        let is = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-9;
        let (from, to_ns) = ((60_000_000, 1_000), 220_000_000);
        assert!(is(rate_per_s(from, (to_ns, 5_000)), 25_000.0), "4,000 in 160 ms");
        assert!(is(rate_per_s(from, (to_ns, 1_000)), 1_000.0 / 0.22), "no core since");
        assert_eq!(rate_per_s((60_000_000, 0), (to_ns, 0)), None);
    }

    #[test]
    fn every_host_makes_some_events_and_soon() {
        let began = Instant::now();
        let plan = plan("rate_per_s = 10\nduration = \"5s\"\nproducers = 2");
        let ceiling = ceiling_per_s(&plan, Sending::default()).unwrap().unwrap();
        // Far below what any host makes, and far above the plan's own rate, which is not kept here.
        assert!(ceiling > 1_000.0, "{ceiling}");
        let unpaced = Sending { unpaced: true, ..Sending::default() };
        assert_eq!(ceiling_per_s(&plan, unpaced).unwrap(), None);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
}
