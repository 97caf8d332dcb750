//! A metric's value in a result.

use crate::base::text;
use crate::measure::latency::Reading;
use crate::plan::metric::{Figure, Metric, Statistic, Unit};
use crate::plan::threshold::Threshold;
pub use crate::result::metric::value;
use crate::result::metric::{bare, of_app};
pub use crate::result::threshold::ThresholdResult;
use crate::result::{LatencySummary, RunResult, episodes};

/// What a figure that is not [known](value) surely does not exceed: the bound of the clocks that it
/// lies between, where it lies below that.
fn most(metric: &Metric, result: &RunResult) -> Option<f64> {
    let Figure::App(stretch, statistic) = metric.figure else { return None };
    let app = result.apps.iter().find(|app| Some(&app.name) == metric.app.as_ref())?;
    let (latency, between_clocks) = of_app(app, stretch);
    let bound_ns = app.clock.filter(|_| between_clocks)?.bound_ns? as f64;
    latency.figure_ns(statistic).map(|_| bound_ns)
}

/// The distribution that a metric is a figure of.
fn latency<'a>(metric: &Metric, result: &'a RunResult) -> Option<(&'a LatencySummary, Statistic)> {
    Some(match metric.figure {
        Figure::App(stretch, statistic) => {
            let app = result.apps.iter().find(|app| Some(&app.name) == metric.app.as_ref())?;
            (of_app(app, stretch).0, statistic)
        }
        Figure::Ack(statistic) => (&result.ack, statistic),
        Figure::SendDelay(statistic) => (&result.send_delay, statistic),
        _ => return None,
    })
}

/// On how many slow episodes a percentile rests, where these are too few to know it by.
pub(super) fn few_episodes(metric: &Metric, result: &RunResult) -> Option<String> {
    let (latency, statistic) = latency(metric, result)?;
    episodes(latency.rests_on(statistic))
}

/// A latency without end in words, with what it surely exceeds and why.
fn endless(metric: &Metric, result: &RunResult) -> Option<String> {
    let (latency, statistic) = latency(metric, result)?;
    let Reading::Endless(ns) = latency.reading(statistic) else { return None };
    let share = latency.never_delivered_shown()?;
    Some(format!("> {} ({share})", text::duration(Some(ns))))
}

/// A value in words, with its unit.
#[must_use]
pub fn shown(unit: Unit, value: Option<f64>) -> String {
    let Some(value) = value else {
        return "n/a".to_owned();
    };
    let per_second = if unit == Unit::PerSecond && value.is_finite() { "/s" } else { "" };
    bare(unit, value) + per_second
}

/// Holds a run against its thresholds.
#[must_use]
pub fn thresholds(limits: &[Threshold], result: &RunResult) -> Vec<ThresholdResult> {
    let judged = |threshold: &Threshold| {
        let Threshold { metric, relation, limit, text } = threshold;
        let actual = value(metric, result);
        let most = most(metric, result);
        let mut words = match (endless(metric, result), actual, most) {
            (Some(words), ..) => words,
            (None, None, None) => "not enough samples".to_owned(),
            (None, None, Some(_)) => format!("< {}", shown(metric.unit(), most)),
            (None, Some(_), _) => shown(metric.unit(), actual),
        };
        if let Some(few) = few_episodes(metric, result) {
            words.push_str(&format!(" (rests on {few}: one run does not know it)"));
        }
        let passed = match (actual, most) {
            (Some(actual), _) => relation.holds(actual, *limit),
            (None, Some(most)) => relation.is_upper() && relation.holds(most, *limit),
            (None, None) => false,
        };
        ThresholdResult {
            metric: metric.name.clone(),
            expected: text.clone(),
            // JSON knows no infinite number.
            actual: actual.filter(|actual| actual.is_finite()),
            shown: words,
            passed,
        }
    };
    limits.iter().map(judged).collect()
}

/// Holds a run once more against the thresholds that it has, now that more of it is known;
/// `apps` are the applications that ran.
#[must_use]
pub fn thresholds_again(
    before: &[ThresholdResult],
    apps: &[&str],
    result: &RunResult,
) -> Vec<ThresholdResult> {
    let again = |threshold: &ThresholdResult| {
        let metric = Metric::find(&threshold.metric, apps.iter().copied()).ok()?;
        let limit = Threshold::parse(metric, &threshold.expected).ok()?;
        thresholds(&[limit], result).pop()
    };
    before.iter().map(|threshold| again(threshold).unwrap_or_else(|| threshold.clone())).collect()
}

#[cfg(test)]
mod tests;
