//! Windows put together: the whole, and a row for each interval.

use std::collections::BTreeMap;

use super::by_due::ByDue;
use super::interval_log::IntervalLog;
use super::row::IntervalRow;
use super::window::{Stage, Window};
use super::{Breakdown, Footing, Latency, Reading};

/// All windows of one producer side or one application.
#[derive(Debug, Clone)]
pub struct Series {
    /// The stage that the rows are about.
    stage: Stage,
    total: BTreeMap<Stage, Latency>,
    stack: Breakdown,
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
            stack: Breakdown::default(),
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
            self.by_due.at(due).never(events, waited_ns);
        }
    }

    /// Events by the interval in which they came through.
    #[must_use]
    pub fn events(&self) -> &BTreeMap<u64, u64> {
        &self.events
    }

    /// All measured samples of a stage; `None` when there is none.
    #[must_use]
    pub fn total(&self, stage: Stage) -> Option<&Latency> {
        self.total.get(&stage)
    }

    /// The stages of all measured events by their end-to-end latency.
    #[must_use]
    pub fn stack(&self) -> &Breakdown {
        &self.stack
    }

    /// The newest interval for which samples have come.
    #[must_use]
    pub fn newest(&self) -> Option<IntervalRow> {
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
    pub fn rows(&mut self) -> BTreeMap<u64, IntervalRow> {
        let mut rows = self.by_due.finish().0.clone();
        for (&index, &events) in &self.events {
            rows.entry(index).or_default().events = events;
        }
        rows
    }
}

#[cfg(test)]
mod tests;
