//! What a plan sets, by Kafka's and librdkafka's names, as this client takes it. What is not set
//! has the default of Kafka's Java client (its documentation of 4.1, "Producer Configs" and
//! "Consumer Configs"), where it has that setting.

mod consumer;
mod producer;
mod reader;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::error::{Error, Result};

pub(crate) use consumer::{ConsumerSettings, OffsetReset};
pub(crate) use producer::{AckLevel, ProducerSettings};
use reader::PropertyReader;

/// How to connect, whatever for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionSettings {
    /// `host:port` of the brokers that are asked first.
    pub(crate) bootstrap: Vec<String>,
    /// The client's name, as brokers show it.
    pub(crate) client_id: String,
    /// Longest wait for an answer: Java's `request.timeout.ms`, 30 s.
    pub(crate) request_timeout: Duration,
    /// Longest wait for a connection: Java's `socket.connection.setup.timeout.ms`, 10 s.
    pub(crate) connect_timeout: Duration,
    /// The first wait before a connection is tried again: Java's `reconnect.backoff.ms`, 50 ms.
    pub(crate) reconnect_first: Duration,
    /// And the longest: Java's `reconnect.backoff.max.ms`, 1 s.
    pub(crate) reconnect_most: Duration,
    /// The first wait before a request is tried again: Java's `retry.backoff.ms`, 100 ms.
    pub(crate) retry_first: Duration,
    /// And the longest: Java's `retry.backoff.max.ms`, 1 s.
    pub(crate) retry_most: Duration,
    /// How old metadata may be: Java's `metadata.max.age.ms`, 5 min.
    pub(crate) metadata_age: Duration,
    /// The largest answer that is believed: librdkafka's `receive.message.max.bytes`, 100,000,000.
    pub(crate) answer_bytes_max: usize,
}

impl ConnectionSettings {
    fn read(bootstrap: &str, reader: &mut PropertyReader<'_>) -> Self {
        let addresses = bootstrap.split(',').map(str::trim).filter(|one| !one.is_empty());
        let bare = |one: &str| one.split_once("://").map_or(one, |(_, rest)| rest).to_owned();
        reader.only("security.protocol", &["plaintext"], "connects without TLS and SASL");
        let ms = |reader: &mut PropertyReader<'_>, names: &[&'static str], default: u64| {
            Duration::from_millis(reader.number(names, default, 0..=u64::from(u32::MAX)))
        };
        Self {
            bootstrap: addresses.map(bare).collect(),
            client_id: reader.text(&["client.id"]).unwrap_or("kbench").to_owned(),
            request_timeout: ms(reader, &["request.timeout.ms", "socket.timeout.ms"], 30_000),
            connect_timeout: ms(reader, &["socket.connection.setup.timeout.ms"], 10_000),
            reconnect_first: ms(reader, &["reconnect.backoff.ms"], 50),
            reconnect_most: ms(reader, &["reconnect.backoff.max.ms"], 1_000),
            retry_first: ms(reader, &["retry.backoff.ms"], 100),
            retry_most: ms(reader, &["retry.backoff.max.ms"], 1_000),
            metadata_age: ms(
                reader,
                &["metadata.max.age.ms", "topic.metadata.refresh.interval.ms"],
                300_000,
            ),
            answer_bytes_max: reader.size(&["receive.message.max.bytes"], 100_000_000),
        }
    }
}

/// One side's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NativeSettings<S> {
    /// How to connect.
    pub(crate) connection: ConnectionSettings,
    /// What only this side has.
    pub(crate) own: S,
}

impl NativeSettings<ProducerSettings> {
    /// Reads a producer's properties.
    ///
    /// # Errors
    /// [`Error::Usage`] with a line for each that this client does not support.
    pub(crate) fn producer(bootstrap: &str, properties: &BTreeMap<String, String>) -> Result<Self> {
        Self::read(("producer", properties), bootstrap, ProducerSettings::read)
    }
}

impl NativeSettings<ConsumerSettings> {
    /// Reads a consumer's properties.
    ///
    /// # Errors
    /// [`Error::Usage`] with a line for each that this client does not support.
    pub(crate) fn consumer(bootstrap: &str, properties: &BTreeMap<String, String>) -> Result<Self> {
        Self::read(("consumer", properties), bootstrap, ConsumerSettings::read)
    }
}

impl<S> NativeSettings<S> {
    fn read(
        (side, properties): (&'static str, &BTreeMap<String, String>),
        bootstrap: &str,
        own: impl FnOnce(&mut PropertyReader<'_>) -> S,
    ) -> Result<Self> {
        let mut reader = PropertyReader::new(side, properties);
        let connection = ConnectionSettings::read(bootstrap, &mut reader);
        let own = own(&mut reader);
        let faults = reader.finish();
        if faults.is_empty() { Ok(Self { connection, own }) } else { Err(Error::Usage(faults)) }
    }
}

#[cfg(test)]
mod tests;
