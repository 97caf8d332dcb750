//! The producer: librdkafka with delivery callbacks on a thread of their own.

use super::setup;
use std::collections::BTreeMap;
use std::ffi::{CString, c_void};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, bindings as native};
use serde::Deserialize;

use super::client_log::{ClientLog, Reporter, hush};
use super::effective_config;
use super::headers::header;
use super::throttle::{Heard, STATISTICS_MS};
use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use crate::client::facts::ClientProperties;
use crate::event::codec::{Codec, StampPlace};
use crate::event::{Outcome, Receipt};
use crate::measure::latency::Throttles;
use crate::workers::produce::{Batch, Handover, Receiver, Refusal, Sink, WireBytes};

/// "Choose the partition by the key": librdkafka's constant is a macro, which has no binding.
const UNASSIGNED: i32 = -1;

/// How often a client that gets ready is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A producer on one topic.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct KafkaSink {
    // Before the producer: the topic handle has to go first.
    topic: TopicHandle,
    name: String,
    producer: ThreadedProducer<Deliveries>,
    applied: ClientProperties,
}

impl KafkaSink {
    /// A producer of this codec's events on this topic, whose receipts go to `receiver`, on
    /// librdkafka's callback thread; what it says of itself goes into `log`.
    ///
    /// # Errors
    /// [`Error::Usage`] when librdkafka refuses a property, or runs with another value.
    pub fn new(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        topic: (&str, &'static dyn Codec),
        clock: Arc<dyn Clock>,
        receiver: Arc<dyn Receiver>,
        log: &ClientLog,
    ) -> Result<Self> {
        let receivers = (receiver, log);
        Self::with_statistics(bootstrap, properties, topic, clock, receivers, STATISTICS_MS)
    }

    /// The same with statistics every so many ms, or none for 0: to see what they cost.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_statistics(
        bootstrap: &str,
        properties: &BTreeMap<String, String>,
        (name, codec): (&str, &'static dyn Codec),
        clock: Arc<dyn Clock>,
        (receiver, log): (Arc<dyn Receiver>, &ClientLog),
        statistics_ms: u32,
    ) -> Result<Self> {
        let (reporter, statistics) = (log.reporter("the producer"), Mutex::default());
        let producer: ThreadedProducer<Deliveries> = setup::sender_config(bootstrap, properties)
            .set("statistics.interval.ms", statistics_ms.to_string())
            .create_with_context(Deliveries {
                codec,
                clock,
                receiver,
                statistics,
                heard: Heard::default(),
                reporter,
            })
            .map_err(|error| setup::refused("producer", &error))?;
        hush(producer.client());
        let topic = TopicHandle::new(&producer, name, codec.stamp_place())?;
        let applied =
            effective_config::read(producer.client().native_ptr(), "producer", properties)?;
        Ok(Self { topic, name: name.to_owned(), producer, applied })
    }

    /// What it really runs with.
    #[must_use]
    pub fn applied(&self) -> &ClientProperties {
        &self.applied
    }

    /// The client's last word; `None` before its first. Whoever asks parses it: the thread that it
    /// comes on is the one that times the receipts.
    fn statistics(&self) -> Option<Statistics> {
        let context = self.producer.client().context();
        let text = context.statistics.lock().unwrap_or_else(PoisonError::into_inner).clone();
        serde_json::from_slice(&text).ok()
    }

    /// Whether it writes with a producer id, which it asks a broker for by itself.
    fn is_idempotent(&self) -> bool {
        self.applied.properties.get("enable.idempotence").is_some_and(|value| value == "true")
    }

    /// One partition of each broker that leads any.
    fn one_of_each_leader(&self, limit: Duration) -> Vec<i32> {
        let Ok(metadata) = self.producer.client().fetch_metadata(Some(&self.name), limit) else {
            return Vec::new();
        };
        let topics = metadata.topics().iter().filter(|topic| topic.name() == self.name);
        let partitions = topics.flat_map(MetadataTopic::partitions);
        let by_leader = partitions.map(|partition| (partition.leader(), partition.id()));
        by_leader.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}

impl Sink for KafkaSink {
    /// A client connects to a broker when it first has something for it, and until then has no
    /// producer id. So each leader is asked for an offset, which leaves nothing in the topic.
    fn get_ready(&mut self, until: Instant) {
        let left = || until.saturating_duration_since(Instant::now());
        for partition in self.one_of_each_leader(left()) {
            let _ = self.producer.client().fetch_watermarks(&self.name, partition, left());
        }
        let has_id = || self.statistics().is_some_and(|statistics| statistics.has_id());
        while self.is_idempotent() && !left().is_zero() && !has_id() {
            thread::sleep(LOOK);
        }
    }

    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<Handover> {
        for (taken, index) in range.clone().enumerate() {
            let (key, payload) = (batch.key(index), batch.payload(index));
            let produced = match batch.header(index) {
                None => self.topic.produce(key, payload),
                Some((_, header)) => self.topic.produce_with(&self.producer, header, key, payload),
            };
            match produced {
                Ok(()) => {}
                Err(RDKafkaErrorCode::QueueFull) => {
                    return Ok(Handover { taken, refusal: Some(Refusal::QueueFull) });
                }
                Err(RDKafkaErrorCode::Fatal) => {
                    return Err(Error::Broker(format!(
                        "the producer failed for good: {}",
                        fatal(&self.producer)
                    )));
                }
                Err(code) => {
                    let refusal = Some(Refusal::Rejected(code.to_string()));
                    return Ok(Handover { taken, refusal });
                }
            }
        }
        Ok(Handover { taken: range.len(), refusal: None })
    }

    fn has_wire(&self) -> bool {
        true
    }

    fn wire(&self) -> Option<WireBytes> {
        let Statistics {
            txmsgs: records, txmsg_bytes: payload_bytes, tx_bytes: wire_bytes, ..
        } = self.statistics()?;
        Some(WireBytes { records, payload_bytes, wire_bytes })
    }

    fn throttles(&self, now_ns: u64) -> Option<Throttles> {
        Some(self.producer.client().context().heard.throttles(now_ns))
    }
}

fn fatal(producer: &ThreadedProducer<Deliveries>) -> String {
    producer
        .client()
        .fatal_error()
        .map_or_else(|| "no reason given".to_owned(), |(code, text)| format!("{code}: {text}"))
}

/// A topic's handle: the wrapper's own `send` looks the topic up by name for each record.
struct TopicHandle {
    topic: *mut native::rd_kafka_topic_t,
    /// The name of the header that records have; none for most formats.
    header_name: Option<CString>,
}

// SAFETY: librdkafka's handles may be used from any thread.
unsafe impl Send for TopicHandle {}

impl TopicHandle {
    fn new(
        producer: &ThreadedProducer<Deliveries>,
        topic: &str,
        stamp_place: StampPlace,
    ) -> Result<Self> {
        let header_name = stamp_place
            .header()
            .map(CString::new)
            .transpose()
            .map_err(|_| Error::Internal("the name of a header holds a NUL byte".to_owned()))?;
        let name = CString::new(topic)
            .map_err(|_| Error::usage(format!("topic name {topic:?} holds a NUL byte")))?;
        // SAFETY: the client is alive, and no topic configuration is handed over.
        let handle = unsafe {
            native::rd_kafka_topic_new(
                producer.client().native_ptr(),
                name.as_ptr(),
                std::ptr::null_mut(),
            )
        };
        if handle.is_null() {
            return Err(Error::usage(format!("librdkafka refuses the topic name {topic:?}")));
        }
        Ok(Self { topic: handle, header_name })
    }

    fn produce(&self, key: &[u8], payload: &[u8]) -> Result<(), RDKafkaErrorCode> {
        // SAFETY: the handle is alive; with F_COPY librdkafka only reads both during the call.
        let code = unsafe {
            native::rd_kafka_produce(
                self.topic,
                UNASSIGNED,
                native::RD_KAFKA_MSG_F_COPY,
                payload.as_ptr().cast_mut().cast::<c_void>(),
                payload.len(),
                key.as_ptr().cast::<c_void>(),
                key.len(),
                std::ptr::null_mut(),
            )
        };
        if code == 0 {
            return Ok(());
        }
        // SAFETY: reads this thread's last error.
        Err(unsafe { native::rd_kafka_last_error() }.into())
    }

    /// The same with a header of this value.
    fn produce_with(
        &self,
        producer: &ThreadedProducer<Deliveries>,
        header: &[u8],
        key: &[u8],
        payload: &[u8],
    ) -> Result<(), RDKafkaErrorCode> {
        use native::rd_kafka_vtype_t as Kind;
        type Value = native::rd_kafka_vu_s__bindgen_ty_1;
        let memory = |bytes: &[u8]| Value {
            mem: native::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
                ptr: bytes.as_ptr().cast_mut().cast::<c_void>(),
                size: bytes.len(),
            },
        };
        let header = native::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 {
            name: self.header_name.as_ref().map_or(c"".as_ptr(), |name| name.as_ptr()),
            val: header.as_ptr().cast::<c_void>(),
            size: header.len().cast_signed(),
        };
        let flags = native::RD_KAFKA_MSG_F_COPY;
        let values = [
            (Kind::RD_KAFKA_VTYPE_RKT, Value { rkt: self.topic }),
            (Kind::RD_KAFKA_VTYPE_MSGFLAGS, Value { i: flags }),
            (Kind::RD_KAFKA_VTYPE_KEY, memory(key)),
            (Kind::RD_KAFKA_VTYPE_VALUE, memory(payload)),
            (Kind::RD_KAFKA_VTYPE_HEADER, Value { header }),
        ];
        let values = values.map(|(vtype, u)| native::rd_kafka_vu_t { vtype, u });
        // SAFETY: client, topic and name are alive, each value is of its kind, and librdkafka only
        // reads all of it during the call; the error, if there is one, is ours to destroy.
        unsafe {
            let client = producer.client().native_ptr();
            let error = native::rd_kafka_produceva(client, values.as_ptr(), values.len());
            if error.is_null() {
                return Ok(());
            }
            let code = native::rd_kafka_error_code(error);
            native::rd_kafka_error_destroy(error);
            Err(code.into())
        }
    }
}

impl Drop for TopicHandle {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and the client outlives it.
        unsafe { native::rd_kafka_topic_destroy(self.topic) };
    }
}

struct Deliveries {
    codec: &'static dyn Codec,
    clock: Arc<dyn Clock>,
    receiver: Arc<dyn Receiver>,
    /// The last statistics as they came: JSON, some kilobytes.
    statistics: Mutex<Vec<u8>>,
    heard: Heard,
    reporter: Reporter,
}

/// The part of librdkafka's statistics that is of interest (its STATISTICS.md): `txmsg_bytes`
/// are keys and values as they were handed over, `tx_bytes` what the sockets took.
#[derive(Deserialize)]
struct Statistics {
    txmsgs: u64,
    txmsg_bytes: u64,
    tx_bytes: u64,
    eos: Option<Idempotence>,
}

/// Of an idempotent producer.
#[derive(Deserialize)]
struct Idempotence {
    idemp_state: String,
}

impl Statistics {
    /// Whether the producer has got the id that it asks a broker for.
    fn has_id(&self) -> bool {
        self.eos.as_ref().is_some_and(|eos| eos.idemp_state == "Assigned")
    }
}

impl ClientContext for Deliveries {
    fn stats_raw(&self, text: &[u8]) {
        let mut last = self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        last.clear();
        last.extend_from_slice(text);
        drop(last);
        self.heard.listen(text);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.reporter.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.reporter.error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let at_ns = self.clock.now_ns();
        let (message, reason) = match result {
            Ok(message) => (message, String::new()),
            Err((error, message)) => (message, error.to_string()),
        };
        // The stamp comes out of the record itself, so no opaque is allocated for an event.
        let header = header(message, self.codec.stamp_place());
        let Some(stamp) = self.codec.stamp(header, message.payload()) else {
            return;
        };
        self.receiver.receive(&Receipt {
            stamp,
            outcome: outcome(message),
            at_ns,
            partition: message.partition(),
            offset: message.offset(),
            reason: &reason,
        });
    }
}

/// "Failed" isn't "not written": only the message's status tells the two apart.
fn outcome(message: &BorrowedMessage<'_>) -> Outcome {
    // SAFETY: the message is alive as long as its borrow.
    match unsafe { native::rd_kafka_message_status(message.ptr()) } {
        native::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_PERSISTED => Outcome::Acked,
        native::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Outcome::Failed,
        native::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests;
