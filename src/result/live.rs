//! A run at one moment, for whoever looks at it while it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::measure::latency::Latency;

/// What a run looks like at one moment. Counts and distributions only grow.
#[derive(Debug, Clone, Default)]
pub struct Live<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// Since the schedule's start.
    pub elapsed: Duration,
    /// The schedule's length.
    pub total: Duration,
    /// The phase; `None` once the schedule is over, and what is left is read.
    pub phase: Option<&'a str>,
    /// What the schedule asks for now, in events per second.
    pub offered_per_s: f64,
    /// What was sent in the last interval, in events per second.
    pub sent_per_s: f64,
    /// What was acknowledged in the last interval, in events per second.
    pub acked_per_s: f64,
    /// Events that the clients took.
    pub sent: u64,
    /// Events that the broker acknowledged.
    pub acked: u64,
    /// Refusals and failures by reason.
    pub failures: BTreeMap<String, u64>,
    /// Handed to the client − due.
    pub send_delay: Option<&'a Latency>,
    /// Acknowledged − due.
    pub ack: Option<&'a Latency>,
    /// The applications, in the plan's order.
    pub apps: Vec<LiveApp<'a>>,
}

/// One application at one moment.
#[derive(Debug, Clone, Default)]
pub struct LiveApp<'a> {
    /// Its name.
    pub name: &'a str,
    /// Records read.
    pub read: u64,
    /// What it saw in the last interval, in events per second.
    pub seen_per_s: f64,
    /// End to end, 99th percentile of the last interval; `None` without samples.
    pub p99_ns: Option<u64>,
    /// Acknowledged records that it has not read.
    pub lag_records: u64,
    /// Processed − due.
    pub end_to_end: Option<&'a Latency>,
}
