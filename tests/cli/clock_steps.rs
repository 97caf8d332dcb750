//! A wall clock that is set in the middle of a run moves no figure, and is flagged.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use kbench::result::{AppResult, RunResult};

/// A second of warm-up, and eight that are measured.
const SCENARIO: &str = "name = \"stepped\"\nseed = 7\n[load]\nrate_per_s = 500\n\
    duration = \"8s\"\nwarmup = \"1s\"\narrivals = \"uniform\"\n[topic]\npartitions = 2\n";

/// Builds the clock that is set; the C compiler is the one that librdkafka was built with.
fn stepping_clock(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/clock_steps/steps.c");
    let library = folder.join("steps.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compiler.status().unwrap().success());
    library
}

/// A run on the embedded broker whose wall clock is off by `step_ms` for a while.
fn run(folder: &Path, clock: &Path, step_ms: i64) -> RunResult {
    std::fs::create_dir(folder).unwrap();
    let scenario = folder.join("stepped.toml");
    std::fs::write(&scenario, SCENARIO).unwrap();
    let output = crate::kbench()
        .arg("run")
        .arg(&scenario)
        .args(["-q", "--format", "json", "--out"])
        .arg(folder.join("results"))
        .env_remove("KAFKA_BOOTSTRAP_SERVERS")
        .env("LD_PRELOAD", clock)
        // The groups are ready within four seconds or so; the load then lasts for nine.
        .envs([("FROM_MS", "6000"), ("TO_MS", "8500"), ("STEP_MS", &step_ms.to_string())])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
}

#[test]
fn a_wall_clock_that_is_set_moves_no_figure_and_is_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let clock = stepping_clock(folder.path());
    let [steady, ahead, back] = thread::scope(|scope| {
        let start = |step_ms: i64| {
            let (folder, clock) = (folder.path().join(step_ms.to_string()), &clock);
            scope.spawn(move || run(&folder, clock, step_ms))
        };
        [0, 2_000, -2_000].map(start).map(|running| running.join().unwrap())
    });
    let flagged = |result: &RunResult| {
        result.verdict.flags.iter().any(|flag| flag.starts_with("clock: the wall clock stepped"))
    };
    assert!(!flagged(&steady), "{:?}", steady.verdict);
    for result in [ahead, back] {
        assert_eq!(result.verdict.reasons, Vec::<String>::new());
        assert!(flagged(&result), "{:?}", result.verdict);
        // There and back again: two steps that differ in nothing but their direction.
        let step_us = result.watch.wall_step_max_us.unsigned_abs();
        assert!(step_us.abs_diff(2_000_000) < 100_000, "{step_us}");
        alike(&result, &steady);
    }
}

/// All that a run counts is what it was, and no latency has the step in it.
fn alike(result: &RunResult, steady: &RunResult) {
    assert_eq!((&result.ledger, &result.books), (&steady.ledger, &steady.books));
    let offered = |result: &RunResult| -> Vec<u64> {
        result.series.iter().map(|row| row.offered).filter(|&count| count > 0).collect()
    };
    assert_eq!(offered(result), offered(steady));
    let (delay, ack) = (&result.send_delay, &result.ack);
    assert_eq!((delay.count, ack.count), (steady.send_delay.count, steady.ack.count));
    for (app, as_steady) in result.apps.iter().zip(&steady.apps) {
        let totals = |app: &AppResult| app.summary.as_ref().unwrap().totals;
        assert_eq!(totals(app), totals(as_steady), "{}", app.name);
        assert_eq!(app.end_to_end.count, as_steady.end_to_end.count, "{}", app.name);
        for stage in [delay, ack, &app.arrival, &app.service, &app.end_to_end] {
            assert_eq!(stage.zero_or_negative, 0, "{}", app.name);
            assert!(stage.max_ns.unwrap() < 1_900_000_000, "{}: {stage:?}", app.name);
        }
    }
}
