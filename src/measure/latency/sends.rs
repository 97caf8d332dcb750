//! When each event was really sent, for the figures that don't count from its due time.

use std::sync::atomic::{AtomicU64, Ordering};

/// Events of a shard that are remembered: more than are on their way at once, but for an outage.
const REMEMBERED: usize = 1 << 20;

/// Bits of an entry that hold the delay in nanoseconds: up to 18 minutes.
const DELAY_BITS: u32 = 40;

/// The send delays of the newest events of every shard.
///
/// A producer writes, receipts and workers read, without a lock. Who asks for an event that is
/// too old gets nothing, and counts it: the uncorrected figures then have fewer samples than the
/// corrected ones. The memory (8 MB for a shard) is taken as events come.
#[derive(Debug)]
pub struct Sends {
    shards: Vec<Box<[AtomicU64]>>,
}

impl Sends {
    /// For so many shards.
    #[must_use]
    pub fn new(shards: u16) -> Self {
        let entries = || (0..REMEMBERED).map(|_| AtomicU64::new(0)).collect();
        Self { shards: (0..shards).map(|_| entries()).collect() }
    }

    /// Notes that an event's hand-over to the client begins so long after its due time.
    pub fn note(&self, shard: u16, seq: u64, delay_ns: u64) {
        if let Some(entries) = self.shards.get(usize::from(shard)) {
            let delay_ns = delay_ns.min((1 << DELAY_BITS) - 1);
            // Alone in its word: whoever reads it gets it whole.
            entries[place(seq)].store(tag(seq) << DELAY_BITS | delay_ns, Ordering::Relaxed);
        }
    }

    /// How long after its due time an event's hand-over began; `None` where that is forgotten.
    #[must_use]
    pub fn delay_ns(&self, shard: u16, seq: u64) -> Option<u64> {
        let entry = self.shards.get(usize::from(shard))?[place(seq)].load(Ordering::Relaxed);
        (entry >> DELAY_BITS == tag(seq)).then_some(entry & ((1 << DELAY_BITS) - 1))
    }
}

fn place(seq: u64) -> usize {
    seq as usize & (REMEMBERED - 1)
}

/// Tells the events of one place apart; never 0, which is an empty place.
fn tag(seq: u64) -> u64 {
    1 + seq / REMEMBERED as u64 % ((1 << (64 - DELAY_BITS)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_remembered_until_its_place_is_needed() {
        let sends = Sends::new(2);
        assert_eq!(sends.delay_ns(1, 5), None, "never sent");
        sends.note(1, 5, 0);
        sends.note(1, 6, 70_000);
        assert_eq!((sends.delay_ns(1, 5), sends.delay_ns(1, 6)), (Some(0), Some(70_000)));
        assert_eq!(sends.delay_ns(0, 5), None, "another shard's");
        let next = 5 + REMEMBERED as u64;
        sends.note(1, next, 9);
        assert_eq!((sends.delay_ns(1, 5), sends.delay_ns(1, next)), (None, Some(9)));
        sends.note(7, 5, 9);
        assert_eq!(sends.delay_ns(7, 5), None, "no such shard");
    }

    #[test]
    fn a_delay_too_long_for_its_place_is_the_longest_and_takes_no_other_s() {
        let sends = Sends::new(1);
        for (delay_ns, kept_ns) in [
            (1_099_511_627_775, 1_099_511_627_775),
            (1_099_511_627_776, 1_099_511_627_775),
            (u64::MAX, 1_099_511_627_775),
        ] {
            sends.note(0, 5, delay_ns);
            assert_eq!(sends.delay_ns(0, 5), Some(kept_ns));
        }
    }

    #[test]
    fn events_of_one_place_are_told_apart_by_tags_that_are_never_zero() {
        let round = 1 << 20;
        // 24 bits without 0: after so many rounds they begin anew.
        let tags = 16_777_215;
        let seqs = [0, round - 1, round, 2 * round - 1, 2 * round, round * (tags - 1)];
        assert_eq!(seqs.map(tag), [1, 1, 2, 2, 3, tags]);
        assert_eq!([round * tags - 1, round * tags, round * (tags + 1)].map(tag), [tags, 1, 2]);
    }
}
