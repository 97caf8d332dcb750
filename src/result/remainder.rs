//! How far something is that a signal may end, and what it would leave behind.

use std::path::PathBuf;

/// What a run would leave behind if it ended now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remainder {
    /// How far it is.
    pub stage: RunStage,
    /// The topic that the run has made, and at which brokers.
    pub topic: Option<(String, String)>,
}

/// How far something is that a signal may end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RunStage {
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
