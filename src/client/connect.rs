//! Which client is used for what: the one place that names them all.

use std::sync::Arc;

use super::library::{ClientLibrary, Endpoint};
use super::librdkafka::Librdkafka;
use super::loopback::Cluster;
use super::loopback::hooks::LoopbackHooks;
use super::native::Native;
use super::target::Target;
use crate::base::clock::Clock;
use crate::base::error::Result;
use crate::event::codec::Codec;
use crate::plan::{ClientCheckers, ClientKind, KafkaPlan, PropertyChecker};

/// The client of a kind.
#[must_use]
pub fn library(kind: ClientKind) -> &'static dyn ClientLibrary {
    match kind {
        ClientKind::Librdkafka => &Librdkafka,
        ClientKind::Native => &Native,
    }
}

/// All of them, for whoever checks a scenario.
pub const CHECKERS: &dyn ClientCheckers = &Libraries;

#[derive(Debug)]
struct Libraries;

impl ClientCheckers for Libraries {
    fn checker(&self, kind: ClientKind) -> &dyn PropertyChecker {
        library(kind)
    }

    /// The native one, where it has all that is set: it costs less, so it says more of the cluster.
    fn choose(&self, plan: &KafkaPlan) -> (ClientKind, Option<String>) {
        match Native::missing(plan) {
            None => (ClientKind::Native, None),
            Some(why) => (ClientKind::Librdkafka, Some(why)),
        }
    }
}

/// Where something is to take place.
#[allow(missing_debug_implementations, reason = "holds a clock")]
pub enum Place<'a> {
    /// Brokers.
    Brokers(Endpoint<'a>),
    /// This process: so many partitions, what their events are written by, the run's clock, and
    /// what is planted.
    Loopback(usize, &'static dyn Codec, Arc<dyn Clock>, Box<LoopbackHooks>),
}

/// Makes the target for a place.
///
/// # Errors
/// [`crate::base::error::Error::Usage`] when the client refuses a property.
pub fn connect(place: Place<'_>) -> Result<Arc<dyn Target>> {
    match place {
        Place::Brokers(endpoint) => library(endpoint.kafka.client).connect(&endpoint),
        Place::Loopback(partitions, codec, clock, hooks) => {
            Ok(Arc::new(Cluster::new(partitions, codec, clock, *hooks)))
        }
    }
}
