//! Where a reader's events went, so that order can be judged afterwards.

use serde::{Deserialize, Serialize};

/// How many events of a stretch's beginning are kept.
pub(super) const BEGINNING: usize = 64;

/// How many are kept of all beginnings together, some 16 MB; beyond, one of each stretch.
pub(super) const BEGINNINGS_MAX: usize = 1 << 20;

/// How many events behind others a process lists; the rest is counted.
pub(super) const BEHIND_MAX: usize = 1 << 17;

/// What one process has read of one shard's events in one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// In the order of offsets.
    pub stretches: Vec<TrailStretch>,
    /// The highest number so far; 0 before the first.
    #[serde(skip)]
    highest: u64,
}

/// Events between which nobody else can have read any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailStretch {
    /// The last one's offset.
    pub last: i64,
    /// The highest number.
    pub max: u64,
    /// Offset and number of the first that were above all numbers before.
    pub beginning: Vec<(i64, u64)>,
    /// How many gaps lie before it.
    #[serde(skip)]
    gaps: u64,
}

impl Trail {
    /// Whether an event with this number would come after a later one.
    pub(super) fn is_behind(&self, seq: u64) -> bool {
        self.highest > seq
    }

    /// Takes in an event that is seen for the first time; false when a later one came before it.
    /// `gaps` is how many gaps of the partition's offsets lie before it, `kept` what all
    /// beginnings hold together.
    pub(super) fn step(&mut self, gaps: u64, offset: i64, seq: u64, kept: &mut usize) -> bool {
        if self.stretches.last().is_none_or(|stretch| stretch.gaps != gaps) {
            let beginning = Vec::new();
            self.stretches.push(TrailStretch { last: offset, max: seq, beginning, gaps });
        }
        let in_order = seq >= self.highest;
        if let Some(stretch) = self.stretches.last_mut() {
            stretch.last = offset;
            stretch.max = stretch.max.max(seq);
            let limit = if *kept < BEGINNINGS_MAX { BEGINNING } else { 1 };
            if in_order && stretch.beginning.len() < limit {
                stretch.beginning.push((offset, seq));
                *kept += 1;
            }
        }
        if in_order {
            self.highest = seq;
        }
        in_order
    }
}

/// An event that lies behind a later one, and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Behind {
    /// The event's shard.
    pub shard: u16,
    /// Its number within the shard.
    pub seq: u64,
    /// Its record's partition.
    pub partition: i32,
    /// Its record's offset.
    pub offset: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_beginning_64_events_are_kept_and_one_where_all_have_grown_large() {
        let (mut trail, mut kept) = (Trail::default(), 0);
        assert!((0..70_u64).all(|seq| trail.step(0, seq.cast_signed(), seq, &mut kept)));
        assert_eq!((trail.stretches[0].beginning.len(), kept), (64, 64));
        // Room for two more, and then for one of each stretch.
        kept = 1_048_574;
        assert!((70..75_u64).all(|seq| trail.step(1, seq.cast_signed(), seq, &mut kept)));
        assert!((75..80_u64).all(|seq| trail.step(2, seq.cast_signed(), seq, &mut kept)));
        assert!(!trail.step(3, 80, 40, &mut kept), "79 came before 40");
        let beginnings = trail.stretches.iter().skip(1).map(|stretch| stretch.beginning.clone());
        let expected = [vec![(70, 70), (71, 71)], vec![(75, 75)], vec![]];
        assert_eq!(beginnings.collect::<Vec<_>>(), expected);
        assert_eq!(kept, 1_048_577);
    }
}
