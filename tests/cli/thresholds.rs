//! `[thresholds]` as a user meets them: checked before anything is opened, judged at the end.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::process::{Output, Stdio};

use serde_json::Value;

const LOAD: &str = "seed = 1\n[load]\nrate_per_s = 500\nduration = \"1s\"\nwarmup = \"0s\"\n";

fn run(thresholds: &str, more: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.toml");
    std::fs::write(&file, format!("{LOAD}[thresholds]\n{thresholds}")).unwrap();
    let mut command = crate::kbench();
    command.arg("run").arg(&file).args(more).arg("--quiet").stdin(Stdio::null());
    command.env("NO_COLOR", "1").env("KBENCH_OUT", folder.path().join("out"));
    command.env_remove("KAFKA_BOOTSTRAP_SERVERS").env_remove("KAFKA_ACTIVITIES_TOPIC");
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

#[test]
fn what_holds_is_shown_and_what_does_not_ends_with_5() {
    let kept = "\"ledger.missing\" = \"== 0\"\nanalytics.e2e.p50 = [\"< 20s\", \"> 1ns\"]\n";
    let (code, stdout, stderr) = run(kept, &[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("threshold kept: ledger.missing == 0: 0"), "{stdout}");
    let failed = format!("{kept}\"throughput\" = \"> 100_000/s\"\n");
    let (code, stdout, stderr) = run(&failed, &[]);
    assert_eq!(code, 5, "{stderr}");
    assert!(stdout.starts_with("VALID"), "the run is as good as any: {stdout}");
    let first = stdout.lines().find(|line| line.contains("threshold")).unwrap();
    assert!(first.contains("threshold FAILED: throughput > 100_000/s: "), "{stdout}");
}

#[test]
fn a_percentile_without_enough_samples_fails_as_such() {
    // 500 events are far too few for the slowest in ten thousand.
    let (code, stdout, stderr) = run("\"fraud.e2e.p99.99\" = \"< 50s\"\n", &[]);
    assert_eq!(code, 5, "{stderr}");
    assert!(stdout.contains("fraud.e2e.p99.99 < 50s: not enough samples"), "{stdout}");
}

#[test]
fn the_result_keeps_expected_and_actual() {
    let (code, stdout, stderr) = run("\"fraud.e2e.p50\" = \"< 1ns\"\n", &["--format", "json"]);
    assert_eq!(code, 5, "{stderr}");
    let result: Value = serde_json::from_str(&stdout).unwrap();
    let threshold = &result["thresholds"][0];
    assert_eq!(threshold["metric"], "fraud.e2e.p50");
    assert_eq!(threshold["expected"], "< 1ns");
    assert_eq!(threshold["passed"], false);
    assert_eq!(threshold["actual"].as_f64(), result["apps"][1]["end_to_end"]["p50_ns"].as_f64());
}

#[test]
fn a_slip_is_told_with_its_place_before_anything_runs() {
    for (text, words) in [
        ("\"frud.e2e.p99\" = \"< 50ms\"", "case.toml:7:1: thresholds.frud.e2e.p99: no metric"),
        ("\"frud.e2e.p99\" = \"< 50ms\"", "nearest are fraud.e2e.p99"),
        ("\"fraud.e2e.p99\" = \"< 50\"", "case.toml:7:19: thresholds.fraud.e2e.p99: \"< 50\": 50"),
        ("\"fraud.e2e.p99\" = 50", "50 is wrong here; expected a time"),
        ("\"fraud.e2e.p100.1\" = \"< 50ms\"", "no metric \"fraud.e2e.p100.1\""),
        ("\"ledger.missing\" = [\"== 0\", \"!= 1\"]", "has no <"),
    ] {
        let (code, stdout, stderr) = run(&format!("{text}\n"), &[]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{text}: {stderr}");
        assert!(stderr.contains(words), "{text}: {stderr}");
    }
}

#[test]
fn a_flag_wins_over_the_file() {
    let file = "\"throughput\" = \"> 100_000/s\"\n";
    let (code, stdout, stderr) = run(file, &["--set", "thresholds.throughput=> 1/s"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("kept: throughput > 1/s"), "{stdout}");
}
