//! How a process's dates hang on its host's monotonic clock, so that another process of the same
//! host can tell how far the dates of both lie apart.

use std::fs;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::SystemClock;

/// So many readings are tried for the one with the narrowest bracket.
const TRIES: usize = 50;

/// A process's dates on `CLOCK_MONOTONIC`, which all processes of one boot share (those of one
/// time namespace, that is).
///
/// A date is made and read by the process's own monotonic clock and one constant, so what two
/// processes disagree by is the difference of these constants, however the wall clock moves
/// meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The kernel's name for the time since it started; `None` where it has none to tell.
    pub boot: Option<String>,
    /// The time namespace, as the kernel names it.
    pub time_namespace: Option<String>,
    /// What the process takes for 1970 on `CLOCK_MONOTONIC`, negated: date − monotonic, in ns.
    pub date_minus_monotonic_ns: i64,
    /// How far that may be off, in ns: half of the narrowest bracket of two readings.
    pub uncertain_ns: u64,
}

impl Anchor {
    /// How far dates of `self` lie ahead of those of `other`, and how far that may be off, both
    /// in ns; `None` where they share no clock.
    #[must_use]
    pub fn ahead_of(&self, other: &Self) -> Option<(i64, u64)> {
        let shared = self.boot.is_some()
            && self.boot == other.boot
            && self.time_namespace == other.time_namespace;
        shared.then(|| {
            let ahead = self.date_minus_monotonic_ns.wrapping_sub(other.date_minus_monotonic_ns);
            (ahead, self.uncertain_ns.saturating_add(other.uncertain_ns))
        })
    }
}

impl SystemClock {
    /// How this clock's dates hang on `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        let (mut best_ns, mut origin_ns) = (u64::MAX, 0);
        for _ in 0..TRIES {
            let before_ns = monotonic_ns();
            let now = Instant::now();
            let after_ns = monotonic_ns();
            let bracket_ns = after_ns.saturating_sub(before_ns);
            if bracket_ns < best_ns {
                let since_ns = u64::try_from((now - self.origin).as_nanos()).unwrap_or(u64::MAX);
                best_ns = bracket_ns;
                origin_ns = (before_ns + bracket_ns / 2).cast_signed() - since_ns.cast_signed();
            }
        }
        let origin_date_ns = super::Clock::origin_wall_us(self).saturating_mul(1_000);
        Anchor {
            boot: name(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()),
            time_namespace: fs::read_link("/proc/self/ns/time")
                .ok()
                .map(|link| link.to_string_lossy().into_owned()),
            date_minus_monotonic_ns: origin_date_ns - origin_ns,
            uncertain_ns: best_ns.div_ceil(2),
        }
    }
}

fn name(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// `CLOCK_MONOTONIC` in ns: since the start of the machine, and the same for all its processes.
fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call only writes into the struct, which is this frame's own.
    unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now);
    }
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn two_clocks_of_one_host_know_how_far_their_dates_lie_apart() {
        let (first, second) = (SystemClock::start(), SystemClock::start());
        second.pretend(0, second.wall_us(0) + 5_000);
        let (ahead_ns, uncertain_ns) = second.anchor().ahead_of(&first.anchor()).unwrap();
        // The same moment by both, through the dates that they give it.
        let (at_first, at_second) = (first.now_ns(), second.now_ns());
        let apart_us = second.wall_us(at_second) - first.wall_us(at_first);
        assert!((ahead_ns - apart_us * 1_000).abs() < 500_000, "{ahead_ns} {apart_us}");
        assert!(uncertain_ns < 100_000, "{uncertain_ns}");
    }

    #[test]
    fn clocks_of_two_boots_or_namespaces_have_nothing_in_common() {
        let here = SystemClock::start().anchor();
        assert!(here.boot.is_some());
        let boot = Anchor { boot: Some("another".to_owned()), ..here.clone() };
        let namespace = Anchor { time_namespace: Some("time:[1]".to_owned()), ..here.clone() };
        let nobody = Anchor { boot: None, ..here.clone() };
        assert_eq!(here.ahead_of(&boot), None);
        assert_eq!(here.ahead_of(&namespace), None);
        assert_eq!(nobody.ahead_of(&nobody), None);
        assert_eq!(here.ahead_of(&here), Some((0, 2 * here.uncertain_ns)));
    }
}
