//! Looking at a cluster before the load, making the run's topic, and taking it away again.

use super::setup;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::metadata::{Metadata, MetadataPartition, MetadataTopic};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use super::client_log::{ClientLog, Reporter, hush};
use super::source::patiently;
use super::{address, strangers, topic, topic_id, version};
use crate::base::error::{Error, Result};
use crate::client::facts::{BrokerVersion, Brokers, TopicFacts};
use crate::client::stranger::Stranger;
use crate::plan::TopicPlan;

/// Longest wait for one administrative answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for where a partition ends: a run that is over waits for it.
const ENDS: Duration = Duration::from_secs(3);

/// How long a probe may take; where partitions are few, the next one is sent long before.
const PROBE_TIMEOUT_MS: &str = "20000";

/// How often a new topic's metadata is asked for.
const RETRY: Duration = Duration::from_millis(20);

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
    /// Whether connections are not encrypted.
    plain: bool,
    /// Whether they have no protection at all.
    unsecured: bool,
    client: AdminClient<Reporter>,
    prober: BaseProducer<Reporter>,
    log: ClientLog,
}

impl Admin {
    /// Connects with the connection properties among `properties` (of a producer).
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property.
    pub fn new(bootstrap: &str, properties: &BTreeMap<String, String>) -> Result<Self> {
        Self::with_log(bootstrap, properties, &ClientLog::default())
    }

    /// The same; what the clients say of themselves goes into `log`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_log(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        log: &ClientLog,
    ) -> Result<Self> {
        let refuse = |error: KafkaError| setup::refused("producer", &error);
        let connection: BTreeMap<String, String> = properties
            .iter()
            .filter(|(key, _)| is_connection(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let mut config = setup::sender_config(bootstrap, &connection);
        config.set("message.timeout.ms", PROBE_TIMEOUT_MS);
        let (client, prober) = (log.reporter("the client"), log.reporter("the probe"));
        let client: AdminClient<Reporter> = config.create_with_context(client).map_err(refuse)?;
        let prober: BaseProducer<Reporter> = config.create_with_context(prober).map_err(refuse)?;
        hush(client.inner());
        hush(prober.client());
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            plain: properties
                .get("security.protocol")
                .is_none_or(|protocol| !protocol.to_ascii_lowercase().contains("ssl")),
            unsecured: properties
                .get("security.protocol")
                .is_none_or(|protocol| protocol.eq_ignore_ascii_case("plaintext")),
            client,
            prober,
            log: log.clone(),
        })
    }

    /// The brokers that the cluster advertises.
    ///
    /// # Errors
    /// [`Error::Broker`] when nobody answers within `wait`, and when no broker can be reached
    /// where the cluster says that it is.
    pub fn brokers(&self, wait: Duration) -> Result<Brokers> {
        let began = Instant::now();
        // By the prober: its log can be served, that of a client for administration can't.
        let metadata = self
            .prober
            .client()
            .fetch_metadata(None, wait)
            .map_err(|error| self.silence(began.elapsed(), &error.to_string()))?;
        let mut brokers: Vec<_> = metadata
            .brokers()
            .iter()
            .map(|broker| {
                (broker.id(), format!("{}@{}:{}", broker.id(), broker.host(), broker.port()))
            })
            .collect();
        brokers.sort();
        let advertised: Vec<String> = brokers.into_iter().map(|(_, text)| text).collect();
        check_reachable(&self.bootstrap, &version::unreachable(&advertised), advertised.len())?;
        let cluster_id = self.client.inner().fetch_cluster_id(wait);
        Ok(Brokers { advertised, cluster_id })
    }

    /// What to say where nobody answered for so long: with what is there, if no Kafka is, and with
    /// the client's own words.
    fn silence(&self, waited: Duration, error: &str) -> Error {
        self.prober.poll(Duration::ZERO);
        let found = if self.unsecured { address::look(&self.bootstrap) } else { None };
        let words = found.or_else(|| self.log.why()).unwrap_or_else(|| error.to_owned());
        Error::Broker(format!(
            "no Kafka broker answers at {}, for {:.1} s ({words})",
            self.bootstrap,
            waited.as_secs_f64(),
        ))
    }

    /// Whether any broker answers within `wait`.
    pub fn answers(&self, topic: &str, wait: Duration) -> bool {
        self.prober.poll(Duration::ZERO);
        self.prober.client().fetch_metadata(Some(topic), wait).is_ok()
    }

    /// Makes the topic; one that is there already and may be used again is left as it is, which
    /// needs no right to make topics. An event may take `record_bytes_max`, if that is known.
    ///
    /// # Errors
    /// [`Error::Broker`] with the broker's words when it refuses, and when a topic of another
    /// shape is there.
    pub fn make_topic(
        &self,
        name: &str,
        plan: &TopicPlan,
        record_bytes_max: Option<u64>,
    ) -> Result<TopicFacts> {
        if !(plan.reuse && self.has_topic(name)?) {
            self.create(name, plan)?;
        }
        let facts = self.topic(name)?;
        topic::check(&facts, plan, record_bytes_max)?;
        Ok(facts)
    }

    /// Whether the topic is there, asked in a way that can't make it.
    fn has_topic(&self, name: &str) -> Result<bool> {
        let metadata = self.prober.client().fetch_metadata(None, TIMEOUT);
        let metadata = metadata.map_err(|error| refused(name, &error.to_string()))?;
        Ok(metadata.topics().iter().any(|topic| topic.name() == name))
    }

    fn create(&self, name: &str, plan: &TopicPlan) -> Result<()> {
        let retention = plan.retention_ms.to_string();
        let mut topic =
            NewTopic::new(name, plan.partitions, TopicReplication::Fixed(plan.replication_factor))
                .set("retention.ms", &retention);
        for (key, value) in &plan.configs {
            topic = topic.set(key, value);
        }
        let answer = wait_for(self.client.create_topics(&[topic], &options()))?;
        match answer.map_err(|error| refused(name, &error.to_string()))?.first() {
            // Somebody else was faster.
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) if plan.reuse => Ok(()),
            // The client hands on the code only, so what was asked for stands beside it.
            Some(Err((_, code))) => {
                Err(refused(name, &format!("{code}; asked for {}", topic::asked(plan))))
            }
            _ => Ok(()),
        }
    }

    /// Describes a topic, waiting until every partition has a leader.
    fn topic(&self, name: &str) -> Result<TopicFacts> {
        let since = Instant::now();
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
        let id = self.topic_id(name).ok().flatten();
        let name = name.to_owned();
        Ok(TopicFacts { name, id, partitions, leaders, starts, replicas, configs })
    }

    /// The cluster's own number for a topic; `None` where it has none.
    ///
    /// # Errors
    /// What librdkafka says where the topic is not there, or nobody answers.
    pub fn topic_id(&self, name: &str) -> Result<Option<String>, RDKafkaErrorCode> {
        topic_id::ask(self.client.inner(), name, ENDS)
    }

    /// The members of a group that are none of `log`'s clients, each with the partitions of the
    /// topic that it has; none where nobody answers.
    pub fn strangers(&self, group: &str, topic: &str) -> Vec<Stranger> {
        let found = self.prober.client().fetch_group_list(Some(group), ENDS);
        found.map_or_else(|_| Vec::new(), |list| strangers::of(&list, topic, &self.log))
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
    pub fn probe(
        &self,
        topic: &str,
        partition: i32,
        header: Option<(&str, &[u8])>,
        payload: &[u8],
    ) -> Result<()> {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(payload);
        if let Some((key, value)) = header {
            let value = Some(value);
            record = record.headers(OwnedHeaders::new().insert(Header { key, value }));
        }
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

/// Refuses a cluster none of whose `count` brokers can be reached at the address that it
/// advertises: clients get as far as the bootstrap address and no further.
fn check_reachable(bootstrap: &str, unreachable: &[String], count: usize) -> Result<()> {
    if count == 0 || unreachable.len() < count {
        return Ok(());
    }
    Err(Error::Broker(format!(
        "{bootstrap} answers, and says that the brokers are where none can be reached from here: \
         {}; expected advertised.listeners that name addresses of this network",
        unreachable.join(", ")
    )))
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
