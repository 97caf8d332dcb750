//! Windows put together: the whole, and a row for each interval.

use std::collections::BTreeMap;

use super::{Latency, Stage, Window};

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
    open: BTreeMap<u64, (u64, Latency)>,
    rows: BTreeMap<u64, Row>,
}

impl Series {
    /// A series whose rows show `stage`.
    #[must_use]
    pub fn new(stage: Stage) -> Self {
        Self { stage, total: BTreeMap::new(), open: BTreeMap::new(), rows: BTreeMap::new() }
    }

    /// Takes in one window.
    pub fn add(&mut self, window: &Window) {
        for stage in Stage::ALL {
            if let Some(latency) = window.latency(stage) {
                self.total.entry(stage).or_default().merge(latency);
            }
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

    /// The newest interval with samples.
    #[must_use]
    pub fn newest(&self) -> Option<Row> {
        self.open.values().next_back().map(|(events, latency)| row(*events, latency))
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
        let mut series = Series::new(Stage::Ack);
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
        let mut series = Series::new(Stage::Ack);
        for index in 0..10 {
            series.add(&window(index, 10, 1_000));
        }
        series.add(&window(0, 5, 70_000));
        let rows = series.rows();
        assert_eq!((rows[&0].events, rows[&0].max_ns), (15, Some(70_000)));
        assert_eq!(rows.values().map(|row| row.count).sum::<u64>(), 105);
    }
}
