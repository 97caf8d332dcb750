//! How two groups of runs are compared.

use super::conditions::allow::Allow;
use super::gate::Gate;
use crate::plan::metric::Metric;

/// What is looked at, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareOptions {
    /// The smallest effect that matters, as a share: 0.05 for 5 %.
    pub min_effect: f64,
    /// What may differ.
    pub allow: Vec<Allow>,
    /// Only these metrics (and those of the gates); empty for the usual ones.
    pub metrics: Vec<Metric>,
    /// What fails the comparison.
    pub gates: Vec<Gate>,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self { min_effect: 0.05, allow: Vec::new(), metrics: Vec::new(), gates: Vec::new() }
    }
}
