//! One run from plan to result: the world, the loops, the end, the judgement.
//!
//! The harness owns the run's state. Loops report by messages; nothing else may end the run.

mod closing;
mod collect;
mod crew;
pub mod doctor;
mod drain;
pub mod embedded;
mod ending;
mod finish;
pub mod lag;
pub mod needs;
pub mod observe;
mod opening;
pub mod parts;
mod pulse;
pub mod race;
mod ready;
mod recording;
pub mod remains;
mod rescan;
mod shards;
mod shelf;
pub mod standalone;
mod strangers;
pub mod sweep;
pub mod throttling;
mod timeline;
mod undelivered;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use crate::base::clock::{Clock, SystemClock};
use crate::base::error::{Error, Result};
use crate::client::loopback::Faults;
use crate::client::target::{World, WorldFacts};
use crate::output::progress::Progress;
use crate::output::prometheus::Metrics;
use crate::plan::Plan;
use crate::result::{self, Host, Lap, RunResult, Trial};
use crate::workers::consume::Source;
use crate::workers::produce::{Merge, Script, Sending, Sink};

use closing::Closing;
use collect::Collector;
use crew::Crew;
use embedded::EmbeddedBroker;
use ending::{Ending, Keep};
use finish::{Conditions, End};
use observe::{Meter, Sampler, Seen};
use opening::{check_replay, open, run_number, start_embedded};
pub use parts::sender::{produce, produce_part};
use pulse::Pulse;
use recording::{Reader, Replay};
use remains::Remains;
use shards::Shards;
use shelf::Shelf;

/// Between the last preparation and slot time 0: so that every loop is on its feet, and what an
/// idle process costs can be seen.
const LEAD_NS: u64 = 250_000_000;

/// How often the harness looks at its loops.
const TICK: Duration = Duration::from_millis(20);

/// What a run needs besides its plan.
#[derive(Debug, Default)]
pub struct Options {
    /// For the result: how it was called.
    pub command_line: Vec<String>,
    /// The program that runs the embedded broker as `broker`.
    pub program: PathBuf,
    /// Where the result folder goes.
    pub results_dir: PathBuf,
    /// Not 0 once the run shall end early: the exit code of the signal.
    pub signal: Arc<AtomicUsize>,
    /// What the run would leave behind if it ended at once.
    pub remains: Arc<Remains>,
    /// Run without a broker, with these faults planted.
    pub loopback: Option<Faults>,
    /// What the events take the schedule's start for, in microseconds since 1970: two runs of
    /// one plan then send the same bytes. `None`: the time it is.
    pub start_wall_us: Option<i64>,
    /// The run's place in a sweep, where it is part of one.
    pub trial: Option<Trial>,
    /// The run's place in a race, where it is part of one.
    pub race: Option<Lap>,
    /// Where the run shows itself while it goes on.
    pub metrics: Option<Arc<Metrics>>,
}

impl Options {
    /// Whether it was told how such a run begins: once for a sweep, once a side for a race.
    fn is_told(&self) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.place > 0)
            || self.race.as_ref().is_some_and(|lap| lap.place > 1)
    }
}

/// What a run leaves.
#[derive(Debug)]
pub struct Finished {
    /// The result as saved.
    pub result: RunResult,
    /// The result's folder; or why there is none, and then the caller has the result's only copy.
    pub folder: Result<PathBuf>,
    /// What could not be saved beside the data: what is drawn of it, or what was found out last.
    pub unsaved: Option<Error>,
}

/// Runs a plan, and saves its result.
///
/// # Errors
/// [`Error::Broker`] when the broker can't be reached or refuses, [`Error::Invalid`] when the
/// groups don't get ready, [`Error::Signal`] when a signal comes before the load; nothing is
/// saved then, because nothing was measured.
pub fn run(
    plan: &Plan,
    scenario_text: &str,
    options: Options,
    progress: &mut Progress,
) -> Result<Finished> {
    result::check_writable(&options.results_dir)?;
    let mut shelf = Shelf::new(&options.results_dir, scenario_text);
    let result = perform(plan, Sending::default(), options, progress, &mut shelf)?;
    let (folder, unsaved) = shelf.into_parts();
    Ok(Finished { result, folder, unsaved })
}

/// Runs a plan, and has its result kept.
fn perform(
    plan: &Plan,
    sending: Sending,
    mut options: Options,
    progress: &mut Progress,
    keep: &mut dyn Keep,
) -> Result<RunResult> {
    check_replay(plan, &options)?;
    let host = Host::read();
    let run = run_number();
    let clock = Arc::new(SystemClock::start_on_border(plan.measure.interval_ms * 1_000));
    let closing = Closing::new(options.signal.clone());
    let remains = options.remains.clone();
    remains.begin(None);
    let embedded = start_embedded(plan, &options, progress)?;
    let world = Arc::new(open(plan, run, &mut options, embedded.as_ref(), clock.clone())?);
    let facts = world.prepare(plan, &|brokers| needs::check_handles(plan, brokers))?;
    remains.begin(world.own_topic(plan));
    let told = options.is_told();
    if !told {
        progress.say(&facts.introduction());
    }
    let played = Replay::open(plan, &world, &|| closing.go_on()).and_then(|replay| {
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
            told,
            metrics: options.metrics.clone(),
        };
        let played = play.run(replay, progress)?;
        Ok((plan, played))
    });
    let (plan, played) = match played {
        Ok(done) => done,
        Err(error) => {
            // Nothing was measured.
            ending::leave(plan, world, &closing, &remains, progress);
            return Err(error);
        }
    };
    let mut command_line = options.command_line;
    result::mask_arguments(&mut command_line);
    let leaders_after =
        closing.ask(&world, ("the partitions' leaders", 0), progress, World::leaders);
    let facts = WorldFacts { leaders_after: leaders_after.unwrap_or_default(), ..facts };
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
    ending.run(played, conditions, keep, progress)
}

/// The part of a run in which time matters.
struct Play<'a> {
    plan: &'a Plan,
    sending: Sending,
    run: u32,
    world: &'a Arc<World>,
    /// What was found out about it.
    facts: &'a WorldFacts,
    clock: &'a Arc<SystemClock>,
    closing: &'a Closing,
    remains: &'a Remains,
    embedded: Option<&'a EmbeddedBroker>,
    start_wall_us: Option<i64>,
    told: bool,
    metrics: Option<Arc<Metrics>>,
}

/// What is left of it.
struct Played {
    crew: Crew,
    collector: Collector,
    /// Still open: closing them may hang, and comes after the saving.
    sources: Vec<Box<dyn Source>>,
    sinks: Vec<Box<dyn Sink>>,
    merge: Option<Merge>,
    end: End,
}

impl Play<'_> {
    /// Gets everybody ready, lets the schedule run, and waits until all is read.
    fn run(&self, replay: Option<Replay>, progress: &mut Progress) -> Result<Played> {
        // Before anybody else wants a core.
        let ceiling_per_s = crate::run::observe::ceiling_per_s(self.plan, self.sending)?;
        let (mut collector, channels) = Collector::new(self.plan, self.world, self.metrics.clone());
        let (plan, clock): (_, Arc<dyn Clock>) = (self.plan, self.clock.clone());
        let mut crew = Crew::start_workers(plan, self.run, self.world, clock.clone(), &channels)?;
        // Before the groups are ready, so that there is something to send when they are.
        let (recorded, reader) = self.start_reader(replay, clock, progress)?.unzip();
        self.get_ready(&crew, progress)?;
        let cpu_before_s = crate::run::observe::cpu_s();
        let meter = crew.start_meter(self.plan, self.clock)?;
        // With millions of users to draw that takes a while: before the start is fixed.
        let scripts = recorded.unwrap_or_else(|| Script::crew(self.plan, self.sending));
        crew.start_producers(self.plan, self.world, scripts, LEAD_NS, &channels, &|start_ns| {
            if let Some(wall_us) = self.start_wall_us {
                self.clock.pretend(start_ns, wall_us);
            }
        })?;
        drop(channels);
        self.remains.measuring();
        // Once the clients are connected, too: that takes them up to some seconds.
        if !self.told {
            progress.say("every group reads every partition; the schedule starts");
        }
        let mut pulse = Pulse::new(self.plan, self.embedded);
        let (seen, broken_off) = self.send(&crew, &mut collector, &meter, &mut pulse, progress);
        let lag_at_end = collector.slowest(&crew, self.clock.now_ns());
        let (sent_ns, is_cut) = (self.clock.now_ns(), crew.sending());
        let mut done = crew.stop_sending();
        let mut faults = std::mem::take(&mut done.faults);
        let read = reader.map(Reader::finish);
        let (recording, fault, merge) =
            read.map_or((None, None, None), |left| (Some(left.result), left.fault, left.merge));
        faults.extend(fault);
        let is_cut = is_cut || self.sending.count.is_some() || !faults.is_empty();
        // Where nobody answers any more, what has not come will not.
        faults.extend(
            broken_off
                .clone()
                .or_else(|| drain::wait(self, &crew, &mut collector, &mut pulse, progress)),
        );
        let ended_ns = self.clock.now_ns();
        let cpu_s = crate::run::observe::cpu_s() - meter.cpu_s() - cpu_before_s;
        let metered = meter.end();
        let end_lag = drain::look_at_ends(self, &crew, &pulse, progress);
        faults.extend(drain::look_at_topic(self, progress));
        let reading = crew.stop_reading();
        faults.extend(reading.faults);
        let timed_out = crew.finish_receipts();
        collector.take_in();
        progress.finish();
        let Shards { books, sessions, sinks, promptness } = Shards::of(done.things);
        let limit = self.closing.left(wire::LAST_COUNT);
        let wire = wire::count(&sinks, crew.receipts().accepted(), limit);
        let end = End {
            books,
            sessions,
            faults,
            recording,
            wire,
            throttling: throttling::throttling(
                &sinks,
                &reading.things,
                self.clock,
                &crew.measured(plan),
            ),
            interrupted_by: self.closing.interrupted_by(),
            broken_off,
            timed_out,
            cut_ns: is_cut.then_some(sent_ns),
            lag_at_end,
            end_lag,
            cpu_s,
            seen,
            metered,
            promptness,
            ceiling_per_s,
            ended_ns,
        };
        Ok(Played { crew, collector, sources: reading.things, sinks, merge, end })
    }

    /// Waits until every group reads every partition.
    fn get_ready(&self, crew: &Crew, progress: &mut Progress) -> Result<()> {
        let ended = || self.embedded.and_then(EmbeddedBroker::ended);
        let interrupted = || self.closing.interrupted_by().is_some() || ended().is_some();
        let mut say = |text: &str| progress.say(text);
        ready::wait(self.world, self.plan, self.run, crew, &interrupted, &mut say)?;
        self.closing.go_on()?;
        ended().map_or(Ok(()), |ended| Err(Error::Broker(ended)))
    }

    /// Begins to read what is replayed, where something is.
    fn start_reader(
        &self,
        replay: Option<Replay>,
        clock: Arc<dyn Clock>,
        progress: &mut Progress,
    ) -> Result<Option<(Vec<Script>, Reader)>> {
        let Some(replay) = replay else { return Ok(None) };
        progress.say(&replay.introduction());
        replay.start(self.plan, clock).map(Some)
    }

    /// Lets the schedule run; what the harness saw of itself meanwhile, and what ended it early.
    fn send(
        &self,
        crew: &Crew,
        collector: &mut Collector,
        meter: &Meter,
        pulse: &mut Pulse<'_>,
        progress: &mut Progress,
    ) -> (Seen, Option<String>) {
        let brokers = crate::run::observe::local_brokers(&self.facts.advertised);
        let (measured, roster) = (crew.measured(self.plan), crew.roster().clone());
        let mut sampler = Sampler::new(self.clock, crew.start_ns(), measured, roster, brokers);
        // What watches the host is no part of what an event costs.
        let used = || (crate::run::observe::cpu_s() - meter.cpu_s(), crew.receipts().acked());
        let mut lost = None;
        while crew.sending()
            && !crew.broken()
            && self.closing.interrupted_by().is_none()
            && lost.is_none()
        {
            std::thread::sleep(TICK);
            collector.tick(crew, &**self.clock, progress);
            sampler.tick(self.clock, used);
            lost = pulse.look(crew);
        }
        (sampler.finish(self.clock, used()), lost)
    }
}
