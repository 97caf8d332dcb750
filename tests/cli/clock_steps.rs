//! A wall clock that is set in the middle of a run moves no figure, and is flagged.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kbench::result::{AppResult, RunResult};

/// A second of warm-up, and eight that are measured.
const SCENARIO: &str = "name = \"stepped\"\nseed = 7\n[load]\nrate_per_s = 500\n\
    duration = \"8s\"\nwarmup = \"1s\"\narrivals = \"uniform\"\n[topic]\npartitions = 2\n";

/// When the clock is set. The groups are ready within four seconds or so; the load then lasts for
/// nine.
const FROM: Duration = Duration::from_secs(6);

/// When it is set back.
const TO: Duration = Duration::from_millis(8_500);

/// Never, as far as a run goes.
const NEVER: Duration = Duration::from_secs(86_400);

const HOUR_MS: i64 = 3_600_000;

/// No run here takes so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(45);

/// Builds a library to be loaded before all others; the C compiler is the one that librdkafka was
/// built with.
pub(crate) fn library(source: &Path, folder: &Path) -> PathBuf {
    let library = folder.join("before.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compiler.status().unwrap().success());
    library
}

/// The clock that is set.
fn stepping_clock(folder: &Path) -> PathBuf {
    library(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/clock_steps/steps.c"), folder)
}

/// The clock that is never set, in milliseconds: all programs step at the same time.
fn monotonic_ms() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one time.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}

/// Starts a run on the embedded broker; the wall clock of both is off by `step_ms` until `to`.
fn start(folder: &Path, clock: &Path, step_ms: i64, to: Duration) -> Child {
    std::fs::create_dir(folder).unwrap();
    let scenario = folder.join("stepped.toml");
    std::fs::write(&scenario, SCENARIO).unwrap();
    crate::kbench()
        .arg("run")
        .arg(&scenario)
        .args(["-q", "--format", "json", "--out"])
        .arg(folder.join("results"))
        .env_remove("KAFKA_BOOTSTRAP_SERVERS")
        .env("LD_PRELOAD", clock)
        .env("START_MS", monotonic_ms().to_string())
        .env("FROM_MS", FROM.as_millis().to_string())
        .env("TO_MS", to.as_millis().to_string())
        .env("STEP_MS", step_ms.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Its end, which has to come.
fn end(child: Child) -> Output {
    let (id, started) = (child.id().to_string(), Instant::now());
    let waiting = thread::spawn(move || child.wait_with_output().unwrap());
    while !waiting.is_finished() {
        if started.elapsed() > PATIENCE {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
            let output = waiting.join().unwrap();
            panic!("it hangs: {}", String::from_utf8_lossy(&output.stderr));
        }
        thread::sleep(Duration::from_millis(50));
    }
    waiting.join().unwrap()
}

fn result(output: &Output) -> RunResult {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
}

#[test]
fn a_wall_clock_that_is_set_moves_no_figure_and_is_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let clock = stepping_clock(folder.path());
    let start = |name: &str, step_ms, to| start(&folder.path().join(name), &clock, step_ms, to);
    let runs = [
        (0, start("steady", 0, NEVER)),
        (2_000, start("ahead", 2_000, TO)),
        (-2_000, start("back", -2_000, TO)),
        (HOUR_MS, start("an hour ahead", HOUR_MS, NEVER)),
        (-HOUR_MS, start("an hour back", -HOUR_MS, NEVER)),
    ];
    // Who waits while the clock is set back by an hour hears of the end all the same.
    let stopped = start("stopped", -HOUR_MS, NEVER);
    thread::sleep(FROM + Duration::from_secs(2));
    let asked = Command::new("kill").args(["-TERM", &stopped.id().to_string()]).status();
    assert!(asked.unwrap().success());
    let stopped = end(stopped);
    let said = String::from_utf8_lossy(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(143), "{said}");
    assert!(result(&stopped).ledger.acked > 0, "{said}");

    let mut results = runs.map(|(step_ms, child)| (step_ms, result(&end(child)))).into_iter();
    let (_, steady) = results.next().unwrap();
    let flagged = |result: &RunResult| {
        result.verdict.flags.iter().any(|flag| flag.starts_with("clock: the wall clock stepped"))
    };
    assert!(!flagged(&steady), "{:?}", steady.verdict);
    for (step_ms, result) in results {
        assert_eq!(result.verdict.reasons, Vec::<String>::new(), "{step_ms}");
        assert!(flagged(&result), "{step_ms}: {:?}", result.verdict);
        // There and back again: two steps that differ in nothing but their direction.
        let step_us = result.watch.wall_step_max_us.unsigned_abs();
        assert!(step_us.abs_diff(step_ms.unsigned_abs() * 1_000) < 100_000, "{step_us}");
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
