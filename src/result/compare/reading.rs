//! A metric's value in a result.

use crate::base::text;
use crate::measure::latency::Reading;
use crate::plan::metric::{Account, AppStage, Figure, Metric, Statistic, Unit};
use crate::plan::threshold::Threshold;
pub use crate::result::threshold::ThresholdResult;
use crate::result::{AppResult, LatencySummary, RunResult, episodes};

/// The figure of a run; infinite for a latency without end, where too much of what was offered was
/// never delivered; `None` where there were not enough samples, or nobody looked.
#[must_use]
pub fn value(metric: &Metric, result: &RunResult) -> Option<f64> {
    let app = metric.app.as_ref();
    let is_meant = |name: &String| app.is_none_or(|app| app == name);
    let one = |pick: fn(&AppResult) -> f64| {
        let app = app?;
        result.apps.iter().find(|found| found.name == *app).map(pick)
    };
    match metric.figure {
        Figure::App(stretch, statistic) => {
            let app = result.apps.iter().find(|found| Some(&found.name) == app)?;
            let (latency, between_clocks) = of_app(app, stretch);
            let value_ns = latency.figure_ns(statistic);
            // Below the bound of two processes' clocks it says nothing.
            value_ns.filter(|ns| {
                !between_clocks
                    || ns.is_infinite()
                    || app.known_ns(Some(ns.round() as i64)).is_some()
            })
        }
        Figure::Ack(statistic) => result.ack.figure_ns(statistic),
        Figure::SendDelay(statistic) => result.send_delay.figure_ns(statistic),
        // A run that ended in its first interval has no rates.
        Figure::Throughput if result.throughput.measured_s <= 0.0 => None,
        Figure::Throughput if app.is_none() => Some(result.throughput.acked_per_s),
        Figure::Throughput => one(|app| app.consumed_per_s),
        Figure::CpuPerEvent => result.watch.cpu_us_per_event,
        Figure::Ledger(account) => count(account, app, result),
        Figure::LagMax => lag_max(result, &is_meant),
        Figure::WireRatio => result.wire.and_then(|wire| wire.ratio()),
    }
}

/// An application's latency, and whether it is a difference between two processes' clocks.
fn of_app(app: &AppResult, stretch: AppStage) -> (&LatencySummary, bool) {
    match stretch {
        AppStage::EndToEnd => (&app.end_to_end, true),
        AppStage::Arrival => (&app.arrival, true),
        AppStage::Service => (&app.service, false),
    }
}

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

fn count(account: Account, app: Option<&String>, result: &RunResult) -> Option<f64> {
    let is_meant = |name: &String| app.is_none_or(|app| app == name);
    let ledger = &result.ledger;
    let is_known = !(result.apps.is_empty() || ledger.apps.is_empty());
    let whole = match account {
        Account::Failed => Some(ledger.failed),
        Account::Unknown => Some(ledger.unknown),
        Account::Unsent => Some(ledger.unsent),
        // An event counts once, for however many applications it is missing.
        Account::Missing if app.is_none() => is_known.then(|| ledger.missing()),
        Account::Missing | Account::Duplicates | Account::Reordered => None,
    };
    if let Some(whole) = whole {
        return Some(whole as f64);
    }
    let apps: Vec<_> =
        result.apps.iter().zip(&ledger.apps).filter(|(app, _)| is_meant(&app.name)).collect();
    let of = |(_, app): &(&AppResult, &crate::measure::ledger::AppLedger)| match account {
        Account::Missing => app.missing,
        Account::Duplicates => app.duplicates,
        _ => app.reordered,
    };
    (!apps.is_empty()).then(|| apps.iter().map(of).sum::<u64>() as f64)
}

/// Most unread records at the end of an interval of the measured part.
fn lag_max(result: &RunResult, is_meant: &dyn Fn(&String) -> bool) -> Option<f64> {
    let warm = result.phases.iter().filter(|phase| phase.warmup).map(|phase| phase.to_s);
    let from_s = warm.fold(0.0, f64::max);
    let measured = result.series.iter().filter(|interval| interval.from_s >= from_s);
    let lags = measured.flat_map(|interval| interval.apps.iter().zip(&result.apps));
    let lags = lags.filter(|(_, app)| is_meant(&app.name)).filter_map(|(app, _)| app.lag_records);
    lags.max().map(|records| records as f64)
}

/// A value in words, with its unit.
#[must_use]
pub fn shown(unit: Unit, value: Option<f64>) -> String {
    let Some(value) = value else {
        return "n/a".to_owned();
    };
    match unit {
        _ if value.is_infinite() => "endless".to_owned(),
        Unit::Nanoseconds => text::duration(Some(value.round() as i64)),
        Unit::Microseconds => format!("{value:.1} µs"),
        Unit::PerSecond => format!("{}/s", text::count(value.round() as u64)),
        Unit::Count => text::count(value.round() as u64),
        Unit::Ratio => format!("{value:.2}"),
    }
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
