//! The looks of the harness at itself while the run is measured.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::broker::{self, BrokerCpu, LocalBrokers};
use super::host::{self, HostLook};
use super::roster::Roster;
use super::steady::{Growth, Steps, growth};
use super::threads::{ThreadCpu, ThreadShare, Threads};
use crate::clock::{Clock, SystemClock};

/// Between two looks. One costs some milliseconds of the harness's own thread.
const EVERY_NS: u64 = 1_000_000_000;

/// Looks at this process and its machine, about once a second, within the measured part.
#[derive(Debug)]
pub(in crate::harness) struct Sampler {
    measured: Range<u64>,
    roster: Arc<Roster>,
    groups: Vec<PathBuf>,
    /// The broker's processes on this host.
    brokers: LocalBrokers,
    steps: Steps,
    open: Option<Open>,
    next_ns: u64,
}

/// A part that is being measured.
#[derive(Debug)]
struct Open {
    began_ns: u64,
    accepted: u64,
    host: HostLook,
    broker_s: Option<f64>,
    threads: Threads,
    memory: Vec<(f64, f64)>,
}

/// What the looks come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::harness) struct Seen {
    pub(in crate::harness) cpu: Vec<ThreadCpu>,
    pub(in crate::harness) broker_cpu: Option<BrokerCpu>,
    pub(in crate::harness) busiest: Option<ThreadShare>,
    pub(in crate::harness) most_waiting: Option<ThreadShare>,
    pub(in crate::harness) steal_share: Option<f64>,
    pub(in crate::harness) throttled_share: Option<f64>,
    pub(in crate::harness) memory_growth: Option<Growth>,
    pub(in crate::harness) wall_step_max_us: i64,
}

impl Sampler {
    /// A sampler for the time `measured` of the run's clock.
    pub(in crate::harness) fn new(
        measured: Range<u64>,
        roster: Arc<Roster>,
        brokers: LocalBrokers,
    ) -> Self {
        let (groups, steps) = (host::cpu_groups(), Steps::default());
        Self { measured, roster, groups, brokers, steps, open: None, next_ns: 0 }
    }

    /// Looks if it is time; `accepted` events were sent so far.
    pub(in crate::harness) fn tick(&mut self, clock: &SystemClock, accepted: impl FnOnce() -> u64) {
        let now_ns = clock.now_ns();
        if now_ns < self.next_ns {
            return;
        }
        self.next_ns = now_ns + EVERY_NS;
        self.steps.look(wall_off_us(clock));
        if now_ns < self.measured.start {
            self.next_ns = self.next_ns.min(self.measured.start);
        } else if let Some(open) = &mut self.open {
            open.threads.look(now_ns);
            open.hold(now_ns);
        } else if now_ns < self.measured.end {
            let mut open = Open {
                began_ns: now_ns,
                accepted: accepted(),
                host: HostLook::take(&self.groups),
                broker_s: broker::cpu_s(&self.brokers.pids),
                threads: Threads::begin(self.roster.clone(), now_ns),
                memory: Vec::new(),
            };
            open.hold(now_ns);
            self.open = Some(open);
        }
    }

    /// The last look, when the schedule is over.
    pub(in crate::harness) fn finish(mut self, clock: &SystemClock, accepted: u64) -> Seen {
        self.steps.look(wall_off_us(clock));
        let seen = Seen { wall_step_max_us: self.steps.worst_us(), ..Seen::default() };
        let Some(mut open) = self.open else {
            return seen;
        };
        open.threads.look(clock.now_ns());
        open.threads.end();
        let host = HostLook::take(&self.groups);
        let broker_s = broker::cpu_s(&self.brokers.pids).zip(open.broker_s);
        let events = accepted.saturating_sub(open.accepted);
        let broker_cpu = broker_s.map(|(now_s, before_s)| BrokerCpu {
            processes: self.brokers.pids.len(),
            in_container: self.brokers.in_container,
            cpu_s: now_s - before_s,
            cpu_us_per_event: (events > 0).then(|| (now_s - before_s) * 1e6 / events as f64),
        });
        Seen {
            cpu: open.threads.by_kind(events),
            broker_cpu,
            busiest: open.threads.busiest(),
            most_waiting: open.threads.most_waiting(),
            steal_share: host.steal_share(&open.host),
            throttled_share: host.throttled_share(&open.host),
            memory_growth: host::memory_left_bytes().and_then(|left| growth(&open.memory, left)),
            ..seen
        }
    }
}

impl Open {
    fn hold(&mut self, now_ns: u64) {
        if let Some(bytes) = host::memory_bytes() {
            self.memory.push(((now_ns - self.began_ns) as f64 / 1e9, bytes as f64));
        }
    }
}

/// How far the wall clock lies from where the monotonic one says, in µs. A thread that loses its
/// core between the two readings would see a step: the quickest of a few counts.
fn wall_off_us(clock: &SystemClock) -> i64 {
    let look = |_| {
        let before_ns = clock.now_ns();
        let off_us = clock.wall_step_us();
        (clock.now_ns() - before_ns, off_us)
    };
    (0..5).map(look).min().map_or(0, |(_, off_us)| off_us)
}
