//! The looks of the harness at itself while the run is measured.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::host::{self, HostLook};
use super::roster::Roster;
use super::threads::{ThreadCpu, ThreadShare, Threads};

/// Between two looks. One costs some milliseconds of the harness's own thread.
const EVERY_NS: u64 = 1_000_000_000;

/// Looks at this process and its machine, about once a second, within the measured part.
#[derive(Debug)]
pub(in crate::harness) struct Sampler {
    measured: Range<u64>,
    roster: Arc<Roster>,
    groups: Vec<PathBuf>,
    open: Option<Open>,
    next_ns: u64,
}

/// A part that is being measured.
#[derive(Debug)]
struct Open {
    began_ns: u64,
    accepted: u64,
    host: HostLook,
    threads: Threads,
    memory: Vec<(f64, f64)>,
}

/// What the looks come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::harness) struct Seen {
    pub(in crate::harness) looked_s: f64,
    pub(in crate::harness) cpu: Vec<ThreadCpu>,
    pub(in crate::harness) busiest: Option<ThreadShare>,
    pub(in crate::harness) most_waiting: Option<ThreadShare>,
    pub(in crate::harness) steal_share: Option<f64>,
    pub(in crate::harness) throttled_share: Option<f64>,
    /// Bytes held, by seconds since the first look.
    pub(in crate::harness) memory: Vec<(f64, f64)>,
}

impl Sampler {
    /// A sampler for the time `measured` of the run's clock.
    pub(in crate::harness) fn new(measured: Range<u64>, roster: Arc<Roster>) -> Self {
        let next_ns = measured.start;
        Self { measured, roster, groups: host::cpu_groups(), open: None, next_ns }
    }

    /// Looks if it is time; `accepted` events were sent so far.
    pub(in crate::harness) fn tick(&mut self, now_ns: u64, accepted: impl FnOnce() -> u64) {
        if now_ns < self.next_ns || now_ns > self.measured.end {
            return;
        }
        self.next_ns = now_ns + EVERY_NS;
        match &mut self.open {
            Some(open) => open.threads.look(now_ns),
            None => {
                self.open = Some(Open {
                    began_ns: now_ns,
                    accepted: accepted(),
                    host: HostLook::take(&self.groups),
                    threads: Threads::begin(self.roster.clone(), now_ns),
                    memory: Vec::new(),
                });
            }
        }
        if let (Some(open), Some(bytes)) = (&mut self.open, host::memory_bytes()) {
            open.memory.push(((now_ns - open.began_ns) as f64 / 1e9, bytes as f64));
        }
    }

    /// The last look, when the schedule is over; `None` where nothing was measured.
    pub(in crate::harness) fn finish(self, now_ns: u64, accepted: u64) -> Option<Seen> {
        let Open { began_ns, accepted: before, host, mut threads, memory } = self.open?;
        threads.look(now_ns);
        threads.end();
        let now = HostLook::take(&self.groups);
        let events = accepted.saturating_sub(before);
        Some(Seen {
            looked_s: now_ns.saturating_sub(began_ns) as f64 / 1e9,
            cpu: threads.by_kind(events),
            busiest: threads.busiest(),
            most_waiting: threads.most_waiting(),
            steal_share: now.steal_share(&host),
            throttled_share: now.throttled_share(&host),
            memory,
        })
    }
}
