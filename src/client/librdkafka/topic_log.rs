//! The records of a topic, by librdkafka: by assignment, and without a trace in any group.

use super::setup;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use super::client_log::hush;
use super::headers::header;
use super::source::{ANSWER, patiently};
use crate::base::error::{Error, Result};
use crate::client::topic_reader::{LogStep, TopicLog};
use crate::event::codec::StampPlace;
use crate::workers::produce::RecordRef;

/// What the client fetches ahead for all partitions together, in KiB.
const FETCH_AHEAD_KIB: usize = 64 << 10;

/// How long the log must stand still before its end is believed: a broker that was away may still
/// have requests before it that their sender has given up.
const QUIET: Duration = Duration::from_secs(1);

/// One topic, read by a client that belongs to no group.
pub(super) struct KafkaTopicLog {
    bootstrap: String,
    properties: BTreeMap<String, String>,
    topic: String,
    stamp_place: StampPlace,
    consumer: Arc<BaseConsumer<Quiet>>,
    /// Where partitions are read apart: each with its own queue, so that reading it fetches
    /// nothing of the others.
    lanes: Vec<PartitionCursor>,
    /// Partitions that shall not be fetched.
    stopped: TopicPartitionList,
}

/// One partition.
struct PartitionCursor {
    partition: i32,
    queue: PartitionQueue<Quiet>,
    /// What came before the queue was its own.
    early: VecDeque<OwnedMessage>,
}

struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}

impl KafkaTopicLog {
    /// With the properties of the run's consumers; nothing is read yet.
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property.
    pub(super) fn open(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        topic: &str,
        stamp_place: StampPlace,
    ) -> Result<Self> {
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            properties: properties.clone(),
            topic: topic.to_owned(),
            stamp_place,
            consumer: Arc::new(consumer(bootstrap, properties, None)?),
            lanes: Vec::new(),
            stopped: TopicPartitionList::new(),
        })
    }

    fn assign(&self, starts: &[(i32, i64)]) -> Result<()> {
        let refused =
            |error: KafkaError| Error::Broker(format!("reading topic {}: {error}", self.topic));
        let mut list = TopicPartitionList::new();
        for &(partition, offset) in starts {
            let offset = Offset::Offset(offset);
            list.add_partition_offset(&self.topic, partition, offset).map_err(refused)?;
        }
        self.consumer.assign(&list).map_err(refused)
    }

    /// Gives each partition that is assigned a queue of its own.
    fn split(&mut self, starts: &[(i32, i64)]) -> Result<()> {
        let topic = &self.topic;
        for &(partition, _) in starts {
            let queue = self.consumer.split_partition_queue(topic, partition).ok_or_else(|| {
                Error::Broker(format!("topic {topic}: partition {partition} can't be read"))
            })?;
            self.lanes.push(PartitionCursor { partition, queue, early: VecDeque::new() });
        }
        while let Some(message) = self.consumer.poll(Duration::ZERO) {
            let Ok(message) = message else { continue };
            let of_it = |lane: &&mut PartitionCursor| lane.partition == message.partition();
            if let Some(lane) = self.lanes.iter_mut().find(of_it) {
                lane.early.push_back(message.detach());
            }
        }
        Ok(())
    }
}

impl TopicLog for KafkaTopicLog {
    fn spans(&self) -> Result<Vec<(i64, i64)>> {
        let topic = self.topic.as_str();
        let refused =
            |words: String| Error::Broker(format!("topic {topic} can't be replayed: {words}"));
        let metadata = self.consumer.fetch_metadata(Some(topic), ANSWER);
        let metadata = metadata.map_err(|error| refused(error.to_string()))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = match found.map(|found| (found.error(), found.partitions().len())) {
            Some((None, partitions)) if partitions > 0 => partitions,
            Some((Some(code), _)) => return Err(refused(RDKafkaErrorCode::from(code).to_string())),
            _ => return Err(refused("it is not there".to_owned())),
        };
        (0..i32::try_from(partitions).unwrap_or(i32::MAX))
            .map(|partition| patiently(|| self.consumer.fetch_watermarks(topic, partition, ANSWER)))
            .collect::<Result<_, _>>()
            .map_err(|error| refused(error.to_string()))
    }

    fn span(&self, partition: i32, wait: Duration) -> Result<Result<(i64, i64), String>> {
        match self.consumer.fetch_watermarks(&self.topic, partition, wait) {
            Ok(span) => Ok(Ok(span)),
            Err(error) => check(&self.topic, &error).map(|()| Err(error.to_string())),
        }
    }

    fn offsets_at(&self, partitions: usize, at_ms: i64) -> Result<Vec<Option<i64>>> {
        let topic = self.topic.as_str();
        let refused =
            |error: KafkaError| Error::Broker(format!("topic {topic}: looking up a time: {error}"));
        let mut list = TopicPartitionList::new();
        for partition in (0..).take(partitions) {
            let wanted = Offset::Offset(at_ms);
            list.add_partition_offset(topic, partition, wanted).map_err(refused)?;
        }
        let found = patiently(|| self.consumer.offsets_for_times(list.clone(), ANSWER));
        let found = found.map_err(refused)?;
        let offset_of = |partition: i32| {
            let element = found.find_partition(topic, partition);
            if let Some(error) = element.as_ref().and_then(|element| element.error().err()) {
                return Err(refused(error));
            }
            Ok(match element.map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => Some(offset),
                _ => None,
            })
        };
        (0..).take(partitions).map(offset_of).collect()
    }

    fn seek(&mut self, starts: &[(i32, i64)], is_apart: bool) -> Result<()> {
        let stopped = std::mem::replace(&mut self.stopped, TopicPartitionList::new());
        self.lanes.clear();
        if is_apart {
            let made = consumer(&self.bootstrap, &self.properties, Some(starts.len()))?;
            self.consumer = Arc::new(made);
            self.assign(starts)?;
            return self.split(starts);
        }
        if stopped.count() > 0 {
            // What is not assigned any more needs no going on.
            let _ = self.consumer.resume(&stopped);
        }
        self.assign(starts)
    }

    fn next(
        &mut self,
        place: Option<usize>,
        wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<LogStep> {
        let Self { consumer, lanes, topic, stamp_place, .. } = self;
        let stamp_place = *stamp_place;
        let lane = match place {
            Some(place) => lanes.get_mut(place),
            None => None,
        };
        let Some(lane) = lane else {
            return taken(topic, stamp_place, consumer.poll(wait), each);
        };
        if let Some(message) = lane.early.pop_front() {
            each(lane.partition, &record(&message, stamp_place));
            return Ok(LogStep::Record);
        }
        let polled = lane.queue.poll(wait);
        if polled.is_none()
            // It serves the client's other events; records come by the partitions' queues.
            && let Some(Err(error)) = consumer.poll(Duration::ZERO)
        {
            check(topic, &error)?;
        }
        taken(topic, stamp_place, polled, each)
    }

    fn stop(&mut self, partition: i32) -> Result<()> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        self.stopped.add_partition(&self.topic, partition);
        self.consumer.pause(&list).map_err(|error| {
            Error::Broker(format!("topic {}: pausing partition {partition}: {error}", self.topic))
        })
    }

    fn quiet(&self) -> Duration {
        QUIET
    }
}

/// What a poll brought.
fn taken(
    topic: &str,
    stamp_place: StampPlace,
    polled: Option<Result<impl Message, KafkaError>>,
    each: &mut dyn FnMut(i32, &RecordRef<'_>),
) -> Result<LogStep> {
    match polled {
        Some(Ok(message)) => {
            each(message.partition(), &record(&message, stamp_place));
            Ok(LogStep::Record)
        }
        Some(Err(KafkaError::PartitionEOF(partition))) => Ok(LogStep::End(partition)),
        Some(Err(error)) => check(topic, &error).map(|()| LogStep::Nothing),
        None => Ok(LogStep::Nothing),
    }
}

fn record(message: &impl Message, stamp_place: StampPlace) -> RecordRef<'_> {
    RecordRef {
        offset: message.offset(),
        key: message.key(),
        header: header(message, stamp_place),
        payload: message.payload(),
        at_us: message.timestamp().to_millis().map(|ms| ms.saturating_mul(1_000)),
    }
}

/// A consumer that belongs to no group: librdkafka wants the name of one, and never joins it.
/// Where partitions are read apart from each other, they share what is fetched ahead.
fn consumer(
    bootstrap: &str,
    properties: &BTreeMap<String, String>,
    apart: Option<usize>,
) -> Result<BaseConsumer<Quiet>> {
    let made = settings(bootstrap, properties, apart).create_with_context(Quiet);
    let consumer: BaseConsumer<Quiet> =
        made.map_err(|error| Error::usage(format!("kafka.consumer: {error}")))?;
    hush(consumer.client());
    Ok(consumer)
}

fn settings(
    bootstrap: &str,
    properties: &BTreeMap<String, String>,
    apart: Option<usize>,
) -> ClientConfig {
    let mut config = setup::config(bootstrap, properties);
    if let Some(partitions) = apart {
        let ahead_kib = (FETCH_AHEAD_KIB / partitions.max(1)).max(1_024);
        config.set("queued.max.messages.kbytes", ahead_kib.to_string());
    }
    config
        // Where a partition ends is asked for on the same connection, and answered once the fetch
        // before it is: a fetch that waits for long, as the groups may, would be in its way.
        .set("fetch.wait.max.ms", "100")
        .set("fetch.min.bytes", "1")
        .set("group.id", "kbench-replay")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        // Where records are deleted while they are read, the reading goes on behind them.
        .set("auto.offset.reset", "earliest");
    config
}

/// Lets those errors pass that librdkafka recovers from by itself.
fn check(topic: &str, error: &KafkaError) -> Result<()> {
    let code = error.rdkafka_error_code();
    let lasting = matches!(error, KafkaError::MessageConsumptionFatal(_))
        || matches!(
            code,
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownPartition
                    | RDKafkaErrorCode::TopicAuthorizationFailed
            )
        );
    if lasting {
        return Err(Error::Broker(format!("topic {topic} can't be read any further: {error}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_a_topic_once_more_does_not_wait_as_the_groups_may() {
        let given = [("fetch.wait.max.ms", "6000"), ("fetch.min.bytes", "50000000")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = settings("127.0.0.1:1", &BTreeMap::from(given), None);
        assert_eq!(settings.get("fetch.wait.max.ms"), Some("100"));
        assert_eq!(settings.get("fetch.min.bytes"), Some("1"));
    }
}
