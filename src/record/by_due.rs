//! A stage over time: each sample in the interval in which its event was due.
//!
//! A broker that stands still for a second is slow in the second in which it stopped, and not in
//! the one in which everything came through at last. So samples come for intervals that are long
//! over, and have to count there in full.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::stored::Packed;
use super::{Block, Latency, Row};

/// Intervals with a histogram in memory: those that samples came for last.
const OPEN: usize = 8;

/// Intervals behind these with a packed histogram, where the log keeps each of them anyway.
const PACKED: usize = 3_600;

/// The same in a run of more intervals than that.
const PACKED_LONG: usize = 600;

/// The stage's histograms over time, for whoever wants more than the rows say.
#[derive(Debug, Default)]
pub struct IntervalLog {
    /// So many intervals share a histogram: a long run must not fill the memory.
    width: u64,
    entries: Vec<Entry>,
    /// The newest stretch, still growing.
    newest: Option<(u64, Latency)>,
}

/// One histogram of an [`IntervalLog`].
#[derive(Debug)]
struct Entry {
    stretch: u64,
    encoded: Vec<u8>,
}

impl IntervalLog {
    fn add(&mut self, index: u64, packed: Packed) {
        if !packed.has_samples {
            return;
        }
        let stretch = index / self.width.max(1);
        if self.width <= 1 {
            self.entries.push(Entry { stretch, encoded: packed.encoded });
            return;
        }
        match &mut self.newest {
            Some((newest, sum)) if *newest == stretch => sum.merge(&packed.unpack()),
            // Too late for its own: an entry more, which a reader adds up.
            Some((newest, _)) if *newest > stretch => {
                self.entries.push(Entry { stretch, encoded: packed.encoded });
            }
            _ => {
                self.close();
                self.newest = Some((stretch, packed.unpack()));
            }
        }
    }

    fn close(&mut self) {
        if let Some((stretch, sum)) = self.newest.take() {
            self.entries.push(Entry { stretch, encoded: sum.encoded() });
        }
    }

    /// The first interval's number, how many intervals, and the histogram (HdrHistogram's V2
    /// encoding, deflated), oldest first.
    pub fn entries(&mut self) -> impl Iterator<Item = (u64, u64, &[u8])> {
        self.close();
        self.entries.sort_by_key(|entry| entry.stretch);
        let width = self.width.max(1);
        self.entries.iter().map(move |entry| (entry.stretch * width, width, &*entry.encoded))
    }
}

/// An interval that samples came for not long ago.
#[derive(Debug, Default)]
struct Open {
    touched: u64,
    latency: Latency,
}

/// One stage's samples by the interval in which they were due.
#[derive(Debug)]
pub(super) struct ByDue {
    touches: u64,
    open: BTreeMap<u64, Open>,
    packed: BTreeMap<u64, (Row, Packed)>,
    packed_max: usize,
    /// Boiled down for good.
    rows: BTreeMap<u64, Row>,
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
            self.open.insert(index, Open { touched: 0, latency });
            if self.open.len() > OPEN {
                self.pack_one();
            }
        }
        let open = self.open.entry(index).or_default();
        open.touched = self.touches;
        &mut open.latency
    }

    /// Counts events that were due in an interval and never delivered.
    pub(super) fn never(&mut self, index: u64, events: u64, waited_ns: i64) {
        match (self.packed.get_mut(&index), self.rows.get_mut(&index)) {
            (Some((row, packed)), _) => {
                packed.never(events, waited_ns);
                *row = Row::of(&packed.unpack());
            }
            (None, Some(row)) if !self.open.contains_key(&index) => {
                let mut never = Latency::default();
                never.never(events, waited_ns);
                *row = row.with_late(Row::of(&never));
            }
            _ => self.at(index).never(events, waited_ns),
        }
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
        if let Some(Open { latency, .. }) = self.open.remove(&index) {
            self.packed.insert(index, (Row::of(&latency), Packed::of(&latency)));
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
    pub(super) fn newest(&self) -> Option<Row> {
        let open = self.open.last_key_value().map(|(index, open)| (*index, Row::of(&open.latency)));
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
            samples.iter().map(block).filter(|block| block.samples > 0).collect()
        })
    }

    /// A row for each interval with samples, and the log. Call it when nothing is to come.
    pub(super) fn finish(&mut self) -> (&BTreeMap<u64, Row>, &mut IntervalLog) {
        while let Some((&index, _)) = self.open.first_key_value() {
            self.pack(index);
        }
        while !self.packed.is_empty() {
            self.boil_down();
        }
        (&self.rows, &mut self.log)
    }
}
