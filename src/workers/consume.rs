//! The consuming loop: each worker of a group is a thread with a source of its own.
//!
//! State belongs to the partition: whoever holds a partition's lane sees each of its records
//! once and in order, however often the partition changes hands.

mod apply;
mod group;
mod membership;
pub mod observation_recorder;
#[cfg(test)]
mod poisoned;
mod reader;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::error::Result;
use crate::event::Arrival;
use crate::measure::latency::window::Window;
use crate::measure::latency::{Recorder, Throttles};

pub use group::{AppGroup, PartitionState, WorkerState};
pub use membership::{AssignmentHistory, GroupMember, Membership};
pub use observation_recorder::{ObservationRecorder, Testimony};
pub use reader::{AppReader, ReadCounts};

/// Most records that one hand-over holds: how soon a worker looks at its clock and orders.
const BATCH_RECORDS: usize = 1_024;

/// Longest wait for a record: how soon an idle worker sees that it shall stop.
const WAIT: Duration = Duration::from_millis(50);

/// Where records come from: a client, or the loopback.
pub trait Source: Send {
    /// Calls `each` for up to `max` records, waiting at most `wait` for the first. Records of
    /// one partition come in the order of their offsets. When `each` has returned, its record
    /// counts as processed, and is committed in the source's own time.
    ///
    /// # Errors
    /// When the source is broken for good.
    fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize>;

    /// Commits what was processed, and waits for the answer; a source without offsets to commit
    /// has nothing to do.
    ///
    /// # Errors
    /// When it was refused.
    fn commit(&mut self) -> Result<()> {
        Ok(())
    }

    /// When brokers held it back for a quota, on a clock that shows `now_ns`; `None` where nobody
    /// would say so.
    fn throttles(&self, _now_ns: u64) -> Option<Throttles> {
        None
    }

    /// What it knows of its partitions.
    fn membership(&self) -> &Membership;

    /// How many partitions it has now; `None` before its first assignment.
    fn assigned(&self) -> Option<usize> {
        self.membership().assigned()
    }
}

/// What one worker's loop works with.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct WorkerTask {
    /// The application's place in the plan.
    pub app: usize,
    /// The worker's number within its group.
    pub worker: usize,
    /// The group's lanes and what is seen of it from outside.
    pub group: Arc<AppGroup>,
    /// Where the records come from.
    pub source: Box<dyn Source>,
    /// Records arrival, service and end to end.
    pub recorder: Recorder,
    /// The due times that are measured, on the run's clock; set before the first event is due.
    pub measured: Arc<OnceLock<Range<u64>>>,
    /// The run's clock.
    pub clock: Arc<dyn Clock>,
    /// Set when all is read.
    pub stop: Arc<AtomicBool>,
    /// Where full windows go, with the application's place.
    pub windows: Sender<(usize, Box<Window>)>,
}

/// Reads until `stop`. Gives the source back: it is closed only after the result is saved,
/// because closing may hang while a broker is away.
///
/// # Errors
/// When the source is broken for good.
pub fn run(mut shift: WorkerTask) -> Result<Box<dyn Source>> {
    let mut parser = shift.group.parser();
    let mut armed = false;
    while !shift.stop.load(Ordering::Relaxed) {
        let WorkerTask { group, source, recorder, clock, measured, windows, app, .. } = &mut shift;
        source.poll(BATCH_RECORDS, WAIT, &mut |arrival| {
            // With the first record at the latest: the range is set before any event is sent.
            if !armed && let Some(range) = measured.get() {
                recorder.set_measured(range.clone());
                armed = true;
            }
            let polled_ns = clock.now_ns();
            if let Some(window) = recorder.roll(polled_ns) {
                let _ = windows.send((*app, window));
            }
            group.observe(arrival, polled_ns, &mut *parser, recorder, &**clock);
        })?;
        shift.group.set_assigned(shift.worker, shift.source.assigned());
        if let Some(window) = shift.recorder.roll(shift.clock.now_ns()) {
            let _ = shift.windows.send((shift.app, window));
        }
    }
    if let Some(measured) = shift.measured.get() {
        let on_clock = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
        let history = shift.source.membership().history(on_clock(shift.clock.now_ns()));
        let member = history.within(&(on_clock(measured.start)..on_clock(measured.end)));
        shift.group.set_member(shift.worker, member);
    }
    let last = shift.recorder.flush(shift.clock.now_ns());
    // The harness may be gone already when a run is given up; then nobody misses the window.
    let _ = shift.windows.send((shift.app, last));
    Ok(shift.source)
}

#[cfg(test)]
mod tests;
