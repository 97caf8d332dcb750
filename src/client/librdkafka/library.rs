//! librdkafka as one client among others.

use std::sync::Arc;

use super::setup;
use super::target::KafkaTarget;
use crate::base::error::Result;
use crate::client::library::{ClientLibrary, Endpoint};
use crate::client::target::Target;
use crate::plan::KafkaPlan;

/// The client that Kafka's users outside of Java know best.
#[derive(Debug, Clone, Copy)]
pub struct Librdkafka;

impl ClientLibrary for Librdkafka {
    fn version(&self) -> String {
        setup::client_version()
    }

    fn try_properties(&self, plan: &KafkaPlan) -> Result<()> {
        setup::try_properties(plan)
    }

    fn connect(&self, endpoint: &Endpoint<'_>) -> Result<Arc<dyn Target>> {
        Ok(Arc::new(KafkaTarget::connect(endpoint)?))
    }
}
