//! What others do on the host.

use std::fs;

/// Share of the host's cores that others may use while a run counts as undisturbed.
pub(crate) const QUIET: f64 = 0.05;

/// The host's busy time and that of this test's children, from one moment on.
#[derive(Debug)]
pub(crate) struct Load {
    busy_s: f64,
    all_s: f64,
    own_s: f64,
}

impl Load {
    pub(crate) fn begin() -> Self {
        let (busy_s, all_s) = host_s();
        Self { busy_s, all_s, own_s: own_s() }
    }

    /// The share of all cores that went to somebody else since, from 0 to 1; `known_s` CPU seconds
    /// are ours, too, though neither this process nor a child that has ended used them.
    pub(crate) fn share_of_others(&self, known_s: f64) -> f64 {
        let (busy_s, all_s) = host_s();
        let others_s = (busy_s - self.busy_s) - (own_s() - self.own_s) - known_s;
        others_s / (all_s - self.all_s).max(0.01)
    }
}

/// Seconds that the host's cores were busy, and all of them, from `/proc/stat`.
fn host_s() -> (f64, f64) {
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
    // The fourth and fifth are idle and waiting for a disk.
    ((all - ticks[3] - ticks[4]) / per_s, all / per_s)
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
