//! Whether somebody kept up with the load, as the result says it.

use serde::{Deserialize, Serialize};

/// Whether somebody kept up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeptUp {
    /// The lag surely grew by less than the limit.
    Yes,
    /// The lag surely grew by more than the limit.
    No,
    /// Neither is sure.
    TooShort,
}

/// How somebody's lag went over the measured part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeepingUp {
    /// The verdict.
    pub kept_up: KeptUp,
    /// The slope of the lag, in records per second: of a straight line where the rate is constant,
    /// and else from the beginning to the end; `None` with too few intervals.
    pub lag_slope_per_s: Option<f64>,
    /// The lower end of its 95 % interval, corrected for autocorrelation and for the number of
    /// verdicts that a run has, in records per second.
    pub lag_slope_low_per_s: Option<f64>,
    /// The upper end, in records per second.
    pub lag_slope_high_per_s: Option<f64>,
    /// The slope that parts the verdicts, in records per second: half a percent of the offered
    /// rate.
    pub limit_per_s: f64,
    /// How long the measured part would have to be for a verdict, about, in seconds; `None` where
    /// there is one, and where no length in reach would help.
    pub needed_s: Option<f64>,
}

impl KeepingUp {
    /// The slope, its bounds and the limit, in words.
    pub(super) fn words(&self) -> String {
        let shown = |value: Option<f64>| value.map_or_else(|| "n/a".to_owned(), signed);
        format!(
            "{}/s ({} to {}, limit {:.0})",
            shown(self.lag_slope_per_s),
            shown(self.lag_slope_low_per_s),
            shown(self.lag_slope_high_per_s),
            self.limit_per_s
        )
    }
}

pub(super) fn signed(value: f64) -> String {
    // No "-0".
    let whole = value.round() as i64;
    whole.to_string()
}
