//! Times that are planted, so that it can be seen whether they are read back.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::apps::{Alerts, App, Summary, UserSegment};
use crate::base::clock::Clock;
use crate::event::Event;

/// The last part of a wait is spent looking at the clock: a sleep may end that late.
const SPIN_NS: u64 = 200_000;

/// How long everything takes; all zero, it takes what it takes.
#[derive(Debug, Clone, Default)]
pub struct Delays {
    /// How long each hand-over to the sink blocks, before anything is written.
    pub send: Duration,
    /// How long a record lies in the log before a group can get it.
    pub hold: Ticks,
    /// How long the answer to a written event takes. Where a tick is set, a thread of its own
    /// gives the answers, as a client's does, and those of one tick one after the other.
    pub answer: Ticks,
    /// From one answer of a tick to the next.
    pub answer_gap: Duration,
    /// How long the application of the group of this name works on each event.
    pub work: HashMap<String, Duration>,
}

/// A wait that ends on a tick of the run's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ticks {
    /// The shortest wait.
    pub least: Duration,
    /// It goes on to the next whole multiple of this; zero for no tick.
    pub tick: Duration,
}

impl Ticks {
    /// When the wait ends that begins at a time.
    pub(super) fn end_ns(self, from_ns: u64) -> u64 {
        let end_ns = from_ns + ns(self.least);
        match ns(self.tick) {
            0 => end_ns,
            tick_ns => end_ns.next_multiple_of(tick_ns),
        }
    }

    pub(super) fn is_none(self) -> bool {
        self.least.is_zero() && self.tick.is_zero()
    }
}

pub(super) fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Comes back at `at_ns`, to a few microseconds.
pub(super) fn wait_until(clock: &dyn Clock, at_ns: u64) {
    clock.sleep_until_ns(at_ns.saturating_sub(SPIN_NS));
    while clock.now_ns() < at_ns {
        std::hint::spin_loop();
    }
}

/// An application that works for so long on each event.
pub(super) struct Working {
    app: Box<dyn App>,
    work_ns: u64,
    clock: Arc<dyn Clock>,
}

impl Working {
    pub(super) fn new(app: Box<dyn App>, work: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { app, work_ns: ns(work), clock }
    }
}

impl App for Working {
    fn prefetch(&self, key: &[u8]) {
        self.app.prefetch(key);
    }

    fn observe(&mut self, event: &Event<'_>, due_us: i64) {
        let end_ns = self.clock.now_ns() + self.work_ns;
        self.app.observe(event, due_us);
        wait_until(&*self.clock, end_ns);
    }

    fn merge(&mut self, other: Box<dyn App>) {
        if let Ok(other) = other.into_any().downcast::<Self>() {
            self.app.merge(other.app);
        }
    }

    fn summary(&self) -> Summary {
        self.app.summary()
    }

    fn watch_alerts(&mut self, most: usize) {
        self.app.watch_alerts(most);
    }

    fn take_alerts(&mut self) -> Alerts {
        self.app.take_alerts()
    }

    fn each_user(&self, tell: &mut dyn FnMut(&UserSegment<'_>)) {
        self.app.each_user(tell);
    }

    fn copy(&self) -> Box<dyn App> {
        let (app, clock) = (self.app.copy(), self.clock.clone());
        Box::new(Self { app, work_ns: self.work_ns, clock })
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_as_long_as_asked_and_ends_on_a_tick() {
        let (ms, tick) = (Duration::from_millis, |least, tick| Ticks { least, tick });
        assert_eq!(tick(ms(0), ms(0)).end_ns(7), 7);
        assert_eq!(tick(ms(5), ms(0)).end_ns(7), 5_000_007);
        assert_eq!(tick(ms(5), ms(4)).end_ns(7), 8_000_000);
        assert_eq!(tick(ms(8), ms(4)).end_ns(0), 8_000_000);
        assert!(tick(ms(0), ms(0)).is_none() && !tick(ms(0), ms(1)).is_none());
    }
}
