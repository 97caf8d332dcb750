//! The figures of one run of a sweep.

use serde::{Deserialize, Serialize};

use crate::plan::metric::Metric;
use crate::result::compare::value;
use crate::result::{AppResult, RunResult};

/// One run of a point: the figures that conclusions rest on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// Which repeat of the point, from 0: all points of one repeat ran next to each other.
    pub repeat: u32,
    /// Events per second that the broker acknowledged.
    pub acked_per_s: f64,
    /// End to end of the slowest application, 99 %, in ns; `None` without enough samples, or
    /// without end.
    pub p99_ns: Option<f64>,
    /// Whether that percentile has no end: it falls among events that were never delivered.
    pub endless: bool,
}

pub(crate) fn figures(result: &RunResult) -> RunFigures {
    let p99 = |app: &AppResult| {
        let metric = Metric::find(&format!("{}.e2e.p99", app.name), [app.name.as_str()]).ok()?;
        value(&metric, result)
    };
    let all: Option<Vec<f64>> = result.apps.iter().map(p99).collect();
    let slowest = all.and_then(|all| all.into_iter().reduce(f64::max));
    RunFigures {
        repeat: result.trial.as_ref().map_or(0, |trial| trial.repeat),
        acked_per_s: result.throughput.acked_per_s,
        p99_ns: slowest.filter(|ns| ns.is_finite()),
        endless: slowest.is_some_and(f64::is_infinite),
    }
}
