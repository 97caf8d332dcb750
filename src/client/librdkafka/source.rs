//! The consumer: records are taken in batches, and offsets are stored after processing, so that a
//! rebalance loses nothing.

mod record_queue;

use super::setup;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::client_log::{ClientLog, Reporter, hush};
use super::effective_config;
use super::throttle::Heard;
use crate::base::error::{Error, Result};
use crate::client::facts::{ClientProperties, TopicFacts};
use crate::event::Arrival;
use crate::event::codec::StampPlace;
use crate::measure::latency::Throttles;
use crate::workers::consume::{Membership, Source};
use record_queue::{RecordBatch, RecordQueue, TakenRecord};

/// Longest wait for where a partition ends.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// How soon it is asked for again.
const AGAIN: Duration = Duration::from_millis(50);

/// One member of a group, reading one topic.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct KafkaSource {
    consumer: BaseConsumer<EventListener>,
    topic: String,
    /// The name of the header with the stamp; none for most formats.
    header_name: Option<CString>,
    records: Arc<RecordQueue>,
    batch: RecordBatch,
    offsets: ProcessedOffsets,
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
        let header_name = stamp_place
            .header()
            .map(CString::new)
            .transpose()
            .map_err(|_| Error::Internal("the name of a header holds a NUL byte".to_owned()))?;
        let records = Arc::new(RecordQueue::default());
        let mut consumer: BaseConsumer<EventListener> = setup::config(bootstrap, properties)
            .set("statistics.interval.ms", statistics_ms.to_string())
            .set("group.id", group)
            // The wrapper's drop polls and throws messages away: with automatic storing their
            // offsets would be committed too.
            .set("enable.auto.offset.store", "false")
            .create_with_context(EventListener::new(records.clone(), log.reporter(who)))
            .map_err(|error| setup::refused("consumer", &error))?;
        hush(consumer.client());
        if !records.open(consumer.client().native_ptr()) {
            return Err(Error::Internal("librdkafka gives a consumer no queue".to_owned()));
        }
        let waiting = records.clone();
        consumer.set_nonempty_callback(move || waiting.wake());
        // Whole before anything else can fail: its end closes the queue before the client.
        let mut source = Self {
            consumer,
            topic: topic.to_owned(),
            header_name,
            records,
            batch: RecordBatch::default(),
            offsets: ProcessedOffsets::default(),
            applied: ClientProperties::default(),
        };
        let consumer = &source.consumer;
        consumer
            .subscribe(&[topic])
            .map_err(|error| Error::usage(format!("subscribing to {topic}: {error}")))?;
        source.applied =
            effective_config::read(consumer.client().native_ptr(), "consumer", properties)?;
        Ok(source)
    }

    /// What it really runs with.
    #[must_use]
    pub fn applied(&self) -> &ClientProperties {
        &self.applied
    }

    /// Serves what is not a record: rebalances, errors, statistics, the client's log. Says how
    /// many records it found there: of a partition that has no queue, if there should be one.
    fn serve_events(&mut self, each: &mut dyn FnMut(&Arrival<'_>)) -> Result<usize> {
        let mut count = 0;
        while self.records.has_events() {
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    // SAFETY: the record lives as long as the message.
                    if let Some(record) = unsafe { TakenRecord::of(message.ptr()) } {
                        count += 1;
                        each(&arrival(record, self.header_name.as_deref()));
                        self.offsets.processed(record.partition(), record.offset() + 1);
                        // The next event may take the partition away.
                        self.offsets.store(&self.consumer, &self.topic);
                    }
                }
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    return Err(Error::Broker(format!("the consumer failed for good: {code}")));
                }
                // librdkafka goes on by itself after every other error; what it costs shows as
                // latency, and what it loses as missing.
                Some(Err(_)) | None => {}
            }
        }
        Ok(count)
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        // Both hold on to what is the client's own, which ends behind this.
        self.batch = RecordBatch::default();
        self.records.close();
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
    let consumer: BaseConsumer<Reporter> = setup::config(bootstrap, properties)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create_with_context(ClientLog::default().reporter(group))
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
    /// Rebalances are served before records are taken and never between two of one batch: what
    /// was processed is stored by then. What librdkafka has fetched of a partition that is taken
    /// away meanwhile, it leaves out of the next batch by itself.
    fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize> {
        let mut count = self.serve_events(each)?;
        let Self { consumer, topic, header_name, records, batch, offsets, .. } = self;
        batch.take(records, max, if count == 0 { wait } else { Duration::ZERO });
        let member = consumer.context();
        for record in batch.records() {
            if let Some((code, words)) = record.error() {
                member.reporter.error(&KafkaError::Global(code.into()), &words);
                continue;
            }
            each(&arrival(record, header_name.as_deref()));
            offsets.processed(record.partition(), record.offset() + 1);
            count += 1;
        }
        offsets.store(consumer, topic);
        if count == 0 && member.membership.assigned().is_none() {
            // Also one that waits for its first assignment is known by its name.
            member.reporter.member(consumer.client());
        }
        Ok(count)
    }

    fn commit(&mut self) -> Result<()> {
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

fn arrival<'a>(record: TakenRecord<'a>, header_name: Option<&CStr>) -> Arrival<'a> {
    Arrival {
        partition: record.partition(),
        offset: record.offset(),
        key: record.key(),
        header: header_name.and_then(|name| record.header(name)),
        payload: record.payload(),
        at_us: record.at_ms().map(|ms| ms.saturating_mul(1_000)),
    }
}

/// The processed but not yet stored offsets, by partition; −1 for none.
#[derive(Default)]
struct ProcessedOffsets(Vec<i64>);

impl ProcessedOffsets {
    fn processed(&mut self, partition: i32, next: i64) {
        let partition = usize::try_from(partition).unwrap_or(0);
        if self.0.len() <= partition {
            self.0.resize(partition + 1, -1);
        }
        self.0[partition] = next;
    }

    /// Stores what was processed: once a batch, since storing takes a lock in librdkafka.
    fn store<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>, topic: &str) {
        for (partition, next) in self.0.iter_mut().enumerate() {
            if *next >= 0 {
                let partition = i32::try_from(partition).unwrap_or(i32::MAX);
                // It fails only for a partition that was just taken away; then its records
                // come again to somebody else, who knows them.
                let _ = consumer.store_offset(topic, partition, *next - 1);
                *next = -1;
            }
        }
    }
}

/// What the client tells while its events are polled.
struct EventListener {
    records: Arc<RecordQueue>,
    membership: Membership,
    heard: Heard,
    reporter: Reporter,
}

impl EventListener {
    fn new(records: Arc<RecordQueue>, reporter: Reporter) -> Self {
        Self { records, membership: Membership::default(), heard: Heard::default(), reporter }
    }
}

impl ClientContext for EventListener {
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

/// Of a consumer that has no partitions.
impl ConsumerContext for Reporter {}

/// Nothing here may ask the client's own thread for anything once a change has been made: when a
/// member closes, giving up its last partitions ends its part in the group, and whatever is asked
/// behind it is never answered.
impl ConsumerContext for EventListener {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            // The client waits for the answer to this one, so it has not closed.
            Rebalance::Assign(list) => {
                self.reporter.member(consumer.client());
                self.records.forward(list);
            }
            // What was processed is stored: a batch ends before events are served.
            Rebalance::Revoke(_) | Rebalance::Error(_) => {}
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
mod tests;
