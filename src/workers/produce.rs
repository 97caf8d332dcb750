//! The producing loop: one thread for each shard of the schedule.
//!
//! The script says what and when, the loop obeys: it encodes ahead while it waits, hands over
//! whatever is due, and never waits for an answer. What is late is sent at once; nothing is
//! skipped.

mod batch;
mod receipts;
mod tick;
pub mod workload;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::base::clock::{Clock, Promptness, wake_on_time};
use crate::base::error::Result;
use crate::event::{Outcome, Slot, Stamp};
use crate::load::generate::SessionStats;
use crate::measure::latency::window::{Stage, Window};
use crate::measure::latency::{Recorder, Throttles};
use crate::measure::ledger::{Dues, Ledger};
use crate::measure::verify::books::Books;

pub use batch::Batch;
pub use receipts::{ReceiptBook, Receiver, ShardReceipts, TimedOut};
use tick::TickPacer;
use workload::Openings;
pub use workload::prefetch::{Prefetcher, cue_up, due_ns};
pub use workload::{
    Merge, NextRecord, PrefetchState, RecordRef, RecordStream, RecordedWorkload, RecordingCounts,
    Sending, Workload, time_us,
};

/// Most events that one hand-over holds.
///
/// Send delay is taken once a hand-over, after it: few enough that the first of them isn't
/// charged with more than some 100 µs of the others' work.
const BATCH_EVENTS: usize = 64;

/// Longest sleep: how soon the loop sees that it shall stop.
const NAP_NS: u64 = 20_000_000;

/// How soon a full client is tried again where there is no schedule.
const ROOM_NS: u64 = 500_000;

/// Where events go: a client, or the loopback.
pub trait Sink: Send {
    /// Makes the connections that the first event would have to wait for, until `until` at the
    /// latest. Where that fails it says nothing: the first event will.
    fn get_ready(&mut self, _until: Instant) {}

    /// Hands over the events `range` of `batch` in their order, without waiting for answers.
    ///
    /// # Errors
    /// When the client is broken for good.
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<Handover>;

    /// Whether it counts what goes over a wire.
    fn has_wire(&self) -> bool {
        false
    }

    /// What has gone over the wire so far; `None` where nobody has counted yet.
    fn wire(&self) -> Option<WireBytes> {
        None
    }

    /// When brokers held it back for a quota, on a clock that shows `now_ns`; `None` where nobody
    /// would say so.
    fn throttles(&self, _now_ns: u64) -> Option<Throttles> {
        None
    }
}

/// What a client has sent, all of it counted at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WireBytes {
    /// Records.
    pub records: u64,
    /// Bytes of their keys and values, before a codec.
    pub payload_bytes: u64,
    /// Bytes of everything that went to the brokers: batches as compressed, requests around them,
    /// and what was sent again.
    pub wire_bytes: u64,
}

impl WireBytes {
    /// Adds what another client has sent.
    pub fn add(&mut self, other: Self) {
        self.records += other.records;
        self.payload_bytes += other.payload_bytes;
        self.wire_bytes += other.wire_bytes;
    }

    /// Payload over wire: how much smaller the codec made the load, with everything around it.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        (self.wire_bytes > 0).then(|| self.payload_bytes as f64 / self.wire_bytes as f64)
    }
}

/// What a sink took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// So many were taken, from the front.
    pub taken: usize,
    /// Why the next one was not, if any was left.
    pub refusal: Option<Refusal>,
}

/// Why a sink did not take an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The client's queue is full.
    QueueFull,
    /// The client will never take this event; in its own words.
    Rejected(String),
}

/// What one shard's loop works with.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct ProducerTask {
    /// The shard's number.
    pub shard: u16,
    /// The run's number, for the stamps.
    pub run: u32,
    /// When slot time 0 is, on the clock; whole microseconds.
    pub start_ns: u64,
    /// What the shard sends, and when.
    pub script: Workload,
    /// Where the events go.
    pub sink: Box<dyn Sink>,
    /// Records the send delay.
    pub recorder: Recorder,
    /// The run's clock.
    pub clock: Arc<dyn Clock>,
    /// The run's ledger.
    pub ledger: Arc<Ledger>,
    /// Receipts, and refusals by kind.
    pub receipts: Arc<ReceiptBook>,
    /// Set when the run shall end early.
    pub stop: Arc<AtomicBool>,
    /// How often it wakes for events at most; 0 for each at its own time.
    pub tick_ns: u64,
    /// The width of an interval of the time series.
    pub interval_ns: u64,
    /// Where full windows go.
    pub windows: Sender<(Stage, Box<Window>)>,
}

/// What is left when a shard's loop has ended.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct ShardResult {
    /// The sink, still to be closed: receipts may be on their way.
    pub sink: Box<dyn Sink>,
    /// What was sent.
    pub books: Books,
    /// How the sessions lived behind it; nothing where their pace was none of the scenario's.
    pub sessions: SessionStats,
    /// How soon the kernel ran the loop's thread after a sleep.
    pub promptness: Promptness,
}

/// Sends every slot of a shard, from the start to the last due time or to `stop`.
///
/// # Errors
/// When the sink is broken for good.
pub fn run(mut shift: ProducerTask) -> Result<ShardResult> {
    let promptness = wake_on_time();
    let mut taken = TakenEvents { books: Books::default(), openings: shift.script.openings() };
    let mut offered = Offered { interval_ns: shift.interval_ns, ..Offered::default() };
    let sent = shift.send_all(&mut taken, &mut offered);
    // However it ended: what came due is accounted for.
    shift.ledger.set_dues(shift.shard, offered.dues);
    let last = shift.recorder.flush(shift.clock.now_ns());
    // The harness may be gone already when a run is given up; then nobody misses the window.
    let _ = shift.windows.send((Stage::SendDelay, last));
    let sessions = shift.script.sessions();
    sent.map(|()| ShardResult { sink: shift.sink, books: taken.books, sessions, promptness })
}

/// What the client took, for the books.
struct TakenEvents {
    books: Books,
    openings: Openings,
}

/// Counts the slots that came due.
#[derive(Default)]
struct Offered {
    interval_ns: u64,
    total: u64,
    dues: Dues,
}

impl Offered {
    /// One slot, due so long after the start.
    fn count(&mut self, due_ns: u64, is_measured: bool) {
        let interval = usize::try_from(due_ns / self.interval_ns.max(1)).unwrap_or(0);
        self.dues.count(self.total, interval, is_measured);
        self.total += 1;
    }
}

impl ProducerTask {
    fn send_all(&mut self, taken: &mut TakenEvents, offered: &mut Offered) -> Result<()> {
        let mut batch = Batch::new(self.script.codec());
        let mut cursor = 0;
        let mut exhausted = false;
        let mut tick = TickPacer::new(self.tick_ns);
        while !self.stop.load(Ordering::Relaxed) {
            if cursor == batch.len() {
                if exhausted {
                    break;
                }
                exhausted = self.fill(&mut batch);
                cursor = 0;
                if batch.is_empty() {
                    self.roll(self.clock.now_ns());
                }
                continue;
            }
            let now_ns = self.clock.now_ns();
            let wake_ns = tick.wake_ns(&batch, cursor, now_ns);
            if wake_ns > now_ns {
                self.roll(now_ns);
                self.clock.sleep_until_ns(wake_ns.min(now_ns + NAP_NS));
                tick.slept();
                continue;
            }
            tick.woke(now_ns);
            let end = batch.due_by(cursor, now_ns);
            for index in cursor..end {
                let due_ns = batch.due_ns(index);
                offered.count(due_ns - self.start_ns, self.recorder.is_measured(due_ns));
            }
            self.ledger.offered(self.shard, offered.total);
            self.hand_over(&batch, cursor..end, taken)?;
            cursor = end;
        }
        Ok(())
    }

    /// Encodes the next slots ahead of their time. Returns true when the script has no more.
    fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        let Self { script, clock, run, shard, start_ns, .. } = self;
        let place = |slot: Slot| {
            let due_ns = *start_ns + slot.due_ns;
            let due_wall_us = clock.wall_us(due_ns);
            (Stamp { run: *run, shard: *shard, seq: slot.seq, due_wall_us }, due_ns)
        };
        let since_start_ns = clock.now_ns().saturating_sub(*start_ns);
        script.fill(batch, BATCH_EVENTS, since_start_ns, place)
    }

    fn hand_over(
        &mut self,
        batch: &Batch,
        range: Range<usize>,
        taken: &mut TakenEvents,
    ) -> Result<()> {
        let mut from = range.start;
        while from < range.end {
            // Before the hand-over: a receipt may be back before the client is.
            let begun_ns = self.clock.now_ns();
            for index in from..range.end {
                let stamp = batch.stamp(index);
                self.recorder.sending(stamp.shard, stamp.seq, batch.due_ns(index), begun_ns);
            }
            let handover = self.sink.send(batch, from..range.end)?;
            let now_ns = self.clock.now_ns();
            self.roll(now_ns);
            for index in from..from + handover.taken {
                let due_ns = batch.due_ns(index);
                let facts = taken.openings.taken(batch.facts(index), due_ns);
                taken.books.observe(&facts);
                self.recorder.record(Stage::SendDelay, due_ns, now_ns as i64 - due_ns as i64);
            }
            from += handover.taken;
            self.receipts.accept(handover.taken);
            if let Some(refusal) = handover.refusal {
                let stopped = self.stop.load(Ordering::Relaxed);
                if refusal == Refusal::QueueFull && self.script.waits() && !stopped {
                    self.clock.sleep_until_ns(now_ns + ROOM_NS);
                    continue;
                }
                self.refuse(batch.stamp(from), &refusal);
                taken.openings.refused(batch.facts(from));
                from += 1;
            }
        }
        Ok(())
    }

    fn refuse(&self, stamp: &Stamp, refusal: &Refusal) {
        match refusal {
            Refusal::QueueFull => {
                self.ledger.unsent(stamp.shard, stamp.seq);
                self.receipts.count("the client's queue was full");
            }
            Refusal::Rejected(reason) => {
                self.ledger.outcome(stamp, Outcome::Failed);
                self.receipts.count(reason);
            }
        }
    }

    fn roll(&mut self, now_ns: u64) {
        if let Some(window) = self.recorder.roll(now_ns) {
            let _ = self.windows.send((Stage::SendDelay, window));
        }
    }
}

#[cfg(test)]
mod tests;
