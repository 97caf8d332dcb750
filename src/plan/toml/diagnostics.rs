//! Faults with their places, gathered so that one run of the checks names them all.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result, one_line};

/// Where a value was given; sorts as the faults are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ValueLocation {
    /// In the scenario; both count from 1, columns in characters.
    File {
        /// Line of the file.
        line: u32,
        /// Column in it.
        column: u32,
    },
    /// In the file of `--command-config`; its line.
    Config(u32),
    /// By the flag or environment variable of this name.
    Given(&'static str),
}

impl ValueLocation {
    /// The start of the scenario: for what is missing altogether.
    pub(crate) const START: Self = Self::File { line: 1, column: 1 };
}

/// The faults and warnings found so far.
///
/// Checks share it by reference and go on after a fault, hence the cells.
#[derive(Debug)]
pub struct Diagnostics {
    scenario: String,
    /// What a file named in the scenario is relative to.
    folder: PathBuf,
    config: String,
    faults: RefCell<Vec<(ValueLocation, String)>>,
    warnings: RefCell<Vec<String>>,
}

impl Diagnostics {
    /// For a scenario of this name, and a properties file of that.
    pub(crate) fn new(scenario: &str, config: &str) -> Self {
        Self {
            scenario: scenario.to_owned(),
            // Of standard input, `-`, it is the working directory.
            folder: Path::new(scenario).parent().map(Path::to_owned).unwrap_or_default(),
            config: config.to_owned(),
            faults: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// The scenario's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Records a fault; `what` is one line that says what is wrong and what was expected.
    pub(crate) fn add(&self, place: ValueLocation, what: impl Into<String>) {
        self.faults.borrow_mut().push((place, what.into()));
    }

    /// Records something that the user should know and that stops nothing.
    pub(crate) fn warn(&self, place: ValueLocation, what: &str) {
        let line = one_line(&self.line(place, what));
        self.warnings.borrow_mut().push(line);
    }

    /// The warnings so far, in the order in which they were found.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().clone()
    }

    /// All faults as one error, in the order of their places; without any, all is well.
    pub(crate) fn check(&self) -> Result<()> {
        let mut faults = self.faults.borrow().clone();
        if faults.is_empty() {
            return Ok(());
        }
        faults.sort_by_key(|(place, _)| *place);
        let mut lines: Vec<String> =
            faults.iter().map(|(place, what)| self.line(*place, what)).collect();
        // A property for both sides is checked for each, and a table by each that reads it: one
        // mistake, one line.
        let mut told = HashSet::new();
        lines.retain(|line| told.insert(line.clone()));
        Err(Error::Usage(lines))
    }

    fn line(&self, place: ValueLocation, what: &str) -> String {
        match place {
            ValueLocation::File { line, column } => {
                format!("{}:{line}:{column}: {what}", self.scenario)
            }
            ValueLocation::Config(line) => format!("{}:{line}: {what}", self.config),
            ValueLocation::Given(name) => format!("{name}: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_the_order_of_the_file_then_the_flags() {
        let faults = Diagnostics::new("a.toml", "b.properties");
        faults.add(ValueLocation::Given("--set"), "seed: wrong");
        faults.add(ValueLocation::Config(2), "x: wrong");
        faults.add(ValueLocation::File { line: 10, column: 1 }, "late");
        faults.add(ValueLocation::File { line: 9, column: 30 }, "early");
        faults.add(ValueLocation::Given("--set"), "load: wrong");
        faults.add(ValueLocation::Given("--set"), "seed: wrong");
        assert_eq!(
            faults.check().unwrap_err().to_string(),
            "a.toml:9:30: early\na.toml:10:1: late\nb.properties:2: x: wrong\n--set: seed: wrong\n\
             --set: load: wrong"
        );
    }

    #[test]
    fn a_warning_is_no_fault() {
        let faults = Diagnostics::new("a.toml", "");
        faults.warn(ValueLocation::START, "mind this");
        assert!(faults.check().is_ok());
        assert_eq!(faults.warnings(), ["a.toml:1:1: mind this"]);
    }
}
