//! What a run would come to: events, bytes and time.

use serde::Serialize;

use super::expected::LoadOutlook;
use super::memory::{self, MemoryEstimate};
use super::samples::EventSample;
use crate::plan::Plan;

/// What a run would come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlook {
    /// How many runs the scenario makes.
    pub trials: u32,
    /// The load; `None` for a replay, whose events are in a topic.
    pub load: Option<LoadOutlook>,
    /// How long it takes.
    pub time: TimeOutlook,
    /// What it needs of this machine's memory.
    pub memory: MemoryEstimate,
}

/// How long a run takes, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeOutlook {
    /// From the first due time to the end of the last phase.
    pub schedule_s: f64,
    /// The limit on waiting for the groups before that.
    pub ready_timeout_s: f64,
    /// The limit on waiting for the groups after that.
    pub drain_timeout_s: f64,
    /// All three.
    pub most_s: f64,
}

impl Outlook {
    /// The outlook of a plan whose events were looked at.
    pub(super) fn new(plan: &Plan, look: &EventSample) -> Self {
        let load = plan.load.replay.is_none().then(|| LoadOutlook::new(plan, look));
        let schedule_s = plan.load.duration_ns() as f64 / 1e9;
        let ready_timeout_s = plan.measure.ready_timeout_ms as f64 / 1e3;
        let drain_timeout_s = plan.measure.drain_timeout_ms as f64 / 1e3;
        let most_s = schedule_s + ready_timeout_s + drain_timeout_s;
        Self {
            trials: 1,
            memory: memory::estimate(plan, load.as_ref()),
            load,
            time: TimeOutlook { schedule_s, ready_timeout_s, drain_timeout_s, most_s },
        }
    }
}
