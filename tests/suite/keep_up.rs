//! Whether groups and broker kept up: told of runs in which somebody was made too slow, and not
//! of others.

use std::time::Duration;

use kbench::broker::BrokerConfig;
use kbench::harness::keep_up::{KeepingUp, KeptUp};
use kbench::result::{self, RunResult};

use crate::load::{Load, QUIET};
use crate::probe::Probe;
use crate::runs::{constant, run};
use crate::world::{Kind, World};

/// The protocol's numbers of requests.
const PRODUCE: i16 = 0;
const FETCH: i16 = 1;

/// How often a healthy run is tried: others may take this host's cores meanwhile.
const TRIES: u32 = 3;

pub fn probes() -> Vec<Probe> {
    let probe = |name, run| Probe::new(name, run).only(&[Kind::Embedded]);
    vec![
        probe("keep_up::groups_that_are_given_too_little_fell_behind", slow_groups),
        probe("keep_up::a_broker_that_answers_too_little_fell_behind", slow_broker),
        probe("keep_up::a_healthy_run_kept_up_and_a_short_one_can_t_tell", healthy),
    ]
}

/// A run of six seconds at 1,000/s on one partition, looked at five times a second.
fn scenario(more: &str) -> String {
    format!(
        "{}[topic]\npartitions = 1\n[measure]\ninterval = \"200ms\"\n{more}",
        constant(1_000, 6, "uniform")
    )
}

fn world() -> World {
    World::embedded(&BrokerConfig::default()).expect("a world of its own")
}

fn verdicts(result: &RunResult) -> Vec<KeptUp> {
    let of = |keeping_up: Option<KeepingUp>| keeping_up.expect("it was looked at").kept_up;
    let apps = result.apps.iter().map(|app| of(app.keeping_up));
    apps.chain([of(result.broker_keeping_up)]).collect()
}

fn is_overload(flag: &&String) -> bool {
    flag.starts_with("overload: ")
}

/// Every answer to a fetch comes 100 ms late and holds 30 kB: some fifty of the hundred events
/// that were written meanwhile.
fn slow_groups(_: &World) {
    let world = world();
    world.broker().faults().delay(FETCH, Duration::from_millis(100));
    let result = run(&world, &scenario("[kafka.consumer]\nmax.partition.fetch.bytes = 30000\n"));
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let expected = [KeptUp::No, KeptUp::No, KeptUp::No, KeptUp::No, KeptUp::Yes];
    assert_eq!(verdicts(&result), expected, "{:?}", result.apps[0].keeping_up);
    for app in &result.apps {
        let keeping_up = app.keeping_up.unwrap();
        let slope = keeping_up.lag_slope_per_s.unwrap();
        let read = result.throughput.offered_per_s - app.consumed_per_s;
        assert!((slope - read).abs() < 100.0, "{slope}/s, though {read}/s were not read");
        let flag = format!("overload: {} fell behind by {slope:.0}/s (", app.name);
        let flags = &result.verdict.flags;
        assert!(flags.iter().any(|said| said.starts_with(&flag)), "{flag} {flags:?}");
    }
    let text = result::terminal(&result, false);
    assert!(text.contains("\nfell behind: analytics, fraud, dashboard, behavior\n"), "{text}");
    assert!(text.contains("\nkept up: broker\n"), "{text}");
}

/// Every answer to a producer comes 40 ms late, one after the other, for requests of twenty
/// events: 500/s.
fn slow_broker(_: &World) {
    let world = world();
    world.broker().faults().delay(PRODUCE, Duration::from_millis(40));
    let result = run(&world, &scenario("[kafka.producer]\nbatch.num.messages = 20\n"));
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert_eq!(*verdicts(&result).last().unwrap(), KeptUp::No, "{:?}", result.broker_keeping_up);
    let flags: Vec<&String> = result.verdict.flags.iter().filter(is_overload).collect();
    assert!(flags[0].starts_with("overload: the broker fell behind by "), "{flags:?}");
}

/// Nobody is slowed down. Whether others use this host is measured: a run that could not be
/// judged while they did proves nothing.
fn healthy(world: &World) {
    let mut quiet = 0;
    for _ in 0..TRIES {
        let load = Load::begin();
        let result = run(world, &scenario(""));
        let others = load.share_of_others(0.0);
        let flags: Vec<&String> = result.verdict.flags.iter().filter(is_overload).collect();
        if flags.is_empty() && verdicts(&result) == [KeptUp::Yes; 5] {
            let short = run(world, &constant(1_000, 4, "uniform"));
            assert_eq!(verdicts(&short), [KeptUp::TooShort; 5]);
            let text = result::terminal(&short, false);
            let words = "\ntoo short to tell who kept up; measure 10 s or longer\n";
            assert!(text.contains(words) && !text.contains("kept up: "), "{text}");
            return;
        }
        let found: Vec<_> = result.apps.iter().map(|app| app.keeping_up).collect();
        eprintln!("others took {:.1} % of this host: {flags:?} {found:?}", others * 1e2);
        quiet += u32::from(others <= QUIET);
    }
    // Whether a host is quiet, nobody can install.
    let asked = std::env::var_os("KBENCH_REQUIRE_QUIET").is_some();
    assert!(quiet == 0 && !asked, "not kept up in {TRIES} runs, {quiet} of which nobody disturbed");
    eprintln!("SKIPPED: others used this host in all of {TRIES} runs");
}
