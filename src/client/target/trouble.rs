//! Why something does not work: what the clients say, who else is in our groups, whether the topic
//! is still the one that was made.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::types::RDKafkaErrorCode;

use super::Target;
use crate::client::facts::TopicFacts;
use crate::client::librdkafka::Admin;
use crate::client::stranger::Stranger;
use crate::plan::Plan;

/// Looks for members of our groups that are not ours; for a thread of its own, since it waits.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub(crate) struct GroupWatch {
    admin: Arc<Admin>,
    topic: String,
}

impl GroupWatch {
    /// The members of a group that are not this run's.
    pub(crate) fn strangers(&self, group: &str) -> Vec<Stranger> {
        self.admin.strangers(group, &self.topic)
    }
}

impl Target {
    /// The newest of what the clients complain about, in one line.
    pub(crate) fn why(&self) -> Option<String> {
        match self {
            Self::Kafka { log, .. } => log.why(),
            Self::Loopback(_) => None,
        }
    }

    /// What the brokers refuse for good, in one line.
    pub(crate) fn refusal(&self) -> Option<String> {
        match self {
            Self::Kafka { log, .. } => log.refusal(),
            Self::Loopback(_) => None,
        }
    }

    /// Whether any broker answers within `wait`.
    pub(crate) fn answers(&self, wait: Duration) -> bool {
        match self {
            Self::Kafka { admin, topic, .. } => admin.answers(topic, wait),
            Self::Loopback(_) => true,
        }
    }

    /// For looking at the groups.
    pub(crate) fn group_watch(&self) -> Option<GroupWatch> {
        match self {
            Self::Kafka { admin, topic, .. } => {
                Some(GroupWatch { admin: admin.clone(), topic: topic.clone() })
            }
            Self::Loopback(_) => None,
        }
    }

    /// The members of the plan's groups that are not this run's, a line each.
    pub(crate) fn strangers(&self, plan: &Plan) -> Vec<String> {
        let Some(watch) = self.group_watch() else { return Vec::new() };
        let of = |group: &String| {
            let strangers = watch.strangers(group);
            strangers
                .into_iter()
                .map(|stranger| format!("group {group} has {stranger}"))
                .collect::<Vec<_>>()
        };
        plan.apps.iter().flat_map(|app| of(&app.group)).collect()
    }

    /// Why the topic is not the one that the run began with, if so: it was deleted, and perhaps
    /// made anew. `facts` are those from before the load. A broker that does not answer says
    /// nothing here.
    pub(crate) fn topic_fault(&self, facts: &TopicFacts) -> Option<String> {
        let Self::Kafka { admin, topic, .. } = self else { return None };
        let before = facts.id.as_deref()?;
        match admin.topic_id(topic) {
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
