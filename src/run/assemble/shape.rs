//! The shape of the load: its phases, and where it went.

use crate::load::generate::SessionStats;
use crate::load::schedule::Schedule;
use crate::plan::Plan;
use crate::result::{PartitionResult, PhaseResult, PhaseSessions};

/// Every phase of the schedule, and how its sessions lived.
pub(crate) fn phases(plan: &Plan, sessions: &SessionStats) -> Vec<PhaseResult> {
    let schedule = Schedule::new(&plan.load, plan.seed);
    let mut from_ns = 0;
    let mut phases = Vec::new();
    for (place, phase) in plan.load.phases.iter().enumerate() {
        let to_ns = from_ns + phase.duration_ns();
        phases.push(PhaseResult {
            name: phase.name.clone(),
            warmup: phase.warmup,
            from_s: from_ns as f64 / 1e9,
            to_s: to_ns as f64 / 1e9,
            expected: schedule.expected_in(place),
            sessions: PhaseSessions::of(&plan.population, sessions, place),
        });
        from_ns = to_ns;
    }
    phases
}

/// What each partition took.
pub(super) fn partitions(records: &[u64]) -> Vec<PartitionResult> {
    let all: u64 = records.iter().sum();
    let share = |records: u64| {
        if all == 0 { 0.0 } else { records as f64 / all as f64 }
    };
    records
        .iter()
        .enumerate()
        .map(|(partition, &records)| PartitionResult { partition, records, share: share(records) })
        .collect()
}
