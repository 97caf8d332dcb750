//! What this host can measure: its clock, its sleeps, its cores, the loops' own ceiling, and a
//! delay that is planted and read back. With brokers, how far they are.

mod broker;
mod cores;
pub mod finding;

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::RunOptions;
use crate::apps;
use crate::base::clock::{Clock, SystemClock, wake_on_time};
use crate::base::error::{Error, Result};
use crate::client::loopback::hooks::LoopbackHooks;
use crate::plan::toml::environment::Environment;
use crate::plan::toml::overrides::Overrides;
use crate::plan::toml::source::ScenarioSource;
use crate::plan::{KafkaPlan, Plan, scenario};
use crate::result::Host;
use crate::workers::produce::Sending;

use finding::{Finding, Grade, GradeLimits, ms};

/// All that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checkup {
    /// Where.
    pub host: Host,
    /// In the order of looking.
    pub findings: Vec<Finding>,
}

impl Checkup {
    /// The worst of all.
    #[must_use]
    pub fn grade(&self) -> Grade {
        self.findings.iter().map(|finding| finding.grade).max().unwrap_or(Grade::Good)
    }
}

/// The loops' own load: as a scenario, so that it is the real way that it takes.
const SCENARIO: &str = "name = \"doctor\"\nseed = 1\n[topic]\npartitions = 3\n[load]\n\
    rate_per_s = 1000\nduration = \"1500ms\"\nwarmup = \"500ms\"\narrivals = \"uniform\"\n\
    [population]\nusers = 1000\n[apps.analytics]\n";

/// What is planted, in ns.
const PLANTED_NS: u64 = 50_000_000;

/// The event before which it is planted: in the middle of the measured part.
const PLANTED_AT: u64 = 1_250;

/// Looks at this host: some fifteen seconds.
///
/// # Errors
/// When a thread can't be started, or the run on the loopback can't be made.
pub fn examine() -> Result<Checkup> {
    let host = Host::read();
    let plan = plan()?;
    let findings = vec![
        clock(),
        step(),
        sleeps(),
        cores::hiccups()?,
        ceiling(&plan)?,
        planted(&plan)?,
        build(),
    ];
    Ok(Checkup { host, findings })
}

/// Looks at brokers: a second or two for each, on a topic that is made for it and taken away.
///
/// # Errors
/// [`Error::Broker`] when nobody answers, or the topic can't be made.
pub fn examine_brokers(bootstrap: &str, kafka: &KafkaPlan) -> Result<Vec<Finding>> {
    broker::examine(bootstrap, kafka)
}

fn plan() -> Result<Plan> {
    let source = ScenarioSource::new("doctor.toml", SCENARIO);
    let nothing = Environment::from_pairs::<String, String>([]);
    scenario::plan(
        &source,
        &Overrides::default(),
        &nothing,
        &apps::schemas(),
        crate::client::CHECKERS,
    )
}

/// What a look at the clock costs.
fn clock() -> Finding {
    const LOOKS: u32 = 1_000_000;
    let clock = SystemClock::start();
    let mut sum = 0_u64;
    let began = Instant::now();
    for _ in 0..LOOKS {
        sum = sum.wrapping_add(clock.now_ns());
    }
    // So that the looks are not left out.
    std::hint::black_box(sum);
    let cost_ns = began.elapsed().as_nanos() as f64 / f64::from(LOOKS);
    let grade = GradeLimits { good: 100.0, fair: 1_000.0 }.grade(cost_ns);
    Finding {
        what: "clock, a look at it".to_owned(),
        grade,
        measured: format!("{cost_ns:.0} ns"),
        limits: "good to 100 ns, fair to 1 µs".to_owned(),
        advice: (grade > Grade::Good).then(|| {
            "the kernel asks the hypervisor or a slow timer: set the clock source to tsc, or use \
             another host"
                .to_owned()
        }),
        figures: vec![("cost_ns", cost_ns)],
    }
}

/// The least step that the clock makes.
fn step() -> Finding {
    const STEPS: usize = 100_000;
    let clock = SystemClock::start();
    let (mut least, mut last) = (u64::MAX, clock.now_ns());
    for _ in 0..STEPS {
        let now = clock.now_ns();
        if now > last {
            least = least.min(now - last);
        }
        last = now;
    }
    let step_ns = least as f64;
    Finding {
        what: "clock, its step".to_owned(),
        grade: GradeLimits { good: 1_000.0, fair: 100_000.0 }.grade(step_ns),
        measured: format!("{step_ns:.0} ns"),
        limits: "good to 1 µs, fair to 100 µs".to_owned(),
        advice: (step_ns > 1_000.0)
            .then(|| "latencies are no finer than this: set the clock source to tsc".to_owned()),
        figures: vec![("step_ns", step_ns)],
    }
}

/// By how much sleeps of a millisecond are too long, in ns, rising; as the producers sleep.
fn oversleeps(lasts: Duration) -> Vec<u64> {
    const NAP: Duration = Duration::from_millis(1);
    wake_on_time();
    let (began, mut over) = (Instant::now(), Vec::new());
    while began.elapsed() < lasts {
        let from = Instant::now();
        std::thread::sleep(NAP);
        let late = from.elapsed().saturating_sub(NAP);
        over.push(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX));
    }
    over.sort_unstable();
    over
}

/// The value that a share of sorted ones does not exceed.
fn quantile(sorted: &[u64], share: f64) -> u64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).or(sorted.last()).copied().unwrap_or(0)
}

fn sleeps() -> Finding {
    let over = std::thread::spawn(|| oversleeps(Duration::from_secs(3))).join();
    let over = over.unwrap_or_default();
    let (p50, p99) = (quantile(&over, 0.5), quantile(&over, 0.99));
    let max = over.last().copied().unwrap_or(0);
    let grade = GradeLimits { good: 0.3, fair: 1.0 }.grade(ms(p99));
    Finding {
        what: "sleep of 1 ms, too long by".to_owned(),
        grade,
        measured: format!("p50 {:.3} ms, p99 {:.3} ms, max {:.2} ms", ms(p50), ms(p99), ms(max)),
        limits: "p99 good to 0.3 ms, fair to 1 ms (above it a run is flagged: sent late)"
            .to_owned(),
        advice: (grade > Grade::Good).then(|| {
            "events are sent that late: free the cores, or use a host with a finer timer".to_owned()
        }),
        figures: vec![("p50_ms", ms(p50)), ("p99_ms", ms(p99)), ("max_ms", ms(max))],
    }
}

/// What the producing loops reach when nobody is behind.
fn ceiling(plan: &Plan) -> Result<Finding> {
    let rate = crate::run::observe::ceiling_per_s(plan, Sending::default())?.unwrap_or(0.0);
    let grade = match rate {
        rate if rate >= 200_000.0 => Grade::Good,
        rate if rate >= 20_000.0 => Grade::Fair,
        _ => Grade::Unfit,
    };
    Ok(Finding {
        what: "ceiling of one producer thread".to_owned(),
        grade,
        measured: format!("{} events/s, without a client behind", rate.round()),
        limits: "good from 200,000/s, fair from 20,000/s; a run may offer 70 % of its own"
            .to_owned(),
        advice: (grade > Grade::Good)
            .then(|| "load.producers = more, a build with optimisation, a faster core".to_owned()),
        figures: vec![("ceiling_per_s", rate)],
    })
}

/// A delay of 50 ms before one event is written to the loopback: through the real loops, the
/// slowest event must have taken that long, for the broker's receipt and for the application.
fn planted(plan: &Plan) -> Result<Finding> {
    let folder = tempfile::tempdir()
        .map_err(|error| Error::io("making a folder for the run on the loopback", error))?;
    let stall = Some(((0, PLANTED_AT), PLANTED_NS));
    let faults = LoopbackHooks { stall, write: HashMap::new(), ..LoopbackHooks::default() };
    let read = read_back(plan, faults, folder.path())?;
    let off_ms = (ms(read) - ms(PLANTED_NS)).abs();
    let grade = GradeLimits { good: 1.0, fair: 5.0 }.grade(off_ms);
    Ok(Finding {
        what: "a delay of 50 ms, planted".to_owned(),
        grade,
        measured: format!("read back as {:.3} ms, end to end", ms(read)),
        limits: "good within 1 ms, fair within 5 ms".to_owned(),
        advice: (grade > Grade::Good).then(|| {
            "the host added to it, or a longer stall of its own hid it: see the cores' hiccups"
                .to_owned()
        }),
        figures: vec![("planted_ms", ms(PLANTED_NS)), ("read_ms", ms(read))],
    })
}

/// The slowest end to end of a run on the loopback, in ns.
fn read_back(plan: &Plan, faults: LoopbackHooks, folder: &Path) -> Result<u64> {
    let options = RunOptions {
        results_dir: folder.to_owned(),
        loopback: Some(faults),
        ..RunOptions::default()
    };
    let finished = super::run(plan, SCENARIO, options, &mut ())?;
    let app = finished.result.apps.first();
    let max_ns = app.and_then(|app| app.end_to_end.max_ns);
    max_ns
        .and_then(|ns| u64::try_from(ns).ok())
        .ok_or_else(|| Error::Invalid("the run on the loopback has measured nothing".to_owned()))
}

fn build() -> Finding {
    let is_debug = cfg!(debug_assertions);
    Finding {
        what: "this program".to_owned(),
        grade: if is_debug { Grade::Unfit } else { Grade::Good },
        measured: if is_debug { "built without optimisation" } else { "built with optimisation" }
            .to_owned(),
        limits: "a release build".to_owned(),
        advice: is_debug.then(|| "cargo build --release".to_owned()),
        figures: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_graded_by_its_limits() {
        let limits = GradeLimits { good: 1.0, fair: 5.0 };
        assert_eq!(
            [0.5, 1.0, 1.1, 5.0, 5.1].map(|value| limits.grade(value)),
            [Grade::Good, Grade::Good, Grade::Fair, Grade::Fair, Grade::Unfit]
        );
        assert_eq!(limits.grade(f64::NAN), Grade::Unfit);
    }

    /// Another delay than the one that is planted is told from it: what is read is not a constant.
    #[test]
    fn the_delay_that_is_read_is_the_one_that_was_planted() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan().unwrap();
        let read = |delay_ns: u64| {
            let stall = Some(((0, PLANTED_AT), delay_ns));
            read_back(&plan, LoopbackHooks { stall, ..LoopbackHooks::default() }, folder.path())
                .unwrap()
        };
        // A host that stands still adds to it, and never takes away.
        let (short, long) = (read(200_000_000), read(400_000_000));
        assert!(short >= 200_000_000, "{short}");
        assert!(long >= 400_000_000 && long > short, "{long}");
    }
}
