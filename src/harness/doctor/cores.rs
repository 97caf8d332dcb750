//! Each core by itself: a thread that sleeps there a millisecond at a time.

use std::time::Duration;

use super::{Finding, Grade, Limits, ms, oversleeps, quantile};
use crate::error::Result;
use crate::harness::crew::spawn;

/// How long each core is watched; all at once.
const WATCHED: Duration = Duration::from_secs(5);

/// The worst that any core did to a thread that only sleeps.
pub(super) fn hiccups() -> Result<Finding> {
    let mut threads = Vec::new();
    for core in cores() {
        let watch = move || if pin(core) { oversleeps(WATCHED) } else { Vec::new() };
        threads.push((core, spawn("hiccups", watch)?));
    }
    let mut all = Vec::new();
    let mut worst = (0, 0);
    for (core, thread) in threads {
        // One that panics has seen nothing.
        let seen = thread.join().unwrap_or_default();
        worst = worst.max((seen.last().copied().unwrap_or(0), core));
        all.extend(seen);
    }
    all.sort_unstable();
    let (p99, p99_9) = (quantile(&all, 0.99), quantile(&all, 0.999));
    let grade = Limits { good: 1.0, fair: 10.0 }.grade(ms(p99_9));
    let (max, core) = worst;
    Ok(Finding {
        what: "hiccups of the cores".to_owned(),
        grade,
        measured: format!(
            "p99 {:.3} ms, p99.9 {:.2} ms, max {:.1} ms on core {core}",
            ms(p99),
            ms(p99_9),
            ms(max)
        ),
        limits: "p99.9 good to 1 ms, fair to 10 ms".to_owned(),
        advice: (grade > Grade::Good).then(|| {
            "no percentile below this is Kafka's: stop what else runs here, or use a host of \
             your own"
                .to_owned()
        }),
        figures: vec![("p99_ms", ms(p99)), ("p99_9_ms", ms(p99_9)), ("max_ms", ms(max))],
    })
}

/// The cores that this process may use.
fn cores() -> Vec<usize> {
    // SAFETY: an all-zero set is a valid value, and the calls only write into it or read it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) != 0 {
            return vec![0];
        }
        let most = 8 * size_of::<libc::cpu_set_t>();
        (0..most).filter(|core| libc::CPU_ISSET(*core, &set)).collect()
    }
}

/// Keeps this thread on one core; whether that could be done.
fn pin(core: usize) -> bool {
    // SAFETY: as above; the thread is this one.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_may_use_a_core_and_be_kept_there() {
        let all = cores();
        assert!(!all.is_empty());
        let last = all[all.len() - 1];
        let kept = std::thread::spawn(move || (pin(last), cores())).join().unwrap();
        assert_eq!(kept, (true, vec![last]));
    }
}
