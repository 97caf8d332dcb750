//! `kbench doctor` from outside: figures, words, exit codes.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Output;

use serde_json::Value;

fn doctor(arguments: &[&str]) -> Output {
    let mut command = crate::kbench();
    command.arg("doctor").args(arguments).env_remove("KAFKA_BOOTSTRAP_SERVERS").output().unwrap()
}

/// Whatever the host is like: the planted delay is in what was read, every line has its grade, and
/// the exit code is that of the worst.
#[test]
fn every_line_has_a_figure_and_the_worst_decides_the_exit_code() {
    let output = doctor(&["--quiet", "--format", "json"]);
    let checkup: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = checkup["findings"].as_array().unwrap();
    let of = |start: &str| {
        let found = findings.iter().find(|one| one["what"].as_str().unwrap().starts_with(start));
        found.unwrap_or_else(|| panic!("no {start}: {checkup}"))
    };
    let figure = |start: &str, name: &str| {
        let figures = of(start)["figures"].as_array().unwrap();
        let found = figures.iter().find(|figure| figure[0] == name).unwrap();
        found[1].as_f64().unwrap()
    };
    assert!(figure("clock, a look", "cost_ns") > 0.0);
    assert!(figure("clock, its step", "step_ns") >= 1.0);
    for line in ["sleep of 1 ms", "hiccups"] {
        assert!(figure(line, "p99_ms") <= figure(line, "max_ms"), "{checkup}");
    }
    assert!(figure("ceiling", "ceiling_per_s") > 1_000.0);
    // A host that stands still adds to it, and nothing takes away.
    let read = figure("a delay of 50 ms", "read_ms");
    assert!(read >= 50.0, "{read}");
    assert_eq!(of("a delay of 50 ms")["grade"] == "good", read <= 51.0, "{checkup}");
    let grades: Vec<&str> = findings.iter().map(|one| one["grade"].as_str().unwrap()).collect();
    let unfit = grades.contains(&"unfit");
    assert_eq!(output.status.code(), Some(if unfit { 4 } else { 0 }), "{grades:?}");
}

#[test]
fn a_broker_that_is_not_there_ends_with_3_before_anything_is_measured() {
    let output = doctor(&["-b", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(3));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.stdout.is_empty() && words.contains("no Kafka broker answers"), "{words}");
    assert!(!words.contains("looking at this host"), "{words}");
}
