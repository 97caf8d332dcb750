//! The run over time: the loops' rows, laid on the schedule's intervals.

use std::collections::BTreeMap;
use std::ops::Range;

use super::collect::{Collector, Lag};
use crate::measure::latency::IntervalRow;
use crate::plan::Plan;
use crate::result::{AppInterval, Interval, Throughput};

/// How far a run came, in intervals of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunExtent {
    /// The intervals that lie wholly within the measured part, and were reached.
    pub(super) measured: Range<u64>,
    /// All of them, the last one in part where the sending was cut.
    pub(super) intervals: u64,
}

impl RunExtent {
    /// Of a plan whose slot time 0 is `start_ns` on the run's clock, and whose sending was cut at
    /// `cut_ns`; `None` where it came to its end.
    pub(super) fn of(plan: &Plan, start_ns: u64, cut_ns: Option<u64>) -> Self {
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
}

/// Rows by interval of the schedule: interval 0 begins with slot time 0.
pub(super) struct Timeline {
    interval_ns: u64,
    measured: Range<u64>,
    offered: Vec<u64>,
    sent: BTreeMap<u64, IntervalRow>,
    acked: BTreeMap<u64, IntervalRow>,
    apps: Vec<BTreeMap<u64, IntervalRow>>,
    lags: BTreeMap<u64, Vec<Lag>>,
    unanswered: BTreeMap<u64, u64>,
}

impl Timeline {
    /// `start_ns` is slot time 0 on the run's clock, on the border of two intervals.
    /// `offered` are the slots by interval.
    pub(super) fn new(
        plan: &Plan,
        start_ns: u64,
        collector: &mut Collector,
        offered: Vec<u64>,
        reached: &RunExtent,
    ) -> Self {
        let interval_ns = plan.measure.interval_ms * 1_000_000;
        let start = start_ns / interval_ns;
        let shift = |rows: BTreeMap<u64, IntervalRow>| {
            rows.into_iter()
                .filter(|(at, _)| *at >= start)
                .map(|(at, row)| (at - start, row))
                .collect()
        };
        let lags = collector.lags.iter().filter(|(at, _)| *at >= start);
        let unanswered = collector.unanswered.iter().filter(|(at, _)| *at >= start);
        Self {
            interval_ns,
            measured: reached.measured.clone(),
            offered,
            lags: lags.map(|(at, lags)| (at - start, lags.clone())).collect(),
            unanswered: unanswered.map(|(at, count)| (at - start, *count)).collect(),
            sent: shift(collector.sent.rows()),
            acked: shift(collector.acked.rows()),
            apps: collector.apps.iter_mut().map(|series| shift(series.rows())).collect(),
        }
    }

    /// Events per second of the measured part; 0 where it is shorter than an interval.
    fn per_s(&self, events: impl Fn(u64) -> u64) -> f64 {
        let sum: u64 = self.measured.clone().map(events).sum();
        let seconds = self.measured_s();
        if seconds > 0.0 { sum as f64 / seconds } else { 0.0 }
    }

    fn measured_s(&self) -> f64 {
        self.measured.clone().count() as f64 * self.interval_ns as f64 / 1e9
    }

    pub(super) fn throughput(&self) -> Throughput {
        Throughput {
            measured_s: self.measured_s(),
            offered_per_s: self.per_s(|at| self.offered_at(at)),
            accepted_per_s: self.per_s(|at| events(&self.sent, at)),
            acked_per_s: self.per_s(|at| events(&self.acked, at)),
        }
    }

    pub(super) fn consumed_per_s(&self, app: usize) -> f64 {
        self.per_s(|at| events(&self.apps[app], at))
    }

    /// The greatest rate of an interval of the measured part, in events per second.
    pub(super) fn offered_peak_per_s(&self) -> f64 {
        let most = self.measured.clone().map(|at| self.offered_at(at)).max().unwrap_or(0);
        most as f64 * 1e9 / self.interval_ns as f64
    }

    fn offered_at(&self, at: u64) -> u64 {
        usize::try_from(at).ok().and_then(|at| self.offered.get(at)).copied().unwrap_or(0)
    }

    /// Every interval from the schedule's start to the last sign of life.
    pub(super) fn intervals(&self) -> Vec<Interval> {
        let last =
            |rows: &BTreeMap<u64, IntervalRow>| rows.keys().next_back().map_or(0, |at| at + 1);
        let end = [&self.sent, &self.acked]
            .into_iter()
            .chain(&self.apps)
            .map(last)
            .fold(self.offered.len() as u64, u64::max);
        (0..end).map(|at| self.interval(at)).collect()
    }

    fn interval(&self, at: u64) -> Interval {
        let app = |(place, rows): (usize, &BTreeMap<u64, IntervalRow>)| {
            let row = rows.get(&at);
            AppInterval {
                lag_records: self.lags.get(&at).map(|lags| lags[place].records),
                lag_s: self.lags.get(&at).map(|lags| lags[place].seconds),
                ..row.map_or_else(AppInterval::default, AppInterval::of)
            }
        };
        Interval {
            from_s: (at * self.interval_ns) as f64 / 1e9,
            offered: self.offered_at(at),
            sent: events(&self.sent, at),
            acked: events(&self.acked, at),
            host_stall_ns: None,
            unanswered: self.unanswered.get(&at).copied(),
            ack_p99_ns: self.acked.get(&at).and_then(|row| row.p99_ns),
            ack_max_ns: self.acked.get(&at).and_then(|row| row.max_ns),
            apps: self.apps.iter().enumerate().map(app).collect(),
        }
    }
}

fn events(rows: &BTreeMap<u64, IntervalRow>, at: u64) -> u64 {
    rows.get(&at).map_or(0, |row| row.events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::scenario;
    use crate::plan::toml::environment::Environment;
    use crate::plan::toml::overrides::Overrides;
    use crate::plan::toml::source::ScenarioSource;

    #[test]
    fn what_was_measured_ends_where_the_sending_was_cut() {
        let text = "seed = 1\n[load]\nrate_per_s = 10\nduration = \"10s\"\nwarmup = \"2500ms\"\n";
        let source = ScenarioSource { name: "test.toml".to_owned(), text: text.to_owned() };
        let nothing = Environment::from_pairs::<String, String>([]);
        let schemas = crate::apps::schemas();
        let plan = scenario::plan(
            &source,
            &Overrides::default(),
            &nothing,
            &schemas,
            crate::client::DEFAULT,
        )
        .unwrap();
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
