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
mod finished;
#[cfg(test)]
mod format_tests;
pub mod keep;
pub mod lag;
mod live;
mod merge;
pub mod needs;
pub mod network_bytes;
pub mod observe;
pub mod options;
pub mod parts;
mod planned;
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
use crate::plan::Plan;
use crate::result::run_event::Listener;
use crate::result::{self, RunResult};
use crate::workers::produce::Sending;

use finished::FinishedRun;
use keep::Keep;
use live::LiveRun;
pub use options::{Finished, RunOptions};
use planned::PlannedRun;
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
    options: RunOptions,
    listener: &mut dyn Listener,
    keep: &mut dyn Keep,
) -> Result<RunResult> {
    let mut planned = PlannedRun::prepare(scene, plan, sending, options, listener)?;
    match planned.play(listener) {
        Ok(finished) => planned.end(finished, keep, listener),
        Err(error) => {
            // Nothing was measured.
            planned.leave(listener);
            Err(error)
        }
    }
}

impl PlannedRun {
    /// Lets it live, with what is replayed if something is.
    fn play(&mut self, listener: &mut dyn Listener) -> Result<FinishedRun> {
        let go_on = || self.closing.go_on();
        let replay = RecordedLoad::open(&self.plan, &*self.target, &go_on)?;
        let (complete, replay) = replay.unzip();
        if let Some(plan) = complete {
            self.plan = plan;
        }
        let mut actors = std::mem::take(&mut self.options.actors);
        Ok(LiveRun::begin(self, replay, &mut actors, listener)?.finish(listener))
    }
}

#[cfg(test)]
mod tests;
