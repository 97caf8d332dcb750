//! What was found, and how good that is.

use serde::Serialize;

/// What a row is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As good as the figures need.
    Good,
    /// Runs are flagged, or their tail is the host's.
    Fair,
    /// What is measured here says little of Kafka.
    Unfit,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// What it is worth.
    pub grade: Grade,
    /// What was measured, in words.
    pub measured: String,
    /// Up to where it is good, and up to where fair.
    pub limits: String,
    /// What to do about it, where there is something to do.
    pub advice: Option<String>,
    /// The figures by name; the unit ends the name.
    pub figures: Vec<(&'static str, f64)>,
}

/// A value with its limits: good up to the first, fair up to the second; less is better.
pub(super) struct GradeLimits {
    pub(super) good: f64,
    pub(super) fair: f64,
}

impl GradeLimits {
    pub(super) fn grade(&self, value: f64) -> Grade {
        match value {
            value if value <= self.good => Grade::Good,
            value if value <= self.fair => Grade::Fair,
            _ => Grade::Unfit,
        }
    }
}

pub(super) fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}
