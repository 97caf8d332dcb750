//! How a metric's value is taken from a result: the catalogue's other half.

use crate::base::text::{self, duration};
use crate::measure::latency::Reading;
use crate::measure::ledger::AppLedger;
use crate::plan::metric::{
    Account, AppStage, Figure, Form, FormEntry, Metric, ThrottledSide, Unit,
};
use crate::result::{AppInterval, AppResult, Interval, LatencySummary, RunResult};

/// The figure of a run; infinite for a latency without end, where too much of what was offered was
/// never delivered; `None` where there were not enough samples, or nobody looked.
#[must_use]
pub fn value(metric: &Metric, result: &RunResult) -> Option<f64> {
    let app = metric.app.as_ref();
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
        Figure::Offered | Figure::Accepted | Figure::Throughput => {
            rate(metric, result).filter(|_| result.throughput.measured_s > 0.0)
        }
        Figure::CpuPerEvent => result.watch.cpu_us_per_event,
        Figure::Ledger(account) => count(account, app, result),
        Figure::LagMax => lag_max(result, app),
        Figure::WireRatio => result.wire.and_then(|wire| wire.ratio()),
        // The members of a group see the same rebalances, but for one that was away.
        Figure::Rebalances => {
            let app = result.apps.iter().find(|found| Some(&found.name) == app)?;
            app.members.iter().map(|member| member.rebalances).max().map(|count| count as f64)
        }
        Figure::ThrottleTime(side) => {
            let throttled = match side {
                ThrottledSide::Producers => result.throttling.producers,
                ThrottledSide::Consumers => result.throttling.consumers,
            };
            throttled.map(|throttled| throttled.of_time * measured_s(result) * 1e9)
        }
    }
}

/// A rate as it stands in a result, also where the run was too short for one.
fn rate(metric: &Metric, result: &RunResult) -> Option<f64> {
    match (metric.figure, &metric.app) {
        (Figure::Offered, _) => Some(result.throughput.offered_per_s),
        (Figure::Accepted, _) => Some(result.throughput.accepted_per_s),
        (_, None) => Some(result.throughput.acked_per_s),
        (_, Some(app)) => {
            let mut apps = result.apps.iter();
            apps.find(|found| found.name == *app).map(|app| app.consumed_per_s)
        }
    }
}

/// The figure of an interval and an application, where results have it over time: what came
/// through in it, or a latency of what was due in it. `None` where only the run has one.
#[must_use]
pub fn in_interval(
    metric: &Metric,
    (interval, seen): (&Interval, &AppInterval),
    app: &AppResult,
) -> Option<Option<f64>> {
    let count = |count: u64| Some(Some(count as f64));
    match metric.figure {
        Figure::App(AppStage::EndToEnd, statistic) => Some(match seen.reading(statistic) {
            Reading::Endless(_) => Some(f64::INFINITY),
            reading => app.known_ns(reading.value_ns()).map(|ns| ns as f64),
        }),
        Figure::Offered => count(interval.offered),
        Figure::Accepted => count(interval.sent),
        Figure::Throughput if metric.app.is_none() => count(interval.acked),
        Figure::Throughput => count(seen.seen),
        Figure::LagMax if metric.app.is_some() => Some(seen.lag_records.map(|lag| lag as f64)),
        _ => None,
    }
}

/// A metric of a run in words, as tables, tiles and lines show it: with the marks of latencies,
/// and rates without their unit, which the words around them say.
#[must_use]
pub fn cell(metric: &Metric, result: &RunResult) -> String {
    let app = || result.apps.iter().find(|app| Some(&app.name) == metric.app.as_ref());
    let shown = match metric.figure {
        Figure::App(AppStage::EndToEnd, statistic) => {
            app().map(|app| result.end_to_end_shown(app, statistic))
        }
        Figure::App(AppStage::Arrival, statistic) => {
            app().map(|app| app.arrival.shown(statistic, |ns| app.shown_ns(ns)))
        }
        Figure::App(AppStage::Service, statistic) => {
            app().map(|app| app.service.shown(statistic, duration))
        }
        Figure::Ack(statistic) => Some(result.ack_shown(statistic)),
        Figure::SendDelay(statistic) => Some(result.send_delay.shown(statistic, duration)),
        Figure::Offered | Figure::Accepted | Figure::Throughput => {
            rate(metric, result).map(|rate| bare(metric.unit(), rate))
        }
        // Without applications none misses anything.
        Figure::Ledger(Account::Missing) if metric.app.is_none() => {
            Some(bare(metric.unit(), result.ledger.missing() as f64))
        }
        _ => value(metric, result).map(|value| bare(metric.unit(), value)),
    };
    shown.unwrap_or_else(|| duration(None))
}

/// The worst of several metrics of one kind in words, of those that are known.
#[must_use]
pub fn worst_cell(metrics: &[Metric], result: &RunResult) -> String {
    let known = metrics.iter().filter_map(|metric| {
        let text = cell(metric, result);
        let (is_endless, value, bound_ns) = rank(metric, result)?;
        let value = if metric.less_is_better() { value } else { value.map(|value| -value) };
        Some((is_endless, value, bound_ns, text))
    });
    let order = |one: &Ranked, other: &Ranked| {
        let value = |it: &Ranked| it.1.unwrap_or(f64::NEG_INFINITY);
        (one.0.cmp(&other.0))
            .then(value(one).total_cmp(&value(other)))
            .then(one.2.cmp(&other.2))
            .then(one.3.cmp(&other.3))
    };
    known.max_by(order).map_or_else(|| duration(None), |(.., text)| text)
}

/// Whether it has no end, its value, the bound of its clocks, and its words.
type Ranked = (bool, Option<f64>, Option<u64>, String);

/// What decides which is the worst. Of two below the bounds of their clocks, it is the one with
/// the wider bound.
fn rank(metric: &Metric, result: &RunResult) -> Option<(bool, Option<f64>, Option<u64>)> {
    let Figure::App(stage, statistic) = metric.figure else {
        return value(metric, result).map(|value| (false, Some(value), None));
    };
    let app = result.apps.iter().find(|app| Some(&app.name) == metric.app.as_ref())?;
    let (latency, between_clocks) = of_app(app, stage);
    match latency.reading(statistic) {
        Reading::TooFew => None,
        Reading::Endless(ns) => Some((true, Some(ns as f64), None)),
        Reading::Value(ns) if !between_clocks => Some((false, Some(ns as f64), None)),
        Reading::Value(ns) => {
            let known = app.known_ns(Some(ns)).map(|ns| ns as f64);
            Some((false, known, app.clock.and_then(|clock| clock.bound_ns)))
        }
    }
}

/// A value in words; a rate without its unit.
#[must_use]
pub fn bare(unit: Unit, value: f64) -> String {
    match unit {
        _ if value.is_infinite() => "endless".to_owned(),
        Unit::Nanoseconds => duration(Some(value.round() as i64)),
        Unit::Microseconds => format!("{value:.1} µs"),
        Unit::PerSecond | Unit::Count => text::count(value.round() as u64),
        Unit::Ratio => format!("{value:.2}"),
    }
}

/// The metrics of a line of a result, in the line's words.
#[must_use]
pub fn line(form: Form, result: &RunResult) -> String {
    words(form, result, &|_| true).join(" ")
}

/// What held the clients up; nothing where nothing did.
#[must_use]
pub fn disturbed(result: &RunResult) -> Option<String> {
    let did = |metric: &Metric| value(metric, result).is_some_and(|value| value > 0.0);
    let told = words(Form::Disturbed, result, &did);
    (!told.is_empty()).then(|| told.join(" · "))
}

/// The words of a form's entries, with the values of the metrics that `is_told`.
fn words(form: Form, result: &RunResult, is_told: &dyn Fn(&Metric) -> bool) -> Vec<String> {
    let filled = |entry: &FormEntry| {
        let metrics = entry.metrics(result.apps.iter().map(|app| app.name.as_str()));
        let cells = metrics.iter().filter(|metric| is_told(metric)).map(|metric| {
            let cell = cell(metric, result);
            metric.app.as_ref().map_or_else(|| cell.clone(), |app| format!("{app} {cell}"))
        });
        let cells: Vec<String> = cells.collect();
        (!cells.is_empty()).then(|| entry.shown.words.replace("{}", &cells.join(", ")))
    };
    FormEntry::of(form).iter().filter_map(filled).collect()
}

/// An application's latency, and whether it is a difference between two processes' clocks.
pub(super) fn of_app(app: &AppResult, stretch: AppStage) -> (&LatencySummary, bool) {
    match stretch {
        AppStage::EndToEnd => (&app.end_to_end, true),
        AppStage::Arrival => (&app.arrival, true),
        AppStage::Service => (&app.service, false),
    }
}

fn count(account: Account, app: Option<&String>, result: &RunResult) -> Option<f64> {
    let ledger = &result.ledger;
    let is_known = !(result.apps.is_empty() || ledger.apps.is_empty());
    let of_apps = |pick: fn(&AppResult, &AppLedger) -> u64| {
        let is_meant = |name: &String| app.is_none_or(|app| app == name);
        let apps = result.apps.iter().zip(&ledger.apps).filter(|(app, _)| is_meant(&app.name));
        apps.map(|(app, ledger)| pick(app, ledger)).reduce(|sum, more| sum + more)
    };
    let count = match account {
        Account::Offered => Some(ledger.offered),
        Account::Acked => Some(ledger.acked),
        Account::Failed => Some(ledger.failed),
        Account::Unknown => Some(ledger.unknown),
        Account::Unsent => Some(ledger.unsent),
        // An event counts once, for however many applications it is missing.
        Account::Missing if app.is_none() => is_known.then(|| ledger.missing()),
        Account::Missing => of_apps(|_, ledger| ledger.missing),
        Account::Seen => of_apps(|_, ledger| ledger.seen),
        Account::Duplicates => of_apps(|_, ledger| ledger.duplicates),
        Account::Redeliveries => of_apps(|_, ledger| ledger.redeliveries),
        Account::Reordered => of_apps(|_, ledger| ledger.reordered),
        Account::Foreign => of_apps(|_, ledger| ledger.foreign),
        Account::NoEvent => of_apps(|app, _| app.garbage),
    };
    count.map(|count| count as f64)
}

/// How long the measured part of the schedule is, in seconds.
fn measured_s(result: &RunResult) -> f64 {
    let end_s = result.phases.iter().map(|phase| phase.to_s).fold(0.0, f64::max);
    end_s - warm_s(result)
}

/// When the measured part begins, in seconds from the schedule's start.
fn warm_s(result: &RunResult) -> f64 {
    let warm = result.phases.iter().filter(|phase| phase.warmup).map(|phase| phase.to_s);
    warm.fold(0.0, f64::max)
}

/// Most unread records at the end of an interval of the measured part.
fn lag_max(result: &RunResult, app: Option<&String>) -> Option<f64> {
    let from_s = warm_s(result);
    let measured = result.series.iter().filter(|interval| interval.from_s >= from_s);
    let lags = measured.flat_map(|interval| interval.apps.iter().zip(&result.apps));
    let is_meant = |name: &String| app.is_none_or(|app| app == name);
    let lags = lags.filter(|(_, app)| is_meant(&app.name)).filter_map(|(app, _)| app.lag_records);
    lags.max().map(|records| records as f64)
}
