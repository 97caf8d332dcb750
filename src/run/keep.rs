//! What keeps a result.

use std::path::Path;

use super::assemble::Kept;
use crate::result::RunResult;

/// Where results are kept.
pub(super) trait Keep {
    /// Saves a result; a second one takes the place of the first. Gives where it is, if it is.
    fn save(&mut self, result: &mut RunResult, kept: &Kept) -> Option<&Path>;

    /// Draws what can be made of a saved result at any time.
    fn draw(&mut self, _result: &RunResult) {}
}
