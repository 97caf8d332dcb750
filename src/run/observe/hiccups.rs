//! The hiccup meter: a thread for each core that sleeps a millisecond at a time, and looks by how
//! much it overslept. What it lacks, no thread of this host could have had.

use super::process;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use super::thread_registry::{ThreadKind, ThreadRegistry};
use crate::base::clock::{Clock, SystemClock, wake_on_time};
use crate::base::error::Result;
use crate::measure::latency::{Latency, Stalls};
use crate::result::LatencySummary;
use crate::result::self_watch::{Hiccups, STALL_NS};
use crate::run::threads::spawn;

/// How long a meter sleeps at a time, as jHiccup does.
const NAP_NS: u64 = 1_000_000;

/// Looks between two counts of the meter's own CPU, which cost a system call.
const COUNTED_EVERY: u64 = 10;

/// Set to `off`, no meter runs, and the result says so by having none: for measuring what it
/// costs itself.
const SWITCH: &str = "KBENCH_HICCUP_METER";

/// What a meter has seen.
#[derive(Debug, Default)]
pub(in crate::run) struct MeterSeen {
    cores: usize,
    late: Latency,
    stalls: u64,
    /// How long, and when it began on the run's clock.
    longest: (u64, u64),
    /// The longest by interval of the run's clock, the warm-up's too.
    by_interval: BTreeMap<u64, u64>,
    /// What this process, without its meter, had used when an interval began, in seconds.
    cpu_s_at: BTreeMap<u64, f64>,
}

/// The threads of a meter.
#[derive(Debug)]
pub(in crate::run) struct Meter {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<MeterSeen>>,
    /// What each of them has used so far, in ns.
    cpu_ns: Arc<[AtomicU64]>,
}

/// What the threads of a meter share.
#[derive(Debug, Clone)]
struct MeterShared {
    clock: Arc<SystemClock>,
    stalls: Arc<Stalls>,
    /// What counts, once that is known; stalls are noted before.
    measured: Arc<OnceLock<Range<u64>>>,
    interval_ns: u64,
    /// What the clock's zero counts as, where intervals are those of dates.
    origin_ns: u64,
    /// Whether the CPU of this process is counted by interval: by its first thread.
    counts_cpu: bool,
    stop: Arc<AtomicBool>,
}

impl Meter {
    /// Watches every core that this process may use. Stalls are told to `stalls`, which has a
    /// place for each.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub(in crate::run) fn start(
        clock: &Arc<SystemClock>,
        stalls: &Arc<Stalls>,
        measured: &Arc<OnceLock<Range<u64>>>,
        interval_ns: u64,
        roster: &Arc<ThreadRegistry>,
    ) -> Result<Self> {
        let shared = MeterShared {
            clock: clock.clone(),
            stalls: stalls.clone(),
            measured: measured.clone(),
            interval_ns: interval_ns.max(1),
            origin_ns: 0,
            counts_cpu: false,
            stop: Arc::default(),
        };
        Self::begin(&shared, roster)
    }

    /// Watches for a process that does not know what is measured, nor where its latencies are
    /// from: what it keeps is [`MeterSeen::by_interval`] and [`MeterSeen::cpu_s_at`], by intervals
    /// since 1970.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub(in crate::run) fn start_alone(clock: &Arc<SystemClock>, interval_ns: u64) -> Result<Self> {
        let shared = MeterShared {
            clock: clock.clone(),
            stalls: Arc::new(Stalls::new(0)),
            measured: Arc::default(),
            interval_ns: interval_ns.max(1),
            origin_ns: clock.origin_wall_us().max(0).unsigned_abs() * 1_000,
            counts_cpu: true,
            stop: Arc::default(),
        };
        Self::begin(&shared, &Arc::default())
    }

    fn begin(shared: &MeterShared, roster: &Arc<ThreadRegistry>) -> Result<Self> {
        let (stop, cores) = (shared.stop.clone(), watched_cores());
        let cpu_ns: Arc<[AtomicU64]> = cores.iter().map(|_| AtomicU64::new(0)).collect();
        let mut meter = Self { stop, threads: Vec::new(), cpu_ns };
        for (place, core) in cores.into_iter().enumerate() {
            let (shared, roster, cpu_ns) = (shared.clone(), roster.clone(), meter.cpu_ns.clone());
            let name = format!("hiccups-{core}");
            let body = move || {
                let _seat = roster.enter(ThreadKind::Meter, &format!("hiccups-{core}"));
                if pin(core) { watch(place, &shared, &cpu_ns) } else { MeterSeen::default() }
            };
            meter.threads.push(spawn(&name, body)?);
        }
        Ok(meter)
    }

    /// What the meter itself has used so far, in seconds, to within its last ten looks: no cost of
    /// an event.
    pub(in crate::run) fn cpu_s(&self) -> f64 {
        sum_s(&self.cpu_ns)
    }

    /// Ends the threads; what they have seen, of all cores together.
    pub(in crate::run) fn end(mut self) -> MeterSeen {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = MeterSeen::default();
        for thread in self.threads.drain(..) {
            // One that panics has seen nothing.
            all.merge(&thread.join().unwrap_or_default());
        }
        all
    }
}

impl Drop for Meter {
    /// A run that is given up leaves no thread behind.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Sleeps, looks, and sleeps again.
fn watch(place: usize, shared: &MeterShared, cpu_ns: &[AtomicU64]) -> MeterSeen {
    wake_on_time();
    let counts_cpu = shared.counts_cpu && place == 0;
    let mut seen = MeterSeen { cores: 1, ..MeterSeen::default() };
    let mut due_ns = shared.clock.now_ns() + NAP_NS;
    shared.stalls.woke(place, due_ns, due_ns, due_ns);
    for look in 0_u64.. {
        if look.is_multiple_of(COUNTED_EVERY) {
            cpu_ns[place].store(thread_cpu_ns(), Ordering::Relaxed);
        }
        shared.clock.sleep_until_ns(due_ns);
        let now_ns = shared.clock.now_ns();
        let over = shared.stop.load(Ordering::Relaxed);
        let next_ns = if over { u64::MAX } else { now_ns + NAP_NS };
        let late_ns = shared.stalls.woke(place, due_ns, now_ns, next_ns);
        let is_measured = shared.measured.get().is_some_and(|range| range.contains(&due_ns));
        let at = (shared.origin_ns + due_ns) / shared.interval_ns;
        seen.note(due_ns, late_ns, is_measured, at);
        if counts_cpu {
            let at = (shared.origin_ns + now_ns) / shared.interval_ns;
            seen.cpu_s_at.entry(at).or_insert_with(|| process::cpu_s() - sum_s(cpu_ns));
        }
        if over {
            break;
        }
        due_ns = next_ns;
    }
    seen
}

/// What all threads of a meter have used so far, in seconds.
fn sum_s(cpu_ns: &[AtomicU64]) -> f64 {
    cpu_ns.iter().map(|ns| ns.load(Ordering::Relaxed) as f64 / 1e9).sum()
}

/// CPU of the calling thread, in ns.
fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call only writes into the struct, which is this frame's own.
    unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
    }
    ns_of(time)
}

fn ns_of(time: libc::timespec) -> u64 {
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

impl MeterSeen {
    fn note(&mut self, due_ns: u64, late_ns: u64, is_measured: bool, interval: u64) {
        let longest = self.by_interval.entry(interval).or_default();
        *longest = late_ns.max(*longest);
        if !is_measured {
            return;
        }
        self.stalls += u64::from(late_ns >= STALL_NS);
        self.longest = self.longest.max((late_ns, due_ns));
        // Whoever wanted a core a millisecond later would have waited a millisecond less.
        let mut left_ns = Some(late_ns);
        while let Some(ns) = left_ns {
            self.late.record(i64::try_from(ns).unwrap_or(i64::MAX));
            left_ns = ns.checked_sub(NAP_NS);
        }
    }

    /// Takes in another core's.
    fn merge(&mut self, other: &Self) {
        self.cores += other.cores;
        self.late.merge(&other.late);
        self.stalls += other.stalls;
        self.longest = self.longest.max(other.longest);
        for (at, longest_ns) in &other.by_interval {
            let own = self.by_interval.entry(*at).or_default();
            *own = (*own).max(*longest_ns);
        }
        self.cpu_s_at.extend(&other.cpu_s_at);
    }

    /// For the result; `None` where no core was watched.
    pub(in crate::run) fn hiccups(&self, start_ns: u64) -> Option<Hiccups> {
        let (longest_ns, at_ns) = self.longest;
        (self.cores > 0).then(|| Hiccups {
            cores: self.cores,
            late: LatencySummary::of(Some(&self.late)),
            stalls: self.stalls,
            longest_ns,
            longest_at_s: at_ns.saturating_sub(start_ns) as f64 / 1e9,
        })
    }

    /// The longest stall by interval of the run's clock, in nanoseconds.
    pub(in crate::run) fn by_interval(&self) -> &BTreeMap<u64, u64> {
        &self.by_interval
    }

    /// What this process, without its meter, had used when an interval began, in seconds: at the
    /// first look of a millisecond in it.
    pub(in crate::run) fn cpu_s_at(&self) -> &BTreeMap<u64, f64> {
        &self.cpu_s_at
    }
}

/// How many cores a meter would watch.
pub(in crate::run) fn cores_to_watch() -> usize {
    watched_cores().len()
}

fn watched_cores() -> Vec<usize> {
    if is_off(std::env::var_os(SWITCH).as_deref()) {
        return Vec::new();
    }
    own_cores()
}

fn is_off(switch: Option<&OsStr>) -> bool {
    switch.is_some_and(|value| value == "off")
}

/// The cores that this process may use, by their numbers.
fn own_cores() -> Vec<usize> {
    // SAFETY: an all-zero set is a valid value, and the calls stay within it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set);
        let all = libc::CPU_SETSIZE.cast_unsigned() as usize;
        (0..all).filter(|&core| libc::CPU_ISSET(core, &set)).collect()
    }
}

/// Keeps the calling thread on one core; whether that was allowed.
fn pin(core: usize) -> bool {
    // SAFETY: an all-zero set is a valid value, and the calls stay within it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) == 0
    }
}

#[cfg(test)]
mod tests;
