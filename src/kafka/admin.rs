//! Looking at a cluster before the load, making the run's topic, and taking it away again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::KafkaError;
use rdkafka::metadata::{Metadata, MetadataPartition, MetadataTopic};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use super::source::patiently;
use super::version::{self, BrokerVersion};
use crate::error::{Error, Result};
use crate::plan::TopicPlan;

/// Longest wait for one administrative answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for where a partition ends: a run that is over waits for it.
const ENDS: Duration = Duration::from_secs(3);

/// How often a new topic's metadata is asked for.
const RETRY: Duration = Duration::from_millis(20);

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

/// Settings of a topic that decide what a figure means, and are told though they be defaults.
const DECISIVE: [&str; 8] = [
    "cleanup.policy",
    "compression.type",
    "flush.messages",
    "max.message.bytes",
    "message.timestamp.type",
    "min.insync.replicas",
    "segment.bytes",
    "unclean.leader.election.enable",
];

/// A client for administration; it also sends the probes.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct Admin {
    bootstrap: String,
    /// Whether connections are neither encrypted nor secret.
    plain: bool,
    client: AdminClient<Quiet>,
    prober: BaseProducer<Quiet>,
    quiet: Quiet,
}

/// Says nothing: every error comes back to the caller. Why a connection failed only the log
/// tells, so the last such line is kept.
#[derive(Clone, Default)]
struct Quiet {
    failure: Arc<Mutex<String>>,
}

impl Quiet {
    /// Why the last connection failed, in librdkafka's words; empty if none did.
    fn failure(&self) -> String {
        let line = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        // What stands before names librdkafka's own thread.
        line.split_once("]: ").map_or(line.as_str(), |(_, words)| words).to_owned()
    }
}

impl ClientContext for Quiet {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, facility: &str, line: &str) {
        if facility == "FAIL" {
            line.clone_into(&mut self.failure.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
    fn error(&self, _: KafkaError, _: &str) {}
}

impl rdkafka::producer::ProducerContext for Quiet {
    type DeliveryOpaque = ();
    fn delivery(&self, _: &rdkafka::producer::DeliveryResult<'_>, (): ()) {}
}

impl Admin {
    /// Connects with the connection properties among `properties` (of a producer).
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property.
    pub fn new(bootstrap: &str, properties: &BTreeMap<String, String>) -> Result<Self> {
        let refuse = |error: KafkaError| super::refused("producer", &error);
        let connection: BTreeMap<String, String> = properties
            .iter()
            .filter(|(key, _)| is_connection(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let config = super::config(bootstrap, &connection);
        let quiet = Quiet::default();
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            plain: properties
                .get("security.protocol")
                .is_none_or(|protocol| !protocol.to_ascii_lowercase().contains("ssl")),
            client: config.create_with_context(Quiet::default()).map_err(refuse)?,
            prober: config.create_with_context(quiet.clone()).map_err(refuse)?,
            quiet,
        })
    }

    /// The brokers that the cluster advertises.
    ///
    /// # Errors
    /// [`Error::Broker`] when nobody answers within `wait`.
    pub fn brokers(&self, wait: Duration) -> Result<Brokers> {
        // By the prober: its log can be served, that of a client for administration can't.
        let metadata = self.prober.client().fetch_metadata(None, wait).map_err(|error| {
            self.prober.poll(Duration::ZERO);
            let (failure, error) = (self.quiet.failure(), error.to_string());
            Error::Broker(format!(
                "no Kafka broker answers at {} within {} s ({})",
                self.bootstrap,
                wait.as_secs(),
                if failure.is_empty() { error } else { failure }
            ))
        })?;
        let mut brokers: Vec<_> = metadata
            .brokers()
            .iter()
            .map(|broker| {
                (broker.id(), format!("{}@{}:{}", broker.id(), broker.host(), broker.port()))
            })
            .collect();
        brokers.sort();
        let cluster_id = self.client.inner().fetch_cluster_id(wait);
        let advertised = brokers.into_iter().map(|(_, text)| text).collect();
        Ok(Brokers { advertised, cluster_id })
    }

    /// Makes the topic; fine when it is there already and may be used again.
    ///
    /// # Errors
    /// [`Error::Broker`] with the broker's words when it refuses, and when a topic of another
    /// shape is there.
    pub fn make_topic(&self, name: &str, plan: &TopicPlan) -> Result<TopicFacts> {
        let retention = plan.retention_ms.to_string();
        let mut topic =
            NewTopic::new(name, plan.partitions, TopicReplication::Fixed(plan.replication_factor))
                .set("retention.ms", &retention);
        for (key, value) in &plan.configs {
            topic = topic.set(key, value);
        }
        let answer = wait_for(self.client.create_topics(&[topic], &options()))?;
        match answer.map_err(|error| refused(name, &error.to_string()))?.first() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) if plan.reuse => {}
            // The client hands on the code only, so what was asked for stands beside it.
            Some(Err((_, code))) => {
                return Err(refused(name, &format!("{code}; asked for {}", asked(plan))));
            }
            _ => {}
        }
        let facts = self.topic(name)?;
        if facts.partitions != usize::try_from(plan.partitions).unwrap_or(0) {
            return Err(Error::Broker(format!(
                "topic {name} has {} partitions, the scenario wants {}",
                facts.partitions, plan.partitions
            )));
        }
        if facts.configs.get("message.timestamp.type").is_some_and(|kind| kind == "LogAppendTime")
            && !plan.configs.contains_key("message.timestamp.type")
        {
            return Err(Error::Broker(format!(
                "topic {name} has message.timestamp.type=LogAppendTime, the scenario CreateTime"
            )));
        }
        Ok(facts)
    }

    /// Describes a topic, waiting until every partition has a leader.
    fn topic(&self, name: &str) -> Result<TopicFacts> {
        let since = std::time::Instant::now();
        let (leaders, replicas) = loop {
            let metadata = self
                .client
                .inner()
                .fetch_metadata(Some(name), TIMEOUT)
                .map_err(|error| refused(name, &error.to_string()))?;
            let leaders = leaders_of(&metadata, name);
            if !leaders.is_empty() && leaders.iter().all(|&leader| leader >= 0) {
                let topics = metadata.topics().iter().filter(|topic| topic.name() == name);
                let partitions = topics.flat_map(MetadataTopic::partitions);
                break (leaders, partitions.map(|found| found.replicas().len()).collect());
            }
            if since.elapsed() > TIMEOUT {
                return Err(refused(name, "its partitions have no leader"));
            }
            std::thread::sleep(RETRY);
        };
        let configs = self.configs(name)?;
        let (partitions, starts) = (leaders.len(), vec![0; leaders.len()]);
        let name = name.to_owned();
        Ok(TopicFacts { name, partitions, leaders, starts, replicas, configs })
    }

    /// The leader of each partition; none where nobody answers.
    pub fn leaders(&self, name: &str) -> Vec<i32> {
        let metadata = self.prober.client().fetch_metadata(Some(name), ENDS);
        metadata.map_or_else(|_| Vec::new(), |metadata| leaders_of(&metadata, name))
    }

    /// Each broker's version, as far as it tells.
    pub fn versions(&self, advertised: &[String]) -> Vec<BrokerVersion> {
        let mut versions = version::of(advertised, self.plain);
        for version in versions.iter_mut().filter(|version| version.release.is_none()) {
            let id = version.broker.split('@').next().and_then(|id| id.parse().ok());
            let found = id.and_then(|id| self.protocol_version(id));
            version.release = found.as_ref().map(|text| format!("Kafka {text} or later"));
            version.protocol_version = found;
        }
        versions
    }

    /// `inter.broker.protocol.version`, which Kafka had up to 3.x.
    fn protocol_version(&self, broker: i32) -> Option<String> {
        let wanted = [ResourceSpecifier::Broker(broker)];
        let answer =
            wait_for(self.client.describe_configs(wanted.iter(), &options())).ok()?.ok()?;
        let mut entries = answer.into_iter().flatten().flat_map(|resource| resource.entries);
        entries.find(|entry| entry.name == "inter.broker.protocol.version")?.value
    }

    fn configs(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let wanted = [ResourceSpecifier::Topic(name)];
        let answer = wait_for(self.client.describe_configs(wanted.iter(), &options()))?;
        let resources = answer.map_err(|error| refused(name, &error.to_string()))?;
        Ok(resources
            .into_iter()
            .filter_map(std::result::Result::ok)
            .flat_map(|resource| resource.entries)
            .filter(|entry| !entry.is_default || DECISIVE.contains(&entry.name.as_str()))
            .filter_map(|entry| entry.value.map(|value| (entry.name, value)))
            .collect())
    }

    /// Where each partition ends now.
    ///
    /// # Errors
    /// [`Error::Broker`] when a leader does not answer in time.
    pub fn ends(&self, name: &str, partitions: usize) -> Result<Vec<i64>> {
        (0..i32::try_from(partitions).unwrap_or(i32::MAX))
            .map(|partition| {
                let watermarks = || self.prober.client().fetch_watermarks(name, partition, ENDS);
                patiently(watermarks)
                    .map(|(_, end)| end)
                    .map_err(|error| refused(name, &error.to_string()))
            })
            .collect()
    }

    /// Takes the topic away.
    ///
    /// # Errors
    /// [`Error::Broker`] with the broker's words.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        let answer = wait_for(self.client.delete_topics(&[name], &options()))?;
        match answer.map_err(|error| refused(name, &error.to_string()))?.first() {
            Some(Err((_, code))) => Err(refused(name, &code.to_string())),
            _ => Ok(()),
        }
    }

    /// Sends one record to one partition, without waiting for it to arrive.
    ///
    /// # Errors
    /// [`Error::Broker`] when the client does not take it.
    pub fn probe(&self, topic: &str, partition: i32, payload: &[u8]) -> Result<()> {
        let record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(payload);
        self.prober.send(record).map_err(|(error, _)| {
            Error::Broker(format!("the probe of partition {partition} was refused: {error}"))
        })?;
        self.prober.poll(Duration::ZERO);
        Ok(())
    }
}

/// The leader of each partition of a topic, as far as it has any.
fn leaders_of(metadata: &Metadata, name: &str) -> Vec<i32> {
    let topics = metadata.topics().iter();
    topics
        .filter(|topic| topic.name() == name && topic.error().is_none())
        .flat_map(|topic| topic.partitions().iter().map(MetadataPartition::leader))
        .collect()
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT))
}

/// What the topic was to be, in words.
fn asked(plan: &TopicPlan) -> String {
    let mut words = format!(
        "partitions={} replication_factor={} retention.ms={}",
        plan.partitions, plan.replication_factor, plan.retention_ms
    );
    for (key, value) in &plan.configs {
        words.push_str(&format!(" {key}={value}"));
    }
    words
}

fn refused(name: &str, words: &str) -> Error {
    Error::Broker(format!("topic {name}: {words}"))
}

/// Properties that say how to reach and enter the cluster, for clients that do nothing else.
fn is_connection(key: &str) -> bool {
    ["security.", "sasl.", "ssl.", "enable.ssl.", "socket.", "broker.", "client.", "reconnect."]
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

/// The administrative calls are futures; the run's set-up is the one place that awaits them.
fn wait_for<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| Error::io("starting a runtime for the administration", error))?;
    Ok(runtime.block_on(future))
}
