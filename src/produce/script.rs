//! What a shard sends, and when: made up by the population, or recorded.

mod facts;
mod feed;
mod merge;
mod tape;
mod visits;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use super::batch::Batch;
use crate::event::{Slot, Stamp};
use crate::generate::{Facts, Generator};
use crate::pace::{Schedule, Shard};
use crate::plan::Plan;

pub use feed::{Feed, cue_up, due_ns};
pub use merge::{Counts, Merge, time_us};
pub use tape::{Step, Tape, TapeRecord};

/// Longest wait for a recorded event: how soon the loop sees that it shall stop.
const WAIT: Duration = Duration::from_millis(20);

/// What one shard sends, and when.
#[derive(Debug)]
pub enum Script {
    /// The schedule says when, the population says what.
    Made {
        /// The shard's slots.
        slots: Shard,
        /// The shard's users.
        generator: Box<Generator>,
    },
    /// A recorded topic says both.
    Recorded(Recorded),
}

/// The shard's part of a recording, as it is read.
#[derive(Debug)]
pub struct Recorded {
    cues: Receiver<Cue>,
    ahead: Arc<Ahead>,
    seq: u64,
}

/// A recorded event that is to be sent.
#[derive(Debug)]
struct Cue {
    /// Since the schedule's start; whole microseconds.
    due_ns: u64,
    /// When it was read, on the run's clock.
    read_ns: u64,
    facts: Facts,
    /// The key, and behind it the event without its stamp.
    bytes: Box<[u8]>,
    key_len: usize,
}

/// What the reading side and the sending side of a recording know of each other.
#[derive(Debug, Default)]
pub struct Ahead {
    /// Read, and not sent yet.
    bytes: AtomicU64,
    /// Events that were read only after they had been due, and the worst of these delays.
    late: AtomicU64,
    late_max_ns: AtomicU64,
    /// Nobody sends any more.
    over: AtomicBool,
}

impl Ahead {
    /// How many events were read only after they had been due, and the longest such delay.
    #[must_use]
    pub fn late(&self) -> (u64, u64) {
        (self.late.load(Ordering::Relaxed), self.late_max_ns.load(Ordering::Relaxed))
    }
}

impl Script {
    /// A population for each shard of the plan's schedule.
    #[must_use]
    pub fn crew(plan: &Plan) -> Vec<Self> {
        let schedule = Schedule::new(&plan.load, plan.seed);
        let made = |(shard, generator)| Self::Made {
            slots: schedule.shard(shard),
            generator: Box::new(generator),
        };
        (0..).zip(Generator::crew(plan)).map(made).collect()
    }

    /// Fills an empty batch with up to `max` events of the script; `place` gives a slot's stamp
    /// and its due time on the run's clock. Returns true when the script has no more.
    ///
    /// A recording that has nothing ready gives an empty batch after a while.
    pub(super) fn fill(
        &mut self,
        batch: &mut Batch,
        max: usize,
        place: impl Fn(Slot) -> (Stamp, u64),
    ) -> bool {
        match self {
            Self::Made { slots, generator } => {
                while batch.len() < max {
                    let Some(slot) = slots.next() else {
                        return true;
                    };
                    let (stamp, due_ns) = place(slot);
                    batch.push(stamp, due_ns, &generator.next(slot.due_ns));
                }
                false
            }
            Self::Recorded(recorded) => recorded.fill(batch, max, place),
        }
    }
}

impl Recorded {
    fn fill(
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

impl Drop for Recorded {
    fn drop(&mut self) {
        self.ahead.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
