//! What a shard sends, and when: made up by the population, or recorded.

mod facts;
mod merge;
pub mod open_sessions;
mod openings;
pub mod prefetch;
pub mod record_stream;
pub(super) mod recorded;

use std::iter::Take;

use super::batch::Batch;
use crate::event::codec::Codec;
use crate::event::{Slot, Stamp};
use crate::load::generate::{Generator, SessionStats};
use crate::load::schedule::{Schedule, ShardSlots};
use crate::plan::Plan;

pub use merge::{Merge, RecordingCounts, time_us};
pub(super) use openings::Openings;
pub use record_stream::{NextRecord, RecordRef, RecordStream};
use recorded::RecordedEvent;
pub use recorded::{PrefetchState, RecordedWorkload};

/// What one shard sends, and when.
#[derive(Debug)]
pub enum Workload {
    /// The schedule says when, the population says what.
    Made {
        /// The shard's slots, as many as shall be sent.
        slots: Take<ShardSlots>,
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
    Recorded(RecordedWorkload),
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

impl Workload {
    /// A population for each shard of the plan's schedule.
    #[must_use]
    pub fn for_shards(plan: &Plan, sending: Sending) -> Vec<Self> {
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
        (0..).zip(Generator::for_shards(plan)).map(made).collect()
    }

    /// What the events are written by.
    pub(super) fn codec(&self) -> &'static dyn Codec {
        match self {
            Self::Made { generator, .. } | Self::Unpaced { generator, .. } => generator.codec(),
            Self::Recorded(recorded) => recorded.codec,
        }
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

#[cfg(test)]
mod tests;
