//! A producer's settings.

use std::time::Duration;

use super::reader::PropertyReader;

/// Whose confirmation an event waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AckLevel {
    /// Nobody's: what left for the socket is over, and perhaps written.
    Nobody,
    /// The leader's.
    Leader,
    /// That of all replicas in sync.
    All,
}

impl AckLevel {
    /// As requests carry it.
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Nobody => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// What only producers have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProducerSettings {
    /// Java's `acks`: all.
    pub(crate) acks: AckLevel,
    /// Java's `enable.idempotence`: true.
    pub(crate) is_idempotent: bool,
    /// How long a batch waits for more: Java's `linger.ms`, 5 since Kafka 4.0.
    pub(crate) linger: Duration,
    /// The size that a batch is sent at, before the codec: Java's `batch.size`, 16,384.
    pub(crate) batch_bytes: usize,
    /// Most records of a batch: librdkafka's `batch.num.messages`; Java has no such limit.
    pub(crate) batch_records: usize,
    /// Requests that one connection may have unanswered: Java's
    /// `max.in.flight.requests.per.connection`, 5.
    pub(crate) in_flight_max: usize,
    /// Java's `compression.type`: none.
    pub(crate) compression: &'static str,
    /// The codec's level, where one is set: librdkafka's `compression.level`.
    pub(crate) compression_level: Option<i32>,
    /// How long an event may be under way: Java's `delivery.timeout.ms`, 2 min.
    pub(crate) delivery_timeout: Duration,
    /// How often a batch may be sent again: Java's `retries`, without limit.
    pub(crate) retries: u32,
    /// All memory of batches, open, waiting and under way: Java's `buffer.memory`, 32 MiB.
    pub(crate) buffer_bytes: usize,
    /// Events that may be under way: librdkafka's `queue.buffering.max.messages`; no limit in Java.
    pub(crate) buffer_records: usize,
    /// The largest request: Java's `max.request.size`, 1 MiB; librdkafka's `message.max.bytes`.
    pub(crate) request_bytes_max: usize,
}

/// The names of the codecs, as settings have them.
const CODECS: &[(&str, &str)] =
    &[("none", "none"), ("gzip", "gzip"), ("snappy", "snappy"), ("lz4", "lz4"), ("zstd", "zstd")];

impl ProducerSettings {
    pub(super) fn read(reader: &mut PropertyReader<'_>) -> Self {
        const FOREVER: u64 = u32::MAX as u64;
        let acks = [
            ("0", AckLevel::Nobody),
            ("1", AckLevel::Leader),
            ("-1", AckLevel::All),
            ("all", AckLevel::All),
        ];
        let acks = reader.choice(&["acks", "request.required.acks"], AckLevel::All, &acks);
        let in_flight = ["max.in.flight.requests.per.connection", "max.in.flight"];
        reader.only("partitioner", &["murmur2_random", "murmur2"], "chooses as Java's does");
        reader.only("queuing.strategy", &["fifo"], "sends in order");
        reader.only("enable.gapless.guarantee", &["false"], "gives no such guarantee");
        reader.only("transactional.id", &[""], "has no transactions");
        let ms = |reader: &mut PropertyReader<'_>, names: &[&'static str], default: u64| {
            match reader.number(names, default, 0..=FOREVER) {
                // librdkafka's word for "without end".
                0 => Duration::from_millis(FOREVER),
                ms => Duration::from_millis(ms),
            }
        };
        let timeout = ["delivery.timeout.ms", "message.timeout.ms"];
        let kbytes = reader.number(&["queue.buffering.max.kbytes"], 32 * 1_024, 1..=FOREVER);
        let bytes = reader.number(&["buffer.memory"], kbytes * 1_024, 1..=FOREVER * 1_024);
        let level = reader.text(&["compression.level"]).and_then(|text| text.parse().ok());
        let settings = Self {
            acks,
            is_idempotent: reader.flag(&["enable.idempotence"], acks == AckLevel::All),
            linger: Duration::from_millis(reader.number(
                &["linger.ms", "queue.buffering.max.ms"],
                5,
                0..=FOREVER,
            )),
            batch_bytes: reader.size(&["batch.size"], 16_384),
            batch_records: reader.size(&["batch.num.messages"], usize::MAX >> 33),
            in_flight_max: reader.size(&in_flight, 5),
            compression: reader.choice(&["compression.type", "compression.codec"], "none", CODECS),
            compression_level: level.filter(|level| *level >= 0),
            delivery_timeout: ms(reader, &timeout, 120_000),
            retries: u32::try_from(reader.number(
                &["retries", "message.send.max.retries"],
                FOREVER,
                0..=FOREVER,
            ))
            .unwrap_or(u32::MAX),
            buffer_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            buffer_records: match reader.number(&["queue.buffering.max.messages"], 0, 0..=FOREVER) {
                0 => usize::MAX,
                records => usize::try_from(records).unwrap_or(usize::MAX),
            },
            request_bytes_max: reader.size(&["max.request.size", "message.max.bytes"], 1 << 20),
        };
        settings.agreed(reader)
    }

    /// What the others demand of idempotence, as Java has it.
    fn agreed(self, reader: &mut PropertyReader<'_>) -> Self {
        if self.is_idempotent && self.acks != AckLevel::All {
            reader.contradiction("enable.idempotence=true needs acks=all; expected one of them");
        }
        if self.is_idempotent && self.in_flight_max > 5 {
            reader.contradiction(
                "max.in.flight.requests.per.connection: enable.idempotence=true allows 5 at most",
            );
        }
        self
    }
}
