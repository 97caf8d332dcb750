//! The run's threads: workers of every group, a producer for each shard.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::observe::{self, Meter, ThreadRegistry};
use super::threads::spawn;
use crate::apps;
use crate::base::clock::{Clock, SystemClock};
use crate::base::error::{Error, Result};
use crate::client::target::Target;
use crate::measure::latency::window::{Stage, Window};
use crate::measure::latency::{Recorder, Sends, Stalls};
use crate::measure::ledger::Ledger;
use crate::plan::Plan;
use crate::result::run_fault::RunFault;
use crate::workers::consume::{self, AppGroup, Source};
use crate::workers::produce::{
    self, Merge, ReceiptBook, ShardReceipts, ShardResult, Sink, TimedOut, Workload,
};

/// Nobody's due time: before the schedule's start nothing is measured.
const NOT_YET: Range<u64> = 0..0;

/// The most time that the producers' clients get to connect before the schedule starts.
const CONNECT: Duration = Duration::from_secs(3);

/// The run's threads and what they share.
pub(super) struct Workers {
    run: u32,
    clock: Arc<dyn Clock>,
    ledger: Arc<Ledger>,
    sends: Arc<Sends>,
    stalls: Arc<Stalls>,
    receipts: Arc<ReceiptBook>,
    groups: Vec<Arc<AppGroup>>,
    measured: Arc<OnceLock<Range<u64>>>,
    stop_sending: Arc<AtomicBool>,
    stop_reading: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Result<Box<dyn Source>>>>,
    producers: Vec<JoinHandle<Result<ShardResult>>>,
    shard_receipts: Vec<Arc<ShardReceipts>>,
    start_ns: u64,
    roster: Arc<ThreadRegistry>,
}

/// Where the loops' windows go.
#[derive(Clone)]
pub(super) struct Channels {
    /// Of producers, with the stage that they are about.
    pub(super) sent: Sender<(Stage, Box<Window>)>,
    /// Of workers, with the application's place in the plan.
    pub(super) seen: Sender<(usize, Box<Window>)>,
}

/// What is left of a side's threads: what they gave back, and what went wrong.
pub(super) struct ThreadsLeft<T> {
    pub(super) things: Vec<T>,
    pub(super) faults: Vec<String>,
}

impl Workers {
    /// Starts the workers of every group; they join and wait.
    pub(super) fn start_workers(
        plan: &Plan,
        run: u32,
        world: &dyn Target,
        clock: Arc<dyn Clock>,
        channels: &Channels,
    ) -> Result<Self> {
        let mut crew = Self {
            run,
            clock,
            ledger: Arc::new(Ledger::new(run, plan.load.producers, plan.apps.len())),
            sends: Arc::new(Sends::new(plan.load.producers)),
            stalls: Arc::new(Stalls::new(observe::cores_to_watch())),
            receipts: Arc::new(ReceiptBook::new(partitions_of(plan))),
            groups: Vec::new(),
            measured: Arc::default(),
            stop_sending: Arc::default(),
            stop_reading: Arc::default(),
            workers: Vec::new(),
            producers: Vec::new(),
            shard_receipts: Vec::new(),
            start_ns: 0,
            roster: Arc::default(),
        };
        for (place, app) in plan.apps.iter().enumerate() {
            let group = crew.group(place, plan, world)?;
            crew.groups.push(group.clone());
            for worker in 0..usize::from(app.workers) {
                let shift = consume::WorkerTask {
                    app: place,
                    worker,
                    group: group.clone(),
                    source: world.source(plan, app)?,
                    recorder: Recorder::new(NOT_YET, plan.measure.interval_ms * 1_000_000)
                        .with_sends(crew.sends.clone())
                        .with_stalls(crew.stalls.clone()),
                    measured: crew.measured.clone(),
                    clock: crew.clock.clone(),
                    stop: crew.stop_reading.clone(),
                    windows: channels.seen.clone(),
                };
                let name = format!("{}-{worker}", app.name);
                let kind = observe::ThreadKind::Worker(app.name.clone());
                crew.workers.push(crew.spawn(kind, name, move || consume::run(shift))?);
            }
        }
        Ok(crew)
    }

    fn group(&self, place: usize, plan: &Plan, world: &dyn Target) -> Result<Arc<AppGroup>> {
        let (app, partitions) = (&plan.apps[place], partitions_of(plan));
        let kind = apps::kind(&app.name)
            .ok_or_else(|| Error::Internal(format!("no application is called {}", app.name)))?;
        let state = || world.at_work(app, (kind.new)(app));
        let (workers, codec) = (usize::from(app.workers), plan.event.codec());
        Ok(Arc::new(AppGroup::new(place, workers, partitions, codec, self.ledger.clone(), state)))
    }

    /// Starts a producer for each shard's script; slot time 0 is `lead_ns` from now, and told to
    /// `before` anything is sent.
    pub(super) fn start_producers(
        &mut self,
        plan: &Plan,
        world: &dyn Target,
        scripts: Vec<Workload>,
        lead_ns: u64,
        channels: &Channels,
        before: &dyn Fn(u64),
    ) -> Result<()> {
        let mut sinks = Vec::new();
        let interval_ns = plan.measure.interval_ms * 1_000_000;
        for _ in &scripts {
            let receipts = ShardReceipts::new(
                self.clock.clone(),
                self.ledger.clone(),
                self.receipts.clone(),
                Recorder::new(NOT_YET, interval_ns)
                    .with_sends(self.sends.clone())
                    .with_stalls(self.stalls.clone()),
                channels.sent.clone(),
            );
            let confirms = plan.kafka.confirms();
            let receipts =
                Arc::new(if confirms { receipts } else { receipts.without_confirmation() });
            sinks.push(world.sink(plan, &self.clock, receipts.clone())?);
            self.shard_receipts.push(receipts);
        }
        let until = Instant::now() + CONNECT;
        sinks.iter_mut().for_each(|sink| sink.get_ready(until));
        // On the border of an interval, so that the series' rows begin with the schedule.
        self.start_ns = (self.clock.now_ns() + lead_ns).next_multiple_of(interval_ns);
        before(self.start_ns);
        let measured = self.measured(plan);
        // Only this method sets it, and it is called once.
        let _ = self.measured.set(measured.clone());
        for (shard, (sink, script)) in (0..).zip(sinks.into_iter().zip(scripts)) {
            self.shard_receipts[usize::from(shard)].set_measured(measured.clone());
            let shift = produce::ProducerTask {
                shard,
                run: self.run,
                start_ns: self.start_ns,
                script,
                sink,
                recorder: Recorder::new(measured.clone(), interval_ns)
                    .with_sends(self.sends.clone()),
                clock: self.clock.clone(),
                ledger: self.ledger.clone(),
                receipts: self.receipts.clone(),
                stop: self.stop_sending.clone(),
                tick_ns: plan.load.tick_ns,
                interval_ns,
                windows: channels.sent.clone(),
            };
            let name = format!("producer-{shard}");
            let producer =
                self.spawn(observe::ThreadKind::Producer, name, move || produce::run(shift))?;
            self.producers.push(producer);
        }
        Ok(())
    }

    /// Starts the hiccup meter.
    pub(super) fn start_meter(&self, plan: &Plan, clock: &Arc<SystemClock>) -> Result<Meter> {
        let interval_ns = plan.measure.interval_ms * 1_000_000;
        Meter::start(clock, &self.stalls, &self.measured, interval_ns, &self.roster)
    }

    /// A thread that is in the roster for as long as it runs.
    fn spawn<T: Send + 'static>(
        &self,
        kind: observe::ThreadKind,
        name: String,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>> {
        let roster = self.roster.clone();
        spawn(&name.clone(), move || {
            let _seat = roster.enter(kind, &name);
            body()
        })
    }

    /// What is measured, on the run's clock.
    pub(super) fn measured(&self, plan: &Plan) -> Range<u64> {
        self.start_ns + plan.load.warmup_ns()..self.start_ns + plan.load.duration_ns()
    }

    /// The run's threads.
    pub(super) fn roster(&self) -> &Arc<ThreadRegistry> {
        &self.roster
    }

    /// Slot time 0, on the run's clock.
    pub(super) fn start_ns(&self) -> u64 {
        self.start_ns
    }

    pub(super) fn groups(&self) -> &[Arc<AppGroup>] {
        &self.groups
    }

    pub(super) fn receipts(&self) -> &ReceiptBook {
        &self.receipts
    }

    pub(super) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Whether some producer still has slots.
    pub(super) fn sending(&self) -> bool {
        self.producers.iter().any(|producer| !producer.is_finished())
    }

    /// Whether a worker has ended, which none does by itself unless it is broken.
    pub(super) fn broken(&self) -> bool {
        self.workers.iter().any(JoinHandle::is_finished)
    }

    /// Ends the producers, now if they aren't done.
    pub(super) fn stop_sending(&mut self) -> ThreadsLeft<ShardResult> {
        self.stop_sending.store(true, Ordering::Relaxed);
        join(self.producers.drain(..))
    }

    /// Whether every event that a client took has its receipt.
    pub(super) fn settled(&self) -> bool {
        self.receipts.answered() >= self.receipts.accepted()
    }

    /// Receipts that are still to come.
    pub(super) fn outstanding(&self) -> u64 {
        self.receipts.accepted().saturating_sub(self.receipts.answered())
    }

    /// Acknowledged records that each group has not read yet; in the end also such as are in the
    /// log without an acknowledgement.
    pub(super) fn lags(&self) -> Vec<u64> {
        let ends = self.receipts.known_ends();
        let lag = |group: &Arc<AppGroup>| {
            let left = |(end, position): (&i64, i64)| u64::try_from(end - position).unwrap_or(0);
            ends.iter().zip(group.positions()).map(left).sum()
        };
        self.groups.iter().map(lag).collect()
    }

    /// Whether every group has read all that was acknowledged.
    pub(super) fn drained(&self) -> bool {
        self.lags().iter().all(|&lag| lag == 0)
    }

    /// Ends the workers. Their sources come back open: closing them is for later.
    pub(super) fn stop_reading(&mut self) -> ThreadsLeft<Box<dyn Source>> {
        self.stop_reading.store(true, Ordering::Relaxed);
        join(self.workers.drain(..))
    }

    /// Gives the last windows of the receipts away; and the measured events that timed out, by
    /// shard. Call it when no receipt is to come.
    pub(super) fn finish_receipts(&self) -> Vec<Vec<TimedOut>> {
        self.shard_receipts.iter().map(|receipts| receipts.finish()).collect()
    }

    /// The groups, to be taken apart: call it when all workers have ended.
    pub(super) fn take_groups(&mut self) -> Vec<Arc<AppGroup>> {
        std::mem::take(&mut self.groups)
    }
}

fn partitions_of(plan: &Plan) -> usize {
    usize::try_from(plan.topic.partitions).unwrap_or(0)
}

fn join<T>(threads: impl Iterator<Item = JoinHandle<Result<T>>>) -> ThreadsLeft<T> {
    let mut left = ThreadsLeft { things: Vec::new(), faults: Vec::new() };
    for thread in threads {
        let name = thread.thread().name().unwrap_or("a thread").to_owned();
        match thread.join() {
            Ok(Ok(thing)) => left.things.push(thing),
            Ok(Err(error)) => {
                let failed = RunFault::Failed { who: name, why: error.to_string() };
                left.faults.push(failed.to_string());
            }
            Err(_) => left.faults.push(RunFault::Panicked { who: name }.to_string()),
        }
    }
    left
}

/// Closes the clients; it can hang while a broker is away.
pub(super) fn close(
    sources: Vec<Box<dyn Source>>,
    sinks: Vec<Box<dyn Sink>>,
    merge: Option<Merge>,
) {
    // Each leaves its group by itself; one after the other would rebalance the rest.
    std::thread::scope(|scope| {
        for source in sources {
            scope.spawn(move || drop(source));
        }
    });
    drop((sinks, merge));
}
