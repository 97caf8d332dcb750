//! The program as a user calls it: what it prints, and the code it ends with.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn kbench(args: &[&str]) -> Command {
    let mut command = crate::kbench();
    command.args(args).stdin(Stdio::null()).env("NO_COLOR", "1");
    for variable in ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_ACTIVITIES_TOPIC", "KBENCH_OUT"] {
        command.env_remove(variable);
    }
    command
}

fn output(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = kbench(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

fn scenario(folder: &Path, text: &str) -> String {
    let path = folder.join("case.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const SHORT: &str = "seed = 1\n[load]\nrate_per_s = 500\nduration = \"1s\"\nwarmup = \"0s\"\n";

/// A scenario that would go on for a minute.
const LONG: &str = "seed = 1\n[load]\nrate_per_s = 500\nduration = \"60s\"\nwarmup = \"0s\"\n";

#[test]
fn a_run_without_a_broker_starts_one_and_leaves_a_valid_result() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let file = scenario(folder.path(), SHORT);
    let (code, stdout, stderr) = output(&["run", &file, "--out", out.to_str().unwrap()]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("VALID  case on the embedded in-memory broker"), "{stdout}");
    for app in ["analytics", "fraud", "dashboard", "behavior"] {
        assert!(stdout.contains(app), "{stdout}");
    }
    assert!(stderr.contains("no broker was named"), "{stderr}");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1);
}

#[test]
fn a_wrong_scenario_lists_its_faults_and_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let file = scenario(
        folder.path(),
        "seed = 1\n[load]\nrate_per_s = 500\nduration = \"1\"\n[topic]\npartitoins = 3\n",
    );
    let (code, stdout, stderr) = output(&["run", &file, "--out", out.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert_eq!(stdout, "");
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(stderr.contains(":4:") && stderr.contains("no unit"), "{stderr}");
    assert!(stderr.contains(":6:") && stderr.contains("partitions"), "{stderr}");
    assert!(!out.exists());
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    assert_eq!(output(&["run"]).0, 2);
    assert_eq!(output(&["fly"]).0, 2);
    assert_eq!(output(&["run", "does-not-exist.toml"]).0, 2);
    assert_eq!(output(&["broker", "--memory-limit-mib", "much"]).0, 2);
}

#[test]
fn nobody_at_the_address_is_a_broker_error_within_ten_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let file = scenario(folder.path(), SHORT);
    let began = Instant::now();
    let (code, _, stderr) =
        output(&["run", &file, "-b", "127.0.0.1:1", "--out", out.to_str().unwrap()]);
    assert_eq!(code, 3, "{stderr}");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(stderr.contains("127.0.0.1:1"), "{stderr}");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
}

#[test]
fn a_results_folder_that_cannot_be_written_is_told_before_the_load() {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), LONG);
    let began = Instant::now();
    let (code, _, stderr) = output(&["run", &file, "--out", "/proc/results"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("/proc/results"), "{stderr}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Sends a signal to a run under load; gives its exit code, stdout and how long it went on.
fn signalled(signals: &[&str], folder: &Path) -> (i32, String, Duration) {
    let out = folder.join("results");
    let file = scenario(folder, LONG);
    let mut child = kbench(&["run", &file, "--out", out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("the schedule starts")));
    let rest = std::thread::spawn(move || said.count());
    std::thread::sleep(Duration::from_secs(3));
    let began = Instant::now();
    for signal in signals {
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, id.as_str()]).status().unwrap().success());
    }
    let output = child.wait_with_output().unwrap();
    rest.join().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap_or(-1), stdout, began.elapsed())
}

#[test]
fn one_interrupt_drains_and_saves_a_partial_result() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, took) = signalled(&["-INT"], folder.path());
    assert_eq!(code, 130, "{stdout}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert!(stdout.starts_with("PARTIAL"), "{stdout}");
    let results: Vec<_> = std::fs::read_dir(folder.path().join("results")).unwrap().collect();
    assert_eq!(results.len(), 1);
    let json =
        std::fs::read_to_string(results[0].as_ref().unwrap().path().join("result.json")).unwrap();
    let result: kbench::result::RunResult = serde_json::from_str(&json).unwrap();
    assert_eq!(result.verdict.interrupted_by, Some(130));
    assert!(result.verdict.valid, "{:?}", result.verdict.reasons);
    assert!(result.ledger.offered > 500);
    // The measured part is what was reached of it, and the rates are those of that.
    let throughput = &result.throughput;
    assert!(throughput.measured_s <= result.duration_s, "{throughput:?}");
    for per_s in [throughput.offered_per_s, throughput.acked_per_s] {
        assert!((per_s / 500.0 - 1.0).abs() < 0.1, "{throughput:?} in {} s", result.duration_s);
    }
}

#[test]
fn a_plan_opens_nothing_and_shows_every_phase() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/peak.toml");
    let (code, stdout, stderr) = output(&["plan", shipped, "-b", "127.0.0.1:1"]);
    assert_eq!(code, 0, "{stderr}");
    for word in ["peak", "events", "warm-up", "newsletter", "40000/s", "analytics", "partitioner"] {
        assert!(stdout.contains(word), "{word} is missing in\n{stdout}");
    }
    let (code, json, _) = output(&["plan", shipped, "--format", "json"]);
    assert_eq!(code, 0);
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plan["plan"]["name"], "peak");
}

#[test]
fn the_help_documents_every_exit_code() {
    let (code, help, _) = output(&["--help"]);
    assert_eq!(code, 0);
    for exit in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "130", "129, 131, 143"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(exit)), "{exit}:\n{help}");
    }
    for verb in ["run", "plan", "broker", "completions"] {
        assert!(help.contains(verb), "{verb}");
    }
    assert!(output(&["completions", "bash"]).1.contains("kbench"));
}
