//! Time. The only module that reads a system clock, so that every other can be tested on a
//! manual one and no duration is ever taken from a clock that can be set.

pub mod anchor;
mod waits;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic nanoseconds since the clock's own origin, tied once to the wall clock.
///
/// Everything measured is a difference of two `now_ns`. The wall clock is used for one thing
/// only: to write a due time into an event as a date, and to read it back.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Nanoseconds since this clock's origin; never goes back.
    fn now_ns(&self) -> u64;

    /// Sleeps until `at_ns`; returns at once when that has passed.
    fn sleep_until_ns(&self, at_ns: u64);

    /// The wall time of this clock's origin: microseconds since 1970, UTC.
    fn origin_wall_us(&self) -> i64;

    /// The wall time that belongs to a time on this clock: microseconds since 1970, UTC.
    ///
    /// Exact for whole microseconds, so that a due time survives the way through an event.
    fn wall_us(&self, at_ns: u64) -> i64 {
        self.origin_wall_us() + i64::try_from(at_ns / 1_000).unwrap_or(i64::MAX / 2)
    }

    /// The inverse of [`Clock::wall_us`]: negative when the date lies before the origin.
    fn ns_of_wall_us(&self, wall_us: i64) -> i64 {
        wall_us.saturating_sub(self.origin_wall_us()).saturating_mul(1_000)
    }
}

/// The machine's monotonic clock.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
    origin_wall_us: i64,
    /// How far the dates that it gives lie from the true ones.
    shift_us: AtomicI64,
}

impl SystemClock {
    /// A clock whose origin is now.
    #[must_use]
    pub fn start() -> Self {
        let origin = Instant::now();
        Self { origin, origin_wall_us: wall_clock_us(), shift_us: AtomicI64::new(0) }
    }

    /// One since whose origin the wall clock was set ahead by so much.
    #[cfg(test)]
    pub(crate) fn start_set_ahead(by_us: i64) -> Self {
        let now = Self::start();
        Self { origin_wall_us: now.origin_wall_us - by_us, ..now }
    }

    /// A clock whose origin is the last border of intervals of `interval_us` on the wall clock:
    /// so that the intervals of several processes are the same.
    #[must_use]
    pub fn start_on_border(interval_us: u64) -> Self {
        let now = Self::start();
        let interval_us = i64::try_from(interval_us).unwrap_or(i64::MAX).max(1);
        let over_us = now.origin_wall_us.rem_euclid(interval_us);
        let over = Duration::from_micros(over_us.unsigned_abs());
        match now.origin.checked_sub(over) {
            Some(origin) => Self { origin, origin_wall_us: now.origin_wall_us - over_us, ..now },
            // A machine that has just started; then its intervals are its own.
            None => now,
        }
    }

    /// From now on takes `at_ns` for this wall time (microseconds since 1970): so that two runs
    /// send the same dates. Durations stay what they are.
    pub fn pretend(&self, at_ns: u64, wall_us: i64) {
        let shift_us = wall_us - self.wall_us(at_ns);
        self.shift_us.fetch_add(shift_us, Ordering::SeqCst);
    }

    /// How far the wall clock has stepped or drifted from the monotonic one since the origin,
    /// in microseconds.
    #[must_use]
    pub fn wall_step_us(&self) -> i64 {
        let shift_us = self.shift_us.load(Ordering::Relaxed);
        wall_clock_us() - (self.wall_us(self.now_ns()) - shift_us)
    }
}

impl Clock for SystemClock {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn sleep_until_ns(&self, at_ns: u64) {
        let now_ns = self.now_ns();
        if at_ns > now_ns {
            std::thread::sleep(Duration::from_nanos(at_ns - now_ns));
        }
    }

    fn origin_wall_us(&self) -> i64 {
        self.origin_wall_us + self.shift_us.load(Ordering::Relaxed)
    }
}

/// The wall clock: microseconds since 1970, UTC. For names and dates, never for durations.
#[must_use]
pub fn wall_clock_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// How soon the kernel runs a thread whose sleep is over: as it says, not as it was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Promptness {
    /// The slice of the thread in nanoseconds: the shorter, the sooner its turn; `None` where the
    /// kernel has none of a thread's own (Linux before 6.12).
    pub slice_ns: Option<u64>,
    /// How much longer than asked for it may sleep, in nanoseconds.
    pub timer_slack_ns: Option<u64>,
}

impl Promptness {
    /// The worse of two threads.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        Self {
            slice_ns: self.slice_ns.max(other.slice_ns),
            timer_slack_ns: self.timer_slack_ns.max(other.timer_slack_ns),
        }
    }

    /// Of the thread that asks.
    fn read() -> Self {
        let mut attributes = SchedulingAttributes::default();
        // SAFETY: the kernel writes no more than the size that it is given; the thread is this
        // one.
        let (known, slack) = unsafe {
            let size = SchedulingAttributes::SIZE;
            let attributes = &raw mut attributes;
            let known = libc::syscall(libc::SYS_sched_getattr, 0, attributes, size, 0) == 0;
            (known, libc::prctl(libc::PR_GET_TIMERSLACK))
        };
        let slice_ns = Some(attributes.runtime_ns).filter(|&slice_ns| known && slice_ns > 0);
        Self { slice_ns, timer_slack_ns: u64::try_from(slack).ok() }
    }
}

/// The kernel's `struct sched_attr`, in its first version.
#[repr(C)]
#[derive(Default)]
struct SchedulingAttributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

impl SchedulingAttributes {
    const SIZE: u32 = 48;
}

/// The slice that [`wake_on_time`] asks for.
const SLICE_NS: u64 = 100_000;

/// Asks the kernel to run this thread as soon as its sleep is over, and returns what it grants.
///
/// Two things stand against that. A sleep may by default end 50 µs late, to wake several
/// threads at once; and a thread that wakes waits for the slice of the one that runs (3 ms by
/// default) unless its own is shorter (Linux 6.12 and later: a shorter slice has an earlier
/// deadline). Both would be send delay of the harness's own making. Where the kernel refuses,
/// things stay as they were, and the send delay shows it.
pub fn wake_on_time() -> Promptness {
    let attributes = SchedulingAttributes {
        size: SchedulingAttributes::SIZE,
        runtime_ns: SLICE_NS,
        ..SchedulingAttributes::default()
    };
    // SAFETY: plain numbers, and a struct that the kernel only reads; the thread is this one.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64, 0_u64, 0_u64, 0_u64);
        libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0);
    }
    Promptness::read()
}

/// A clock that moves only when told, or when somebody sleeps on it.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ns: AtomicU64,
    origin_wall_us: i64,
}

impl ManualClock {
    /// A clock at 0 whose origin is `origin_wall_us` (microseconds since 1970).
    #[must_use]
    pub const fn new(origin_wall_us: i64) -> Self {
        Self { now_ns: AtomicU64::new(0), origin_wall_us }
    }

    /// Moves the clock forward.
    pub fn advance_ns(&self, by_ns: u64) {
        self.now_ns.fetch_add(by_ns, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ns(&self) -> u64 {
        self.now_ns.load(Ordering::SeqCst)
    }

    fn sleep_until_ns(&self, at_ns: u64) {
        self.now_ns.fetch_max(at_ns, Ordering::SeqCst);
    }

    fn origin_wall_us(&self) -> i64 {
        self.origin_wall_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_time_of_whole_microseconds_survives_the_way_through_a_date() {
        let clock = ManualClock::new(1_700_000_000_000_000);
        let due_ns = 12_345_678_000;
        assert_eq!(clock.ns_of_wall_us(clock.wall_us(due_ns)), 12_345_678_000);
        assert_eq!(clock.ns_of_wall_us(1_699_999_999_999_999), -1_000);
    }

    #[test]
    fn sleeping_on_a_manual_clock_never_moves_it_back() {
        let clock = ManualClock::new(0);
        clock.sleep_until_ns(500);
        clock.sleep_until_ns(100);
        assert_eq!(clock.now_ns(), 500);
    }

    #[test]
    fn the_system_clock_wakes_at_or_after_the_time_asked() {
        let clock = SystemClock::start();
        let at_ns = clock.now_ns() + 2_000_000;
        clock.sleep_until_ns(at_ns);
        assert!(clock.now_ns() >= at_ns);
    }

    #[test]
    fn a_thread_that_wakes_on_time_has_what_the_kernel_says_that_it_has() {
        let (before, granted) =
            std::thread::spawn(|| (Promptness::read(), wake_on_time())).join().unwrap();
        assert_eq!((before.timer_slack_ns, granted.timer_slack_ns), (Some(50_000), Some(1)));
        // An older kernel has no slice of a thread's own, before as after.
        if before.slice_ns.is_some() {
            assert_ne!(before.slice_ns, Some(SLICE_NS));
            assert_eq!(granted.slice_ns, Some(SLICE_NS));
        }
        assert_eq!(before.or_worse(granted), before);
    }
}
