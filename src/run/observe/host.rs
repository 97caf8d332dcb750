//! What the machine did to this process: time that was taken away, and the memory it holds.

use std::fs;
use std::path::{Path, PathBuf};

use procfs::process::Process;
use procfs::{CpuTime, Current, CurrentSI, KernelStats, Meminfo};

use crate::base::cgroups;

/// The counters of the machine at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HostLook {
    /// Ticks of all cores, and those of them that the hypervisor took.
    ticks: Option<(u64, u64)>,
    /// Of each cgroup that this process is in, from its own up: periods with a quota, and those
    /// of them in which the quota was used up.
    periods: Vec<(u64, u64)>,
}

impl HostLook {
    /// Looks; `groups` are the directories of [`cpu_groups`].
    pub(super) fn take(groups: &[PathBuf]) -> Self {
        Self {
            ticks: ticks(),
            periods: groups.iter().map(|group| periods(group).unwrap_or((0, 0))).collect(),
        }
    }

    /// One at which the machine had not run yet.
    #[cfg(test)]
    pub(super) fn new_born() -> Self {
        Self { ticks: Some((0, 0)), periods: Vec::new() }
    }

    /// The same, but for the machine's ticks: it had not run yet.
    #[cfg(test)]
    pub(super) fn before_all_ticks(&self) -> Self {
        Self { ticks: Self::new_born().ticks, periods: self.periods.clone() }
    }

    /// The share of the machine's time that the hypervisor took since `before`.
    pub(super) fn steal_share(&self, before: &Self) -> Option<f64> {
        let ((all, stolen), (all_before, stolen_before)) = (self.ticks?, before.ticks?);
        share(stolen.saturating_sub(stolen_before), all.saturating_sub(all_before))
    }

    /// The share of the quota's periods in which a cgroup was held back since `before`: the
    /// worst of those that this process is in; `None` without a quota.
    pub(super) fn throttled_share(&self, before: &Self) -> Option<f64> {
        let since = |(now, before): (&(u64, u64), &(u64, u64))| {
            share(now.1.saturating_sub(before.1), now.0.saturating_sub(before.0))
        };
        self.periods.iter().zip(&before.periods).filter_map(since).max_by(f64::total_cmp)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn ticks() -> Option<(u64, u64)> {
    ticks_of(&KernelStats::current().ok()?.total)
}

/// All ticks, and those of them that the hypervisor took.
fn ticks_of(cpu: &CpuTime) -> Option<(u64, u64)> {
    let stolen = cpu.steal?;
    // A guest's time is in `user` already.
    let others = [cpu.iowait, cpu.irq, cpu.softirq].into_iter().flatten().sum::<u64>();
    Some((cpu.user + cpu.nice + cpu.system + cpu.idle + others + stolen, stolen))
}

/// The directories whose quotas bind this process: its own cgroup's and those above, in either
/// version of the interface.
pub(super) fn cpu_groups() -> Vec<PathBuf> {
    cgroups::of(cgroups::CPU, "cpu.stat")
}

fn periods(group: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(group.join("cpu.stat")).ok()?;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse::<u64>().ok())
    };
    Some((value("nr_periods")?, value("nr_throttled")?))
}

/// What this process holds in memory now, in bytes.
pub(super) fn memory_bytes() -> Option<u64> {
    Process::myself().ok()?.status().ok()?.vmrss.map(|kib| kib * 1_024)
}

/// What is left of the machine's memory, or of a cgroup's that this process is in; in bytes.
pub(super) fn memory_left_bytes() -> Option<u64> {
    let held = memory_bytes()?;
    let limits = cgroups::memory_limits_bytes().into_iter();
    let left = limits.map(|limit| limit.saturating_sub(held));
    Meminfo::current().ok()?.mem_available.into_iter().chain(left).min()
}

#[cfg(test)]
mod tests;
