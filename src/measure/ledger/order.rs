//! The order of events that several processes have read, by their offsets.
//!
//! A process sees by itself which of its events came after a later one. It can't see that for a
//! later one that only another process has read, at a lower offset. So it leaves, for each stretch
//! that it read without a gap, the last event's offset, the highest number, and how the stretch
//! begins. That is enough: where both are in order by themselves, an event that lies behind
//! another process's is at the beginning of its stretch, since of what both have read either would
//! have told.

use std::collections::{BTreeMap, BTreeSet};

use super::RunObservations;
use super::trail::Behind;

/// How many events lie behind a later one of their shard and partition, in what these processes
/// have read together. Of an event at several places of its partition only the first one counts.
pub(super) fn reordered(runs: &[&RunObservations]) -> u64 {
    let ends = ends(runs);
    // By event: the places at which it lies behind another.
    let mut events = BTreeMap::<(u16, u64), BTreeSet<(i32, i64)>>::new();
    for behind in runs.iter().flat_map(|run| behind(run, &ends)) {
        let places = events.entry((behind.shard, behind.seq)).or_default();
        places.insert((behind.partition, behind.offset));
    }
    // Whoever saw the event first at another place has an earlier copy of it, which is in order.
    let is_behind = |run: &RunObservations, shard, seq, places: &BTreeSet<(i32, i64)>| {
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
type StretchEnds = BTreeMap<(i32, u16), Vec<(i64, u64)>>;

fn ends(runs: &[&RunObservations]) -> StretchEnds {
    let mut ends = StretchEnds::new();
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
fn behind(run: &RunObservations, ends: &StretchEnds) -> Vec<Behind> {
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
