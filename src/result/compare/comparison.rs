//! One metric of both sides, and what is to be said of it.

use serde::Serialize;

use super::anytime;
use super::exact::{Ranks, ranks};
use super::paired::Runs;
use super::reading::{few_episodes, value};
use super::repeats::{for_same, to_call};
use super::stats::{ALPHA, Call, Design, Estimate, Looks, RUNS_MIN, call, detectable, holm};
use crate::plan::metric::{Metric, Unit};
use crate::result::Saved;

/// One metric of both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricComparison {
    /// The metric.
    pub metric: Metric,
    /// The unit of its values.
    pub unit: Unit,
    /// What is to be said of it.
    pub call: Call,
    /// Why nothing more can be said, or what the figures below can't show.
    pub why: Option<String>,
    /// Each baseline run's value; `None` without enough samples. Of pairs in their order.
    pub baseline: Vec<Option<f64>>,
    /// The same of the candidate's runs.
    pub candidate: Vec<Option<f64>>,
    /// In how many runs of the baseline and of the candidate the value has no end, because it falls
    /// among events that were never delivered (JSON has no word for such a value, and says null).
    pub endless: (usize, usize),
    /// In how many runs of each side the percentile rests on so few slow episodes that one run
    /// does not know it.
    pub few_episodes: (usize, usize),
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
    /// After Holm's correction over all metrics, of all points, that were looked at together.
    pub p_holm: Option<f64>,
    /// The smallest increase that these runs would have called in four cases of five, as a share.
    pub detectable: Option<f64>,
    /// Runs a side that would call the comparison's `effect_to_call` in four cases of five.
    pub runs_to_call: Option<u32>,
    /// Runs a side that would prove in four cases of five that there is no effect that matters,
    /// where there is none.
    pub runs_for_same: Option<u32>,
}

/// A row before it is judged, which takes all that are looked at together.
#[derive(Debug)]
pub(super) struct MetricDraft {
    pub row: MetricComparison,
    evidence: CallBasis,
}

/// What a call rests on.
#[derive(Debug)]
enum CallBasis {
    /// Nothing: values are missing, or all are equal.
    None,
    /// The ratio of positive values.
    Ratio(Estimate),
    /// Ranks of values of which some are zero.
    Ranks(Ranks),
    /// In how many runs the value has no end.
    Endless(Ranks),
}

/// One metric of both sides, to be judged together with others.
pub(super) fn measure(metric: &Metric, runs: &Runs<'_>) -> MetricDraft {
    let values = |runs: &[&Saved]| -> Vec<Option<f64>> {
        runs.iter().map(|saved| value(metric, &saved.result)).collect()
    };
    let mut draft =
        of_values(metric, values(&runs.baseline), values(&runs.candidate), runs.design, runs.looks);
    let few = |runs: &[&Saved]| {
        runs.iter().filter(|saved| few_episodes(metric, &saved.result).is_some()).count()
    };
    draft.row.few_episodes = (few(&runs.baseline), few(&runs.candidate));
    draft
}

fn of_values(
    metric: &Metric,
    baseline: Vec<Option<f64>>,
    candidate: Vec<Option<f64>>,
    design: Design,
    looks: Looks,
) -> MetricDraft {
    let unit = metric.unit();
    let whole = whole(&baseline).zip(whole(&candidate));
    let evidence =
        whole.as_ref().map_or(CallBasis::None, |(base, other)| weigh(base, other, design, looks));
    let (baseline_mean, candidate_mean) =
        whole.map(|(base, other)| (mean(&base, unit), mean(&other, unit))).unzip();
    let (baseline_mean, candidate_mean) = (baseline_mean.flatten(), candidate_mean.flatten());
    let ratio = baseline_mean
        .zip(candidate_mean)
        .filter(|(base, other)| *base > 0.0 && *other >= 0.0)
        .map(|(base, other)| other / base)
        .filter(|ratio| ratio.is_finite());
    let estimate = match &evidence {
        CallBasis::Ratio(estimate) => Some(*estimate),
        _ => None,
    };
    let p = match &evidence {
        CallBasis::None => None,
        CallBasis::Ratio(estimate) => Some(estimate.p),
        CallBasis::Ranks(ranks) | CallBasis::Endless(ranks) => Some(ranks.p),
    };
    let row = MetricComparison {
        metric: metric.clone(),
        unit,
        call: Call::Inconclusive,
        why: None,
        endless: (endless(&baseline), endless(&candidate)),
        few_episodes: (0, 0),
        baseline,
        candidate,
        baseline_mean,
        candidate_mean,
        ratio: estimate.map(|estimate| estimate.ratio()).or(ratio),
        // So few pairs that are looked at again and again have none yet.
        interval: estimate.map(|it| it.interval()).filter(|(_, high)| high.is_finite()),
        p,
        p_holm: None,
        detectable: None,
        runs_to_call: None,
        runs_for_same: None,
    };
    MetricDraft { row, evidence }
}

/// What these values can show.
fn weigh(baseline: &[f64], candidate: &[f64], design: Design, looks: Looks) -> CallBasis {
    let exact = |of: &dyn Fn(f64) -> f64| -> Option<Ranks> {
        let mapped = |values: &[f64]| values.iter().map(|value| of(*value)).collect::<Vec<_>>();
        let mut found = ranks(&mapped(baseline), &mapped(candidate))?;
        if looks == Looks::Always {
            found.p = anytime::spent(found.p, baseline.len(), RUNS_MIN);
        }
        Some(found)
    };
    let has_end = |value: &f64| value.is_finite();
    if !baseline.iter().chain(candidate).all(has_end) {
        let is_endless = |value: f64| if value.is_finite() { 0.0 } else { 1.0 };
        return exact(&is_endless).map_or(CallBasis::None, CallBasis::Endless);
    }
    let estimate = match (design, looks) {
        (Design::Paired, _) => {
            let pairs = baseline.iter().copied().zip(candidate.iter().copied());
            Estimate::paired(&pairs.collect::<Vec<_>>(), looks)
        }
        (Design::Apart, Looks::Once) => Estimate::of(baseline, candidate),
        // Stopped where it looked best, and no pairs: nothing holds.
        (Design::Apart, Looks::Always) => return CallBasis::None,
    };
    if let Some(estimate) = estimate {
        return CallBasis::Ratio(estimate);
    }
    // One positive value a side has no spread; ranks would give it none, either.
    exact(&|value| value).map_or(CallBasis::None, CallBasis::Ranks)
}

/// Corrects the p of rows that are looked at together, whatever point they are of, and judges
/// them: Holm's correction is over all of them.
pub(super) fn judge_together<'d>(
    drafts: impl Iterator<Item = &'d mut MetricDraft>,
    min_effect: f64,
) {
    let mut drafts: Vec<&mut MetricDraft> = drafts.collect();
    let tested: Vec<usize> =
        (0..drafts.len()).filter(|&place| drafts[place].row.p.is_some()).collect();
    let p: Vec<f64> = tested.iter().filter_map(|&place| drafts[place].row.p).collect();
    for (&place, corrected) in tested.iter().zip(holm(&p)) {
        drafts[place].row.p_holm = Some(corrected);
    }
    for draft in drafts {
        judge(draft, tested.len(), min_effect);
    }
}

/// Every run's value, if every run has one.
fn whole(values: &[Option<f64>]) -> Option<Vec<f64>> {
    values.iter().copied().collect()
}

fn endless(values: &[Option<f64>]) -> usize {
    values.iter().filter(|value| value.is_some_and(f64::is_infinite)).count()
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

fn judge(draft: &mut MetricDraft, together: usize, min_effect: f64) {
    let MetricDraft { row, evidence } = draft;
    let (Some(base), Some(other)) = (whole(&row.baseline), whole(&row.candidate)) else {
        row.why = Some(without(row));
        return;
    };
    if base.iter().chain(&other).all(|value| *value == 0.0) {
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
    let p_holm = row.p_holm.unwrap_or(1.0);
    match evidence {
        CallBasis::Ratio(estimate) => {
            row.call = call(estimate, p_holm, min_effect, row.metric.less_is_better());
            row.detectable = Some(detectable(estimate, together, min_effect));
            row.runs_to_call = to_call(estimate, together, min_effect);
            row.runs_for_same = for_same(estimate, min_effect);
            if row.call == Call::Inconclusive && estimate.p <= ALPHA && p_holm > ALPHA {
                row.why = Some(format!(
                    "more than chance by itself, but of {together} figures looked at together \
                     some do so by chance"
                ));
            }
        }
        CallBasis::Ranks(ranks) => {
            row.why = Some(above_zero(&base, &other));
            let rose = ranks.rise.is_sign_positive();
            let is_enough = row.ratio.map(f64::ln).is_none_or(|log_ratio| {
                log_ratio.abs() > min_effect.ln_1p() && log_ratio.is_sign_positive() == rose
            });
            if p_holm <= ALPHA && is_enough {
                row.call = direction(rose, row.metric.less_is_better());
            }
        }
        CallBasis::Endless(ranks) => {
            row.why = Some(without_end(row));
            if p_holm <= ALPHA {
                let rose = ranks.rise.is_sign_positive();
                row.call = direction(rose, row.metric.less_is_better());
            }
        }
        CallBasis::None => {
            // Nothing to test: all values of both sides are without end.
            row.why = Some(if row.endless.0 > 0 {
                without_end(row)
            } else {
                "taken until it was decided, but no pairs: nothing can be said".to_owned()
            });
        }
    }
}

fn direction(rose: bool, less_is_better: bool) -> Call {
    if rose == less_is_better { Call::Worse } else { Call::Better }
}

fn above_zero(base: &[f64], other: &[f64]) -> String {
    let above = |values: &[f64]| values.iter().filter(|value| **value > 0.0).count();
    format!(
        "above zero in {} of {} baseline runs and {} of {} candidate runs; an exact test on ranks",
        above(base),
        base.len(),
        above(other),
        other.len()
    )
}

fn without_end(row: &MetricComparison) -> String {
    format!(
        "without end, as among the events that were never delivered, in {} of {} baseline runs \
         and {} of {} candidate runs; an exact test on that",
        row.endless.0,
        row.baseline.len(),
        row.endless.1,
        row.candidate.len()
    )
}

fn without(row: &MetricComparison) -> String {
    let missing = |values: &[Option<f64>]| values.iter().filter(|value| value.is_none()).count();
    format!(
        "not enough samples, or not measured, in {} of {} runs",
        missing(&row.baseline) + missing(&row.candidate),
        row.baseline.len() + row.candidate.len()
    )
}

#[cfg(test)]
mod tests;
