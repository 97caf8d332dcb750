//! The run over time: what came through in each interval, and the latencies of what was due in it.

use serde::{Deserialize, Serialize};

use crate::measure::latency::{IntervalRow, Reading, samples_needed};
use crate::plan::metric::Statistic;

/// One interval of the schedule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Interval {
    /// Its start, in seconds from the schedule's start.
    pub from_s: f64,
    /// Slots that came due in it.
    pub offered: u64,
    /// Events handed to the clients in it.
    pub sent: u64,
    /// Events acknowledged in it.
    pub acked: u64,
    /// The longest time that a core of the host gave a sleeping thread nothing, of those that
    /// began in it, in nanoseconds; `None` where nobody looked.
    #[serde(default)]
    pub host_stall_ns: Option<u64>,
    /// Events that were sent and had no answer at its end; `None` where nobody looked.
    #[serde(default)]
    pub unanswered: Option<u64>,
    /// 99th percentile of ack in nanoseconds, of the measured events that were due in it, whenever
    /// their answer came; `None` with fewer than 368, and where it has no end.
    #[serde(default)]
    pub ack_p99_ns: Option<i64>,
    /// Greatest of the same samples, in nanoseconds; `None` where it has no end.
    #[serde(default)]
    pub ack_max_ns: Option<i64>,
    /// Each application, in the plan's order.
    pub apps: Vec<AppInterval>,
}

/// One application in one interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AppInterval {
    /// Events processed in it.
    pub seen: u64,
    /// Acknowledged and not yet read at its end; `None` where nobody looked.
    pub lag_records: Option<u64>,
    /// The age at its end of the oldest acknowledged record that was not processed, in seconds:
    /// how long ago the group's position was the log's end, of its latest partition; `None` where
    /// nobody looked.
    #[serde(default)]
    pub lag_s: Option<f64>,
    /// Measured events that were due in it, whenever they were processed; as all that follows.
    #[serde(default)]
    pub count: u64,
    /// Of these, never delivered to the application.
    #[serde(default)]
    pub never_delivered: u64,
    /// What these exceed, in nanoseconds; `None` where there are none.
    #[serde(default)]
    pub endless_ns: Option<i64>,
    /// Median of end to end in nanoseconds, of the measured events that were due in it; `None`
    /// also where it has no end.
    pub p50_ns: Option<i64>,
    /// 99th percentile of the same samples, in nanoseconds; `None` with fewer than 368, and where
    /// it has no end.
    pub p99_ns: Option<i64>,
    /// Greatest of the same samples, in nanoseconds; `None` where it has no end.
    pub max_ns: Option<i64>,
}

impl AppInterval {
    /// The latencies of a row; of the lag nothing is known from it.
    #[must_use]
    pub fn of(row: &IntervalRow) -> Self {
        Self {
            seen: row.events,
            lag_records: None,
            lag_s: None,
            count: row.count,
            never_delivered: row.never_delivered,
            endless_ns: row.endless_ns,
            p50_ns: row.p50_ns,
            p99_ns: row.p99_ns,
            max_ns: row.max_ns,
        }
    }

    /// What a percentile comes to; of [`Statistic::Max`], the greatest.
    #[must_use]
    pub fn reading(&self, statistic: Statistic) -> Reading {
        let value_ns = match statistic {
            Statistic::P50 => self.p50_ns,
            Statistic::P99 => self.p99_ns,
            Statistic::Max => self.max_ns,
            _ => return Reading::TooFew,
        };
        let is_told = statistic.quantile().is_none_or(|share| self.count >= samples_needed(share));
        match (value_ns, self.endless_ns) {
            (Some(value_ns), _) => Reading::Value(value_ns),
            (None, Some(endless_ns)) if is_told => Reading::Endless(endless_ns),
            (None, _) => Reading::TooFew,
        }
    }
}
