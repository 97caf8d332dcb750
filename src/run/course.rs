//! The course of a run: everybody gets ready, the schedule runs, and what is left is read.

use std::sync::Arc;

use super::assemble::End;
use super::collect::Collector;
use super::embedded::EmbeddedBroker;
use super::observe::process;
use super::observe::{Meter, Sampler, WatchSeen};
use super::play::{LEAD_NS, Play, Played, TICK};
use super::pulse::Pulse;
use super::recording::{RecordedLoad, RecordingThread};
use super::shards::Shards;
use super::timeline::{Actor, TimelinePlayer};
use super::workers::Workers;
use super::{drain, network_bytes, readiness, throttling};
use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use crate::result::run_event::{Listener, RunEvent};
use crate::workers::produce::Workload;

impl Play<'_> {
    /// Gets everybody ready, lets the schedule run, and waits until all is read.
    pub(super) fn run(
        &self,
        replay: Option<RecordedLoad>,
        actors: &mut [Box<dyn Actor>],
        listener: &mut dyn Listener,
    ) -> Result<Played> {
        // Before anybody else wants a core.
        let ceiling_per_s = crate::run::observe::ceiling_per_s(self.plan, self.sending)?;
        let (mut collector, channels) = Collector::new(self.plan, &**self.world);
        let (plan, clock): (_, Arc<dyn Clock>) = (self.plan, self.clock.clone());
        listener.on(&RunEvent::Started {
            scenario: plan.name.clone(),
            apps: plan.apps.iter().map(|app| app.name.clone()).collect(),
        });
        let mut crew =
            Workers::start_workers(plan, self.run, &**self.world, clock.clone(), &channels)?;
        // Before the groups are ready, so that there is something to send when they are.
        let (recorded, reader) = self.start_reader(replay, clock, listener)?.unzip();
        self.get_ready(&crew, listener)?;
        let cpu_before_s = process::cpu_s();
        let meter = crew.start_meter(self.plan, self.clock)?;
        // With millions of users to draw that takes a while: before the start is fixed.
        let scripts = recorded.unwrap_or_else(|| Workload::for_shards(self.plan, self.sending));
        crew.start_producers(self.plan, &**self.world, scripts, LEAD_NS, &channels, &|start_ns| {
            if let Some(wall_us) = self.start_wall_us {
                self.clock.pretend(start_ns, wall_us);
            }
        })?;
        drop(channels);
        self.remains.measuring();
        // Once the clients are connected, too: that takes them up to some seconds.
        listener.on(&RunEvent::Ready { repeated: self.repeated });
        let mut pulse = Pulse::new(self.plan, self.embedded);
        let mut timeline = TimelinePlayer::new(plan, crew.start_ns(), actors);
        let (seen, broken_off) =
            self.send(&crew, &mut collector, &meter, &mut pulse, &mut timeline, listener);
        let lag_at_end = collector.slowest(&crew, self.clock.now_ns());
        let (sent_ns, is_cut) = (self.clock.now_ns(), crew.sending());
        let events = timeline.end(sent_ns, listener);
        let mut done = crew.stop_sending();
        let mut faults = std::mem::take(&mut done.faults);
        let read = reader.map(RecordingThread::finish);
        let (recording, fault, merge) =
            read.map_or((None, None, None), |left| (Some(left.result), left.fault, left.merge));
        faults.extend(fault);
        let is_cut = is_cut || self.sending.count.is_some() || !faults.is_empty();
        // Where nobody answers any more, what has not come will not.
        faults.extend(
            broken_off
                .clone()
                .or_else(|| drain::wait(self, &crew, &mut collector, &mut pulse, listener)),
        );
        let ended_ns = self.clock.now_ns();
        let cpu_s = process::cpu_s() - meter.cpu_s() - cpu_before_s;
        let metered = meter.end();
        let end_lag = drain::look_at_ends(self, &crew, &pulse, listener);
        faults.extend(drain::look_at_topic(self, listener));
        let reading = crew.stop_reading();
        faults.extend(reading.faults);
        let timed_out = crew.finish_receipts();
        collector.take_in();
        listener.on(&RunEvent::Stopped);
        let Shards { books, sessions, sinks, promptness } = Shards::of(done.things);
        let limit = self.closing.left(network_bytes::LAST_COUNT);
        let wire = network_bytes::count(&sinks, crew.receipts().accepted(), limit);
        let end = End {
            books,
            sessions,
            events,
            faults,
            recording,
            wire,
            throttling: throttling::of(&sinks, &reading.things, self.clock, &crew.measured(plan)),
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
    fn get_ready(&self, crew: &Workers, listener: &mut dyn Listener) -> Result<()> {
        let ended = || self.embedded.and_then(EmbeddedBroker::ended);
        let interrupted = || self.closing.interrupted_by().is_some() || ended().is_some();
        readiness::wait(&**self.world, self.plan, self.run, crew, &interrupted, listener)?;
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
        replay.start(self.plan, clock).map(Some)
    }

    /// Lets the schedule run; what the harness saw of itself meanwhile, and what ended it early.
    fn send(
        &self,
        crew: &Workers,
        collector: &mut Collector,
        meter: &Meter,
        pulse: &mut Pulse<'_>,
        timeline: &mut TimelinePlayer<'_>,
        listener: &mut dyn Listener,
    ) -> (WatchSeen, Option<String>) {
        let brokers = crate::run::observe::local_brokers(&self.facts.advertised);
        let (measured, roster) = (crew.measured(self.plan), crew.roster().clone());
        let mut sampler = Sampler::new(self.clock, crew.start_ns(), measured, roster, brokers);
        // What watches the host is not a part of what an event costs.
        let used = || (process::cpu_s() - meter.cpu_s(), crew.receipts().acked());
        let mut lost = None;
        while crew.sending()
            && !crew.broken()
            && self.closing.interrupted_by().is_none()
            && lost.is_none()
        {
            std::thread::sleep(TICK);
            timeline.tick(self.clock.now_ns(), listener);
            collector.tick(crew, &**self.clock, listener);
            sampler.tick(self.clock, used);
            lost = pulse.look(crew);
        }
        (sampler.finish(self.clock, used()), lost)
    }
}
