//! Where a scenario's text comes from.

use super::names;
use std::io;
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::files::{self, SCENARIO_BYTES_MAX};

/// A scenario as text, with the name that messages give it.
#[derive(Debug, Clone)]
pub struct ScenarioSource {
    /// The path as given; `-` for standard input.
    pub name: String,
    /// TOML. A byte order mark and CRLF line ends are fine.
    pub text: String,
}

impl ScenarioSource {
    /// Text that is in memory already.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Reads a file, or standard input for `-`.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with the path: no such file, a folder or a device, over 10 MiB, or not
    /// UTF-8.
    pub fn read(path: &str) -> Result<Self> {
        const EXPECTED: &str = "expected a scenario, TOML such as scenarios/peak.toml";
        let bytes = if path == "-" { standard_input() } else { file(path) };
        Ok(Self::new(path, text(path, bytes, EXPECTED)?))
    }

    /// Reads a properties file, the one of `--command-config`.
    ///
    /// # Errors
    ///
    /// As [`ScenarioSource::read`].
    pub fn read_properties(path: &str) -> Result<Self> {
        const EXPECTED: &str = "expected a properties file, name=value lines";
        Ok(Self::new(path, text(path, file(path), EXPECTED)?))
    }

    /// Reads a file that a scenario names.
    ///
    /// # Errors
    ///
    /// As [`ScenarioSource::read`], with what was `expected`.
    pub(crate) fn read_named(path: &Path, expected: &str) -> Result<Self> {
        let path = path.to_string_lossy();
        Ok(Self::new(path.as_ref(), text(&path, file(&path), expected)?))
    }

    /// The scenario's name unless it gives itself one: the file's stem, fit for a folder name.
    pub(crate) fn stem(&self) -> String {
        let stem = Path::new(&self.name).file_stem().map(|stem| stem.to_string_lossy());
        let stem = stem.filter(|stem| stem != "-").unwrap_or("stdin".into());
        let fit = |c: char| if names::is_name_char(c) { c } else { '-' };
        stem.chars().take(crate::plan::toml::names::NAME_CHARS_MAX).map(fit).collect()
    }
}

fn file(path: &str) -> Result<Vec<u8>, String> {
    files::bytes(Path::new(path), SCENARIO_BYTES_MAX)
}

fn standard_input() -> Result<Vec<u8>, String> {
    let bytes = files::limited(io::stdin().lock(), SCENARIO_BYTES_MAX);
    let bytes = bytes.map_err(|error| format!("can't be read: {error}"))?;
    // Beyond that it is surely the wrong one.
    let is_legal = bytes.len() as u64 <= SCENARIO_BYTES_MAX;
    if is_legal { Ok(bytes) } else { Err("is larger than 10 MiB".to_owned()) }
}

/// What was read as text, or the fault that says why it is none.
fn text(path: &str, bytes: Result<Vec<u8>, String>, expected: &str) -> Result<String> {
    let name = if path.is_empty() { "\"\"" } else { path };
    let bytes = bytes.map_err(|what| Error::usage(format!("{name}: {what}; {expected}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let legal = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(error.as_bytes().get(..legal).unwrap_or_default());
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Error::usage(format!("{name}:{line}:{column}: not UTF-8; {expected}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(path: &Path) -> String {
        let path = path.to_str().unwrap();
        let error = ScenarioSource::read(path).unwrap_err();
        assert_eq!(error.exit_code() as u8, 2);
        error.to_string().strip_prefix(path).unwrap().to_owned()
    }

    #[test]
    fn a_path_that_is_no_scenario_is_refused_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let expected = "; expected a scenario, TOML such as scenarios/peak.toml";
        assert_eq!(fault_of(folder.path()), format!(": is a folder{expected}"));
        let file = folder.path().join("x.toml");
        assert!(fault_of(&file).starts_with(": can't be read: "));
        std::fs::write(&file, b"seed = 1\n\xff").unwrap();
        assert_eq!(fault_of(&file), format!(":2:1: not UTF-8{expected}"));
        std::fs::write(&file, vec![b' '; 10 * 1024 * 1024 + 1]).unwrap();
        assert_eq!(fault_of(&file), format!(": is larger than 10 MiB{expected}"));
        let error =
            ScenarioSource::read_properties(file.to_str().unwrap()).unwrap_err().to_string();
        assert!(error.ends_with("MiB; expected a properties file, name=value lines"), "{error}");
        std::fs::write(&file, "seed = 1").unwrap();
        assert_eq!(ScenarioSource::read(file.to_str().unwrap()).unwrap().text, "seed = 1");
    }

    #[test]
    fn the_stem_is_fit_for_a_folder_name() {
        assert_eq!(ScenarioSource::new("scenarios/peak.toml", "").stem(), "peak");
        assert_eq!(ScenarioSource::new("-", "").stem(), "stdin");
        assert_eq!(ScenarioSource::new("/x/my peak: 2.toml", "").stem(), "my-peak--2");
    }
}
