//! How the ordinary sessions lived, phase by phase: as it was meant, and as it came out.

use std::num::NonZeroU32;

use super::pauses::Pauses;
use super::session::Since;

/// Events over which the fastest pace is taken: of fewer it would be chance.
const BLOCK: u64 = 1_024;

/// Events that stop so long before the schedule's end stopped early, and a hundredth of it.
const STOPPED_NS: u64 = 2_000_000_000;

/// Sessions of one phase that were neither planted nor a hot user's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PhaseStats {
    /// Their events.
    pub events: u64,
    /// Those that came in it; who was under way when first seen did not.
    pub begun: u64,
    /// Those that had their last event in it.
    pub ended: u64,
    /// The pauses that began in it.
    pauses: Pauses,
    /// Sums over the events: sessions alive, and sessions needed.
    alive: f64,
    needed: f64,
    /// Sums over the pauses that ended in it, in µs.
    lasted_us: u64,
    meant_us: u64,
    /// Events since the last whole block, with the same sums, and the fastest block.
    block: (u64, f64, f64),
    hurry_most: f64,
}

impl PhaseStats {
    /// How many times as fast as meant the sessions' time ran: the pauses that were meant over
    /// those that were made; `None` where none ended.
    #[must_use]
    pub fn hurry(&self) -> Option<f64> {
        (self.lasted_us > 0).then(|| self.meant_us as f64 / self.lasted_us as f64)
    }

    /// The most that sessions hurried over a thousand events: those needed over those alive.
    #[must_use]
    pub fn hurry_most(&self) -> f64 {
        if self.hurry_most > 0.0 { self.hurry_most } else { self.needed / self.alive.max(1.0) }
    }

    /// Sessions alive, at an event on average.
    #[must_use]
    pub fn alive(&self) -> f64 {
        self.alive / self.events.max(1) as f64
    }

    /// Sessions that the rate needed for none to hurry, at an event on average.
    #[must_use]
    pub fn needed(&self) -> f64 {
        self.needed / self.events.max(1) as f64
    }

    /// Events of a session: as lengths are geometric, all events over the last ones, whatever
    /// was not seen to its end; `None` where none ended.
    #[must_use]
    pub fn length(&self) -> Option<f64> {
        (self.ended > 0).then(|| self.events as f64 / self.ended as f64)
    }

    #[inline]
    fn block(&mut self, alive: f64, needed: f64) {
        let (events, alive_sum, needed_sum) = &mut self.block;
        *events += 1;
        *alive_sum += alive;
        *needed_sum += needed;
        if *events == BLOCK {
            self.hurry_most = self.hurry_most.max(*needed_sum / alive_sum.max(1.0));
            self.block = (0, 0.0, 0.0);
        }
    }

    /// Adds another shard's.
    fn merge(&mut self, other: &Self) {
        let hurry_most = self.hurry_most().max(other.hurry_most());
        // Sessions of both are alive at once.
        let (alive, needed) = (self.alive() + other.alive(), self.needed() + other.needed());
        self.events += other.events;
        self.alive = alive * self.events as f64;
        self.needed = needed * self.events as f64;
        self.begun += other.begun;
        self.ended += other.ended;
        self.pauses.merge(&other.pauses);
        self.lasted_us += other.lasted_us;
        self.meant_us += other.meant_us;
        self.hurry_most = hurry_most;
    }
}

/// What a population notes of its sessions, by phase.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionStats {
    phases: Vec<PhaseStats>,
    /// Where the schedule is: how far, how long it goes on, and in which phase.
    due_ns: u64,
    left_ns: u64,
    phase: u16,
}

impl SessionStats {
    /// Follows the schedule.
    #[inline]
    pub(super) fn follow(&mut self, due_ns: u64, left_ns: u64, phase: u16) {
        self.due_ns = due_ns;
        self.left_ns = left_ns;
        self.phase = phase;
    }

    /// Notes an ordinary event: how many sessions are alive and needed, whether one comes with it,
    /// after which event, and whether it is the last one.
    #[inline]
    pub(super) fn event(
        &mut self,
        alive: u64,
        needed: f64,
        comes: bool,
        since: Option<Since>,
        is_last: bool,
    ) {
        let stats = self.of_mut(self.phase);
        let alive = alive as f64;
        stats.events += 1;
        stats.begun += u64::from(comes);
        stats.ended += u64::from(is_last);
        stats.alive += alive;
        stats.needed += needed;
        stats.block(alive, needed);
        let Some(since) = since else { return };
        let (lasted_us, left_us) = self.pause_of(since);
        let stats = self.of_mut(self.phase);
        stats.lasted_us += u64::from(lasted_us);
        stats.meant_us += u64::from(since.meant_us.get());
        self.of_mut(since.phase).pauses.end(lasted_us, left_us);
    }

    /// Notes that a pause of this meaning begins.
    #[inline]
    pub(super) fn pause(&mut self, meant_ns: u64) -> Since {
        let left_us = us(self.left_ns);
        self.of_mut(self.phase).pauses.begin(left_us);
        let meant_us = NonZeroU32::new(us(meant_ns)).unwrap_or(NonZeroU32::MIN);
        Since { due_ns: self.due_ns, meant_us, phase: self.phase }
    }

    /// Notes that a session is closed while it pauses.
    pub(super) fn close(&mut self, since: Option<Since>) {
        let Some(since) = since else { return };
        let (lasted_us, left_us) = self.pause_of(since);
        self.of_mut(since.phase).pauses.close(lasted_us, left_us);
    }

    /// How long a pause lasts until now, and how long it could when it began.
    fn pause_of(&self, since: Since) -> (u32, u32) {
        let lasted_ns = self.due_ns.saturating_sub(since.due_ns);
        (us(lasted_ns), us(self.left_ns.saturating_add(lasted_ns)))
    }

    /// Median of the pauses that began in a phase, in seconds, of which those count as well that
    /// were not seen to their end; `None` where too few were to tell, and where the events stop
    /// before the schedule does: nobody knows then which pauses were cut off.
    #[must_use]
    pub fn pause_p50_s(&self, phase: usize) -> Option<f64> {
        let all_ns = self.due_ns.saturating_add(self.left_ns);
        let is_whole = self.left_ns <= STOPPED_NS.max(all_ns / 100);
        self.of(phase).filter(|_| is_whole)?.pauses.median_s()
    }

    /// A phase's, if it had any events.
    #[must_use]
    pub fn of(&self, phase: usize) -> Option<&PhaseStats> {
        self.phases.get(phase).filter(|stats| stats.events > 0)
    }

    #[inline]
    fn of_mut(&mut self, phase: u16) -> &mut PhaseStats {
        let phase = usize::from(phase);
        if self.phases.len() <= phase {
            self.phases.resize_with(phase + 1, PhaseStats::default);
        }
        &mut self.phases[phase]
    }

    /// Adds another shard's.
    pub fn merge(&mut self, other: &Self) {
        if other.left_ns > self.left_ns || self.phases.is_empty() {
            (self.due_ns, self.left_ns) = (other.due_ns, other.left_ns);
        }
        for (phase, other) in (0..).zip(&other.phases) {
            self.of_mut(phase).merge(other);
        }
    }
}

/// As µs; at most 71 minutes.
fn us(ns: u64) -> u32 {
    u32::try_from(ns / 1_000).unwrap_or(u32::MAX)
}
