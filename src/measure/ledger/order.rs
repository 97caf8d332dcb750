//! The order of events that several processes have read, by their offsets.
//!
//! A process sees by itself which of its events came after a later one. It can't see that for a
//! later one that only another process has read, at a lower offset. So it leaves, for each stretch
//! that it read without a gap, the last event's offset, the highest number, and how the stretch
//! begins. That is enough: where both are in order by themselves, an event that lies behind
//! another process's is at the beginning of its stretch, since of what both have read either would
//! have told.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::RunNotes;

/// How many events of a stretch's beginning are kept.
const BEGINNING: usize = 64;

/// How many are kept of all beginnings together, some 16 MB; beyond, one of each stretch.
const BEGINNINGS_MAX: usize = 1 << 20;

/// How many events behind others a process lists; the rest is counted.
pub(super) const BEHIND_MAX: usize = 1 << 17;

/// What one process has read of one shard's events in one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// In the order of offsets.
    pub stretches: Vec<Stretch>,
    /// The highest number so far; 0 before the first.
    #[serde(skip)]
    highest: u64,
}

/// Events between which nobody else can have read any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
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
            self.stretches.push(Stretch { last: offset, max: seq, beginning, gaps });
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

/// How many events lie behind a later one of their shard and partition, in what these processes
/// have read together. Of an event at several places of its partition only the first one counts.
pub(super) fn reordered(runs: &[&RunNotes]) -> u64 {
    let ends = ends(runs);
    // By event: the places at which it lies behind another.
    let mut events = BTreeMap::<(u16, u64), BTreeSet<(i32, i64)>>::new();
    for behind in runs.iter().flat_map(|run| behind(run, &ends)) {
        let places = events.entry((behind.shard, behind.seq)).or_default();
        places.insert((behind.partition, behind.offset));
    }
    // Whoever saw the event first at another place has an earlier copy of it, which is in order.
    let is_behind = |run: &RunNotes, shard, seq, places: &BTreeSet<(i32, i64)>| {
        let seen = run.seen.get(&shard).is_some_and(|plane| plane.has(seq));
        let first_at = |&(partition, offset): &(i32, i64)| {
            run.places.has(partition, offset) && !run.doubles.has(partition, offset)
        };
        !seen || places.iter().any(first_at)
    };
    let first = |((shard, seq), places): &(&(u16, u64), &BTreeSet<(i32, i64)>)| {
        runs.iter().all(|run| is_behind(run, *shard, *seq, places))
    };
    let listed = events.iter().filter(first).count() as u64;
    listed + runs.iter().map(|run| run.behind_more).sum::<u64>()
}

/// By partition and shard: where stretches end, rising, and the highest number up to there.
type Ends = BTreeMap<(i32, u16), Vec<(i64, u64)>>;

fn ends(runs: &[&RunNotes]) -> Ends {
    let mut ends = Ends::new();
    for (partition, shards) in runs.iter().flat_map(|run| &run.trails) {
        for (shard, trail) in shards {
            let stretches = trail.stretches.iter().map(|stretch| (stretch.last, stretch.max));
            ends.entry((*partition, *shard)).or_default().extend(stretches);
        }
    }
    for ends in ends.values_mut() {
        ends.sort_unstable();
        let mut highest = 0;
        for (_, max) in ends {
            highest = highest.max(*max);
            *max = highest;
        }
    }
    ends
}

/// The events of one process that lie behind another one, whoever has read that.
fn behind(run: &RunNotes, ends: &Ends) -> Vec<Behind> {
    let mut behind = run.behind.clone();
    for (&partition, shards) in &run.trails {
        for (&shard, trail) in shards {
            let ends = ends.get(&(partition, shard)).map_or(&[][..], Vec::as_slice);
            for &(offset, seq) in trail.stretches.iter().flat_map(|stretch| &stretch.beginning) {
                let before = &ends[..ends.partition_point(|(last, _)| *last < offset)];
                if before.last().is_some_and(|(_, highest)| *highest > seq) {
                    behind.push(Behind { shard, seq, partition, offset });
                }
            }
        }
    }
    behind
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
