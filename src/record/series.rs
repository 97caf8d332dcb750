//! Windows put together: the whole, and a row for each interval.

use std::collections::BTreeMap;

use super::by_due::{ByDue, IntervalLog};
use super::{Footing, Latency, Reading, Stack, Stage, Window};

/// One interval of a stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row {
    /// Events that came through in it, whenever they were due; those of the warm-up too.
    pub events: u64,
    /// Measured samples of what was due in it, whenever it came through; as all that follows.
    pub count: u64,
    /// Of these, never delivered.
    pub never_delivered: u64,
    /// What these exceed, in ns; `None` where there are none.
    pub endless_ns: Option<i64>,
    /// The median in ns; `None` without enough samples, and where it has no end.
    pub p50_ns: Option<i64>,
    /// The 99th percentile in ns; `None` without enough samples, and where it has no end.
    pub p99_ns: Option<i64>,
    /// The greatest in ns; `None` without samples, and where it has no end.
    pub max_ns: Option<i64>,
}

impl Row {
    pub(super) fn of(latency: &Latency) -> Self {
        Self {
            events: 0,
            count: latency.count(),
            never_delivered: latency.never_delivered(),
            endless_ns: latency.endless_ns(),
            p50_ns: latency.percentile(0.5),
            p99_ns: latency.percentile(0.99),
            max_ns: latency.max(),
        }
    }

    /// With samples that came when the ranks of its own were lost: a percentile that these have
    /// pushed up is somewhere below the greatest, which then stands for it.
    pub(super) fn with_late(self, late: Self) -> Self {
        let (count, never) = (self.count + late.count, self.never_delivered + late.never_delivered);
        let max_ns =
            if never > 0 { None } else { self.max_ns.into_iter().chain(late.max_ns).max() };
        let endless_ns = self.endless_ns.into_iter().chain(late.endless_ns).max();
        let pushed = |own: Option<i64>, quantile: f64| {
            let is_endless = Latency::rank_of(quantile, count) > count - never;
            match own.filter(|_| !is_endless) {
                Some(own) if late.never_delivered == 0 => Some(own),
                Some(_) => self.max_ns,
                None => None,
            }
        };
        let (p50_ns, p99_ns) = (pushed(self.p50_ns, 0.5), pushed(self.p99_ns, 0.99));
        let events = self.events + late.events;
        Self { events, count, never_delivered: never, endless_ns, p50_ns, p99_ns, max_ns }
    }
}

/// All windows of one producer side or one application.
#[derive(Debug)]
pub struct Series {
    /// The stage that the rows are about.
    stage: Stage,
    total: BTreeMap<Stage, Latency>,
    stack: Stack,
    /// Events by the interval in which they came through.
    events: BTreeMap<u64, u64>,
    by_due: ByDue,
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
            events: BTreeMap::new(),
            by_due: ByDue::new(log_width),
        }
    }

    /// Takes in one window.
    pub fn add(&mut self, window: &Window) {
        self.came_through(window.index, window.events);
        for (stage, latency) in window.undated() {
            self.total.entry(stage).or_default().merge(latency);
        }
        for (stage, due, latency) in window.dated() {
            self.take(stage, due, latency);
        }
        if let Some(stack) = window.stack() {
            self.stack.merge(stack);
        }
    }

    /// Counts events that came through in an interval.
    pub(super) fn came_through(&mut self, index: u64, events: u64) {
        if events > 0 {
            *self.events.entry(index).or_default() += events;
        }
    }

    /// Takes in samples of a stage that were due in one interval.
    pub(super) fn take(&mut self, stage: Stage, due: u64, latency: &Latency) {
        self.total.entry(stage).or_default().merge(latency);
        if stage == self.stage {
            self.by_due.at(due).merge(latency);
        }
    }

    /// Records one sample that is known only now, due in this interval.
    pub fn record(&mut self, stage: Stage, due: u64, value_ns: i64) {
        self.total.entry(stage).or_default().record(value_ns);
        if stage == self.stage {
            self.by_due.at(due).record(value_ns);
        }
    }

    /// Counts events that were due in this interval, and never got to the end of the stage though
    /// somebody would have waited so long, in ns.
    pub fn never(&mut self, stage: Stage, due: u64, events: u64, waited_ns: i64) {
        if events == 0 {
            return;
        }
        self.total.entry(stage).or_default().never(events, waited_ns);
        if stage == self.stage {
            self.by_due.never(due, events, waited_ns);
        }
    }

    /// All measured samples of a stage; `None` when there is none.
    #[must_use]
    pub fn total(&self, stage: Stage) -> Option<&Latency> {
        self.total.get(&stage)
    }

    /// The stages of all measured events by their end-to-end latency.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The newest interval for which samples have come.
    #[must_use]
    pub fn newest(&self) -> Option<Row> {
        self.by_due.newest()
    }

    /// On what percentiles of the stage that is shown over time rest; `None` without enough samples
    /// for one, or where too few intervals tell. Call it when no window is to come.
    pub fn footings<const N: usize>(&mut self, quantiles: [f64; N]) -> [Option<Footing>; N] {
        let Some(total) = self.total.get(&self.stage) else { return [None; N] };
        let readings = quantiles.map(|quantile| total.reading(quantile));
        let blocks = self.by_due.blocks(readings.map(Reading::value_ns));
        std::array::from_fn(|place| {
            let is_told = readings[place] != Reading::TooFew;
            is_told.then(|| Footing::of(&blocks[place], quantiles[place])).flatten()
        })
    }

    /// The stage's histograms over time. Call it when no window is to come.
    pub fn log(&mut self) -> &mut IntervalLog {
        self.by_due.finish().1
    }

    /// A row for each interval in which events were due or came through, by the interval's number
    /// on the run's clock. Call it when no window is to come.
    pub fn rows(&mut self) -> BTreeMap<u64, Row> {
        let mut rows = self.by_due.finish().0.clone();
        for (&index, &events) in &self.events {
            rows.entry(index).or_default().events = events;
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Recorder;

    /// A window at `index` with `count` samples of `value_ns` that were due in interval `due`.
    fn window(index: u64, due: u64, count: u64, value_ns: i64) -> Box<Window> {
        let mut recorder = Recorder::new(0..1_000_000, 1_000);
        recorder.flush(index * 1_000);
        for _ in 0..count {
            recorder.record(Stage::Ack, due * 1_000 + 7, value_ns);
        }
        recorder.flush(0)
    }

    #[test]
    fn windows_of_several_threads_make_one_row() {
        let mut series = Series::new(Stage::Ack, 1);
        series.add(&window(3, 3, 500, 1_000));
        series.add(&window(3, 3, 500, 9_000));
        series.add(&window(4, 4, 1, 5));
        assert_eq!(series.total(Stage::Ack).unwrap().count(), 1_001);
        let rows = series.rows();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[&3].events, rows[&3].max_ns), (1_000, Some(9_000)));
        assert!(rows[&3].p99_ns.unwrap() > 8_900);
        assert_eq!(rows[&4].p99_ns, None);
    }

    /// Law 11. What came through late is slow in the interval in which it was due, and counts in
    /// the one in which it came through.
    #[test]
    fn a_latency_stands_where_its_event_was_due_and_its_event_where_it_came_through() {
        let mut series = Series::new(Stage::Ack, 1);
        for index in 0..40 {
            series.add(&window(index, index, 1_000, 10));
        }
        // Long after their interval was packed: they count in its ranks all the same.
        series.add(&window(40, 2, 1_000, 38_000));
        let rows = series.rows();
        let is_slow = |(_, row): &(&u64, &Row)| row.max_ns > Some(1_000);
        assert_eq!(rows.iter().filter(is_slow).map(|(at, _)| *at).collect::<Vec<_>>(), [2]);
        assert_eq!((rows[&2].events, rows[&2].count), (1_000, 2_000));
        assert!(rows[&2].p99_ns > Some(37_900) && rows[&2].p50_ns == Some(10), "{:?}", rows[&2]);
        assert_eq!((rows[&40].events, rows[&40].count), (1_000, 0));
    }

    #[test]
    fn what_was_never_delivered_is_in_the_ranks_of_its_interval() {
        // At the end of a run: some intervals are open and most are packed.
        let mut series = Series::new(Stage::Ack, 1);
        for index in 0..20 {
            series.add(&window(index, index, 990, 10));
        }
        for due in [3, 19, 25] {
            series.never(Stage::Ack, due, 11, 500);
        }
        assert_eq!(series.total(Stage::Ack).unwrap().never_delivered(), 33);
        let rows = series.rows();
        for due in [3, 19] {
            let row = rows[&due];
            assert_eq!((row.count, row.never_delivered), (1_001, 11));
            assert_eq!((row.p50_ns, row.p99_ns, row.max_ns), (Some(10), None, None));
            assert_eq!(row.endless_ns, Some(500));
        }
        assert_eq!((rows[&25].count, rows[&25].never_delivered, rows[&25].events), (11, 11, 0));
        assert_eq!((rows[&4].p99_ns, rows[&4].never_delivered), (Some(10), 0));
    }

    /// What a percentile rests on is seen by due time, in the log's stretches, and what was never
    /// delivered takes part.
    #[test]
    fn the_samples_above_a_percentile_are_counted_where_they_were_due() {
        for log_width in [1, 2] {
            let mut series = Series::new(Stage::Ack, log_width);
            for index in 0..40 {
                series.add(&window(index, index, 985, 10 + index.cast_signed()));
            }
            // One stall, whose events come through one by one, each at another time.
            for late in 0..300 {
                series.add(&window(20 + late % 20, 12, 1, 500_000));
            }
            let [p99, p99_9, p99_99] = series.footings([0.99, 0.999, 0.9999]);
            let p99 = p99.unwrap();
            assert_eq!(p99.above, 300);
            assert!(p99.episodes < 1.1 && !p99.is_enough, "{p99:?}");
            assert_eq!((p99_9, p99_99), (None, None), "none above, and too few samples");
            // Events that were never delivered, here and there.
            (0..40).for_each(|due| series.never(Stage::Ack, due, 20, 500));
            let p99 = series.footings([0.99])[0].unwrap();
            assert_eq!(p99.above, 800);
            assert!(p99.is_enough && p99.episodes > 8.0, "{p99:?}");
        }
        assert_eq!(Series::new(Stage::Ack, 1).footings([0.5]), [None]);
    }

    /// In a run of more intervals than histograms are kept for, the ranks of the old are lost;
    /// what comes late may not make them look better than they were.
    #[test]
    fn an_interval_that_was_boiled_down_is_never_made_faster() {
        let mut series = Series::new(Stage::Ack, 2);
        series.add(&window(0, 0, 985, 10));
        series.add(&window(0, 0, 5, 70));
        for index in 1..700 {
            series.add(&window(index, index, 1, 10));
        }
        let before = series.total(Stage::Ack).unwrap().count();
        series.never(Stage::Ack, 0, 5, 500);
        let row = series.rows()[&0];
        assert_eq!((row.count, row.p50_ns, row.p99_ns), (995, Some(70), Some(70)), "no more");
        assert_eq!((row.max_ns, row.endless_ns), (None, Some(500)));
        assert_eq!(series.total(Stage::Ack).unwrap().count(), before + 5);
        series.never(Stage::Ack, 0, 6, 500);
        assert_eq!(series.rows()[&0].p99_ns, None);
        // Late ones that were delivered count, and are seen in the maximum.
        series.add(&window(700, 1, 5, 70_000));
        let row = series.rows()[&1];
        assert_eq!((row.count, row.max_ns), (6, Some(70_000)));
        assert_eq!(series.rows().values().map(|row| row.count).sum::<u64>(), before + 16);
    }

    #[test]
    fn the_log_has_every_sample_once_in_stretches_of_its_width() {
        use hdrhistogram::serialization::Deserializer;
        let mut counts = [1, 3].map(|width| {
            let mut series = Series::new(Stage::Ack, width);
            for index in 0..10_u64 {
                let value_ns = 1_000 * (1 + index.cast_signed());
                series.add(&window(index, index, 10 + index, value_ns));
            }
            series.add(&window(9, 1, 5, 70_000));
            // It has no place in a histogram.
            series.never(Stage::Ack, 1, 5, 70_000);
            series.never(Stage::Ack, 30, 5, 70_000);
            let mut counts = Vec::new();
            for (from, width, mut encoded) in series.log().entries() {
                let histogram: hdrhistogram::Histogram<u64> =
                    Deserializer::new().deserialize(&mut encoded).unwrap();
                counts.push((from, width, histogram.len()));
            }
            counts
        });
        assert_eq!(counts[1], [(0, 3, 38), (3, 3, 42), (6, 3, 51), (9, 3, 19)]);
        let single = counts[0].split_off(1);
        assert_eq!((counts[0][0], single[0], single.len()), ((0, 1, 10), (1, 1, 16), 9));
    }
}
