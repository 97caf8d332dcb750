//! Two groups of whole runs beside each other: what differs, whether that is more than chance,
//! and whether it may be compared at all.

mod anytime;
pub(crate) mod comparison;
pub(crate) mod conditions;
pub mod coverage;
mod exact;
pub mod gate;
pub mod options;
mod pair;
mod paired;
pub mod panel;
pub mod power;
pub(crate) mod reading;
pub mod repeats;
mod side;
pub mod stats;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::base::error::{Error, Result};
use crate::plan::sweep::{PointSettings, shown as shown_point};

pub use comparison::MetricComparison;
pub use conditions::Difference;
pub use conditions::allow::Allow;
pub use gate::{Gate, GateResult, GateState, Sense};
use options::CompareOptions;
pub use pair::{Pair, SideRuns};
pub use reading::{ThresholdResult, shown, thresholds, thresholds_again, value};
pub use side::Side;
pub use stats::{Call, Design};

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
    /// What differs by the user's declaration, over all points: it heads everything.
    pub declared: Vec<String>,
    /// Points of a sweep that only one side has, and runs that the harness limited.
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
    pub fn gates(&self, state: GateState) -> impl Iterator<Item = (&Pair, &GateResult)> {
        let all =
            self.pairs.iter().flat_map(|pair| pair.gates.iter().map(move |gate| (pair, gate)));
        all.filter(move |(_, gate)| gate.state == state)
    }
}

/// Compares two sides.
///
/// # Errors
/// [`Error::Refused`] with every reason why they can't be compared.
pub fn compare(baseline: &Side, candidate: &Side, options: &CompareOptions) -> Result<Comparison> {
    let mut reasons = Vec::new();
    let mut left_out = Vec::new();
    let mut declared = Vec::new();
    let sides = [baseline, candidate].map(|side| counted(side, options, &mut declared));
    let [(baseline, base_out), (candidate, other_out)] = &sides;
    for (side, out) in &sides {
        if side.points.is_empty() && !out.is_empty() {
            reasons.push(format!(
                "{}: no run is free of a limit of the harness ({}); expected some, or --allow \
                 limited",
                side.name,
                out.join("; ")
            ));
        }
    }
    left_out.extend(base_out.iter().chain(other_out).cloned());
    let mut drafts = Vec::new();
    for (point, base_point, other_point) in matched(baseline, candidate, &mut left_out) {
        let (base, other) = (&baseline.points[&base_point], &candidate.points[&other_point]);
        match pair::measure_both(&point, (&baseline.name, base), (&candidate.name, other), options)
        {
            Ok(draft) => {
                declared.extend(draft.declared().iter().map(Difference::declared));
                drafts.push(draft);
            }
            Err(more) => reasons.extend(more),
        }
    }
    if drafts.is_empty() && reasons.is_empty() {
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
    let mut seen = BTreeSet::new();
    declared.retain(|line| seen.insert(line.clone()));
    // Many points raise no more false alarms than one: what is looked at together is corrected
    // together, over points and metrics.
    crate::result::compare::comparison::judge_together(
        drafts.iter_mut().flat_map(|draft| &mut draft.named),
        options.min_effect,
    );
    crate::result::compare::comparison::judge_together(
        drafts.iter_mut().flat_map(|draft| &mut draft.usual),
        options.min_effect,
    );
    let pairs = drafts.into_iter().map(|draft| draft.finish(options)).collect();
    Ok(Comparison {
        baseline: baseline.name.clone(),
        candidate: candidate.name.clone(),
        min_effect: options.min_effect,
        effect_to_call: repeats::effect_to_call(options.min_effect),
        declared,
        left_out,
        pairs,
    })
}

/// A side's runs that count, and a line on each that does not. Where limited runs are declared
/// they count, too.
fn counted(
    side: &Side,
    options: &CompareOptions,
    declared: &mut Vec<String>,
) -> (Side, Vec<String>) {
    let (counted, left_out) = side.counted();
    if left_out.is_empty() || !options.allow.contains(&Allow::Limited) {
        return (counted, left_out);
    }
    let all = side.points.values().map(Vec::len).sum::<usize>();
    declared.push(format!(
        "{}: {} of {all} runs limited by the harness: declared by --allow limited",
        side.name,
        left_out.len()
    ));
    (side.clone(), Vec::new())
}

/// Points that belong together: the same ones, or the only one of each side.
fn matched(
    baseline: &Side,
    candidate: &Side,
    left_out: &mut Vec<String>,
) -> Vec<(PointSettings, PointSettings, PointSettings)> {
    let only = |points: &BTreeMap<PointSettings, _>| {
        points.keys().next().filter(|_| points.len() == 1).cloned()
    };
    if let (Some(base), Some(other)) = (only(&baseline.points), only(&candidate.points)) {
        let point = if base == other { base.clone() } else { PointSettings::new() };
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
