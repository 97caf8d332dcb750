//! What a threshold came to.

use serde::{Deserialize, Serialize};

/// What became of a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ThresholdResult {
    /// The metric's name.
    pub metric: String,
    /// The relation and the limit, as the scenario has them.
    pub expected: String,
    /// The figure in the metric's unit (ns, events/s, µs of CPU, a count, a ratio); `None` where
    /// there were not enough samples, the clocks of two processes do not tell it, or it has no end
    /// because too much was never delivered.
    pub actual: Option<f64>,
    /// The figure in words, and whether it is a percentile on so few episodes that one run does
    /// not know it.
    pub shown: String,
    /// Whether it held. What was not measured did not.
    pub passed: bool,
}
