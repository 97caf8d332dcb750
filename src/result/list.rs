//! What a results folder holds: a row for each run, the newest first.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::save::is_stage;
use super::{RunResult, load_verified};
use crate::base::error::{Error, Result};
use crate::base::visible::{shown, visible};
use crate::measure::latency::Reading;
use crate::plan::metric::Statistic;

/// One entry of a results folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// The folder's name.
    pub folder: String,
    /// When the schedule started: RFC 3339, UTC; of an unreadable result empty.
    pub started: String,
    /// The scenario's name.
    pub scenario: String,
    /// What it ran against, in words.
    pub broker: String,
    /// `valid`, `flagged`, `partial`, `invalid`, `edited`; or why it can't be read.
    pub verdict: String,
    /// Acknowledged in the measured part, in events per second.
    pub acked_per_s: Option<f64>,
    /// End to end of the slowest application, 99th percentile, in nanoseconds; `None` also where it
    /// has no end, because too much was never delivered.
    pub p99_ns: Option<i64>,
    /// What it exceeds then, in nanoseconds.
    pub p99_endless_ns: Option<i64>,
    /// Events that were acknowledged and that some application has not seen.
    pub missing: Option<u64>,
    /// Whole runs within, of a sweep.
    pub runs: Option<usize>,
}

/// Looks through a results folder. What is not a result is passed over; a result that can't be read
/// is listed as such.
///
/// # Errors
/// [`Error::Usage`] when the folder can't be read.
pub fn list(folder: &Path) -> Result<Vec<Listed>> {
    let refuse = |error: std::io::Error| {
        let expected = "expected a folder that kbench run has written to";
        Error::usage(format!("{}: {error}; {expected}", folder.display()))
    };
    let mut listed = Vec::new();
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_stage(&path) {
            continue;
        }
        if path.join("result.json").exists() {
            listed.push(match load_verified(&path) {
                Ok(saved) => of_run(name, &saved.result),
                Err(error) => unreadable(name, &error),
            });
        } else if path.join("sweep.json").exists() {
            listed.push(match super::load_all_verified(&path) {
                Ok(trials) => {
                    let results: Vec<&RunResult> =
                        trials.iter().map(|saved| &saved.result).collect();
                    of_sweep(name, &results)
                }
                Err(error) => unreadable(name, &error),
            });
        }
    }
    // A folder has its name from whoever made it.
    for one in &mut listed {
        one.folder = visible(&one.folder).into_owned();
        one.verdict = visible(&one.verdict).into_owned();
    }
    listed
        .sort_by(|one, other| other.started.cmp(&one.started).then(one.folder.cmp(&other.folder)));
    Ok(listed)
}

fn of_run(folder: String, result: &RunResult) -> Listed {
    let result = &*shown(result);
    let worst = result.worst(Statistic::P99);
    Listed {
        folder,
        started: result.started.clone(),
        scenario: result.scenario.clone(),
        broker: result.place(),
        verdict: result.verdict.worth().in_list().to_owned(),
        acked_per_s: Some(result.throughput.acked_per_s),
        p99_ns: worst.and_then(Reading::value_ns),
        p99_endless_ns: match worst {
            Some(Reading::Endless(ns)) => Some(ns),
            _ => None,
        },
        missing: Some(result.ledger.missing()),
        runs: None,
    }
}

/// A sweep's figures are its points', so here it has none of its own.
fn of_sweep(folder: String, trials: &[&RunResult]) -> Listed {
    let first = trials.first();
    let valid = trials.iter().filter(|trial| trial.verdict.valid).count();
    Listed {
        folder,
        started: trials.iter().map(|trial| trial.started.clone()).min().unwrap_or_default(),
        scenario: first.map(|trial| trial.scenario.clone()).unwrap_or_default(),
        broker: first.map(|trial| shown(*trial).place()).unwrap_or_default(),
        verdict: format!("sweep, {valid} of {} valid", trials.len()),
        acked_per_s: None,
        p99_ns: None,
        p99_endless_ns: None,
        missing: None,
        runs: Some(trials.len()),
    }
}

fn unreadable(folder: String, error: &Error) -> Listed {
    Listed {
        folder,
        started: String::new(),
        scenario: String::new(),
        broker: String::new(),
        verdict: match error {
            Error::Refused(_) => "edited: kbench verify tells what".to_owned(),
            _ => format!("unreadable: {error}"),
        },
        acked_per_s: None,
        p99_ns: None,
        p99_endless_ns: None,
        missing: None,
        runs: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first_and_what_is_broken_is_said() {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
        let listed = list(&recorded).unwrap();
        assert!(listed.len() >= 3);
        assert!(listed.is_sorted_by(|one, other| one.started >= other.started));
        assert!(listed.iter().all(|one| one.p99_ns.is_some() && one.missing == Some(0)));
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("broken")).unwrap();
        fs::create_dir_all(dir.path().join("other")).unwrap();
        fs::write(dir.path().join("broken/result.json"), "{").unwrap();
        let [broken] = list(dir.path()).unwrap().try_into().unwrap();
        assert!(broken.verdict.starts_with("unreadable: "), "{broken:?}");
        let line = list(&dir.path().join("nowhere")).unwrap_err().to_string();
        assert!(line.contains("nowhere") && line.contains("expected a folder"), "{line}");
    }
}
