//! Reading saved results back, those of older versions too.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{FORMAT_VERSION, RunResult};
use crate::error::{Error, Result};

/// The file that makes a folder a result.
const RESULT: &str = "result.json";

/// A result and where it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The folder that holds `result.json`.
    pub folder: PathBuf,
    /// What it holds.
    pub result: RunResult,
}

/// What every version has.
#[derive(Deserialize)]
struct Versioned {
    format_version: u32,
}

/// Reads one result: its folder, or the `result.json` itself.
///
/// # Errors
/// [`Error::Usage`] in one line: nothing there, cut short, no result, or of a newer version.
pub fn load(path: &Path) -> Result<Saved> {
    let file = if path.is_dir() { path.join(RESULT) } else { path.to_owned() };
    let refuse = |what: String| Error::usage(format!("{}: {what}", file.display()));
    let text = fs::read_to_string(&file).map_err(|error| {
        refuse(format!("{error}; expected a result folder, as a run leaves it"))
    })?;
    let Versioned { format_version } = serde_json::from_str(&text)
        .map_err(|error| refuse(format!("no whole result: {error}; expected result.json")))?;
    if format_version > FORMAT_VERSION {
        return Err(refuse(format!(
            "is of version {format_version}; expected {FORMAT_VERSION} at most, or a newer kbench"
        )));
    }
    let result = serde_json::from_str(&text)
        .map_err(|error| refuse(format!("no result of version {format_version}: {error}")))?;
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    Ok(Saved { folder, result })
}

/// Reads every result of a folder: its own, or else those of the folders within, by name; a
/// sweep's trials lie so, and the runs of a results folder.
///
/// # Errors
/// As [`load`]; and when there is none.
pub fn load_all(path: &Path) -> Result<Vec<Saved>> {
    if !path.is_dir() || path.join(RESULT).exists() {
        return load(path).map(|saved| vec![saved]);
    }
    let refuse = |what: String| Error::usage(format!("{}: {what}", path.display()));
    let entries = fs::read_dir(path).map_err(|error| refuse(error.to_string()))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join(RESULT).exists())
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(refuse("holds no result; expected a folder that a run or sweep left".into()));
    }
    folders.iter().map(|folder| load(folder)).collect()
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
        assert_eq!(load_all(&one.folder.join(RESULT)).unwrap(), vec![one]);
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
