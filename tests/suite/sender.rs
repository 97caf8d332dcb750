//! Producing through librdkafka, with a receipt for every record.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

use crate::client::{PATIENCE, Rec, config};
use crate::world::World;

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
        self.0.lock().expect("no panic holds it").push(Receipt { number, outcome });
    }
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
        let mut config = config(world, &[("linger.ms", "1"), ("partitioner", "murmur2_random")]);
        for (key, value) in properties {
            config.set(*key, *value);
        }
        let receipts = Receipts::default();
        let producer = config.create_with_context(receipts.clone()).expect("a producer");
        Self { producer, receipts, sent: 0 }
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
            let headers = rec.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header { key, value: value.as_ref() })
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
    receipts.into_iter().map(|receipt| receipt.outcome.expect("an acknowledgement")).collect()
}
