//! The course of a run: everybody gets ready, the schedule runs, and what is left is read.

use std::sync::Arc;

use super::assemble::End;
use super::collect::Collector;
use super::finished::FinishedRun;
use super::live::{LiveRun, TICK};
use super::observe::process;
use super::observe::{Sampler, WatchSeen};
use super::planned::PlannedRun;
use super::pulse::Pulse;
use super::recording::{RecordedLoad, RecordingThread};
use super::shards::Shards;
use super::timeline::{Actor, TimelinePlayer};
use super::workers::Workers;
use super::{drain, network_bytes, observe, readiness, throttling};
use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use crate::result::run_event::{Listener, RunEvent};
use crate::workers::produce::Workload;

/// Between the last preparation and slot time 0: so that every loop is on its feet, and what an
/// idle process costs can be seen.
const LEAD_NS: u64 = 250_000_000;

impl<'a> LiveRun<'a> {
    /// Gets everybody ready, and starts the schedule.
    pub(super) fn begin(
        planned: &'a PlannedRun,
        replay: Option<RecordedLoad>,
        actors: &'a mut [Box<dyn Actor>],
        listener: &mut dyn Listener,
    ) -> Result<Self> {
        let PlannedRun { plan, sending, target, clock, options, .. } = planned;
        // Before anybody else wants a core.
        let ceiling_per_s = observe::ceiling_per_s(plan, *sending)?;
        let (collector, channels) = Collector::new(plan, &**target);
        listener.on(&RunEvent::Started {
            scenario: plan.name.clone(),
            apps: plan.apps.iter().map(|app| app.name.clone()).collect(),
        });
        let any_clock: Arc<dyn Clock> = clock.clone();
        let mut workers =
            Workers::start_workers(plan, planned.run, &**target, any_clock.clone(), &channels)?;
        // Before the groups are ready, so that there is something to send when they are.
        let (recorded, reader) = planned.start_reader(replay, any_clock, listener)?.unzip();
        planned.get_ready(&workers, listener)?;
        let cpu_before_s = process::cpu_s();
        let meter = workers.start_meter(plan, clock)?;
        // With millions of users to draw that takes a while: before the start is fixed.
        let scripts = recorded.unwrap_or_else(|| Workload::for_shards(plan, *sending));
        workers.start_producers(plan, &**target, scripts, LEAD_NS, &channels, &|start_ns| {
            if let Some(wall_us) = options.start_wall_us {
                clock.pretend(start_ns, wall_us);
            }
        })?;
        drop(channels);
        options.remains.measuring();
        // Once the clients are connected, too: that takes them up to some seconds.
        listener.on(&RunEvent::Ready { repeated: options.is_repeated() });
        let pulse = Pulse::new(plan, planned.embedded.as_ref());
        let timeline = TimelinePlayer::new(plan, workers.start_ns(), actors);
        Ok(Self {
            planned,
            workers,
            collector,
            pulse,
            timeline,
            meter,
            reader,
            ceiling_per_s,
            cpu_before_s,
        })
    }

    /// Lets the schedule run, and waits until all is read.
    pub(super) fn finish(mut self, listener: &mut dyn Listener) -> FinishedRun {
        let (seen, broken_off) = self.send(listener);
        let (planned, clock) = (self.planned, &self.planned.clock);
        let lag_at_end = self.collector.slowest(&self.workers, clock.now_ns());
        let (sent_ns, is_cut) = (clock.now_ns(), self.workers.sending());
        let events = self.timeline.end(sent_ns, listener);
        let mut done = self.workers.stop_sending();
        let mut faults = std::mem::take(&mut done.faults);
        let read = self.reader.take().map(RecordingThread::finish);
        let (recording, fault, merge) =
            read.map_or((None, None, None), |left| (Some(left.result), left.fault, left.merge));
        faults.extend(fault);
        let is_cut = is_cut || planned.sending.count.is_some() || !faults.is_empty();
        // Where nobody answers any more, what has not come will not.
        faults.extend(broken_off.clone().or_else(|| drain::wait(&mut self, listener)));
        let ended_ns = clock.now_ns();
        let cpu_s = process::cpu_s() - self.meter.cpu_s() - self.cpu_before_s;
        let Self { mut workers, mut collector, pulse, meter, ceiling_per_s, .. } = self;
        let metered = meter.end();
        let end_lag = drain::look_at_ends(planned, &workers, &pulse, listener);
        faults.extend(drain::look_at_topic(planned, listener));
        let reading = workers.stop_reading();
        faults.extend(reading.faults);
        let timed_out = workers.finish_receipts();
        collector.take_in();
        listener.on(&RunEvent::Stopped);
        let Shards { books, sessions, sinks, promptness } = Shards::of(done.things);
        let limit = planned.closing.left(network_bytes::LAST_COUNT);
        let wire = network_bytes::count(&sinks, workers.receipts().accepted(), limit);
        let measured = workers.measured(&planned.plan);
        let end = End {
            books,
            sessions,
            events,
            faults,
            recording,
            wire,
            throttling: throttling::of(&sinks, &reading.things, clock, &measured),
            interrupted_by: planned.closing.interrupted_by(),
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
            embedded: planned.embedded_stats(),
        };
        FinishedRun { workers, collector, sources: reading.things, sinks, merge, end }
    }

    /// Lets the schedule run; what the harness saw of itself meanwhile, and what ended it early.
    fn send(&mut self, listener: &mut dyn Listener) -> (WatchSeen, Option<String>) {
        let Self { planned, workers, collector, pulse, timeline, meter, .. } = self;
        let clock = &planned.clock;
        let brokers = observe::local_brokers(&planned.facts.advertised);
        let (measured, roster) = (workers.measured(&planned.plan), workers.roster().clone());
        let mut sampler = Sampler::new(clock, workers.start_ns(), measured, roster, brokers);
        // What watches the host is not a part of what an event costs.
        let used = || (process::cpu_s() - meter.cpu_s(), workers.receipts().acked());
        let mut lost = None;
        while workers.sending()
            && !workers.broken()
            && planned.closing.interrupted_by().is_none()
            && lost.is_none()
        {
            std::thread::sleep(TICK);
            timeline.tick(clock.now_ns(), listener);
            collector.tick(workers, &**clock, listener);
            sampler.tick(clock, used);
            lost = pulse.look(workers);
        }
        (sampler.finish(clock, used()), lost)
    }
}

impl PlannedRun {
    /// Waits until every group reads every partition.
    fn get_ready(&self, workers: &Workers, listener: &mut dyn Listener) -> Result<()> {
        let ended = || self.embedded_ended();
        let interrupted = || self.closing.interrupted_by().is_some() || ended().is_some();
        readiness::wait(&*self.target, &self.plan, self.run, workers, &interrupted, listener)?;
        self.closing.go_on()?;
        ended().map_or(Ok(()), |ended| Err(Error::Broker(ended)))
    }

    /// Begins to read what is replayed, where something is.
    fn start_reader(
        &self,
        replay: Option<RecordedLoad>,
        clock: Arc<dyn Clock>,
        listener: &mut dyn Listener,
    ) -> Result<Option<(Vec<Workload>, RecordingThread)>> {
        let Some(replay) = replay else { return Ok(None) };
        listener.on(&replay.began());
        replay.start(&self.plan, clock).map(Some)
    }
}
