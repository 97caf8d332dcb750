//! One run from plan to result: the world, the loops, the end, the judgement.
//!
//! The harness owns the run's state. Loops report by messages; nothing else may end the run.

pub mod alone;
mod collect;
mod crew;
pub mod detection;
pub mod embedded;
mod finish;
pub mod outline;
pub mod preview;
mod ready;
mod recording;
pub mod replay;
pub mod segments;
mod timeline;
pub mod watch;
mod wire;
pub mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::clock::{Clock, SystemClock, wall_clock_us};
use crate::consume::Source;
use crate::error::{Error, Result};
use crate::loopback::{self, Faults};
use crate::metrics::Metrics;
use crate::plan::Plan;
use crate::produce::{Merge, Script, Sending, Sink};
use crate::progress::Progress;
use crate::result::{self, Host, RunResult, Trial};

use collect::Collector;
use crew::Crew;
use embedded::EmbeddedBroker;
use finish::{Conditions, End};
use recording::{Reader, Replay};
use world::{Kind, World, WorldFacts};

/// Between the last preparation and slot time 0: so that every loop is on its feet.
const LEAD_NS: u64 = 100_000_000;

/// How often the harness looks at its loops.
const TICK: Duration = Duration::from_millis(20);

/// The most time that an interrupted run takes to drain.
const INTERRUPTED_DRAIN: Duration = Duration::from_secs(10);

/// The most time that closing the clients may take: it can hang while a broker is away.
const CLOSE: Duration = Duration::from_secs(5);

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
    /// Where the run shows itself while it goes on.
    pub metrics: Option<Arc<Metrics>>,
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
    let save =
        |result: &RunResult, log: &str| result::save(result, log, scenario_text, &results_dir);
    let (result, folder) = perform(plan, Sending::default(), options, progress, save)?;
    Ok(Finished { result, folder })
}

/// Sends a plan's load, and saves nothing: a producer by itself. The plan has no applications.
///
/// # Errors
/// As [`run`].
pub fn produce(
    plan: &Plan,
    sending: Sending,
    options: Options,
    progress: &mut Progress,
) -> Result<RunResult> {
    perform(plan, sending, options, progress, |_, _| ()).map(|(result, ())| result)
}

/// Runs a plan. The result is saved before the clients are closed, which may hang.
fn perform<T>(
    plan: &Plan,
    sending: Sending,
    mut options: Options,
    progress: &mut Progress,
    save: impl FnOnce(&RunResult, &str) -> T,
) -> Result<(RunResult, T)> {
    check_replay(plan, &options)?;
    let host = Host::read();
    let run = run_number();
    let clock = Arc::new(SystemClock::start());
    let mut embedded = start_embedded(plan, &options, progress)?;
    let world = open(plan, run, &mut options, embedded.as_ref(), clock.clone())?;
    let facts = world.prepare(plan)?;
    progress.say(&introduction(&facts));
    let (signal, start_wall_us) = (&*options.signal, options.start_wall_us);
    let played = Replay::open(plan, &world, &|| go_on(signal)).and_then(|replay| {
        let (complete, replay) = replay.unzip();
        let plan = complete.unwrap_or_else(|| plan.clone());
        let (world, clock) = (&world, &clock);
        let metrics = options.metrics.clone();
        let play = Play { plan: &plan, sending, run, world, clock, signal, start_wall_us, metrics };
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
    let conditions = Conditions { run, command_line, facts, host };
    let log = finish::log(&plan, &clock, &crew, &mut collector)?;
    let mut result = finish::result(&plan, &clock, crew, collector, conditions, &end);
    result.trial = options.trial;
    if let Some(stats) = embedded.as_mut().and_then(|broker| broker.stats().ok()) {
        if stats.refused_batches > 0 {
            result.verdict.flags.push(format!(
                "the embedded broker's memory was full: it refused {} batches for a while",
                stats.refused_batches
            ));
        }
        result.embedded_broker = Some(stats);
    }
    let saved = save(&result, &log);
    close(sources, sinks, merge);
    if let Err(error) = world.clean_up(&plan) {
        progress.say(&format!("the topic stays: {error}"));
    }
    Ok((result, saved))
}

/// The part of a run in which time matters.
struct Play<'a> {
    plan: &'a Plan,
    sending: Sending,
    run: u32,
    world: &'a World,
    clock: &'a Arc<SystemClock>,
    signal: &'a AtomicUsize,
    start_wall_us: Option<i64>,
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
        let (mut collector, channels) = Collector::new(self.plan, self.metrics.clone());
        let clock: Arc<dyn Clock> = self.clock.clone();
        let mut crew =
            Crew::start_workers(self.plan, self.run, self.world, clock.clone(), &channels)?;
        // Before the groups are ready, so that there is something to send when they are.
        let (recorded, reader) = match replay {
            Some(replay) => {
                progress.say(&replay.introduction());
                Some(replay.start(self.plan, clock)?).unzip()
            }
            None => (None, None),
        };
        let interrupted = || self.interrupted_by().is_some();
        ready::wait(self.world, self.plan, self.run, crew.groups(), &interrupted)?;
        go_on(self.signal)?;
        progress.say("every group reads every partition; the schedule starts");
        let cpu_before_s = watch::cpu_s();
        // With millions of users to draw that takes a while: before the start is fixed.
        let scripts = recorded.unwrap_or_else(|| Script::crew(self.plan, self.sending));
        crew.start_producers(self.plan, self.world, scripts, LEAD_NS, &channels, &|start_ns| {
            if let Some(wall_us) = self.start_wall_us {
                self.clock.pretend(start_ns, wall_us);
            }
        })?;
        drop(channels);
        while crew.sending() && !crew.broken() && !interrupted() {
            std::thread::sleep(TICK);
            collector.tick(&crew, &**self.clock, progress);
        }
        let lag_at_end_records = crew.lags().into_iter().max().unwrap_or(0);
        let interrupted_by = self.interrupted_by();
        let mut done = crew.stop_sending();
        let mut faults = std::mem::take(&mut done.faults);
        let read = reader.map(Reader::finish);
        let (recording, fault, merge) =
            read.map_or((None, None, None), |left| (Some(left.result), left.fault, left.merge));
        faults.extend(fault);
        faults.extend(self.drain(&crew, &mut collector, progress));
        let ended_ns = self.clock.now_ns();
        let cpu_s = watch::cpu_s() - cpu_before_s;
        let reading = crew.stop_reading();
        faults.extend(reading.faults);
        collector.take_in();
        progress.finish();
        let mut books = Vec::new();
        let mut sinks = Vec::new();
        for shard in done.things {
            books.push((shard.books, shard.offered));
            sinks.push(shard.sink);
        }
        let wire = wire::count(&sinks, crew.receipts().accepted());
        let end = End {
            books,
            faults,
            recording,
            wire,
            interrupted_by,
            lag_at_end_records,
            cpu_s,
            ended_ns,
        };
        Ok(Played { crew, collector, sources: reading.things, sinks, merge, end })
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
        while (!crew.settled() || !crew.drained()) && !crew.broken() {
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

/// A recording lies on a broker that was there before the run.
fn check_replay(plan: &Plan, options: &Options) -> Result<()> {
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

/// A number for the run: in its topic's name, and in the stamp of each of its events.
fn run_number() -> u32 {
    // Runs that start within the same microsecond on one host differ by their process.
    let seed = wall_clock_us().cast_unsigned() ^ (u64::from(std::process::id()) << 40);
    let mixed = (seed ^ (seed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

fn start_embedded(
    plan: &Plan,
    options: &Options,
    progress: &mut Progress,
) -> Result<Option<EmbeddedBroker>> {
    if options.loopback.is_some() || plan.kafka.bootstrap_servers.is_some() {
        return Ok(None);
    }
    let broker = EmbeddedBroker::start(&options.program, plan.topic.partitions)?;
    progress.say(&format!(
        "no broker was named: started the embedded one at {}; its figures are not Kafka's",
        broker.address()
    ));
    Ok(Some(broker))
}

fn open(
    plan: &Plan,
    run: u32,
    options: &mut Options,
    embedded: Option<&EmbeddedBroker>,
    clock: Arc<SystemClock>,
) -> Result<World> {
    if let Some(faults) = options.loopback.take() {
        let partitions = usize::try_from(plan.topic.partitions).unwrap_or(1);
        return Ok(World::Loopback(loopback::Cluster::new(partitions, clock, faults)));
    }
    let topic = if plan.topic.reuse {
        plan.topic.name.clone()
    } else {
        format!("{}-{run:08x}", plan.topic.name)
    };
    match (embedded, &plan.kafka.bootstrap_servers) {
        (Some(broker), _) => {
            World::kafka(Kind::Embedded, &broker.address().to_string(), &topic, plan)
        }
        (None, Some(bootstrap)) => World::kafka(Kind::Kafka, bootstrap, &topic, plan),
        (None, None) => Err(Error::Internal("a run without a broker".to_owned())),
    }
}

fn introduction(facts: &WorldFacts) -> String {
    let mut text = format!("topic {}, {} partitions", facts.topic.name, facts.topic.partitions);
    if !facts.advertised.is_empty() {
        text.push_str(&format!(
            " at {} (advertised: {})",
            facts.bootstrap_servers,
            facts.advertised.join(", ")
        ));
    }
    text
}

/// Closes the clients, on a thread that is left behind if it takes too long.
fn close(sources: Vec<Box<dyn Source>>, sinks: Vec<Box<dyn Sink>>, merge: Option<Merge>) {
    let (closed, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // Each leaves its group by itself; one after the other would rebalance the rest.
        std::thread::scope(|scope| {
            for source in sources {
                scope.spawn(move || drop(source));
            }
        });
        drop((sinks, merge));
        let _ = closed.send(());
    });
    let _ = wait.recv_timeout(CLOSE);
}
