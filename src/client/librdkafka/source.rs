//! The consumer: offsets are stored after processing, so that a rebalance loses nothing.

use super::setup;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::client_log::{ClientLog, Reporter, hush};
use super::effective_config;
use super::headers::header;
use super::throttle::Heard;
use crate::base::error::{Error, Result};
use crate::client::facts::{ClientProperties, TopicFacts};
use crate::event::Arrival;
use crate::event::codec::StampPlace;
use crate::measure::latency::Throttles;
use crate::workers::consume::{Membership, Source};

/// Longest wait for where a partition ends.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// How soon it is asked for again.
const AGAIN: Duration = Duration::from_millis(50);

/// One member of a group, reading one topic.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct KafkaSource {
    consumer: BaseConsumer<StoredOffsets>,
    stamp_place: StampPlace,
    applied: ClientProperties,
}

impl KafkaSource {
    /// Subscribes to a topic, whose events have their stamps in that place, as a member of `group`;
    /// joining happens while polling. What the client says of itself goes into `log`, under the
    /// name `who`.
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property, or runs with another value.
    pub fn new(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        topic: (&str, StampPlace),
        group: &str,
        who: (&ClientLog, &str),
    ) -> Result<Self> {
        Self::with_statistics(bootstrap, properties, topic, group, who, 0)
    }

    /// The same with statistics every so many ms, out of which it hears of quotas; none for 0. They
    /// tell of every partition, and cost the more the more there are.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_statistics(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        (topic, stamp_place): (&str, StampPlace),
        group: &str,
        (log, who): (&ClientLog, &str),
        statistics_ms: u32,
    ) -> Result<Self> {
        let consumer: BaseConsumer<StoredOffsets> = setup::config(bootstrap, properties)
            .set("statistics.interval.ms", statistics_ms.to_string())
            .set("group.id", group)
            // The wrapper's drop polls and throws messages away: with automatic storing their
            // offsets would be committed too.
            .set("enable.auto.offset.store", "false")
            .create_with_context(StoredOffsets::new(topic, log.reporter(who)))
            .map_err(|error| setup::refused("consumer", &error))?;
        hush(consumer.client());
        consumer
            .subscribe(&[topic])
            .map_err(|error| Error::usage(format!("subscribing to {topic}: {error}")))?;
        let applied =
            effective_config::read(consumer.client().native_ptr(), "consumer", properties)?;
        Ok(Self { consumer, stamp_place, applied })
    }

    /// What it really runs with.
    #[must_use]
    pub fn applied(&self) -> &ClientProperties {
        &self.applied
    }
}

/// Commits the end of every partition of `topic` for `group`, so that a run on a topic that is
/// used again reads its own records and none of those that were there before.
///
/// # Errors
/// [`Error::Broker`] with the broker's words; also when the group has members that are alive.
pub fn skip_to_end(
    bootstrap: &str,
    properties: &BTreeMap<String, String>,
    topic: &TopicFacts,
    group: &str,
) -> Result<()> {
    let refused = |error: KafkaError| {
        Error::Broker(format!("group {group} can't start at the end of {}: {error}", topic.name))
    };
    let consumer: BaseConsumer<StoredOffsets> = setup::config(bootstrap, properties)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create_with_context(StoredOffsets::new(&topic.name, ClientLog::default().reporter(group)))
        .map_err(|error| setup::refused("consumer", &error))?;
    hush(consumer.client());
    let mut ends = TopicPartitionList::new();
    for partition in 0..i32::try_from(topic.partitions).unwrap_or(i32::MAX) {
        let watermarks = || consumer.fetch_watermarks(&topic.name, partition, ANSWER);
        let (_, end) = patiently(watermarks).map_err(refused)?;
        ends.add_partition_offset(&topic.name, partition, Offset::Offset(end)).map_err(refused)?;
    }
    patiently(|| consumer.commit(&ends, CommitMode::Sync)).map_err(refused)
}

/// Asks again while leaders and coordinators are still being found: a topic or a group that was
/// made a moment ago has none for some tens of milliseconds.
pub(super) fn patiently<T>(ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    let began = Instant::now();
    loop {
        match ask() {
            Err(error) if is_settling(&error) && began.elapsed() < ANSWER => {
                std::thread::sleep(AGAIN);
            }
            answer => return answer,
        }
    }
}

/// Whether the cluster is still finding out who is responsible.
fn is_settling(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::WaitingForCoordinator
        )
    )
}

impl Source for KafkaSource {
    fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize> {
        let member = self.consumer.context();
        let mut count = 0;
        let mut wait = wait;
        while count < max {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let (key, payload) = (message.key(), message.payload());
                    let at_us = message.timestamp().to_millis().map(|ms| ms.saturating_mul(1_000));
                    let header = header(&message, self.stamp_place);
                    each(&Arrival { partition, offset, key, header, payload, at_us });
                    member.processed(partition, offset + 1);
                    count += 1;
                    wait = Duration::ZERO;
                }
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    return Err(Error::Broker(format!("the consumer failed for good: {code}")));
                }
                // librdkafka goes on by itself after every other error; what it costs shows as
                // latency, and what it loses as missing.
                Some(Err(_)) | None => break,
            }
        }
        member.store(&self.consumer);
        if count == 0 && self.assigned().is_none() {
            // Also one that waits for its first assignment is known by its name.
            member.reporter.member(self.consumer.client());
        }
        Ok(count)
    }

    fn commit(&mut self) -> Result<()> {
        self.consumer.context().store(&self.consumer);
        match self.consumer.commit_consumer_state(CommitMode::Sync) {
            Ok(()) => Ok(()),
            // All that was processed is committed already, or nothing was.
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::NoOffset) => Ok(()),
            Err(error) => Err(Error::Broker(format!("committing what was read: {error}"))),
        }
    }

    fn throttles(&self, now_ns: u64) -> Option<Throttles> {
        let is_heard = self.applied.properties.contains_key("statistics.interval.ms");
        is_heard.then(|| self.consumer.context().heard.throttles(now_ns))
    }

    fn membership(&self) -> &Membership {
        &self.consumer.context().membership
    }
}

/// The processed but not yet stored offsets, shared with the rebalance callback, which runs
/// within `poll`: between two records of one batch.
struct StoredOffsets {
    topic: String,
    pending: Mutex<Vec<i64>>,
    membership: Membership,
    heard: Heard,
    reporter: Reporter,
}

impl StoredOffsets {
    fn new(topic: &str, reporter: Reporter) -> Self {
        Self {
            topic: topic.to_owned(),
            pending: Mutex::default(),
            membership: Membership::default(),
            heard: Heard::default(),
            reporter,
        }
    }

    fn processed(&self, partition: i32, next: i64) {
        let partition = usize::try_from(partition).unwrap_or(0);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() <= partition {
            pending.resize(partition + 1, -1);
        }
        pending[partition] = next;
    }

    /// Stores what was processed: once a batch, since storing takes a lock in librdkafka.
    fn store<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for (partition, next) in pending.iter_mut().enumerate() {
            if *next >= 0 {
                let partition = i32::try_from(partition).unwrap_or(i32::MAX);
                // It fails only for a partition that was just taken away; then its records
                // come again to somebody else, who knows them.
                let _ = consumer.store_offset(&self.topic, partition, *next - 1);
                *next = -1;
            }
        }
    }
}

impl ClientContext for StoredOffsets {
    fn stats_raw(&self, text: &[u8]) {
        self.heard.listen(text);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.reporter.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.reporter.error(&error, reason);
    }
}

/// Nothing here may ask the client's own thread for anything once a change has been made: when a
/// member closes, giving up its last partitions ends its part in the group, and whatever is asked
/// behind it is never answered.
impl ConsumerContext for StoredOffsets {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            // The client waits for the answer to this one, so it has not closed.
            Rebalance::Assign(_) => self.reporter.member(consumer.client()),
            Rebalance::Revoke(_) => self.store(consumer),
            Rebalance::Error(_) => {}
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // Whole lists and changes alike: a whole list is taken away before the next one comes.
        match rebalance {
            Rebalance::Assign(list) => self.membership.gained(list.count()),
            Rebalance::Revoke(list) => self.membership.lost(list.count()),
            // The wrapper has unassigned all.
            Rebalance::Error(_) => self.membership.lost(usize::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(partitions: i32) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition_range("clicks", 0, partitions - 1);
        list
    }

    fn source() -> KafkaSource {
        let properties = BTreeMap::new();
        let log = ClientLog::default();
        KafkaSource::new(
            "127.0.0.1:1",
            &properties,
            ("clicks", StampPlace::Payload),
            "g",
            (&log, "a consumer"),
        )
        .unwrap()
    }

    #[test]
    fn what_is_assigned_follows_whole_lists_and_changes() {
        let source = source();
        let told = |rebalance: &Rebalance<'_>| {
            source.consumer.context().post_rebalance(&source.consumer, rebalance);
            source.assigned()
        };
        assert_eq!(source.assigned(), None);
        assert_eq!(told(&Rebalance::Revoke(&list(0))), Some(0), "it has none, and knows it");
        assert_eq!(told(&Rebalance::Assign(&list(3))), Some(3));
        assert_eq!(told(&Rebalance::Assign(&list(2))), Some(5), "a change only adds");
        assert_eq!(told(&Rebalance::Revoke(&list(1))), Some(4));
        assert_eq!(told(&Rebalance::Revoke(&list(4))), Some(0));
        assert_eq!(told(&Rebalance::Assign(&list(6))), Some(6));
        let failed = KafkaError::Rebalance(RDKafkaErrorCode::AssignmentLost);
        assert_eq!(told(&Rebalance::Error(failed)), Some(0), "the wrapper unassigns all");
    }
}
