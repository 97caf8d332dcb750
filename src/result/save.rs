//! Saving: a result's data is there whole, or not at all.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::{RunResult, digest, secrets};
use crate::base::error::{Error, Result};

/// Most folders of one name, told apart by a number.
const NAMES_MAX: u32 = 100;

/// Longest part of a trial's folder name that tells its point, in characters.
const POINT_CHARS_MAX: usize = 120;

/// Longest wait for the disk, which may be busy for a minute with what others have written. What is
/// not synced by then is still the system's to write; only a host that loses its power loses it.
const SYNC_MAX: Duration = Duration::from_secs(2);

/// How a folder's name begins in which a result is being saved. A process that is killed meanwhile
/// leaves it behind.
const STAGE: &str = ".kbench-";

/// Whether a folder is one in which a result was only being saved.
pub(super) fn is_stage(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STAGE))
}

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

/// Writes the data of a result, in a folder `<scenario>-<time>-<run>` of its own: `result.json`,
/// `latency.hlog` (which is `log`) and `scenario.toml`. Gives the folder's path; what can be made
/// of the data again is added by whoever draws it.
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
    let stage = stage(result, log, scenario_text, results_dir)?;
    let name = folder_name(result);
    let mut folder = results_dir.join(&name);
    // One that a run of the same name has left: what was measured now must not be lost to it.
    for number in 2.. {
        match fs::rename(stage.path(), &folder) {
            Ok(()) => break,
            Err(_) if folder.exists() && number < NAMES_MAX => {
                folder = results_dir.join(format!("{name}-{number}"));
            }
            Err(error) => return Err(Error::io(format!("naming {}", folder.display()), error)),
        }
    }
    // It has moved away: nothing is left to clean up.
    let _ = stage.keep();
    set_readable(&folder)?;
    Ok(folder)
}

/// Puts the data of a result in the place of what [`save`] has written to `folder`: whoever reads
/// meanwhile gets the one or the other whole.
///
/// # Errors
/// [`Error::Io`] with the path; what was there is still there then.
pub fn replace(
    folder: &Path,
    result: &mut RunResult,
    log: &str,
    scenario_text: &str,
) -> Result<()> {
    let stage = stage(result, log, scenario_text, folder.parent().unwrap_or(Path::new(".")))?;
    set_readable(stage.path())?;
    // What was there before goes with the stage's folder.
    exchange(stage.path(), folder)
        .map_err(|error| Error::io(format!("replacing {}", folder.display()), error))
}

/// The data of a result, written and synced, in a hidden folder that goes if nobody keeps it.
fn stage(
    result: &mut RunResult,
    log: &str,
    scenario_text: &str,
    results_dir: &Path,
) -> Result<tempfile::TempDir> {
    let scenario = secrets::mask_toml(scenario_text);
    digest::seal(result, &[("latency.hlog", log), ("scenario.toml", &scenario)])?;
    let json = serde_json::to_string_pretty(result)
        .map_err(|error| Error::Internal(format!("writing the result: {error}")))?;
    let stage =
        tempfile::Builder::new().prefix(STAGE).tempdir_in(results_dir).map_err(|error| {
            Error::io(format!("making a folder in {}", results_dir.display()), error)
        })?;
    let write = |(name, text): (&str, &str)| {
        let path = stage.path().join(name);
        written(&path, text).map_err(|error| writing(&path, error))
    };
    let texts =
        [("result.json", json.as_str()), ("latency.hlog", log), ("scenario.toml", &scenario)];
    let files = texts.into_iter().map(write).collect::<Result<Vec<_>>>()?;
    sync(files).map_err(|error| writing(stage.path(), error))?;
    Ok(stage)
}

/// Swaps two folders of one file system.
fn exchange(one: &Path, other: &Path) -> std::io::Result<()> {
    let name = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(Into::into);
    let names: std::io::Result<[CString; 2]> = name(one).and_then(|one| Ok([one, name(other)?]));
    let [from, to] = names?;
    let (here, how) = (libc::AT_FDCWD, libc::RENAME_EXCHANGE);
    // SAFETY: both names end with a NUL byte and outlive the call, which only reads them.
    if unsafe { libc::renameat2(here, from.as_ptr(), here, to.as_ptr(), how) } == 0 {
        return Ok(());
    }
    // Some file systems can't: then file by file, the one that the others are checked by last.
    for file in ["scenario.toml", "latency.hlog", "result.json"] {
        fs::rename(one.join(file), other.join(file))?;
    }
    Ok(())
}

/// Writes a file, and waits a moment until it is on the disk. Where that fails there is no such
/// file, or the one that was there before.
///
/// # Errors
/// [`Error::Io`] with the path.
pub fn write_file(path: &Path, text: &str) -> Result<()> {
    put(path, text, true)
}

/// Writes a file whole or not at all; one that can be made again need not be on the disk at once.
///
/// # Errors
/// [`Error::Io`] with the path.
pub(crate) fn put(path: &Path, text: &str, is_synced: bool) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let write = || {
        let file = written(&beside, text)?;
        if is_synced {
            sync(vec![file])?;
        }
        fs::rename(&beside, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&beside);
        writing(path, error)
    })
}

fn written(path: &Path, text: &str) -> std::io::Result<File> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// Waits until files are on the disk, for at most [`SYNC_MAX`].
pub(crate) fn sync(files: Vec<File>) -> std::io::Result<()> {
    let (tell, done) = channel();
    thread::Builder::new().name("sync".to_owned()).spawn(move || {
        // Nobody listens any more where it took too long.
        let _ = tell.send(files.iter().try_for_each(File::sync_all));
    })?;
    done.recv_timeout(SYNC_MAX).unwrap_or(Ok(()))
}

fn writing(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("writing {}", path.display()), error)
}

/// Temporary folders are for their owner only; results are for everybody.
fn set_readable(folder: &Path) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::draw::draw;
    use crate::result::{load_all, load_verified};

    fn recorded() -> RunResult {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded/aa/embedded/a");
        load_all(&folder).unwrap().remove(0).result
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_data_is_saved_before_anything_is_drawn_and_a_later_finding_takes_its_place() {
        let out = tempfile::tempdir().unwrap();
        let mut result = recorded();
        let folder = save(&mut result, "a log\n", "seed = 1\n", out.path()).unwrap();
        assert_eq!(names(&folder), ["latency.hlog", "result.json", "scenario.toml"]);
        result.command_line = vec!["settled".to_owned()];
        replace(&folder, &mut result, "another log\n", "seed = 1\n").unwrap();
        draw(&folder, &result).unwrap();
        let all = ["latency.hlog", "report.html", "result.json", "scenario.toml", "summary.md"];
        assert_eq!(names(&folder), all);
        assert_eq!(names(out.path()).len(), 1, "nothing else is left: {:?}", names(out.path()));
        // Digests and all.
        let saved = load_verified(&folder).unwrap();
        assert_eq!(saved.result.command_line, ["settled"]);
        assert_eq!(fs::read_to_string(folder.join("latency.hlog")).unwrap(), "another log\n");
        let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!((mode(".") & 0o777, mode("report.html") & 0o777), (0o755, 0o644));
    }

    #[test]
    fn a_reader_of_a_result_that_is_replaced_gets_one_or_the_other_whole() {
        let out = tempfile::tempdir().unwrap();
        let mut result = recorded();
        let folder = save(&mut result, "log 0\n", "seed = 1\n", out.path()).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                for _ in 0..200 {
                    fs::read_to_string(folder.join("result.json")).unwrap();
                }
            });
            for number in 1..20 {
                let log = format!("log {number}\n");
                replace(&folder, &mut result, &log, "seed = 1\n").unwrap();
            }
            reader.join().unwrap();
        });
        load_verified(&folder).unwrap();
    }

    #[test]
    fn what_can_t_be_drawn_costs_the_page_and_not_the_data() {
        let out = tempfile::tempdir().unwrap();
        let mut result = recorded();
        let folder = save(&mut result, "log\n", "seed = 1\n", out.path()).unwrap();
        fs::create_dir(folder.join("report.html")).unwrap();
        let error = draw(&folder, &result).unwrap_err().to_string();
        assert!(error.starts_with("writing ") && error.contains("report.html"), "{error}");
        assert!(load_verified(&folder).is_ok() && folder.join("summary.md").is_file());
        assert_eq!(names(&folder).len(), 5, "nothing half-written: {:?}", names(&folder));
    }

    #[test]
    fn what_is_in_the_way_is_neither_lost_nor_does_it_lose_a_result() {
        let out = tempfile::tempdir().unwrap();
        let save = || save(&mut recorded(), "log\n", "seed = 1\n", out.path()).unwrap();
        let (first, second) = (save(), save());
        assert_eq!(second.display().to_string(), format!("{}-2", first.display()));
        assert!(load_verified(&first).is_ok() && load_verified(&second).is_ok());
    }
}
