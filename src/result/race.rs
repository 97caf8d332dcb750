//! A run's place in a race.

use serde::{Deserialize, Serialize};

/// One run of a race of two configurations: runs of both sides are taken in turns, and two that
/// follow each other are a pair.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Lap {
    /// The race's number in hexadecimal: the same for all of its runs.
    pub race: String,
    /// `a`, the baseline, or `b`, the candidate.
    pub side: String,
    /// Which pair, from 0.
    pub pair: u32,
    /// Which run of the race, in the order in which they ran, from 0.
    pub place: u32,
    /// Whether the race was looked at after each pair, and went on until it was decided: such
    /// runs are compared with bounds that hold however often one looks.
    pub until_decided: bool,
}
