//! Kafka, by librdkafka: the real sink and source, and the administration of topics.

mod admin;
mod applied;
mod distance;
mod excerpt;
mod recording;
mod scan;
mod sink;
mod source;
mod throttle;
mod version;

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use crate::error::Error;
use crate::plan::native;

pub use admin::{Admin, Brokers, TopicFacts};
pub use applied::ClientProperties;
pub use distance::{Distance, distances};
pub use excerpt::{Excerpt, Scout};
pub use recording::{Recording, Stretch};
pub use scan::{INTERRUPTED, Until, scan};
pub use sink::{KafkaSink, STATISTICS_MS};
pub use source::{KafkaSource, skip_to_end};
pub use version::BrokerVersion;

/// librdkafka's version, as it says itself.
#[must_use]
pub fn client_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}

/// A property that librdkafka refuses, without the secret that its message may quote.
fn refused(side: &str, error: &KafkaError) -> Error {
    Error::usage(format!("kafka.{side}: librdkafka refuses it: {}", native::words(error)))
}

fn config(bootstrap: &str, properties: &BTreeMap<String, String>) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    for (key, value) in properties {
        config.set(key, value);
    }
    config
}
