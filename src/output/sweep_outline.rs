//! What a sweep would do, for a terminal.

use std::time::Duration;

use super::run_lines::{left_out, minutes};
use crate::plan::sweep::{Sweep, TRIAL_OVERHEAD, shown};

/// How many trials an outline names.
const OUTLINED_MAX: usize = 30;

/// Its points, how long it takes, and the order of its runs.
#[must_use]
pub fn outline(sweep: &Sweep) -> String {
    let turns = sweep.turns();
    let schedules = Duration::from_nanos(sweep.duration_ns());
    let runs = u32::try_from(turns.len()).unwrap_or(u32::MAX);
    let mut text = format!(
        "sweep {}: {} points x {} repeats = {runs} runs, some {} (schedules {})\n",
        sweep.name,
        sweep.points.len(),
        sweep.repeats,
        minutes(schedules + TRIAL_OVERHEAD * runs),
        minutes(schedules),
    );
    for axis in &sweep.axes {
        text.push_str(&format!("  {} = {}\n", axis.key, axis.values.join(", ")));
    }
    for excluded in &sweep.excluded {
        text.push_str(&format!("  {}\n", left_out(excluded)));
    }
    text.push_str("order:\n");
    for (place, turn) in turns.iter().enumerate().take(OUTLINED_MAX) {
        let settings = shown(&sweep.points[turn.point].settings);
        text.push_str(&format!("  {:>3} {settings}, repeat {}\n", place + 1, turn.repeat + 1));
    }
    if turns.len() > OUTLINED_MAX {
        text.push_str(&format!("  ... and {} more\n", turns.len() - OUTLINED_MAX));
    }
    text
}
