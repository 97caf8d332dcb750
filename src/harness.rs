//! One run from plan to result: the world, the loops, the end, the judgement.
//!
//! The harness owns the run's state. Loops report by messages; nothing else may end the run.

pub mod alone;
mod collect;
mod crew;
pub mod detection;
pub mod doctor;
pub mod embedded;
mod finish;
pub mod keep_up;
pub mod lag;
pub mod merge;
pub mod needs;
mod opening;
pub mod outline;
pub mod part;
pub mod preview;
mod ready;
mod recording;
pub mod replay;
mod rescan;
pub mod segments;
mod sender;
mod strangers;
pub mod throttling;
mod timeline;
mod undelivered;
pub mod watch;
mod wire;
pub mod witnessed;
pub mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::broker::BrokerStats;
use crate::clock::{Clock, Promptness, SystemClock};
use crate::consume::Source;
use crate::error::{Error, Result};
use crate::loopback::Faults;
use crate::metrics::Metrics;
use crate::plan::Plan;
use crate::produce::{Merge, Script, Sending, Sink};
use crate::progress::Progress;
use crate::result::{self, Host, Lap, RunResult, Trial};

use collect::Collector;
use crew::Crew;
use finish::{Conditions, End, Kept};
use opening::{check_replay, open, run_number, start_embedded};
use recording::{Reader, Replay};
pub use sender::{produce, produce_part};
use throttling::Throttling;
use watch::{Meter, Sampler, Seen};
use world::{World, WorldFacts};

/// Between the last preparation and slot time 0: so that every loop is on its feet, and what an
/// idle process costs can be seen.
const LEAD_NS: u64 = 250_000_000;

/// How often the harness looks at its loops.
const TICK: Duration = Duration::from_millis(20);

/// The most time that an interrupted run takes to drain.
const INTERRUPTED_DRAIN: Duration = Duration::from_secs(10);

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
    let results_dir = options.results_dir.clone();
    let save = |result: &mut RunResult, kept: &Kept| {
        result::save(result, &kept.log, scenario_text, &results_dir)
    };
    let (result, folder) = perform(plan, Sending::default(), options, progress, save)?;
    Ok(Finished { result, folder })
}

/// Runs a plan. The result is saved before the clients are closed, which may hang.
fn perform<T>(
    plan: &Plan,
    sending: Sending,
    mut options: Options,
    progress: &mut Progress,
    save: impl FnOnce(&mut RunResult, &Kept) -> T,
) -> Result<(RunResult, T)> {
    check_replay(plan, &options)?;
    let host = Host::read();
    let run = run_number();
    let clock = Arc::new(SystemClock::start_on_border(plan.measure.interval_ms * 1_000));
    let mut embedded = start_embedded(plan, &options, progress)?;
    let world = open(plan, run, &mut options, embedded.as_ref(), clock.clone())?;
    let facts = world.prepare(plan)?;
    let told = options.is_told();
    if !told {
        progress.say(&facts.introduction());
    }
    let (signal, start_wall_us) = (&*options.signal, options.start_wall_us);
    let played = Replay::open(plan, &world, &|| go_on(signal)).and_then(|replay| {
        let (complete, replay) = replay.unzip();
        let plan = complete.unwrap_or_else(|| plan.clone());
        let play = Play {
            plan: &plan,
            sending,
            run,
            world: &world,
            facts: &facts,
            clock: &clock,
            signal,
            start_wall_us,
            told,
            metrics: options.metrics.clone(),
        };
        let played = play.run(replay, progress)?;
        Ok((plan, played))
    });
    let (plan, played) = match played {
        Ok(done) => done,
        Err(error) => {
            // Nothing was measured. The first error is the one to tell.
            let _ = world.clean_up(plan);
            return Err(error);
        }
    };
    let Played { crew, mut collector, sources, sinks, merge, end } = played;
    let mut command_line = options.command_line;
    result::mask_arguments(&mut command_line);
    let facts = WorldFacts { leaders_after: world.leaders(), ..facts };
    let conditions = Conditions { run, command_line, facts, clients: world.clients(), host };
    let interrupted = end.interrupted_by.is_some();
    rescan::settle(&plan, &world, &conditions.facts, crew.ledger(), interrupted, progress);
    let start = crew.start_ns() / (plan.measure.interval_ms * 1_000_000);
    undelivered::settle(&plan, crew.ledger(), start, &mut collector, &end.timed_out);
    let kept = Kept {
        log: finish::log(&plan, &clock, &crew, &mut collector)?,
        ledger: crew.ledger().clone(),
        clock: clock.clone(),
        start_ns: crew.start_ns(),
        reached: timeline::Reached::of(&plan, crew.start_ns(), end.cut_ns),
    };
    let mut result = finish::result(&plan, &clock, crew, collector, conditions, &end);
    result.trial = options.trial;
    result.race = options.race;
    if let Some(stats) = embedded.as_mut().and_then(|broker| broker.stats().ok()) {
        result.verdict.flags.extend(memory_flag(&stats));
        result.embedded_broker = Some(stats);
    }
    let saved = save(&mut result, &kept);
    crew::close(sources, sinks, merge);
    if let Err(error) = world.clean_up(&plan) {
        progress.say(&format!("the topic stays: {error}"));
    }
    Ok((result, saved))
}

/// What has to stand above the numbers where the embedded broker's memory was the limit.
fn memory_flag(stats: &BrokerStats) -> Option<String> {
    (stats.refused_batches > 0).then(|| {
        format!(
            "the embedded broker's memory was full: it refused {} batches for a while",
            stats.refused_batches
        )
    })
}

/// The part of a run in which time matters.
struct Play<'a> {
    plan: &'a Plan,
    sending: Sending,
    run: u32,
    world: &'a World,
    /// What was found out about it.
    facts: &'a WorldFacts,
    clock: &'a Arc<SystemClock>,
    signal: &'a AtomicUsize,
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
    fn interrupted_by(&self) -> Option<u8> {
        signal_code(self.signal)
    }

    /// Gets everybody ready, lets the schedule run, and waits until all is read.
    fn run(&self, replay: Option<Replay>, progress: &mut Progress) -> Result<Played> {
        // Before anybody else wants a core.
        let ceiling_per_s = watch::ceiling_per_s(self.plan, self.sending)?;
        let (mut collector, channels) = Collector::new(self.plan, self.world, self.metrics.clone());
        let (plan, clock): (_, Arc<dyn Clock>) = (self.plan, self.clock.clone());
        let mut crew = Crew::start_workers(plan, self.run, self.world, clock.clone(), &channels)?;
        // Before the groups are ready, so that there is something to send when they are.
        let (recorded, reader) = self.start_reader(replay, clock, progress)?.unzip();
        let interrupted = || self.interrupted_by().is_some();
        ready::wait(self.world, self.plan, self.run, &crew, &interrupted)?;
        go_on(self.signal)?;
        let cpu_before_s = watch::cpu_s();
        let meter = crew.start_meter(self.plan, self.clock)?;
        // With millions of users to draw that takes a while: before the start is fixed.
        let scripts = recorded.unwrap_or_else(|| Script::crew(self.plan, self.sending));
        crew.start_producers(self.plan, self.world, scripts, LEAD_NS, &channels, &|start_ns| {
            if let Some(wall_us) = self.start_wall_us {
                self.clock.pretend(start_ns, wall_us);
            }
        })?;
        drop(channels);
        // Once the clients are connected, too: that takes them up to some seconds.
        if !self.told {
            progress.say("every group reads every partition; the schedule starts");
        }
        let seen = self.send(&crew, &mut collector, &meter, progress);
        let lag_at_end = collector.slowest(&crew, self.clock.now_ns());
        let interrupted_by = self.interrupted_by();
        let (sent_ns, is_cut) = (self.clock.now_ns(), crew.sending());
        let mut done = crew.stop_sending();
        let mut faults = std::mem::take(&mut done.faults);
        let read = reader.map(Reader::finish);
        let (recording, fault, merge) =
            read.map_or((None, None, None), |left| (Some(left.result), left.fault, left.merge));
        faults.extend(fault);
        let is_cut = is_cut || self.sending.count.is_some() || !faults.is_empty();
        faults.extend(self.drain(&crew, &mut collector, progress));
        let ended_ns = self.clock.now_ns();
        let cpu_s = watch::cpu_s() - meter.cpu_s() - cpu_before_s;
        let metered = meter.end();
        let end_lag = lag::at_end(self.world, &crew);
        let reading = crew.stop_reading();
        faults.extend(self.world.topic_fault(&self.facts.topic).into_iter().chain(reading.faults));
        let timed_out = crew.finish_receipts();
        collector.take_in();
        progress.finish();
        let (mut books, mut sinks) = (Vec::new(), Vec::new());
        let mut promptness = Promptness::default();
        for shard in done.things {
            promptness = promptness.or_worse(shard.promptness);
            books.push(shard.books);
            sinks.push(shard.sink);
        }
        let wire = wire::count(&sinks, crew.receipts().accepted());
        let end = End {
            books,
            faults,
            recording,
            wire,
            throttling: Throttling::of(&sinks, &reading.things, &**self.clock, crew.measured(plan)),
            interrupted_by,
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

    /// Lets the schedule run; what the harness saw of itself meanwhile.
    fn send(
        &self,
        crew: &Crew,
        collector: &mut Collector,
        meter: &Meter,
        progress: &mut Progress,
    ) -> Seen {
        let brokers = watch::local_brokers(&self.facts.advertised);
        let (measured, roster) = (crew.measured(self.plan), crew.roster().clone());
        let mut sampler = Sampler::new(self.clock, crew.start_ns(), measured, roster, brokers);
        // What watches the host is no part of what an event costs.
        let used = || (watch::cpu_s() - meter.cpu_s(), crew.receipts().acked());
        while crew.sending() && !crew.broken() && self.interrupted_by().is_none() {
            std::thread::sleep(TICK);
            collector.tick(crew, &**self.clock, progress);
            sampler.tick(self.clock, used);
        }
        sampler.finish(self.clock, used())
    }

    /// Waits until every receipt has come and every group has read all that was acknowledged.
    /// Returns what did not come in time.
    fn drain(
        &self,
        crew: &Crew,
        collector: &mut Collector,
        progress: &mut Progress,
    ) -> Option<String> {
        let mut limit = Duration::from_millis(self.plan.measure.drain_timeout_ms);
        if self.interrupted_by().is_some() {
            limit = limit.min(INTERRUPTED_DRAIN);
        }
        let began = Instant::now();
        let mut ends = rescan::Ends::default();
        // What has timed out may lie behind the last acknowledged record.
        let mut done = || crew.settled() && ends.stand(self.world, crew) && crew.drained();
        while !done() && !crew.broken() {
            if began.elapsed() > limit {
                return Some(format!(
                    "not drained within {} s: {} receipts are outstanding, unread are {:?}",
                    limit.as_secs_f64(),
                    crew.outstanding(),
                    crew.lags()
                ));
            }
            std::thread::sleep(TICK);
            collector.tick(crew, &**self.clock, progress);
        }
        None
    }
}

/// The exit code of the signal that has come.
fn signal_code(signal: &AtomicUsize) -> Option<u8> {
    u8::try_from(signal.load(Ordering::Relaxed)).ok().filter(|&code| code != 0)
}

/// Ends the preparation when a signal has come.
fn go_on(signal: &AtomicUsize) -> Result<()> {
    signal_code(signal).map_or(Ok(()), |code| Err(Error::Signal(code)))
}
