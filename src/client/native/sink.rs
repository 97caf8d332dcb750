//! The producer: the producing thread writes each event into the open batch of its partition, and
//! one thread of the sink's own does the rest.
//!
//! A hand-over takes one lock. A batch goes when it is full, or when its linger is over; then the
//! request takes along what the broker's other partitions have, so that requests are few. The
//! buffer is a hard bound, counted as Java's producer does, by whole batches of `batch.size`: a
//! partition whose broker is slow may fill it, and then events are refused until it has room.

mod accumulator;
mod identity;
mod lane;
mod outbox;
mod partitioner;
mod produce_request;
mod sender;
mod settlement;
mod shared;
mod unplaced;
mod verdict;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use accumulator::Accumulator;
use identity::IdentityKeeper;
use outbox::Outbox;
use sender::Sender;
use settlement::Settlement;
use shared::{SinkShared, SinkState};
use unplaced::EventBytes;

use super::backoff::Backoff;
use super::network::Network;
use super::settings::{AckLevel, ConnectionSettings, NativeSettings, ProducerSettings};
use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use crate::base::random::fresh;
use crate::client::facts::ClientProperties;
use crate::measure::latency::Throttles;
use crate::workers::produce::{Batch, Handover, Receiver, Sink, WireBytes};

/// A producer on one topic.
#[allow(missing_debug_implementations, reason = "holds a clock")]
pub struct NativeSink {
    shared: Arc<SinkShared>,
    clock: Arc<dyn Clock>,
    applied: ClientProperties,
    /// `None` only while it is dropped.
    thread: Option<JoinHandle<()>>,
}

impl NativeSink {
    /// A producer whose receipts go to `receiver`, on the sink's own thread. Nobody has answered
    /// yet when this returns.
    ///
    /// # Errors
    /// [`Error::Usage`] for properties that it does not support, [`Error::Io`] where the system has
    /// no thread or no poll for it.
    pub fn new(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        topic: &str,
        clock: Arc<dyn Clock>,
        receiver: Arc<dyn Receiver>,
    ) -> Result<Self> {
        let NativeSettings { connection, own } = NativeSettings::producer(bootstrap, properties)?;
        let applied = ClientProperties {
            client: "producer".to_owned(),
            properties: applied(&connection, &own),
        };
        let settlement = Settlement::new(clock.clone(), receiver);
        let outbox = Outbox::new(topic, &connection, &own, settlement);
        let outbox = outbox.map_err(|why| Error::usage(format!("kafka.producer: {why}")))?;
        let backoff = Backoff::new(connection.retry_first, connection.retry_most, fresh());
        let identity = IdentityKeeper::new(own.is_idempotent, backoff);
        let patience = connection.request_timeout;
        let network = Network::new(connection, topic)?;
        let shared = Arc::new(SinkShared::new(Accumulator::new(&own), network.waker()));
        let sender = Sender::new(network, shared.clone(), outbox, identity, patience);
        let thread = thread::Builder::new()
            .name("kbench-sender".to_owned())
            .spawn(move || sender.run())
            .map_err(|source| Error::io("starting the producer's thread", source))?;
        Ok(Self { shared, clock, applied, thread: Some(thread) })
    }

    /// What it really runs with.
    #[must_use]
    pub fn applied(&self) -> &ClientProperties {
        &self.applied
    }
}

/// The settings that decide a figure, by their Kafka names.
fn applied(connection: &ConnectionSettings, own: &ProducerSettings) -> BTreeMap<String, String> {
    let ms = |time: Duration| time.as_millis().to_string();
    let acks = match own.acks {
        AckLevel::Nobody => "0",
        AckLevel::Leader => "1",
        AckLevel::All => "all",
    };
    let mut all = BTreeMap::from([
        ("acks", acks.to_owned()),
        ("batch.size", own.batch_bytes.to_string()),
        ("buffer.memory", own.buffer_bytes.to_string()),
        ("client.id", connection.client_id.clone()),
        ("compression.type", own.compression.to_owned()),
        ("delivery.timeout.ms", ms(own.delivery_timeout)),
        ("enable.idempotence", own.is_idempotent.to_string()),
        ("linger.ms", ms(own.linger)),
        ("max.in.flight.requests.per.connection", own.in_flight_max.to_string()),
        ("max.request.size", own.request_bytes_max.to_string()),
        ("metadata.max.age.ms", ms(connection.metadata_age)),
        ("reconnect.backoff.max.ms", ms(connection.reconnect_most)),
        ("reconnect.backoff.ms", ms(connection.reconnect_first)),
        ("request.timeout.ms", ms(connection.request_timeout)),
        ("retry.backoff.max.ms", ms(connection.retry_most)),
        ("retry.backoff.ms", ms(connection.retry_first)),
    ]);
    if own.buffer_records < usize::MAX {
        all.insert("queue.buffering.max.messages", own.buffer_records.to_string());
    }
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Sink for NativeSink {
    fn get_ready(&mut self, until: Instant) {
        self.shared.wait_until_connected(until);
    }

    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<Handover> {
        if let SinkState::Broken(why) = self.shared.state() {
            return Err(Error::Broker(format!("the producer failed for good: {why}")));
        }
        let now = Instant::now();
        let at_ms = self.clock.wall_us(self.clock.now_ns()) / 1_000;
        let mut handover = Handover { taken: range.len(), refusal: None };
        let mut accumulator = self.shared.accumulator();
        for (taken, index) in range.enumerate() {
            let event = EventBytes {
                stamp: *batch.stamp(index),
                at_ms,
                key: batch.key(index),
                header: batch.header(index),
                value: batch.payload(index),
            };
            if let Err(refusal) = accumulator.add(&event, now) {
                handover = Handover { taken, refusal: Some(refusal) };
                break;
            }
        }
        let has_to_wake = accumulator.has_to_wake();
        drop(accumulator);
        if has_to_wake {
            self.shared.wake();
        }
        Ok(handover)
    }

    fn has_wire(&self) -> bool {
        true
    }

    fn wire(&self) -> Option<WireBytes> {
        Some(self.shared.wire())
    }

    fn throttles(&self, _now_ns: u64) -> Option<Throttles> {
        Some(self.shared.throttles())
    }
}

/// What is still under way has its receipt when this is over: failed where it was never sent, else
/// unknown.
impl Drop for NativeSink {
    fn drop(&mut self) {
        self.shared.set_state(SinkState::Closing);
        self.shared.wake();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has said so itself.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
