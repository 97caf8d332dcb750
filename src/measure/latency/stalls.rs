//! When the host's cores stood still: written by threads that watch them, read by those who want
//! to know how much of an event's way that was.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A core that gives a thread nothing for so long stood still; what is shorter is the ordinary
/// lateness of a thread that wakes, and in the meter's percentiles only.
const STALL_MIN_NS: u64 = 1_000_000;

/// Stalls of a core that are remembered: more than a second's worth of the shortest ones without
/// a pause between them.
const KEPT: usize = 1_024;

/// The newest stalls of every core that is watched.
///
/// Watchers write, workers read, without a lock. A stall is known once its watcher wakes, and a
/// worker may be let in before: so each watcher says beforehand when it will wake, and from then
/// on a stall is going on.
#[derive(Debug)]
pub struct Stalls {
    cores: Vec<Core>,
    newest_end_ns: AtomicU64,
}

/// One core, in a cache line of its own: its watcher writes a thousand times a second.
#[derive(Debug)]
#[repr(align(64))]
struct Core {
    /// When its watcher is to wake; `u64::MAX` while nobody watches.
    wake_ns: AtomicU64,
    /// Stalls so far.
    count: AtomicU64,
    /// The newest of them, each in the place of its number.
    kept: Box<[KeptStall]>,
}

/// One stall, on the run's clock.
#[derive(Debug, Default)]
struct KeptStall {
    from_ns: AtomicU64,
    to_ns: AtomicU64,
    /// How long all stalls of its core before it were together.
    before_ns: AtomicU64,
}

impl KeptStall {
    fn span(&self) -> Range<u64> {
        self.from_ns.load(Ordering::Relaxed)..self.to_ns.load(Ordering::Relaxed)
    }

    /// How long it and all before it were together.
    fn until_then_ns(&self) -> u64 {
        let Range { start, end } = self.span();
        self.before_ns.load(Ordering::Relaxed) + end.saturating_sub(start)
    }
}

impl Stalls {
    /// For so many cores, which nobody watches yet.
    #[must_use]
    pub fn new(cores: usize) -> Self {
        let core = || Core {
            wake_ns: AtomicU64::new(u64::MAX),
            count: AtomicU64::new(0),
            kept: (0..KEPT).map(|_| KeptStall::default()).collect(),
        };
        Self { cores: (0..cores).map(|_| core()).collect(), newest_end_ns: AtomicU64::new(0) }
    }

    /// Notes that the watcher of a core, due to wake at `due_ns`, is awake at `now_ns`, and will
    /// be again at `next_ns` (`u64::MAX`: never). Returns by how much it was late, in ns.
    pub fn woke(&self, core: usize, due_ns: u64, now_ns: u64, next_ns: u64) -> u64 {
        let late_ns = now_ns.saturating_sub(due_ns);
        let Some(core) = self.cores.get(core) else {
            return late_ns;
        };
        if late_ns >= STALL_MIN_NS {
            let count = core.count.load(Ordering::Relaxed);
            let before_ns = if count > 0 { core.stall(count - 1).until_then_ns() } else { 0 };
            let stall = core.stall(count);
            stall.from_ns.store(due_ns, Ordering::Relaxed);
            stall.to_ns.store(now_ns, Ordering::Relaxed);
            stall.before_ns.store(before_ns, Ordering::Relaxed);
            core.count.store(count + 1, Ordering::Release);
            self.newest_end_ns.fetch_max(now_ns, Ordering::Release);
        }
        // Last: who sees it sees the stall, too.
        core.wake_ns.store(next_ns, Ordering::Release);
        late_ns
    }
}

impl Core {
    /// The stall of that number.
    fn stall(&self, number: u64) -> &KeptStall {
        &self.kept[number as usize % KEPT]
    }

    /// How much of `from_ns..to_ns` it stood still; `wake_ns` is what its watcher has said.
    ///
    /// Where a host has fallen far behind, a way holds hundreds of stalls: they are not gone
    /// through, but lie between two sums.
    fn overlap_ns(&self, from_ns: u64, to_ns: u64, wake_ns: u64) -> u64 {
        let goes_on = to_ns.saturating_sub(wake_ns) >= STALL_MIN_NS;
        let mut sum_ns = if goes_on { to_ns - wake_ns.max(from_ns) } else { 0 };
        let mut end = self.count.load(Ordering::Acquire);
        let mut first = end.saturating_sub(KEPT as u64);
        // Those that may reach beyond `to_ns`, and the one that went on when `wake_ns` was read
        // and may be over now: it counts once.
        while end > first {
            let stall = self.stall(end - 1).span();
            if stall.end <= to_ns && stall.start < wake_ns {
                break;
            }
            if stall.start < wake_ns {
                sum_ns += stall.end.min(to_ns).saturating_sub(stall.start.max(from_ns));
            }
            end -= 1;
        }
        let newest = end;
        while first < end {
            let middle = first.midpoint(end);
            if self.stall(middle).span().end <= from_ns {
                first = middle + 1;
            } else {
                end = middle;
            }
        }
        if first == newest {
            return sum_ns;
        }
        let (oldest, newest) = (self.stall(first), self.stall(newest - 1));
        let cut_ns = from_ns.saturating_sub(oldest.span().start);
        let before_it_ns = oldest.before_ns.load(Ordering::Relaxed);
        let whole_ns = newest.until_then_ns().saturating_sub(before_it_ns);
        sum_ns + whole_ns.saturating_sub(cut_ns)
    }
}

/// How long the host stood still while an event was on its way, in ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Still {
    /// From its due time on.
    pub whole_ns: u64,
    /// Of this, after its hand-over to the client began: what send delay does not contain.
    pub sent_ns: u64,
}

impl Still {
    /// Takes in another event's.
    pub(super) fn add(&mut self, other: Self) {
        self.whole_ns = self.whole_ns.saturating_add(other.whole_ns);
        self.sent_ns = self.sent_ns.saturating_add(other.sent_ns);
    }
}

/// One thread's view of the stalls.
#[derive(Debug)]
pub struct StallView {
    stalls: Arc<Stalls>,
    /// Until then no stall can be going on that nobody has noted.
    calm_until_ns: u64,
}

impl StallView {
    /// A view of these.
    #[must_use]
    pub fn new(stalls: Arc<Stalls>) -> Self {
        Self { stalls, calm_until_ns: 0 }
    }

    /// How long the host stood still on an event's way until `to_ns`; it was due at `due_ns`, and
    /// handed over from `sent_ns` on.
    pub fn still(&mut self, due_ns: u64, sent_ns: u64, to_ns: u64) -> Still {
        let whole_ns = self.overlap_ns(due_ns, to_ns);
        // As for almost every event: then it stood still for no part of the way either.
        if whole_ns == 0 {
            return Still::default();
        }
        // A part of the whole, even if a watcher has woken in between.
        let sent_ns = self.overlap_ns(sent_ns, to_ns).min(whole_ns);
        Still { whole_ns, sent_ns }
    }

    /// How much of `from_ns..to_ns` (until now, on the run's clock) a core stood still: that of
    /// the core for which it was longest. On which cores an event waited nobody knows, so this is
    /// the most that a thread can have lost.
    ///
    /// Ways shorter than a millisecond are not looked at, and others cost two comparisons but
    /// for once a millisecond.
    pub fn overlap_ns(&mut self, from_ns: u64, to_ns: u64) -> u64 {
        let is_short = to_ns.saturating_sub(from_ns) < STALL_MIN_NS;
        let is_calm = || {
            to_ns < self.calm_until_ns
                && self.stalls.newest_end_ns.load(Ordering::Acquire) <= from_ns
        };
        if is_short || is_calm() {
            return 0;
        }
        let (mut most_ns, mut earliest_ns) = (0, u64::MAX);
        for core in &self.stalls.cores {
            let wake_ns = core.wake_ns.load(Ordering::Acquire);
            earliest_ns = earliest_ns.min(wake_ns);
            most_ns = most_ns.max(core.overlap_ns(from_ns, to_ns, wake_ns));
        }
        // Who begins to watch later than now has no stall of that length before then either.
        self.calm_until_ns = earliest_ns.min(to_ns).saturating_add(STALL_MIN_NS);
        most_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn pair(cores: usize) -> (Arc<Stalls>, StallView) {
        let stalls = Arc::new(Stalls::new(cores));
        (stalls.clone(), StallView::new(stalls))
    }

    #[test]
    fn a_stall_counts_before_its_watcher_is_back_and_once_afterwards() {
        let (stalls, mut view) = pair(2);
        assert_eq!(view.overlap_ns(0, 9 * MS), 0, "nobody watches");
        stalls.woke(0, 10 * MS, 10 * MS, 11 * MS);
        stalls.woke(1, 10 * MS, 10 * MS, 11 * MS);
        assert_eq!(view.overlap_ns(5 * MS, 11 * MS), 0);
        // Core 0 says nothing more, and core 1 goes on.
        stalls.woke(1, 11 * MS, 11 * MS, 100 * MS);
        assert_eq!(view.overlap_ns(5 * MS, 41 * MS), 30 * MS, "it goes on since 11 ms");
        assert_eq!(view.overlap_ns(31 * MS, 41 * MS), 10 * MS, "the event came later");
        assert_eq!(stalls.woke(0, 11 * MS, 86 * MS, 87 * MS), 75 * MS);
        assert_eq!(view.overlap_ns(5 * MS, 86 * MS), 75 * MS, "over, and counted once");
        assert_eq!(view.overlap_ns(50 * MS, 60 * MS), 10 * MS);
        assert_eq!(view.overlap_ns(86 * MS, 87 * MS), 0, "an event that was due afterwards");
        stalls.woke(0, 87 * MS, 87 * MS, u64::MAX);
        stalls.woke(1, 100 * MS, 100 * MS, u64::MAX);
        assert_eq!(view.overlap_ns(86 * MS, 900 * MS), 0, "nobody watches any more");
    }

    #[test]
    fn the_core_that_stood_longest_counts_and_a_moment_is_no_stall() {
        let (stalls, mut view) = pair(3);
        for core in 0..3 {
            stalls.woke(core, MS, MS, 2 * MS);
        }
        assert_eq!(stalls.woke(0, 2 * MS, 7 * MS, 1_000 * MS), 5 * MS);
        assert_eq!(stalls.woke(1, 2 * MS, 10 * MS, 1_000 * MS), 8 * MS);
        assert_eq!(stalls.woke(2, 2 * MS, 3 * MS - 1, 1_000 * MS), MS - 1);
        assert_eq!(view.overlap_ns(0, 20 * MS), 8 * MS);
        assert_eq!(view.overlap_ns(9 * MS + 1, 10 * MS), 0, "shorter than a stall");
        assert_eq!(view.overlap_ns(9 * MS, 10 * MS), MS, "as long as the shortest");
    }

    #[test]
    fn calm_ends_when_a_stall_may_be_going_on() {
        let (stalls, mut view) = pair(1);
        stalls.woke(0, 10 * MS, 10 * MS, 11 * MS);
        // Seen at 11 ms: nobody can have stood still for a millisecond before 12 ms.
        assert_eq!(view.overlap_ns(5 * MS, 11 * MS), 0);
        assert_eq!(view.overlap_ns(5 * MS, 12 * MS - 1), 0);
        assert_eq!(view.overlap_ns(5 * MS, 12 * MS), MS);
    }

    /// A watcher wakes while somebody looks: what it said before is old, and its stall is noted.
    #[test]
    fn a_stall_that_ends_while_it_is_looked_at_counts_once() {
        let (stalls, _) = pair(1);
        stalls.woke(0, 10 * MS, 10 * MS, 11 * MS);
        stalls.woke(0, 11 * MS, 86 * MS, 87 * MS);
        assert_eq!(stalls.cores[0].overlap_ns(5 * MS, 86 * MS, 11 * MS), 75 * MS);
    }

    /// A host that is far behind: of a way with more stalls than are kept, the kept ones count.
    #[test]
    fn a_way_longer_than_what_is_kept_counts_what_is() {
        let (stalls, mut view) = pair(1);
        let mut now = MS;
        for _ in 0..KEPT + 500 {
            stalls.woke(0, now, now + 2 * MS, now + 3 * MS);
            now += 3 * MS;
        }
        let end = now - MS;
        let kept = KEPT as u64;
        assert_eq!(view.overlap_ns(0, end), kept * 2 * MS);
        assert_eq!(view.overlap_ns(end - 3 * MS * (kept - 1), end), (kept - 1) * 2 * MS);
        assert_eq!(view.overlap_ns(end - 30 * MS - MS, end), 21 * MS, "ten and half of one");
        assert_eq!(
            view.overlap_ns(end - 31 * MS, end - MS),
            20 * MS,
            "half of the newest is later"
        );
    }

    proptest! {
        /// Whatever was asked before: the shortcut for calm times leaves nothing out.
        #[test]
        fn it_is_what_a_plain_sum_over_all_stalls_gives(
            naps in prop::collection::vec((0_u64..10, 0_u64..9), 10..300),
            asks in prop::collection::vec(prop_oneof![0_u64..40, 0_u64..2_000], 300),
            likely in prop_oneof![Just(1_u64), Just(8)],
        ) {
            let (stalls, mut view) = pair(1);
            let (mut now, mut all) = (MS, Vec::new());
            stalls.woke(0, now, now, now + MS);
            for (&(stalled, by), &back) in naps.iter().zip(&asks) {
                let stalled = stalled < likely;
                let due = now + MS;
                now = due + if stalled { by * MS } else { 20_000 };
                if now - due >= MS {
                    all.push(due..now);
                }
                let from = now.saturating_sub(back * MS);
                let plain: u64 = all
                    .iter()
                    .map(|stall| stall.end.min(now).saturating_sub(stall.start.max(from)))
                    .sum();
                let plain = if now - from >= MS { plain } else { 0 };
                // Asked before the watcher says that it is awake, and after.
                prop_assert_eq!(view.overlap_ns(from, now), plain);
                stalls.woke(0, due, now, now + MS);
                prop_assert_eq!(view.overlap_ns(from, now), plain);
            }
        }
    }
}
