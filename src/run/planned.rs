//! A run before it begins: what it is to do, and where.

use std::sync::Arc;

use super::closing::Closing;
use super::embedded::EmbeddedBroker;
use super::needs;
use super::options::RunOptions;
use super::setup::Scene;
use crate::base::clock::SystemClock;
use crate::base::error::Result;
use crate::broker::BrokerStats;
use crate::client::facts::BrokerInfo;
use crate::client::target::Target;
use crate::plan::Plan;
use crate::result::Host;
use crate::result::run_event::{Listener, RunEvent};
use crate::workers::produce::Sending;

/// All that is known before anything is sent. It goes on to be live, then finished.
pub(super) struct PlannedRun {
    /// With a recording's phases, where one is replayed.
    pub(super) plan: Plan,
    pub(super) sending: Sending,
    /// In the topic's name, and in the stamp of each event.
    pub(super) run: u32,
    pub(super) clock: Arc<SystemClock>,
    pub(super) target: Arc<dyn Target>,
    /// What was found out about it.
    pub(super) facts: BrokerInfo,
    /// The broker that was started for it.
    pub(super) embedded: Option<EmbeddedBroker>,
    pub(super) host: Host,
    pub(super) closing: Closing,
    pub(super) options: RunOptions,
}

impl PlannedRun {
    /// Makes the target ready.
    pub(super) fn prepare(
        scene: Scene,
        plan: &Plan,
        sending: Sending,
        options: RunOptions,
        listener: &mut dyn Listener,
    ) -> Result<Self> {
        let Scene { run, clock, world: target, embedded } = scene;
        let host = Host::read();
        let closing = Closing::new(options.signal.clone());
        let facts = target.prepare(plan, &|brokers| needs::check_handles(plan, brokers))?;
        options.remains.begin(target.own_topic(plan));
        let (facts_told, repeated) = (Box::new(facts.clone()), options.is_repeated());
        listener.on(&RunEvent::Connected { facts: facts_told, repeated });
        let plan = plan.clone();
        Ok(Self { plan, sending, run, clock, target, facts, embedded, host, closing, options })
    }

    /// The embedded broker's last word, if it has one.
    pub(super) fn embedded_stats(&self) -> Option<BrokerStats> {
        self.embedded.as_ref().filter(|broker| broker.ended().is_none())?.stats().ok()
    }

    /// Why the embedded broker is not there any more, where it is not.
    pub(super) fn embedded_ended(&self) -> Option<String> {
        self.embedded.as_ref().and_then(EmbeddedBroker::ended)
    }
}
