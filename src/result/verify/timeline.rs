//! What happened at a time, held against the plan: all but when exactly follows from it.

use super::Audit;
use crate::plan::Plan;
use crate::plan::timeline::{Happening, timeline};
use crate::result::RunResult;

/// Every event is an entry of the plan's timeline, in its order and none before its time. Where
/// the load ended early, what was planned for later is left out.
pub(super) fn check(result: &RunResult, plan: &Plan, audit: &mut Audit) {
    // An older kbench kept none.
    if result.events.is_empty() {
        return;
    }
    let mut planned = timeline(&plan.load, &plan.actions);
    let load_ends = planned.iter().position(|entry| entry.what == Happening::LoadEnds);
    let load_ends = load_ends.map(|place| planned.remove(place));
    let last = result.events.len() - 1;
    let mut from_s = 0.0;
    for (place, event) in result.events.iter().enumerate() {
        let name = format!("events[{place}]");
        let is_last = place == last;
        let entry = if is_last { load_ends.as_ref() } else { planned.get(place) };
        let Some(entry) = entry else {
            audit.fault(name, &event.kind, "no event: the plan has no more");
            return;
        };
        let planned_s = entry.at_ns as f64 / 1e9;
        audit.same(format!("{name}.kind"), event.kind.as_str(), entry.what.kind());
        audit.same(format!("{name}.detail"), event.detail.as_str(), entry.what.detail().as_str());
        audit.near(format!("{name}.planned_s"), event.planned_s, planned_s);
        // The load may end early, and nothing else.
        let least_s = if is_last { from_s } else { planned_s.max(from_s) };
        let expected = format!("{least_s} at least");
        audit.require(format!("{name}.at_s"), event.at_s >= least_s, event.at_s, expected);
        if !matches!(entry.what, Happening::Action(_)) {
            audit.same(format!("{name}.failed"), event.failed.as_deref(), None);
        }
        from_s = event.at_s;
    }
}
