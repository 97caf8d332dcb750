//! The events that the producing thread has handed over and the sending thread has not taken yet:
//! an open batch for each partition, full ones behind it, and memory to be used again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::partitioner::partition_of;
use super::unplaced::{EventBytes, Unplaced};
use crate::base::record_batch::{BatchWriter, HEADER_BYTES, RECORD_OVERHEAD_BYTES_MAX};
use crate::client::native::settings::ProducerSettings;
use crate::event::Stamp;
use crate::workers::produce::Refusal;

/// A batch that takes events, or is full and waits.
#[derive(Debug)]
pub(super) struct OpenRecords {
    pub(super) writer: BatchWriter,
    /// Whose receipts it will be.
    pub(super) stamps: Vec<Stamp>,
    /// Keys and values.
    pub(super) payload_bytes: u64,
    pub(super) opened: Instant,
    /// What it counts in the buffer.
    pub(super) reserved: usize,
}

/// One partition's batches.
#[derive(Debug, Default)]
struct Filling {
    full: VecDeque<OpenRecords>,
    open: Option<OpenRecords>,
}

/// Memory of batches that are over.
#[derive(Debug, Default)]
pub(super) struct SpareMemory {
    pub(super) writers: Vec<BatchWriter>,
    pub(super) stamps: Vec<Vec<Stamp>>,
    pub(super) sealed: Vec<Vec<u8>>,
}

/// What is under way between the two threads; both lock it, for as long as a hand-over takes.
#[derive(Debug)]
pub(super) struct Accumulator {
    linger: Duration,
    batch_bytes: usize,
    batch_records: usize,
    buffer_bytes: usize,
    buffer_records: usize,
    record_bytes_max: usize,
    partitions: Vec<Filling>,
    /// Events from before the number of partitions was known.
    pub(super) unplaced: Unplaced,
    pub(super) spare: SpareMemory,
    held_bytes: usize,
    held_records: usize,
    /// An event was refused for want of memory: open batches go at once.
    is_short: bool,
    /// The sending thread looks here again by itself at this time at the latest.
    looks_at: Option<Instant>,
    /// It was woken and has not looked since.
    is_woken: bool,
    /// Since it looked something has come that does not wait for a linger.
    is_urgent: bool,
    /// When the first batch was opened since it looked.
    opened: Option<Instant>,
}

impl Accumulator {
    pub(super) fn new(settings: &ProducerSettings) -> Self {
        Self {
            linger: settings.linger,
            batch_bytes: settings.batch_bytes.min(settings.buffer_bytes).max(HEADER_BYTES),
            batch_records: settings.batch_records,
            buffer_bytes: settings.buffer_bytes,
            buffer_records: settings.buffer_records,
            record_bytes_max: settings.request_bytes_max,
            partitions: Vec::new(),
            unplaced: Unplaced::default(),
            spare: SpareMemory::default(),
            held_bytes: 0,
            held_records: 0,
            is_short: false,
            looks_at: None,
            is_woken: false,
            is_urgent: false,
            opened: None,
        }
    }

    /// Takes an event.
    ///
    /// # Errors
    /// [`Refusal::QueueFull`] where there is no room for it now, [`Refusal::Rejected`] where there
    /// never will be.
    pub(super) fn add(&mut self, event: &EventBytes<'_>, now: Instant) -> Result<(), Refusal> {
        let bytes = event.bytes();
        let alone = bytes + HEADER_BYTES + RECORD_OVERHEAD_BYTES_MAX;
        let most = self.record_bytes_max.min(self.buffer_bytes);
        if alone > most {
            return Err(Refusal::Rejected(format!(
                "the event takes {alone} bytes; expected at most {most} (max.request.size, \
                 buffer.memory)"
            )));
        }
        if self.held_records >= self.buffer_records {
            return Err(self.full());
        }
        if self.partitions.is_empty() {
            if self.held_bytes + alone > self.buffer_bytes {
                return Err(self.full());
            }
            self.is_urgent |= self.unplaced.is_empty();
            self.unplaced.push(event, alone, now);
            self.held_bytes += alone;
            self.held_records += 1;
            return Ok(());
        }
        let partition = partition_of(event.key, self.partitions.len());
        let batch = self.batch_for(partition, bytes, now).ok_or(Refusal::QueueFull)?;
        batch.writer.append(event.at_ms, Some(event.key), event.header, Some(event.value));
        batch.stamps.push(event.stamp);
        batch.payload_bytes += (event.key.len() + event.value.len()) as u64;
        self.held_records += 1;
        Ok(())
    }

    fn full(&mut self) -> Refusal {
        // Once is enough: whoever is at work already frees what there is.
        self.is_urgent |= !self.is_short;
        self.is_short = true;
        Refusal::QueueFull
    }

    /// The open batch of a partition, which has room for so many bytes.
    fn batch_for(
        &mut self,
        partition: usize,
        bytes: usize,
        now: Instant,
    ) -> Option<&mut OpenRecords> {
        let filling = &mut self.partitions[partition];
        let takes = |open: &OpenRecords| {
            open.stamps.len() < self.batch_records
                && open.writer.would_take(bytes, self.batch_bytes)
        };
        if !filling.open.as_ref().is_some_and(takes) {
            if let Some(full) = filling.open.take() {
                filling.full.push_back(full);
                self.is_urgent = true;
            }
            let reserved = self.batch_bytes.max(bytes + HEADER_BYTES + RECORD_OVERHEAD_BYTES_MAX);
            if self.held_bytes + reserved > self.buffer_bytes {
                self.full();
                return None;
            }
            self.held_bytes += reserved;
            let writer = self.spare.writers.pop();
            let writer = writer.unwrap_or_else(|| BatchWriter::with_capacity(reserved));
            let stamps = self.spare.stamps.pop().unwrap_or_default();
            let batch = OpenRecords { writer, stamps, payload_bytes: 0, opened: now, reserved };
            self.partitions[partition].open = Some(batch);
            self.opened = self.opened.or(Some(now));
            self.trim();
        }
        self.partitions[partition].open.as_mut()
    }

    /// Whether the sending thread has to be woken for what was added since it looked: a batch is
    /// full, memory is short, or a linger ends before it looks again. True once for each look.
    pub(super) fn has_to_wake(&mut self) -> bool {
        let looks_at = self.looks_at;
        let is_sooner =
            |opened: Instant| looks_at.is_none_or(|looks_at| looks_at > opened + self.linger);
        if self.is_woken || !(self.is_urgent || self.opened.is_some_and(is_sooner)) {
            return false;
        }
        self.is_woken = true;
        true
    }

    /// The sending thread looks, and will look again at `next`.
    pub(super) fn looked(&mut self, next: Option<Instant>) {
        (self.is_woken, self.is_urgent, self.opened) = (false, false, None);
        self.looks_at = next;
    }

    /// How many partitions there are; 0 while that is not known.
    pub(super) fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// There are so many partitions from now on, or more than before: events that waited for that
    /// find their place.
    pub(super) fn set_partitions(&mut self, count: usize) {
        if count > self.partitions.len() {
            self.partitions.resize_with(count, Filling::default);
        }
        let unplaced = std::mem::take(&mut self.unplaced);
        self.held_bytes -= unplaced.reserved();
        self.held_records -= unplaced.len();
        // What the batches need beyond the bare events may be more than the buffer has: the bound
        // is for what comes, and these were taken.
        let bound = std::mem::replace(&mut self.buffer_bytes, usize::MAX);
        let records = std::mem::replace(&mut self.buffer_records, usize::MAX);
        for (event, since) in unplaced.events() {
            // Every event that was taken fits in a batch of its own.
            let _ = self.add(&event, since);
        }
        (self.buffer_bytes, self.buffer_records) = (bound, records);
    }

    /// When a partition has something to send: now for a full batch, else when its linger is over;
    /// `None` where there is nothing.
    pub(super) fn due(&self, partition: usize) -> Option<Instant> {
        let filling = self.partitions.get(partition)?;
        if let Some(full) = filling.full.front() {
            return Some(full.opened);
        }
        let open = filling.open.as_ref()?;
        Some(if self.is_short { open.opened } else { open.opened + self.linger })
    }

    /// The next batch of a partition, full or not.
    pub(super) fn take(&mut self, partition: usize) -> Option<OpenRecords> {
        let filling = self.partitions.get_mut(partition)?;
        filling.full.pop_front().or_else(|| filling.open.take())
    }

    /// The same where it takes at most so many bytes, uncompressed.
    pub(super) fn take_within(&mut self, partition: usize, bytes: usize) -> Option<OpenRecords> {
        let filling = self.partitions.get(partition)?;
        let next = filling.full.front().or(filling.open.as_ref())?;
        if next.writer.bytes() <= bytes { self.take(partition) } else { None }
    }

    /// Takes a partition's next batch out where it was opened before `before`.
    pub(super) fn take_older(&mut self, partition: usize, before: Instant) -> Option<OpenRecords> {
        let filling = self.partitions.get_mut(partition)?;
        let oldest = filling.full.front().or(filling.open.as_ref())?;
        if oldest.opened < before { self.take(partition) } else { None }
    }

    /// Whether any event is here.
    pub(super) fn is_empty(&self) -> bool {
        let is_empty = |filling: &Filling| filling.full.is_empty() && filling.open.is_none();
        self.unplaced.is_empty() && self.partitions.iter().all(is_empty)
    }

    /// Takes out the events that never found a place and came before `before`.
    pub(super) fn take_unplaced(&mut self, before: Instant) -> Vec<Stamp> {
        let (stamps, bytes) = self.unplaced.take_older(before);
        self.release(bytes, stamps.len());
        stamps
    }

    /// So much is over: there is room for others.
    pub(super) fn release(&mut self, bytes: usize, records: usize) {
        self.held_bytes -= bytes.min(self.held_bytes);
        self.held_records -= records.min(self.held_records);
        self.is_short = false;
    }

    /// Takes memory back, to be used again, as far as the bound allows.
    pub(super) fn keep(&mut self, mut memory: SpareMemory) {
        self.spare.writers.append(&mut memory.writers);
        self.spare.stamps.append(&mut memory.stamps);
        self.spare.sealed.append(&mut memory.sealed);
        self.trim();
    }

    /// What is kept for later does not count with the events: it goes where they need the room.
    fn trim(&mut self) {
        let room = self.buffer_bytes.saturating_sub(self.held_bytes) / self.batch_bytes;
        while self.spare.writers.len() + self.spare.sealed.len() > room {
            if self.spare.sealed.pop().is_none() && self.spare.writers.pop().is_none() {
                break;
            }
        }
        self.spare.stamps.truncate(room);
    }

    /// Bytes in the buffer, spare memory included.
    #[cfg(test)]
    pub(super) fn memory_bytes(&self) -> usize {
        let spare = self.spare.writers.len() + self.spare.sealed.len();
        self.held_bytes + spare * self.batch_bytes
    }
}
