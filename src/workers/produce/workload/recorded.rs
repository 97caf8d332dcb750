//! What a shard sends of a recording.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use crate::event::codec::Codec;
use crate::event::{Slot, Stamp};
use crate::load::generate::EventFacts;
use crate::workers::produce::batch::Batch;

/// Longest wait for a recorded event: how soon the loop sees that it shall stop.
pub(super) const WAIT: Duration = Duration::from_millis(20);

/// The shard's part of a recording, as it is read.
#[derive(Debug)]
pub struct RecordedWorkload {
    /// What the events are written by.
    pub(super) codec: &'static dyn Codec,
    pub(super) cues: Receiver<RecordedEvent>,
    pub(super) ahead: Arc<PrefetchState>,
    pub(super) seq: u64,
    /// A user who does nothing for so long begins a new session.
    pub(super) idle_us: i64,
    /// How many producers share the recording's users.
    pub(super) shards: u16,
}

/// A recorded event that is to be sent.
#[derive(Debug)]
pub(super) struct RecordedEvent {
    /// Since the schedule's start; whole microseconds.
    pub(super) due_ns: u64,
    /// When it was read, on the run's clock.
    pub(super) read_ns: u64,
    pub(super) facts: EventFacts,
    /// The key, and behind it the event without its stamp.
    pub(super) bytes: Box<[u8]>,
    pub(super) key_len: usize,
}

/// What the reading side and the sending side of a recording know of each other.
#[derive(Debug, Default)]
pub struct PrefetchState {
    /// Read, and not sent yet.
    pub(super) bytes: AtomicU64,
    /// Events that were read only after they had been due, and the worst of these delays.
    late: AtomicU64,
    late_max_ns: AtomicU64,
    /// Nobody sends any more.
    pub(super) over: AtomicBool,
}

impl PrefetchState {
    /// How many events were read only after they had been due, and the longest such delay.
    #[must_use]
    pub fn late(&self) -> (u64, u64) {
        (self.late.load(Ordering::Relaxed), self.late_max_ns.load(Ordering::Relaxed))
    }
}

impl RecordedWorkload {
    pub(super) fn fill(
        &mut self,
        batch: &mut Batch,
        max: usize,
        place: impl Fn(Slot) -> (Stamp, u64),
    ) -> bool {
        while batch.len() < max {
            let cue = match self.cues.try_recv() {
                Ok(cue) => cue,
                // What there is can't wait for what is still to be read.
                Err(TryRecvError::Empty) if !batch.is_empty() => return false,
                Err(TryRecvError::Empty) => match self.cues.recv_timeout(WAIT) {
                    Ok(cue) => cue,
                    Err(RecvTimeoutError::Timeout) => return false,
                    Err(RecvTimeoutError::Disconnected) => return true,
                },
                Err(TryRecvError::Disconnected) => return true,
            };
            self.ahead.bytes.fetch_sub(cue.bytes.len() as u64, Ordering::Relaxed);
            let (stamp, due_ns) = place(Slot { seq: self.seq, due_ns: cue.due_ns });
            self.seq += 1;
            if let Some(late_ns) = cue.read_ns.checked_sub(due_ns).filter(|&late_ns| late_ns > 0) {
                self.ahead.late.fetch_add(1, Ordering::Relaxed);
                self.ahead.late_max_ns.fetch_max(late_ns, Ordering::Relaxed);
            }
            let (key, tail) = cue.bytes.split_at(cue.key_len);
            batch.push_recorded(stamp, due_ns, cue.facts, key, tail);
        }
        false
    }
}

impl Drop for RecordedWorkload {
    fn drop(&mut self) {
        self.ahead.over.store(true, Ordering::Relaxed);
    }
}
