//! Windows put together: the whole, and a row for each interval.

use std::collections::BTreeMap;

use super::{Latency, Stack, Stage, Window};

/// An interval stays open for late windows while so many newer ones have come.
const OPEN: usize = 4;

/// One interval of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Events, those of the warm-up too.
    pub events: u64,
    /// Measured samples.
    pub count: u64,
    /// The median in ns; `None` without enough samples.
    pub p50_ns: Option<i64>,
    /// The 99th percentile in ns; `None` without enough samples.
    pub p99_ns: Option<i64>,
    /// The greatest in ns; `None` without samples.
    pub max_ns: Option<i64>,
}

/// All windows of one producer side or one application.
#[derive(Debug)]
pub struct Series {
    /// The stage that the rows are about.
    stage: Stage,
    total: BTreeMap<Stage, Latency>,
    stack: Stack,
    open: BTreeMap<u64, (u64, Latency)>,
    rows: BTreeMap<u64, Row>,
    log: IntervalLog,
}

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
    fn add(&mut self, index: u64, latency: &Latency) {
        let stretch = index / self.width.max(1);
        match &mut self.newest {
            Some((newest, sum)) if *newest == stretch => sum.merge(latency),
            // Too late for its own: an entry more, which a reader adds up.
            Some((newest, _)) if *newest > stretch => self.keep(stretch, latency),
            _ => {
                if let Some((newest, sum)) = self.newest.replace((stretch, latency.clone())) {
                    self.keep(newest, &sum);
                }
            }
        }
    }

    fn keep(&mut self, stretch: u64, latency: &Latency) {
        if latency.count() > 0 {
            self.entries.push(Entry { stretch, encoded: latency.encoded() });
        }
    }

    /// The first interval's number, how many intervals, and the histogram (HdrHistogram's V2
    /// encoding, deflated), oldest first.
    pub fn entries(&mut self) -> impl Iterator<Item = (u64, u64, &[u8])> {
        if let Some((newest, sum)) = self.newest.take() {
            self.keep(newest, &sum);
        }
        self.entries.sort_by_key(|entry| entry.stretch);
        let width = self.width.max(1);
        self.entries.iter().map(move |entry| (entry.stretch * width, width, &*entry.encoded))
    }
}

impl Series {
    /// A series whose rows show `stage`, and whose log has a histogram for each `log_width`
    /// intervals.
    #[must_use]
    pub fn new(stage: Stage, log_width: u64) -> Self {
        Self {
            stage,
            total: BTreeMap::new(),
            stack: Stack::default(),
            open: BTreeMap::new(),
            rows: BTreeMap::new(),
            log: IntervalLog { width: log_width, ..IntervalLog::default() },
        }
    }

    /// Takes in one window.
    pub fn add(&mut self, window: &Window) {
        for stage in Stage::ALL {
            if let Some(latency) = window.latency(stage) {
                self.total.entry(stage).or_default().merge(latency);
            }
        }
        if let Some(stack) = window.stack() {
            self.stack.merge(stack);
        }
        let (events, latency) = self.open.entry(window.index).or_default();
        *events += window.events;
        if let Some(samples) = window.latency(self.stage) {
            latency.merge(samples);
        }
        while self.open.len() > OPEN {
            self.close_first();
        }
    }

    /// Histograms of long runs would fill the memory: an old interval is boiled down to a row.
    fn close_first(&mut self) {
        let Some((index, (events, latency))) = self.open.pop_first() else {
            return;
        };
        self.log.add(index, &latency);
        let mut row = row(events, &latency);
        // A window that came later than that still counts, though not in the percentiles.
        if let Some(before) = self.rows.remove(&index) {
            row = Row {
                events: row.events + before.events,
                count: row.count + before.count,
                max_ns: row.max_ns.max(before.max_ns),
                ..before
            };
        }
        self.rows.insert(index, row);
    }

    /// All measured samples of a stage.
    #[must_use]
    pub fn total(&self, stage: Stage) -> Option<&Latency> {
        self.total.get(&stage)
    }

    /// The stages of all measured events by their end-to-end latency.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The newest interval with samples.
    #[must_use]
    pub fn newest(&self) -> Option<Row> {
        self.open.values().next_back().map(|(events, latency)| row(*events, latency))
    }

    /// The stage's histograms over time. Call it when no window is to come.
    pub fn log(&mut self) -> &mut IntervalLog {
        self.rows();
        &mut self.log
    }

    /// A row for each interval that has events, by the interval's number on the run's clock.
    /// Call it when no window is to come.
    pub fn rows(&mut self) -> &BTreeMap<u64, Row> {
        while !self.open.is_empty() {
            self.close_first();
        }
        &self.rows
    }
}

fn row(events: u64, latency: &Latency) -> Row {
    Row {
        events,
        count: latency.count(),
        p50_ns: latency.percentile(0.5),
        p99_ns: latency.percentile(0.99),
        max_ns: latency.max(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Recorder;

    /// A window at `index` with `count` samples of `value_ns`.
    fn window(index: u64, count: u64, value_ns: i64) -> Box<Window> {
        let mut recorder = Recorder::new(0..10, 1_000);
        recorder.flush(index * 1_000);
        for _ in 0..count {
            recorder.record(Stage::Ack, 0, value_ns);
        }
        recorder.flush(0)
    }

    #[test]
    fn windows_of_several_threads_make_one_row() {
        let mut series = Series::new(Stage::Ack, 1);
        series.add(&window(3, 500, 1_000));
        series.add(&window(3, 500, 9_000));
        series.add(&window(4, 1, 5));
        assert_eq!(series.total(Stage::Ack).unwrap().count(), 1_001);
        let rows = series.rows();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[&3].events, rows[&3].max_ns), (1_000, Some(9_000)));
        assert!(rows[&3].p99_ns.unwrap() > 8_900);
        assert_eq!(rows[&4].p99_ns, None);
    }

    #[test]
    fn a_late_window_is_counted_after_its_interval_was_closed() {
        let mut series = Series::new(Stage::Ack, 1);
        for index in 0..10 {
            series.add(&window(index, 10, 1_000));
        }
        series.add(&window(0, 5, 70_000));
        let rows = series.rows();
        assert_eq!((rows[&0].events, rows[&0].max_ns), (15, Some(70_000)));
        assert_eq!(rows.values().map(|row| row.count).sum::<u64>(), 105);
    }

    #[test]
    fn the_log_has_every_sample_once_in_stretches_of_its_width() {
        use hdrhistogram::serialization::Deserializer;
        let mut series = Series::new(Stage::Ack, 3);
        for index in 0..10 {
            series.add(&window(index, 10 + index, 1_000 * (1 + index.cast_signed())));
        }
        series.add(&window(1, 5, 70_000));
        let mut counts = Vec::new();
        for (from, width, mut encoded) in series.log().entries() {
            let histogram: hdrhistogram::Histogram<u64> =
                Deserializer::new().deserialize(&mut encoded).unwrap();
            counts.push((from, width, histogram.len()));
        }
        counts.sort_unstable();
        assert_eq!(counts, [(0, 3, 5), (0, 3, 33), (3, 3, 42), (6, 3, 51), (9, 3, 19)]);
    }
}
