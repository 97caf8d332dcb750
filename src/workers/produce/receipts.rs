//! The client's answers: who gets them, and what is noted of each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::clock::Clock;
use crate::event::{BatchReceipt, Outcome, Receipt, Stamp};
use crate::measure::latency::Recorder;
use crate::measure::latency::window::{Stage, Window};
use crate::measure::ledger::Ledger;

/// Somebody who gets a client's receipts, on the client's own thread.
pub trait Receiver: Send + Sync + 'static {
    /// Called once for each event that the client took.
    fn receive(&self, receipt: &Receipt<'_>);

    /// Called once for each batch, by clients that know them; in place of [`Self::receive`] for
    /// each of its events.
    fn receive_batch(&self, batch: &BatchReceipt<'_>) {
        batch.each().for_each(|receipt| self.receive(&receipt));
    }
}

/// What the receipts of all shards add up to.
#[derive(Debug)]
pub struct ReceiptBook {
    ends: Vec<AtomicI64>,
    reached: Vec<AtomicI64>,
    records: Vec<AtomicU64>,
    accepted: AtomicU64,
    answered: AtomicU64,
    reasons: Mutex<BTreeMap<String, u64>>,
}

impl ReceiptBook {
    /// A book for a topic of so many partitions.
    #[must_use]
    pub fn new(partitions: usize) -> Self {
        Self {
            ends: (0..partitions).map(|_| AtomicI64::new(0)).collect(),
            reached: (0..partitions).map(|_| AtomicI64::new(0)).collect(),
            records: (0..partitions).map(|_| AtomicU64::new(0)).collect(),
            accepted: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            reasons: Mutex::default(),
        }
    }

    /// Notes that an event was refused or failed, by the reason.
    pub fn count(&self, reason: &str) {
        self.count_events(reason, 1);
    }

    fn count_events(&self, reason: &str, events: u64) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        match reasons.get_mut(reason) {
            Some(count) => *count += events,
            None => drop(reasons.insert(reason.to_owned(), events)),
        }
    }

    /// Refusals and failures by reason.
    #[must_use]
    pub fn reasons(&self) -> BTreeMap<String, u64> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a client took so many events more.
    pub fn accept(&self, events: usize) {
        self.accepted.fetch_add(events as u64, Ordering::AcqRel);
    }

    /// How many events clients took: each is owed a receipt.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Acquire)
    }

    /// How many events have their receipt.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Acquire)
    }

    /// One past the last acknowledged offset of each partition; 0 where there is none.
    #[must_use]
    pub fn ends(&self) -> Vec<i64> {
        self.ends.iter().map(|end| end.load(Ordering::Acquire)).collect()
    }

    /// One past the last offset of each partition that is known of: acknowledged, or noted by
    /// [`Self::reach`].
    #[must_use]
    pub fn known_ends(&self) -> Vec<i64> {
        let reached = self.reached.iter().map(|end| end.load(Ordering::Acquire));
        self.ends().into_iter().zip(reached).map(|(acked, reached)| acked.max(reached)).collect()
    }

    /// Notes that a partition reaches to `end`, whoever wrote there: what timed out may lie behind
    /// the last acknowledged record.
    pub fn reach(&self, ends: &[i64]) {
        for (known, end) in self.reached.iter().zip(ends) {
            known.fetch_max(*end, Ordering::AcqRel);
        }
    }

    /// Acknowledged records by partition.
    #[must_use]
    pub fn records(&self) -> Vec<u64> {
        self.records.iter().map(|count| count.load(Ordering::Acquire)).collect()
    }

    /// Acknowledged records of all partitions.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.records.iter().map(|count| count.load(Ordering::Acquire)).sum()
    }

    /// Notes the last word on so many events, of which the last lies at `offset`.
    fn note(&self, receipt: &Receipt<'_>, events: u64) {
        if receipt.outcome == Outcome::Acked {
            let partition = usize::try_from(receipt.partition).unwrap_or(usize::MAX);
            if let (Some(end), Some(records)) =
                (self.ends.get(partition), self.records.get(partition))
            {
                end.fetch_max(receipt.offset + 1, Ordering::AcqRel);
                records.fetch_add(events, Ordering::AcqRel);
            }
        } else {
            self.count_events(receipt.reason, events);
        }
        // Last: who sees the count may rely on what it counts.
        self.answered.fetch_add(events, Ordering::AcqRel);
    }
}

/// The receipts of one shard: into the ledger, the book, and a recorder of its own.
#[derive(Debug)]
pub struct ShardReceipts {
    clock: Arc<dyn Clock>,
    ledger: Arc<Ledger>,
    book: Arc<ReceiptBook>,
    // Only the client's callback thread and the end of the run ever lock it.
    acks: Mutex<Acks>,
    windows: Sender<(Stage, Box<Window>)>,
    confirms: bool,
}

#[derive(Debug)]
struct Acks {
    recorder: Recorder,
    timed_out: Vec<TimedOut>,
    /// What comes later is too late: ledger and latencies must know of the same receipts.
    over: bool,
}

/// A measured event for whose answer the client waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedOut {
    /// Its number within the shard.
    pub seq: u64,
    /// When it was due, on the run's clock.
    pub due_ns: u64,
    /// When the client gave it up − due: its acknowledgement would have taken longer.
    pub after_ns: i64,
}

impl ShardReceipts {
    /// The receiver of one shard. Full windows of its ack latencies go to `windows`.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        ledger: Arc<Ledger>,
        book: Arc<ReceiptBook>,
        recorder: Recorder,
        windows: Sender<(Stage, Box<Window>)>,
    ) -> Self {
        let acks = Mutex::new(Acks { recorder, timed_out: Vec::new(), over: false });
        Self { clock, ledger, book, acks, windows, confirms: true }
    }

    /// The receiver of a client that asks for no confirmation: every event of its is unknown, and
    /// none has timed out.
    #[must_use]
    pub fn without_confirmation(mut self) -> Self {
        self.confirms = false;
        self
    }

    /// Sets the due times that are measured, on the run's clock; before the first event is due.
    pub fn set_measured(&self, measured: Range<u64>) {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner).recorder.set_measured(measured);
    }

    /// Takes no more receipts. Gives the last window away, and the measured events that timed out.
    pub fn finish(&self) -> Vec<TimedOut> {
        let mut acks = self.acks.lock().unwrap_or_else(PoisonError::into_inner);
        acks.over = true;
        let _ = self.windows.send((Stage::Ack, acks.recorder.flush(self.clock.now_ns())));
        std::mem::take(&mut acks.timed_out)
    }
}

impl ShardReceipts {
    /// Takes receipts of one moment; false when they come too late.
    fn take<'a>(&self, at_ns: u64, receipts: impl Iterator<Item = Receipt<'a>>) -> bool {
        let mut acks = self.acks.lock().unwrap_or_else(PoisonError::into_inner);
        let Acks { recorder, timed_out, over } = &mut *acks;
        if *over {
            return false;
        }
        if let Some(window) = recorder.roll(at_ns) {
            let _ = self.windows.send((Stage::Ack, window));
        }
        for Receipt { stamp, outcome, .. } in receipts {
            self.ledger.outcome(&stamp, outcome);
            let Stamp { shard, seq, due_wall_us, .. } = stamp;
            let due_ns = self.clock.ns_of_wall_us(due_wall_us);
            let after_ns = i64::try_from(at_ns).unwrap_or(i64::MAX) - due_ns;
            let due_ns = u64::try_from(due_ns).unwrap_or(0);
            match outcome {
                Outcome::Acked => recorder.acked(shard, seq, due_ns, after_ns),
                Outcome::Unknown if self.confirms && recorder.is_measured(due_ns) => {
                    timed_out.push(TimedOut { seq, due_ns, after_ns });
                }
                Outcome::Unknown | Outcome::Failed => {}
            }
        }
        true
    }
}

impl Receiver for ShardReceipts {
    fn receive(&self, receipt: &Receipt<'_>) {
        if self.take(receipt.at_ns, std::iter::once(*receipt)) {
            self.book.note(receipt, 1);
        }
    }

    fn receive_batch(&self, batch: &BatchReceipt<'_>) {
        if self.take(batch.at_ns, batch.each())
            && let Some(last) = batch.each().last()
        {
            self.book.note(&last, batch.stamps.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;
    use std::sync::mpsc::channel;

    const ORIGIN_US: i64 = 1_700_000_000_000_000;

    /// A receipt for an event that was due so many µs after the clock's origin.
    fn receipt(seq: u64, due_us: i64, at_ns: u64, outcome: Outcome) -> Receipt<'static> {
        let stamp = Stamp { run: 1, shard: 0, seq, due_wall_us: ORIGIN_US + due_us };
        let reason = if outcome == Outcome::Acked { "" } else { "timed out" };
        Receipt { stamp, outcome, at_ns, partition: 0, offset: 0, reason }
    }

    #[test]
    fn what_clients_took_and_brokers_answered_adds_up_by_partition_and_reason() {
        let book = ReceiptBook::new(2);
        book.accept(3);
        book.accept(4);
        let answer = |partition, offset, outcome, reason| {
            let acked = receipt(0, 0, 0, outcome);
            book.note(&Receipt { partition, offset, reason, ..acked }, 1);
        };
        for (partition, offset) in [(1, 41), (1, 17), (0, 0), (-1, 9), (2, 9)] {
            answer(partition, offset, Outcome::Acked, "");
        }
        for reason in ["too large", "gone", "too large"] {
            answer(1, 99, Outcome::Failed, reason);
        }
        answer(1, 99, Outcome::Unknown, "timed out");
        assert_eq!((book.accepted(), book.answered(), book.acked()), (7, 9, 3));
        assert_eq!((book.ends(), book.records()), (vec![1, 42], vec![1, 2]));
        let reasons = [("gone", 1), ("timed out", 1), ("too large", 2)];
        assert_eq!(book.reasons(), reasons.map(|(why, count)| (why.to_owned(), count)).into());
    }

    #[test]
    fn a_partition_reaches_as_far_as_anybody_has_said() {
        let book = ReceiptBook::new(3);
        book.note(&Receipt { offset: 9, ..receipt(0, 0, 0, Outcome::Acked) }, 1);
        book.reach(&[4, 7, 0]);
        book.reach(&[12, 6, 0]);
        assert_eq!((book.ends(), book.known_ends()), (vec![10, 0, 0], vec![12, 7, 0]));
        book.note(&Receipt { offset: 19, ..receipt(0, 0, 0, Outcome::Acked) }, 1);
        assert_eq!(book.known_ends(), [20, 7, 0]);
    }

    /// A shard of eight events, measured from 2 to 9 µs, in intervals of 10 µs; its windows.
    fn shard() -> (ShardReceipts, std::sync::mpsc::Receiver<(Stage, Box<Window>)>) {
        let ledger = Arc::new(Ledger::new(1, 1, 0));
        ledger.offered(0, 8);
        let book = Arc::new(ReceiptBook::new(1));
        let (sender, windows) = channel();
        let clock = Arc::new(ManualClock::new(ORIGIN_US));
        let recorder = Recorder::new(0..0, 10_000);
        let receipts = ShardReceipts::new(clock, ledger, book, recorder, sender);
        receipts.set_measured(2_000..9_000);
        (receipts, windows)
    }

    #[test]
    fn an_acknowledgement_counts_from_the_due_time_in_the_interval_in_which_it_came() {
        let (receipts, windows) = shard();
        receipts.receive(&receipt(0, 1, 2_500, Outcome::Acked));
        receipts.receive(&receipt(1, 2, 9_000, Outcome::Acked));
        receipts.receive(&receipt(2, 3, 9_500, Outcome::Failed));
        receipts.receive(&receipt(3, 8, 10_200, Outcome::Acked));
        assert!(receipts.finish().is_empty());
        // After the end nothing is taken any more.
        receipts.receive(&receipt(4, 8, 10_300, Outcome::Acked));
        let windows: Vec<_> = windows.try_iter().collect();
        assert!(windows.iter().all(|(stage, _)| *stage == Stage::Ack));
        let ack = |window: &Window| window.latency(Stage::Ack).map(|ack| (ack.count(), ack.max()));
        let found: Vec<_> =
            windows.iter().map(|(_, window)| (window.index, window.events, ack(window))).collect();
        assert_eq!(found, [(0, 2, Some((1, Some(7_000)))), (1, 1, Some((1, Some(2_200))))]);
        assert_eq!((receipts.book.acked(), receipts.book.answered()), (3, 4));
        let report = receipts.ledger.close();
        assert_eq!((report.acked, report.failed, report.unresolved), (3, 1, 4));
    }

    /// A batch's receipt says what one for each of its events would say.
    #[test]
    fn a_batch_of_receipts_leaves_what_they_would_leave_one_by_one() {
        let dues_us = (0..).zip([1, 2, 3, 8]);
        let stamps: Vec<Stamp> =
            dues_us.map(|(seq, due_us)| receipt(seq, due_us, 0, Outcome::Acked).stamp).collect();
        let left = |is_batch: bool| {
            let (receipts, windows) = shard();
            let batches = [
                (Outcome::Acked, 40, 2_500, "", &stamps[..2]),
                (Outcome::Unknown, -1, 10_200, "timed out", &stamps[2..]),
            ];
            for (outcome, base_offset, at_ns, reason, stamps) in batches {
                let partition = 0;
                let batch = BatchReceipt { stamps, outcome, at_ns, partition, base_offset, reason };
                if is_batch {
                    receipts.receive_batch(&batch);
                } else {
                    batch.each().for_each(|receipt| receipts.receive(&receipt));
                }
            }
            let timed_out = receipts.finish();
            let windows: Vec<_> = windows
                .try_iter()
                .map(|(_, window)| {
                    let ack = window.latency(Stage::Ack).map(|ack| (ack.count(), ack.max()));
                    (window.index, window.events, ack)
                })
                .collect();
            let book = &receipts.book;
            let counts = (book.answered(), book.acked(), book.ends(), book.reasons());
            let ledger = receipts.ledger.close();
            (timed_out, windows, counts, (ledger.acked, ledger.unknown, ledger.unresolved))
        };
        let (timed_out, _, counts, ledger) = left(true);
        assert_eq!((timed_out.len(), ledger), (2, (2, 2, 4)));
        assert_eq!((counts.0, counts.1, &counts.2), (4, 2, &vec![42]));
        assert_eq!(left(true), left(false));
    }

    #[test]
    fn the_measured_events_that_timed_out_are_named_with_how_long_they_waited() {
        let out = |receipts: &ShardReceipts| {
            for (seq, due_us) in [(0, 1), (1, 2), (2, 8), (3, 9)] {
                receipts.receive(&receipt(seq, due_us, 50_000, Outcome::Unknown));
            }
            receipts.receive(&receipt(4, 5, 50_000, Outcome::Acked));
            (receipts.finish(), receipts.ledger.close().unknown)
        };
        let timed_out = [
            TimedOut { seq: 1, due_ns: 2_000, after_ns: 48_000 },
            TimedOut { seq: 2, due_ns: 8_000, after_ns: 42_000 },
        ];
        assert_eq!(out(&shard().0), (timed_out.to_vec(), 4));
        // Who asks for no confirmation waits for none.
        assert_eq!(out(&shard().0.without_confirmation()), (vec![], 4));
    }
}
