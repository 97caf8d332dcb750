//! Each limit of the watch, through the program: what a process recorded of itself at the limit
//! and just beyond it, and what is printed above the numbers that come of it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::parts::{change, copy, kbench, part_file};

/// What the producer saw of itself at a limit, just beyond it, and the words about the latter.
fn at_and_beyond() -> Vec<(Value, Value, &'static str)> {
    let busy = |share: f64| json!({"busiest": {"thread": "producer-0", "share": share}});
    let waiting = |share: f64, wait_mean_ns: f64| {
        json!({"most_waiting": {
            "thread": "fraud-0", "share": share, "wait_mean_ns": wait_mean_ns
        }})
    };
    let offered = |peak: f64| json!({"ceiling_per_s": 1e6, "offered_peak_per_s": peak});
    let drift = |low: f64| {
        json!({"drift": [{
            "app": "fraud", "from_s": 0.0, "to_s": 120.0, "percent_per_min": 50.0,
            "low_percent_per_min": low, "high_percent_per_min": 99.0
        }]})
    };
    let growth = |left_bytes: u64| {
        json!({"memory_growth": {
            "bytes_per_s": 1e6, "low_bytes_per_s": 1.0, "left_bytes": left_bytes
        }})
    };
    let one = |name: &str, value: Value| json!({ name: value });
    vec![
        (
            one("slip_p99_ns", json!(1_000_000)),
            one("slip_p99_ns", json!(1_000_001)),
            "1 % of the events were sent 1.0 ms late or more (limit 1 ms)",
        ),
        (
            one("late_share", json!(0.01)),
            one("late_share", json!(0.010_001)),
            "over 10 ms late (limit 1 %)",
        ),
        (busy(0.85), busy(0.850_1), "thread producer-0 was 85 % busy (limit 85 %)"),
        (waiting(0.05, 1e6), waiting(0.050_1, 1e6), "thread fraud-0 waited 5 % of the time"),
        (waiting(0.5, 99_999.0), waiting(0.5, 100_000.0), "thread fraud-0 waited 50 %"),
        (
            one("throttled_share", json!(0.01)),
            one("throttled_share", json!(0.010_1)),
            "the CPU quota ran out in 1 % of its periods (limit 1 %)",
        ),
        (
            one("steal_share", json!(0.01)),
            one("steal_share", json!(0.010_1)),
            "the hypervisor took 1.0 % of the CPU (limit 1 %)",
        ),
        (
            offered(700_000.0),
            offered(700_001.0),
            "offered 70 % of the 1000000/s that this host can make (limit 70 %)",
        ),
        (drift(2.5), drift(2.501), "drift: fraud's p50 went by +50.0 %/min"),
        (growth(3_600_000_000), growth(3_599_000_000), "full in 60 min (limit 60 min)"),
        (
            one("wall_step_max_us", json!(-50_000)),
            one("wall_step_max_us", json!(-50_001)),
            "the wall clock stepped by -50.0 ms (limit 50 ms)",
        ),
        (one("unsent", json!(0)), one("unsent", json!(1)), "client limited: 1 events found"),
        (one("debug_build", json!(false)), one("debug_build", json!(true)), "these are no figures"),
    ]
}

#[test]
fn a_limit_of_the_watch_raises_no_flag_and_what_lies_just_beyond_raises_its_own() {
    let (_keep, records) = copy("limits");
    let part = part_file(&records, None);
    // What the consumers recorded has no part in it, and takes time to be read.
    for app in ["fraud", "dashboard", "behavior"] {
        fs::remove_dir_all(part_file(&records, Some(app)).parent().unwrap()).unwrap();
    }
    let healthy = healthy(&part);
    let mut faults = Vec::new();
    for (at, beyond, words) in at_and_beyond() {
        for (seen, expected) in [(at, false), (beyond, true)] {
            fs::write(&part, watched(&healthy, &seen)).unwrap();
            let above = above_the_numbers(&records);
            if above.contains(words) != expected {
                faults.push(format!("{seen}: {words} expected: {expected}\n{above}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The producer's part with a watch that saw nothing amiss.
fn healthy(part: &PathBuf) -> Value {
    change(part, |part| {
        part["result"]["verdict"]["flags"] = json!([]);
        let watch = &mut part["result"]["watch"];
        for (name, value) in [
            ("slip_p99_ns", json!(400_000)),
            ("late_share", json!(0.0)),
            ("busiest", Value::Null),
            ("most_waiting", Value::Null),
            ("throttled_share", Value::Null),
            ("steal_share", Value::Null),
            ("ceiling_per_s", Value::Null),
            ("memory_growth", Value::Null),
            ("wall_step_max_us", json!(0)),
            ("drift", json!([])),
        ] {
            watch[name] = value;
        }
    });
    serde_json::from_slice(&fs::read(part).unwrap()).unwrap()
}

fn watched(healthy: &Value, seen: &Value) -> String {
    let mut part = healthy.clone();
    for (name, value) in seen.as_object().unwrap() {
        part["result"]["watch"][name] = value.clone();
    }
    part.to_string()
}

/// The lines that begin with an exclamation mark, as a terminal shows them.
fn above_the_numbers(records: &Path) -> String {
    let output = kbench(&["report"]).arg(records).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("acknowledged"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines()
        .filter(|line| line.trim_start().starts_with('!'))
        .map(|line| format!("{line}\n"))
        .collect()
}
