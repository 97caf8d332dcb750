//! What came of one run, in a few figures.

use super::run_result::RunResult;
use crate::measure::latency::Reading;
use crate::plan::metric::Statistic;

/// What came of a run that is one of many.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOutcome {
    /// Whether its figures can be believed.
    pub valid: bool,
    /// Events that the broker acknowledged, per second.
    pub acked_per_s: f64,
    /// End to end, the 99th percentile of the slowest application.
    pub worst_p99: Option<Reading>,
    /// The first reason why it is invalid, or the first of its flags.
    pub said: Option<String>,
}

impl RunOutcome {
    /// Of a result.
    #[must_use]
    pub fn of(result: &RunResult) -> Self {
        let verdict = &result.verdict;
        Self {
            valid: verdict.valid,
            acked_per_s: result.throughput.acked_per_s,
            worst_p99: result.worst(Statistic::P99),
            said: verdict.reasons.first().or(verdict.flags.first()).cloned(),
        }
    }
}
