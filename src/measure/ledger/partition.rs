//! The judgement of one partition as one application sees it.

use std::sync::atomic::Ordering;

use super::Ledger;
use crate::event::{PROBE_SHARD, Stamp};

/// What a record is to the application that got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// An event of this run, for the first time.
    First,
    /// An offset that was read before: at-least-once delivery at work; not to be applied again,
    /// and counted unless it is a probe's.
    Redelivery,
    /// An event that this application has seen before, at another offset.
    Duplicate,
    /// Not of this run: no stamp, another run's, or one that was never sent.
    Foreign,
    /// A probe of the time before the schedule.
    Probe,
}

/// What one application has seen of one partition. Whoever owns the partition owns it.
#[derive(Debug, Default)]
pub struct PartitionTracker {
    expected_offset: i64,
    /// By shard: the highest sequence number seen; 0 before the first.
    highest: Vec<u64>,
}

impl PartitionTracker {
    /// The offset that comes next.
    #[must_use]
    pub fn expected_offset(&self) -> i64 {
        self.expected_offset
    }

    /// Judges the record at `offset` and ticks its slot off for the application at place `app`.
    ///
    /// Offsets may have gaps, as compaction and transactions leave them. A shard's events come
    /// in the order of their numbers within a partition, because one producer sends them.
    pub fn tick(
        &mut self,
        ledger: &Ledger,
        app: usize,
        offset: i64,
        stamp: Option<&Stamp>,
    ) -> Tick {
        let Some(ticks) = ledger.apps.get(app) else {
            return Tick::Foreign;
        };
        let is_probe = |stamp: &Stamp| stamp.run == ledger.run && stamp.shard == PROBE_SHARD;
        if offset < self.expected_offset {
            // While a group is joining, a probe comes to several members: no event does.
            if !stamp.is_some_and(is_probe) {
                ticks.redeliveries.fetch_add(1, Ordering::Relaxed);
            }
            return Tick::Redelivery;
        }
        self.expected_offset = offset + 1;
        let Some(stamp) = stamp.filter(|stamp| stamp.run == ledger.run) else {
            ticks.foreign.fetch_add(1, Ordering::Relaxed);
            return Tick::Foreign;
        };
        if is_probe(stamp) {
            return Tick::Probe;
        }
        let Some(shard) = ledger
            .shards
            .get(usize::from(stamp.shard))
            .filter(|shard| stamp.seq < shard.offered.load(Ordering::Acquire))
        else {
            ticks.impossible.fetch_add(1, Ordering::Relaxed);
            return Tick::Foreign;
        };
        if !shard.seen[app].set(stamp.seq) {
            ticks.duplicates.fetch_add(1, Ordering::Relaxed);
            return Tick::Duplicate;
        }
        let highest = self.highest(stamp.shard);
        if stamp.seq < *highest {
            ticks.reordered.fetch_add(1, Ordering::Relaxed);
        } else {
            *highest = stamp.seq;
        }
        Tick::First
    }

    fn highest(&mut self, shard: u16) -> &mut u64 {
        let shard = usize::from(shard);
        if self.highest.len() <= shard {
            self.highest.resize(shard + 1, 0);
        }
        &mut self.highest[shard]
    }
}
