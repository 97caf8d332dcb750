//! What the harness saw of itself.

use serde::{Deserialize, Serialize};

use super::LatencySummary;

/// What the harness saw of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SelfWatch {
    /// 99th percentile of sent − due in the measured window, in nanoseconds; `None` without
    /// enough samples.
    pub slip_p99_ns: Option<u64>,
    /// Share of the slots that were sent more than 10 ms late, from 0 to 1.
    #[serde(default)]
    pub late_share: f64,
    /// The thread with the greatest share of a core; nothing spins, so all of it is work.
    #[serde(default)]
    pub busiest: Option<ThreadShare>,
    /// The thread that stood longest in the run queue, able to run and without a core.
    #[serde(default)]
    pub most_waiting: Option<ThreadShare>,
    /// Share of the CPU quota's periods in which it was used up; `None` without a quota.
    #[serde(default)]
    pub throttled_share: Option<f64>,
    /// Share of the machine's time that the hypervisor took.
    #[serde(default)]
    pub steal_share: Option<f64>,
    /// Events that the client's full queue refused.
    pub unsent: u64,
    /// User and system CPU of this process from its producers' start to the end of the drain, in
    /// seconds; without that of its hiccup meter, as all that follows.
    pub cpu_s: f64,
    /// User and system CPU of this process in the measured part, in seconds, of several processes
    /// that of all; `None` where nobody looked then.
    #[serde(default)]
    pub cpu_measured_s: Option<f64>,
    /// CPU of this process in the measured part for each event that was acknowledged in it, in
    /// microseconds: made, sent, and read by every group. It contains what the process costs when
    /// idle. Of several processes it is what all of them used; `None` where that of one is not
    /// known.
    pub cpu_us_per_event: Option<f64>,
    /// CPU of this process while everything is connected and nothing is sent, in milliseconds per
    /// second: taken just before the schedule starts.
    #[serde(default)]
    pub cpu_idle_ms_per_s: Option<f64>,
    /// CPU of one event more, in microseconds: the slope of CPU over acknowledged events, second
    /// by second of the measured part.
    #[serde(default)]
    pub cpu_us_per_event_more: Option<f64>,
    /// Why that is not known.
    #[serde(default)]
    pub cpu_us_per_event_more_unknown: Option<String>,
    /// Most memory that this process held, in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// How far the wall clock moved against the monotonic one, in microseconds.
    pub wall_step_us: i64,
    /// The greatest step of the wall clock between two looks a second apart, in microseconds.
    #[serde(default)]
    pub wall_step_max_us: i64,
    /// How the memory grew; `None` in a short run.
    #[serde(default)]
    pub memory_growth: Option<Growth>,
    /// How each application's latency went while the rate was constant; empty in a short run.
    #[serde(default)]
    pub drift: Vec<Drift>,
    /// Events per second that this host's producers make when nobody is behind, measured before
    /// the load; `None` for a replay.
    #[serde(default)]
    pub ceiling_per_s: Option<f64>,
    /// The greatest rate that was offered in an interval of the measured part, in events per
    /// second.
    #[serde(default)]
    pub offered_peak_per_s: f64,
    /// The broker's CPU, where it runs on this host, in a container or not; `None` where it is
    /// not known for sure which process is the broker's.
    #[serde(default)]
    pub broker_cpu: Option<BrokerCpu>,
    /// Unread records of the slowest group when the schedule ended.
    pub lag_at_end_records: u64,
    /// That lag in seconds, at the rate of that time.
    pub lag_at_end_s: f64,
    /// Whether this program was built without optimisation.
    pub debug_build: bool,
    /// Whether broker and harness share this host.
    pub broker_on_this_host: bool,
}

impl SelfWatch {
    /// The share of the ceiling that was offered at most.
    #[must_use]
    pub fn ceiling_share(&self) -> Option<f64> {
        self.ceiling_per_s.map(|ceiling| self.offered_peak_per_s / ceiling)
    }
}

/// How an application's latency went over a stretch of constant rate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Drift {
    /// The application.
    pub app: String,
    /// Where the stretch begins, in seconds from the schedule's start.
    pub from_s: f64,
    /// Where it ends, in seconds from the schedule's start.
    pub to_s: f64,
    /// Slope of the end-to-end p50 by interval (Theil and Sen), in percent of its median a minute.
    pub percent_per_min: f64,
    /// The lower end of its 95 % interval, corrected for autocorrelation and for the number of
    /// slopes that a run has.
    pub low_percent_per_min: f64,
    /// The upper end.
    pub high_percent_per_min: f64,
}

impl Drift {
    /// By how much the latency changed over the stretch at least, whatever its direction, in
    /// percent; 0 where it may not have changed at all.
    #[must_use]
    pub fn change_percent(&self) -> f64 {
        let minutes = (self.to_s - self.from_s) / 60.0;
        let least = self.low_percent_per_min.max(-self.high_percent_per_min).max(0.0);
        least * minutes
    }
}

/// How the memory of this process grew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Growth {
    /// Slope over the second half of the measured part, in bytes per second: in the first, states
    /// fill up that are bounded.
    pub bytes_per_s: f64,
    /// The lower end of its 95 % interval, in bytes per second.
    pub low_bytes_per_s: f64,
    /// What was left to this process at the end, in bytes: of the machine's
    /// memory, or of its cgroup's.
    pub left_bytes: u64,
}

impl Growth {
    /// How soon nothing is left at this slope, in seconds, if it grows at all.
    #[must_use]
    pub fn full_in_s(&self) -> Option<f64> {
        (self.low_bytes_per_s > 0.0).then(|| self.left_bytes as f64 / self.bytes_per_s)
    }
}

/// The CPU of one kind of threads in the measured part of the schedule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ThreadCpu {
    /// What they are there for: `producer`, `worker NAME`, `client library`, `harness`,
    /// `hiccup meter`, `other`.
    pub kind: String,
    /// How many there were.
    pub threads: usize,
    /// On a core, in seconds.
    pub cpu_s: f64,
    /// Able to run and without a core, in seconds.
    pub wait_s: f64,
    /// CPU for each event that was acknowledged meanwhile, in µs.
    pub cpu_us_per_event: Option<f64>,
}

/// A thread and a share of its time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ThreadShare {
    /// The thread's name.
    pub thread: String,
    /// Of the time that was looked at, from 0 to 1.
    pub share: f64,
    /// How long it waited at a time, in nanoseconds on average; `null` where the share is of
    /// something else.
    #[serde(default)]
    pub wait_mean_ns: Option<f64>,
}

/// Threads that wake each other wait for a core some hundred times a second, for some 0.05 ms,
/// on a host that has cores to spare (measured: 4 cores, a fifth of them used, 20,000 events/s).
/// That is a share of the time, and no part of any figure; neighbours take milliseconds at a time.
pub(crate) const WAIT_LONG_NS: f64 = 100_000.0;

impl ThreadShare {
    /// Whether a wait is long enough to show in a figure.
    pub(crate) fn waits_long(&self) -> bool {
        self.wait_mean_ns.is_some_and(|mean_ns| mean_ns >= WAIT_LONG_NS)
    }
}

/// What the broker's processes on this host used in the measured part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BrokerCpu {
    /// How many processes.
    pub processes: usize,
    /// User and system CPU, in seconds.
    pub cpu_s: f64,
    /// For each event that was acknowledged meanwhile, in µs.
    pub cpu_us_per_event: Option<f64>,
    /// Whether some process was found behind a container's proxy.
    #[serde(default)]
    pub in_container: bool,
}

/// From here on a stall is named: a thread that has slept is let in before one that works, so a
/// core that gives it nothing for longer was taken away.
pub(crate) const STALL_NS: u64 = 5_000_000;

/// What the host itself did to a thread that only sleeps, in the measured part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Hiccups {
    /// Cores that were watched: those that this process may use.
    pub cores: usize,
    /// By how much sleeps of a millisecond were too long, as if there had been one at every
    /// moment: a stall of 75 ms counts as 75, 74, 73 … ms. All cores together.
    pub late: LatencySummary,
    /// Stalls of 5 ms or more, those of each core counted.
    pub stalls: u64,
    /// The longest stall, in nanoseconds.
    pub longest_ns: u64,
    /// When it began, in seconds from the schedule's start.
    pub longest_at_s: f64,
}
