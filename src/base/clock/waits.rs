//! Waits that a clock which is set does not lengthen.
//!
//! librdkafka says until when it waits as a date, by C11's `cnd_timedwait`. Where the wall clock is
//! set back by an hour, everything that waits then waits for an hour more: its threads send
//! nothing, no heartbeat goes out, and a loop that polls never comes back, not even to hear that
//! the run shall end. So this program brings its own `cnd_timedwait`, which the linker takes before
//! the system's: it reads off once how long the wait is to be, and waits by the monotonic clock.
//!
//! Only where the system's library is glibc, whose C11 conditions are its POSIX ones.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use libc::{c_int, clockid_t, pthread_cond_t, pthread_mutex_t, timespec};

/// C11's results, as glibc numbers them.
const SUCCESS: c_int = 0;
const ERROR: c_int = 2;
const TIMED_OUT: c_int = 4;

const NS_PER_S: i64 = 1_000_000_000;

unsafe extern "C" {
    /// POSIX 2024's, in glibc since 2.30.
    fn pthread_cond_clockwait(
        condition: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
        clock: clockid_t,
        until: *const timespec,
    ) -> c_int;
}

/// Waits for a condition, at most until a date.
///
/// # Safety
/// As C11 has it: both are initialised, and the mutex is this thread's.
#[unsafe(no_mangle)]
unsafe extern "C" fn cnd_timedwait(
    condition: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    date: *const timespec,
) -> c_int {
    // SAFETY: the caller's time, only read.
    let date = unsafe { &*date };
    let until = after(&now(libc::CLOCK_MONOTONIC), left_ns(date, &now(libc::CLOCK_REALTIME)));
    // SAFETY: the caller's condition and mutex, which in glibc are what POSIX's functions take.
    match unsafe {
        pthread_cond_clockwait(condition, mutex, libc::CLOCK_MONOTONIC, &raw const until)
    } {
        0 => SUCCESS,
        libc::ETIMEDOUT => TIMED_OUT,
        _ => ERROR,
    }
}

fn now(clock: clockid_t) -> timespec {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one time.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time
}

/// From `now` to `date`, at least nothing.
fn left_ns(date: &timespec, now: &timespec) -> i64 {
    let seconds = date.tv_sec.saturating_sub(now.tv_sec).saturating_mul(NS_PER_S);
    seconds.saturating_add(date.tv_nsec - now.tv_nsec).max(0)
}

fn after(time: &timespec, ns: i64) -> timespec {
    let ns = time.tv_nsec.saturating_add(ns);
    timespec { tv_sec: time.tv_sec.saturating_add(ns / NS_PER_S), tv_nsec: ns % NS_PER_S }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tv_sec: i64, tv_nsec: i64) -> timespec {
        timespec { tv_sec, tv_nsec }
    }

    #[test]
    fn a_wait_lasts_for_what_was_left_when_it_began() {
        assert_eq!(left_ns(&at(100, 250), &at(99, 999_999_999)), 251);
        assert_eq!(left_ns(&at(100, 0), &at(100, 1)), 0, "it was over before");
        assert_eq!(left_ns(&at(i64::MAX, 0), &at(-5, 0)), i64::MAX);
        let until = after(&at(7, 999_999_999), 2_000_000_002);
        assert_eq!((until.tv_sec, until.tv_nsec), (10, 1));
        assert!(after(&at(7, 999_999_999), i64::MAX).tv_nsec < NS_PER_S);
    }
}
