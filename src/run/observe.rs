//! The harness watches itself: when it or the machine was the limit, the result says so.

mod broker;
mod ceiling;
mod cost;
mod flags;
mod here;
mod hiccups;
mod host;
mod roster;
mod sampler;
mod steady;
mod threads;

use std::fs;

use serde::{Deserialize, Serialize};

pub use broker::BrokerCpu;
pub(super) use broker::local_brokers;
pub(super) use ceiling::ceiling_per_s;
pub(super) use flags::LATE_NS;
pub use here::is_local;
pub use hiccups::Hiccups;
pub(crate) use hiccups::STALL_NS;
pub(super) use hiccups::{Meter, MeterSeen, cores_to_watch};
pub(super) use roster::{Kind, Roster};
pub(super) use sampler::{Sampler, Seen};
pub(super) use steady::drifts;
pub use steady::{Drift, Growth};
pub use threads::{ThreadCpu, ThreadShare};

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

/// CPU seconds of this process so far, user and system.
#[must_use]
pub fn cpu_s() -> f64 {
    // SAFETY: an all-zero rusage is a valid value, and the call only writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    used_s(&usage)
}

fn used_s(usage: &libc::rusage) -> f64 {
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// The most memory that this process held so far, in bytes; `None` where the system won't say.
#[must_use]
pub fn memory_peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Works until `is_so`, and not for ever where it never is.
    pub(super) fn work_until(is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(10), "10 s of work were not enough");
            std::hint::spin_loop();
        }
    }

    #[test]
    fn cpu_is_the_user_s_and_the_system_s() {
        // SAFETY: all-zero is a valid value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        usage.ru_utime = libc::timeval { tv_sec: 3, tv_usec: 250_000 };
        usage.ru_stime = libc::timeval { tv_sec: 1, tv_usec: 500_000 };
        assert!((used_s(&usage) - 4.75).abs() < 1e-9, "{}", used_s(&usage));
    }

    /// The witness is the kernel's clock of this process's CPU. A thread on another core may be
    /// behind by a tick in either.
    #[test]
    fn the_cpu_of_this_process_is_what_its_own_clock_says() {
        let clock_s = || {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: only writes into the struct.
            unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        let (from_s, first_s) = (clock_s(), cpu_s());
        work_until(|| clock_s() >= from_s + 0.05);
        let (second_s, to_s) = (cpu_s(), clock_s());
        let seen = format!("{from_s} {first_s} {second_s} {to_s}");
        assert!(second_s - first_s > 0.03, "{seen}");
        assert!(first_s > from_s - 0.02 && second_s < to_s + 0.02, "{seen}");
    }

    #[test]
    fn memory_that_was_touched_was_held_in_bytes() {
        let touched = vec![1_u8; 16 << 20];
        let peak = memory_peak_bytes().unwrap();
        assert!(peak > std::hint::black_box(&touched).len() as u64, "{peak}");
    }
}
