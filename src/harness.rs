//! One run from plan to result: the world, the loops, the end, the judgement.
//!
//! The harness owns the run's state. Loops report by messages; nothing else may end the run.

mod collect;
mod crew;
pub mod embedded;
mod finish;
pub mod outline;
mod ready;
mod watch;
pub mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::clock::{SystemClock, wall_clock_us};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::result::RunResult;

use collect::Collector;
use crew::Crew;
use embedded::EmbeddedBroker;
use world::{Kind, World};

/// Between the last preparation and slot time 0: so that every loop is on its feet.
const LEAD_NS: u64 = 100_000_000;

/// How often the harness looks at its loops.
const TICK: Duration = Duration::from_millis(20);

/// The most time that an interrupted run takes to drain.
const INTERRUPTED_DRAIN: Duration = Duration::from_secs(10);

/// What a run needs besides its plan.
#[derive(Debug)]
pub struct Options {
    /// For the result: how it was called.
    pub command_line: Vec<String>,
    /// The program that runs the embedded broker as `broker`.
    pub program: PathBuf,
    /// Where the result folder goes.
    pub results_dir: PathBuf,
    /// Not 0 once the run shall end early: the exit code of the signal.
    pub signal: Arc<AtomicUsize>,
    /// Run without a broker, on this.
    pub loopback: Option<crate::loopback::Faults>,
}

/// What a run leaves.
#[derive(Debug)]
pub struct Finished {
    /// The result as saved.
    pub result: RunResult,
    /// The result's folder.
    pub folder: PathBuf,
}

/// Runs a plan, and saves its result.
///
/// # Errors
/// [`Error::Broker`] when the broker can't be reached or refuses, [`Error::Invalid`] when the
/// groups don't get ready; nothing is saved then, because nothing was measured.
pub fn run(
    plan: &Plan,
    scenario_text: &str,
    mut options: Options,
    progress: &mut Progress,
) -> Result<Finished> {
    crate::result::check_writable(&options.results_dir)?;
    let run = run_number();
    let clock = Arc::new(SystemClock::start());
    let embedded = start_embedded(plan, &options, progress)?;
    let world = open_world(plan, run, &mut options, embedded.as_ref(), &clock)?;
    let facts = world.prepare(plan)?;
    let interrupted = || options.signal.load(Ordering::Relaxed) != 0;

    let (mut collector, channels) = Collector::new(plan);
    let mut crew = Crew::start_workers(plan, run, &world, &clock, &channels)?;
    progress.say("waiting until every group reads every partition");
    ready::wait(&world, plan, run, crew.groups(), &interrupted)?;
    if interrupted() {
        return Err(Error::Interrupted(options.signal.load(Ordering::Relaxed)));
    }
    crew.start_producers(&world, LEAD_NS, channels)?;
    while crew.sending() && !interrupted() {
        std::thread::sleep(TICK);
        collector.tick(&crew, progress);
    }
    let limit = Duration::from_millis(plan.measure.drain_timeout_ms);
    let limit = if interrupted() { limit.min(INTERRUPTED_DRAIN) } else { limit };
    let rest = crew.drain(limit, || collector.tick(&crew_view(), progress))?;
    todo!()
}
