//! What a run will do: a scenario after every check, with nothing left open.
//!
//! After this step no `Option` means "default", and no later layer asks whether a key was set.

mod apps;
pub mod axes;
mod crowd;
mod curve;
pub mod event;
pub mod fraud;
pub(crate) mod kafka;
mod load;
pub mod metric;
mod phase;
mod population;
mod replay;
pub(crate) mod resolve;
pub mod scenario;
pub mod sweep;
pub mod threshold;
pub mod toml;
mod topic;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

pub(crate) use kafka::property::canonical;
pub use kafka::property::is_secret;
pub use population::{Hurry, PopulationPlan};
pub use replay::is_topic_name;

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

/// When events are due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// Shards of the schedule; each is a producer with a thread of its own.
    pub producers: u16,
    /// How events spread within the rate.
    pub arrivals: Arrivals,
    /// The warm-up first (if it lasts at all), then the scenario's phases. Empty for a replay
    /// until the recording was looked at.
    pub phases: Vec<PhasePlan>,
    /// A recorded topic is sent instead of what the population does.
    pub replay: Option<ReplayPlan>,
}

/// A recorded topic as the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayPlan {
    /// The topic, on the brokers of the run.
    pub topic: String,
    /// 1 keeps the recorded gaps, 2 halves them.
    pub speed: f64,
    /// How long the warm-up lasts, on the run's clock.
    pub warmup_ns: u64,
}

impl LoadPlan {
    /// How long the warm-up lasts, in nanoseconds: events due later are measured.
    #[must_use]
    pub fn warmup_ns(&self) -> u64 {
        self.phases.iter().take_while(|phase| phase.warmup).map(PhasePlan::duration_ns).sum()
    }

    /// How long the whole schedule lasts, in nanoseconds.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.phases.iter().map(PhasePlan::duration_ns).sum()
    }
}

/// How events spread within the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly.
    Uniform,
    /// At random, as independent users would.
    Poisson,
}

/// One named part of the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhasePlan {
    /// Shown in progress and result.
    pub name: String,
    /// Events of this phase are sent and accounted for, but in no latency figure.
    pub warmup: bool,
    /// The pieces of the rate's curve, one after the other.
    pub segments: Vec<Segment>,
    /// A few users send a share of the phase's events.
    pub hot: Option<HotPlan>,
    /// A share of the phase's events is about one product.
    pub sale: Option<SalePlan>,
}

/// Hot keys: a few users who send much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HotPlan {
    /// So many users: those with the lowest numbers, who do nothing in other phases.
    pub users: u64,
    /// The share of the phase's events that is theirs, above 0 and at most 1.
    pub share: f64,
}

/// A flash sale: everybody wants the same product.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SalePlan {
    /// The product, counted from 0 (`PROD-001`).
    pub product: u32,
    /// The share of the phase's events whose page or properties are about it, above 0 and at
    /// most 1; the nearest that the mix allows.
    pub share: f64,
}

impl PhasePlan {
    /// How long the phase lasts, in nanoseconds.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration_ns).sum()
    }

    /// Its least and its greatest rate, in events per second: a spike's ends alone would hide it.
    #[must_use]
    pub fn rates_per_s(&self) -> (f64, f64) {
        let ends = |segment: &Segment| match segment.shape {
            Shape::Linear { from_per_s, to_per_s } => [from_per_s, to_per_s],
            Shape::Sine { mean_per_s, amplitude_per_s, .. } => {
                [mean_per_s - amplitude_per_s, mean_per_s + amplitude_per_s]
            }
        };
        let rates = self.segments.iter().flat_map(ends);
        rates.fold((f64::INFINITY, 0.0), |(least, most), rate| (rate.min(least), rate.max(most)))
    }
}

/// One piece of the rate's curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// How long it lasts; whole microseconds.
    pub duration_ns: u64,
    /// How the rate goes meanwhile.
    pub shape: Shape,
}

/// How a rate (events per second, over all shards) goes within a segment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A straight line; constant where both ends are equal.
    Linear {
        /// At the start.
        from_per_s: f64,
        /// At the end.
        to_per_s: f64,
    },
    /// `mean + amplitude * sin(2 pi t / period)`, t from the segment's start.
    Sine {
        /// The middle.
        mean_per_s: f64,
        /// At most the mean.
        amplitude_per_s: f64,
        /// One swing, in nanoseconds.
        period_ns: u64,
    },
}

/// How large an event is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventPlan {
    /// `None`: as large as its fields make it.
    pub padding: Option<PaddingPlan>,
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

/// What the plan needs to know of an application to check a scenario against it.
///
/// The applications themselves stand in a lower layer; each exports one of these.
#[derive(Debug, Clone, Copy)]
pub struct AppSchema {
    /// The name in `[apps.NAME]` and on the command line.
    pub name: &'static str,
    /// The environment variable that names the group.
    pub group_env: &'static str,
    /// The group when that is not set.
    pub default_group: &'static str,
    /// What `[apps.NAME]` may set besides `workers` and `group`.
    pub options: &'static [AppOption],
}

/// One setting of an application.
#[derive(Debug, Clone, Copy)]
pub struct AppOption {
    /// The key of the resolved value; its unit stands last in the name. In the scenario a
    /// duration's `_ms` is left out, because its text has a unit: `window = "60s"`.
    pub key: &'static str,
    /// What it does, for the error and the docs.
    pub help: &'static str,
    /// How it is written in the scenario.
    pub kind: OptionKind,
    /// Used when the key is not there; in the unit of the resolved value.
    pub default: f64,
    /// Least and greatest legal value.
    pub range: (f64, f64),
}

/// How a setting is written in the scenario, and the unit it resolves to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A number.
    Number,
    /// A duration with a unit, such as `"5m"`; resolves to milliseconds.
    Duration,
}

/// How the clients are set up.
///
/// Serialized or printed for debugging, it shows `***` for passwords and keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaPlan {
    /// `None`: nobody named a broker, so the embedded one is started.
    pub bootstrap_servers: Option<String>,
    /// librdkafka properties of every producer.
    #[serde(serialize_with = "serialize_masked")]
    pub producer: BTreeMap<String, String>,
    /// librdkafka properties of every consumer.
    #[serde(serialize_with = "serialize_masked")]
    pub consumer: BTreeMap<String, String>,
}

impl KafkaPlan {
    /// Whether the broker confirms what it has written: with `acks=0` it does not.
    #[must_use]
    pub fn confirms(&self) -> bool {
        self.producer.get("acks").is_none_or(|acks| acks != "0")
    }
}

impl fmt::Debug for KafkaPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaPlan")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("producer", &masked(&self.producer))
            .field("consumer", &masked(&self.consumer))
            .finish()
    }
}

/// Properties as they may be shown and saved: the values of secrets are `***`.
#[must_use]
pub fn masked(properties: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let shown = |(key, value)| {
        let (key, value): (&String, &String) = (key, value);
        (key.as_str(), if is_secret(key) { "***" } else { value.as_str() })
    };
    properties.iter().map(shown).collect()
}

fn serialize_masked<S: Serializer>(
    properties: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    masked(properties).serialize(serializer)
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
fn ack_timeout_ms() -> u64 {
    30_000
}
