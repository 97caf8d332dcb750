//! What this process has used.

use std::fs;

/// CPU seconds of this process so far, user and system.
#[must_use]
pub fn cpu_s() -> f64 {
    // SAFETY: an all-zero rusage is a valid value, and the call only writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    used_s(&usage)
}

pub(super) fn used_s(usage: &libc::rusage) -> f64 {
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// The most memory that this process held so far, in bytes; `None` where the system won't say.
#[must_use]
pub fn memory_peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Works until `is_so`, and not for ever where it never is.
    pub(crate) fn work_until(is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(10), "10 s of work were not enough");
            std::hint::spin_loop();
        }
    }

    #[test]
    fn cpu_is_the_user_s_and_the_system_s() {
        // SAFETY: all-zero is a valid value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        usage.ru_utime = libc::timeval { tv_sec: 3, tv_usec: 250_000 };
        usage.ru_stime = libc::timeval { tv_sec: 1, tv_usec: 500_000 };
        assert!((used_s(&usage) - 4.75).abs() < 1e-9, "{}", used_s(&usage));
    }

    /// The witness is the kernel's clock of this process's CPU. A thread on another core may be
    /// behind by a tick in either.
    #[test]
    fn the_cpu_of_this_process_is_what_its_own_clock_says() {
        let clock_s = || {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: only writes into the struct.
            unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        let (from_s, first_s) = (clock_s(), cpu_s());
        work_until(|| clock_s() >= from_s + 0.05);
        let (second_s, to_s) = (cpu_s(), clock_s());
        let seen = format!("{from_s} {first_s} {second_s} {to_s}");
        assert!(second_s - first_s > 0.03, "{seen}");
        assert!(first_s > from_s - 0.02 && second_s < to_s + 0.02, "{seen}");
    }

    #[test]
    fn memory_that_was_touched_was_held_in_bytes() {
        let touched = vec![1_u8; 16 << 20];
        let peak = memory_peak_bytes().unwrap();
        assert!(peak > std::hint::black_box(&touched).len() as u64, "{peak}");
    }
}
