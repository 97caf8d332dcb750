//! After the log was asked: what was offered in the measured part and never delivered gets its
//! place in every rank, and what timed out and was written gets its acknowledgement's latency.

use super::collect::Collector;
use crate::measure::latency::Series;
use crate::measure::latency::window::Stage;
use crate::measure::ledger::{Ledger, Undelivered};
use crate::plan::Plan;
use crate::workers::produce::TimedOut;

/// How long an event that was never delivered would have been waited for, in ns: the drain.
pub(super) fn waited_ns(plan: &Plan) -> i64 {
    i64::try_from(plan.measure.drain_timeout_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// Completes the series of a run. `timed_out` is by shard; the schedule begins with interval
/// `start` of the run's clock.
pub(super) fn settle(
    plan: &Plan,
    ledger: &Ledger,
    start: u64,
    collector: &mut Collector,
    timed_out: &[Vec<TimedOut>],
) {
    let interval_ns = plan.measure.interval_ms * 1_000_000;
    let waited_ns = waited_ns(plan);
    let Undelivered { acks, apps } = ledger.undelivered();
    // Where the broker confirms nothing there is no latency of a confirmation.
    if plan.kafka.confirms() {
        for (shard, events) in (0..).zip(timed_out) {
            let written =
                events.iter().filter(|event| ledger.timed_out_and_written(shard, event.seq));
            for event in written {
                // It took longer than that: nobody knows by how much.
                let due = event.due_ns / interval_ns;
                collector.acked.record(Stage::Ack, due, event.after_ns);
            }
        }
        never(&mut collector.acked, &[Stage::Ack], start, &acks, waited_ns);
    }
    for (series, missed) in collector.apps.iter_mut().zip(&apps) {
        never_seen(series, start, missed, waited_ns);
    }
}

/// Counts what an application has never seen, by the interval in which it was due, counted from
/// interval `start` of its series.
pub(super) fn never_seen(series: &mut Series, start: u64, missed: &[u64], waited_ns: i64) {
    never(series, &[Stage::Arrival, Stage::EndToEnd], start, missed, waited_ns);
}

fn never(series: &mut Series, stages: &[Stage], start: u64, counts: &[u64], waited_ns: i64) {
    for (due, &events) in (start..).zip(counts) {
        for &stage in stages {
            series.never(stage, due, events, waited_ns);
        }
    }
}
