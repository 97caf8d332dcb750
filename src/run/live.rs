//! A run while it goes on.

use std::time::Duration;

use super::collect::Collector;
use super::observe::Meter;
use super::planned::PlannedRun;
use super::pulse::Pulse;
use super::recording::RecordingThread;
use super::timeline::TimelinePlayer;
use super::workers::Workers;

/// How often the harness looks at its loops.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// The part of a run in which time matters.
pub(super) struct LiveRun<'a> {
    pub(super) planned: &'a PlannedRun,
    pub(super) workers: Workers,
    pub(super) collector: Collector,
    pub(super) pulse: Pulse<'a>,
    pub(super) timeline: TimelinePlayer<'a>,
    pub(super) meter: Meter,
    /// What reads the recording that is replayed.
    pub(super) reader: Option<RecordingThread>,
    /// Events per second that the host can send to nobody.
    pub(super) ceiling_per_s: Option<f64>,
    /// What this process had used before its meter began, in seconds.
    pub(super) cpu_before_s: f64,
}
