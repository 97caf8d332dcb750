//! The end of a run: every wait in it has a limit, a name, and after a while a sound.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::threads::spawn;
use crate::base::error::{Error, Result};
use crate::client::target::Target;
use crate::result::run_event::{Awaited, Listener, RunEvent};

/// How soon a wait sees that it is over.
const LOOK: Duration = Duration::from_millis(20);

/// A wait of that long says what it waits for.
pub(super) const SOUND: Duration = Duration::from_secs(2);

/// The most time for all that comes after the drain, where the broker does not answer.
const AFTER_DRAIN: Duration = Duration::from_secs(9);

/// The same from a signal on, the drain included: then the result must be saved.
const AFTER_SIGNAL: Duration = Duration::from_secs(8);

/// Longest wait for one answer, and what it may take longer for each partition.
const ANSWER: Duration = Duration::from_secs(3);
const EACH: Duration = Duration::from_millis(1);

/// The time for what is left to be done where the brokers are gone.
const AFTER_LOSS: Duration = Duration::from_secs(2);

/// What every wait gets, however late it is: whoever can answer does so within it.
const LEAST: Duration = Duration::from_millis(300);

/// Watches over the waits of one run's end.
pub(super) struct Closing {
    signal: Arc<AtomicUsize>,
    /// When the signal was seen first.
    heard: Cell<Option<Instant>>,
    /// When all has to be over.
    until: Cell<Option<Instant>>,
    /// Why nobody will answer any more.
    gone: RefCell<Option<String>>,
    /// Whether somebody was asked and has not answered.
    unanswered: Cell<bool>,
}

impl Closing {
    /// Of a run that a signal may end: its exit code, or 0.
    pub(super) fn new(signal: Arc<AtomicUsize>) -> Self {
        let (heard, until, gone) = (Cell::new(None), Cell::new(None), RefCell::new(None));
        Self { signal, heard, until, gone, unanswered: Cell::new(false) }
    }

    /// The exit code of the signal that has come.
    pub(super) fn interrupted_by(&self) -> Option<u8> {
        let code = u8::try_from(self.signal.load(Ordering::Relaxed)).ok();
        let code = code.filter(|&code| code != 0);
        if code.is_some() && self.heard.get().is_none() {
            self.heard.set(Some(Instant::now()));
        }
        code
    }

    /// For how long the signal has been known.
    pub(super) fn interrupted_for(&self) -> Option<Duration> {
        self.interrupted_by()?;
        self.heard.get().map(|heard| heard.elapsed())
    }

    /// Ends the preparation when a signal has come.
    pub(super) fn go_on(&self) -> Result<()> {
        self.interrupted_by().map_or(Ok(()), |code| Err(Error::Signal(code)))
    }

    /// The drain is over, or the broker has just answered: from now on the time counts that an
    /// end may take.
    pub(super) fn begin(&self) {
        if self.gone().is_none() {
            self.until.set(Some(Instant::now() + AFTER_DRAIN));
        }
    }

    /// No time but that of a signal limits the end for now: something goes on that takes long.
    pub(super) fn pause(&self) {
        self.until.set(None);
    }

    /// What the signal is read from, for work on other threads.
    pub(super) fn signal(&self) -> Arc<AtomicUsize> {
        self.signal.clone()
    }

    /// Nobody will answer any more.
    pub(super) fn set_gone(&self, why: String) {
        self.gone.borrow_mut().get_or_insert(why);
        self.until.set(Some(Instant::now() + AFTER_LOSS));
    }

    /// Why nobody will answer any more, if so.
    pub(super) fn gone(&self) -> Option<String> {
        self.gone.borrow().clone()
    }

    /// How much of `most` is left of the time that the end may take.
    pub(super) fn left(&self, most: Duration) -> Duration {
        let after_signal = self.interrupted_for().map(|passed| AFTER_SIGNAL.saturating_sub(passed));
        let until = self.until.get().map(|at| at.saturating_duration_since(Instant::now()));
        let left = after_signal.into_iter().chain(until).min().unwrap_or(most);
        left.max(LEAST).min(most)
    }

    /// Asks the brokers something about so many partitions; `None` where they are gone, have not
    /// answered before, or do not answer in time.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        world: &Arc<dyn Target>,
        (what, partitions): (Awaited, usize),
        listener: &mut dyn Listener,
        ask: impl FnOnce(&dyn Target) -> T + Send + 'static,
    ) -> Option<T> {
        if self.unanswered.get() || self.gone().is_some() {
            return None;
        }
        let world = world.clone();
        let most = ANSWER + EACH * u32::try_from(partitions).unwrap_or(u32::MAX);
        let answer = self.wait(what, most, listener, move || ask(&*world));
        self.unanswered.set(answer.is_none());
        answer
    }

    /// Does some work that may hang, on a thread that is left behind if it takes longer than
    /// `most`, or than the end may; `None` then. `listener` is told of what is waited for.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        what: Awaited,
        most: Duration,
        listener: &mut dyn Listener,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (tell, done) = channel();
        let began = Instant::now();
        let body = move || {
            let _ = tell.send(work());
        };
        spawn("awaited", body).ok()?;
        let mut untold = Some(what);
        loop {
            match done.recv_timeout(LOOK) {
                Ok(thing) => return Some(thing),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let (waited, left) = (began.elapsed(), self.left(most));
            if waited >= most || (left <= LEAST && waited >= LEAST) {
                return None;
            }
            if waited >= SOUND
                && let Some(what) = untold.take()
            {
                let left = left.min(most.saturating_sub(waited));
                listener.on(&RunEvent::Waiting { what, left });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was told.
    struct Heard(Vec<RunEvent>);

    impl Listener for Heard {
        fn on(&mut self, event: &RunEvent) {
            self.0.push(event.clone());
        }
    }

    fn closing() -> (Closing, Arc<AtomicUsize>) {
        let signal = Arc::new(AtomicUsize::new(0));
        (Closing::new(signal.clone()), signal)
    }

    #[test]
    fn work_that_hangs_is_left_behind_and_named_meanwhile() {
        let (closing, _) = closing();
        let (mut heard, began) = (Heard(Vec::new()), Instant::now());
        let hang = || std::thread::sleep(Duration::from_secs(60));
        let done = closing.wait(Awaited::Ends, Duration::from_millis(2_900), &mut heard, hang);
        assert!(done.is_none() && began.elapsed() < Duration::from_secs(10));
        let [event] = heard.0.as_slice() else { panic!("{:?}", heard.0) };
        let RunEvent::Waiting { what: Awaited::Ends, left } = event else { panic!("{event:?}") };
        assert!(*left < Duration::from_secs(1), "{left:?}");
        let quick = closing.wait(Awaited::Ends, Duration::from_secs(5), &mut (), || 7);
        assert_eq!(quick, Some(7));
    }

    #[test]
    fn a_signal_shortens_every_wait_to_what_is_left_of_its_time() {
        let (closing, signal) = closing();
        let long = Duration::from_secs(60);
        assert_eq!(closing.left(long), long);
        closing.begin();
        assert!(closing.left(long) <= AFTER_DRAIN);
        signal.store(130, Ordering::Relaxed);
        assert_eq!(closing.interrupted_by(), Some(130));
        closing.heard.set(Some(Instant::now() - Duration::from_secs(6)));
        assert!(closing.left(long) <= Duration::from_secs(2));
        closing.heard.set(Some(Instant::now() - Duration::from_secs(60)));
        assert_eq!(closing.left(long), LEAST);
        assert!(matches!(closing.go_on(), Err(Error::Signal(130))));
    }

    #[test]
    fn the_broker_is_gone_for_the_first_reason_that_was_found() {
        let (closing, _) = closing();
        assert_eq!(closing.gone(), None);
        closing.set_gone("a".to_owned());
        closing.set_gone("b".to_owned());
        assert_eq!(closing.gone().as_deref(), Some("a"));
        // Whoever is still waited for is not waited for long, whatever is said of the time.
        closing.begin();
        assert!(closing.left(Duration::from_secs(60)) <= AFTER_LOSS);
    }
}
