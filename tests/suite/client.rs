//! Records, and reading them through librdkafka, blocking, with a time limit on everything.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{ClientConfig, Message};

use crate::world::World;

/// How long a probe waits for something that should take milliseconds: many times what it takes
/// on a host that does much else.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A record, to be sent or as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rec {
    /// Where it goes or lay; `None` leaves the choice to the partitioner.
    pub partition: Option<i32>,
    /// Its place in the partition; of no meaning before it was sent.
    pub offset: i64,
    /// `None` is a null key.
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Names and values, in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970; `None` is the time of sending.
    pub timestamp_ms: Option<i64>,
}

impl Rec {
    /// A record without a key, in a partition.
    pub fn at(partition: i32, value: impl Into<Vec<u8>>) -> Self {
        Self { partition: Some(partition), value: Some(value.into()), ..Self::default() }
    }

    /// A record with a key, whose partition the partitioner chooses.
    pub fn keyed(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { key: Some(key.into()), value: Some(value.into()), ..Self::default() }
    }

    /// The value as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.value.as_deref().unwrap_or_default()).expect("text")
    }
}

impl From<&BorrowedMessage<'_>> for Rec {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            partition: Some(message.partition()),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                .collect(),
            timestamp_ms: message.timestamp().to_millis(),
        }
    }
}

/// The properties that all clients of the suite share, with some of the caller's.
pub fn config(world: &World, properties: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", world.bootstrap())
        .set("reconnect.backoff.max.ms", "100")
        .set("enable.metrics.push", "false");
    for (key, value) in properties {
        config.set(*key, *value);
    }
    config
}

/// A consumer with offsets stored by hand, starting at the earliest record.
pub fn consumer(world: &World, group: &str, properties: &[(&str, &str)]) -> BaseConsumer {
    let mut config = config(
        world,
        &[
            ("group.id", group),
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("fetch.queue.backoff.ms", "5"),
            ("heartbeat.interval.ms", "300"),
            ("session.timeout.ms", "10000"),
        ],
    );
    for (key, value) in properties {
        config.set(*key, *value);
    }
    if properties.contains(&("group.protocol", "consumer")) {
        // The broker's to say there.
        config.remove("heartbeat.interval.ms");
        config.remove("session.timeout.ms");
    }
    config.create().expect("a consumer")
}

/// A consumer without a group that reads those partitions from there.
pub fn reader(
    world: &World,
    topic: &str,
    from: &[(i32, Offset)],
    properties: &[(&str, &str)],
) -> BaseConsumer {
    let consumer = consumer(world, &world.name("reader"), properties);
    let mut list = TopicPartitionList::new();
    for &(partition, offset) in from {
        list.add_partition_offset(topic, partition, offset).expect("a partition");
    }
    consumer.assign(&list).expect("an assignment");
    consumer
}

/// The next record, if one comes in time. That a broker can't be reached just now is no matter:
/// librdkafka says so and tries again.
pub fn next(consumer: &BaseConsumer, time: Duration) -> Option<Rec> {
    match consumer.poll(time)? {
        Ok(message) => Some(Rec::from(&message)),
        Err(error) => match error.rdkafka_error_code() {
            Some(Code::BrokerTransportFailure | Code::AllBrokersDown) => None,
            _ => panic!("expected a record, not {error}"),
        },
    }
}

/// Reads so many records, in the order of arrival.
pub fn read(consumer: &BaseConsumer, count: usize) -> Vec<Rec> {
    let start = Instant::now();
    let mut recs = Vec::with_capacity(count);
    while recs.len() < count {
        assert!(start.elapsed() < PATIENCE, "read {} of {count} records", recs.len());
        recs.extend(next(consumer, Duration::from_millis(100)));
    }
    recs
}

/// Makes sure that nothing arrives for a while.
pub fn read_nothing(consumer: &BaseConsumer, time: Duration) {
    let start = Instant::now();
    while let Some(left) = time.checked_sub(start.elapsed()) {
        let rec = next(consumer, left);
        assert_eq!(rec, None, "expected silence");
    }
}

/// Reads partition 0 of a topic from its start: so many records, and then no more.
pub fn read_all(world: &World, topic: &str, count: usize) -> Vec<Rec> {
    let reader = reader(world, topic, &[(0, Offset::Beginning)], &[]);
    let recs = read(&reader, count);
    let (low, high) = reader.fetch_watermarks(topic, 0, PATIENCE).expect("watermarks");
    assert_eq!((low, high), (0, i64::try_from(count).expect("a count")), "watermarks");
    recs
}
