//! The drain: until every receipt has come, and every group has read all that was acknowledged.

use std::time::{Duration, Instant};

use super::closing::SOUND;
use super::live::{LiveRun, TICK};
use super::planned::PlannedRun;
use super::pulse::Pulse;
use super::workers::Workers;
use super::{lag, rescan};
use crate::client::target::Target;
use crate::result::end_lag::EndLag;
use crate::result::run_event::{Awaited, Listener, Outstanding, RunEvent};
use crate::result::run_fault::RunFault;

/// The most time that it takes once a signal has come: the rest of the end needs some, too.
const INTERRUPTED: Duration = Duration::from_secs(5);

/// A broker that has acknowledged nothing for so long may be gone.
const SILENT: Duration = Duration::from_secs(2);

/// Waits, and returns what did not come in time.
pub(super) fn wait(live: &mut LiveRun<'_>, listener: &mut dyn Listener) -> Option<String> {
    let LiveRun { planned: run, workers: crew, collector, pulse, .. } = live;
    let planned = Duration::from_millis(run.plan.measure.drain_timeout_ms);
    let (world, closing) = (&run.target, &run.closing);
    let (began, mut told) = (Instant::now(), false);
    let mut ends = rescan::ReadToEnd::default();
    loop {
        // What has timed out may lie behind the last acknowledged record.
        let is_done = crew.settled() && ends.stand(world, crew) && crew.drained();
        if is_done {
            listener.on(&RunEvent::Drained);
            return None;
        }
        if crew.broken() {
            return None;
        }
        let passed = began.elapsed();
        let is_over = closing.interrupted_for().is_some_and(|heard| heard >= INTERRUPTED);
        if passed >= planned || is_over {
            let (waited, outstanding) = (passed.min(planned), outstanding(crew));
            return Some(RunFault::NotDrained { waited, outstanding }.to_string());
        }
        if let Some(lost) = pulse.look(crew) {
            return Some(lost);
        }
        if !told && passed >= SOUND {
            told = true;
            let left = planned.saturating_sub(passed);
            listener.on(&RunEvent::Draining { left, outstanding: outstanding(crew) });
        }
        std::thread::sleep(TICK);
        collector.tick(crew, &*run.clock, listener);
    }
}

/// Where the broker says that the partitions end. One that has been silent before, and does not
/// say it, is gone.
pub(super) fn look_at_ends(
    run: &PlannedRun,
    crew: &Workers,
    pulse: &Pulse<'_>,
    listener: &mut dyn Listener,
) -> Option<EndLag> {
    let closing = &run.closing;
    closing.begin();
    if let Some(ended) = run.embedded_ended() {
        closing.set_gone(ended);
    }
    let mut ask = |partitions: usize| {
        let what = (Awaited::Ends, partitions);
        let ends = closing.ask(&run.target, what, listener, move |world| world.ends(partitions));
        let ends = ends.and_then(Result::ok);
        if ends.is_none() && pulse.since_ack() > SILENT {
            closing.set_gone("the broker does not answer any more".to_owned());
        }
        ends
    };
    lag::at_end(crew, &mut ask)
}

fn outstanding(crew: &Workers) -> Outstanding {
    Outstanding { receipts: crew.outstanding(), unread: crew.lags() }
}

/// Whether the topic is still the one that the run began with; what is wrong, if not.
pub(super) fn look_at_topic(run: &PlannedRun, listener: &mut dyn Listener) -> Option<String> {
    let topic = run.facts.topic.clone();
    let ask = move |world: &dyn Target| world.topic_fault(&topic);
    run.closing.ask(&run.target, (Awaited::TopicId, 0), listener, ask)?
}
