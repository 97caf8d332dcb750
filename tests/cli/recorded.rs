//! Recorded runs: those that the README quotes are valid ones, and what any version has written
//! is read, shown and summed up by this one.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use kbench::output::html;
use kbench::output::summary::markdown;
use kbench::result::sweep::manifest::{SweepManifest, TrialState};
use kbench::result::{FORMAT_VERSION, LatencySummary, RunResult, load, load_all};

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded")
}

/// Every folder below this one that holds such a file.
fn holding(folder: &Path, file: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(path.join(file).is_file().then(|| path.clone()));
            found.extend(holding(&path, file));
        }
    }
    found
}

#[test]
fn every_recorded_run_is_read_and_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(recorded()).unwrap() {
        let folder = entry.unwrap().path();
        // A folder of runs that were taken together, such as aa, has a README of its own.
        if !folder.join("result.json").is_file() {
            continue;
        }
        let result = load(&folder).unwrap().result;
        assert_eq!(result.verdict.reasons, Vec::<String>::new());
        assert!(result.verdict.valid && result.ledger.closes);
        let git = result.build.git.unwrap();
        assert!(!git.ends_with("-dirty"), "a quoted run has a revision: {git}");
        assert!(readme.contains(&result.run), "the README does not quote {}", result.run);
        count += 1;
    }
    assert!(count > 0);
}

/// A histogram comes back with its samples, and says what the percentiles beside it say.
fn check_latency(latency: &LatencySummary, what: &str) {
    let bytes = base64::engine::general_purpose::STANDARD.decode(&latency.histogram).unwrap();
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &*bytes).unwrap();
    assert_eq!(histogram.len() + latency.zero_or_negative + latency.over_range, latency.count);
    let (p50_ns, max_ns) = (latency.p50_ns.unwrap() as f64, latency.max_ns.unwrap());
    let again = histogram.value_at_quantile(0.5) as f64;
    assert!((again / p50_ns - 1.0).abs() < 0.002, "{what}: {again} and {p50_ns}");
    assert!(latency.p99_ns.is_none_or(|p99| p50_ns as i64 <= p99 && p99 <= max_ns), "{what}");
}

fn check(result: &RunResult, folder: &Path) {
    let name = folder.display();
    let ledger = &result.ledger;
    assert!(result.verdict.valid && ledger.closes, "{name}");
    assert_eq!(ledger.offered, ledger.acked + ledger.failed + ledger.unknown + ledger.unsent);
    assert_eq!(result.series.iter().map(|row| row.acked).sum::<u64>(), ledger.acked, "{name}");
    assert_eq!(result.apps.len(), 4, "{name}");
    for (place, (app, ticks)) in result.apps.iter().zip(&ledger.apps).enumerate() {
        assert_eq!((ticks.seen, ticks.missing), (ledger.acked, 0), "{name}: {}", app.name);
        let seen: u64 = result.series.iter().map(|row| row.apps[place].seen).sum();
        assert_eq!(seen, ticks.seen, "{name}: {}", app.name);
        check_latency(&app.end_to_end, &format!("{name}: {}", app.name));
        let summary = app.summary.as_ref().unwrap();
        assert_eq!(summary.totals.events, result.books.events, "{name}: {}", app.name);
    }
    check_latency(&result.ack, &format!("{name}: ack"));
    assert!(result.plan["seed"].is_u64(), "{name}");
    assert!(markdown(result).contains("VALID"), "{name}");
    let page = html::html(result);
    for words in ["End to end by percentile", "Top pages", "Segments"] {
        assert!(page.contains(words), "{name}: no {words}");
    }
    // Where nothing was bought there is nothing to draw.
    assert_eq!(page.contains("Revenue by product"), result.books.revenue_cents > 0, "{name}");
}

#[test]
fn every_version_is_read_and_shown() {
    let mut versions = BTreeSet::new();
    let folders = holding(&recorded(), "result.json");
    assert!(folders.len() >= 8, "{folders:?}");
    for folder in folders {
        let text = std::fs::read_to_string(folder.join("result.json")).unwrap();
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).display().to_string();
        assert!(!text.contains(&own), "{}: holds a path of a machine", folder.display());
        let result = load(&folder).unwrap().result;
        versions.insert(result.format_version);
        if folder.starts_with(recorded().join("formats")) || folder.parent() == Some(&recorded()) {
            check(&result, &folder);
        }
    }
    let all: BTreeSet<u32> = (1..=FORMAT_VERSION).collect();
    assert_eq!(versions, all, "one recorded result for each version that there was");
}

#[test]
fn a_recorded_sweep_is_read_summed_up_and_reported() {
    let folders = holding(&recorded().join("formats"), "sweep.json");
    assert!(!folders.is_empty());
    for folder in folders {
        let book = SweepManifest::load(&folder).unwrap();
        assert!(book.is_complete() && book.trials.len() == 4, "{}", folder.display());
        let (again, results) = SweepManifest::sum_up(&folder).unwrap();
        assert_eq!((results.len(), again.points.len()), (4, book.points.len()));
        for (before, now) in book.points.iter().zip(&again.points) {
            assert_eq!(before.settings, now.settings);
            assert_eq!(before.acked_per_s, now.acked_per_s);
        }
        let of_trials: BTreeSet<&String> =
            results.iter().map(|saved| &saved.result.trial.as_ref().unwrap().sweep).collect();
        assert_eq!(of_trials, BTreeSet::from([&book.sweep]));
        reported(&folder, &book);
    }
}

/// `kbench report` on a copy: it makes the page anew.
fn reported(folder: &Path, book: &SweepManifest) {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("sweep.json"), copy.path().join("sweep.json")).unwrap();
    for entry in &book.trials {
        let TrialState::Done { folder: name, .. } = &entry.state else { continue };
        std::fs::create_dir(copy.path().join(name)).unwrap();
        let file = Path::new(name).join("result.json");
        std::fs::copy(folder.join(&file), copy.path().join(&file)).unwrap();
    }
    assert_eq!(load_all(copy.path()).unwrap().len(), 4);
    let report = |format: &str| {
        let mut command = crate::kbench();
        let output = command.arg("report").arg(copy.path()).args(["--format", format]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = report("text");
    assert!(text.starts_with("sweep sweep-partitions-consumers-quick on the embedded"), "{text}");
    assert!(text.contains("4 of 4 runs, 4 points") && text.contains("partitions"), "{text}");
    assert!(report("csv").lines().count() > 4 * 4);
    let page = std::fs::read_to_string(copy.path().join("report.html")).unwrap();
    assert!(page.contains("by partitions and workers") || page.contains("by workers and"), "page");
}
