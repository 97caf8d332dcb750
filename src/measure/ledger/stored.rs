//! A ledger in two halves, as a producer and the consumers write them, and put together again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::atomic_bitmap::below;
use super::{Dues, Ledger, Observations, Places, RunObservations, SparseBitmap, order};

/// How every slot of a run ended: the producer's half of a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// The run.
    pub run: u32,
    /// By shard.
    pub shards: Vec<ShardOutcomes>,
    /// Slots that got a second receipt of the same kind.
    pub second_outcomes: u64,
}

/// One shard's slots by their outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardOutcomes {
    /// Slots that came due.
    pub offered: u64,
    /// Acknowledged.
    pub acked: SparseBitmap,
    /// Certainly not written.
    pub failed: SparseBitmap,
    /// Timed out, perhaps written.
    pub unknown: SparseBitmap,
    /// Taken by no client.
    pub unsent: SparseBitmap,
    /// When they were due.
    pub dues: Dues,
}

/// Slots beyond those that are known to have ended which a shard may have offered, or the other
/// way round: a fault of kbench shows as a sum that does not close, and not as a damaged file.
const SLOTS_ASTRAY_MAX: u64 = 1 << 20;

impl ShardOutcomes {
    /// Checks what comes from a file: going over its slots takes no longer than there are any.
    ///
    /// # Errors
    /// What is wrong, and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let planes = [&self.acked, &self.failed, &self.unknown, &self.unsent];
        let ended: u64 = planes.iter().map(|plane| plane.count()).sum();
        let (offered, most) = (self.offered, ended + SLOTS_ASTRAY_MAX);
        if offered > most {
            return Err(format!(
                "offered is {offered} where {ended} slots have ended; expected {most} at most"
            ));
        }
        let last = planes.iter().filter_map(|plane| plane.last()).max();
        if let Some(last) = last.filter(|last| *last > offered + SLOTS_ASTRAY_MAX) {
            return Err(format!("slot {last} has ended and {offered} were offered"));
        }
        let Range { start, end } = self.dues.measured;
        if start > end || end > offered {
            return Err(format!(
                "the slots {start} to {end} are measured; expected some of {offered}"
            ));
        }
        Ok(())
    }
}

/// What the processes of one application noted.
pub type SeenBy<'a> = Vec<&'a Observations>;

impl Ledger {
    /// The producer's half, to be written down. Call it when nothing is on its way any more.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        let shards = self.shards.iter().map(|shard| ShardOutcomes {
            offered: shard.offered.load(Ordering::Acquire),
            acked: shard.acked.plane(),
            failed: shard.failed.plane(),
            unknown: shard.unknown.plane(),
            unsent: shard.unsent.plane(),
            dues: shard.dues.get().cloned().unwrap_or_default(),
        });
        Outcomes {
            run: self.run,
            shards: shards.collect(),
            second_outcomes: self.second_outcomes.load(Ordering::Acquire),
        }
    }

    /// The whole ledger of a run, from its producer's half and what each application noted.
    ///
    /// The second reading of a place by a process of the same application is a redelivery, and an
    /// event at a second place a duplicate. An event is out of order where a later one of its shard
    /// lies at a lower offset of its partition, whoever read that. All of it is what one process
    /// would have found that reads each partition in order, with one exception: how many are
    /// behind others that only other processes have read is a lower bound, though never 0 where
    /// there is one, when they are more than the notes keep of a stretch's beginning.
    #[must_use]
    pub fn restore(outcomes: &Outcomes, apps: &[SeenBy<'_>]) -> Self {
        let count = u16::try_from(outcomes.shards.len()).unwrap_or(u16::MAX);
        let ledger = Self::new(outcomes.run, count, apps.len());
        ledger.second_outcomes.store(outcomes.second_outcomes, Ordering::Release);
        for (shard, stored) in ledger.shards.iter().zip(&outcomes.shards) {
            shard.offered.store(stored.offered, Ordering::Release);
            let _ = shard.dues.set(stored.dues.clone());
            for (bits, plane) in [
                (&shard.acked, &stored.acked),
                (&shard.failed, &stored.failed),
                (&shard.unknown, &stored.unknown),
                (&shard.unsent, &stored.unsent),
            ] {
                for (word, value) in plane.words() {
                    bits.set_word(word, value);
                }
            }
        }
        for (app, processes) in apps.iter().enumerate() {
            ledger.take_notes(app, processes);
        }
        ledger
    }

    /// Enters what the processes of an application have noted.
    fn take_notes(&self, app: usize, processes: &[&Observations]) {
        let runs: Vec<&RunObservations> =
            processes.iter().filter_map(|notes| notes.runs.get(&self.run)).collect();
        let mut never_sent = BTreeMap::<u16, SparseBitmap>::new();
        for (number, plane) in runs.iter().flat_map(|run| &run.seen) {
            let shard = self.shards.get(usize::from(*number));
            let offered = shard.map_or(0, |shard| shard.offered.load(Ordering::Acquire));
            for (word, value) in plane.words() {
                let due = below(offered, word);
                never_sent.entry(*number).or_default().set_word(word, value & !due);
                if let Some(shard) = shard {
                    shard.seen[app].set_word(word, value & due);
                }
            }
        }
        let seen: u64 = self.shards.iter().map(|shard| shard.seen[app].count()).sum();
        let impossible: u64 = never_sent.values().map(SparseBitmap::count).sum();
        let ours = Places::together(runs.iter().map(|run| &run.places));
        let (foreign, foreign_again) = self.foreign(processes);
        let redeliveries: u64 = processes.iter().map(|notes| notes.redeliveries).sum();
        let ticks = &self.apps[app];
        for (counter, count) in [
            (&ticks.impossible, impossible),
            (&ticks.duplicates, ours.distinct - (seen + impossible).min(ours.distinct)),
            (&ticks.redeliveries, redeliveries + ours.again + foreign_again),
            (&ticks.foreign, foreign),
            (&ticks.corrupt, Places::together(runs.iter().map(|run| &run.corrupt)).distinct),
            (&ticks.reordered, order::reordered(&runs)),
        ] {
            counter.store(count, Ordering::Relaxed);
        }
    }

    /// Records that are not of this run, and how often one was read again by another process.
    fn foreign(&self, processes: &[&Observations]) -> (u64, u64) {
        let unstamped = Places::together(processes.iter().map(|notes| &notes.foreign));
        let mut others = BTreeMap::<u32, Vec<&Places>>::new();
        for (run, notes) in processes.iter().flat_map(|notes| &notes.runs) {
            if *run != self.run {
                others.entry(*run).or_default().push(&notes.places);
            }
        }
        let others = others.into_values().map(|places| Places::together(places.into_iter()));
        others.fold((unstamped.distinct, unstamped.again), |sum, together| {
            (sum.0 + together.distinct, sum.1 + together.again)
        })
    }
}

#[cfg(test)]
mod tests;
