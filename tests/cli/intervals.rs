//! `--interval`: the window of the series and of the live progress, which say the same.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use kbench::result::{Interval, RunResult, load_all};

/// Twelve seconds: without a terminal there is a line every ten.
const SCENARIO: &str = "seed = 7\n\
    [load]\n\
    rate_per_s = 2000\n\
    duration = \"12s\"\n\
    warmup = \"0s\"\n\
    arrivals = \"uniform\"\n";

fn run() -> (String, RunResult) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("windows.toml");
    std::fs::write(&file, SCENARIO).unwrap();
    let out = folder.path().join("out");
    let mut command = crate::kbench();
    command.arg("run").arg(&file).arg("--out").arg(&out).args(["--interval", "500ms"]);
    let output = command.env_remove("KAFKA_BOOTSTRAP_SERVERS").output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    (told, load_all(&out).unwrap().remove(0).result)
}

/// The figure that follows a word, as `sent 2000/s` has it.
fn figure(line: &str, word: &str) -> f64 {
    let after = line.split(word).nth(1).unwrap_or_else(|| panic!("no {word} in {line}"));
    let text = after.trim_start().split('/').next().unwrap();
    match text.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().unwrap() * 1_000.0,
        None => text.parse().unwrap(),
    }
}

#[test]
fn the_interval_is_that_of_the_series_and_the_progress_agrees_with_it() {
    let (told, result) = run();
    let series = &result.series;
    for (number, interval) in series.iter().enumerate() {
        assert!((interval.from_s - 0.5 * number as f64).abs() < 1e-9, "{interval:?}");
    }
    assert!(series.len() >= 24);
    // Nothing falls between two intervals.
    let sum = |of: &dyn Fn(&Interval) -> u64| series.iter().map(of).sum::<u64>();
    assert_eq!(sum(&|one| one.offered), result.ledger.offered);
    assert_eq!(sum(&|one| one.sent), result.ledger.sent);
    assert_eq!(sum(&|one| one.acked), result.ledger.acked);
    for (place, app) in result.ledger.apps.iter().enumerate() {
        assert_eq!(sum(&|one| one.apps[place].seen), app.seen);
    }
    for interval in &series[2..20] {
        assert_eq!(interval.offered, 1_000);
        for app in &interval.apps {
            let (p50, p99) = (app.p50_ns.unwrap(), app.p99_ns.unwrap());
            assert!(p50 <= p99 && p99 <= app.max_ns.unwrap());
        }
    }
    // The line is about the interval that ended just before it.
    let line = told.lines().find(|line| line.contains("offered ")).unwrap();
    let elapsed: f64 = line.trim_start().split('/').next().unwrap().parse().unwrap();
    let of = &series[(elapsed / 0.5) as usize - 1];
    for (word, count) in [("offered", of.offered), ("sent", of.sent), ("acked", of.acked)] {
        let per_s = count as f64 / 0.5;
        let told = figure(line, word);
        assert!((told / per_s - 1.0).abs() < 0.2, "{word} {per_s}/s in the series: {line}");
    }
}
