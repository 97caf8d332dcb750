//! After the log was asked: what was offered in the measured part and never delivered gets its
//! place in every rank, and what timed out and was written gets its acknowledgement's latency.

use super::collect::Collector;
use crate::measure::latency::window::Stage;
use crate::measure::ledger::Ledger;
use crate::plan::Plan;
use crate::workers::produce::TimedOut;

/// How long an event that was never delivered would have been waited for, in ns: the drain.
pub(super) fn waited_ns(plan: &Plan) -> i64 {
    i64::try_from(plan.measure.drain_timeout_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// Completes the senders' series. `timed_out` is by shard; the schedule begins with interval
/// `start` of the run's clock.
pub(super) fn settle(
    plan: &Plan,
    ledger: &Ledger,
    start: u64,
    collector: &mut Collector,
    timed_out: &[Vec<TimedOut>],
) {
    let interval_ns = plan.measure.interval_ms * 1_000_000;
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
        for (due, &events) in (start..).zip(&ledger.undelivered().acks) {
            collector.acked.never(Stage::Ack, due, events, waited_ns(plan));
        }
    }
}
