//! The senders of a run: what is known without any application.

use std::collections::BTreeMap;
use std::ops::Range;

use super::extent::RunExtent;
use crate::result::RunResult;

/// What the sending side of a run leaves.
pub(in crate::run) struct SendingPart {
    /// All that is known without an application. Its verdict holds what went wrong with the loops,
    /// and nothing that follows from figures.
    pub(in crate::run) result: RunResult,
    /// `latency.hlog` of what was sent and acknowledged.
    pub(in crate::run) log: String,
    /// How far the schedule came.
    pub(in crate::run) reached: RunExtent,
    pub(in crate::run) interval_ns: u64,
    /// Slot time 0, in µs since 1970.
    pub(in crate::run) start_wall_us: i64,
    /// How long an event that was never delivered would have been waited for, in ns.
    pub(in crate::run) waited_ns: i64,
    /// The stretches of the measured part with one rate, in ns since the schedule's start.
    pub(in crate::run) steady: Vec<Range<u64>>,
    /// The longest stall of the hosts in each interval of the schedule, in ns.
    pub(in crate::run) stalls_ns: BTreeMap<u64, u64>,
    /// How many sent events had no answer yet at the end of each interval, also of those that its
    /// own rows don't reach.
    pub(in crate::run) unanswered: BTreeMap<u64, u64>,
    /// Who else has read in the run's groups.
    pub(in crate::run) strangers: Vec<String>,
}
