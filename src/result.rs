//! A run's result: everything that decides a figure, beside the figures.

mod detected;
mod hlog;
mod host;
mod latency;
mod list;
mod load;
mod recording;
mod replayed;
mod said;
mod save;
mod secrets;
mod segmented;
mod summary;
mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::apps::Summary;
use crate::books::Books;
use crate::broker::BrokerStats;
use crate::compare::ThresholdResult;
use crate::harness::detection::Detection;
use crate::harness::segments::SegmentReport;
use crate::harness::watch::SelfWatch;
use crate::harness::world::WorldFacts;
use crate::ledger::LedgerReport;
use crate::produce::WireBytes;

pub use hlog::{LogSeries, interval_log};
pub use host::Host;
pub use latency::LatencySummary;
pub use list::{Listed, list, list_table};
pub use load::{Saved, load, load_all};
pub use recording::RecordingResult;
pub use replayed::{ReplayResult, Replayed};
pub use said::{Look, alerts, said};
pub use save::{check_writable, save, write_file};
pub use secrets::{mask_arguments, mask_toml};
pub use summary::markdown;
pub use table::{broker, count, duration, sent, terminal};

/// Raised whenever a reader of an older one would misread the new one.
pub const FORMAT_VERSION: u32 = 1;

/// One run, from its conditions to its figures. Times are in the unit that ends the name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`FORMAT_VERSION`] of the program that wrote it.
    pub format_version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The run's number in hexadecimal: in the topic's name and in every event's stamp.
    pub run: String,
    /// What the run is worth.
    pub verdict: Verdict,
    /// Its place in a sweep, where it was part of one.
    #[serde(default)]
    pub trial: Option<Trial>,
    /// What ran.
    pub build: Build,
    /// When the schedule started: RFC 3339, UTC.
    pub started: String,
    /// How long the schedule and the drain took.
    pub duration_s: f64,
    /// How kbench was called.
    pub command_line: Vec<String>,
    /// Where it ran.
    pub host: Host,
    /// What it ran against.
    pub broker: WorldFacts,
    /// What the embedded broker said at its end, where it was the one.
    pub embedded_broker: Option<BrokerStats>,
    /// The plan, with everything resolved; secrets masked.
    pub plan: serde_json::Value,
    /// Accepted, acknowledged and consumed: three figures.
    pub throughput: Throughput,
    /// Handed to the client − due.
    pub send_delay: LatencySummary,
    /// Acknowledged − due.
    pub ack: LatencySummary,
    /// Each application, in the plan's order.
    pub apps: Vec<AppResult>,
    /// Every event accounted for.
    pub ledger: LedgerReport,
    /// Refusals and failures by reason.
    pub failures: BTreeMap<String, u64>,
    /// What was replayed, where a recorded topic was the load.
    pub recording: Option<RecordingResult>,
    /// What the clients sent: the size of the load, and what the codec made of it; `None` where
    /// there is no wire, or the run was too short for a count.
    #[serde(default)]
    pub wire: Option<WireBytes>,
    /// What the generator sent.
    pub books: Books,
    /// The books beside the applications' totals.
    pub checks: Vec<Check>,
    /// What the scenario's thresholds came to.
    #[serde(default)]
    pub thresholds: Vec<ThresholdResult>,
    /// Planted fraud beside the alerts; empty where neither was.
    #[serde(default)]
    pub detection: Vec<Detection>,
    /// What the harness saw of itself.
    pub watch: SelfWatch,
    /// The phases of the schedule.
    pub phases: Vec<PhaseResult>,
    /// The partitions' shares of the load.
    pub partitions: Vec<PartitionResult>,
    /// The run over time, by interval of the schedule.
    pub series: Vec<Interval>,
}

/// A run's place in a sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The sweep's number in hexadecimal: the same for all of its runs.
    pub sweep: String,
    /// The scenario key of each axis, and its value as a scenario writes it.
    pub point: BTreeMap<String, String>,
    /// Which repeat of the point, from 0.
    pub repeat: u32,
    /// Which run of the sweep, in the order in which they ran, from 0.
    pub place: u32,
}

/// What a run is worth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the figures can be believed.
    pub valid: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// What limits the figures, though they are true.
    pub flags: Vec<String>,
    /// The exit code of the signal that ended the run early.
    pub interrupted_by: Option<u8>,
}

/// What ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// kbench's version.
    pub kbench: String,
    /// The git revision it was built from, where known.
    pub git: Option<String>,
    /// librdkafka's version.
    pub librdkafka: String,
    /// `release` or `debug`.
    pub profile: String,
}

/// Rates within the measured part of the schedule, in events per second of wall time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// How long the measured part lasted.
    pub measured_s: f64,
    /// Slots that came due.
    pub offered_per_s: f64,
    /// Events that the clients accepted.
    pub accepted_per_s: f64,
    /// Events that the broker acknowledged meanwhile.
    pub acked_per_s: f64,
}

/// One application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppResult {
    /// Its name.
    pub name: String,
    /// Its consumer group.
    pub group: String,
    /// Its workers.
    pub workers: u16,
    /// Events processed within the measured part, per second of wall time.
    pub consumed_per_s: f64,
    /// Polled − due.
    pub arrival: LatencySummary,
    /// Processed − polled.
    pub service: LatencySummary,
    /// Processed − due.
    pub end_to_end: LatencySummary,
    /// Records that are not of this run, and no event at all.
    pub garbage: u64,
    /// How many users and rules the application points at.
    pub flags: u64,
    /// What the application found out; of its flags only the first hundred.
    pub summary: Option<Summary>,
    /// Its segments beside the users' personas, where it has any and they are known.
    #[serde(default)]
    pub segments: Option<SegmentReport>,
}

/// One total of the books beside the applications'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What is counted.
    pub what: String,
    /// By the generator.
    pub books: u64,
    /// By each application, in the plan's order; `None` where it does not count that.
    pub apps: Vec<Option<u64>>,
}

impl Check {
    /// Whether every application that counts it agrees.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.apps.iter().flatten().all(|&count| count == self.books)
    }
}

/// One phase of the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseResult {
    /// Its name.
    pub name: String,
    /// Whether it is kept out of every latency figure.
    pub warmup: bool,
    /// From the schedule's start.
    pub from_s: f64,
    /// From the schedule's start.
    pub to_s: f64,
    /// Events that the rate's curve asks for.
    pub expected: f64,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionResult {
    /// Its number.
    pub partition: usize,
    /// Events that it took.
    pub records: u64,
    /// Its share of all.
    pub share: f64,
}

/// One interval of the schedule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its start, from the schedule's start.
    pub from_s: f64,
    /// Slots that came due in it.
    pub offered: u64,
    /// Events handed to the clients in it.
    pub sent: u64,
    /// Events acknowledged in it.
    pub acked: u64,
    /// Each application, in the plan's order.
    pub apps: Vec<AppInterval>,
}

/// One application in one interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AppInterval {
    /// Events processed in it.
    pub seen: u64,
    /// Acknowledged and not yet read at its end; `None` where nobody looked.
    pub lag_records: Option<u64>,
    /// End to end, of the measured events processed in it.
    pub p50_ns: Option<i64>,
    /// The same.
    pub p99_ns: Option<i64>,
    /// The same.
    pub max_ns: Option<i64>,
}
