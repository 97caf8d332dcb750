//! The folder of a run's result.

use std::path::{Path, PathBuf};

use super::assemble::Kept;
use super::keep::Keep;
use crate::base::error::{Error, Result};
use crate::output::draw;
use crate::result::{self, RunResult};

/// Where one run's result goes, and what came of it.
pub(super) struct Shelf<'a> {
    results_dir: PathBuf,
    scenario_text: &'a str,
    saved: Option<Result<PathBuf>>,
    unsaved: Option<Error>,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(results_dir: &Path, scenario_text: &'a str) -> Self {
        Self { results_dir: results_dir.to_owned(), scenario_text, saved: None, unsaved: None }
    }

    /// The folder, or why there is none; and what could not be saved beside the data, if
    /// something could not.
    pub(super) fn into_parts(self) -> (Result<PathBuf>, Option<Error>) {
        let none = || Err(Error::Internal("nothing was saved".to_owned()));
        (self.saved.unwrap_or_else(none), self.unsaved)
    }
}

impl Keep for Shelf<'_> {
    fn save(&mut self, result: &mut RunResult, kept: &Kept) -> Option<&Path> {
        match &self.saved {
            Some(Ok(folder)) => {
                let replaced = result::replace(folder, result, &kept.log, self.scenario_text);
                self.unsaved = replaced.err();
            }
            _ => {
                let (log, text) = (&kept.log, self.scenario_text);
                self.saved = Some(result::save(result, log, text, &self.results_dir));
            }
        }
        self.saved.as_ref()?.as_deref().ok()
    }

    fn draw(&mut self, result: &RunResult) {
        if let Some(Ok(folder)) = &self.saved
            && self.unsaved.is_none()
        {
            self.unsaved = draw::draw(folder, result).err();
        }
    }
}
