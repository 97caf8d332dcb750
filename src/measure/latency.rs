//! Latency by stage: recorded from the due time, in windows, merged and never averaged.

pub mod breakdown;
mod by_due;
pub mod distribution;
mod footing;
mod form;
pub mod interval_log;
pub mod interval_samples;
pub mod row;
mod sends;
mod series;
mod stalls;
mod stored;
mod throttle;
mod waiting;
pub mod window;

use std::ops::Range;
use std::sync::Arc;

pub use breakdown::{Breakdown, BreakdownShare, StageTimes};
pub use distribution::{Latency, Reading, samples_needed};
pub use footing::{Block, Footing, TAIL, ranks_around};
pub use interval_log::IntervalLog;
pub use interval_samples::{IntervalSamples, SampleCell};
pub use row::IntervalRow;
pub use sends::Sends;
pub use series::Series;
pub use stalls::{StallView, Stalls, Still};
pub use stored::decoded;
pub use throttle::{Throttled, Throttles};
use waiting::WaitingSamples;
use window::{DATED_MAX, Stage, Window, difference};

/// Records one thread's latencies; no lock, and no clock of its own.
#[derive(Debug)]
pub struct Recorder {
    measured: Range<u64>,
    interval_ns: u64,
    window: Box<Window>,
    /// What is the window's and not counted yet.
    waiting: WaitingSamples,
    /// When the window is over.
    end_ns: u64,
    sends: Option<Arc<Sends>>,
    stalls: Option<StallView>,
}

impl Recorder {
    /// Records the events that are due within `measured` (on the run's clock, in ns), in windows
    /// of `interval_ns`. What is due outside is counted, and is in no histogram: warm-up is cut
    /// by due time and not by the time of recording, so that a slow start leaves no trace.
    #[must_use]
    pub fn new(measured: Range<u64>, interval_ns: u64) -> Self {
        Self {
            measured,
            interval_ns: interval_ns.max(1),
            window: Box::new(Window::new(0)),
            waiting: WaitingSamples::default(),
            end_ns: 0,
            sends: None,
            stalls: None,
        }
    }

    /// Knows when events were really sent, or notes it.
    #[must_use]
    pub fn with_sends(mut self, sends: Arc<Sends>) -> Self {
        self.sends = Some(sends);
        self
    }

    /// Knows when the host stood still.
    #[must_use]
    pub fn with_stalls(mut self, stalls: Arc<Stalls>) -> Self {
        self.stalls = Some(StallView::new(stalls));
        self
    }

    /// Notes that an event's hand-over to the client begins at `now_ns`.
    pub fn sending(&self, shard: u16, seq: u64, due_ns: u64, now_ns: u64) {
        if let Some(sends) = &self.sends {
            sends.note(shard, seq, now_ns.saturating_sub(due_ns));
        }
    }

    fn delay_ns(&self, shard: u16, seq: u64) -> Option<u64> {
        self.sends.as_ref()?.delay_ns(shard, seq)
    }

    fn still(&mut self, due_ns: u64, delay_ns: Option<u64>, to_ns: u64) -> Option<Still> {
        let sent_ns = due_ns.saturating_add(delay_ns.unwrap_or(0));
        self.stalls.as_mut().map(|stalls| stalls.still(due_ns, sent_ns, to_ns))
    }

    /// Sets what is measured, before the first event that could be is recorded.
    pub fn set_measured(&mut self, measured: Range<u64>) {
        self.measured = measured;
    }

    /// Whether an event that is due then is measured.
    #[must_use]
    pub fn is_measured(&self, due_ns: u64) -> bool {
        self.measured.contains(&due_ns)
    }

    /// Records one stage of an event.
    pub fn record(&mut self, stage: Stage, due_ns: u64, value_ns: i64) {
        self.window.events += 1;
        if self.measured.contains(&due_ns) {
            self.sample(stage, due_ns, value_ns);
        }
    }

    #[inline]
    fn sample(&mut self, stage: Stage, due_ns: u64, value_ns: i64) {
        self.waiting.push(stage, due_ns, value_ns, (&mut self.window, self.interval_ns));
    }

    /// Records that an event was acknowledged `value_ns` after its due time: from then, and from
    /// its send.
    pub fn acked(&mut self, shard: u16, seq: u64, due_ns: u64, value_ns: i64) {
        self.record(Stage::Ack, due_ns, value_ns);
        if !self.measured.contains(&due_ns) {
            return;
        }
        let delay_ns = self.delay_ns(shard, seq);
        let still = self.still(due_ns, delay_ns, due_ns.saturating_add_signed(value_ns));
        if let Some(delay_ns) = delay_ns {
            let value_ns = value_ns.saturating_sub_unsigned(delay_ns);
            self.sample(Stage::AckUncorrected, due_ns, value_ns);
        }
        let way = StageTimes { delay_ns, still, arrival_ns: value_ns, service_ns: 0 };
        self.window.stack.get_or_insert_with(Box::default).record(way);
    }

    /// Records the stages of an event that was consumed.
    pub fn consumed(
        &mut self,
        (shard, seq): (u16, u64),
        due_ns: u64,
        polled_ns: u64,
        processed_ns: u64,
    ) {
        self.window.events += 1;
        if !self.measured.contains(&due_ns) {
            return;
        }
        let delay_ns = self.delay_ns(shard, seq);
        let still = self.still(due_ns, delay_ns, processed_ns);
        let [from_ns, polled_ns, processed_ns] =
            [due_ns, polled_ns, processed_ns].map(u64::cast_signed);
        let way = StageTimes {
            delay_ns,
            still,
            arrival_ns: difference(polled_ns, from_ns),
            service_ns: difference(processed_ns, polled_ns),
        };
        let end_to_end_ns = difference(processed_ns, from_ns);
        self.sample(Stage::Arrival, due_ns, way.arrival_ns);
        self.sample(Stage::Service, due_ns, way.service_ns);
        self.sample(Stage::EndToEnd, due_ns, end_to_end_ns);
        if let Some(delay_ns) = delay_ns {
            let value_ns = end_to_end_ns.saturating_sub_unsigned(delay_ns);
            self.sample(Stage::EndToEndUncorrected, due_ns, value_ns);
        }
        self.window.stack.get_or_insert_with(Box::default).record(way);
    }

    /// Gives the window away when `now_ns` lies past it or it has grown large, and starts the one
    /// of now. Call it before recording what happened at `now_ns`.
    pub fn roll(&mut self, now_ns: u64) -> Option<Box<Window>> {
        // What waits may need as many places more.
        if now_ns < self.end_ns && self.window.dated.len() + Stage::DATED <= DATED_MAX {
            return None;
        }
        let window = self.flush(now_ns);
        (window.events > 0).then_some(window)
    }

    /// Gives the window away, full or not, and starts the one of now.
    pub fn flush(&mut self, now_ns: u64) -> Box<Window> {
        let index = now_ns / self.interval_ns;
        self.end_ns = (index + 1).saturating_mul(self.interval_ns);
        self.waiting.settle(&mut self.window);
        let next = Box::new(Window::new(index));
        std::mem::replace(&mut self.window, next)
    }
}

#[cfg(test)]
mod tests;
