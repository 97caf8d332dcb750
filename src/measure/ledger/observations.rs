//! What an application ticks off that knows of no run: by the run, shard and number of each
//! stamp, to be held against the producer's ledger afterwards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::trail::{BEHIND_MAX, Behind, Trail};
use super::{Places, SparseBitmap};
use crate::event::{PROBE_SHARD, Stamp};

/// What a record is to the application that noted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// An event of some run, for the first time.
    First,
    /// One that was noted before, at another offset.
    Duplicate,
    /// An offset that was read before.
    Redelivery,
    /// A probe, or a record without a stamp.
    Other,
}

/// The notes of one application in one process: what it read and where, a bit for each record, so
/// that the notes of several processes can be laid upon each other. An event at two places is a
/// duplicate, and a place that two processes have read a redelivery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observations {
    /// By run.
    pub runs: BTreeMap<u32, RunObservations>,
    /// Where the records without a stamp are.
    pub foreign: Places,
    /// Of these, how many are no event at all.
    pub garbage: u64,
    /// Records at an offset that this process has read before, but for probes.
    pub redeliveries: u64,
    #[serde(skip)]
    reading: BTreeMap<i32, PartitionReading>,
    /// Beginnings that all trails have kept together.
    #[serde(skip)]
    beginnings: usize,
}

/// The notes of one run's events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunObservations {
    /// Seen once at least, by shard.
    pub seen: BTreeMap<u16, SparseBitmap>,
    /// Where its records are, duplicates among them.
    pub places: Places,
    /// Where the records are whose event was seen before.
    pub doubles: Places,
    /// Where the records are that have a stamp and are no event.
    pub corrupt: Places,
    /// Events that came after a later one of their shard and partition, at each of their places.
    pub behind: Vec<Behind>,
    /// How many more of them there are, each counted once.
    pub behind_more: u64,
    /// What tells whether events came before a later one that another process has read.
    pub trails: BTreeMap<i32, BTreeMap<u16, Trail>>,
}

/// How far a partition is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct PartitionReading {
    next_offset: i64,
    /// How often offsets were passed over, which somebody else may have read.
    gaps: u64,
}

impl Observations {
    /// Notes one record. Offsets may have gaps.
    pub fn tick(&mut self, partition: i32, offset: i64, stamp: Option<&Stamp>) -> Observed {
        let is_probe = stamp.is_some_and(|stamp| stamp.shard == PROBE_SHARD);
        let reading = self.reading.entry(partition).or_default();
        if offset < reading.next_offset {
            self.redeliveries += u64::from(!is_probe);
            return Observed::Redelivery;
        }
        reading.gaps += u64::from(offset > reading.next_offset);
        reading.next_offset = offset + 1;
        let gaps = reading.gaps;
        let Some(stamp) = stamp else {
            self.foreign.set(partition, offset);
            return Observed::Other;
        };
        if is_probe {
            return Observed::Other;
        }
        let run = self.runs.entry(stamp.run).or_default();
        run.places.set(partition, offset);
        let behind = Behind { partition, offset, shard: stamp.shard, seq: stamp.seq };
        let trail = run.trails.entry(partition).or_default().entry(stamp.shard).or_default();
        if !run.seen.entry(stamp.shard).or_default().set(stamp.seq) {
            run.doubles.set(partition, offset);
            // Somebody else may have this copy only.
            if trail.is_behind(stamp.seq) && run.behind.len() < BEHIND_MAX {
                run.behind.push(behind);
            }
            return Observed::Duplicate;
        }
        if !trail.step(gaps, offset, stamp.seq, &mut self.beginnings) {
            if run.behind.len() < BEHIND_MAX {
                run.behind.push(behind);
            } else {
                run.behind_more += 1;
            }
        }
        Observed::First
    }

    /// Notes that the record at a place, which has a stamp of `run`, is not an event.
    pub fn corrupt(&mut self, run: u32, partition: i32, offset: i64) {
        self.runs.entry(run).or_default().corrupt.set(partition, offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::ledger::{Ledger, Outcomes, ShardOutcomes};

    fn stamp(run: u32, seq: u64) -> Stamp {
        Stamp { run, shard: 0, seq, due_wall_us: 0 }
    }

    /// Notes events of one shard in partition 0, by offset and number.
    fn noted(records: impl IntoIterator<Item = (i64, u64)>) -> Observations {
        let mut notes = Observations::default();
        for (offset, seq) in records {
            notes.tick(0, offset, Some(&stamp(1, seq)));
        }
        notes
    }

    #[test]
    fn a_copy_is_behind_what_is_later_and_not_behind_itself() {
        let notes = noted([(0, 0), (1, 1), (2, 1)]);
        assert_eq!((&notes.runs[&1].behind[..], notes.runs[&1].doubles.count()), (&[][..], 1));
        let notes = noted([(0, 0), (1, 1), (2, 0)]);
        assert_eq!(notes.runs[&1].behind, [Behind { shard: 0, seq: 0, partition: 0, offset: 2 }]);
    }

    #[test]
    fn a_stretch_ends_where_offsets_were_passed_over() {
        let notes = noted([(3, 0), (4, 1), (7, 2), (8, 3), (9, 4)]);
        let stretches: Vec<_> = notes.runs[&1].trails[&0][&0]
            .stretches
            .iter()
            .map(|stretch| (stretch.last, stretch.max, stretch.beginning.clone()))
            .collect();
        let expected = [(4, 1, vec![(3, 0), (4, 1)]), (9, 4, vec![(7, 2), (8, 3), (9, 4)])];
        assert_eq!(stretches, expected);
    }

    #[test]
    fn so_many_behind_others_are_listed_and_the_rest_is_counted() {
        let many = BEHIND_MAX as u64 + 3;
        // The latest comes first, and a copy of an early one last.
        let mut notes = noted((0..=many).map(|place| (place as i64, (many + place) % (many + 1))));
        assert_eq!(notes.tick(0, many as i64 + 1, Some(&stamp(1, 5))), Observed::Duplicate);
        let run = &notes.runs[&1];
        assert_eq!((run.behind.len(), run.behind_more), (131_072, 3));
        let shards = vec![ShardOutcomes { offered: many + 1, ..ShardOutcomes::default() }];
        let outcomes = Outcomes { run: 1, shards, second_outcomes: 0 };
        let report = Ledger::restore(&outcomes, &[vec![&notes]]).close();
        assert_eq!((report.apps[0].reordered, report.apps[0].duplicates), (131_075, 1));
    }

    #[test]
    fn runs_are_told_apart_and_each_fault_is_noted() {
        let mut notes = Observations::default();
        let records = [
            (0, Some(stamp(1, 0))),
            (1, Some(stamp(2, 0))),
            (2, Some(stamp(1, 2))),
            (3, Some(stamp(1, 1))),
            (4, Some(stamp(1, 1))),
            (4, Some(stamp(1, 1))),
            (5, None),
            (6, Some(Stamp { shard: PROBE_SHARD, ..stamp(1, 0) })),
        ];
        let ticks = records.map(|(offset, stamp)| notes.tick(0, offset, stamp.as_ref()));
        use Observed::{Duplicate, First, Other, Redelivery};
        assert_eq!(ticks, [First, First, First, First, Duplicate, Redelivery, Other, Other]);
        let run = &notes.runs[&1];
        assert_eq!((run.places.count(), run.seen[&0].count(), run.behind.len()), (4, 3, 2));
        assert_eq!((notes.runs[&2].places.count(), notes.foreign.count()), (1, 1));
        assert_eq!(notes.redeliveries, 1);
        // A probe that comes again is nobody's story.
        let probe = Stamp { shard: PROBE_SHARD, ..stamp(1, 0) };
        assert_eq!(notes.tick(0, 6, Some(&probe)), Redelivery);
        assert_eq!(notes.redeliveries, 1);
    }
}
