//! The machine that a run ran on, as the system describes it.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::cgroups;
use crate::base::clock::Promptness;

/// The machine; what the system does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Host {
    /// The operating system and its architecture.
    pub os: String,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The processor's model.
    pub cpu: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory of the machine, in bytes.
    pub memory_bytes: Option<u64>,
    /// What the kernel keeps time with.
    pub clock_source: Option<String>,
    /// The load average over a minute before the run.
    pub load_before: Option<String>,
    /// What decides the processor's frequency, as `performance` or `powersave`.
    #[serde(default)]
    pub governor: Option<String>,
    /// Whether cores run two threads at once (SMT), as the kernel says: `on`, `off`, …
    #[serde(default)]
    pub smt: Option<String>,
    /// Processors that this process may run on, as a list such as `0-3,8`.
    #[serde(default)]
    pub affinity: Option<String>,
    /// The hypervisor or the machine's product name, where it is not bare metal.
    #[serde(default)]
    pub virtualisation: Option<String>,
    /// Cores' worth of time that the control groups allow; `None` where they set no limit.
    #[serde(default)]
    pub cgroup_cpus: Option<f64>,
    /// Memory that the control groups allow, in bytes; `None` where they set no limit.
    #[serde(default)]
    pub cgroup_memory_bytes: Option<u64>,
    /// Which machine it is: a salted hash of its machine id, in hexadecimal. Copies of one image
    /// may share it.
    #[serde(default)]
    pub machine: Option<String>,
    /// The slice of the producers' threads as the kernel has it, in nanoseconds: the shorter, the
    /// sooner one runs after its sleep. `None` where the kernel knows none of a thread's own.
    #[serde(default)]
    pub producer_slice_ns: Option<u64>,
    /// How much longer than asked for the producers' threads may sleep, in nanoseconds.
    #[serde(default)]
    pub producer_timer_slack_ns: Option<u64>,
}

impl Host {
    /// Looks around.
    #[must_use]
    pub fn read() -> Self {
        Self {
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            kernel: line("/proc/sys/kernel/osrelease"),
            cpu: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_bytes: field("/proc/meminfo", "MemTotal")
                .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
                .map(|kib| kib * 1_024),
            clock_source: line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            load_before: line("/proc/loadavg")
                .and_then(|text| text.split(' ').next().map(str::to_owned)),
            governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            smt: line("/sys/devices/system/cpu/smt/control"),
            affinity: field("/proc/self/status", "Cpus_allowed_list"),
            virtualisation: virtualisation(),
            cgroup_cpus: cgroups::of(cgroups::CPU, "cpu.max")
                .into_iter()
                .filter_map(|group| cpus(&line(group.join("cpu.max"))?))
                .reduce(f64::min),
            cgroup_memory_bytes: cgroups::memory_limits_bytes().into_iter().min(),
            machine: MACHINE_IDS.iter().find_map(|path| hashed(&line(path)?)),
            producer_slice_ns: None,
            producer_timer_slack_ns: None,
        }
    }

    /// The machine, and what its kernel granted the producers.
    #[must_use]
    pub fn with(self, promptness: Promptness) -> Self {
        Self {
            producer_slice_ns: promptness.slice_ns,
            producer_timer_slack_ns: promptness.timer_slack_ns,
            ..self
        }
    }
}

/// Where the system keeps the number of its installation.
const MACHINE_IDS: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// Bytes of the hash that are kept: enough to tell machines apart.
const MACHINE_BYTES: usize = 8;

/// The id is confidential (machine-id(5)): what is published is a hash that no other program
/// makes. `None` for what is not an id, such as `uninitialized` in an image.
fn hashed(id: &str) -> Option<String> {
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id || id.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let hash = Sha256::new().chain_update(b"kbench machine ").chain_update(id).finalize();
    Some(hash.iter().take(MACHINE_BYTES).map(|byte| format!("{byte:02x}")).collect())
}

fn line(path: impl AsRef<Path>) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.trim().to_owned())
}

/// The first `name: value` of a file.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Named only where the processor says that it runs under a hypervisor.
fn virtualisation() -> Option<String> {
    let flags = field("/proc/cpuinfo", "flags")?;
    flags.split(' ').find(|flag| *flag == "hypervisor")?;
    let named = line("/sys/hypervisor/type").or_else(|| line("/sys/class/dmi/id/product_name"));
    Some(named.filter(|name| !name.is_empty()).unwrap_or_else(|| "a hypervisor".to_owned()))
}

/// `200000 100000` are two cores' worth of time; `max` is not a limit.
fn cpus(text: &str) -> Option<f64> {
    let (quota, period) = text.split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_so_many_cores_and_none_is_no_limit() {
        assert_eq!(cpus("150000 100000"), Some(1.5));
        assert_eq!(cpus("max 100000"), None);
    }

    #[test]
    fn a_machine_is_known_by_a_hash_that_does_not_tell_its_id() {
        let id = "0123456789abcdef0123456789abcdef";
        let hash = hashed(id).unwrap();
        assert_eq!((hash.len(), hashed(id).unwrap()), (16, hash.clone()));
        assert_ne!(hashed("1123456789abcdef0123456789abcdef").unwrap(), hash);
        assert!(!id.contains(&hash[..6]), "{hash}");
        // Nor is it the hash that every other program would make.
        let plain: String = Sha256::digest(id).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!plain.starts_with(&hash), "{hash}");
        for none in ["uninitialized", "", "00000000000000000000000000000000"] {
            assert_eq!(hashed(none), None, "{none}");
        }
    }

    #[test]
    fn this_machine_says_what_it_is() {
        let host = Host::read();
        assert!(host.cores > 0 && host.memory_bytes.is_some_and(|bytes| bytes > 1 << 20));
        if cfg!(target_os = "linux") {
            assert!(host.kernel.is_some() && host.affinity.is_some_and(|list| !list.is_empty()));
        }
    }
}
