//! The harness watches itself: when it or the machine was the limit, the result says so.

mod host;
mod roster;
mod sampler;
mod threads;

use std::fs;

use serde::{Deserialize, Serialize};

pub(in crate::harness) use roster::{Kind, Roster};
pub(in crate::harness) use sampler::{Sampler, Seen};
pub use threads::{ThreadCpu, ThreadShare};

/// Send delay above which the generator is called saturated, as Kroxylicious' kit does.
const SLIP_P99_LIMIT_NS: u64 = 1_000_000;

/// Share of the slots that may be late by more than [`LATE_NS`]: as C.7 of the measuring notes.
const LATE_SHARE_LIMIT: f64 = 0.01;

/// From here on a slot is late.
pub(in crate::harness) const LATE_NS: u64 = 10_000_000;

/// Share of a core above which a thread is one core's worth. TRex warned at 88 %.
const BUSY_LIMIT: f64 = 0.85;

/// Share of its time that a thread may stand in the run queue.
const WAIT_LIMIT: f64 = 0.05;

/// Share of the CPU that a quota or a hypervisor may take.
const TAKEN_LIMIT: f64 = 0.01;

/// How far the wall clock may step before dates in the events are in doubt.
const WALL_STEP_LIMIT_US: i64 = 50_000;

/// What the harness saw of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfWatch {
    /// 99th percentile of sent − due in the measured window; `None` without enough samples.
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
    /// User and system CPU of this process, in seconds.
    pub cpu_s: f64,
    /// CPU of this process for one event that was sent and read by every group.
    pub cpu_us_per_event: Option<f64>,
    /// Most memory that this process held, in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// How far the wall clock moved against the monotonic one, in microseconds.
    pub wall_step_us: i64,
    /// Unread records of the slowest group when the schedule ended.
    pub lag_at_end_records: u64,
    /// The same in seconds of the rate at that time.
    pub lag_at_end_s: f64,
    /// Whether this program was built without optimisation.
    pub debug_build: bool,
    /// Whether broker and harness share this host.
    pub broker_on_this_host: bool,
}

impl SelfWatch {
    /// Whether the harness or its machine was the limit, so that the figures say little of Kafka.
    #[must_use]
    pub fn limits_harness(&self) -> bool {
        self.debug_build || self.slip_p99_ns.is_some_and(|slip_ns| slip_ns > SLIP_P99_LIMIT_NS)
    }

    /// What has to stand above the numbers, in words.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if self.late_share > LATE_SHARE_LIMIT {
            flags.push(format!(
                "harness limited: {:.1} % of the events were sent 10 ms late or more (limit 1 %)",
                self.late_share * 1e2
            ));
        } else if let Some(slip_ns) = self.slip_p99_ns.filter(|&slip| slip > SLIP_P99_LIMIT_NS) {
            flags.push(format!(
                "harness limited: 1 % of the events were sent {:.1} ms late or more (limit 1 ms)",
                slip_ns as f64 / 1e6
            ));
        }
        flags.extend(self.starved());
        if self.unsent > 0 {
            flags.push(format!(
                "client limited: {} events found the client's queue full and were never sent",
                self.unsent
            ));
        }
        if self.lag_at_end_s > 1.0 {
            flags.push(format!(
                "overload: the slowest group was {:.1} s ({} records) behind at the end",
                self.lag_at_end_s, self.lag_at_end_records
            ));
        }
        if self.wall_step_us.abs() > WALL_STEP_LIMIT_US {
            flags.push(format!(
                "the wall clock moved by {:.1} ms during the run",
                self.wall_step_us as f64 / 1e3
            ));
        }
        if self.debug_build {
            flags.push("built without optimisation: these are no figures".to_owned());
        }
        flags
    }

    /// Where the process lacked CPU, or a thread of it was one core's worth.
    fn starved(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if let Some(ThreadShare { thread, share }) = &self.busiest
            && *share > BUSY_LIMIT
        {
            flags.push(format!(
                "harness limited: thread {thread} was {:.0} % busy (limit 85 %): use more of them",
                share * 1e2
            ));
        }
        if let Some(ThreadShare { thread, share }) = &self.most_waiting
            && *share > WAIT_LIMIT
        {
            flags.push(format!(
                "starved: thread {thread} waited {:.0} % of its time for a core (limit 5 %): \
                 free some",
                share * 1e2
            ));
        }
        if let Some(share) = self.throttled_share.filter(|&share| share > TAKEN_LIMIT) {
            flags.push(format!(
                "starved: the CPU quota ran out in {:.0} % of its periods (limit 1 %): raise it",
                share * 1e2
            ));
        }
        if let Some(share) = self.steal_share.filter(|&share| share > TAKEN_LIMIT) {
            flags.push(format!(
                "starved: the hypervisor took {:.1} % of the CPU (limit 1 %): use another host",
                share * 1e2
            ));
        }
        flags
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

/// Whether an advertised broker (`id@host:port`) is on this host's loopback.
#[must_use]
pub fn is_local(advertised: &str) -> bool {
    let host = advertised.rsplit_once('@').map_or(advertised, |(_, address)| address);
    ["127.", "localhost", "[::1]", "::1"].iter().any(|local| host.starts_with(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_healthy_run_raises_no_flag() {
        let watch = SelfWatch { slip_p99_ns: Some(400_000), ..SelfWatch::default() };
        assert!(watch.flags().is_empty());
    }

    #[test]
    fn every_limit_raises_its_own_flag() {
        let watch = SelfWatch {
            slip_p99_ns: Some(2_500_000),
            unsent: 7,
            wall_step_us: -60_000,
            lag_at_end_s: 2.0,
            lag_at_end_records: 400,
            debug_build: true,
            ..SelfWatch::default()
        };
        let flags = watch.flags();
        assert_eq!(flags.len(), 5);
        assert!(flags[0].contains("2.5 ms late"));
        assert!(flags[1].contains("7 events"));
        assert!(flags[2].contains("2.0 s (400 records)"));
    }

    #[test]
    fn loopback_addresses_are_local() {
        assert!(is_local("1@localhost:9092"));
        assert!(is_local("127.0.0.1:9092"));
        assert!(!is_local("1@broker-127.example:9092"));
    }

    #[test]
    fn this_process_has_used_cpu_and_memory() {
        let mut sum = 0_u64;
        while cpu_s() <= 0.0 {
            sum = sum.wrapping_add(1);
        }
        assert!(memory_peak_bytes().is_some_and(|bytes| bytes > 100_000), "{sum}");
    }
}
