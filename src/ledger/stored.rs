//! A ledger in two halves, as a producer and the consumers write them, and put together again.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::notes::read_by_both;
use super::{Dues, Ledger, Notes, Plane};

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
    pub acked: Plane,
    /// Certainly not written.
    pub failed: Plane,
    /// Timed out, perhaps written.
    pub unknown: Plane,
    /// Taken by no client.
    pub unsent: Plane,
    /// When they were due.
    pub dues: Dues,
}

/// What the processes of one application noted.
pub type SeenBy<'a> = Vec<&'a Notes>;

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
    /// Where two processes of a group have read the same offset, the second time is a
    /// redelivery; further events that both have are duplicates.
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
            for (place, notes) in processes.iter().enumerate() {
                let before = &processes[..place];
                ledger.take_notes(app, notes, before);
            }
        }
        ledger
    }

    /// Enters what one process of an application has noted, after the processes `before`.
    fn take_notes(&self, app: usize, notes: &Notes, before: &[&Notes]) {
        let ticks = &self.apps[app];
        let add = |counter: &std::sync::atomic::AtomicU64, count: u64| {
            counter.fetch_add(count, Ordering::Relaxed);
        };
        add(&ticks.redeliveries, notes.redeliveries);
        add(&ticks.foreign, notes.foreign_to(self.run));
        let Some(run) = notes.runs.get(&self.run) else {
            return;
        };
        let mut again = 0;
        for (number, plane) in &run.seen {
            let shard = self.shards.get(usize::from(*number));
            let offered = shard.map_or(0, |shard| shard.offered.load(Ordering::Acquire));
            for (word, value) in plane.words() {
                let due = mask(offered, word);
                add(&ticks.impossible, u64::from((value & !due).count_ones()));
                let seen = shard.map_or(0, |shard| shard.seen[app].set_word(word, value & due));
                again += u64::from(seen.count_ones());
            }
        }
        let redelivered: u64 = before.iter().map(|other| read_by_both(notes, other)).sum();
        let redelivered = redelivered.min(again);
        add(&ticks.redeliveries, redelivered);
        add(&ticks.duplicates, run.duplicates + again - redelivered);
        add(&ticks.reordered, run.reordered);
        add(&ticks.corrupt, run.corrupt);
    }
}

/// The bits of a word that are slots below `offered`.
fn mask(offered: u64, word: u64) -> u64 {
    match offered.saturating_sub(word.saturating_mul(64)) {
        rest if rest >= 64 => u64::MAX,
        rest => (1 << rest) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Outcome, Stamp};
    use crate::ledger::Lane;
    use proptest::prelude::*;

    const RUN: u32 = 9;

    fn stamp(shard: u16, seq: u64) -> Stamp {
        Stamp { run: RUN, shard, seq, due_wall_us: 0 }
    }

    proptest! {
        /// What one process would have found is what both halves give together.
        #[test]
        fn two_halves_make_the_same_ledger_as_one_run(
            fates in prop::collection::vec(0_u8..12, 1..400),
        ) {
            let whole = Ledger::new(RUN, 2, 1);
            let (mut lane, mut notes) = (Lane::default(), Notes::default());
            let mut offset = 0;
            for (seq, fate) in (0..).zip(&fates) {
                let stamp = stamp(u16::from(fate % 2), seq);
                whole.offered(0, seq + 1);
                whole.offered(1, seq + 1);
                match fate {
                    0 => whole.unsent(stamp.shard, seq),
                    1 => whole.outcome(&stamp, Outcome::Failed),
                    2 => whole.outcome(&stamp, Outcome::Unknown),
                    _ => whole.outcome(&stamp, Outcome::Acked),
                }
                let records = match fate { 0 | 1 | 3 => 0, 4 => 2, _ => 1 };
                for _ in 0..records {
                    lane.tick(&whole, 0, offset, Some(&stamp));
                    notes.tick(0, offset, Some(&stamp));
                    offset += 1;
                }
            }
            // By way of the files.
            let text = serde_json::to_string(&(whole.outcomes(), &notes)).unwrap();
            let (outcomes, read): (Outcomes, Notes) = serde_json::from_str(&text).unwrap();
            let restored = Ledger::restore(&outcomes, &[vec![&read]]);
            prop_assert_eq!(restored.close(), whole.close());
        }
    }

    #[test]
    fn a_missing_process_leaves_its_events_missing_and_a_second_reading_is_no_duplicate() {
        let whole = Ledger::new(RUN, 1, 1);
        whole.offered(0, 10);
        let (mut one, mut other) = (Notes::default(), Notes::default());
        for seq in 0..10 {
            whole.outcome(&stamp(0, seq), Outcome::Acked);
            let offset = seq.cast_signed();
            if seq < 6 {
                one.tick(0, offset, Some(&stamp(0, seq)));
            }
            if seq >= 4 {
                other.tick(0, offset, Some(&stamp(0, seq)));
            }
        }
        let close = |apps: &[&Notes]| {
            let ledger = Ledger::restore(&whole.outcomes(), &[apps.to_vec()]);
            ledger.close().apps[0].clone()
        };
        let both = close(&[&one, &other]);
        assert_eq!((both.missing, both.redeliveries, both.duplicates), (0, 2, 0));
        assert_eq!(close(&[&other]).missing, 4);
        assert_eq!(close(&[]).missing, 10);
        // The same events at other offsets: written twice.
        let mut copy = Notes::default();
        for offset in 10..12 {
            copy.tick(0, offset, Some(&stamp(0, 0)));
        }
        let doubled = close(&[&one, &other, &copy]);
        assert_eq!((doubled.redeliveries, doubled.duplicates), (2, 2));
    }

    #[test]
    fn a_stamp_that_was_never_sent_is_impossible() {
        let whole = Ledger::new(RUN, 1, 1);
        whole.offered(0, 1);
        whole.outcome(&stamp(0, 0), Outcome::Acked);
        let mut notes = Notes::default();
        for (offset, event) in (0..).zip([stamp(0, 0), stamp(0, 1), stamp(3, 0)]) {
            notes.tick(0, offset, Some(&event));
        }
        let report = Ledger::restore(&whole.outcomes(), &[vec![&notes]]).close();
        assert_eq!((report.apps[0].seen, report.apps[0].impossible), (1, 2));
    }
}
