//! Stretches of a topic, read as fast as they come: without a group, and without a trace in one.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::recording::{OffsetRange, Quiet, assign, check, consumer, record, spans};
use super::source::{ANSWER, patiently};
use crate::base::error::{Error, Result};
use crate::workers::produce::RecordRef;

/// Looks where a topic's partitions begin and end; reads nothing.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct Scout {
    consumer: BaseConsumer<Quiet>,
    topic: String,
    spans: Vec<(i64, i64)>,
}

impl Scout {
    /// Asks for both ends of every partition, as they are now.
    ///
    /// # Errors
    /// [`Error::Broker`] when the topic is not there or nobody answers, [`Error::Usage`] when
    /// librdkafka refuses a property.
    pub fn look(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        topic: &str,
    ) -> Result<Self> {
        let consumer = consumer(bootstrap, properties, None)?;
        let spans = spans(&consumer, topic)?;
        Ok(Self { consumer, topic: topic.to_owned(), spans })
    }

    /// Of each partition the first offset that is there, and the one behind its last.
    #[must_use]
    pub fn spans(&self) -> &[(i64, i64)] {
        &self.spans
    }

    /// Of each partition the first offset whose record has Kafka's timestamp `at_us` or a later
    /// one (microseconds since 1970, rounded up to Kafka's milliseconds); its end where none has.
    ///
    /// # Errors
    /// [`Error::Broker`] when nobody answers.
    pub fn offsets_at(&self, at_us: i64) -> Result<Vec<i64>> {
        let refused = |error: KafkaError| {
            Error::Broker(format!("topic {}: looking up a time: {error}", self.topic))
        };
        // Negative times stand for something else in the protocol.
        let at_ms = at_us.max(0).saturating_add(999) / 1_000;
        let mut list = TopicPartitionList::new();
        for partition in (0..).take(self.spans.len()) {
            let wanted = Offset::Offset(at_ms);
            list.add_partition_offset(&self.topic, partition, wanted).map_err(refused)?;
        }
        let found = patiently(|| self.consumer.offsets_for_times(list.clone(), ANSWER));
        let found = found.map_err(refused)?;
        let offset_of = |(partition, &(start, end)): (i32, &(i64, i64))| {
            let element = found.find_partition(&self.topic, partition);
            if let Some(error) = element.as_ref().and_then(|element| element.error().err()) {
                return Err(refused(error));
            }
            Ok(match element.map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => offset.clamp(start, end),
                _ => end,
            })
        };
        (0..).zip(&self.spans).map(offset_of).collect()
    }
}

/// Stretches of a topic, each read once and in the order of its offsets, all by one client.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct Excerpt {
    topic: String,
    consumer: BaseConsumer<Quiet>,
    /// What is left of each.
    left: Vec<OffsetRange>,
}

impl Excerpt {
    /// Starts to fetch them.
    ///
    /// # Errors
    /// [`Error::Broker`] when they can't be read, [`Error::Usage`] when librdkafka refuses a
    /// property.
    pub fn open(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        topic: &str,
        stretches: &[OffsetRange],
    ) -> Result<Self> {
        let consumer = consumer(bootstrap, properties, None)?;
        let left: Vec<OffsetRange> =
            stretches.iter().copied().filter(|s| s.from < s.until).collect();
        assign(&consumer, topic, left.iter().map(|stretch| (stretch.partition, stretch.from)))?;
        Ok(Self { topic: topic.to_owned(), consumer, left })
    }

    /// The partitions of which something is left to read.
    #[must_use]
    pub fn left(&self) -> Vec<i32> {
        self.left.iter().map(|stretch| stretch.partition).collect()
    }

    /// Calls `each` with the partition of up to `max` records, waiting at most `wait` for the
    /// first; says how many there were.
    ///
    /// # Errors
    /// [`Error::Broker`] when the topic can't be read any further.
    pub fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<usize> {
        let (mut count, mut wait) = (0, wait);
        while count < max && !self.left.is_empty() {
            let ended = match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    wait = Duration::ZERO;
                    let Some(stretch) = self.left.iter_mut().find(|s| s.partition == partition)
                    else {
                        continue;
                    };
                    if offset >= stretch.from && offset < stretch.until {
                        stretch.from = offset + 1;
                        count += 1;
                        each(partition, &record(&message));
                    }
                    (offset + 1 >= stretch.until).then_some(partition)
                }
                // The rest was compacted away, or belongs to a transaction that is not committed.
                Some(Err(KafkaError::PartitionEOF(partition))) => Some(partition),
                Some(Err(error)) => {
                    check(&self.topic, &error)?;
                    break;
                }
                None => break,
            };
            if let Some(partition) = ended {
                self.end(partition)?;
            }
        }
        Ok(count)
    }

    /// Reads nothing more of a partition, however much somebody adds to it.
    fn end(&mut self, partition: i32) -> Result<()> {
        self.left.retain(|stretch| stretch.partition != partition);
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        self.consumer.pause(&list).map_err(|error| {
            Error::Broker(format!("topic {}: pausing partition {partition}: {error}", self.topic))
        })
    }
}
