use crate::run::observe::process;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::*;
use crate::base::clock::wall_clock_us;

const MS: u64 = 1_000_000;

#[test]
fn a_stall_counts_for_every_moment_that_it_lasted() {
    let mut seen = MeterSeen { cores: 1, ..MeterSeen::default() };
    for nap in 0..9_925 {
        seen.note(nap * MS, 60_000, true, nap / 1_000);
    }
    seen.note(9_925 * MS, 75 * MS, true, 9);
    let hiccups = seen.hiccups(1_000 * MS).unwrap();
    // 10,000 moments of a millisecond, 75 of which and their last lay within the stall.
    assert_eq!((hiccups.cores, hiccups.late.count, hiccups.stalls), (1, 10_001, 1));
    assert_eq!(hiccups.longest_ns, 75 * MS);
    assert!((hiccups.longest_at_s - 8.925).abs() < 1e-9, "{hiccups:?}");
    let p99_9 = hiccups.late.p99_9_ns.unwrap() as f64 / 1e6;
    assert!((64.5..66.5).contains(&p99_9), "of 75 ms one in 1,000 lay above: {p99_9}");
    assert!(hiccups.late.p99_ns.unwrap() < 61_000, "{hiccups:?}");
    assert_eq!(seen.by_interval().get(&9), Some(&(75 * MS)));
    assert_eq!(seen.by_interval().get(&8), Some(&60_000));
}

#[test]
fn a_stall_has_a_name_from_five_milliseconds_on_and_counts_where_it_is_measured() {
    let mut seen = MeterSeen { cores: 1, ..MeterSeen::default() };
    seen.note(0, 5 * MS - 1, true, 0);
    seen.note(MS, 5 * MS, true, 1);
    seen.note(2 * MS, 90 * MS, false, 2);
    let hiccups = seen.hiccups(0).unwrap();
    assert_eq!((hiccups.stalls, hiccups.longest_ns), (1, 5 * MS));
    assert_eq!(seen.by_interval().get(&2), Some(&(90 * MS)), "the timeline has it");
    let mut both = MeterSeen { cores: 1, ..MeterSeen::default() };
    both.note(7 * MS, 6 * MS, true, 7);
    both.merge(&seen);
    let all = both.hiccups(0).unwrap();
    assert_eq!((all.cores, all.stalls, all.longest_ns), (2, 2, 6 * MS));
    assert!(MeterSeen::default().hiccups(0).is_none(), "nobody watched");
}

#[test]
fn every_core_of_this_host_is_watched_and_left_alone_afterwards() {
    let clock = Arc::new(SystemClock::start());
    let cores = own_cores();
    let stalls = Arc::new(Stalls::new(cores.len()));
    let measured = Arc::new(OnceLock::from(0..u64::MAX));
    let meter = Meter::start(&clock, &stalls, &measured, 1_000 * MS, &Arc::default()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let cpu_s = meter.cpu_s();
    assert!(cpu_s > 0.0 && cpu_s < 0.2 * cores.len() as f64, "{cpu_s}");
    let seen = meter.end();
    let hiccups = seen.hiccups(0).unwrap();
    assert_eq!(hiccups.cores, cores.len());
    // Each moment of 200 ms counts, stalls or not, but for those before the threads began.
    assert!(hiccups.late.count as usize > 50 * cores.len(), "{hiccups:?}");
    assert!(hiccups.late.min_ns.is_some_and(|ns| ns > 0), "{hiccups:?}");
    assert_eq!(own_cores(), cores, "only the meter's threads are pinned");
    assert!(seen.cpu_s_at().is_empty(), "whoever knows what is measured asks for itself");
}

/// One meter's thread, which is told to stop after so long; when it began and ended, too. Another
/// thread of that meter has used 7 s of CPU.
fn watched(stop_after: Duration) -> (u64, MeterSeen, u64) {
    let shared = MeterShared {
        clock: Arc::new(SystemClock::start()),
        stalls: Arc::new(Stalls::new(1)),
        measured: Arc::new(OnceLock::from(0..u64::MAX)),
        interval_ns: 1_000 * MS,
        origin_ns: 0,
        counts_cpu: true,
        stop: Arc::new(AtomicBool::new(stop_after.is_zero())),
    };
    let (done, wait) = channel();
    let own = shared.clone();
    std::thread::spawn(move || {
        let from_ns = own.clock.now_ns();
        let seen = watch(0, &own, &[0, 7_000 * MS].map(AtomicU64::new));
        // Whoever waits may have given up.
        let _ = done.send((from_ns, seen, own.clock.now_ns()));
    });
    std::thread::sleep(stop_after);
    shared.stop.store(true, Ordering::Relaxed);
    wait.recv_timeout(Duration::from_secs(20)).expect("a nap ends")
}

#[test]
fn a_nap_is_a_millisecond_and_what_comes_after_it_is_late() {
    let (from_ns, seen, to_ns) = watched(Duration::ZERO);
    let (late_ns, due_ns) = seen.longest;
    assert!(due_ns >= from_ns + MS && due_ns + late_ns <= to_ns, "{from_ns} {seen:?} {to_ns}");
    assert_eq!(seen.hiccups(0).unwrap().late.count, 1 + late_ns / MS);
}

/// The kernel's two counts may be a tick or two apart.
#[test]
fn a_process_s_cpu_is_told_without_that_of_its_meter_s_threads() {
    let from_s = process::cpu_s();
    let (_, seen, _) = watched(Duration::ZERO);
    let told_s = *seen.cpu_s_at().values().next().unwrap();
    let others_s = from_s - 7.05..process::cpu_s() - 6.98;
    assert!(others_s.contains(&told_s), "{told_s} {others_s:?}");
}

/// Naps and what was overslept fill the time: no millisecond counts twice.
#[test]
fn a_meter_looks_once_a_millisecond_at_most() {
    let (from_ns, seen, to_ns) = watched(Duration::from_millis(50));
    let moments = seen.hiccups(0).unwrap().late.count;
    assert!((1..=(to_ns - from_ns) / MS).contains(&moments), "{from_ns} {moments} {to_ns}");
}

#[test]
fn a_meter_alone_counts_its_intervals_since_1970() {
    let tenth = || wall_clock_us().unsigned_abs() / 100_000;
    let from = tenth();
    let meter = Meter::start_alone(&Arc::new(SystemClock::start()), 100 * MS).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    let seen = meter.end();
    let intervals = seen.by_interval().keys();
    assert!(intervals.len() > 0 && intervals.copied().all(|at| (from..=tenth()).contains(&at)));
    assert_eq!(seen.hiccups(0).unwrap().late.count, 0, "nothing is measured");
    // So are the moments of this process's CPU.
    let (to, cpu_s_at) = (tenth(), seen.cpu_s_at());
    assert!(!cpu_s_at.is_empty() && cpu_s_at.keys().all(|at| (from..=to).contains(at)));
}

#[test]
fn a_meter_s_own_cpu_is_that_of_its_threads_which_end_with_it() {
    let cpu_ns = [250 * MS, 1_500 * MS].into_iter().map(AtomicU64::new).collect();
    let meter = Meter { stop: Arc::default(), threads: Vec::new(), cpu_ns };
    assert!((meter.cpu_s() - 1.75).abs() < 1e-9, "{}", meter.cpu_s());
    let stop = meter.stop.clone();
    assert!(!stop.load(Ordering::Relaxed));
    drop(meter);
    assert!(stop.load(Ordering::Relaxed));
}

/// The witness is the scheduler's own count, which it brings up to date from time to time.
#[test]
fn a_thread_s_cpu_is_at_least_what_was_counted_and_at_most_the_time_that_went_by() {
    let clock = SystemClock::start();
    let thread = std::thread::spawn(|| {
        // SAFETY: only asks for a number.
        let tid = unsafe { libc::gettid() };
        let task = procfs::process::Process::myself().unwrap().task_from_tid(tid).unwrap();
        let counted_ns = || task.schedstat().unwrap().sum_exec_runtime;
        while counted_ns() < 10 * MS {}
        (counted_ns(), thread_cpu_ns())
    });
    let (counted_ns, cpu_ns) = thread.join().unwrap();
    assert!((counted_ns..=clock.now_ns()).contains(&cpu_ns), "{counted_ns} {cpu_ns}");
}

#[test]
fn seconds_and_nanoseconds_are_nanoseconds() {
    assert_eq!(ns_of(libc::timespec { tv_sec: 2, tv_nsec: 5 }), 2_000_000_005);
}

#[test]
fn only_the_word_off_switches_the_meter_off() {
    assert!(is_off(Some(OsStr::new("off"))));
    assert!(!is_off(Some(OsStr::new("on"))) && !is_off(None));
}

/// The witness is the kernel's own list.
#[test]
fn the_cores_to_watch_are_those_that_the_kernel_lists() {
    let status = procfs::process::Process::myself().unwrap().status().unwrap();
    let ranges = status.cpus_allowed_list.unwrap().into_iter();
    let listed: Vec<usize> = ranges.flat_map(|(from, to)| from as usize..=to as usize).collect();
    assert_eq!((own_cores(), cores_to_watch()), (listed.clone(), listed.len()));
}

#[test]
fn a_thread_can_be_kept_on_any_of_its_cores_and_on_no_other() {
    let alone = || {
        for core in own_cores() {
            assert!(pin(core), "{core}");
            assert_eq!(own_cores(), [core]);
        }
        assert!(!pin(1_023), "few machines have so many");
    };
    std::thread::spawn(alone).join().unwrap();
}
