//! Who leads what: brokers, and the leaders of one topic's partitions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::answer::Answer;
use super::backoff::Backoff;
use crate::base::message_shape::{Field, INTS, TEXT, fixed, list};

/// The first version of Metadata with variable-length integers.
const FLEXIBLE: i16 = 9;

/// The shape of an answer.
const SHAPE: &[Field] = &[
    fixed(4).since(3),
    list(&[fixed(4), TEXT, fixed(4), TEXT.since(1)]),
    TEXT.since(2),
    fixed(4).since(1),
    list(&[
        fixed(2),
        TEXT,
        fixed(16).since(10),
        fixed(1).since(1),
        list(&[fixed(2), fixed(4), fixed(4), fixed(4).since(7), INTS, INTS, INTS.since(5)]),
        fixed(4).since(8),
    ]),
    fixed(4).since(8).until(10),
];

/// Where a broker says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokerAddress {
    /// Its host.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
}

/// Who leads a partition, and since which election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leader {
    /// The broker; `None` while there is none.
    pub(crate) broker: Option<i32>,
    /// Rises with each election; -1 where a broker does not say it.
    pub(crate) epoch: i32,
}

/// What is known of the cluster and of one topic, and when to ask again.
#[derive(Debug)]
pub(crate) struct ClusterView {
    topic: String,
    brokers: BTreeMap<i32, BrokerAddress>,
    leaders: Vec<Leader>,
    topic_id: Uuid,
    /// What the last answer said of the topic.
    fault: Option<ResponseError>,
    age_max: Duration,
    backoff: Backoff,
    /// When to ask; `None` while an answer is awaited.
    ask_at: Option<Instant>,
    /// The earliest time for a question that somebody wants.
    not_before: Instant,
    /// Whether what is known is not enough, or wrong.
    is_wanted: bool,
}

impl ClusterView {
    /// Nothing is known; it is to be asked at once, and then every `age_max`.
    pub(crate) fn new(topic: &str, age_max: Duration, backoff: Backoff) -> Self {
        let now = Instant::now();
        Self {
            topic: topic.to_owned(),
            brokers: BTreeMap::new(),
            leaders: Vec::new(),
            topic_id: Uuid::nil(),
            fault: None,
            age_max,
            backoff,
            ask_at: Some(now),
            not_before: now,
            is_wanted: true,
        }
    }

    /// The request: for this topic alone, which is never made by asking.
    pub(super) fn request(&self) -> MetadataRequest {
        let name = TopicName(StrBytes::from_string(self.topic.clone()));
        MetadataRequest::default()
            .with_topics(Some(vec![MetadataRequestTopic::default().with_name(Some(name))]))
            .with_allow_auto_topic_creation(false)
    }

    /// Reads an answer to [`Self::request`].
    ///
    /// # Errors
    /// What was answered, where it can't be read.
    pub(super) fn read(answer: &Answer) -> Result<MetadataResponse, String> {
        answer.decode(FLEXIBLE, SHAPE)
    }

    /// Whether it is time to ask.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.ask_at.is_some_and(|at| at <= now)
    }

    /// When it is time to ask; `None` while an answer is awaited.
    pub(super) fn next(&self) -> Option<Instant> {
        self.ask_at
    }

    /// Notes that it was asked.
    pub(super) fn asked(&mut self) {
        self.ask_at = None;
    }

    /// What is known is wrong, or not enough: it is to be asked as soon as the back-off allows.
    pub(crate) fn refresh(&mut self) {
        self.is_wanted = true;
        if let Some(at) = &mut self.ask_at {
            *at = (*at).min(self.not_before);
        }
    }

    /// A broker can be asked: at once, if somebody waits for that.
    pub(super) fn reachable(&mut self, now: Instant) {
        if self.is_wanted
            && let Some(at) = &mut self.ask_at
        {
            *at = now;
        }
    }

    /// No answer came, or none of use: it is asked again after a while.
    pub(super) fn retry(&mut self, now: Instant) {
        self.is_wanted = true;
        self.not_before = now + self.backoff.next();
        self.ask_at = Some(self.not_before);
    }

    /// Takes an answer in.
    pub(super) fn take(&mut self, response: &MetadataResponse, now: Instant) {
        let address = |port: i32| u16::try_from(port).ok();
        self.brokers = response
            .brokers
            .iter()
            .filter_map(|broker| {
                let host = broker.host.to_string();
                Some((broker.node_id.0, BrokerAddress { host, port: address(broker.port)? }))
            })
            .collect();
        let named = |name: &Option<TopicName>| {
            name.as_ref().is_some_and(|name| name.as_str() == self.topic)
        };
        let topic = response.topics.iter().find(|topic| named(&topic.name));
        let Some(topic) = topic else {
            self.fault = Some(ResponseError::UnknownTopicOrPartition);
            return self.retry(now);
        };
        self.fault = ResponseError::try_from_code(topic.error_code);
        if self.fault.is_some() {
            return self.retry(now);
        }
        if topic.topic_id != self.topic_id {
            // Another topic of this name: its elections are others.
            self.leaders.clear();
            self.topic_id = topic.topic_id;
        }
        let mut is_led = true;
        for partition in &topic.partitions {
            let Ok(index) = usize::try_from(partition.partition_index) else { continue };
            // Partitions are numbered without a gap: a number beyond their count is none.
            if index >= topic.partitions.len() {
                continue;
            }
            if self.leaders.len() <= index {
                self.leaders.resize(index + 1, Leader { broker: None, epoch: -1 });
            }
            let broker = Some(partition.leader_id.0).filter(|id| self.brokers.contains_key(id));
            is_led &= broker.is_some();
            let known = &mut self.leaders[index];
            // A broker that is behind may still name the leader before (KIP-320).
            if partition.leader_epoch < 0 || partition.leader_epoch >= known.epoch {
                *known = Leader { broker, epoch: partition.leader_epoch };
            }
        }
        if is_led {
            self.backoff.reset();
            self.not_before = now + self.backoff.next();
            self.backoff.reset();
            self.ask_at = Some(now + self.age_max);
            self.is_wanted = false;
        } else {
            self.retry(now);
        }
    }

    /// Where the brokers are, by id.
    pub(crate) fn brokers(&self) -> &BTreeMap<i32, BrokerAddress> {
        &self.brokers
    }

    /// Who leads each partition; empty before the first answer.
    pub(crate) fn leaders(&self) -> &[Leader] {
        &self.leaders
    }

    /// The topic's number; nil where the cluster has none.
    pub(crate) fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    /// What the last answer said against the topic.
    pub(crate) fn fault(&self) -> Option<ResponseError> {
        self.fault
    }
}

#[cfg(test)]
mod tests;
