//! Kafka, by librdkafka: the real sink and source, and the administration of topics.

mod address;
mod admin;
mod client_log;
mod distance;
pub mod effective_config;
mod excerpt;
mod library;
mod properties;
mod recording;
mod scan;
pub mod setup;
mod sink;
mod source;
mod strangers;
mod target;
mod throttle;
mod topic;
mod topic_id;
mod version;

pub use admin::Admin;
pub use client_log::ClientLog;
pub use distance::distances;
pub use excerpt::{Excerpt, Scout};
pub use library::Librdkafka;
pub use recording::{OffsetRange, Recording};
pub use scan::{INTERRUPTED, ScanUntil, scan};
pub use sink::KafkaSink;
pub use source::{KafkaSource, skip_to_end};
pub use throttle::STATISTICS_MS;
