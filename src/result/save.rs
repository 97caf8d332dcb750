//! Saving: a result folder is there whole, or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{RunResult, digest, secrets};
use crate::error::{Error, Result};
use crate::report;

/// Longest part of a trial's folder name that tells its point, in characters.
const POINT_CHARS_MAX: usize = 120;

/// Makes sure, before any load, that the result can be saved afterwards.
///
/// # Errors
/// [`Error::Usage`] with the folder and the system's words.
pub fn check_writable(results_dir: &Path) -> Result<()> {
    let refuse = |error: std::io::Error| {
        Error::usage(format!("can't write results to {}: {error}", results_dir.display()))
    };
    if results_dir.exists() && !results_dir.is_dir() {
        let shown = results_dir.display();
        let expected = "expected one, by --out or by KBENCH_OUT";
        return Err(Error::usage(format!("can't write results to {shown}: no folder; {expected}")));
    }
    fs::create_dir_all(results_dir).map_err(refuse)?;
    tempfile::tempfile_in(results_dir).map(drop).map_err(refuse)
}

/// Writes the folder `<scenario>-<time>-<run>` with `result.json`, `summary.md`, `report.html`,
/// `latency.hlog` (which is `log`) and `scenario.toml`, and gives its path back.
///
/// The result gets its digest, and those of the log and the scenario. All is written and synced in
/// a hidden folder beside it, which then takes its name.
///
/// # Errors
/// [`Error::Io`] with the path; nothing half-written is left.
pub fn save(
    result: &mut RunResult,
    log: &str,
    scenario_text: &str,
    results_dir: &Path,
) -> Result<PathBuf> {
    let scenario = secrets::mask_toml(scenario_text);
    digest::seal(result, &[("latency.hlog", log), ("scenario.toml", &scenario)])?;
    let json = serde_json::to_string_pretty(result)
        .map_err(|error| Error::Internal(format!("writing the result: {error}")))?;
    let stage =
        tempfile::Builder::new().prefix(".kbench-").tempdir_in(results_dir).map_err(|error| {
            Error::io(format!("making a folder in {}", results_dir.display()), error)
        })?;
    for (name, text) in [
        ("result.json", json.as_str()),
        ("summary.md", &super::markdown(result)),
        ("report.html", &report::html(result)),
        ("latency.hlog", log),
        ("scenario.toml", &scenario),
    ] {
        write_file(&stage.path().join(name), text)?;
    }
    let folder = results_dir.join(folder_name(result));
    fs::rename(stage.path(), &folder)
        .map_err(|error| Error::io(format!("naming {}", folder.display()), error))?;
    // It has moved away: nothing is left to clean up.
    let _ = stage.keep();
    set_readable(&folder)?;
    Ok(folder)
}

/// Writes a file, and waits until it is on the disk.
///
/// # Errors
/// [`Error::Io`] with the path.
pub fn write_file(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| Error::io(format!("writing {}", path.display()), error))
}

/// Temporary folders are for their owner only; results are for everybody.
fn set_readable(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
        .map_err(|error| Error::io(format!("opening up {}", folder.display()), error))
}

/// The name of a result's folder: `peak-20261123T101500Z-1a2b3c4d`; within a sweep
/// `007-partitions_3-workers_2`.
#[must_use]
pub fn folder_name(result: &RunResult) -> String {
    if let Some(trial) = &result.trial {
        let pairs = trial.point.iter().map(|(key, value)| format!("-{key}_{value}"));
        let point: String = pairs.collect();
        let point: String = fit(&point).chars().take(POINT_CHARS_MAX).collect();
        return format!("{:03}{point}", trial.place + 1);
    }
    let time: String = result
        .started
        .split('.')
        .next()
        .unwrap_or("")
        .chars()
        .filter(|letter| !matches!(letter, '-' | ':' | 'Z'))
        .collect();
    format!("{}-{time}Z-{}", fit(&result.scenario), result.run)
}

/// A text as part of a folder's name.
fn fit(text: &str) -> String {
    let fits = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    text.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()
}
