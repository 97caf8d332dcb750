//! How often the loop wakes. A sleep and a wake-up cost 10 to 20 µs, far more than an event, so
//! where several come due within a tick they are handed over together, once a tick.
//!
//! Due times stay as they are: what an event waits for the tick stands in its send delay, and in
//! all that is counted from its due time. Where a tick would bring fewer than a few at once it
//! saves nothing, and each event goes at its own time.

use super::Batch;

/// So many events a tick has to bring, by the rate of those that are encoded, to be waited for.
const EVENTS: u64 = 2;

/// When one loop wakes next.
#[derive(Debug)]
pub(super) struct TickPacer {
    tick_ns: u64,
    /// The loop has slept since it last handed over.
    has_slept: bool,
    /// When it last woke for events, if it has.
    woke_ns: Option<u64>,
}

impl TickPacer {
    /// Of a loop that has not slept yet; 0 for one that wakes for each event.
    pub(super) fn new(tick_ns: u64) -> Self {
        Self { tick_ns, has_slept: false, woke_ns: None }
    }

    /// When the event at `cursor` of `batch` goes: at its due time, or a tick after the loop woke
    /// last if that is later and brings several events. A loop that is awake sends what is due.
    pub(super) fn wake_ns(&self, batch: &Batch, cursor: usize, now_ns: u64) -> u64 {
        let due_ns = batch.due_ns(cursor);
        if due_ns <= now_ns && !self.has_slept {
            return due_ns;
        }
        let next_ns = self.woke_ns.map_or(0, |woke_ns| woke_ns + self.tick_ns);
        if due_ns < next_ns && self.brings_several(batch) { next_ns } else { due_ns }
    }

    /// By all that is encoded, and not by what is left of it: else each batch's last events would
    /// go one by one.
    fn brings_several(&self, batch: &Batch) -> bool {
        let gaps = batch.len() as u64 - 1;
        let span_ns = batch.due_ns(batch.len() - 1) - batch.due_ns(0);
        gaps > 0 && span_ns * EVENTS <= self.tick_ns.saturating_mul(gaps)
    }

    /// The loop has slept.
    pub(super) fn slept(&mut self) {
        self.has_slept = true;
    }

    /// It hands over. What follows without a sleep is of the same tick: a loop that is behind
    /// never waits for one.
    pub(super) fn woke(&mut self, now_ns: u64) {
        if std::mem::take(&mut self.has_slept) {
            self.woke_ns = Some(now_ns);
        }
    }
}
