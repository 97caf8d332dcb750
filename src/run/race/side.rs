//! The two sides of a race.

use crate::plan::Plan;
use crate::result::Saved;

/// One of the two that race.
#[derive(Debug)]
pub struct RaceSide {
    /// What it runs.
    pub plan: Plan,
    /// The text of its scenario.
    pub text: String,
}

/// The two folders of a race's folder.
pub const SIDES: [&str; 2] = ["a", "b"];

/// The runs of whole pairs, by side.
pub type Laps = [Vec<Saved>; 2];
