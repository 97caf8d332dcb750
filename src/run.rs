//! One run from plan to result: the world, the loops, the end, the judgement.
//!
//! The harness owns the run's state. Loops report by messages; nothing else may end the run.

pub mod assemble;
mod closing;
mod collect;
mod course;
pub mod doctor;
mod drain;
pub mod embedded;
mod ending;
pub mod keep;
pub mod lag;
mod merge;
pub mod needs;
pub mod network_bytes;
pub mod observe;
pub mod options;
pub mod parts;
pub mod play;
mod pulse;
pub mod race;
pub mod readiness;
mod recording;
pub mod remains;
mod rescan;
mod series;
pub mod setup;
mod shards;
mod shelf;
pub mod standalone;
mod strangers;
pub mod sweep;
pub mod threads;
pub mod throttling;
pub mod timeline;
mod undelivered;
pub mod workers;

use crate::base::error::Result;
use crate::client::facts::BrokerInfo;
use crate::plan::Plan;
use crate::result::run_event::{Awaited, Listener, RunEvent};
use crate::result::{self, Host, RunResult};
use crate::workers::produce::Sending;

use assemble::Conditions;
use closing::Closing;
use ending::Ending;
use keep::Keep;
pub use options::{Finished, RunOptions};
use play::{Play, Played};
use recording::RecordedLoad;
use setup::{Scene, check_replay, open};
use shelf::Shelf;

/// Runs a plan, and saves its result. `listener` is told of all that happens to it.
///
/// # Errors
/// [`Broker`](crate::base::error::Error::Broker) when the broker can't be reached or refuses,
/// [`Invalid`](crate::base::error::Error::Invalid) when the groups don't get ready,
/// [`Signal`](crate::base::error::Error::Signal) when a signal comes before the load; nothing is
/// saved then, because nothing was measured.
pub fn run(
    plan: &Plan,
    scenario_text: &str,
    options: RunOptions,
    listener: &mut dyn Listener,
) -> Result<Finished> {
    result::check_writable(&options.results_dir)?;
    let mut shelf = Shelf::new(&options.results_dir, scenario_text);
    let result = perform(plan, Sending::default(), options, listener, &mut shelf)?;
    let (folder, unsaved) = shelf.into_parts();
    Ok(Finished { result, folder, unsaved })
}

/// Runs a plan, and has its result kept.
fn perform(
    plan: &Plan,
    sending: Sending,
    mut options: RunOptions,
    listener: &mut dyn Listener,
    keep: &mut dyn Keep,
) -> Result<RunResult> {
    check_replay(plan, &options)?;
    timeline::check(plan, &options.actors)?;
    options.remains.begin(None);
    let scene = open(plan, &mut options, listener)?;
    perform_in(scene, plan, sending, options, listener, keep)
}

/// Runs a plan wherever the scene is: from here on nothing is known of the target but the trait.
fn perform_in(
    scene: Scene,
    plan: &Plan,
    sending: Sending,
    mut options: RunOptions,
    listener: &mut dyn Listener,
    keep: &mut dyn Keep,
) -> Result<RunResult> {
    let Scene { run, clock, world, embedded } = scene;
    let mut actors = std::mem::take(&mut options.actors);
    let host = Host::read();
    let closing = Closing::new(options.signal.clone());
    let remains = options.remains.clone();
    let facts = world.prepare(plan, &|brokers| needs::check_handles(plan, brokers))?;
    remains.begin(world.own_topic(plan));
    let repeated = options.is_repeated();
    listener.on(&RunEvent::Connected { facts: Box::new(facts.clone()), repeated });
    let played = RecordedLoad::open(plan, &*world, &|| closing.go_on()).and_then(|replay| {
        let (complete, replay) = replay.unzip();
        let plan = complete.unwrap_or_else(|| plan.clone());
        let play = Play {
            plan: &plan,
            sending,
            run,
            world: &world,
            facts: &facts,
            clock: &clock,
            closing: &closing,
            remains: &remains,
            embedded: embedded.as_ref(),
            start_wall_us: options.start_wall_us,
            repeated,
        };
        let played = play.run(replay, &mut actors, listener)?;
        Ok((plan, played))
    });
    let (plan, played) = match played {
        Ok(done) => done,
        Err(error) => {
            // Nothing was measured.
            ending::leave(plan, world, &closing, &remains, listener);
            return Err(error);
        }
    };
    let mut command_line = options.command_line;
    result::mask_arguments(&mut command_line);
    let leaders_after =
        closing.ask(&world, (Awaited::Leaders, 0), listener, |world| world.leaders());
    let facts = BrokerInfo { leaders_after: leaders_after.unwrap_or_default(), ..facts };
    let conditions = Conditions { run, command_line, facts, clients: world.clients(), host };
    let ending = Ending {
        plan: &plan,
        world,
        clock: &clock,
        closing: &closing,
        remains: &remains,
        trial: options.trial,
        race: options.race,
        stats: ending::stats(embedded.as_ref()),
    };
    ending.run(played, conditions, keep, listener)
}

#[cfg(test)]
mod tests;
