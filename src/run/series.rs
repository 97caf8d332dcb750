//! What was sent over time: the loops' rows, laid on the schedule's intervals.

use std::collections::BTreeMap;

use super::collect::Collector;
use super::merge::{RunExtent, events};
use crate::measure::latency::IntervalRow;
use crate::result::{Interval, Throughput};

/// Rows by interval of the schedule: interval 0 begins with slot time 0.
pub(super) struct RunSeries {
    interval_ns: u64,
    reached: RunExtent,
    offered: Vec<u64>,
    sent: BTreeMap<u64, IntervalRow>,
    acked: BTreeMap<u64, IntervalRow>,
    unanswered: BTreeMap<u64, u64>,
}

impl RunSeries {
    /// `start_ns` is slot time 0 on the run's clock, on the border of two intervals.
    /// `offered` are the slots by interval.
    pub(super) fn new(
        interval_ns: u64,
        start_ns: u64,
        collector: &mut Collector,
        offered: Vec<u64>,
        reached: &RunExtent,
    ) -> Self {
        let start = start_ns / interval_ns;
        let shift = |rows: BTreeMap<u64, IntervalRow>| {
            rows.into_iter()
                .filter(|(at, _)| *at >= start)
                .map(|(at, row)| (at - start, row))
                .collect()
        };
        let unanswered = collector.unanswered.iter().filter(|(at, _)| *at >= start);
        Self {
            interval_ns,
            reached: reached.clone(),
            offered,
            unanswered: unanswered.map(|(at, count)| (at - start, *count)).collect(),
            sent: shift(collector.sent.rows()),
            acked: shift(collector.acked.rows()),
        }
    }

    pub(super) fn throughput(&self) -> Throughput {
        let per_s = |events: &dyn Fn(u64) -> u64| self.reached.per_s(self.interval_ns, events);
        Throughput {
            measured_s: self.reached.measured_s(self.interval_ns),
            offered_per_s: per_s(&|at| self.offered_at(at)),
            accepted_per_s: per_s(&|at| events(&self.sent, at)),
            acked_per_s: per_s(&|at| events(&self.acked, at)),
        }
    }

    /// How many sent events had no answer yet at the end of each interval.
    pub(super) fn unanswered(&self) -> &BTreeMap<u64, u64> {
        &self.unanswered
    }

    /// The greatest rate of an interval of the measured part, in events per second.
    pub(super) fn offered_peak_per_s(&self) -> f64 {
        let most = self.reached.measured.clone().map(|at| self.offered_at(at)).max().unwrap_or(0);
        most as f64 * 1e9 / self.interval_ns as f64
    }

    fn offered_at(&self, at: u64) -> u64 {
        usize::try_from(at).ok().and_then(|at| self.offered.get(at)).copied().unwrap_or(0)
    }

    /// Every interval from the schedule's start to the last answer.
    pub(super) fn intervals(&self) -> Vec<Interval> {
        let last =
            |rows: &BTreeMap<u64, IntervalRow>| rows.keys().next_back().map_or(0, |at| at + 1);
        let end = [&self.sent, &self.acked]
            .into_iter()
            .map(last)
            .fold(self.offered.len() as u64, u64::max);
        (0..end).map(|at| self.interval(at)).collect()
    }

    fn interval(&self, at: u64) -> Interval {
        Interval {
            from_s: (at * self.interval_ns) as f64 / 1e9,
            offered: self.offered_at(at),
            sent: events(&self.sent, at),
            acked: events(&self.acked, at),
            host_stall_ns: None,
            unanswered: self.unanswered.get(&at).copied(),
            ack_p99_ns: self.acked.get(&at).and_then(|row| row.p99_ns),
            ack_max_ns: self.acked.get(&at).and_then(|row| row.max_ns),
            apps: Vec::new(),
        }
    }
}
