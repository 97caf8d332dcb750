//! What an application ticks off that knows of no run: by the run, shard and number of each
//! stamp, to be held against the producer's ledger afterwards.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Plane;
use crate::event::{PROBE_SHARD, Stamp};

/// What a record is to the application that noted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// An event of some run, for the first time.
    First,
    /// One that was noted before, at another offset.
    Duplicate,
    /// An offset that was read before.
    Redelivery,
    /// A probe, or a record without a stamp.
    Other,
}

/// The notes of one application in one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// By run.
    pub runs: BTreeMap<u32, RunNotes>,
    /// Records without a stamp.
    pub foreign: u64,
    /// Of these, no event at all.
    pub garbage: u64,
    /// Records at an offset that was read before.
    pub redeliveries: u64,
    /// The offsets read, by partition: a stretch for each time that the partition was its own.
    pub read: BTreeMap<i32, Vec<Range<i64>>>,
    #[serde(skip)]
    next_seq: BTreeMap<(i32, u32, u16), u64>,
}

/// The notes of one run's events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunNotes {
    /// Seen once at least, by shard.
    pub seen: BTreeMap<u16, Plane>,
    /// Records, duplicates among them.
    pub records: u64,
    /// Records whose event was seen before at another offset.
    pub duplicates: u64,
    /// Events that came after a later one of their shard and partition.
    pub reordered: u64,
    /// Records with a stamp that are no event.
    pub corrupt: u64,
}

impl Notes {
    /// Notes one record. Offsets may have gaps.
    pub fn tick(&mut self, partition: i32, offset: i64, stamp: Option<&Stamp>) -> Noted {
        let stretches = self.read.entry(partition).or_default();
        match stretches.last_mut() {
            Some(last) if offset < last.end => {
                self.redeliveries += 1;
                return Noted::Redelivery;
            }
            // A gap of compaction looks as if somebody else had read in between: harmless.
            Some(last) if offset == last.end => last.end = offset + 1,
            _ => stretches.push(offset..offset + 1),
        }
        let Some(stamp) = stamp else {
            self.foreign += 1;
            return Noted::Other;
        };
        if stamp.shard == PROBE_SHARD {
            return Noted::Other;
        }
        let run = self.runs.entry(stamp.run).or_default();
        run.records += 1;
        if !run.seen.entry(stamp.shard).or_default().set(stamp.seq) {
            run.duplicates += 1;
            return Noted::Duplicate;
        }
        let next = self.next_seq.entry((partition, stamp.run, stamp.shard)).or_default();
        if stamp.seq < *next {
            run.reordered += 1;
        } else {
            *next = stamp.seq + 1;
        }
        Noted::First
    }

    /// Notes that a record with a stamp is no event.
    pub fn corrupt(&mut self, run: u32) {
        self.runs.entry(run).or_default().corrupt += 1;
    }

    /// Records that are not of `run`, as its ledger counts them.
    #[must_use]
    pub fn foreign_to(&self, run: u32) -> u64 {
        let others = self.runs.iter().filter(|(other, _)| **other != run);
        self.foreign + others.map(|(_, notes)| notes.records).sum::<u64>()
    }
}

/// How many offsets two processes have both read.
#[must_use]
pub(super) fn read_by_both(one: &Notes, other: &Notes) -> u64 {
    let mut both = 0;
    for (partition, stretches) in &one.read {
        for mine in stretches {
            for theirs in other.read.get(partition).into_iter().flatten() {
                let (from, to) = (mine.start.max(theirs.start), mine.end.min(theirs.end));
                both += u64::try_from(to - from).unwrap_or(0);
            }
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(run: u32, seq: u64) -> Stamp {
        Stamp { run, shard: 0, seq, due_wall_us: 0 }
    }

    #[test]
    fn runs_are_told_apart_and_each_fault_is_noted() {
        let mut notes = Notes::default();
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
        use Noted::{Duplicate, First, Other, Redelivery};
        assert_eq!(ticks, [First, First, First, First, Duplicate, Redelivery, Other, Other]);
        let run = &notes.runs[&1];
        assert_eq!((run.records, run.duplicates, run.reordered), (4, 1, 1));
        assert_eq!(run.seen[&0].count(), 3);
        assert_eq!((notes.foreign_to(1), notes.foreign_to(2)), (2, 5));
        assert_eq!(notes.redeliveries, 1);
        assert_eq!((notes.read[&0].len(), &notes.read[&0][0]), (1, &(0..7)));
    }

    #[test]
    fn what_two_processes_have_both_read_is_counted_by_offset() {
        let notes = |read: &[(i32, Range<i64>)]| {
            let mut notes = Notes::default();
            for (partition, stretch) in read {
                notes.read.entry(*partition).or_default().push(stretch.clone());
            }
            notes
        };
        let mut one = notes(&[(3, 0..10), (3, 20..30)]);
        let other = notes(&[(3, 8..22), (4, 0..5)]);
        assert_eq!(read_by_both(&one, &other), 4);
        one.read.clear();
        assert_eq!(read_by_both(&one, &other), 0);
    }
}
