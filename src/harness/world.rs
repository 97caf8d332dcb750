//! Where a run takes place: a Kafka (or the embedded broker), or the loopback.

use std::sync::Arc;
use std::time::Duration;

use crate::broker::CLUSTER_ID_PREFIX;
use crate::clock::Clock;
use crate::consume::Source;
use crate::error::{Error, Result};
use crate::kafka::{Admin, Brokers, KafkaSink, KafkaSource, Recording, TopicFacts, skip_to_end};
use crate::loopback;
use crate::plan::{AppPlan, Plan};
use crate::produce::{Receiver, Sink};

/// Longest wait for the first answer of a cluster.
const CONNECT: Duration = Duration::from_secs(8);

/// What kind of broker a run was against. Figures of different kinds are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A broker that speaks the protocol, named by the user.
    Kafka,
    /// kbench's own in-memory broker.
    Embedded,
    /// No broker at all.
    Loopback,
}

/// Where a run takes place.
#[allow(missing_debug_implementations, reason = "holds clients")]
pub enum World {
    /// By librdkafka, at an address.
    Kafka {
        /// Kafka or the embedded broker.
        kind: Kind,
        /// As given by the user, or the embedded broker's address.
        bootstrap: String,
        /// The topic's name in this run.
        topic: String,
        /// For set-up and probes.
        admin: Admin,
    },
    /// Within this process.
    Loopback(loopback::Cluster),
}

/// What was found out about the world before the load.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WorldFacts {
    /// What kind of broker it is.
    pub kind: Kind,
    /// The address that the clients were given.
    pub bootstrap_servers: String,
    /// Where the brokers say that they are.
    pub advertised: Vec<String>,
    /// The topic as read back.
    pub topic: TopicFacts,
}

impl World {
    /// Connects to a cluster; `topic` is the topic's name in this run.
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property.
    pub fn kafka(kind: Kind, bootstrap: &str, topic: &str, plan: &Plan) -> Result<Self> {
        let admin = Admin::new(bootstrap, &plan.kafka.producer)?;
        Ok(Self::Kafka { kind, bootstrap: bootstrap.to_owned(), topic: topic.to_owned(), admin })
    }

    /// Looks who is there, and makes the topic.
    ///
    /// # Errors
    /// [`Error::Broker`] when nobody answers, or the topic can't be had.
    pub fn prepare(&self, plan: &Plan) -> Result<WorldFacts> {
        match self {
            Self::Kafka { kind, bootstrap, topic, admin } => {
                let Brokers { advertised, cluster_id } = admin.brokers(CONNECT)?;
                let topic = admin.make_topic(topic, &plan.topic)?;
                if plan.topic.reuse {
                    for app in &plan.apps {
                        skip_to_end(bootstrap, &plan.kafka.consumer, &topic, &app.group)?;
                    }
                }
                let bootstrap_servers = bootstrap.clone();
                // Also where somebody runs `kbench broker` and names it.
                let embedded = cluster_id.is_some_and(|id| id.starts_with(CLUSTER_ID_PREFIX));
                let kind = if embedded { Kind::Embedded } else { *kind };
                Ok(WorldFacts { kind, bootstrap_servers, advertised, topic })
            }
            Self::Loopback(cluster) => {
                for app in &plan.apps {
                    cluster.expect_group(&app.group);
                }
                let partitions = usize::try_from(plan.topic.partitions).unwrap_or(0);
                Ok(WorldFacts {
                    kind: Kind::Loopback,
                    bootstrap_servers: "loopback".to_owned(),
                    advertised: Vec::new(),
                    topic: TopicFacts {
                        name: plan.topic.name.clone(),
                        partitions,
                        leaders: Vec::new(),
                        configs: plan.topic.configs.clone(),
                    },
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
            Self::Kafka { bootstrap, topic, .. } => Box::new(KafkaSink::new(
                bootstrap,
                &plan.kafka.producer,
                topic,
                clock.clone(),
                receiver,
            )?),
            Self::Loopback(cluster) => cluster.sink(receiver),
        })
    }

    /// A new member of an application's group.
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property.
    pub fn source(&self, plan: &Plan, app: &AppPlan) -> Result<Box<dyn Source>> {
        Ok(match self {
            Self::Kafka { bootstrap, topic, .. } => {
                Box::new(KafkaSource::new(bootstrap, &plan.kafka.consumer, topic, &app.group)?)
            }
            Self::Loopback(cluster) => cluster.source(&app.group),
        })
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

    /// Takes the run's topic away, unless it is to be used again.
    ///
    /// # Errors
    /// [`Error::Broker`] with the broker's words.
    pub fn clean_up(&self, plan: &Plan) -> Result<()> {
        match self {
            Self::Kafka { kind: Kind::Kafka, topic, admin, .. } if !plan.topic.reuse => {
                admin.delete_topic(topic)
            }
            _ => Ok(()),
        }
    }
}
