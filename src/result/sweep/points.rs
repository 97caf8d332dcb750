//! What the repeats of a point say together.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::figures::{RunFigures, figures};
use super::limit::{Bottleneck, idle_workers, limit};
use crate::plan::metric::{AppStage, Better, Figure, Form, FormEntry, Statistic};
use crate::plan::sweep::PointSettings;
use crate::result::limited::limited;
use crate::result::metric::value;
use crate::result::{RunResult, Saved};

/// A figure over whole runs; infinite, and `null` when written, where a run's had no end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one; the mean of the two middle ones.
    #[serde(deserialize_with = "null_has_no_end")]
    pub median: f64,
    /// The least.
    #[serde(deserialize_with = "null_has_no_end")]
    pub min: f64,
    /// The greatest.
    #[serde(deserialize_with = "null_has_no_end")]
    pub max: f64,
    /// How many runs.
    pub runs: u32,
}

fn null_has_no_end<'de, D: Deserializer<'de>>(reader: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(reader)?.unwrap_or(f64::INFINITY))
}

impl Spread {
    /// Of some runs' figures; `None` where there is none.
    #[must_use]
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().filter(|value| !value.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        let runs = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        Some(Self { median: f64::midpoint(low, high), min, max, runs })
    }
}

/// What a point's runs say together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointSummary {
    /// Where it lies.
    pub settings: PointSettings,
    /// Whether it has a run that counts. The figures of one without are those of its runs that
    /// the harness limited: shown, and left out of every conclusion.
    pub counts: bool,
    /// Runs that don't count, and why.
    pub left_out: Vec<String>,
    /// What kept most of its runs from more.
    pub limit: Bottleneck,
    /// Workers that no partition was left for, of all applications.
    pub idle_workers: u32,
    /// Events per second that came due.
    pub offered_per_s: Option<Spread>,
    /// Events per second that the broker acknowledged.
    pub acked_per_s: Option<Spread>,
    /// CPU of the harness for an event that was sent and read by every group, in µs.
    pub cpu_us_per_event: Option<Spread>,
    /// How far the slowest group was behind when the schedule ended, in seconds.
    pub lag_at_end_s: Option<Spread>,
    /// Each application.
    pub apps: Vec<AppPoint>,
    /// What else the catalogue shows of a sweep, by the metric's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, Spread>,
    /// The runs that the figures are of, one by one.
    #[serde(default)]
    pub runs: Vec<RunFigures>,
}

/// One application at one point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppPoint {
    /// Its name.
    pub name: String,
    /// Its workers.
    pub workers: u16,
    /// Events per second.
    pub consumed_per_s: Option<Spread>,
    /// End to end, in ns, as the other percentiles.
    pub p50_ns: Option<Spread>,
    /// 99 %.
    pub p99_ns: Option<Spread>,
    /// 99.9 %.
    pub p99_9_ns: Option<Spread>,
    /// What each of its workers does of what one alone did; `None` where one alone kept up, for
    /// then there was nothing to share.
    pub efficiency: Option<f64>,
    /// What else the catalogue shows of a sweep, by the metric's name without the application's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, Spread>,
}

impl AppPoint {
    /// A metric of the application over its runs.
    #[must_use]
    pub fn spread(&self, entry: &FormEntry) -> Option<Spread> {
        match entry.figure {
            Figure::Throughput => self.consumed_per_s,
            Figure::App(AppStage::EndToEnd, Statistic::P50) => self.p50_ns,
            Figure::App(AppStage::EndToEnd, Statistic::P99) => self.p99_ns,
            Figure::App(AppStage::EndToEnd, Statistic::P99_9) => self.p99_9_ns,
            _ => self.metrics.get(&entry.name()).copied(),
        }
    }
}

impl PointSummary {
    /// A metric over the point's runs; of applications, the worst of them.
    #[must_use]
    pub fn spread(&self, entry: &FormEntry) -> Option<Spread> {
        match entry.figure {
            _ if entry.row.per_app => {
                let all = self.apps.iter().filter_map(|app| app.spread(entry));
                let order = |one: &Spread, other: &Spread| one.median.total_cmp(&other.median);
                match entry.row.better {
                    Better::Less => all.max_by(order),
                    Better::More => all.min_by(order),
                }
            }
            Figure::Throughput => self.acked_per_s,
            Figure::CpuPerEvent => self.cpu_us_per_event,
            _ => self.metrics.get(&entry.name()).copied(),
        }
    }

    /// The slowest application's percentile.
    #[must_use]
    pub fn worst(&self, pick: impl Fn(&AppPoint) -> Option<Spread>) -> Option<Spread> {
        let all = self.apps.iter().filter_map(pick);
        all.max_by(|one, other| one.median.total_cmp(&other.median))
    }
}

/// Every point of a sweep's results, in the order of its settings.
#[must_use]
pub fn summarize(results: &[Saved]) -> Vec<PointSummary> {
    let mut by_point: BTreeMap<&PointSettings, Vec<&RunResult>> = BTreeMap::new();
    for saved in results {
        if let Some(trial) = &saved.result.trial {
            by_point.entry(&trial.point).or_default().push(&saved.result);
        }
    }
    let mut points: Vec<PointSummary> =
        by_point.into_iter().map(|(settings, runs)| point(settings, &runs)).collect();
    points.sort_by(|one, other| by_value(&one.settings, &other.settings));
    let alone = points.clone();
    for point in &mut points {
        let peer = alone.iter().find(|other| is_single_of(other, point));
        for app in &mut point.apps {
            app.efficiency = peer.and_then(|peer| efficiency(app, peer));
        }
    }
    points
}

/// The values that a setting has among the points, in their order.
#[must_use]
pub fn sorted_values(points: &[PointSummary], key: &str) -> Vec<String> {
    let mut values: Vec<String> =
        points.iter().filter_map(|point| point.settings.get(key).cloned()).collect();
    values.sort_by(|one, other| compare_values(one, other));
    values.dedup();
    values
}

/// 2 before 10, and words by letter.
#[must_use]
pub(super) fn compare_values(one: &str, other: &str) -> std::cmp::Ordering {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one.total_cmp(&other),
        _ => one.cmp(other),
    }
}

fn by_value(one: &PointSettings, other: &PointSettings) -> std::cmp::Ordering {
    let pairs = one.values().zip(other.values());
    pairs
        .map(|(one, other)| compare_values(one, other))
        .find(|order| order.is_ne())
        .unwrap_or(std::cmp::Ordering::Equal)
}

fn point(settings: &PointSettings, runs: &[&RunResult]) -> PointSummary {
    let (mut counted, mut slowed, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for &run in runs {
        let place = run.trial.as_ref().map_or(0, |trial| trial.place + 1);
        if !run.verdict.valid {
            let why = run.verdict.reasons.first().map_or("", String::as_str);
            left_out.push(format!("trial {place}: invalid: {why}"));
        } else if let Some(why) = limited(run) {
            left_out.push(format!("trial {place}: {why}"));
            slowed.push(run);
        } else {
            counted.push(run);
        }
    }
    let counts = !counted.is_empty();
    let runs = if counts { counted } else { slowed };
    let spread = |pick: &dyn Fn(&RunResult) -> Option<f64>| {
        Spread::of(runs.iter().filter_map(|run| pick(run)))
    };
    let apps = runs
        .first()
        .map_or(Vec::new(), |first| (0..first.apps.len()).map(|place| app(&runs, place)).collect());
    PointSummary {
        settings: settings.clone(),
        counts,
        left_out,
        limit: most_common(runs.iter().map(|run| limit(run))),
        idle_workers: runs.first().map_or(0, |run| idle_workers(run)),
        offered_per_s: spread(&|run| Some(run.throughput.offered_per_s)),
        acked_per_s: spread(&|run| Some(run.throughput.acked_per_s)),
        cpu_us_per_event: spread(&|run| run.watch.cpu_us_per_event),
        lag_at_end_s: spread(&|run| Some(run.watch.lag_at_end_s)),
        apps,
        metrics: others(&runs, false, ""),
        runs: runs.iter().map(|run| figures(run)).collect(),
    }
}

fn app(runs: &[&RunResult], place: usize) -> AppPoint {
    let first = &runs[0].apps[place];
    let spread = |statistic| {
        let figure = |run: &&RunResult| run.apps.get(place)?.end_to_end.figure_ns(statistic);
        Spread::of(runs.iter().filter_map(figure))
    };
    let consumed = runs.iter().filter_map(|run| Some(run.apps.get(place)?.consumed_per_s));
    AppPoint {
        name: first.name.clone(),
        workers: first.workers,
        consumed_per_s: Spread::of(consumed),
        p50_ns: spread(Statistic::P50),
        p99_ns: spread(Statistic::P99),
        p99_9_ns: spread(Statistic::P99_9),
        efficiency: None,
        metrics: others(runs, true, &first.name),
    }
}

/// What the catalogue shows of a sweep, of the runs or of an application, without what has a field
/// of its own.
fn others(runs: &[&RunResult], per_app: bool, app: &str) -> BTreeMap<String, Spread> {
    let shown = [Form::Sweep, Form::SweepApps, Form::HeatMap, Form::LineChart];
    let entries = shown.into_iter().flat_map(FormEntry::of);
    let entries = entries.filter(|entry| entry.row.per_app == per_app && !has_field(entry.figure));
    let spread = |entry: FormEntry| {
        let values = runs.iter().filter_map(|run| value(&entry.metric(app), run));
        Some((entry.name(), Spread::of(values)?))
    };
    entries.filter_map(spread).collect()
}

/// Whether a point has a field of its own for it.
fn has_field(figure: Figure) -> bool {
    use Statistic::{P50, P99, P99_9};
    matches!(
        figure,
        Figure::Throughput
            | Figure::CpuPerEvent
            | Figure::App(AppStage::EndToEnd, P50 | P99 | P99_9)
    )
}

fn most_common(limits: impl Iterator<Item = Bottleneck>) -> Bottleneck {
    let mut counts: BTreeMap<Bottleneck, u32> = BTreeMap::new();
    for limit in limits {
        *counts.entry(limit).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map_or(Bottleneck::None, |(limit, _)| limit)
}

/// Whether `one` is `point` with a single worker for every application.
fn is_single_of(one: &PointSummary, point: &PointSummary) -> bool {
    let others = |settings: &PointSettings| -> PointSettings {
        let of_workers = |key: &str| key == "workers" || key.ends_with(".workers");
        let pairs = settings.iter().filter(|(key, _)| !of_workers(key));
        pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    one.counts
        && one.apps.iter().all(|app| app.workers == 1)
        && others(&one.settings) == others(&point.settings)
}

fn efficiency(app: &AppPoint, alone: &PointSummary) -> Option<f64> {
    let single = alone.apps.iter().find(|single| single.name == app.name)?;
    if app.workers < 2 || alone.limit != Bottleneck::Application(app.name.clone()) {
        return None;
    }
    let one = single.consumed_per_s?.median;
    (one > 0.0).then_some(app.consumed_per_s?.median / f64::from(app.workers) / one)
}

/// `5.12 ms ±4%`; without the second part where there was one run.
#[must_use]
pub fn spread(spread: Option<Spread>, form: impl Fn(f64) -> String) -> String {
    match spread {
        None => "n/a".to_owned(),
        Some(Spread { median, min, max, .. }) if max.is_infinite() && min < max => {
            format!("{}, in some runs endless", form(if median < max { median } else { min }))
        }
        Some(Spread { median, min, max, runs })
            if runs > 1 && median > 0.0 && max < f64::INFINITY =>
        {
            format!("{} ±{:.0}%", form(median), (max - min) / 2.0 / median * 100.0)
        }
        Some(spread) => form(spread.median),
    }
}

pub(super) fn worst_p99(point: &PointSummary) -> Option<Spread> {
    point.worst(|app| app.p99_ns)
}

/// The slowest application's p99 of each run, with the number of the repeat.
pub(super) fn p99s(point: &PointSummary) -> Vec<(u32, f64)> {
    point.runs.iter().filter_map(|run| Some((run.repeat, run.p99_ns?))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::limit::tests::fall_behind;
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_the_ends() {
        let spread = Spread::of([3.0, 1.0, f64::NAN, 2.0, 10.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.5, min: 1.0, max: 10.0, runs: 4 });
        assert_eq!(Spread::of([]), None);
        let endless = Spread::of([5.0, f64::INFINITY, f64::INFINITY]).unwrap();
        assert_eq!((endless.median, endless.min, endless.runs), (f64::INFINITY, 5.0, 3));
        let text = serde_json::to_string(&endless).unwrap();
        assert_eq!(serde_json::from_str::<Spread>(&text).unwrap(), endless);
    }

    /// A recorded run, as a trial of a sweep, with what `change` makes of it.
    fn trial(point: &[(&str, &str)], repeat: u32, change: impl Fn(&mut RunResult)) -> Saved {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
        let mut saved = crate::result::load_all(&folder).unwrap().swap_remove(0);
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        saved.result.trial = Some(crate::result::Trial {
            point: point.iter().map(pair).collect(),
            repeat,
            ..Default::default()
        });
        saved.result.watch.slip_p99_ns = Some(100_000);
        change(&mut saved.result);
        saved
    }

    #[test]
    fn repeats_are_put_together_and_scaling_is_told_where_one_worker_fell_behind() {
        let alone = |run: &mut RunResult| {
            fall_behind(run, 1);
            run.apps[1].consumed_per_s = 10_000.0;
        };
        let shared = |run: &mut RunResult| {
            run.apps[1].workers = 2;
            run.apps[1].consumed_per_s = 16_000.0;
        };
        let broken = |run: &mut RunResult| run.verdict.valid = false;
        let points = summarize(&[
            trial(&[("workers", "2")], 0, shared),
            trial(&[("workers", "1")], 0, alone),
            trial(&[("workers", "1")], 1, alone),
            trial(&[("workers", "2")], 1, broken),
        ]);
        let [one, two] = points.as_slice() else { panic!("{} points", points.len()) };
        assert_eq!(one.acked_per_s.unwrap().runs, 2);
        assert_eq!((two.acked_per_s.unwrap().runs, two.left_out.len()), (1, 1));
        assert!(two.left_out[0].starts_with("trial 1: invalid"), "{:?}", two.left_out);
        assert_eq!(two.apps[1].efficiency, Some(0.8));
        assert_eq!((one.apps[1].efficiency, two.apps[0].efficiency), (None, None));
    }

    #[test]
    fn a_point_whose_runs_the_harness_limited_shows_them_and_does_not_count() {
        let slow = |run: &mut RunResult| run.watch.slip_p99_ns = Some(5_000_000);
        let points = summarize(&[trial(&[("acks", "1")], 0, slow)]);
        assert!(!points[0].counts && points[0].limit == Bottleneck::Harness);
        assert!(points[0].acked_per_s.is_some());
    }

    #[test]
    fn numbers_are_sorted_as_numbers() {
        let mut values = ["10", "2", "1.5", "zstd", "lz4"];
        values.sort_by(|one, other| compare_values(one, other));
        assert_eq!(values, ["1.5", "2", "10", "lz4", "zstd"]);
    }
}
