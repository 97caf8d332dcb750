//! What there is before a run: its number, the broker that it starts, the world that it opens.

use std::sync::Arc;

use super::RunOptions;
use super::embedded::EmbeddedBroker;
use crate::base::clock::SystemClock;
use crate::base::error::{Error, Result};
use crate::base::random;
use crate::client::facts::BrokerKind;
use crate::client::library::Endpoint;
use crate::client::target::Target;
use crate::client::{Place, connect};
use crate::plan::Plan;
use crate::result::run_event::{Listener, RunEvent};

/// A recording lies on a broker that was there before the run.
pub(super) fn check_replay(plan: &Plan, options: &RunOptions) -> Result<()> {
    match &plan.load.replay {
        Some(replay) if options.loopback.is_some() || plan.kafka.bootstrap_servers.is_none() => {
            Err(Error::usage(format!(
                "topic {} can't be replayed on a broker that is started for the run: name the \
                 broker that it is on",
                replay.topic
            )))
        }
        _ => Ok(()),
    }
}

fn start_embedded(
    plan: &Plan,
    options: &RunOptions,
    listener: &mut dyn Listener,
) -> Result<Option<EmbeddedBroker>> {
    if options.loopback.is_some() || plan.kafka.bootstrap_servers.is_some() {
        return Ok(None);
    }
    let broker = EmbeddedBroker::start(&options.program, plan.topic.partitions)?;
    listener.on(&RunEvent::EmbeddedStarted {
        address: broker.address(),
        one_of_many: options.trial.is_some() || options.race.is_some(),
        repeated: options.is_repeated(),
    });
    Ok(Some(broker))
}

/// What a run takes place in.
pub(super) struct Scene {
    /// In the topic's name, and in the stamp of each event.
    pub(super) run: u32,
    pub(super) clock: Arc<SystemClock>,
    pub(super) world: Arc<dyn Target>,
    /// The broker that was started for it.
    pub(super) embedded: Option<EmbeddedBroker>,
}

/// Starts a broker if need be, and connects; nobody has answered yet.
pub(super) fn open(
    plan: &Plan,
    options: &mut RunOptions,
    listener: &mut dyn Listener,
) -> Result<Scene> {
    let run = random::fresh() as u32;
    let clock = Arc::new(SystemClock::start_on_border(plan.measure.interval_ms * 1_000));
    let embedded = start_embedded(plan, options, listener)?;
    let world = match options.loopback.take() {
        Some(hooks) => {
            let partitions = usize::try_from(plan.topic.partitions).unwrap_or(1);
            let (codec, hooks) = (plan.event.codec(), Box::new(hooks));
            connect(Place::Loopback(partitions, codec, clock.clone(), hooks))?
        }
        None => connect_to_brokers(plan, run, embedded.as_ref())?,
    };
    Ok(Scene { run, clock, world, embedded })
}

fn connect_to_brokers(
    plan: &Plan,
    run: u32,
    embedded: Option<&EmbeddedBroker>,
) -> Result<Arc<dyn Target>> {
    let topic = if plan.topic.reuse {
        plan.topic.name.clone()
    } else {
        format!("{}-{run:08x}", plan.topic.name)
    };
    let started = embedded.map(|broker| broker.address().to_string());
    let (kind, bootstrap) = match (&started, &plan.kafka.bootstrap_servers) {
        (Some(address), _) => (BrokerKind::Embedded, address),
        (None, Some(named)) => (BrokerKind::Kafka, named),
        (None, None) => return Err(Error::Internal("a run without a broker".to_owned())),
    };
    let (topic, kafka) = (topic.as_str(), &plan.kafka);
    connect(Place::Brokers(Endpoint { kind, bootstrap, topic, kafka, reads_only: false }))
}
