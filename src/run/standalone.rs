//! One application by itself, outside of any run.

pub mod consumer;
pub mod replay;

use std::sync::Arc;

use crate::base::error::Result;
use crate::client::facts::BrokerKind;
use crate::client::library::Endpoint;
use crate::client::target::Target;
use crate::client::{Place, connect};
use crate::plan::Plan;

/// How often a client looks for new topics and partitions, in milliseconds.
const REFRESH: (&str, &str) = ("topic.metadata.refresh.interval.ms", "2000");

/// A place where an application reads by itself: the plan's topic at `bootstrap`.
///
/// # Errors
/// [`crate::base::error::Error::Usage`] when the client refuses a property.
pub fn open(plan: &Plan, bootstrap: &str) -> Result<Arc<dyn Target>> {
    let mut kafka = plan.kafka.clone();
    // A consumer may be there before its topic: the client's own five minutes are long.
    kafka.consumer.entry(REFRESH.0.to_owned()).or_insert_with(|| REFRESH.1.to_owned());
    let (kind, topic, kafka) = (BrokerKind::Kafka, plan.topic.name.as_str(), &kafka);
    connect(Place::Brokers(Endpoint { kind, bootstrap, topic, kafka, reads_only: true }))
}
