//! One run, from its conditions to its figures.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::check::Check;
use super::compare::ThresholdResult;
use super::end_lag::EndLag;
use super::entry;
use super::host::Host;
use super::interval::Interval;
use super::keep_up::KeepingUp;
use super::latency::LatencySummary;
use super::people::PhaseSessions;
use super::process::{AppClock, ProcessResult};
use super::race::Lap;
use super::recording::RecordingResult;
use super::self_watch::{Hiccups, SelfWatch, ThreadCpu};
use super::throttling::Throttling;
use super::timeline_event::TimelineEvent;
use crate::apps::Summary;
use crate::broker::BrokerStats;
use crate::client::facts::{BrokerInfo, ClientProperties};
use crate::measure::ledger::LedgerReport;
use crate::measure::verify::books::Books;
use crate::measure::verify::detection::{Detection, RuleAlerts};
use crate::measure::verify::segments::SegmentReport;
use crate::workers::consume::GroupMember;
use crate::workers::produce::WireBytes;

/// Raised whenever a reader of an older one would misread the new one.
pub const FORMAT_VERSION: u32 = 1;

/// One run, from its conditions to its figures. Times are in the unit that ends the name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunResult {
    /// [`FORMAT_VERSION`] of the program that wrote it.
    pub format_version: u32,
    /// The scenario's name.
    #[serde(deserialize_with = "entry::name")]
    pub scenario: String,
    /// The run's number in hexadecimal: in the topic's name and in every event's stamp.
    #[serde(deserialize_with = "entry::number")]
    pub run: String,
    /// What the run is worth.
    pub verdict: Verdict,
    /// Its place in a sweep, where it was part of one.
    #[serde(default)]
    pub trial: Option<Trial>,
    /// Its place in a race, where it was part of one.
    #[serde(default)]
    pub race: Option<Lap>,
    /// What ran.
    pub build: Build,
    /// When the schedule started: RFC 3339, UTC.
    #[serde(deserialize_with = "entry::date")]
    pub started: String,
    /// How long the schedule and the drain took, in seconds.
    pub duration_s: f64,
    /// How kbench was called.
    pub command_line: Vec<String>,
    /// Where it ran.
    pub host: Host,
    /// What it ran against.
    pub broker: BrokerInfo,
    /// What the clients really ran with, as read back from them; secrets masked.
    #[serde(default)]
    pub clients: Vec<ClientProperties>,
    /// What the embedded broker said at its end, where it was the one.
    pub embedded_broker: Option<BrokerStats>,
    /// Number of everything in the plan but its bootstrap servers and secrets, in hexadecimal:
    /// runs with equal ones were asked to do the same.
    #[serde(default)]
    pub plan_hash: Option<String>,
    /// Number of the first 1,000 events of the plan with their keys and due times, in hexadecimal;
    /// `None` for a replay. Equal ones mean that the same load was made.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// The plan, with everything resolved; secrets masked.
    pub plan: serde_json::Value,
    /// Accepted, acknowledged and consumed: three figures.
    pub throughput: Throughput,
    /// Handed to the client − due.
    pub send_delay: LatencySummary,
    /// Acknowledged − due.
    pub ack: LatencySummary,
    /// Uncorrected: acknowledged − the begin of the hand-over to the client. Blind to events that
    /// were sent late; to be read beside `ack`, never instead of it.
    #[serde(default)]
    pub ack_uncorrected: LatencySummary,
    /// Where the time of the events near each percentile of ack went: `service_ns` is 0.
    #[serde(default)]
    pub ack_stack: Vec<StackedPercentile>,
    /// Each application, in the plan's order.
    pub apps: Vec<AppResult>,
    /// Every event accounted for.
    pub ledger: LedgerReport,
    /// Refusals and failures by reason.
    pub failures: BTreeMap<String, u64>,
    /// How far each group had come when the run ended, by our receipts and by the broker; `None`
    /// where there is no broker to ask.
    #[serde(default)]
    pub end_lag: Option<EndLag>,
    /// Whether the broker kept up: how the number of events went that were sent and had no answer,
    /// and whether what it acknowledged is far below what was offered, or takes longer and longer;
    /// `None` where there is no broker, where nobody looked, and where nobody acknowledges, unless
    /// it fell behind all the same.
    #[serde(default)]
    pub broker_keeping_up: Option<KeepingUp>,
    /// What was replayed, where a recorded topic was the load.
    pub recording: Option<RecordingResult>,
    /// What the clients sent: the size of the load, and what the codec made of it; `None` where
    /// there is no wire, or the run was too short for a count.
    #[serde(default)]
    pub wire: Option<WireBytes>,
    /// Whether brokers held the clients back for a quota.
    #[serde(default)]
    pub throttling: Throttling,
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
    /// Every rule's alerts beside the sessions that were not planted; empty where nobody knows
    /// these, or no application has rules.
    #[serde(default)]
    pub rules: Vec<RuleAlerts>,
    /// What the harness saw of itself.
    pub watch: SelfWatch,
    /// What the host did to a thread that only sleeps; `None` where nobody looked.
    #[serde(default)]
    pub hiccups: Option<Hiccups>,
    /// The CPU of this process by kind of thread, in the measured part.
    #[serde(default)]
    pub cpu: Vec<ThreadCpu>,
    /// The phases of the schedule.
    #[serde(deserialize_with = "phases")]
    pub phases: Vec<PhaseResult>,
    /// What happened at a time, in its order: phases that began, actions, the load's end. What the
    /// run did not reach is not in here; empty in a result by an older kbench.
    #[serde(default)]
    pub events: Vec<TimelineEvent>,
    /// The partitions' shares of the load.
    pub partitions: Vec<PartitionResult>,
    /// The run over time, by interval of the schedule.
    #[serde(deserialize_with = "entry::series")]
    pub series: Vec<Interval>,
    /// The processes that recorded it, the producer's first; empty where it was one.
    #[serde(default)]
    pub processes: Vec<ProcessResult>,
    /// The SHA-256 of the files beside the result that hold more than it does, by their names.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The SHA-256 over everything else in here: what was edited afterwards is found by it, as
    /// `kbench verify` says; `None` where the result was never saved, or by an older kbench.
    #[serde(default)]
    pub digest: Option<String>,
}

/// A run's place in a sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verdict {
    /// Whether the figures can be believed.
    pub valid: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// What limits the figures, though they are true.
    pub flags: Vec<String>,
    /// The exit code of the signal that ended the run early.
    pub interrupted_by: Option<u8>,
    /// What ended the run early by itself: the broker was gone.
    #[serde(default)]
    pub broken_off: Option<String>,
}

/// What ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Build {
    /// kbench's version.
    pub kbench: String,
    /// The git revision it was built from, where known.
    pub git: Option<String>,
    /// Version of the `rdkafka` crate, which wraps it; `None` where no lock file was at hand.
    #[serde(default)]
    pub rdkafka: Option<String>,
    /// librdkafka's version.
    pub librdkafka: String,
    /// Cargo features that it was built with, out of `zstd` and `tls`.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// `release` or `debug`.
    pub profile: String,
}

/// Rates within the measured part of the schedule, in events per second of wall time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Throughput {
    /// How long the measured part lasted, in seconds: whole intervals.
    pub measured_s: f64,
    /// Slots that came due, per second.
    pub offered_per_s: f64,
    /// Events that the clients accepted, per second.
    pub accepted_per_s: f64,
    /// Events that the broker acknowledged meanwhile, per second.
    pub acked_per_s: f64,
}

/// One application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AppResult {
    /// Its name.
    #[serde(deserialize_with = "entry::name")]
    pub name: String,
    /// Its consumer group.
    #[serde(deserialize_with = "entry::group")]
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
    /// Uncorrected: processed − the begin of the hand-over to the client. Blind to events that
    /// were sent late; to be read beside `end_to_end`, never instead of it.
    #[serde(default)]
    pub end_to_end_uncorrected: LatencySummary,
    /// Where the time of the events near each percentile of end to end went.
    #[serde(default)]
    pub stack: Vec<StackedPercentile>,
    /// Records that are not of this run, and no event at all.
    pub garbage: u64,
    /// Each member of its group; empty in a result by an older kbench.
    #[serde(default)]
    pub members: Vec<GroupMember>,
    /// How many users and rules the application points at.
    pub flags: u64,
    /// What the application found out; of its flags only the first hundred.
    pub summary: Option<Summary>,
    /// Its segments beside the users' personas, where it has any and they are known.
    #[serde(default)]
    pub segments: Option<SegmentReport>,
    /// How far its clock may lie from the producer's; `None` where both are the same.
    #[serde(default)]
    pub clock: Option<AppClock>,
    /// Whether it kept up: how its lag went over the measured part; `None` where nobody looked.
    #[serde(default)]
    pub keeping_up: Option<KeepingUp>,
}

/// The stages of the events near one percentile of end to end: means over the same events, so
/// that they add up. Percentiles of stages don't.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StackedPercentile {
    /// `p50`, `p90`, `p99`, `p99.9`, `p99.99`, or `max`: the slowest event by itself.
    pub percentile: String,
    /// How many events there are near it: those whose latency is the same within an eighth.
    pub events: u64,
    /// Mean end to end (or ack) of these events in nanoseconds: the sum of the stages.
    pub end_to_end_ns: f64,
    /// Begin of the hand-over to the client − due, in nanoseconds; `None` where that is forgotten,
    /// and then part of `broker_ns`.
    pub send_delay_ns: Option<f64>,
    /// From there until a worker took the record out of its batch, in nanoseconds: the producing
    /// client, the broker, the consuming client, and the records before it.
    pub broker_ns: f64,
    /// From there until the application was done with it, in nanoseconds.
    pub service_ns: f64,
    /// How long a core of the host stood still meanwhile, in nanoseconds: part of all stages; of
    /// the core that stood longest, stalls below 1 ms left out. `None` where nobody looked.
    #[serde(default)]
    pub stalled_ns: Option<f64>,
    /// Of this, what is no send delay already, in nanoseconds: after the hand-over began.
    #[serde(default)]
    pub host_ns: Option<f64>,
}

/// One phase of the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PhaseResult {
    /// Its name.
    pub name: String,
    /// Whether it is kept out of every latency figure.
    pub warmup: bool,
    /// Its start, in seconds from the schedule's start.
    pub from_s: f64,
    /// Its end, in seconds from the schedule's start.
    pub to_s: f64,
    /// Events that the rate's curve asks for.
    pub expected: f64,
    /// How its sessions lived; `None` of a recording, and of a result by an older kbench.
    #[serde(default)]
    pub sessions: Option<PhaseSessions>,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PartitionResult {
    /// Its number.
    pub partition: usize,
    /// Events that it took.
    pub records: u64,
    /// Its share of all.
    pub share: f64,
}

/// Phases, each not before the one before it, and none with its end before its start.
fn phases<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PhaseResult>, D::Error> {
    let phases = Vec::<PhaseResult>::deserialize(deserializer)?;
    entry::rising(phases.iter().map(|phase| phase.to_s), "phases").map_err(D::Error::custom)?;
    match phases.iter().find(|phase| !(0.0..=phase.to_s).contains(&phase.from_s)) {
        Some(phase) => Err(D::Error::custom(format!(
            "phases: from {} s to {} s; expected a start from 0 on and a later end",
            phase.from_s, phase.to_s
        ))),
        None => Ok(phases),
    }
}
