//! The processes that recorded a run together, and how far their clocks may lie apart.

use serde::{Deserialize, Serialize};

use super::table::duration;
use super::{AppResult, RunResult};

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessResult {
    /// `producer` or `consumer`.
    pub role: String,
    /// Its process id.
    pub pid: u32,
    /// The applications that it ran.
    pub apps: Vec<String>,
    /// How it was called.
    pub command_line: Vec<String>,
    /// User and system CPU, in seconds.
    pub cpu_s: f64,
    /// Most memory that it held, in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// How far the wall clock moved against the monotonic one while it ran, in
    /// microseconds.
    pub wall_step_us: i64,
    /// Its dates beside the producer's; `None` where both have no clock in common.
    pub clock: Option<ClockBound>,
}

/// How far a process's dates lie from the producer's: measured over the clock that all processes
/// of a host share, and not corrected in any figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClockBound {
    /// So far are they ahead, in nanoseconds.
    pub ahead_ns: i64,
    /// How far that may be off, in nanoseconds.
    pub uncertain_ns: u64,
}

impl ClockBound {
    /// No latency between the two processes is off by more, in ns.
    #[must_use]
    pub fn bound_ns(&self) -> u64 {
        self.ahead_ns.unsigned_abs().saturating_add(self.uncertain_ns)
    }
}

/// What the clocks leave of an application's arrival and end to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AppClock {
    /// No latency of it is off by more, in nanoseconds; `None` where nobody can tell.
    pub bound_ns: Option<u64>,
    /// Whether they say anything: the bound is known, and does not exceed the median.
    pub usable: bool,
}

/// An end-to-end latency: n/a where the clocks have nothing in common, and no more than "below
/// the bound" where it is.
pub(super) fn end_to_end(app: &AppResult, value_ns: Option<i64>) -> String {
    let Some(clock) = app.clock else {
        return duration(value_ns);
    };
    match (clock.bound_ns.and_then(|bound_ns| i64::try_from(bound_ns).ok()), value_ns) {
        (None, _) => duration(None),
        (Some(bound_ns), Some(value_ns)) if value_ns < bound_ns => {
            format!("< {}", duration(Some(bound_ns)))
        }
        _ => duration(value_ns),
    }
}

/// How far the clocks of all processes may lie apart; nothing where there is one process only.
pub(super) fn clocks(result: &RunResult) -> Option<String> {
    let consumers = || result.processes.iter().filter(|process| process.role != "producer");
    let widest = consumers().map(|process| process.clock.map(|clock| clock.bound_ns())).max()?;
    let unknown = consumers().filter(|process| process.clock.is_none()).count();
    let count = consumers().count();
    let shown = widest.and_then(|bound_ns| i64::try_from(bound_ns).ok());
    let mut line = format!("{count} consumer processes beside the producer's");
    if count == 1 {
        line = "a consumer process beside the producer's".to_owned();
    }
    if unknown < count {
        line.push_str(&format!(": clock bound ± {}", duration(shown)));
    }
    if unknown > 0 {
        line.push_str(&format!("; {unknown} of them share no clock with it"));
    }
    Some(line)
}
