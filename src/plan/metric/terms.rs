//! The words of the catalogue: units, directions, the figures of a distribution, the parts of an
//! event's way, and what is counted.

use serde::Serialize;

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

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less of it.
    Less,
    /// More of it.
    More,
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

/// What is counted of events and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Came due.
    Offered,
    /// Acknowledged.
    Acked,
    /// Certainly not written.
    Failed,
    /// Timed out, perhaps written.
    Unknown,
    /// Refused by the client's full queue.
    Unsent,
    /// Seen by an application.
    Seen,
    /// Acknowledged and not seen.
    Missing,
    /// Seen twice, at two offsets.
    Duplicates,
    /// Read again at the same offset.
    Redeliveries,
    /// Seen after a later one.
    Reordered,
    /// Of others.
    Foreign,
    /// Of others, and no event at all.
    NoEvent,
}
