//! One application by itself, outside of any run.

pub mod consumer;
pub mod replay;

use std::sync::Arc;

use crate::base::error::Result;
use crate::client::facts::BrokerKind;
use crate::client::library::Endpoint;
use crate::client::target::Target;
use crate::client::{Place, connect};
use crate::plan::KafkaPlan;

/// A place where an application reads a topic by itself.
///
/// # Errors
/// [`crate::base::error::Error::Usage`] when the client refuses a property.
pub fn open(kafka: &KafkaPlan, bootstrap: &str, topic: &str) -> Result<Arc<dyn Target>> {
    let kind = BrokerKind::Kafka;
    connect(Place::Brokers(Endpoint { kind, bootstrap, topic, kafka, reads_only: true }))
}
