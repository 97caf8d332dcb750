//! Kafka, by librdkafka: the real sink and source, and the administration of topics.

mod address;
mod admin;
mod client_log;
mod distance;
pub mod effective_config;
mod headers;
mod library;
mod properties;
pub mod setup;
mod sink;
mod source;
mod strangers;
mod target;
mod throttle;
mod topic;
mod topic_id;
mod topic_log;
mod version;

pub use admin::Admin;
pub use client_log::ClientLog;
pub use distance::distances;
pub use library::Librdkafka;
pub use sink::KafkaSink;
pub use source::{KafkaSource, skip_to_end};
pub use throttle::STATISTICS_MS;
