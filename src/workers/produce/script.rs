//! What a shard sends, and when: made up by the population, or recorded.

mod facts;
mod feed;
mod merge;
mod openings;
mod tape;
mod visits;

use std::iter::Take;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use super::batch::Batch;
use crate::event::{Slot, Stamp};
use crate::load::generate::{Facts, Generator, SessionStats};
use crate::load::schedule::{Schedule, Shard};
use crate::plan::Plan;

pub use feed::{Feed, cue_up, due_ns};
pub(super) use openings::Openings;

pub use merge::{Counts, Merge, time_us};
pub use tape::{Step, Tape, TapeRecord};

/// Longest wait for a recorded event: how soon the loop sees that it shall stop.
const WAIT: Duration = Duration::from_millis(20);

/// What one shard sends, and when.
#[derive(Debug)]
pub enum Script {
    /// The schedule says when, the population says what.
    Made {
        /// The shard's slots, as many as shall be sent.
        slots: Take<Shard>,
        /// The shard's users.
        generator: Box<Generator>,
    },
    /// Nobody says when: an event is due when it is made, and made when there is room for it.
    Unpaced {
        /// The shard's users.
        generator: Box<Generator>,
        /// The next event's number.
        seq: u64,
        /// Events still to be sent.
        left: u64,
        /// No event is due later: since the schedule's start.
        until_ns: u64,
    },
    /// A recorded topic says both.
    Recorded(Recorded),
}

/// How much of a plan's load is sent, and whether at its rates.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sending {
    /// So many events at most, over all producers.
    pub count: Option<u64>,
    /// As fast as the clients take them, whatever the plan's rates are.
    pub unpaced: bool,
}

impl Sending {
    /// A shard's part of the count.
    fn share(&self, shard: u16, shards: u16) -> u64 {
        let (shard, shards) = (u64::from(shard), u64::from(shards));
        self.count.map_or(u64::MAX, |count| count / shards + u64::from(shard < count % shards))
    }
}

/// The shard's part of a recording, as it is read.
#[derive(Debug)]
pub struct Recorded {
    cues: Receiver<Cue>,
    ahead: Arc<Ahead>,
    seq: u64,
    /// A user who does nothing for so long begins a new session.
    idle_us: i64,
    /// How many producers share the recording's users.
    shards: u16,
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
    pub fn crew(plan: &Plan, sending: Sending) -> Vec<Self> {
        let schedule = Schedule::new(&plan.load, plan.seed);
        let made = |(shard, generator)| {
            let left = sending.share(shard, plan.load.producers);
            let generator = Box::new(generator);
            if sending.unpaced {
                let until_ns = schedule.duration_ns();
                return Self::Unpaced { generator, seq: 0, left, until_ns };
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            Self::Made { slots: schedule.shard(shard).take(most), generator }
        };
        (0..).zip(Generator::crew(plan)).map(made).collect()
    }

    /// What tells which of the script's taken events begin a session.
    pub(super) fn openings(&self) -> Openings {
        match self {
            Self::Made { .. } | Self::Unpaced { .. } => Openings::default(),
            Self::Recorded(recorded) => Openings::recorded(recorded.idle_us, recorded.shards),
        }
    }

    /// How its sessions lived; nothing where their pace was not the schedule's.
    pub(super) fn sessions(&self) -> SessionStats {
        match self {
            Self::Made { generator, .. } => generator.stats().clone(),
            Self::Unpaced { .. } | Self::Recorded(_) => SessionStats::default(),
        }
    }

    /// Whether a full client is waited for: there is no schedule to be kept.
    pub(super) const fn waits(&self) -> bool {
        matches!(self, Self::Unpaced { .. })
    }

    /// Fills an empty batch with up to `max` events of the script; `since_start_ns` is now, and
    /// `place` gives a slot's stamp and its due time on the run's clock. Returns true when the
    /// script has no more.
    ///
    /// A recording that has nothing ready gives an empty batch after a while.
    pub(super) fn fill(
        &mut self,
        batch: &mut Batch,
        max: usize,
        since_start_ns: u64,
        place: impl Fn(Slot) -> (Stamp, u64),
    ) -> bool {
        match self {
            Self::Unpaced { generator, seq, left, until_ns } => {
                // Whole microseconds, as every due time.
                let due_ns = since_start_ns / 1_000 * 1_000;
                while batch.len() < max {
                    if *left == 0 || due_ns >= *until_ns {
                        return true;
                    }
                    let (stamp, at_ns) = place(Slot { seq: *seq, due_ns });
                    batch.push(stamp, at_ns, &generator.next(due_ns));
                    (*seq, *left) = (*seq + 1, *left - 1);
                }
                false
            }
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
