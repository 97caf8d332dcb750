//! When slots were due, and which of the measured ones were never delivered.

use std::ops::Range;

use super::atomic_bitmap::below;
pub use super::due_counts::Dues;
use super::{Ledger, LedgerShard};

/// Slots of the measured part that were never delivered, by the interval in which they were due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// Never acknowledged, and not found in the log after a time-out.
    pub acks: Vec<u64>,
    /// Not seen by each application, in the plan's order.
    pub apps: Vec<Vec<u64>>,
}

impl Ledger {
    /// Notes when a shard's slots were due, once no more come due.
    pub fn set_dues(&self, shard: u16, dues: Dues) {
        if let Some(shard) = self.shards.get(usize::from(shard)) {
            // The producer's thread does it once.
            let _ = shard.dues.set(dues);
        }
    }

    /// The slots of all shards that came due in each interval, counted from slot time 0.
    #[must_use]
    pub fn offered_by_interval(&self) -> Vec<u64> {
        let mut sums = Vec::new();
        for dues in self.shards.iter().filter_map(|shard| shard.dues.get()) {
            for (interval, count) in dues.by_interval.iter().enumerate() {
                add(&mut sums, interval, *count);
            }
        }
        sums
    }

    /// Whether an event that timed out was written all the same. Call it after the log was asked.
    #[must_use]
    pub fn timed_out_and_written(&self, shard: u16, seq: u64) -> bool {
        let Some(shard) = self.shards.get(usize::from(shard)) else {
            return false;
        };
        let (word, bit) = (seq / 64, 1 << (seq % 64));
        shard.unknown.word(word) & !shard.acked.word(word) & shard.in_log(word) & bit != 0
    }

    /// What was offered in the measured part and never delivered. Call it after the log was asked.
    #[must_use]
    pub fn undelivered(&self) -> Undelivered {
        let mut all =
            Undelivered { acks: Vec::new(), apps: self.apps.iter().map(|_| Vec::new()).collect() };
        for shard in &self.shards {
            if let Some(dues) = shard.dues.get() {
                shard.undelivered(dues, &mut all);
            }
        }
        all
    }
}

impl LedgerShard {
    /// Those of the 64 slots from `64 * word` on that are in the log, for all that is known:
    /// whoever saw one has it from there.
    pub(super) fn in_log(&self, word: u64) -> u64 {
        self.seen.iter().fold(self.logged.word(word), |all, seen| all | seen.word(word))
    }

    fn undelivered(&self, dues: &Dues, all: &mut Undelivered) {
        let mut place = SlotPlace { by_interval: &dues.by_interval, interval: 0, from: 0 };
        let Range { start, end } = dues.measured;
        for word in start / 64..end.div_ceil(64) {
            let measured = below(end, word) & !below(start, word);
            let confirmed = self.acked.word(word) | self.unknown.word(word) & self.in_log(word);
            let unacked = measured & !confirmed;
            let missed = self.seen.iter().map(|seen| measured & !seen.word(word));
            let missed: Vec<u64> = missed.collect();
            let mut any = missed.iter().fold(unacked, |any, bits| any | bits);
            while any != 0 {
                let bit = any & any.wrapping_neg();
                let interval = place.of(word * 64 + u64::from(bit.trailing_zeros()));
                if unacked & bit != 0 {
                    add(&mut all.acks, interval, 1);
                }
                for (missed, counts) in missed.iter().zip(&mut all.apps) {
                    if missed & bit != 0 {
                        add(counts, interval, 1);
                    }
                }
                any &= any - 1;
            }
        }
    }
}

/// Where the slots are in the order of their numbers.
struct SlotPlace<'a> {
    by_interval: &'a [u64],
    interval: usize,
    /// The number of its first slot.
    from: u64,
}

impl SlotPlace<'_> {
    /// The interval in which a slot was due. Ask for growing numbers.
    fn of(&mut self, seq: u64) -> usize {
        while let Some(count) = self.by_interval.get(self.interval)
            && seq >= self.from.saturating_add(*count)
        {
            self.from = self.from.saturating_add(*count);
            self.interval += 1;
        }
        self.interval
    }
}

fn add(counts: &mut Vec<u64>, interval: usize, count: u64) {
    if counts.len() <= interval {
        counts.resize(interval + 1, 0);
    }
    counts[interval] += count;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Outcome, Stamp};
    use crate::measure::ledger::{Observations, PartitionTracker};
    use proptest::prelude::*;

    const RUN: u32 = 9;
    const APPS: usize = 2;

    /// What becomes of one slot: in the queue, at the broker, in the log; and who sees it.
    #[derive(Debug, Clone)]
    struct Fate {
        /// `None`: no word at all.
        outcome: Option<Result<Outcome, ()>>,
        rescanned: bool,
        seen: [bool; APPS],
    }

    fn fates() -> impl Strategy<Value = Vec<(usize, Fate)>> {
        let outcome = prop_oneof![
            6 => Just(Some(Ok(Outcome::Acked))),
            1 => Just(Some(Ok(Outcome::Failed))),
            2 => Just(Some(Ok(Outcome::Unknown))),
            1 => Just(Some(Err(()))),
            1 => Just(None),
        ];
        let fate = (outcome, any::<bool>(), any::<[bool; APPS]>()).prop_map(
            |(outcome, rescanned, seen)| {
                // What no client took, nobody sees.
                let seen = if outcome == Some(Err(())) { [false; APPS] } else { seen };
                Fate { outcome, rescanned: rescanned && outcome != Some(Err(())), seen }
            },
        );
        // How many intervals pass before it is due: some have no slot at all.
        prop::collection::vec(
            (prop_oneof![8 => Just(0_usize), 1 => Just(1), 1 => Just(3)], fate),
            0..300,
        )
    }

    proptest! {
        /// Law 2. Whatever becomes of the slots of the measured part: those with a latency and
        /// those without end are all that was offered, in every interval, for the
        /// acknowledgements and for each application.
        #[test]
        fn what_was_offered_is_delivered_or_without_end(
            shards in prop::collection::vec((fates(), 0_u64..400, 0_u64..400), 1..3),
        ) {
            let ledger = Ledger::new(RUN, shards.len() as u16, APPS);
            let (mut lanes, mut notes): (Vec<_>, Vec<_>) =
                (0..APPS).map(|_| (PartitionTracker::default(), Observations::default())).unzip();
            let mut offset = 0;
            // By interval: offered in the measured part, acknowledged, and seen by each.
            let mut expected = vec![[0_u64; 2 + APPS]; 1_000];
            for (number, (fates, from, to)) in (0..).zip(&shards) {
                let (mut dues, mut interval) = (Dues::default(), 0);
                ledger.offered(number, fates.len() as u64);
                for (seq, (gap, fate)) in (0..).zip(fates) {
                    interval += gap;
                    let measured = (*from..*to).contains(&seq);
                    dues.count(seq, interval, measured);
                    let stamp = Stamp { run: RUN, shard: number, seq, due_wall_us: 0 };
                    match fate.outcome {
                        Some(Ok(outcome)) => ledger.outcome(&stamp, outcome),
                        Some(Err(())) => ledger.unsent(number, seq),
                        None => {}
                    }
                    if fate.rescanned {
                        ledger.logged(Some(&stamp));
                    }
                    for (app, seen) in fate.seen.iter().enumerate().filter(|(_, seen)| **seen) {
                        lanes[app].tick(&ledger, app, offset, Some(&stamp));
                        notes[app].tick(0, offset, Some(&stamp));
                        expected[interval][2 + app] += u64::from(measured && *seen);
                    }
                    offset += 1;
                    let written = fate.rescanned || fate.seen.contains(&true);
                    let timed_out = fate.outcome == Some(Ok(Outcome::Unknown)) && written;
                    let acked = fate.outcome == Some(Ok(Outcome::Acked)) || timed_out;
                    expected[interval][0] += u64::from(measured);
                    expected[interval][1] += u64::from(measured && acked);
                }
                ledger.set_dues(number, dues);
            }
            let never = ledger.undelivered();
            let at = |counts: &[u64], interval: usize| counts.get(interval).copied().unwrap_or(0);
            for (interval, &[offered, acked, ref seen @ ..]) in expected.iter().enumerate() {
                prop_assert_eq!(at(&never.acks, interval) + acked, offered);
                for (missed, seen) in never.apps.iter().zip(seen) {
                    prop_assert_eq!(at(missed, interval) + seen, offered);
                }
            }
            // The same by way of the files; nobody has asked the log then.
            let notes: Vec<_> = notes.iter().map(|notes| vec![notes]).collect();
            let restored = Ledger::restore(&ledger.outcomes(), &notes);
            prop_assert_eq!(restored.undelivered().apps, never.apps);
            prop_assert_eq!(restored.offered_by_interval(), ledger.offered_by_interval());
        }
    }

    #[test]
    fn what_came_due_is_counted_by_interval_over_all_shards() {
        let dues = |intervals: &[usize]| {
            let mut dues = Dues::default();
            (0..).zip(intervals).for_each(|(seq, at)| dues.count(seq, *at, (1..3).contains(at)));
            dues
        };
        let first = dues(&[0, 0, 2, 2, 3]);
        assert_eq!(first, Dues { by_interval: vec![2, 0, 2, 1], measured: 2..4 });
        let ledger = Ledger::new(RUN, 3, 0);
        ledger.set_dues(0, first);
        ledger.set_dues(2, dues(&[1, 1, 1, 4]));
        assert_eq!(ledger.offered_by_interval(), [2, 3, 2, 1, 1]);
    }

    #[test]
    fn what_timed_out_and_was_acknowledged_after_all_is_delivered() {
        let ledger = Ledger::new(RUN, 1, 0);
        ledger.offered(0, 2);
        let mut dues = Dues::default();
        (0..2).for_each(|seq| dues.count(seq, 0, true));
        ledger.set_dues(0, dues);
        let stamp = Stamp { run: RUN, shard: 0, seq: 0, due_wall_us: 0 };
        ledger.outcome(&stamp, Outcome::Unknown);
        ledger.outcome(&stamp, Outcome::Acked);
        ledger.logged(Some(&stamp));
        assert_eq!(ledger.undelivered().acks, [1], "the other one");
    }

    #[test]
    fn what_one_event_lacks_is_not_laid_to_another() {
        let ledger = Ledger::new(RUN, 1, 2);
        ledger.offered(0, 2);
        let mut dues = Dues::default();
        (0..2).for_each(|seq| dues.count(seq, seq as usize, true));
        ledger.set_dues(0, dues);
        let stamp = |seq| Stamp { run: RUN, shard: 0, seq, due_wall_us: 0 };
        ledger.outcome(&stamp(0), Outcome::Acked);
        ledger.outcome(&stamp(1), Outcome::Failed);
        // The second application does not get the first one.
        for (app, seqs) in [(0, 0..2), (1, 1..2)] {
            let mut lane = PartitionTracker::default();
            for (offset, seq) in (0..).zip(seqs) {
                lane.tick(&ledger, app, offset, Some(&stamp(seq)));
            }
        }
        let expected = Undelivered { acks: vec![0, 1], apps: vec![vec![], vec![1]] };
        assert_eq!(ledger.undelivered(), expected);
    }

    #[test]
    fn only_what_timed_out_and_is_in_the_log_was_written_all_the_same() {
        let ledger = Ledger::new(RUN, 1, 0);
        ledger.offered(0, 200);
        let stamp = |seq| Stamp { run: RUN, shard: 0, seq, due_wall_us: 0 };
        for seq in [70, 71, 72] {
            ledger.outcome(&stamp(seq), Outcome::Unknown);
        }
        ledger.outcome(&stamp(72), Outcome::Acked);
        ledger.outcome(&stamp(73), Outcome::Failed);
        [70, 72, 73, 74].iter().for_each(|&seq| ledger.logged(Some(&stamp(seq))));
        let written: Vec<_> =
            (0..200).filter(|&seq| ledger.timed_out_and_written(0, seq)).collect();
        assert_eq!(written, [70]);
        assert!(!ledger.timed_out_and_written(7, 70), "no such shard");
    }
}
