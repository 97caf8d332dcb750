//! What a run would come to: events, bytes and time.

use serde::Serialize;

use super::look::Look;
use super::memory::{self, Memory};
use crate::load::generate::{Demand, Generator};
use crate::load::schedule::Schedule;
use crate::plan::{PhasePlan, Plan};

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
    pub memory: Memory,
}

/// Events and bytes; with random arrivals the counts are means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadOutlook {
    /// Events of all phases.
    pub events: f64,
    /// Mean size of an event with its key, in bytes, without what the protocol adds.
    pub event_bytes: f64,
    /// So many generated events were weighed for that.
    pub weighed_events: u64,
    /// Bytes of all phases, keys included.
    pub bytes: f64,
    /// The highest rate.
    pub peak_per_s: f64,
    /// Bytes per second at that rate.
    pub peak_bytes_per_s: f64,
    /// Sessions that the population can have alive at once.
    pub sessions_there: u64,
    /// Phase by phase.
    pub phases: Vec<PhaseOutlook>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseOutlook {
    /// Its name.
    pub name: String,
    /// Sent, but not measured.
    pub warmup: bool,
    /// How long it lasts, in seconds.
    pub duration_s: f64,
    /// Its events.
    pub events: f64,
    /// Their bytes.
    pub bytes: f64,
    /// Its lowest rate.
    pub least_per_s: f64,
    /// Its highest rate.
    pub peak_per_s: f64,
    /// Sessions that have to be alive at that rate for none to hurry.
    pub sessions_needed: f64,
    /// How many times as fast as configured sessions run at that rate; 1 where there are enough.
    pub hurry: f64,
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
    pub(super) fn new(plan: &Plan, look: &Look) -> Self {
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

impl LoadOutlook {
    pub(super) fn new(plan: &Plan, look: &Look) -> Self {
        let schedule = Schedule::new(&plan.load, plan.seed);
        let events = schedule.expected_total();
        let (demand, there) = (Demand::new(&plan.population), Generator::places(plan));
        let phase = |(place, phase): (usize, &PhasePlan)| {
            let events = schedule.expected_in(place);
            let (least_per_s, peak_per_s) = phase.rates_per_s();
            let hot_share = phase.hot.map_or(0.0, |hot| hot.share);
            let sessions_needed = demand.sessions(peak_per_s, hot_share);
            PhaseOutlook {
                name: phase.name.clone(),
                warmup: phase.warmup,
                duration_s: phase.duration_ns() as f64 / 1e9,
                events,
                bytes: events * look.event_bytes,
                least_per_s,
                peak_per_s,
                sessions_needed,
                hurry: (sessions_needed / there as f64).max(1.0),
            }
        };
        let phases: Vec<_> = plan.load.phases.iter().enumerate().map(phase).collect();
        let peak_per_s = phases.iter().map(|phase| phase.peak_per_s).fold(0.0, f64::max);
        Self {
            events,
            event_bytes: look.event_bytes,
            weighed_events: look.weighed_events,
            bytes: events * look.event_bytes,
            peak_per_s,
            peak_bytes_per_s: peak_per_s * look.event_bytes,
            sessions_there: there,
            phases,
        }
    }
}
