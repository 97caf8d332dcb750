//! What a run is against: a Kafka by librdkafka, or a loopback in this process.

pub mod embedded;
pub mod facts;
pub mod librdkafka;
pub mod loopback;
pub mod stranger;
pub mod target;
