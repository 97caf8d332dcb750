//! Whole runs of the harness in a world, from a scenario's text.

use std::path::PathBuf;

use base64::Engine;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use crate::world::{Kind, World};
use kbench::base::error::Result;
use kbench::client::loopback::hooks::LoopbackHooks;
use kbench::output::progress::Progress;
use kbench::plan::Plan;
use kbench::plan::scenario;
use kbench::plan::toml::environment::Environment;
use kbench::plan::toml::overrides::Overrides;
use kbench::plan::toml::source::ScenarioSource;
use kbench::result::{LatencySummary, RunResult};
use kbench::run;
use kbench::run::{Finished, RunOptions};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_kbench");

/// What the events of every run take its start for: 2026-01-01, so that equal runs are equal.
const START_WALL_US: i64 = 1_767_225_600_000_000;

/// A scenario's plan in a world: against its broker by its client, or on the loopback.
pub fn plan(world: &World, text: &str) -> Plan {
    let source = ScenarioSource { name: "test.toml".to_owned(), text: text.to_owned() };
    let overrides = Overrides {
        bootstrap_servers: (world.kind() != Kind::Loopback).then(|| world.bootstrap().to_owned()),
        client: Some(world.client()),
        ..Overrides::default()
    };
    let nothing = Environment::from_pairs::<String, String>([]);
    let mut plan = scenario::plan(
        &source,
        &overrides,
        &nothing,
        &kbench::apps::schemas(),
        kbench::client::CHECKERS,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    // Probes run at the same time on one broker: each has topics and groups of its own.
    plan.topic.name = world.name("run");
    for app in &mut plan.apps {
        app.group = world.name(&app.name);
    }
    plan
}

/// Runs a plan; on the loopback with these faults planted.
pub fn try_run(world: &World, plan: &Plan, faults: LoopbackHooks) -> Result<Finished> {
    let folder = tempfile::tempdir().unwrap();
    let options = RunOptions {
        command_line: vec!["a test".to_owned()],
        program: PathBuf::from(PROGRAM),
        results_dir: folder.path().to_owned(),
        signal: std::sync::Arc::default(),
        remains: std::sync::Arc::default(),
        loopback: (world.kind() == Kind::Loopback).then_some(faults),
        start_wall_us: Some(START_WALL_US),
        trial: None,
        race: None,
        actors: Vec::new(),
    };
    run::run(plan, "# a test\n", options, &mut Progress::Quiet)
}

/// Runs a scenario that must end with a result.
pub fn run(world: &World, text: &str) -> RunResult {
    run_with(world, text, LoopbackHooks::default())
}

/// The same with faults planted; on the loopback only.
pub fn run_with(world: &World, text: &str, faults: LoopbackHooks) -> RunResult {
    let plan = plan(world, text);
    try_run(world, &plan, faults).unwrap_or_else(|error| panic!("{error}")).result
}

/// The whole histogram of a summary, as any reader of HdrHistogram V2 gets it.
pub fn histogram(summary: &LatencySummary) -> Histogram<u64> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(&summary.histogram).unwrap();
    Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap()
}

/// How many samples lie above a limit.
pub fn above(summary: &LatencySummary, limit_ms: u64) -> u64 {
    let histogram = histogram(summary);
    histogram.len() - histogram.count_between(0, limit_ms * 1_000_000)
}

/// A scenario of one constant phase; more tables may follow.
pub fn constant(rate_per_s: u32, seconds: u32, arrivals: &str) -> String {
    format!(
        "seed = 7\n\
         [load]\n\
         rate_per_s = {rate_per_s}\n\
         duration = \"{seconds}s\"\n\
         warmup = \"0s\"\n\
         arrivals = \"{arrivals}\"\n"
    )
}
