//! The run over time: the loops' rows, laid on the schedule's intervals.

use std::collections::BTreeMap;

use super::collect::{Collector, Lag};
use crate::plan::Plan;
use crate::record::Row;
use crate::result::{AppInterval, Interval, Throughput};

/// Rows by interval of the schedule: interval 0 begins with slot time 0.
pub(super) struct Timeline {
    interval_ns: u64,
    /// The intervals that lie wholly within the measured part.
    measured: std::ops::Range<u64>,
    offered: Vec<u64>,
    sent: BTreeMap<u64, Row>,
    acked: BTreeMap<u64, Row>,
    apps: Vec<BTreeMap<u64, Row>>,
    lags: BTreeMap<u64, Vec<Lag>>,
}

impl Timeline {
    /// `start_ns` is slot time 0 on the run's clock, on the border of two intervals.
    /// `slots` are each shard's slots by interval.
    pub(super) fn new<'a>(
        plan: &Plan,
        start_ns: u64,
        collector: &mut Collector,
        slots: impl Iterator<Item = &'a [u64]>,
    ) -> Self {
        let interval_ns = plan.measure.interval_ms * 1_000_000;
        let start = start_ns / interval_ns;
        let shift = |rows: &BTreeMap<u64, Row>| {
            rows.iter()
                .filter(|(at, _)| **at >= start)
                .map(|(at, row)| (at - start, *row))
                .collect()
        };
        let mut offered = Vec::new();
        for shard in slots {
            if offered.len() < shard.len() {
                offered.resize(shard.len(), 0);
            }
            for (sum, count) in offered.iter_mut().zip(shard) {
                *sum += count;
            }
        }
        let lags = collector.lags.iter().filter(|(at, _)| *at >= start);
        Self {
            interval_ns,
            measured: plan.load.warmup_ns().div_ceil(interval_ns)
                ..plan.load.duration_ns() / interval_ns,
            offered,
            lags: lags.map(|(at, lags)| (at - start, lags.clone())).collect(),
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
        let last = |rows: &BTreeMap<u64, Row>| rows.keys().next_back().map_or(0, |at| at + 1);
        let end = [&self.sent, &self.acked]
            .into_iter()
            .chain(&self.apps)
            .map(last)
            .fold(self.offered.len() as u64, u64::max);
        (0..end).map(|at| self.interval(at)).collect()
    }

    fn interval(&self, at: u64) -> Interval {
        let app = |(place, rows): (usize, &BTreeMap<u64, Row>)| {
            let row = rows.get(&at);
            AppInterval {
                seen: row.map_or(0, |row| row.events),
                lag_records: self.lags.get(&at).map(|lags| lags[place].records),
                lag_s: self.lags.get(&at).map(|lags| lags[place].seconds),
                p50_ns: row.and_then(|row| row.p50_ns),
                p99_ns: row.and_then(|row| row.p99_ns),
                max_ns: row.and_then(|row| row.max_ns),
            }
        };
        Interval {
            from_s: (at * self.interval_ns) as f64 / 1e9,
            offered: self.offered_at(at),
            sent: events(&self.sent, at),
            acked: events(&self.acked, at),
            host_stall_ns: None,
            apps: self.apps.iter().enumerate().map(app).collect(),
        }
    }
}

fn events(rows: &BTreeMap<u64, Row>, at: u64) -> u64 {
    rows.get(&at).map_or(0, |row| row.events)
}
