//! A recorded topic, read to be sent again: without a group, and without a trace in one.

use super::setup;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use super::client_log::hush;
use super::source::{ANSWER, patiently};
use crate::base::error::{Error, Result};
use crate::event::json::restamp::Restamper;
use crate::workers::produce::{NextRecord, RecordRef, RecordStream, time_us};

/// Records at a partition's end that are looked at for the newest time, before more of them.
const TAIL_RECORDS: i64 = 64;

/// How much further back the next look goes where there was no event.
const TAIL_GROWTH: i64 = 16;

/// What the client fetches ahead for all partitions together, in KiB.
const FETCH_AHEAD_KIB: usize = 64 << 10;

/// Longest wait for one record while nothing else is to be done.
const WAIT: Duration = Duration::from_millis(50);

/// A part of one partition, by offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct OffsetRange {
    /// Which partition.
    pub partition: i32,
    /// The first offset to read.
    pub from: i64,
    /// The offset to end before; not below `from`.
    pub until: i64,
}

impl OffsetRange {
    /// How many offsets it has; a compacted topic holds fewer records.
    #[must_use]
    pub fn offsets(&self) -> u64 {
        u64::try_from(self.until.saturating_sub(self.from)).unwrap_or(0)
    }
}

/// A recorded topic from its start to where it ended when it was opened, or stretches of it.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct Recording {
    topic: String,
    consumer: Arc<BaseConsumer<Quiet>>,
    lanes: Vec<PartitionCursor>,
    records: u64,
    newest_us: Option<i64>,
}

/// One partition. Its own queue, so that reading it fetches nothing of the others.
struct PartitionCursor {
    partition: i32,
    queue: PartitionQueue<Quiet>,
    /// What came before the queue was its own.
    early: VecDeque<OwnedMessage>,
    next: i64,
    end: i64,
}

pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}

impl Recording {
    /// Opens a topic, with the properties of the run's consumers. `go_on` is asked now and then.
    ///
    /// # Errors
    /// [`Error::Broker`] when the topic is not there, is empty or can't be read,
    /// [`Error::Usage`] when librdkafka refuses a property, and whatever `go_on` says.
    pub fn open(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        topic: &str,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Self> {
        let scout = consumer(bootstrap, properties, Some(1))?;
        let spans = spans(&scout, topic)?;
        let stretches: Vec<OffsetRange> = (0..)
            .zip(&spans)
            .map(|(partition, &(from, until))| OffsetRange { partition, from, until })
            .collect();
        if stretches.iter().all(|stretch| stretch.from >= stretch.until) {
            return Err(Error::Broker(format!("topic {topic} is empty: nothing can be replayed")));
        }
        let newest_us = newest_us(&scout, topic, &spans, go_on)?;
        Ok(Self { newest_us, ..Self::of(bootstrap, properties, topic, &stretches)? })
    }

    /// Opens stretches of a topic, which the [`RecordStream`] numbers in the order given. Nobody
    /// looks for the newest time.
    ///
    /// # Errors
    /// [`Error::Broker`] when a partition can't be read, [`Error::Usage`] when librdkafka refuses
    /// a property.
    pub fn of(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        topic: &str,
        stretches: &[OffsetRange],
    ) -> Result<Self> {
        let consumer = Arc::new(consumer(bootstrap, properties, Some(stretches.len()))?);
        assign(
            &consumer,
            topic,
            stretches.iter().map(|stretch| (stretch.partition, stretch.from)),
        )?;
        let mut lanes = Vec::new();
        for &OffsetRange { partition, from, until } in stretches {
            let queue = consumer.split_partition_queue(topic, partition).ok_or_else(|| {
                Error::Broker(format!("topic {topic}: partition {partition} can't be read"))
            })?;
            lanes.push(PartitionCursor {
                partition,
                queue,
                early: VecDeque::new(),
                next: from,
                end: until,
            });
        }
        while let Some(message) = consumer.poll(Duration::ZERO) {
            if let Ok(message) = message
                && let Some(lane) =
                    lanes.iter_mut().find(|lane| lane.partition == message.partition())
            {
                lane.early.push_back(message.detach());
            }
        }
        let records = stretches.iter().map(OffsetRange::offsets).sum();
        Ok(Self { topic: topic.to_owned(), consumer, lanes, records, newest_us: None })
    }

    /// How many records lie between the starts and the ends; a compacted topic holds fewer.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The newest time among the last events of each partition, in microseconds since 1970;
    /// `None` when the topic holds no event.
    #[must_use]
    pub fn newest_us(&self) -> Option<i64> {
        self.newest_us
    }
}

impl RecordStream for Recording {
    fn partitions(&self) -> usize {
        self.lanes.len()
    }

    fn next(
        &mut self,
        partition: usize,
        wait: Duration,
        each: &mut dyn FnMut(&RecordRef<'_>),
    ) -> Result<NextRecord> {
        let Some(lane) = self.lanes.get_mut(partition) else {
            return Ok(NextRecord::End);
        };
        if lane.next >= lane.end {
            return Ok(NextRecord::End);
        }
        if let Some(message) = lane.early.pop_front() {
            return Ok(take(&mut lane.next, lane.end, &message, each));
        }
        match lane.queue.poll(wait) {
            Some(Ok(message)) => Ok(take(&mut lane.next, lane.end, &message, each)),
            // The rest was compacted away, or belongs to a transaction that is not committed.
            Some(Err(KafkaError::PartitionEOF(_))) => {
                lane.next = lane.end;
                Ok(NextRecord::End)
            }
            Some(Err(error)) => check(&self.topic, &error).map(|()| NextRecord::Nothing),
            None => {
                // It serves the client's other events; records come by the partitions' queues.
                if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
                    check(&self.topic, &error)?;
                }
                Ok(NextRecord::Nothing)
            }
        }
    }
}

fn take(
    next: &mut i64,
    end: i64,
    message: &impl Message,
    each: &mut dyn FnMut(&RecordRef<'_>),
) -> NextRecord {
    let offset = message.offset();
    if offset < *next {
        return NextRecord::Nothing;
    }
    *next = offset + 1;
    if offset >= end {
        return NextRecord::End;
    }
    each(&record(message));
    NextRecord::Record
}

pub(super) fn record(message: &impl Message) -> RecordRef<'_> {
    RecordRef {
        offset: message.offset(),
        key: message.key(),
        payload: message.payload(),
        at_us: message.timestamp().to_millis().map(|ms| ms.saturating_mul(1_000)),
    }
}

/// A consumer that belongs to no group: librdkafka wants the name of one, and never joins it.
/// Where partitions are read apart from each other, they share what is fetched ahead.
pub(super) fn consumer(
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

/// The first offset of each partition, and the one after its last.
pub(super) fn spans(consumer: &BaseConsumer<Quiet>, topic: &str) -> Result<Vec<(i64, i64)>> {
    let refused =
        |words: String| Error::Broker(format!("topic {topic} can't be replayed: {words}"));
    let metadata =
        consumer.fetch_metadata(Some(topic), ANSWER).map_err(|error| refused(error.to_string()))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let partitions = match found.map(|found| (found.error(), found.partitions().len())) {
        Some((None, partitions)) if partitions > 0 => partitions,
        Some((Some(code), _)) => return Err(refused(RDKafkaErrorCode::from(code).to_string())),
        _ => return Err(refused("it is not there".to_owned())),
    };
    (0..i32::try_from(partitions).unwrap_or(i32::MAX))
        .map(|partition| patiently(|| consumer.fetch_watermarks(topic, partition, ANSWER)))
        .collect::<Result<_, _>>()
        .map_err(|error| refused(error.to_string()))
}

pub(super) fn assign(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    starts: impl Iterator<Item = (i32, i64)>,
) -> Result<()> {
    let refused = |error: KafkaError| Error::Broker(format!("reading topic {topic}: {error}"));
    let mut list = TopicPartitionList::new();
    for (partition, offset) in starts {
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).map_err(refused)?;
    }
    consumer.assign(&list).map_err(refused)
}

/// The newest time among the last events of each partition: looked for further and further back
/// where the last records are no events.
fn newest_us(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    spans: &[(i64, i64)],
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Option<i64>> {
    let mut restamper = Restamper::default();
    let mut newest_us = None;
    let mut back = TAIL_RECORDS;
    let mut left: Vec<(i32, i64, i64)> = (0..)
        .zip(spans)
        .map(|(partition, (start, end))| (partition, *start, *end))
        .filter(|(_, start, end)| start < end)
        .collect();
    while !left.is_empty() {
        let from = |start: i64, end: i64| start.max(end.saturating_sub(back));
        let starts = left.iter().map(|&(partition, start, end)| (partition, from(start, end)));
        assign(consumer, topic, starts)?;
        let mut open: BTreeMap<i32, i64> = left.iter().map(|&(p, _, end)| (p, end)).collect();
        let mut found = Vec::new();
        let mut progress = Instant::now();
        while !open.is_empty() {
            go_on()?;
            let (partition, reached) = match consumer.poll(WAIT) {
                Some(Ok(message)) => {
                    let partition = message.partition();
                    if let Some(at_us) = time_us(&record(&message), &mut restamper) {
                        newest_us = newest_us.max(Some(at_us));
                        found.push(partition);
                    }
                    (partition, message.offset() + 1)
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => (partition, i64::MAX),
                Some(Err(error)) => {
                    check(topic, &error)?;
                    continue;
                }
                None if progress.elapsed() > ANSWER => {
                    return Err(Error::Broker(format!(
                        "topic {topic}: no record came within {} s from partitions {:?}",
                        ANSWER.as_secs(),
                        open.keys().collect::<Vec<_>>()
                    )));
                }
                None => continue,
            };
            progress = Instant::now();
            if open.get(&partition).is_some_and(|&end| reached >= end) {
                open.remove(&partition);
            }
        }
        left.retain(|&(partition, start, end)| {
            !found.contains(&partition) && from(start, end) > start
        });
        back = back.saturating_mul(TAIL_GROWTH);
    }
    Ok(newest_us)
}

/// Lets those errors pass that librdkafka recovers from by itself.
pub(super) fn check(topic: &str, error: &KafkaError) -> Result<()> {
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
