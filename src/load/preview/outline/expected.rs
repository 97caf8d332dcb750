//! What the load of a plan comes to.

use serde::Serialize;

use super::samples::EventSample;
use crate::load::generate::{Demand, Generator};
use crate::load::schedule::Schedule;
use crate::plan::{PhasePlan, Plan};

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

impl LoadOutlook {
    pub(super) fn new(plan: &Plan, look: &EventSample) -> Self {
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
