//! How far a broker is: round trips, and how its clock lies to ours.

use super::setup;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::message::Message;
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig,
};
use rdkafka::{ClientContext, Timestamp};

use super::client_log::hush;
use crate::base::clock::wall_clock_us;
use crate::base::error::{Error, Result};
use crate::client::facts::Distance;

/// Records that are sent to each broker, one after the other.
const RECORDS: usize = 60;

/// Longest wait for one receipt.
const WAIT: Duration = Duration::from_secs(5);

/// Between two records: not in step with the broker's milliseconds.
const GAP: Duration = Duration::from_micros(7_300);

/// Notes when each receipt came, and what time the broker gave its record.
#[derive(Clone, Default)]
struct Receipts(Arc<Mutex<Option<ProbeReceipt>>>);

/// When it came (monotonic, and the wall's microseconds), and the record's time in ms.
struct ProbeReceipt {
    at: Instant,
    wall_us: i64,
    stamped_ms: Option<i64>,
    error: Option<String>,
}

impl ClientContext for Receipts {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: rdkafka::error::KafkaError, _: &str) {}
}

impl ProducerContext for Receipts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let (at, wall_us) = (Instant::now(), wall_clock_us());
        let (message, error) = match result {
            Ok(message) => (message, None),
            Err((error, message)) => (message, Some(error.to_string())),
        };
        let stamped_ms = match message.timestamp() {
            Timestamp::LogAppendTime(ms) => Some(ms),
            Timestamp::CreateTime(_) | Timestamp::NotAvailable => None,
        };
        let receipt = ProbeReceipt { at, wall_us, stamped_ms, error };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(receipt);
    }
}

/// Measures each broker that leads a partition of a topic whose records the broker stamps
/// (`message.timestamp.type=LogAppendTime`); `leaders` are those of its partitions.
///
/// A record is stamped between its sending and its receipt, with whole milliseconds. So each one
/// gives two bounds for the broker's clock less ours, and the narrowest of all hold.
///
/// # Errors
/// [`Error::Broker`] when a record is refused, or has no receipt in time.
pub fn distances(
    bootstrap: &str,
    properties: &BTreeMap<String, String>,
    topic: &str,
    leaders: &[i32],
) -> Result<Vec<Distance>> {
    let receipts = Receipts::default();
    let mut config = setup::config(bootstrap, properties);
    config.set("linger.ms", "0").set("acks", "1").set("enable.idempotence", "false");
    let producer: BaseProducer<Receipts> = config
        .create_with_context(receipts.clone())
        .map_err(|error| setup::refused("producer", &error))?;
    hush(producer.client());
    let by_leader: BTreeMap<i32, i32> = (0..).zip(leaders).map(|(at, id)| (*id, at)).collect();
    let one = |(&broker, &partition): (&i32, &i32)| {
        let mut distance = Distance { broker, ..Distance::default() };
        // The first ones connect.
        for number in 0..RECORDS + 3 {
            std::thread::sleep(GAP);
            let (sent_us, sent) = (wall_clock_us(), Instant::now());
            let receipt = exchange(&producer, &receipts, topic, partition)?;
            if number < 3 {
                continue;
            }
            let took = receipt.at.saturating_duration_since(sent);
            distance.round_trips_us.push(i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
            let Some(stamped_ms) = receipt.stamped_ms else { continue };
            distance.narrow(stamped_ms, sent_us, receipt.wall_us);
        }
        distance.round_trips_us.sort_unstable();
        Ok(distance)
    };
    by_leader.iter().map(one).collect()
}

impl Distance {
    fn narrow(&mut self, stamped_ms: i64, sent_us: i64, received_us: i64) {
        let stamped_us = stamped_ms.saturating_mul(1_000);
        let (low, high) = (stamped_us - received_us, stamped_us + 1_000 - sent_us);
        let (before_low, before_high) = self.clock_ahead_us.unwrap_or((i64::MIN, i64::MAX));
        self.clock_ahead_us = Some((low.max(before_low), high.min(before_high)));
    }
}

fn exchange(
    producer: &BaseProducer<Receipts>,
    receipts: &Receipts,
    topic: &str,
    partition: i32,
) -> Result<ProbeReceipt> {
    let record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(b"doctor");
    producer
        .send(record)
        .map_err(|(error, _)| Error::Broker(format!("a record was refused: {error}")))?;
    let since = Instant::now();
    while since.elapsed() < WAIT {
        producer.poll(Duration::from_millis(50));
        let receipt = receipts.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match receipt {
            Some(ProbeReceipt { error: Some(error), .. }) => {
                return Err(Error::Broker(format!("a record was not written: {error}")));
            }
            Some(receipt) => return Ok(receipt),
            None => {}
        }
    }
    producer.purge(PurgeConfig::default().queue().inflight());
    Err(Error::Broker(format!("a record had no receipt within {} s", WAIT.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A broker that is 250 ms ahead, by records that take a millisecond: the bounds hold it, and
    /// are narrower than a millisecond and a round trip.
    #[test]
    fn many_stamps_narrow_what_one_says_to_the_millisecond() {
        let mut distance = Distance::default();
        for number in 0..60_i64 {
            let sent_us = 1_700_000_000_000_000 + number * 7_300;
            let stamped_us = sent_us + 400 + 250_000;
            distance.narrow(stamped_us / 1_000, sent_us, sent_us + 1_000);
        }
        let (low, high) = distance.clock_ahead_us.unwrap();
        assert!(low <= 250_000 && 250_000 <= high, "{low} {high}");
        assert!(high - low <= 1_200, "{low} {high}");
    }
}
