//! One metric of both sides, and what is to be said of it.

use serde::Serialize;

use super::reading::value;
use super::repeats::{for_same, to_call};
use super::stats::{ALPHA, Call, Estimate, RUNS_MIN, call, detectable, holm};
use crate::plan::metric::{Metric, Unit};
use crate::result::Saved;

/// One metric of both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The metric.
    pub metric: Metric,
    /// The unit of its values.
    pub unit: Unit,
    /// What is to be said of it.
    pub call: Call,
    /// Why nothing more can be said, or what the figures below can't show.
    pub why: Option<String>,
    /// Each baseline run's value; `None` without enough samples.
    pub baseline: Vec<Option<f64>>,
    /// The same of the candidate's runs.
    pub candidate: Vec<Option<f64>>,
    /// The baseline's geometric mean; of counts the arithmetic one.
    pub baseline_mean: Option<f64>,
    /// The same of the candidate.
    pub candidate_mean: Option<f64>,
    /// Candidate : baseline.
    pub ratio: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// Two-sided, of this metric by itself.
    pub p: Option<f64>,
    /// After Holm's correction over the metrics that were looked at together.
    pub p_holm: Option<f64>,
    /// The smallest increase that these runs would have called in four cases of five, as a share.
    pub detectable: Option<f64>,
    /// Runs a side that would call the comparison's `effect_to_call` in four cases of five.
    pub runs_to_call: Option<u32>,
    /// Runs a side that would prove in four cases of five that there is no effect that matters,
    /// where there is none.
    pub runs_for_same: Option<u32>,
}

/// Metrics that are looked at together: Holm's correction is over each family by itself.
pub(super) fn family(
    metrics: &[Metric],
    baseline: &[Saved],
    candidate: &[Saved],
    min_effect: f64,
) -> Vec<Row> {
    let mut measured: Vec<(Row, Option<Estimate>)> =
        metrics.iter().map(|metric| measure(metric, baseline, candidate)).collect();
    let tested: Vec<usize> =
        (0..measured.len()).filter(|&place| measured[place].0.p.is_some()).collect();
    let p: Vec<f64> = tested.iter().filter_map(|&place| measured[place].0.p).collect();
    for (&place, corrected) in tested.iter().zip(holm(&p)) {
        measured[place].0.p_holm = Some(corrected);
    }
    let judged = |(mut row, estimate): (Row, Option<Estimate>)| {
        judge(&mut row, estimate.as_ref(), tested.len(), min_effect);
        row
    };
    measured.into_iter().map(judged).collect()
}

fn measure(metric: &Metric, baseline: &[Saved], candidate: &[Saved]) -> (Row, Option<Estimate>) {
    let values = |runs: &[Saved]| -> Vec<Option<f64>> {
        runs.iter().map(|saved| value(metric, &saved.result)).collect()
    };
    let (baseline, candidate) = (values(baseline), values(candidate));
    let unit = metric.unit();
    let (base_all, all) = (whole(&baseline), whole(&candidate));
    let mean = |values: &Option<Vec<f64>>| values.as_ref().and_then(|values| mean(values, unit));
    let (baseline_mean, candidate_mean) = (mean(&base_all), mean(&all));
    let estimate = base_all.as_deref().zip(all.as_deref());
    let estimate = estimate.and_then(|(base, other)| Estimate::of(base, other));
    let apart =
        base_all.as_deref().zip(all.as_deref()).and_then(|(base, other)| apart(base, other));
    let ratio = baseline_mean
        .zip(candidate_mean)
        .filter(|(base, _)| *base > 0.0)
        .map(|(base, other)| other / base);
    let row = Row {
        metric: metric.clone(),
        unit,
        call: Call::Inconclusive,
        why: None,
        baseline,
        candidate,
        baseline_mean,
        candidate_mean,
        ratio: estimate.map(|estimate| estimate.ratio()).or(ratio),
        interval: estimate.map(|estimate| estimate.interval()),
        p: estimate.map(|estimate| estimate.p).or(apart),
        p_holm: None,
        detectable: None,
        runs_to_call: None,
        runs_for_same: None,
    };
    (row, estimate)
}

/// Every run's value, if every run has one.
fn whole(values: &[Option<f64>]) -> Option<Vec<f64>> {
    values.iter().copied().collect()
}

fn mean(values: &[f64], unit: Unit) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    if unit == Unit::Count || values.iter().any(|value| *value <= 0.0) {
        return Some(values.iter().sum::<f64>() / n);
    }
    Some((values.iter().map(|value| value.ln()).sum::<f64>() / n).exp())
}

/// Zero in every run of one side, and in none of the other: how often shuffled runs would fall so.
fn apart(baseline: &[f64], candidate: &[f64]) -> Option<f64> {
    let zero = |values: &[f64]| values.iter().all(|value| *value == 0.0);
    let none = |values: &[f64]| values.iter().all(|value| *value > 0.0);
    let is_apart = (zero(baseline) && none(candidate)) || (none(baseline) && zero(candidate));
    let (few, all) = (baseline.len().min(candidate.len()), baseline.len() + candidate.len());
    let ways = (0..few).fold(1.0, |ways, k| ways * (all - k) as f64 / (k + 1) as f64);
    is_apart.then_some(2.0 / ways)
}

fn judge(row: &mut Row, estimate: Option<&Estimate>, metrics: usize, min_effect: f64) {
    let (Some(base), Some(other)) = (whole(&row.baseline), whole(&row.candidate)) else {
        row.why = Some(without(row));
        return;
    };
    let zeros = |values: &[f64]| values.iter().filter(|value| **value == 0.0).count();
    if zeros(&base) == base.len() && zeros(&other) == other.len() {
        row.call = Call::Same;
        row.why = Some("zero in every run".to_owned());
        return;
    }
    let few = base.len().min(other.len());
    if few < RUNS_MIN {
        let proves = if few == 1 { "one run a side proves nothing" } else { "too few runs" };
        row.why = Some(format!("{proves}; expected {RUNS_MIN} a side or more, better 5"));
        return;
    }
    if let Some(estimate) = estimate {
        let p_holm = row.p_holm.unwrap_or(1.0);
        row.call = call(estimate, p_holm, min_effect, row.metric.less_is_better());
        row.detectable = Some(detectable(estimate, metrics, min_effect));
        row.runs_to_call = to_call(estimate, metrics, min_effect);
        row.runs_for_same = for_same(estimate, min_effect);
        if row.call == Call::Inconclusive && estimate.p <= ALPHA && p_holm > ALPHA {
            row.why =
                Some(format!("of {metrics} metrics looked at together, one does so by chance"));
        }
        return;
    }
    row.why = Some(format!(
        "above zero in {} of {} baseline runs and {} of {} candidate runs",
        base.len() - zeros(&base),
        base.len(),
        other.len() - zeros(&other),
        other.len()
    ));
    if row.p_holm.is_some_and(|p| p <= ALPHA) {
        let rose = zeros(&base) > 0;
        row.call = if rose == row.metric.less_is_better() { Call::Worse } else { Call::Better };
    }
}

fn without(row: &Row) -> String {
    let missing = |values: &[Option<f64>]| values.iter().filter(|value| value.is_none()).count();
    format!(
        "not enough samples, or not measured, in {} of {} runs",
        missing(&row.baseline) + missing(&row.candidate),
        row.baseline.len() + row.candidate.len()
    )
}
