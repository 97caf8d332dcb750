//! The figures of a run that thresholds, comparisons and every form of output name: their names,
//! units, and which way is better.

mod catalogue;
mod form;
mod terms;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::base::suggest::distances;

pub use catalogue::{CATALOGUE, Figure, Measured, MetricRow, ThrottledSide};
pub use form::{Form, Shown};
pub use terms::{Account, AppStage, Better, Statistic, Unit};

/// One metric by its name, such as `analytics.e2e.p99`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// As users write it.
    pub name: String,
    /// The application it is about, where it is about one.
    pub app: Option<String>,
    /// What it is.
    pub figure: Figure,
    unit: Unit,
    better: Better,
}

/// A metric's entry in a form: the row, the figure, and how it is shown.
#[derive(Debug, Clone, Copy)]
pub struct FormEntry {
    /// The row.
    pub row: &'static MetricRow,
    /// Which figure of it; of a distribution that is shown as a whole, its median.
    pub figure: Figure,
    /// Of a distribution, which statistic.
    pub statistic: Option<Statistic>,
    /// Place and words.
    pub shown: Shown,
}

impl FormEntry {
    /// Everything that a form shows, in its order.
    #[must_use]
    pub fn of(form: Form) -> Vec<Self> {
        let entry = |row: &'static MetricRow, shown: &Shown| {
            let mut figures = row.figures();
            let (statistic, figure) = match shown.statistic {
                None => figures.next(),
                wanted => figures.find(|(statistic, _)| *statistic == wanted),
            }?;
            Some(Self { row, figure, statistic, shown: *shown })
        };
        let mut all: Vec<Self> = CATALOGUE
            .iter()
            .flat_map(|row| row.shown.iter().filter_map(move |shown| entry(row, shown)))
            .filter(|entry| entry.shown.form == form)
            .collect();
        all.sort_by_key(|entry| entry.shown.place);
        all
    }

    /// The metric's name, without an application's.
    #[must_use]
    pub fn name(&self) -> String {
        Metric::new(self.row, None, self.statistic, self.figure).name
    }

    /// The metric; of an application where the row is of applications.
    #[must_use]
    pub fn metric(&self, app: &str) -> Metric {
        Metric::new(self.row, self.row.per_app.then_some(app), self.statistic, self.figure)
    }

    /// The metrics of these applications; one where it is the run's.
    pub fn metrics<'a>(&self, apps: impl IntoIterator<Item = &'a str>) -> Vec<Metric> {
        if self.row.per_app {
            apps.into_iter().map(|app| self.metric(app)).collect()
        } else {
            vec![self.metric("")]
        }
    }
}

/// How many near names an error lists.
const NEAREST: usize = 3;

impl Metric {
    fn new(
        row: &MetricRow,
        app: Option<&str>,
        statistic: Option<Statistic>,
        figure: Figure,
    ) -> Self {
        let parts = app.into_iter().chain([row.name]).chain(statistic.map(Statistic::name));
        let name = parts.collect::<Vec<_>>().join(".");
        let MetricRow { unit, better, .. } = *row;
        Self { name, app: app.map(str::to_owned), figure, unit, better }
    }

    /// Every metric that may be named, of a run of these applications.
    #[must_use]
    pub fn all<'a>(apps: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let is_named = |row: &&MetricRow| row.shown.iter().any(|it| it.form == Form::Threshold);
        let of = |row: &'static MetricRow, app: Option<&'a str>| {
            row.figures().map(move |(statistic, figure)| Self::new(row, app, statistic, figure))
        };
        let named = || CATALOGUE.iter().filter(is_named);
        let of_app =
            |app| named().filter(|row| row.per_app).flat_map(move |row| of(row, Some(app)));
        let of_run = named().filter(|row| !row.per_app).flat_map(|row| of(row, None));
        apps.into_iter().flat_map(of_app).chain(of_run).collect()
    }

    /// Finds a metric by its name.
    ///
    /// # Errors
    /// What is wrong, with the nearest names there are.
    pub fn find<'a>(name: &str, apps: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut all = Self::all(apps);
        if let Some(place) = all.iter().position(|metric| metric.name == name) {
            return Ok(all.swap_remove(place));
        }
        let near: Vec<&str> = distances(name, all.iter().map(|metric| metric.name.as_str()))
            .into_iter()
            .take(NEAREST)
            .collect();
        let near = near.join(", ");
        Err(format!("no metric {name:?} in this run; the nearest are {near}"))
    }

    /// The unit of its value.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// Whether less of it is better.
    #[must_use]
    pub const fn less_is_better(&self) -> bool {
        matches!(self.better, Better::Less)
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name.serialize(serializer)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPS: [&str; 2] = ["analytics", "fraud"];

    fn names(metrics: &[Metric]) -> Vec<&str> {
        metrics.iter().map(|metric| metric.name.as_str()).collect()
    }

    #[test]
    fn every_metric_is_found_by_its_own_name_and_no_name_stands_twice() {
        let all = Metric::all(APPS);
        let mut names: Vec<&String> = all.iter().map(|metric| &metric.name).collect();
        for metric in &all {
            assert_eq!(Metric::find(&metric.name, APPS).as_ref(), Ok(metric));
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn a_typo_lists_what_is_near() {
        let error = Metric::find("analytics.e2e.p9", APPS).unwrap_err();
        assert!(error.contains("analytics.e2e.p99"), "{error}");
        let error = Metric::find("leger.missing", APPS).unwrap_err();
        assert!(error.contains("nearest are ledger.missing"), "{error}");
        assert!(Metric::find("dashboard.e2e.p99", APPS).is_err(), "it does not run");
    }

    #[test]
    fn more_throughput_is_better_and_less_of_the_rest() {
        let less = |name| Metric::find(name, APPS).unwrap().less_is_better();
        assert!(less("fraud.e2e.p99") && less("cpu_us_per_event") && less("lag.max"));
        assert!(!less("throughput") && !less("fraud.throughput") && !less("wire.ratio"));
    }

    #[test]
    fn two_metrics_of_a_form_have_two_places_and_a_distribution_s_figure_is_named() {
        for row in CATALOGUE {
            for shown in row.shown {
                let entries = FormEntry::of(shown.form);
                let here: Vec<_> =
                    entries.iter().filter(|entry| entry.shown.place == shown.place).collect();
                let is_free = shown.form == Form::Threshold || here.len() == 1;
                assert!(is_free, "{} in {:?}: {here:?}", row.name, shown.form);
                let is_whole = matches!(shown.form, Form::Threshold | Form::Prometheus);
                let is_one = row.figures().count() == 1;
                assert_eq!(is_whole || is_one, shown.statistic.is_none(), "{shown:?}");
            }
        }
    }

    #[test]
    fn what_is_only_shown_can_t_be_named() {
        assert!(Metric::find("fraud.seen", APPS).is_err() && Metric::find("acked", APPS).is_err());
        let offered = &FormEntry::of(Form::Rates)[0];
        assert_eq!(offered.metric("fraud").name, "offered", "it is the run's");
        let table = FormEntry::of(Form::Table);
        assert_eq!(names(&table[2].metrics(APPS)), ["analytics.e2e.p50", "fraud.e2e.p50"]);
    }
}
