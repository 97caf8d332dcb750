//! How batches end: their receipts, and the memory that they leave.

use std::sync::Arc;

use super::accumulator::{Accumulator, OpenRecords, SpareMemory};
use super::lane::SealedBatch;
use crate::base::clock::Clock;
use crate::base::record_batch::BatchWriter;
use crate::event::{BatchReceipt, Outcome, Stamp};
use crate::workers::produce::Receiver;

/// How a batch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchEnd<'a> {
    pub(super) outcome: Outcome,
    /// Where it lies; negative where no broker said so.
    pub(super) base_offset: i64,
    /// Why it was not acknowledged.
    pub(super) reason: &'a str,
}

impl<'a> BatchEnd<'a> {
    /// It can't be written any more: certainly not, or perhaps it was.
    pub(super) fn given_up(is_perhaps_written: bool, reason: &'a str) -> Self {
        let outcome = if is_perhaps_written { Outcome::Unknown } else { Outcome::Failed };
        Self { outcome, base_offset: -1, reason }
    }

    /// The broker has it.
    pub(super) const fn acked(base_offset: i64) -> Self {
        Self { outcome: Outcome::Acked, base_offset, reason: "" }
    }
}

/// Gives receipts, and gathers what is free again until the accumulator is locked anyway.
#[allow(missing_debug_implementations, reason = "holds a receiver")]
pub(super) struct Settlement {
    clock: Arc<dyn Clock>,
    receiver: Arc<dyn Receiver>,
    memory: SpareMemory,
    bytes: usize,
    records: usize,
}

impl Settlement {
    pub(super) fn new(clock: Arc<dyn Clock>, receiver: Arc<dyn Receiver>) -> Self {
        Self { clock, receiver, memory: SpareMemory::default(), bytes: 0, records: 0 }
    }

    /// The run's clock.
    pub(super) fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    /// Gives the receipts of these events, if there are any.
    pub(super) fn give(&self, partition: usize, stamps: &[Stamp], end: BatchEnd<'_>) {
        if stamps.is_empty() {
            return;
        }
        let BatchEnd { outcome, base_offset, reason } = end;
        let at_ns = self.clock.now_ns();
        let partition = i32::try_from(partition).unwrap_or(-1);
        let batch = BatchReceipt { stamps, outcome, at_ns, partition, base_offset, reason };
        self.receiver.receive_batch(&batch);
    }

    /// A sealed batch is over, and its memory free.
    pub(super) fn end(&mut self, partition: usize, batch: SealedBatch, end: BatchEnd<'_>) {
        if !batch.is_settled {
            self.give(partition, &batch.stamps, end);
        }
        self.free(batch.reserved, batch.stamps);
        // Only where nothing else has a part of it: a connection may still be writing.
        if let Ok(bytes) = batch.bytes.try_into_mut() {
            self.memory.sealed.push(Vec::from(bytes));
        }
    }

    /// A batch that was never sealed is over.
    pub(super) fn end_open(&mut self, partition: usize, batch: OpenRecords, end: BatchEnd<'_>) {
        self.give(partition, &batch.stamps, end);
        self.free(batch.reserved, batch.stamps);
        self.writer(batch.writer);
    }

    /// A writer is free again.
    pub(super) fn writer(&mut self, mut writer: BatchWriter) {
        writer.reset();
        self.memory.writers.push(writer);
    }

    fn free(&mut self, reserved: usize, mut stamps: Vec<Stamp>) {
        self.bytes += reserved;
        self.records += stamps.len();
        stamps.clear();
        self.memory.stamps.push(stamps);
    }

    /// Memory for a batch that is being sealed, of that size.
    pub(super) fn sealing_memory(&mut self, bytes: usize) -> Vec<u8> {
        self.memory.sealed.pop().unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    /// Takes memory to seal so many batches with, as far as there is any.
    pub(super) fn take_memory(&mut self, accumulator: &mut Accumulator, batches: usize) {
        let sealed = &mut accumulator.spare.sealed;
        let from = sealed.len().saturating_sub(batches);
        self.memory.sealed.extend(sealed.drain(from..));
    }

    /// Gives back what is free.
    pub(super) fn hand_back(&mut self, accumulator: &mut Accumulator) {
        if self.bytes > 0 || self.records > 0 {
            accumulator.release(self.bytes, self.records);
            (self.bytes, self.records) = (0, 0);
        }
        accumulator.keep(std::mem::take(&mut self.memory));
    }
}
