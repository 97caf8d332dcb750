//! The processes that recorded a run together, and how far their clocks may lie apart.

use serde::{Deserialize, Serialize};

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// User and system CPU in the measured part, without its hiccup meter, in seconds; `None` where
    /// nobody counted it at its begin and its end, or where it read other events, too.
    #[serde(default)]
    pub cpu_measured_s: Option<f64>,
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
