//! What happened at a time during a run.

use serde::{Deserialize, Serialize};

use crate::plan::timeline::TimelineEntry;

/// An entry of the plan's timeline that was played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TimelineEvent {
    /// When it happened, in seconds since the schedule's start: when the runner saw it or, of an
    /// action, began with it. It looks every 20 ms.
    pub at_s: f64,
    /// When it was planned, in seconds since the schedule's start.
    pub planned_s: f64,
    /// `phase_begins`, `measuring_begins`, `load_ends`, or the kind of an action.
    pub kind: String,
    /// The phase's name, or an action's settings.
    pub detail: String,
    /// Why the action could not be done.
    pub failed: Option<String>,
}

impl TimelineEvent {
    /// Of an entry that was played so many nanoseconds after the schedule's start.
    #[must_use]
    pub fn of(entry: &TimelineEntry, at_ns: u64) -> Self {
        Self {
            at_s: at_ns as f64 / 1e9,
            planned_s: entry.at_ns as f64 / 1e9,
            kind: entry.what.kind().to_owned(),
            detail: entry.what.detail(),
            failed: None,
        }
    }

    /// Why the run is not what its plan says, if it is not.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let Self { planned_s, kind, detail, .. } = self;
        let why = self.failed.as_ref()?;
        Some(format!("timeline: {kind} {detail} at {planned_s} s could not be done: {why}"))
    }
}
