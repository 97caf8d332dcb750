//! A Kafka or an embedded broker, by librdkafka.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdkafka::types::RDKafkaErrorCode;

use super::topic_log::KafkaTopicLog;
use super::{Admin, ClientLog, KafkaSink, KafkaSource, STATISTICS_MS, distances, skip_to_end};
use crate::base::clock::Clock;
use crate::base::error::Result;
use crate::client::applied::AppliedProperties;
use crate::client::embedded::CLUSTER_ID_PREFIX;
use crate::client::facts::{
    BrokerInfo, BrokerKind, Brokers, ClientProperties, Distance, TopicFacts,
};
use crate::client::library::Endpoint;
use crate::client::stranger::Stranger;
use crate::client::target::{GroupWatch, Target};
use crate::client::topic_reader::TopicReader;
use crate::event::codec::StampPlace;
use crate::plan::{AppPlan, KafkaPlan, Plan, TopicPlan};
use crate::workers::consume::Source;
use crate::workers::produce::{Receiver, Sink};

/// Longest wait for the first answer of a cluster.
const CONNECT: Duration = Duration::from_secs(8);

/// Most partitions of a topic whose consumers tell of quotas: in the same breath they tell of every
/// partition.
const TOLD_PARTITIONS: i32 = 1_000;

/// Brokers at an address.
#[allow(missing_debug_implementations, reason = "holds clients")]
pub(super) struct KafkaTarget {
    /// Kafka or the embedded broker.
    kind: BrokerKind,
    /// As given by the user, or the embedded broker's address.
    bootstrap: String,
    /// The topic's name in this run.
    topic: String,
    kafka: KafkaPlan,
    reads_only: bool,
    /// For set-up and probes; whoever only reads has none before it asks for something.
    admin: OnceLock<Arc<Admin>>,
    /// What the clients say of themselves.
    log: ClientLog,
    /// What the clients made so far really run with; one of each kind.
    clients: AppliedProperties,
}

impl KafkaTarget {
    /// Connects to a cluster.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Usage`] when librdkafka refuses a property.
    pub(super) fn connect(endpoint: &Endpoint<'_>) -> Result<Self> {
        let &Endpoint { kind, bootstrap, topic, kafka, reads_only } = endpoint;
        let target = Self {
            kind,
            bootstrap: bootstrap.to_owned(),
            topic: topic.to_owned(),
            kafka: kafka.clone(),
            reads_only,
            admin: OnceLock::new(),
            log: ClientLog::default(),
            clients: AppliedProperties::default(),
        };
        if !reads_only {
            target.admin()?;
        }
        Ok(target)
    }

    fn admin(&self) -> Result<&Arc<Admin>> {
        if let Some(admin) = self.admin.get() {
            return Ok(admin);
        }
        let KafkaPlan { producer, consumer, .. } = &self.kafka;
        let connection = if self.reads_only { consumer } else { producer };
        let admin = Admin::with_log(&self.bootstrap, connection, &self.log)?;
        Ok(self.admin.get_or_init(|| Arc::new(admin)))
    }
}

impl Target for KafkaTarget {
    fn brokers(&self, wait: Duration) -> Result<Brokers> {
        self.admin()?.brokers(wait)
    }

    fn make_topic(&self, plan: &TopicPlan, record_bytes_max: Option<u64>) -> Result<TopicFacts> {
        self.admin()?.make_topic(&self.topic, plan, record_bytes_max)
    }

    fn delete_topic(&self) -> Result<()> {
        self.admin()?.delete_topic(&self.topic)
    }

    fn prepare(&self, plan: &Plan, check: &dyn Fn(usize) -> Result<()>) -> Result<BrokerInfo> {
        let Brokers { advertised, cluster_id } = self.brokers(CONNECT)?;
        check(advertised.len())?;
        // How large recorded events are, only the recording can say.
        let most = plan.load.replay.is_none().then(|| plan.event.record_bytes_max());
        let mut topic = self.make_topic(&plan.topic, most)?;
        if plan.topic.reuse {
            topic.starts = self.admin()?.ends(&topic.name, topic.partitions)?;
            for app in &plan.apps {
                skip_to_end(&self.bootstrap, &self.kafka.consumer, &topic, &app.group)?;
            }
        }
        // Also where somebody runs `kbench broker` and names it.
        let is_ours = |id: &String| id.starts_with(CLUSTER_ID_PREFIX);
        let embedded = cluster_id.as_ref().is_some_and(is_ours);
        Ok(BrokerInfo {
            kind: if embedded { BrokerKind::Embedded } else { self.kind },
            bootstrap_servers: self.bootstrap.clone(),
            versions: self.admin()?.versions(&advertised),
            advertised,
            cluster_id: cluster_id.filter(|id| !is_ours(id)),
            topic,
            leaders_after: Vec::new(),
        })
    }

    fn sink(
        &self,
        plan: &Plan,
        clock: &Arc<dyn Clock>,
        receiver: Arc<dyn Receiver>,
    ) -> Result<Box<dyn Sink>> {
        let (properties, clock) = (&self.kafka.producer, clock.clone());
        let (bootstrap, topic) = (&self.bootstrap, (self.topic.as_str(), plan.event.codec()));
        let sink = KafkaSink::new(bootstrap, properties, topic, clock, receiver, &self.log)?;
        self.clients.note(sink.applied().clone());
        Ok(Box::new(sink))
    }

    fn source(&self, plan: &Plan, app: &AppPlan) -> Result<Box<dyn Source>> {
        let (properties, who) = (&self.kafka.consumer, (&self.log, app.name.as_str()));
        let stamp_place = plan.event.codec().stamp_place();
        let (bootstrap, topic) = (&self.bootstrap, (self.topic.as_str(), stamp_place));
        let is_told = plan.topic.partitions <= TOLD_PARTITIONS && !self.reads_only;
        let ms = if is_told { STATISTICS_MS } else { 0 };
        let source =
            KafkaSource::with_statistics(bootstrap, properties, topic, &app.group, who, ms)?;
        self.clients
            .note(ClientProperties { client: app.name.clone(), ..source.applied().clone() });
        Ok(Box::new(source))
    }

    fn clients(&self) -> Vec<ClientProperties> {
        self.clients.all()
    }

    fn reader(&self, other: Option<&str>, stamp_place: StampPlace) -> Result<TopicReader> {
        let topic = other.unwrap_or(&self.topic);
        let properties = &self.kafka.consumer;
        let log = KafkaTopicLog::open(&self.bootstrap, properties, topic, stamp_place)?;
        Ok(TopicReader::new(topic, Box::new(log)))
    }

    fn leaders(&self) -> Vec<i32> {
        self.admin().map_or_else(|_| Vec::new(), |admin| admin.leaders(&self.topic))
    }

    fn ends(&self, partitions: usize) -> Result<Vec<i64>> {
        self.admin()?.ends(&self.topic, partitions)
    }

    fn probe(
        &self,
        partition: usize,
        header: Option<(&'static str, &[u8])>,
        payload: &[u8],
    ) -> Result<()> {
        let partition = i32::try_from(partition).unwrap_or(-1);
        self.admin()?.probe(&self.topic, partition, header, payload)
    }

    fn distances(&self, leaders: &[i32]) -> Result<Vec<Distance>> {
        distances(&self.bootstrap, &self.kafka.producer, &self.topic, leaders)
    }

    fn own_topic(&self, plan: &Plan) -> Option<(&str, &str)> {
        let is_own = self.kind == BrokerKind::Kafka && !plan.topic.reuse;
        is_own.then_some((self.topic.as_str(), self.bootstrap.as_str()))
    }

    fn answers(&self, wait: Duration) -> bool {
        self.admin().is_ok_and(|admin| admin.answers(&self.topic, wait))
    }

    fn why(&self) -> Option<String> {
        self.log.why()
    }

    fn refusal(&self) -> Option<String> {
        self.log.refusal().map(|words| format!("the broker refuses {words}"))
    }

    fn group_watch(&self) -> Option<Arc<dyn GroupWatch>> {
        let (admin, topic) = (self.admin().ok()?.clone(), self.topic.clone());
        Some(Arc::new(KafkaGroupWatch { admin, topic }))
    }

    fn topic_fault(&self, facts: &TopicFacts) -> Option<String> {
        let (topic, before) = (&self.topic, facts.id.as_deref()?);
        match self.admin().ok()?.topic_id(topic) {
            Ok(Some(now)) if now != before => Some(format!(
                "topic {topic} was deleted and made anew during the run: its id was {before} and \
                 is {now}; what was in the old one is lost"
            )),
            Err(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownTopicId,
            ) => Some(format!("topic {topic} was deleted during the run")),
            _ => None,
        }
    }
}

struct KafkaGroupWatch {
    admin: Arc<Admin>,
    topic: String,
}

impl GroupWatch for KafkaGroupWatch {
    fn strangers(&self, group: &str) -> Vec<Stranger> {
        self.admin.strangers(group, &self.topic)
    }
}
