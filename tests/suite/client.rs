//! Producing and reading through librdkafka, blocking, with a time limit on everything.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext, Message};

use crate::world::World;

/// How long a probe waits for something that should take milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(20);

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
        Self {
            partition: Some(partition),
            value: Some(value.into()),
            ..Self::default()
        }
    }

    /// A record with a key, whose partition the partitioner chooses.
    pub fn keyed(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            key: Some(key.into()),
            value: Some(value.into()),
            ..Self::default()
        }
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

/// What became of one record: its place, or why it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the record, in the order of sending.
    pub number: usize,
    /// The partition and the offset, or the error.
    pub outcome: Result<(i32, i64), RDKafkaErrorCode>,
}

/// Collects the receipts.
#[derive(Debug, Clone, Default)]
struct Receipts(Arc<Mutex<Vec<Receipt>>>);

impl ClientContext for Receipts {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Receipts {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let outcome = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
        };
        self.0
            .lock()
            .expect("no panic holds it")
            .push(Receipt { number, outcome });
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

/// A producer that keeps its receipts.
pub struct Sender {
    producer: ThreadedProducer<Receipts>,
    receipts: Receipts,
    sent: usize,
}

impl Sender {
    /// One with `linger.ms=1` and some properties.
    pub fn new(world: &World, properties: &[(&str, &str)]) -> Self {
        let mut config = config(
            world,
            &[("linger.ms", "1"), ("partitioner", "murmur2_random")],
        );
        for (key, value) in properties {
            config.set(*key, *value);
        }
        let receipts = Receipts::default();
        let producer = config
            .create_with_context(receipts.clone())
            .expect("a producer");
        Self {
            producer,
            receipts,
            sent: 0,
        }
    }

    /// Hands a record to the client; waits while its queue is full.
    pub fn send(&mut self, topic: &str, rec: &Rec) {
        let start = Instant::now();
        while let Err(error) = self.try_send(topic, rec) {
            assert_eq!(error, RDKafkaErrorCode::QueueFull);
            assert!(start.elapsed() < PATIENCE, "the client's queue stays full");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Hands a record to the client, which may refuse it at once.
    pub fn try_send(&mut self, topic: &str, rec: &Rec) -> Result<(), RDKafkaErrorCode> {
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, self.sent);
        record.key = rec.key.as_deref();
        record.payload = rec.value.as_deref();
        record.partition = rec.partition;
        record.timestamp = rec.timestamp_ms;
        if !rec.headers.is_empty() {
            let headers = rec
                .headers
                .iter()
                .fold(OwnedHeaders::new(), |headers, (key, value)| {
                    headers.insert(Header {
                        key,
                        value: value.as_ref(),
                    })
                });
            record = record.headers(headers);
        }
        self.producer
            .send(record)
            .map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))?;
        self.sent += 1;
        Ok(())
    }

    /// The receipts so far.
    pub fn receipts(&self) -> Vec<Receipt> {
        let mut receipts = self.receipts.0.lock().expect("no panic holds it").clone();
        receipts.sort_by_key(|receipt| receipt.number);
        receipts
    }

    /// The number of records that are with the client or under way.
    pub fn in_flight(&self) -> i32 {
        self.producer.in_flight_count()
    }

    /// Waits until every record has its receipt.
    pub fn settle(&self) -> Vec<Receipt> {
        self.settle_within(PATIENCE)
    }

    /// Waits that long until every record has its receipt.
    pub fn settle_within(&self, limit: Duration) -> Vec<Receipt> {
        let start = Instant::now();
        loop {
            let receipts = self.receipts();
            if receipts.len() == self.sent {
                return receipts;
            }
            assert!(
                start.elapsed() < limit,
                "{} of {} records have a receipt after {limit:?}",
                receipts.len(),
                self.sent
            );
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Sends the records with a new producer and returns the place of each.
pub fn produce(
    world: &World,
    topic: &str,
    properties: &[(&str, &str)],
    recs: &[Rec],
) -> Vec<(i32, i64)> {
    let mut sender = Sender::new(world, properties);
    for rec in recs {
        sender.send(topic, rec);
    }
    let receipts = sender.settle();
    receipts
        .into_iter()
        .map(|receipt| receipt.outcome.expect("an acknowledgement"))
        .collect()
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
        list.add_partition_offset(topic, partition, offset)
            .expect("a partition");
    }
    consumer.assign(&list).expect("an assignment");
    consumer
}

/// Reads so many records, in the order of arrival.
pub fn read(consumer: &BaseConsumer, count: usize) -> Vec<Rec> {
    let start = Instant::now();
    let mut recs = Vec::with_capacity(count);
    while recs.len() < count {
        assert!(
            start.elapsed() < PATIENCE,
            "read {} of {count} records",
            recs.len()
        );
        match consumer.poll(Duration::from_millis(100)) {
            Some(message) => recs.push(Rec::from(&message.expect("a record"))),
            None => continue,
        }
    }
    recs
}

/// Makes sure that nothing arrives for a while.
pub fn read_nothing(consumer: &BaseConsumer, time: Duration) {
    let start = Instant::now();
    while let Some(left) = time.checked_sub(start.elapsed()) {
        if let Some(message) = consumer.poll(left) {
            panic!(
                "expected silence, not {:?}",
                message.map(|message| Rec::from(&message))
            );
        }
    }
}

/// Reads partition 0 of a topic from its start: so many records, and then no more.
pub fn read_all(world: &World, topic: &str, count: usize) -> Vec<Rec> {
    let reader = reader(world, topic, &[(0, Offset::Beginning)], &[]);
    let recs = read(&reader, count);
    let (low, high) = reader
        .fetch_watermarks(topic, 0, PATIENCE)
        .expect("watermarks");
    assert_eq!(
        (low, high),
        (0, i64::try_from(count).expect("a count")),
        "watermarks"
    );
    recs
}
