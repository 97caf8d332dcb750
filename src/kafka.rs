//! Kafka, by librdkafka: the real sink and source, and the administration of topics.

mod admin;
mod recording;
mod sink;
mod source;

use std::collections::BTreeMap;

use rdkafka::ClientConfig;

pub use admin::{Admin, Brokers, TopicFacts};
pub use recording::Recording;
pub use sink::KafkaSink;
pub use source::{KafkaSource, skip_to_end};

/// librdkafka's version, as it says itself.
#[must_use]
pub fn client_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}

fn config(bootstrap: &str, properties: &BTreeMap<String, String>) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    for (key, value) in properties {
        config.set(key, value);
    }
    config
}
