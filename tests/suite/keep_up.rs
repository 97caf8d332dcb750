//! Whether groups and broker kept up: told of runs in which somebody was made too slow, and not
//! of others.

use std::collections::HashMap;
use std::time::Duration;

use crate::cluster::dev_kafka;
use crate::load::{Load, QUIET};
use crate::probe::Probe;
use crate::runs::{constant, plan, run, try_run};
use crate::world::{Kind, World};
use kbench::broker::config::BrokerConfig;
use kbench::client::loopback::Delays;
use kbench::client::loopback::hooks::LoopbackHooks;
use kbench::plan::metric::Metric;
use kbench::result::RunResult;
use kbench::result::compare::value;
use kbench::result::keep_up::{KeepingUp, KeptUp};

/// The protocol's numbers of requests.
const PRODUCE: i16 = 0;
const FETCH: i16 = 1;

/// How often a healthy run is tried: others may take this host's cores meanwhile.
const TRIES: u32 = 3;

pub fn probes() -> Vec<Probe> {
    let embedded = &[Kind::Embedded];
    let probe = |name, run| Probe::new(name, run).only(embedded).natively(embedded);
    vec![
        probe("keep_up::groups_that_are_given_too_little_fell_behind", slow_groups),
        probe("keep_up::a_broker_that_answers_too_little_fell_behind", slow_broker),
        probe("keep_up::an_application_that_works_too_long_is_named_alone", slow_application)
            .only(&[Kind::Loopback])
            .natively(&[]),
        probe("keep_up::a_quota_is_told_with_the_rate_that_was_reached", quota)
            .only(&[Kind::Kafka])
            .natively(&[Kind::Kafka]),
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

fn fresh(shared: &World) -> World {
    let world = World::embedded(&BrokerConfig::default()).expect("a world of its own");
    world.by(shared.client())
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
fn slow_groups(shared: &World) {
    let world = fresh(shared);
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
    let text = kbench::output::table::terminal(&result, false);
    assert!(text.contains("\nfell behind: analytics, fraud, dashboard, behavior\n"), "{text}");
    assert!(text.contains("\nkept up: broker\n"), "{text}");
}

/// One application works for 5.5 ms on each of 200 events a second, which is a tenth too long: in
/// six seconds it is half a second late, and says so.
fn slow_application(world: &World) {
    let text = scenario("").replace("rate_per_s = 1000", "rate_per_s = 200");
    let plan = plan(world, &text);
    let work = HashMap::from([(plan.apps[1].group.clone(), Duration::from_micros(5_500))]);
    let delays = Delays { work, ..Delays::default() };
    let result =
        try_run(world, &plan, LoopbackHooks { delays, ..LoopbackHooks::default() }).unwrap().result;
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let keeping_up = result.apps[1].keeping_up.expect("it was looked at");
    assert_eq!(keeping_up.kept_up, KeptUp::No, "{keeping_up:?}");
    let flags: Vec<&String> = result.verdict.flags.iter().filter(is_overload).collect();
    assert!(flags.len() == 1 && flags[0].contains(" fraud fell behind by "), "{flags:?}");
    // On a quiet host the old rule, a second of lag, would have let it pass.
    assert!(result.broker_keeping_up.is_none(), "there is no broker");
}

/// Every answer to a producer comes 40 ms late, one after the other, for requests of twenty
/// events: 500/s.
fn slow_broker(shared: &World) {
    let world = fresh(shared);
    world.broker().faults().delay(PRODUCE, Duration::from_millis(40));
    let result = run(&world, &scenario("[kafka.producer]\nbatch.num.messages = 20\n"));
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert_eq!(*verdicts(&result).last().unwrap(), KeptUp::No, "{:?}", result.broker_keeping_up);
    let flags: Vec<&String> = result.verdict.flags.iter().filter(is_overload).collect();
    assert!(flags[0].contains("/s; the broker fell behind by "), "{flags:?}");
}

/// A client quota of about half of what is offered, for the probe's own client: the broker lets
/// its first seconds pass, and the rest waits. That is nobody's fault, so the run is valid; but
/// what it says is that the broker did not do what was asked of it, how much it did, and why.
fn quota(world: &World) {
    let client = world.name("held-back");
    let mut command = dev_kafka(["tool", "--bootstrap-server", world.bootstrap(), "configs"]);
    command.args(["--alter", "--entity-type", "clients", "--entity-name", &client]);
    let output = command.args(["--add-config", "producer_byte_rate=60000"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = format!(
        "{}[topic]\npartitions = 1\n[kafka.producer]\nclient.id = \"{client}\"\n\
         [apps]\nrun = [\"analytics\"]\n",
        constant(300, 6, "uniform")
    );
    let result = run(world, &text);
    let (flags, reached) = (&result.verdict.flags, result.throughput.acked_per_s);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert!(reached < 250.0, "{reached}/s were acknowledged");
    let words = format!("overload: offered 300/s, acknowledged {reached:.0}/s; ");
    assert!(flags.iter().any(|flag| flag.starts_with(&words)), "{words} {flags:?}");
    assert_eq!(result.broker_keeping_up.unwrap().kept_up, KeptUp::No);
    let throttled = result.throttling.producers.expect("producers say so");
    let words = format!(
        "throttled: brokers held the producers back by quota, up to {:.0} ms at once, {:.0} % of \
         the time",
        throttled.longest_ms,
        throttled.of_time * 1e2
    );
    assert!(flags.contains(&words), "{words} {flags:?}");
    assert!(throttled.longest_ms > 100.0 && throttled.of_time > 0.1, "{throttled:?}");
    let metric = Metric::find("throttle_time.producers", ["analytics"]).unwrap();
    let ns = value(&metric, &result).expect("producers say so");
    assert!((ns / 1e9 / 6.0 - throttled.of_time).abs() < 1e-6, "{ns} ns, {throttled:?}");
    let consumers = result.throttling.consumers.expect("consumers say so");
    assert!(consumers.longest_ms < 1.0, "the quota is the producers': {consumers:?}");
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
            let text = kbench::output::table::terminal(&short, false);
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
