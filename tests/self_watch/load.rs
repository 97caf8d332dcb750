//! What others do on the host.

use std::fs;

/// Share of the host's cores that others may use while a run counts as undisturbed.
pub(crate) const QUIET: f64 = 0.05;

/// Share of the host's time that a hypervisor may take while a run counts as undisturbed. kbench
/// calls 1 % of its own run too much; this window is longer, by its start and its end.
pub(crate) const UNSTOLEN: f64 = 0.005;

/// The host's busy time and that of this test's children, from one moment on.
#[derive(Debug)]
pub(crate) struct Load {
    host: Host,
    own_s: f64,
}

impl Load {
    pub(crate) fn begin() -> Self {
        Self { host: Host::now(), own_s: own_s() }
    }

    /// The share of all cores that went to somebody else since, from 0 to 1; `known_s` CPU seconds
    /// are ours, too, though neither this process nor a child that has ended used them.
    pub(crate) fn share_of_others(&self, known_s: f64) -> f64 {
        let now = Host::now();
        let others_s = (now.busy_s - self.host.busy_s) - (own_s() - self.own_s) - known_s;
        others_s / (now.all_s - self.host.all_s).max(0.01)
    }

    /// The share of all cores that a hypervisor took since, from 0 to 1; others' share has it, too.
    pub(crate) fn share_stolen(&self) -> f64 {
        let now = Host::now();
        (now.stolen_s - self.host.stolen_s) / (now.all_s - self.host.all_s).max(0.01)
    }
}

/// Seconds of all cores, from `/proc/stat`.
#[derive(Debug)]
struct Host {
    busy_s: f64,
    /// Of the busy ones.
    stolen_s: f64,
    all_s: f64,
}

impl Host {
    fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap();
        let ticks: Vec<f64> = text
            .lines()
            .next()
            .unwrap()
            .split_whitespace()
            .skip(1)
            .take(8)
            .map(|tick| tick.parse().unwrap())
            .collect();
        // SAFETY: only asks for a number.
        let per_s = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
        let all = ticks.iter().sum::<f64>();
        // The fourth and fifth are idle and waiting for a disk, the eighth is a hypervisor's.
        Self {
            busy_s: (all - ticks[3] - ticks[4]) / per_s,
            stolen_s: ticks[7] / per_s,
            all_s: all / per_s,
        }
    }
}

/// CPU seconds of this process and of its children that have ended, with theirs.
fn own_s() -> f64 {
    [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN]
        .into_iter()
        .map(|whose| {
            // SAFETY: an all-zero rusage is a valid value, and the call only writes into it.
            let usage = unsafe {
                let mut usage: libc::rusage = std::mem::zeroed();
                libc::getrusage(whose, &raw mut usage);
                usage
            };
            let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
            seconds(usage.ru_utime) + seconds(usage.ru_stime)
        })
        .sum()
}
