//! A run while it goes on, and after it.

use std::sync::Arc;
use std::time::Duration;

use super::assemble::End;
use super::closing::Closing;
use super::collect::Collector;
use super::embedded::EmbeddedBroker;
use super::remains::Remains;
use super::workers::Workers;
use crate::base::clock::SystemClock;
use crate::client::facts::BrokerInfo;
use crate::client::target::Target;
use crate::plan::Plan;
use crate::workers::consume::Source;
use crate::workers::produce::{Merge, Sending, Sink};

/// Between the last preparation and slot time 0: so that every loop is on its feet, and what an
/// idle process costs can be seen.
pub(super) const LEAD_NS: u64 = 250_000_000;

/// How often the harness looks at its loops.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// The part of a run in which time matters.
pub(super) struct Play<'a> {
    pub(super) plan: &'a Plan,
    pub(super) sending: Sending,
    pub(super) run: u32,
    pub(super) world: &'a Arc<dyn Target>,
    /// What was found out about it.
    pub(super) facts: &'a BrokerInfo,
    pub(super) clock: &'a Arc<SystemClock>,
    pub(super) closing: &'a Closing,
    pub(super) remains: &'a Remains,
    pub(super) embedded: Option<&'a EmbeddedBroker>,
    pub(super) start_wall_us: Option<i64>,
    /// Whether another run has told how such a run begins.
    pub(super) repeated: bool,
}

/// What is left of it.
pub(super) struct Played {
    pub(super) crew: Workers,
    pub(super) collector: Collector,
    /// Still open: closing them may hang, and comes after the saving.
    pub(super) sources: Vec<Box<dyn Source>>,
    pub(super) sinks: Vec<Box<dyn Sink>>,
    pub(super) merge: Option<Merge>,
    pub(super) end: End,
}
