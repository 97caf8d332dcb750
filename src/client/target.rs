//! Where a run takes place: a Kafka (or the embedded broker), or the loopback.

pub(crate) mod trouble;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::embedded::CLUSTER_ID_PREFIX;
use super::facts::{BrokerInfo, BrokerKind, Brokers, ClientProperties, TopicFacts};
use super::librdkafka::{
    Admin, ClientLog, KafkaSink, KafkaSource, Recording, STATISTICS_MS, ScanUntil, scan,
    skip_to_end,
};
use super::loopback;
use crate::apps::App;
use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use crate::plan::{AppPlan, Plan};
use crate::workers::consume::Source;
use crate::workers::produce::{Receiver, Sink};

/// Longest wait for the first answer of a cluster.
const CONNECT: Duration = Duration::from_secs(8);

/// Most partitions of a topic whose consumers tell of quotas: in the same breath they tell of every
/// partition.
const TOLD_PARTITIONS: i32 = 1_000;

/// Longest wait for a sign of life before the topic is taken away.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Where a run takes place.
#[allow(missing_debug_implementations, reason = "holds clients")]
pub enum Target {
    /// By librdkafka, at an address.
    Kafka {
        /// Kafka or the embedded broker.
        kind: BrokerKind,
        /// As given by the user, or the embedded broker's address.
        bootstrap: String,
        /// The topic's name in this run.
        topic: String,
        /// For set-up and probes.
        admin: Arc<Admin>,
        /// What the clients say of themselves.
        log: ClientLog,
        /// What the clients made so far really run with; one of each kind.
        clients: Mutex<Vec<ClientProperties>>,
    },
    /// Within this process.
    Loopback(loopback::Cluster),
}

impl Target {
    /// Connects to a cluster; `topic` is the topic's name in this run.
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property.
    pub fn kafka(kind: BrokerKind, bootstrap: &str, topic: &str, plan: &Plan) -> Result<Self> {
        let log = ClientLog::default();
        let admin = Arc::new(Admin::with_log(bootstrap, &plan.kafka.producer, &log)?);
        let (bootstrap, topic) = (bootstrap.to_owned(), topic.to_owned());
        Ok(Self::Kafka { kind, bootstrap, topic, admin, log, clients: Mutex::default() })
    }

    /// Looks who is there, and makes the topic; before that `check` is asked about the number of
    /// brokers.
    ///
    /// # Errors
    /// [`Error::Broker`] when nobody answers, or the topic can't be had; and whatever `check` says.
    pub fn prepare(&self, plan: &Plan, check: &dyn Fn(usize) -> Result<()>) -> Result<BrokerInfo> {
        match self {
            Self::Kafka { kind, bootstrap, topic, admin, .. } => {
                let Brokers { advertised, cluster_id } = admin.brokers(CONNECT)?;
                check(advertised.len())?;
                // How large recorded events are, only the recording can say.
                let most = plan.load.replay.is_none().then(|| plan.event.record_bytes_max());
                let mut topic = admin.make_topic(topic, &plan.topic, most)?;
                if plan.topic.reuse {
                    topic.starts = admin.ends(&topic.name, topic.partitions)?;
                    for app in &plan.apps {
                        skip_to_end(bootstrap, &plan.kafka.consumer, &topic, &app.group)?;
                    }
                }
                let bootstrap_servers = bootstrap.clone();
                // Also where somebody runs `kbench broker` and names it.
                let is_ours = |id: &String| id.starts_with(CLUSTER_ID_PREFIX);
                let embedded = cluster_id.as_ref().is_some_and(is_ours);
                let cluster_id = cluster_id.filter(|id| !is_ours(id));
                let kind = if embedded { BrokerKind::Embedded } else { *kind };
                let versions = admin.versions(&advertised);
                let leaders_after = Vec::new();
                Ok(BrokerInfo {
                    kind,
                    bootstrap_servers,
                    advertised,
                    cluster_id,
                    topic,
                    versions,
                    leaders_after,
                })
            }
            Self::Loopback(cluster) => {
                for app in &plan.apps {
                    cluster.expect_group(&app.group);
                }
                let partitions = usize::try_from(plan.topic.partitions).unwrap_or(0);
                Ok(BrokerInfo {
                    kind: BrokerKind::Loopback,
                    bootstrap_servers: "loopback".to_owned(),
                    advertised: Vec::new(),
                    cluster_id: None,
                    topic: TopicFacts {
                        name: plan.topic.name.clone(),
                        id: None,
                        partitions,
                        leaders: Vec::new(),
                        starts: vec![0; partitions],
                        replicas: Vec::new(),
                        configs: plan.topic.configs.clone(),
                    },
                    versions: Vec::new(),
                    leaders_after: Vec::new(),
                })
            }
        }
    }

    /// A producer whose receipts go to `receiver`.
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property.
    pub fn sink(
        &self,
        plan: &Plan,
        clock: &Arc<dyn Clock>,
        receiver: Arc<dyn Receiver>,
    ) -> Result<Box<dyn Sink>> {
        Ok(match self {
            Self::Kafka { bootstrap, topic, log, .. } => {
                let properties = &plan.kafka.producer;
                let clock = clock.clone();
                let sink = KafkaSink::new(bootstrap, properties, topic, clock, receiver, log)?;
                self.note(sink.applied().clone());
                Box::new(sink)
            }
            Self::Loopback(cluster) => cluster.sink(receiver),
        })
    }

    /// A new member of an application's group.
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property.
    pub fn source(&self, plan: &Plan, app: &AppPlan) -> Result<Box<dyn Source>> {
        Ok(match self {
            Self::Kafka { bootstrap, topic, log, .. } => {
                let (properties, who) = (&plan.kafka.consumer, (log, app.name.as_str()));
                let is_told = plan.topic.partitions <= TOLD_PARTITIONS;
                let ms = if is_told { STATISTICS_MS } else { 0 };
                let group = &app.group;
                let source =
                    KafkaSource::with_statistics(bootstrap, properties, topic, group, who, ms)?;
                self.note(ClientProperties {
                    client: app.name.clone(),
                    ..source.applied().clone()
                });
                Box::new(source)
            }
            Self::Loopback(cluster) => cluster.source(&app.group),
        })
    }

    fn note(&self, applied: ClientProperties) {
        if let Self::Kafka { clients, .. } = self {
            let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
            if clients.iter().all(|known| known.client != applied.client) {
                clients.push(applied);
            }
        }
    }

    /// What the clients made so far really run with: the producers, and each application's
    /// consumers.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientProperties> {
        match self {
            Self::Kafka { clients, .. } => {
                clients.lock().unwrap_or_else(PoisonError::into_inner).clone()
            }
            Self::Loopback(_) => Vec::new(),
        }
    }

    /// A recorded topic, as far as it goes now. `go_on` is asked now and then.
    ///
    /// # Errors
    /// [`Error::Broker`] when there is no such recording, [`Error::Usage`] on the loopback.
    pub fn recording(
        &self,
        plan: &Plan,
        topic: &str,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Recording> {
        match self {
            Self::Kafka { bootstrap, .. } => {
                Recording::open(bootstrap, &plan.kafka.consumer, topic, go_on)
            }
            Self::Loopback(_) => Err(Error::usage("the loopback has no topic to replay")),
        }
    }

    /// Reads the run's part of the topic once more, and gives each record's value to `each`.
    /// Returns why something was not read, if so.
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property, [`Error::Broker`] when nobody answers.
    pub fn scan(
        &self,
        plan: &Plan,
        starts: &[i64],
        until: &ScanUntil<'_>,
        each: &mut dyn FnMut(Option<&[u8]>),
    ) -> Result<Option<String>> {
        match self {
            Self::Kafka { bootstrap, topic, .. } => {
                scan(bootstrap, &plan.kafka.consumer, topic, starts, until, each)
            }
            Self::Loopback(cluster) => Ok(cluster.scan(each)),
        }
    }

    /// The leader of each partition now; none where nobody answers.
    #[must_use]
    pub fn leaders(&self) -> Vec<i32> {
        match self {
            Self::Kafka { topic, admin, .. } => admin.leaders(topic),
            Self::Loopback(_) => Vec::new(),
        }
    }

    /// Where each partition ends now.
    ///
    /// # Errors
    /// [`Error::Broker`] when a leader does not answer in time.
    pub fn ends(&self, partitions: usize) -> Result<Option<Vec<i64>>> {
        match self {
            Self::Kafka { topic, admin, .. } => admin.ends(topic, partitions).map(Some),
            Self::Loopback(cluster) => Ok(Some(cluster.ends())),
        }
    }

    /// An application's state for one partition; on the loopback it works for as long as planted.
    pub(crate) fn at_work(&self, app: &AppPlan, state: Box<dyn App>) -> Box<dyn App> {
        match self {
            Self::Kafka { .. } => state,
            Self::Loopback(cluster) => cluster.at_work(&app.group, state),
        }
    }

    /// Sends a probe to one partition.
    ///
    /// # Errors
    /// [`Error::Broker`] when the client refuses it.
    pub fn probe(&self, partition: usize, payload: &[u8]) -> Result<()> {
        match self {
            Self::Kafka { topic, admin, .. } => {
                admin.probe(topic, i32::try_from(partition).unwrap_or(-1), payload)
            }
            Self::Loopback(cluster) => {
                cluster.probe(partition, payload);
                Ok(())
            }
        }
    }

    /// The topic that the run has made for itself and will take away, and at which brokers.
    #[must_use]
    pub fn own_topic(&self, plan: &Plan) -> Option<(&str, &str)> {
        match self {
            Self::Kafka { kind: BrokerKind::Kafka, topic, bootstrap, .. } if !plan.topic.reuse => {
                Some((topic, bootstrap))
            }
            _ => None,
        }
    }

    /// Takes the run's topic away, unless it is to be used again.
    ///
    /// # Errors
    /// [`Error::Broker`] with the broker's words.
    pub fn clean_up(&self, plan: &Plan) -> Result<()> {
        match self {
            Self::Kafka { topic, admin, .. } if self.own_topic(plan).is_some() => {
                // Nobody waits for the long time-out of a deletion where nobody is there.
                if !admin.answers(topic, LAST_WORD) {
                    return Err(Error::Broker("no broker answers".to_owned()));
                }
                admin.delete_topic(topic)
            }
            _ => Ok(()),
        }
    }
}
