//! Two groups of whole runs beside each other: what differs, whether that is more than chance,
//! and whether it may be compared at all.

mod conditions;
pub mod coverage;
pub mod gate;
mod markdown;
mod pair;
pub mod power;
mod reading;
pub mod repeats;
mod row;
mod side;
pub mod stats;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::plan::metric::Metric;
use crate::plan::sweep::{Settings, shown as shown_point};

pub use conditions::{Allow, Difference};
pub use gate::{Gate, GateResult, State};
pub use markdown::{annotations, markdown};
pub use pair::{Group, Pair};
pub use reading::{ThresholdResult, shown, thresholds, thresholds_again, value};
pub use row::Row;
pub use side::Side;
pub use stats::Call;
pub use text::text;

/// What is looked at, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The smallest effect that matters, as a share: 0.05 for 5 %.
    pub min_effect: f64,
    /// What may differ.
    pub allow: Vec<Allow>,
    /// Only these metrics (and those of the gates); empty for the usual ones.
    pub metrics: Vec<Metric>,
    /// What fails the comparison.
    pub gates: Vec<Gate>,
}

impl Default for Options {
    fn default() -> Self {
        Self { min_effect: 0.05, allow: Vec::new(), metrics: Vec::new(), gates: Vec::new() }
    }
}

/// Two results, or two sweeps, beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// As the user named it.
    pub baseline: String,
    /// As the user named it.
    pub candidate: String,
    /// The smallest effect that matters, as a share.
    pub min_effect: f64,
    /// The effect that the rows' `runs_to_call` are about, as a share.
    pub effect_to_call: f64,
    /// Points of a sweep that only one side has.
    pub left_out: Vec<String>,
    /// One for each point; a single one where there is no sweep.
    pub pairs: Vec<Pair>,
}

impl Comparison {
    /// How often a call came, over all points.
    #[must_use]
    pub fn count(&self, call: Call) -> usize {
        let rows = self.pairs.iter().flat_map(|pair| &pair.rows);
        rows.filter(|row| row.call == call).count()
    }

    /// The gates in this state, over all points.
    pub fn gates(&self, state: State) -> impl Iterator<Item = (&Pair, &GateResult)> {
        let all =
            self.pairs.iter().flat_map(|pair| pair.gates.iter().map(move |gate| (pair, gate)));
        all.filter(move |(_, gate)| gate.state == state)
    }
}

/// Compares two sides.
///
/// # Errors
/// [`Error::Refused`] with every reason why they can't be compared.
pub fn compare(baseline: &Side, candidate: &Side, options: &Options) -> Result<Comparison> {
    let mut reasons = Vec::new();
    let mut left_out = Vec::new();
    let mut pairs = Vec::new();
    for (point, base_point, other_point) in matched(baseline, candidate, &mut left_out) {
        let (base, other) = (&baseline.points[&base_point], &candidate.points[&other_point]);
        match pair::compare(&point, (&baseline.name, base), (&candidate.name, other), options) {
            Ok(pair) => pairs.push(pair),
            Err(more) => reasons.extend(more),
        }
    }
    if pairs.is_empty() && reasons.is_empty() {
        reasons.push(format!(
            "{} and {} have no point in common: {}; expected DIR:KEY=VALUE to choose one on each \
             side",
            baseline.name,
            candidate.name,
            left_out.join("; ")
        ));
    }
    if !reasons.is_empty() {
        return Err(Error::Refused(reasons));
    }
    Ok(Comparison {
        baseline: baseline.name.clone(),
        candidate: candidate.name.clone(),
        min_effect: options.min_effect,
        effect_to_call: repeats::effect_to_call(options.min_effect),
        left_out,
        pairs,
    })
}

/// Points that belong together: the same ones, or the only one of each side.
fn matched(
    baseline: &Side,
    candidate: &Side,
    left_out: &mut Vec<String>,
) -> Vec<(Settings, Settings, Settings)> {
    let only = |points: &BTreeMap<Settings, _>| {
        points.keys().next().filter(|_| points.len() == 1).cloned()
    };
    if let (Some(base), Some(other)) = (only(&baseline.points), only(&candidate.points)) {
        let point = if base == other { base.clone() } else { Settings::new() };
        return vec![(point, base, other)];
    }
    for (side, others) in [(baseline, candidate), (candidate, baseline)] {
        for point in side.points.keys().filter(|point| !others.points.contains_key(*point)) {
            left_out.push(format!("{} only in {}", shown_point(point), side.name));
        }
    }
    let both = baseline.points.keys().filter(|point| candidate.points.contains_key(*point));
    both.map(|point| (point.clone(), point.clone(), point.clone())).collect()
}
