//! What a run would leave behind if it ended now: told to whoever ends it by a second signal.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The longest time from a signal to the result on the disk, in seconds.
pub const WITHIN_S: u64 = 10;

/// How far something is that a signal may end.
#[derive(Debug, Default)]
pub struct Remains {
    inner: Mutex<RemainsState>,
}

#[derive(Debug, Default)]
struct RemainsState {
    stage: RunStage,
    /// The topic that the run has made, and where.
    topic: Option<(String, String)>,
}

#[derive(Debug, Default)]
enum RunStage {
    /// Nothing is measured.
    #[default]
    Before,
    /// The load runs, or what came of it is not saved yet.
    Measuring,
    /// It is, in this folder; settled or not.
    Saved(PathBuf, bool),
    /// Groups read, and commit in the end.
    Reading,
    /// A topic is read again, and what is found shown in the end.
    Replaying,
    /// A broker that keeps nothing.
    Serving,
}

impl Remains {
    fn lock(&self) -> MutexGuard<'_, RemainsState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run begins, which has made this topic for itself at these brokers.
    pub fn begin(&self, topic: Option<(&str, &str)>) {
        let topic = topic.map(|(name, at)| (name.to_owned(), at.to_owned()));
        *self.lock() = RemainsState { stage: RunStage::Before, topic };
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

    /// What the first signal brings about, in words.
    #[must_use]
    pub fn at_first(&self) -> String {
        match self.lock().stage {
            RunStage::Before => "ending: nothing is measured yet".to_owned(),
            RunStage::Measuring => {
                format!("ending: the rest is drained, and the result saved, within {WITHIN_S} s")
            }
            RunStage::Saved(..) => format!("ending within {WITHIN_S} s: the result is saved"),
            RunStage::Replaying => "ending: what was found so far is shown".to_owned(),
            RunStage::Serving => "ending: the broker keeps nothing".to_owned(),
            RunStage::Reading => format!("ending: what was read is committed, within {WITHIN_S} s"),
        }
    }

    /// What stays behind when it ends at once, in words.
    #[must_use]
    pub fn at_second(&self) -> String {
        let inner = self.lock();
        let mut text = match &inner.stage {
            RunStage::Before => "left at once: nothing was measured".to_owned(),
            RunStage::Measuring => "left at once: nothing was saved".to_owned(),
            RunStage::Saved(folder, settled) => {
                let doubt = if *settled { "" } else { ", with events in doubt" };
                format!("left at once: the result is saved in {}{doubt}", folder.display())
            }
            RunStage::Replaying | RunStage::Serving => "left at once".to_owned(),
            RunStage::Reading => "left at once: what was read last is not committed".to_owned(),
        };
        if let Some((name, at)) = &inner.topic {
            text.push_str(&format!("; topic {name} stays at {at}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_told_what_it_ends_and_what_it_leaves() {
        let remains = Remains::default();
        assert!(remains.at_first().ends_with("nothing is measured yet"));
        assert_eq!(remains.at_second(), "left at once: nothing was measured");
        remains.begin(Some(("t-1", "kafka:9092")));
        remains.measuring();
        assert!(remains.at_first().contains("saved, within 10 s"));
        let stays = "; topic t-1 stays at kafka:9092";
        assert_eq!(remains.at_second(), format!("left at once: nothing was saved{stays}"));
        remains.saved(Path::new("out/a"), false);
        let saved = "left at once: the result is saved in out/a";
        assert_eq!(remains.at_second(), format!("{saved}, with events in doubt{stays}"));
        remains.saved(Path::new("out/a"), true);
        remains.topic_gone();
        assert_eq!(remains.at_second(), saved);
        // The next run of a sweep.
        remains.begin(None);
        assert_eq!(remains.at_second(), "left at once: nothing was measured");
    }
}
