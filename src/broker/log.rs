//! One partition: its batches in offset order, its producers, and who waits for more.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::{Bytes, BytesMut};

use super::batch;
use super::code;
use super::sequence::{SequenceVerdict, Sequences};
use super::wait::Waiter;
use crate::base::record_batch::BatchHeader;

/// What a batch costs beside its bytes: its place in the queue and the allocator's share.
pub(super) const BATCH_OVERHEAD_BYTES: u64 = 128;

/// One partition, shared by all connections.
#[derive(Debug, Default)]
pub(super) struct Partition {
    log: Mutex<PartitionLog>,
}

impl Partition {
    /// The lock is held for short and never across a wait. One poisoned by a panic is used on:
    /// the log changes in single steps.
    pub(super) fn lock(&self) -> MutexGuard<'_, PartitionLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one partition holds.
#[derive(Debug, Default)]
pub(super) struct PartitionLog {
    batches: VecDeque<StoredBatch>,
    start_offset: i64,
    end_offset: i64,
    held_bytes: u64,
    sequences: Sequences,
    waiters: Vec<Weak<Waiter>>,
    is_deleted: bool,
}

#[derive(Debug)]
struct StoredBatch {
    base_offset: i64,
    last_offset: i64,
    max_timestamp_ms: i64,
    is_compressed: bool,
    bytes: Bytes,
}

impl StoredBatch {
    fn held_bytes(&self) -> u64 {
        self.bytes.len() as u64 + BATCH_OVERHEAD_BYTES
    }
}

/// Where a batch came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Appended {
    pub(super) base_offset: i64,
    /// It stood there already.
    pub(super) is_duplicate: bool,
}

/// What a read gives.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LogRead {
    pub(super) bytes: usize,
    pub(super) records: u64,
}

impl PartitionLog {
    pub(super) const fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// The offset of the next record. It is the high watermark too: there is one replica.
    pub(super) const fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// Whether a batch is new here, see [`Sequences::judge`].
    pub(super) fn judge(&self, header: &BatchHeader) -> Result<SequenceVerdict, i16> {
        if self.is_deleted {
            return Err(code::UNKNOWN_TOPIC_OR_PARTITION);
        }
        self.sequences.judge(header)
    }

    /// Appends a checked batch made by [`batch::keep`]; one that stands in the log already is left
    /// alone.
    ///
    /// # Errors
    /// The protocol's error code, see [`Sequences::judge`].
    pub(super) fn append(
        &mut self,
        header: &BatchHeader,
        kept: BytesMut,
        append_time_ms: Option<i64>,
    ) -> Result<Appended, i16> {
        if let SequenceVerdict::Duplicate { base_offset } = self.judge(header)? {
            return Ok(Appended { base_offset, is_duplicate: true });
        }
        let base_offset = self.end_offset;
        let batch = StoredBatch {
            base_offset,
            last_offset: base_offset + i64::from(header.records) - 1,
            max_timestamp_ms: append_time_ms.unwrap_or(header.max_timestamp_ms),
            is_compressed: header.is_compressed(),
            bytes: batch::place(kept, base_offset),
        };
        self.end_offset = batch.last_offset + 1;
        self.held_bytes += batch.held_bytes();
        self.batches.push_back(batch);
        self.sequences.record(header, base_offset);
        Ok(Appended { base_offset, is_duplicate: false })
    }

    /// Reads whole batches from the one that holds `offset` on, up to `max_bytes`; the first
    /// one comes whatever its size when `at_least_one`. Only sums up where they go nowhere.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE` outside the log, `UNKNOWN_TOPIC_OR_PARTITION` once deleted.
    pub(super) fn read(
        &self,
        offset: i64,
        max_bytes: usize,
        at_least_one: bool,
        mut into: Option<&mut Vec<Bytes>>,
    ) -> Result<LogRead, i16> {
        if self.is_deleted {
            return Err(code::UNKNOWN_TOPIC_OR_PARTITION);
        }
        if offset < self.start_offset || offset > self.end_offset {
            return Err(code::OFFSET_OUT_OF_RANGE);
        }
        let from = self.place_of(offset);
        let mut read = LogRead::default();
        for batch in self.batches.range(from..) {
            let is_free = at_least_one && read.bytes == 0;
            if read.bytes + batch.bytes.len() > max_bytes && !is_free {
                break;
            }
            read.bytes += batch.bytes.len();
            read.records += (batch.last_offset - batch.base_offset + 1).cast_unsigned();
            if let Some(into) = &mut into {
                into.push(batch.bytes.clone());
            }
        }
        Ok(read)
    }

    /// The place of the batch that holds an offset; behind the last for the end. Looked for from
    /// the end first: nearly every reader is there, and the whole queue is not in the cache.
    fn place_of(&self, offset: i64) -> usize {
        const NEAR: usize = 8;
        let is_before = |batch: &StoredBatch| batch.last_offset < offset;
        match self.batches.iter().rev().take(NEAR).position(is_before) {
            Some(behind) => self.batches.len() - behind,
            None => self.batches.partition_point(is_before),
        }
    }

    /// Moves the log's start, and drops the batches that lie before it as a whole. Gives the
    /// bytes that became free.
    pub(super) fn trim(&mut self, start_offset: i64) -> u64 {
        let before = self.held_bytes;
        self.start_offset = start_offset.clamp(self.start_offset, self.end_offset);
        while self.batches.front().is_some_and(|batch| batch.last_offset < self.start_offset) {
            self.drop_first();
        }
        before - self.held_bytes
    }

    /// Drops batches whose records all lie below `floor_offset`, until `bytes` are free. Gives
    /// the bytes that became free.
    pub(super) fn reclaim(&mut self, floor_offset: i64, bytes: u64) -> u64 {
        let before = self.held_bytes;
        while before - self.held_bytes < bytes
            && self.batches.front().is_some_and(|batch| batch.last_offset < floor_offset)
        {
            self.drop_first();
        }
        before - self.held_bytes
    }

    fn drop_first(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            self.held_bytes -= batch.held_bytes();
            self.start_offset = self.start_offset.max(batch.last_offset + 1);
        }
    }

    /// Empties the log for good and wakes everybody who waits for it. Gives the bytes freed.
    pub(super) fn delete(&mut self) -> u64 {
        self.is_deleted = true;
        self.batches = VecDeque::new();
        self.sequences = Sequences::default();
        for waiter in self.waiters.drain(..).filter_map(|waiter| waiter.upgrade()) {
            waiter.wake();
        }
        std::mem::take(&mut self.held_bytes)
    }

    /// The first record at or after a time: its offset and timestamp in milliseconds. In a
    /// compressed batch it is the batch's first record, which may lie before that time.
    pub(super) fn offset_at(&self, at_ms: i64) -> Option<(i64, i64)> {
        let batch = self.batches.iter().find(|batch| batch.max_timestamp_ms >= at_ms)?;
        let (delta, timestamp_ms) = batch.find(|timestamp_ms| timestamp_ms >= at_ms, 0);
        Some((self.start_offset.max(batch.base_offset + delta), timestamp_ms))
    }

    /// The first record with the highest timestamp: its offset and timestamp in milliseconds.
    /// In a compressed batch it is the batch's last record.
    pub(super) fn latest_by_time(&self) -> Option<(i64, i64)> {
        let latest_ms = self.batches.iter().map(|batch| batch.max_timestamp_ms).max()?;
        let batch = self.batches.iter().find(|batch| batch.max_timestamp_ms == latest_ms)?;
        let last = batch.last_offset - batch.base_offset;
        let (delta, timestamp_ms) = batch.find(|at_ms| at_ms == latest_ms, last);
        Some((batch.base_offset + delta, timestamp_ms))
    }

    /// Adds somebody to be told of appends from now on.
    pub(super) fn enlist(&mut self, waiter: &Arc<Waiter>) {
        self.waiters.retain(|known| known.strong_count() > 0);
        self.waiters.push(Arc::downgrade(waiter));
    }

    /// Takes those for whom `bytes` more are enough.
    pub(super) fn satisfied(&mut self, bytes: usize, into: &mut Vec<Arc<Waiter>>) {
        self.waiters.retain(|waiter| match waiter.upgrade() {
            Some(waiter) if waiter.count(bytes) => {
                into.push(waiter);
                false
            }
            waiter => waiter.is_some(),
        });
    }
}

impl StoredBatch {
    /// The record that `wanted` accepts, or the one at `otherwise` if that can't be told.
    fn find(&self, wanted: impl Fn(i64) -> bool, otherwise: i64) -> (i64, i64) {
        let found = if self.is_compressed { None } else { batch::find_record(&self.bytes, wanted) };
        found.unwrap_or((otherwise, self.max_timestamp_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(log: &mut PartitionLog, timestamps_ms: &[i64]) -> Appended {
        let bytes = batch::tests::batch(timestamps_ms, (-1, -1, -1));
        log.append(&batch::check(&bytes).unwrap(), batch::keep(&bytes, None), None).unwrap()
    }

    fn read(
        log: &PartitionLog,
        offset: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<u64, i16> {
        let mut batches = Vec::new();
        let read = log.read(offset, max_bytes, at_least_one, Some(&mut batches))?;
        assert_eq!(log.read(offset, max_bytes, at_least_one, None)?.bytes, read.bytes);
        assert_eq!(read.bytes, batches.iter().map(Bytes::len).sum::<usize>());
        Ok(read.records)
    }

    fn of_three_batches() -> PartitionLog {
        let mut log = PartitionLog::default();
        append(&mut log, &[10, 12, 11]);
        append(&mut log, &[20, 21, 22]);
        append(&mut log, &[15, 30, 30]);
        log
    }

    #[test]
    fn a_read_from_inside_a_batch_begins_with_that_batch() {
        let log = of_three_batches();
        assert_eq!((log.start_offset(), log.end_offset()), (0, 9));
        for (offset, records) in [(0, 9), (2, 9), (3, 6), (5, 6), (8, 3), (9, 0)] {
            assert_eq!(read(&log, offset, 1 << 20, true), Ok(records), "from {offset}");
        }
        assert_eq!(read(&log, 10, 1 << 20, true), Err(code::OFFSET_OUT_OF_RANGE));
        assert_eq!(read(&log, -1, 1 << 20, true), Err(code::OFFSET_OUT_OF_RANGE));
    }

    #[test]
    fn a_read_keeps_to_its_size_but_gives_one_batch_when_it_must() {
        let log = of_three_batches();
        assert_eq!(read(&log, 0, 1, true), Ok(3));
        assert_eq!(read(&log, 0, 1, false), Ok(0));
        let two = log.batches[0].bytes.len() + log.batches[1].bytes.len();
        assert_eq!(read(&log, 0, two, false), Ok(6));
        assert_eq!(read(&log, 0, two - 1, true), Ok(3));
    }

    #[test]
    fn reclaiming_drops_only_what_lies_below_the_floor() {
        let mut log = of_three_batches();
        let all = log.held_bytes;
        assert_eq!(log.reclaim(2, u64::MAX), 0);
        let freed = log.reclaim(6, 1);
        assert_eq!(log.start_offset(), 3);
        assert_eq!(freed + log.held_bytes, all);
        log.reclaim(6, u64::MAX);
        assert_eq!((log.start_offset(), log.end_offset()), (6, 9));
        assert_eq!(read(&log, 5, 1 << 20, true), Err(code::OFFSET_OUT_OF_RANGE));
        log.reclaim(9, u64::MAX);
        assert_eq!((log.start_offset(), log.held_bytes), (9, 0));
    }

    #[test]
    fn trimming_may_end_inside_a_batch() {
        let mut log = of_three_batches();
        assert_eq!(log.trim(2), 0);
        assert_eq!(log.start_offset(), 2);
        assert!(log.trim(4) > 0);
        assert_eq!(read(&log, 4, 1 << 20, true), Ok(6));
        log.trim(1_000);
        assert_eq!((log.start_offset(), log.held_bytes), (9, 0));
    }

    #[test]
    fn offsets_by_time_are_those_of_records() {
        let log = of_three_batches();
        let by_time = |at_ms| log.offset_at(at_ms).map(|(offset, _)| offset);
        assert_eq!(by_time(0), Some(0));
        assert_eq!(by_time(11), Some(1));
        assert_eq!(by_time(21), Some(4));
        assert_eq!(by_time(23), Some(7));
        assert_eq!(by_time(31), None);
        assert_eq!(log.latest_by_time(), Some((7, 30)));
    }

    #[test]
    fn a_repeated_batch_is_not_appended_twice() {
        let mut log = PartitionLog::default();
        let bytes = batch::tests::batch(&[1, 2], (7, 0, 0));
        let header = batch::check(&bytes).unwrap();
        log.append(&header, batch::keep(&bytes, None), None).unwrap();
        let again = log.append(&header, batch::keep(&bytes, None), None);
        assert_eq!(again, Ok(Appended { base_offset: 0, is_duplicate: true }));
        assert_eq!(log.end_offset(), 2);
    }

    #[test]
    fn only_those_are_told_who_have_enough() {
        let mut log = PartitionLog::default();
        let (eager, patient) = (Arc::new(Waiter::new(1)), Arc::new(Waiter::new(100)));
        log.enlist(&eager);
        log.enlist(&patient);
        let mut told = Vec::new();
        log.satisfied(60, &mut told);
        assert!(told.len() == 1 && Arc::ptr_eq(&told[0], &eager));
        log.satisfied(60, &mut told);
        assert!(told.len() == 2 && Arc::ptr_eq(&told[1], &patient));
        drop((eager, patient, told));
        assert!(log.waiters.is_empty());
    }
}
