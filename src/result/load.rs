//! Reading saved results back, those of older versions too.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::save::is_stage;
pub use super::saved::Saved;
use super::{FORMAT_VERSION, verify};
use crate::base::error::{Error, Result};
use crate::base::files;

/// The file that makes a folder a result.
const RESULT: &str = "result.json";

/// What every version has.
#[derive(Deserialize)]
struct VersionedResult {
    format_version: u32,
}

/// Reads one result: its folder, or the `result.json` itself.
///
/// # Errors
/// [`Error::Usage`] in one line: nothing there, cut short, no result, or of a newer version.
pub fn load(path: &Path) -> Result<Saved> {
    open(path).map(|(saved, _)| saved)
}

/// Reads one result, and all that its `result.json` holds, of which a newer version may know more.
///
/// # Errors
/// As [`load`].
pub fn open(path: &Path) -> Result<(Saved, Value)> {
    let file = if path.is_dir() { path.join(RESULT) } else { path.to_owned() };
    let refuse = |what: String| Error::usage(format!("{}: {what}", file.display()));
    let text = files::text(&file, files::RESULT_BYTES_MAX)
        .map_err(|what| refuse(format!("{what}; expected a result folder, as a run leaves it")))?;
    let no_whole = |error| refuse(format!("no whole result: {error}; expected result.json"));
    let value: Value = serde_json::from_str(&text).map_err(no_whole)?;
    let VersionedResult { format_version } =
        VersionedResult::deserialize(&value).map_err(no_whole)?;
    if format_version > FORMAT_VERSION {
        return Err(refuse(format!(
            "is of version {format_version}; expected {FORMAT_VERSION} at most, or a newer kbench"
        )));
    }
    let no_result = |error| refuse(format!("no result of version {format_version}: {error}"));
    // By the text: serde tells the place in it.
    let result = serde_json::from_str(&text).map_err(no_result)?;
    files::json::check(&value).map_err(|what| refuse(format!("no result: {what}")))?;
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    Ok((Saved { folder, result }, value))
}

/// Reads one result to judge by it: its figures are recomputed first.
///
/// # Errors
/// As [`load`]; and [`Error::Refused`] with the first figure that is not what its raw parts make:
/// somebody has edited it.
pub fn load_verified(path: &Path) -> Result<Saved> {
    let (saved, value) = open(path)?;
    if is_unverified() {
        return Ok(saved);
    }
    match verify::figures(&value, &saved.result).faults.as_slice() {
        [] => Ok(saved),
        faults => Err(Error::Refused(vec![edited(&saved.folder, faults)])),
    }
}

/// Set to `1`, results are judged as they are: for tests of comparing, with figures that are made
/// up. Whoever compares says so.
const UNVERIFIED: &str = "KBENCH_UNVERIFIED";

/// Whether nobody looks if a result was edited.
#[must_use]
pub fn is_unverified() -> bool {
    std::env::var_os(UNVERIFIED).is_some_and(|value| value == "1")
}

/// The figure that tells most: the digest says only that some figure was edited.
fn edited(folder: &Path, faults: &[verify::AuditFault]) -> String {
    let named = faults.iter().find(|fault| fault.figure != super::digest::MEMBER);
    let said = match named.or(faults.first()) {
        Some(fault) if named.is_some() => fault.to_string(),
        _ => "its digest does not hold: some figure that follows from no other".to_owned(),
    };
    format!("{}: edited: {said}", folder.display())
}

/// Reads every result of a folder: its own, or else those of the folders within, by name; a
/// sweep's trials lie so, and the runs of a results folder.
///
/// # Errors
/// As [`load`]; and when there is none.
pub fn load_all(path: &Path) -> Result<Vec<Saved>> {
    folders(path)?.iter().map(|folder| load(folder)).collect()
}

/// Reads every result of a folder to judge by them, as [`load_all`].
///
/// # Errors
/// As [`load_all`], and as [`load_verified`].
pub fn load_all_verified(path: &Path) -> Result<Vec<Saved>> {
    folders(path)?.iter().map(|folder| load_verified(folder)).collect()
}

/// The results that a path names: itself, or those within, by name.
///
/// # Errors
/// [`Error::Usage`] when there is none.
pub fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() || path.join(RESULT).exists() {
        return Ok(vec![path.to_owned()]);
    }
    let refuse = |what: String| Error::usage(format!("{}: {what}", path.display()));
    let entries = fs::read_dir(path).map_err(|error| refuse(error.to_string()))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| !is_stage(folder) && folder.join(RESULT).exists())
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(refuse("holds no result; expected a folder that a run or sweep left".into()));
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded")
    }

    #[test]
    fn a_folder_of_results_is_read_by_name_and_a_result_by_its_folder_or_file() {
        let all = load_all(&recorded()).unwrap();
        assert!(all.len() >= 3 && all.is_sorted_by_key(|saved| saved.folder.clone()));
        let one = load(&all[0].folder).unwrap();
        assert_eq!(one, all[0]);
        assert_eq!(load_all(&one.folder.join(RESULT)).unwrap(), vec![one.clone()]);
        // What a killed process was saving is none yet.
        let dir = tempfile::tempdir().unwrap();
        for name in [".kbench-1", "smoke-1"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::copy(one.folder.join(RESULT), dir.path().join(name).join(RESULT)).unwrap();
        }
        let all = load_all(dir.path()).unwrap();
        assert!(all.len() == 1 && all[0].folder.ends_with("smoke-1"));
    }

    /// A link to a device fills the memory, and a named pipe is waited for for ever.
    #[test]
    fn what_is_no_plain_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        ["zero", "pipe", "folder"].iter().for_each(|name| fs::create_dir(at(name)).unwrap());
        std::os::unix::fs::symlink("/dev/zero", at("zero").join(RESULT)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("pipe").join(RESULT)).status();
        assert!(made.unwrap().success());
        fs::create_dir(at("folder").join(RESULT)).unwrap();
        for (name, what) in [
            ("zero", "is not a plain file"),
            ("pipe", "is not a plain file"),
            ("folder", "is a folder"),
        ] {
            let said = load(&at(name)).unwrap_err().to_string();
            let expected = format!("{name}/{RESULT}: {what}; expected a result folder");
            assert!(said.contains(&expected), "{said}");
        }
        let listed = crate::result::list(dir.path()).unwrap();
        assert_eq!(listed.len(), 3);
        assert!(listed.iter().all(|one| one.verdict.starts_with("unreadable: ")), "{listed:?}");
    }

    #[test]
    fn a_number_that_no_run_has_is_refused_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(load_all(&recorded()).unwrap()[0].folder.join(RESULT));
        let mut value: Value = serde_json::from_str(&text.unwrap()).unwrap();
        value["ledger"]["offered"] = u64::MAX.into();
        fs::write(dir.path().join(RESULT), value.to_string()).unwrap();
        let said = load(dir.path()).unwrap_err().to_string();
        let expected = "no result: ledger.offered: 18446744073709551615 is out of range";
        assert!(said.contains(expected), "{said}");
    }

    /// Sums that do not close are no `VALID`, whatever the file says of itself.
    #[test]
    fn a_stored_verdict_is_held_against_the_stored_accounts() {
        let dir = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(load_all(&recorded()).unwrap()[0].folder.join(RESULT));
        let mut value: Value = serde_json::from_str(&text.unwrap()).unwrap();
        let offered = value["ledger"]["offered"].as_u64().unwrap();
        value["ledger"]["offered"] = (offered + 315).into();
        if value.get("digest").is_some_and(Value::is_string) {
            value["digest"] = verify::digest_of(&value).into();
        }
        fs::write(dir.path().join(RESULT), value.to_string()).unwrap();
        let error = load_all_verified(dir.path()).unwrap_err();
        assert_eq!(error.exit_code(), crate::base::error::ExitCode::Refused);
        assert!(error.to_string().contains("edited: ledger."), "{error}");
    }

    #[test]
    fn what_is_no_result_is_refused_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let says = |text: Option<&str>| {
            let file = dir.path().join(RESULT);
            match text {
                Some(text) => fs::write(&file, text).unwrap(),
                None => drop(fs::remove_file(&file)),
            }
            load_all(dir.path()).unwrap_err().to_string()
        };
        assert!(says(None).contains("holds no result"));
        assert!(says(Some("")).contains("no whole result"));
        assert!(says(Some("{\"format_version\": 1, \"scen")).contains("no whole result"));
        assert!(says(Some("{\"format_version\": 1}")).contains("no result of version 1"));
        assert!(says(Some("{\"format_version\": 999}")).contains("is of version 999"));
        assert!(load(&dir.path().join("nowhere")).unwrap_err().to_string().contains("nowhere"));
    }
}
