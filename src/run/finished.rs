//! A run whose loops have ended.

use super::assemble::End;
use super::collect::Collector;
use super::workers::Workers;
use crate::workers::consume::Source;
use crate::workers::produce::{Merge, Sink};

/// What a run leaves, to be made a result of.
pub(super) struct FinishedRun {
    pub(super) workers: Workers,
    pub(super) collector: Collector,
    /// Still open: closing them may hang, and comes after the saving.
    pub(super) sources: Vec<Box<dyn Source>>,
    pub(super) sinks: Vec<Box<dyn Sink>>,
    pub(super) merge: Option<Merge>,
    pub(super) end: End,
}
