//! A scenario after every check, with nothing left open.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::population::PopulationPlan;
use super::timeline::PlannedAction;
use super::{KafkaPlan, LoadPlan, threshold};
use crate::event::format::PayloadFormat;

/// Everything that a run needs to know, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario's name, used in the result's folder name.
    pub name: String,
    /// What it is about, in the author's words; may be empty.
    pub description: String,
    /// One seed decides every random choice of the run.
    pub seed: u64,
    /// The topic to make and to load.
    pub topic: TopicPlan,
    /// When events are due.
    pub load: LoadPlan,
    /// Who sends them.
    pub population: PopulationPlan,
    /// How large an event is.
    pub event: EventPlan,
    /// Who reads them; in the order of the scenario's applications.
    pub apps: Vec<AppPlan>,
    /// How the clients are set up.
    pub kafka: KafkaPlan,
    /// What is measured, and the limits on waiting.
    pub measure: MeasurePlan,
    /// What somebody does at a time of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<PlannedAction>,
    /// What the figures must keep to. Not read back: a result has them with what they came to.
    #[serde(skip_deserializing)]
    pub thresholds: Vec<threshold::Threshold>,
    /// What the user should know, a line each; stops nothing.
    pub warnings: Vec<String>,
}

/// The topic of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicPlan {
    /// The name, or the stem of it when every run gets a topic of its own.
    pub name: String,
    /// `false`: the run makes a fresh topic `<name>-<run>` and deletes it afterwards.
    pub reuse: bool,
    /// Number of partitions.
    pub partitions: i32,
    /// Copies of each partition.
    pub replication_factor: i32,
    /// How long records are kept, in milliseconds.
    pub retention_ms: i64,
    /// Further topic settings, as the broker names them.
    pub configs: BTreeMap<String, String>,
}

/// How large an event is, and how it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventPlan {
    /// `None`: as large as its fields make it.
    pub padding: Option<PaddingPlan>,
    /// How it is written. Not in results, as long as there is one format to choose from.
    #[serde(skip)]
    pub format: PayloadFormat,
}

/// A log-normal size that events are padded to; those that are larger stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PaddingPlan {
    /// Half of the events are padded to more than this, in bytes.
    pub median_bytes: f64,
    /// Standard deviation of the size's logarithm; 0 gives one size.
    pub sigma: f64,
    /// No event is padded to more, in bytes.
    pub max_bytes: u32,
    /// The part of the padding that is the same letter again and again, from 0 to 1; the rest is
    /// random letters of six bits each.
    pub compressibility: f64,
}

/// One application and its group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppPlan {
    /// The application's name.
    pub name: String,
    /// The consumer group.
    pub group: String,
    /// Workers of the group; each is a thread with a consumer.
    pub workers: u16,
    /// The application's own settings, each with its default filled in.
    pub options: BTreeMap<String, f64>,
}

/// The bound on what the embedded broker holds, in bytes.
pub const EMBEDDED_MEMORY_LIMIT_BYTES: u64 = 2 << 30;

/// What is measured, and the limits on waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasurePlan {
    /// The width of a window in the time series, in milliseconds.
    pub interval_ms: u64,
    /// How long the groups may take until each has seen a probe on each partition.
    pub ready_timeout_ms: u64,
    /// How long the groups may take to read what is left after the last event.
    pub drain_timeout_ms: u64,
    /// How long events may wait without any being acknowledged until the run ends early.
    #[serde(default = "ack_timeout_ms")]
    pub ack_timeout_ms: u64,
}

/// Until the run ends early, where a scenario does not say.
pub(super) fn ack_timeout_ms() -> u64 {
    30_000
}
