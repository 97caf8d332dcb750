//! What a run is against, as it was found.

use std::collections::{BTreeMap, BTreeSet};

/// What kind of broker a run was against. Figures of different kinds are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BrokerKind {
    /// A broker that speaks the protocol, named by the user.
    Kafka,
    /// kbench's own in-memory broker.
    Embedded,
    /// No broker at all.
    Loopback,
}

impl BrokerKind {
    /// Whether there is a broker at all.
    #[must_use]
    pub fn has_broker(self) -> bool {
        self != Self::Loopback
    }
}

/// What the metadata advertises: where the load will really go.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Brokers {
    /// `id@host:port` of each broker, in the order of ids.
    pub advertised: Vec<String>,
    /// The cluster's own name for itself, where it says one.
    pub cluster_id: Option<String>,
}

/// The topic as the broker describes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TopicFacts {
    /// The topic's name.
    pub name: String,
    /// The cluster's own number for it, which a topic made anew does not share; `None` where the
    /// cluster has none.
    #[serde(default)]
    pub id: Option<String>,
    /// Number of partitions.
    pub partitions: usize,
    /// The leader of each partition.
    pub leaders: Vec<i32>,
    /// The offset of each partition at which the run begins: 0 in a topic of its own.
    #[serde(default)]
    pub starts: Vec<i64>,
    /// How many copies each partition has.
    #[serde(default)]
    pub replicas: Vec<usize>,
    /// Its settings as read back: those that somebody has set, for the topic or for the broker,
    /// and of the defaults those that decide how records are kept and acknowledged.
    pub configs: BTreeMap<String, String>,
}

/// What one broker says of its version.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BrokerVersion {
    /// `id@host:port`.
    pub broker: String,
    /// In words: `Kafka 4.3`, by the features that it supports; `None` where it does not say.
    pub release: Option<String>,
    /// The highest level of `metadata.version` that it supports.
    pub metadata_version_max: Option<i16>,
    /// The level of `metadata.version` that the cluster has finalized: what it really uses.
    pub metadata_version: Option<i16>,
    /// `inter.broker.protocol.version`, which Kafka had up to 3.x.
    pub protocol_version: Option<String>,
    /// Why nothing is known, where nothing is.
    pub unknown: Option<String>,
}

/// The properties of one client, as read back from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClientProperties {
    /// `producer`, or the application whose consumer it is.
    pub client: String,
    /// What the plan sets, and whatever else is not librdkafka's default. Secrets are masked.
    pub properties: BTreeMap<String, String>,
}

/// One broker, seen from here.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Distance {
    /// Its id.
    pub broker: i32,
    /// From handing a small record to the client until its receipt (`acks=1`, no linger), in
    /// microseconds, rising.
    pub round_trips_us: Vec<i64>,
    /// Between which values its wall clock less ours lies, in microseconds; `None` where it does
    /// not stamp records with its own time.
    pub clock_ahead_us: Option<(i64, i64)>,
}

/// What was found out about the world before the load.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BrokerInfo {
    /// What kind of broker it is.
    pub kind: BrokerKind,
    /// The address that the clients were given.
    pub bootstrap_servers: String,
    /// Where the brokers say that they are.
    pub advertised: Vec<String>,
    /// The cluster's own name for itself, where it is a Kafka that says one. The embedded broker
    /// makes up a new one each time.
    #[serde(default)]
    pub cluster_id: Option<String>,
    /// The topic as read back.
    pub topic: TopicFacts,
    /// Each broker's version, as far as it tells; in the order of ids.
    #[serde(default)]
    pub versions: Vec<BrokerVersion>,
    /// The leader of each partition after the run; empty where nobody answered.
    #[serde(default)]
    pub leaders_after: Vec<i32>,
}

impl BrokerInfo {
    /// Where the run takes place, in words.
    #[must_use]
    pub fn introduction(&self) -> String {
        let mut text = format!("topic {}, {} partitions", self.topic.name, self.topic.partitions);
        if !self.advertised.is_empty() {
            text.push_str(&format!(
                " at {} (advertised: {})",
                self.bootstrap_servers,
                self.advertised.join(", ")
            ));
        }
        if let Some(release) = self.release() {
            text.push_str(&format!(", {release}"));
        }
        text
    }

    /// What a run was against, in words that can't be mistaken.
    #[must_use]
    pub fn words(&self) -> String {
        match self.kind {
            BrokerKind::Kafka => format!("Kafka at {}", self.bootstrap_servers),
            BrokerKind::Embedded => {
                "the embedded in-memory broker (not comparable with a Kafka)".to_owned()
            }
            BrokerKind::Loopback => "the loopback, without a broker".to_owned(),
        }
    }

    /// The partitions whose leader is another one after the run, in words.
    #[must_use]
    pub fn moved(&self) -> Vec<String> {
        let both = self.topic.leaders.iter().zip(&self.leaders_after);
        (0..)
            .zip(both)
            .filter(|(_, (before, after))| before != after)
            .map(|(partition, (before, after)): (usize, _)| {
                format!("partition {partition} from broker {before} to {after}")
            })
            .collect()
    }

    /// The versions of the brokers, each once, as far as they tell.
    #[must_use]
    pub fn releases(&self) -> Vec<String> {
        let told = self.versions.iter().filter_map(|version| version.release.as_deref());
        let each: BTreeSet<&str> = told.collect();
        each.into_iter().map(str::to_owned).collect()
    }

    /// The brokers' version in words, where they tell one.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        self.versions.iter().find_map(|version| version.release.as_deref())
    }
}
