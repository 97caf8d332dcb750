//! The figures of a run that thresholds and comparisons name: their names, units, and which way
//! is better.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::base::suggest::distances;

/// The unit of a metric's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A time, in nanoseconds.
    Nanoseconds,
    /// CPU time for one event, in microseconds.
    Microseconds,
    /// Events per second.
    PerSecond,
    /// A number of events.
    Count,
    /// A share or ratio.
    Ratio,
}

/// A figure of a latency distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// Half of the events were faster.
    P50,
    /// 90 %.
    P90,
    /// 99 %.
    P99,
    /// 99.9 %.
    P99_9,
    /// 99.99 %.
    P99_99,
    /// The slowest event.
    Max,
    /// The mean.
    Mean,
}

impl Statistic {
    /// Every one, in the order of the tables.
    pub const ALL: [Self; 7] =
        [Self::P50, Self::P90, Self::P99, Self::P99_9, Self::P99_99, Self::Max, Self::Mean];

    /// As users write it and tables show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P99_9 => "p99.9",
            Self::P99_99 => "p99.99",
            Self::Max => "max",
            Self::Mean => "mean",
        }
    }

    /// The share of the events that it does not exceed; `None` for one that is not a percentile.
    #[must_use]
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P99 => Some(0.99),
            Self::P99_9 => Some(0.999),
            Self::P99_99 => Some(0.9999),
            Self::Max | Self::Mean => None,
        }
    }
}

/// A part of an event's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppStage {
    /// Due to processed.
    EndToEnd,
    /// Polled to processed.
    Service,
    /// Due to polled.
    Arrival,
}

/// What the ledger counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Acknowledged and not seen.
    Missing,
    /// Seen twice, at two offsets.
    Duplicates,
    /// Seen after a later one.
    Reordered,
    /// Certainly not written.
    Failed,
    /// Timed out, perhaps written.
    Unknown,
    /// Refused by the client's full queue.
    Unsent,
}

/// Where a figure stands in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// A latency of an application.
    App(AppStage, Statistic),
    /// Due to acknowledged.
    Ack(Statistic),
    /// Due to handed over.
    SendDelay(Statistic),
    /// Events per second: acknowledged, or processed by an application.
    Throughput,
    /// The harness' CPU for one event.
    CpuPerEvent,
    /// A count of the ledger; over all applications, or of one.
    Ledger(Account),
    /// Most unread records at the end of an interval; of the worst group, or of one.
    LagMax,
    /// Payload bytes for a byte on the wire.
    WireRatio,
}

/// One metric by its name, such as `analytics.e2e.p99`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// As users write it.
    pub name: String,
    /// The application it is about, where it is about one.
    pub app: Option<String>,
    /// What it is.
    pub figure: Figure,
}

const STRETCHES: [(&str, AppStage); 3] =
    [("e2e", AppStage::EndToEnd), ("service", AppStage::Service), ("arrival", AppStage::Arrival)];

const APP_ACCOUNTS: [(&str, Account); 3] = [
    ("missing", Account::Missing),
    ("duplicates", Account::Duplicates),
    ("reordered", Account::Reordered),
];

const ACCOUNTS: [(&str, Account); 3] =
    [("failed", Account::Failed), ("unknown", Account::Unknown), ("unsent", Account::Unsent)];

/// How many near names an error lists.
const NEAREST: usize = 3;

impl Metric {
    /// Every metric of a run of these applications.
    #[must_use]
    pub fn all<'a>(apps: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut all = Vec::new();
        let mut add = |app: Option<&str>, name: String, figure| {
            let name = app.map_or_else(|| name.clone(), |app| format!("{app}.{name}"));
            all.push(Self { name, app: app.map(str::to_owned), figure });
        };
        for app in apps {
            for (stretch_name, stretch) in STRETCHES {
                for statistic in Statistic::ALL {
                    let name = statistic.name();
                    let figure = Figure::App(stretch, statistic);
                    add(Some(app), format!("{stretch_name}.{name}"), figure);
                }
            }
            add(Some(app), "throughput".to_owned(), Figure::Throughput);
            for (name, account) in APP_ACCOUNTS {
                add(Some(app), name.to_owned(), Figure::Ledger(account));
            }
            add(Some(app), "lag.max".to_owned(), Figure::LagMax);
        }
        for statistic in Statistic::ALL {
            let name = statistic.name();
            add(None, format!("ack.{name}"), Figure::Ack(statistic));
            add(None, format!("send_delay.{name}"), Figure::SendDelay(statistic));
        }
        add(None, "throughput".to_owned(), Figure::Throughput);
        add(None, "cpu_us_per_event".to_owned(), Figure::CpuPerEvent);
        for (name, account) in APP_ACCOUNTS.into_iter().chain(ACCOUNTS) {
            add(None, format!("ledger.{name}"), Figure::Ledger(account));
        }
        add(None, "lag.max".to_owned(), Figure::LagMax);
        add(None, "wire.ratio".to_owned(), Figure::WireRatio);
        all
    }

    /// Finds a metric by its name.
    ///
    /// # Errors
    /// What is wrong, with the nearest names there are.
    pub fn find<'a>(name: &str, apps: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut all = Self::all(apps);
        if let Some(place) = all.iter().position(|metric| metric.name == name) {
            return Ok(all.swap_remove(place));
        }
        let near: Vec<&str> = distances(name, all.iter().map(|metric| metric.name.as_str()))
            .into_iter()
            .take(NEAREST)
            .collect();
        let near = near.join(", ");
        Err(format!("no metric {name:?} in this run; the nearest are {near}"))
    }

    /// The unit of its value.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        match self.figure {
            Figure::App(..) | Figure::Ack(_) | Figure::SendDelay(_) => Unit::Nanoseconds,
            Figure::Throughput => Unit::PerSecond,
            Figure::CpuPerEvent => Unit::Microseconds,
            Figure::Ledger(_) | Figure::LagMax => Unit::Count,
            Figure::WireRatio => Unit::Ratio,
        }
    }

    /// Whether less of it is better.
    #[must_use]
    pub const fn less_is_better(&self) -> bool {
        !matches!(self.figure, Figure::Throughput | Figure::WireRatio)
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name.serialize(serializer)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPS: [&str; 2] = ["analytics", "fraud"];

    #[test]
    fn every_metric_is_found_by_its_own_name_and_no_name_stands_twice() {
        let all = Metric::all(APPS);
        let mut names: Vec<&String> = all.iter().map(|metric| &metric.name).collect();
        for metric in &all {
            assert_eq!(Metric::find(&metric.name, APPS).as_ref(), Ok(metric));
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn a_typo_lists_what_is_near() {
        let error = Metric::find("analytics.e2e.p9", APPS).unwrap_err();
        assert!(error.contains("analytics.e2e.p99"), "{error}");
        let error = Metric::find("leger.missing", APPS).unwrap_err();
        assert!(error.contains("nearest are ledger.missing"), "{error}");
        assert!(Metric::find("dashboard.e2e.p99", APPS).is_err(), "it does not run");
    }

    #[test]
    fn more_throughput_is_better_and_less_of_the_rest() {
        let less = |name| Metric::find(name, APPS).unwrap().less_is_better();
        assert!(less("fraud.e2e.p99") && less("cpu_us_per_event") && less("lag.max"));
        assert!(!less("throughput") && !less("fraud.throughput") && !less("wire.ratio"));
    }
}
