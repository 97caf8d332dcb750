//! The looks of the harness at itself while the run is measured.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::broker::{self, LocalBrokers};
use super::cost::{Cost, Count, CpuCost};
use super::host::{self, HostLook};
use super::stability::{Steps, growth};
use super::thread_registry::ThreadRegistry;
use super::threads::Threads;
use crate::base::clock::{Clock, SystemClock};
use crate::result::self_watch::{BrokerCpu, Growth, ThreadCpu, ThreadShare};

/// Between two looks. One costs some milliseconds of the harness's own thread.
const EVERY_NS: u64 = 1_000_000_000;

/// Looks at this process and its machine, about once a second, within the measured part.
#[derive(Debug)]
pub(in crate::run) struct Sampler {
    measured: Range<u64>,
    roster: Arc<ThreadRegistry>,
    groups: Vec<PathBuf>,
    /// The broker's processes on this host.
    brokers: LocalBrokers,
    steps: Steps,
    cost: Cost,
    open: Option<OpenPart>,
    next_ns: u64,
}

/// A part that is being measured.
#[derive(Debug)]
struct OpenPart {
    began_ns: u64,
    host: HostLook,
    broker_s: Option<f64>,
    threads: Threads,
    memory: Vec<(f64, f64)>,
}

/// What the looks come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::run) struct WatchSeen {
    pub(in crate::run) cpu: Vec<ThreadCpu>,
    pub(in crate::run) cost: CpuCost,
    pub(in crate::run) broker_cpu: Option<BrokerCpu>,
    pub(in crate::run) busiest: Option<ThreadShare>,
    pub(in crate::run) most_waiting: Option<ThreadShare>,
    pub(in crate::run) steal_share: Option<f64>,
    pub(in crate::run) throttled_share: Option<f64>,
    pub(in crate::run) memory_growth: Option<Growth>,
    pub(in crate::run) wall_step_max_us: i64,
}

impl Sampler {
    /// A sampler for the time `measured` of the run's clock; the schedule starts at `start_ns`.
    pub(in crate::run) fn new(
        clock: &SystemClock,
        start_ns: u64,
        measured: Range<u64>,
        roster: Arc<ThreadRegistry>,
        brokers: LocalBrokers,
    ) -> Self {
        let (groups, steps) = (host::cpu_groups(), Steps::default());
        let cost = Cost::new(clock.now_ns(), start_ns);
        Self { measured, roster, groups, brokers, steps, cost, open: None, next_ns: 0 }
    }

    /// Looks if it is time; `used` tells the CPU seconds so far, and the acknowledged events.
    pub(in crate::run) fn tick(&mut self, clock: &SystemClock, used: impl Fn() -> (f64, u64)) {
        self.tick_at(clock.now_ns(), || wall_off_us(clock), used);
    }

    fn tick_at(
        &mut self,
        now_ns: u64,
        wall_off_us: impl Fn() -> i64,
        used: impl Fn() -> (f64, u64),
    ) {
        let count = || Count::new(now_ns, used());
        if self.cost.is_idle(now_ns) {
            self.cost.idle(count());
        }
        if now_ns < self.next_ns {
            return;
        }
        self.next_ns = now_ns + EVERY_NS;
        self.steps.look(wall_off_us());
        if now_ns < self.measured.start {
            self.next_ns = self.next_ns.min(self.measured.start);
        } else if let Some(open) = &mut self.open {
            self.cost.measured(count());
            open.threads.look(now_ns);
            open.hold(now_ns);
        } else if now_ns < self.measured.end {
            self.cost.measured(count());
            let mut open = OpenPart {
                began_ns: now_ns,
                host: HostLook::take(&self.groups),
                broker_s: broker::cpu_s(&self.brokers.pids),
                threads: Threads::begin(self.roster.clone(), now_ns),
                memory: Vec::new(),
            };
            open.hold(now_ns);
            self.open = Some(open);
        }
    }

    /// The last look, when the schedule is over; `used` as in [`Self::tick`].
    pub(in crate::run) fn finish(self, clock: &SystemClock, used: (f64, u64)) -> WatchSeen {
        let wall_off_us = wall_off_us(clock);
        self.finish_at(clock.now_ns(), wall_off_us, used)
    }

    fn finish_at(mut self, now_ns: u64, wall_off_us: i64, used: (f64, u64)) -> WatchSeen {
        self.steps.look(wall_off_us);
        let seen = WatchSeen { wall_step_max_us: self.steps.worst_us(), ..WatchSeen::default() };
        let Some(mut open) = self.open else {
            return WatchSeen { cost: self.cost.sum_up(), ..seen };
        };
        self.cost.measured(Count::new(now_ns, used));
        open.threads.look(now_ns);
        open.threads.end();
        let host = HostLook::take(&self.groups);
        let broker_s = broker::cpu_s(&self.brokers.pids).zip(open.broker_s);
        let events = self.cost.events();
        let broker_cpu = broker_s.map(|(now_s, before_s)| BrokerCpu {
            processes: self.brokers.pids.len(),
            in_container: self.brokers.in_container,
            cpu_s: now_s - before_s,
            cpu_us_per_event: (events > 0).then(|| (now_s - before_s) * 1e6 / events as f64),
        });
        WatchSeen {
            cpu: open.threads.by_kind(events),
            cost: self.cost.sum_up(),
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

impl OpenPart {
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
        let from_ns = clock.now_ns();
        let off_us = clock.wall_step_us();
        (from_ns, clock.now_ns(), off_us)
    };
    quickest((0..5).map(look))
}

/// Of looks that lasted from a time to a time.
fn quickest(looks: impl Iterator<Item = (u64, u64, i64)>) -> i64 {
    let quickest = looks.min_by_key(|(from_ns, to_ns, _)| to_ns - from_ns);
    quickest.map_or(0, |(.., off_us)| off_us)
}

#[cfg(test)]
mod tests;
