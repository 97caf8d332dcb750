//! Where metrics are shown.

use super::terms::Statistic;

/// A form of output, or a use, that takes its metrics from the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The line of how every event ended, on the terminal, in Markdown and on the page.
    Accounts,
    /// The line of rates, on the terminal and in Markdown.
    Rates,
    /// The line of send delay and ack, likewise.
    Sender,
    /// The end of the line about bytes, likewise.
    Wire,
    /// The line of what an event costs, likewise.
    Cost,
    /// The line of what held the clients up, likewise: of metrics that are not zero.
    Disturbed,
    /// The table of applications on the terminal and in Markdown.
    Table,
    /// The table of what became of the records, on the page.
    PageTable,
    /// The page's tiles; of several applications, the worst.
    Tile,
    /// A column of the CSV; of the interval where that is known, else of the run.
    Csv,
    /// A family of the metrics that Prometheus scrapes while a run goes on.
    Prometheus,
    /// A column of a sweep's points, in text, Markdown and on the page; of several applications,
    /// the worst.
    Sweep,
    /// A column of a sweep's applications.
    SweepApps,
    /// A heat map of a sweep with two axes.
    HeatMap,
    /// Lines along an axis of a sweep.
    LineChart,
    /// What `compare` compares unless it is told otherwise.
    Comparison,
    /// What thresholds, gates and `compare --metric` may name.
    Threshold,
}

/// That a metric is shown in a form, where, and in which words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The form.
    pub form: Form,
    /// Of a distribution, which figure; `None` for all of them.
    pub statistic: Option<Statistic>,
    /// Its place among the form's metrics and other facts.
    pub place: u16,
    /// What people read: a head, a caption, a help text; in lines, with `{}` for the value.
    pub words: &'static str,
    /// What programs read: a column's name, a family's name, the end of a chart's id.
    pub key: &'static str,
}

/// Shown there.
pub(super) const fn at(form: Form, place: u16, words: &'static str) -> Shown {
    Shown { form, statistic: None, place, words, key: "" }
}

/// A column of the CSV.
pub(super) const fn column(place: u16, key: &'static str) -> Shown {
    at(Form::Csv, place, key).key(key)
}

/// A chart of a sweep.
pub(super) const fn chart(form: Form, place: u16, key: &'static str, words: &'static str) -> Shown {
    at(form, place, words).key(key)
}

/// A family of Prometheus.
pub(super) const fn family(place: u16, key: &'static str, words: &'static str) -> Shown {
    at(Form::Prometheus, place, words).key(key)
}

impl Shown {
    /// Of a distribution, one figure.
    pub(super) const fn of(self, statistic: Statistic) -> Self {
        Self { statistic: Some(statistic), ..self }
    }

    const fn key(self, key: &'static str) -> Self {
        Self { key, ..self }
    }
}

/// Thresholds may name it.
pub(super) const THRESHOLD: Shown = at(Form::Threshold, 0, "");
