//! How a client is made.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::BaseProducer;

use super::properties::words;
use crate::base::error::{Error, Result};
use crate::plan::KafkaPlan;

/// Whether asking for a topic makes it.
pub(super) const AUTO_CREATE: &str = "allow.auto.create.topics";

/// librdkafka's version, as it says itself.
#[must_use]
pub fn client_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}

/// A property that librdkafka refuses, without the secret that its message may quote.
pub(super) fn refused(side: &str, error: &KafkaError) -> Error {
    Error::usage(format!("kafka.{side}: librdkafka refuses it: {}", words(error)))
}

pub(super) fn config(bootstrap: &str, properties: &BTreeMap<String, String>) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    for (key, value) in properties {
        config.set(key, value);
    }
    config
}

/// The same for a client that sends: it never makes a topic by itself, unless it was told to. A
/// topic that somebody deletes while it is written to would be there again, of another shape.
pub(super) fn sender_config(
    bootstrap: &str,
    properties: &BTreeMap<String, String>,
) -> ClientConfig {
    let mut config = config(bootstrap, properties);
    if !properties.contains_key(AUTO_CREATE) {
        config.set(AUTO_CREATE, "false");
    }
    config
}

/// Makes a client of each side, which connects to nothing, and throws it away: only then does
/// librdkafka look at how properties go together.
///
/// # Errors
/// [`Error::Usage`] with what it refuses.
pub fn try_properties(plan: &KafkaPlan) -> Result<()> {
    let mut producer = ClientConfig::new();
    producer.extend(plan.producer.clone());
    let made: KafkaResult<BaseProducer> = producer.create();
    made.map_err(|error| refused("producer", &error))?;
    let mut consumer = ClientConfig::new();
    consumer.extend(plan.consumer.clone());
    let made: KafkaResult<BaseConsumer> = consumer.set("group.id", "kbench").create();
    made.map(drop).map_err(|error| refused("consumer", &error))
}
