//! A stage over time: each sample in the interval in which its event was due.
//!
//! A broker that stands still for a second is slow in the second in which it stopped, and not in
//! the one in which everything came through at last. So samples come for intervals that are long
//! over, and have to count there in full.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::interval_log::IntervalLog;
use super::stored::Packed;
use super::{Block, IntervalRow, Latency};

/// Intervals with a histogram in memory: those that samples came for last.
const OPEN: usize = 8;

/// Intervals behind these with a packed histogram, where the log keeps each of them anyway.
const PACKED: usize = 3_600;

/// The same in a run of more intervals than that.
const PACKED_LONG: usize = 600;

/// An interval that samples came for not long ago.
#[derive(Debug, Clone, Default)]
struct OpenInterval {
    touched: u64,
    latency: Latency,
}

/// One stage's samples by the interval in which they were due.
#[derive(Debug, Clone)]
pub(super) struct ByDue {
    touches: u64,
    open: BTreeMap<u64, OpenInterval>,
    packed: BTreeMap<u64, (IntervalRow, Packed)>,
    packed_max: usize,
    /// Boiled down for good.
    rows: BTreeMap<u64, IntervalRow>,
    log: IntervalLog,
}

impl ByDue {
    /// With a histogram in the log for each `log_width` intervals.
    pub(super) fn new(log_width: u64) -> Self {
        Self {
            touches: 0,
            open: BTreeMap::new(),
            packed: BTreeMap::new(),
            packed_max: if log_width > 1 { PACKED_LONG } else { PACKED },
            rows: BTreeMap::new(),
            log: IntervalLog { width: log_width, ..IntervalLog::default() },
        }
    }

    /// The samples of an interval, to add to: it is opened once more where it was packed.
    pub(super) fn at(&mut self, index: u64) -> &mut Latency {
        self.touches += 1;
        if !self.open.contains_key(&index) {
            let latency = self.packed.remove(&index).map(|(_, packed)| packed.unpack());
            let latency = latency.unwrap_or_default();
            self.open.insert(index, OpenInterval { touched: 0, latency });
            if self.open.len() > OPEN {
                self.pack_one();
            }
        }
        let open = self.open.entry(index).or_default();
        open.touched = self.touches;
        &mut open.latency
    }

    /// Packs the interval for which nothing has come for longest; not the one just opened, which
    /// was never touched.
    fn pack_one(&mut self) {
        let touched = self.open.iter().filter(|(_, open)| open.touched > 0);
        let last = touched.min_by_key(|(_, open)| open.touched).map(|(index, _)| *index);
        if let Some(index) = last {
            self.pack(index);
        }
        while self.packed.len() > self.packed_max {
            self.boil_down();
        }
    }

    fn pack(&mut self, index: u64) {
        if let Some(OpenInterval { latency, .. }) = self.open.remove(&index) {
            self.packed.insert(index, (IntervalRow::of(&latency), Packed::of(&latency)));
        }
    }

    /// Histograms of long runs would fill the memory: the oldest is boiled down to a row.
    fn boil_down(&mut self) {
        let Some((index, (row, packed))) = self.packed.pop_first() else {
            return;
        };
        self.log.add(index, packed);
        let row = match self.rows.get(&index) {
            // What came later than that still counts, though its ranks are lost.
            Some(before) => before.with_late(row),
            None => row,
        };
        self.rows.insert(index, row);
    }

    /// The newest interval with samples.
    pub(super) fn newest(&self) -> Option<IntervalRow> {
        let open = self
            .open
            .last_key_value()
            .map(|(index, open)| (*index, IntervalRow::of(&open.latency)));
        let packed = self.packed.last_key_value().map(|(index, (row, _))| (*index, *row));
        open.into_iter().chain(packed).max_by_key(|(index, _)| *index).map(|(_, row)| row)
    }

    /// For each limit in ns, or for none what was never delivered: how many samples lie above it,
    /// by stretch of the log. Call it when nothing is to come.
    pub(super) fn blocks<const N: usize>(&mut self, limits: [Option<i64>; N]) -> [Vec<Block>; N] {
        let (rows, log) = self.finish();
        let mut samples: BTreeMap<u64, (u64, [u64; N])> = BTreeMap::new();
        for (index, row) in rows {
            let stretch = samples.entry(index / log.width.max(1)).or_insert((0, [0; N]));
            stretch.0 += row.count;
            stretch.1.iter_mut().for_each(|above| *above += row.never_delivered);
        }
        for (index, width, mut encoded) in log.entries() {
            let Ok(histogram) = Deserializer::new().deserialize(&mut encoded) else { continue };
            let histogram: Histogram<u64> = histogram;
            let stretch = samples.entry(index / width).or_insert((0, [0; N]));
            for (above, limit) in stretch.1.iter_mut().zip(limits) {
                let Some(limit) = limit.and_then(|ns| u64::try_from(ns.max(1)).ok()) else {
                    continue;
                };
                *above += histogram.len() - histogram.count_between(1, limit);
            }
        }
        std::array::from_fn(|place| {
            let block = |(&index, &(samples, above)): (&u64, &(u64, [u64; N]))| Block {
                index,
                samples,
                above: above[place],
            };
            samples.iter().map(block).collect()
        })
    }

    /// A row for each interval with samples, and the log. Call it when nothing is to come.
    pub(super) fn finish(&mut self) -> (&BTreeMap<u64, IntervalRow>, &mut IntervalLog) {
        while let Some((&index, _)) = self.open.first_key_value() {
            self.pack(index);
        }
        while !self.packed.is_empty() {
            self.boil_down();
        }
        (&self.rows, &mut self.log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[i64]) -> Latency {
        let mut latency = Latency::default();
        values.iter().for_each(|&value| latency.record(value));
        latency
    }

    fn keys<T>(map: &BTreeMap<u64, T>) -> Vec<u64> {
        map.keys().copied().collect()
    }

    #[test]
    fn the_interval_that_nothing_came_for_in_longest_is_packed() {
        let mut by_due = ByDue::new(1);
        (0..8).for_each(|index| by_due.at(index).record(5));
        by_due.at(0).record(5);
        assert_eq!(by_due.packed.len(), 0);
        by_due.at(8).record(5);
        assert_eq!(keys(&by_due.open), [0, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(keys(&by_due.packed), [1]);
        // What comes for a packed one is added to what it has.
        by_due.at(1).record(5);
        assert_eq!((by_due.at(1).count(), keys(&by_due.packed)), (2, vec![2]));
    }

    #[test]
    fn of_too_many_packed_intervals_the_oldest_is_boiled_down() {
        let mut by_due = ByDue::new(2);
        (0..608).for_each(|index| by_due.at(index).record(5));
        assert_eq!((by_due.packed.len(), by_due.rows.len()), (600, 0));
        by_due.at(608).record(5);
        assert_eq!((by_due.packed.len(), keys(&by_due.rows)), (600, vec![0]));
    }

    #[test]
    fn the_newest_interval_is_the_last_in_time_and_not_the_last_that_something_came_for() {
        let mut by_due = ByDue::new(1);
        assert_eq!(by_due.newest(), None);
        for index in (0..9).rev() {
            by_due.at(index).record(10 + index.cast_signed());
        }
        assert_eq!(keys(&by_due.packed), [8]);
        assert_eq!(by_due.newest().and_then(|row| row.max_ns), Some(18));
        by_due.at(9).record(5);
        assert_eq!(by_due.newest().and_then(|row| row.max_ns), Some(5));
    }

    #[test]
    fn what_comes_for_a_stretch_that_is_passed_is_an_entry_more() {
        let mut log = IntervalLog { width: 2, ..IntervalLog::default() };
        for (index, count) in [(0, 1), (1, 2), (2, 4), (1, 8), (3, 16), (9, 0)] {
            log.add(index, Packed::of(&of(&vec![5; count])));
        }
        let entry = |(from, width, mut encoded): (u64, u64, &[u8])| {
            let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut encoded).unwrap();
            (from, width, histogram.len())
        };
        let entries: Vec<_> = log.entries().map(entry).collect();
        assert_eq!(entries, [(0, 2, 3), (0, 2, 8), (2, 2, 20)]);
    }

    #[test]
    fn blocks_have_what_was_due_in_a_stretch_and_what_of_it_lies_above() {
        let mut by_due = ByDue::new(2);
        for (index, values) in [(0, [5, 50]), (1, [5, 70]), (2, [5, 6]), (6, [90, 91])] {
            by_due.at(index).merge(&of(&values));
        }
        by_due.at(1).never(3, 500);
        let block = |(index, samples, above)| Block { index, samples, above };
        assert_eq!(
            by_due.blocks([Some(50), None]),
            [
                [(0, 7, 4), (1, 2, 0), (3, 2, 2)].map(block),
                [(0, 7, 3), (1, 2, 0), (3, 2, 0)].map(block),
            ]
        );
    }
}
