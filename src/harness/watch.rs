//! The harness watches itself: when it or the machine was the limit, the result says so.

use std::fs;

use serde::{Deserialize, Serialize};

/// Send delay above which the generator is called saturated, as Kroxylicious' kit does.
const SLIP_P99_LIMIT_NS: u64 = 1_000_000;

/// How far the wall clock may step before dates in the events are in doubt.
const WALL_STEP_LIMIT_US: i64 = 50_000;

/// What the harness saw of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfWatch {
    /// 99th percentile of sent − due in the measured window; `None` without enough samples.
    pub slip_p99_ns: Option<u64>,
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
        if let Some(slip_ns) = self.slip_p99_ns.filter(|&slip| slip > SLIP_P99_LIMIT_NS) {
            flags.push(format!(
                "harness limited: 1 % of the events were sent {:.1} ms late or more",
                slip_ns as f64 / 1e6
            ));
        }
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
