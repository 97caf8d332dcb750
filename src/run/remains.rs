//! What a run would leave behind if it ended now: told to whoever ends it by a second signal.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::result::remainder::{Remainder, RunStage};

/// How far something is that a signal may end.
#[derive(Debug, Default)]
pub struct Remains {
    inner: Mutex<Remainder>,
}

impl Remains {
    fn lock(&self) -> MutexGuard<'_, Remainder> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run begins, which has made this topic for itself at these brokers.
    pub fn begin(&self, topic: Option<(&str, &str)>) {
        let topic = topic.map(|(name, at)| (name.to_owned(), at.to_owned()));
        *self.lock() = Remainder { stage: RunStage::Before, topic };
    }

    /// The topic is no more.
    pub fn topic_gone(&self) {
        self.lock().topic = None;
    }

    /// From now on there is something to be lost.
    pub fn measuring(&self) {
        self.lock().stage = RunStage::Measuring;
    }

    /// Groups have begun to read.
    pub fn reading(&self) {
        self.lock().stage = RunStage::Reading;
    }

    /// A topic is read again.
    pub fn replaying(&self) {
        self.lock().stage = RunStage::Replaying;
    }

    /// A broker serves that keeps nothing.
    pub fn serving(&self) {
        self.lock().stage = RunStage::Serving;
    }

    /// What was measured is saved; settled, or with events that are still in doubt.
    pub fn saved(&self, folder: &Path, settled: bool) {
        self.lock().stage = RunStage::Saved(folder.to_owned(), settled);
    }

    /// As it is now.
    #[must_use]
    pub fn now(&self) -> Remainder {
        self.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::remainder::{at_first, at_second};

    #[test]
    fn a_signal_is_told_what_it_ends_and_what_it_leaves() {
        let remains = Remains::default();
        assert!(at_first(&remains.now()).ends_with("nothing is measured yet"));
        assert_eq!(at_second(&remains.now()), "left at once: nothing was measured");
        remains.begin(Some(("t-1", "kafka:9092")));
        remains.measuring();
        assert!(at_first(&remains.now()).contains("saved, within 10 s"));
        let stays = "; topic t-1 stays at kafka:9092";
        assert_eq!(at_second(&remains.now()), format!("left at once: nothing was saved{stays}"));
        remains.saved(Path::new("out/a"), false);
        let saved = "left at once: the result is saved in out/a";
        assert_eq!(at_second(&remains.now()), format!("{saved}, with events in doubt{stays}"));
        remains.saved(Path::new("out/a"), true);
        remains.topic_gone();
        assert_eq!(at_second(&remains.now()), saved);
        // The next run of a sweep.
        remains.begin(None);
        assert_eq!(at_second(&remains.now()), "left at once: nothing was measured");
    }
}
