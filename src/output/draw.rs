//! What a person reads of a saved result, beside its data: it can be drawn again at any time, so
//! nobody waits for the disk.

use std::path::Path;

use super::{html, summary, sweep};
use crate::base::error::Result;
use crate::result::save::put;
use crate::result::sweep::manifest::SweepManifest;
use crate::result::verify::Drawn;
use crate::result::{RunResult, Saved};

/// The texts beside a result, as this program makes them.
#[must_use]
pub fn drawn(result: &RunResult) -> Drawn {
    Drawn { summary: summary::markdown(result), report: html::html(result) }
}

/// Draws what a person reads of a saved result: `summary.md` and `report.html`, each whole or not
/// there.
///
/// # Errors
/// [`crate::base::error::Error::Io`] with the path of the first that can't be written.
pub fn draw(folder: &Path, result: &RunResult) -> Result<()> {
    let Drawn { summary, report } = drawn(result);
    both(folder, &summary, &report)
}

/// Draws what a person reads of a sweep, as [`draw`] does of a run.
///
/// # Errors
/// As [`draw`].
pub fn draw_sweep(folder: &Path, book: &SweepManifest, results: &[Saved]) -> Result<()> {
    both(folder, &sweep::markdown(book), &html::sweep_html(book, results))
}

fn both(folder: &Path, summary: &str, report: &str) -> Result<()> {
    let summary = put(&folder.join("summary.md"), summary, false);
    summary.and(put(&folder.join("report.html"), report, false))
}
