//! Drift on a real broker: found where it is, and not where it isn't.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kbench::result::RunResult;

use crate::load::{Load, QUIET};
use crate::probe::Probe;
use crate::runs::{constant, run};
use crate::world::{Kind, World, signal};

/// The shortest stretch that is looked at.
const SECONDS: u32 = 20;

/// Between two halts of the broker: two to an interval.
const PERIOD: Duration = Duration::from_millis(250);

/// When the halts begin: the groups are ready within some seconds, and in the warm-up that follows
/// a fresh broker gets faster by itself.
const CALM: Duration = Duration::from_secs(9);

/// How often a run on an undisturbed broker is tried: one of twenty may be flagged by chance.
const TRIES: u32 = 3;

pub fn probes() -> Vec<Probe> {
    let probe = |name, run| Probe { limit: Duration::from_secs(150), ..Probe::new(name, run) };
    vec![
        probe("drift::a_broker_that_gets_slower_is_flagged", slower).only(&[Kind::Kafka]).alone(),
        probe("drift::a_broker_that_stays_as_it_is_is_not_flagged", steady)
            .only(&[Kind::Kafka])
            .alone(),
    ]
}

/// A run of one rate, looked at twice a second.
fn scenario() -> String {
    let text = constant(300, SECONDS, "uniform").replace("warmup = \"0s\"", "warmup = \"5s\"");
    format!("{text}[measure]\ninterval = \"500ms\"\n")
}

fn drift_flags(result: &RunResult) -> Vec<&String> {
    result.verdict.flags.iter().filter(|flag| flag.starts_with("drift: ")).collect()
}

/// The broker is halted for a growing part of each quarter of a second, from a half to nearly all:
/// half of the events wait for it, and ever longer. In every group the median rises, and the flag
/// says so.
fn slower(_: &World) {
    let world = World::fresh(Kind::Kafka, 1, &[]);
    let over = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        scope.spawn(|| halt_more_and_more(world.cluster().pid(1), &over));
        let result = run(&world, &scenario());
        over.store(true, Ordering::Relaxed);
        result
    });
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let drift = &result.watch.drift;
    assert_eq!(drift.len(), result.apps.len(), "{drift:?}");
    for one in drift {
        let rises = one.low_percent_per_min > 0.0 && one.change_percent() > 20.0;
        assert!(rises, "{one:?}: {:?} ms", medians_ms(&result));
    }
    assert_eq!(drift_flags(&result).len(), 4, "{:?}", result.verdict.flags);
}

/// The medians of the first group by interval.
fn medians_ms(result: &RunResult) -> Vec<f64> {
    let medians = result.series.iter().filter_map(|row| row.apps[0].p50_ns);
    medians.map(|ns| (ns as f64 / 1e5).round() / 10.0).collect()
}

/// Stops and continues a process until it is `over`.
fn halt_more_and_more(pid: i32, over: &AtomicBool) {
    thread::sleep(CALM);
    let began = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let share = (began.elapsed().as_secs_f64() / f64::from(SECONDS)).min(1.0);
        let halt = PERIOD.mul_f64(0.5 + 0.42 * share);
        signal(pid, libc::SIGSTOP);
        thread::sleep(halt);
        signal(pid, libc::SIGCONT);
        thread::sleep(PERIOD - halt);
    }
}

/// The same run with the broker left alone. Whether others left it alone, too, is measured: a run
/// that is flagged while they use the host proves nothing.
fn steady(world: &World) {
    let pid = world.cluster().pid(1);
    let mut quiet = 0;
    for _ in 0..TRIES {
        let (load, broker_s) = (Load::begin(), cpu_s(pid));
        let result = run(world, &scenario());
        let others = load.share_of_others(cpu_s(pid) - broker_s);
        assert_eq!(result.verdict.reasons, Vec::<String>::new());
        assert_eq!(result.watch.drift.len(), result.apps.len(), "it was not looked at");
        let flags = drift_flags(&result);
        if flags.is_empty() {
            return;
        }
        eprintln!("others took {:.1} % of this host: {flags:?}", others * 1e2);
        quiet += u32::from(others <= QUIET);
    }
    // Whether a host is quiet, nobody can install.
    let asked = std::env::var_os("KBENCH_REQUIRE_QUIET").is_some();
    assert!(quiet < TRIES && !asked, "drift in {TRIES} runs that nobody disturbed");
    eprintln!("SKIPPED: others used this host in {} of {TRIES} flagged runs", TRIES - quiet);
}

/// CPU seconds of a process so far.
fn cpu_s(pid: i32) -> f64 {
    let stat = procfs::process::Process::new(pid).unwrap().stat().unwrap();
    (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64
}
