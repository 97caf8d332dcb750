//! What is measured and how it is judged. Pure: no Kafka, no files, no clock of its own.

pub mod drift;
pub mod latency;
pub mod ledger;
pub mod verify;
