//! How far a run came, and what is counted by its intervals.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::measure::latency::IntervalRow;
use crate::plan::Plan;

/// How far a run came, in intervals of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct RunExtent {
    /// The intervals that lie wholly within the measured part, and were reached.
    pub(in crate::run) measured: Range<u64>,
    /// All of them, the last one in part where the sending was cut.
    pub(in crate::run) intervals: u64,
}

impl RunExtent {
    /// Of a plan whose slot time 0 is `start_ns` on the run's clock, and whose sending was cut at
    /// `cut_ns`; `None` where it came to its end.
    pub(in crate::run) fn of(plan: &Plan, start_ns: u64, cut_ns: Option<u64>) -> Self {
        let interval_ns = plan.measure.interval_ms * 1_000_000;
        let planned_ns = plan.load.duration_ns();
        let end_ns = cut_ns.map_or(planned_ns, |cut_ns| cut_ns.saturating_sub(start_ns));
        let end_ns = end_ns.min(planned_ns);
        let from = plan.load.warmup_ns().div_ceil(interval_ns);
        Self {
            measured: from..(end_ns / interval_ns).max(from),
            intervals: end_ns.div_ceil(interval_ns),
        }
    }

    /// The measured part, in seconds.
    pub(in crate::run) fn measured_s(&self, interval_ns: u64) -> f64 {
        self.measured.clone().count() as f64 * interval_ns as f64 / 1e9
    }

    /// Events per second of the measured part; 0 where it is shorter than an interval.
    pub(in crate::run) fn per_s(&self, interval_ns: u64, events: impl Fn(u64) -> u64) -> f64 {
        let sum: u64 = self.measured.clone().map(events).sum();
        let seconds = self.measured_s(interval_ns);
        if seconds > 0.0 { sum as f64 / seconds } else { 0.0 }
    }
}

/// How late a group was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::run) struct LagAt {
    /// Acknowledged and not processed.
    pub(in crate::run) records: u64,
    /// The age of the oldest of them; `None` where nobody saw it.
    pub(in crate::run) seconds: Option<f64>,
}

pub(in crate::run) fn events(rows: &BTreeMap<u64, IntervalRow>, at: u64) -> u64 {
    rows.get(&at).map_or(0, |row| row.events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::planned;
    use crate::plan::toml::source::ScenarioSource;

    #[test]
    fn what_was_measured_ends_where_the_sending_was_cut() {
        let plan = |warmup: &str| {
            let text = "seed = 1\n[load]\nrate_per_s = 10\nduration = \"10s\"\nwarmup = ";
            let text = format!("{text}\"{warmup}\"\n");
            planned(&ScenarioSource { name: "test.toml".to_owned(), text })
        };
        // It ends with an interval: the next one is whole.
        assert_eq!(RunExtent::of(&plan("2s"), 7, None).measured, 2..12);
        let plan = plan("2500ms");
        let reached = |cut_s: Option<f64>| {
            let start_ns = 70_000_000_000;
            let cut_ns = cut_s.map(|cut_s| start_ns + (cut_s * 1e9) as u64);
            let RunExtent { measured, intervals } = RunExtent::of(&plan, start_ns, cut_ns);
            (measured, intervals)
        };
        assert_eq!(reached(None), (3..12, 13));
        assert_eq!(reached(Some(7.9)), (3..7, 8), "the eighth is not whole");
        assert_eq!(reached(Some(3.2)), (3..3, 4));
        assert_eq!(reached(Some(1.0)), (3..3, 1), "cut in the warm-up");
        assert_eq!(reached(Some(99.0)), (3..12, 13), "it was the drain that was cut");
    }
}
