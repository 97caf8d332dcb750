//! A client for Kafka's protocol: what it brings, whoever wrote it.

use std::sync::Arc;

use super::facts::BrokerKind;
use super::target::Target;
use crate::base::error::Result;
use crate::plan::{KafkaPlan, PropertyChecker};

/// A client for Kafka's protocol; it checks its own properties.
pub trait ClientLibrary: PropertyChecker {
    /// Its version, as it says itself.
    fn version(&self) -> String;

    /// Whether it takes a plan's properties together, asked without connecting to anything.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Usage`] with what it refuses.
    fn try_properties(&self, plan: &KafkaPlan) -> Result<()>;

    /// A place for a run; nobody has answered yet when this returns.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Usage`] when it refuses a property.
    fn connect(&self, endpoint: &Endpoint<'_>) -> Result<Arc<dyn Target>>;
}

/// Brokers to connect to, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint<'a> {
    /// Kafka or the embedded broker, as far as it is known before anybody has answered.
    pub kind: BrokerKind,
    /// As given by the user, or the embedded broker's address.
    pub bootstrap: &'a str,
    /// The name of the topic that it is about.
    pub topic: &'a str,
    /// The clients' properties.
    pub kafka: &'a KafkaPlan,
    /// Whether nothing is written: then the consumers' properties say how to connect, and nobody
    /// asks after quotas.
    pub reads_only: bool,
}
