//! The run over time as CSV: a row for each interval and application, for spreadsheets and for
//! tools that look for changes.

use crate::base::error::{Error, Result};
use crate::base::visible;
use crate::plan::metric::{Form, FormEntry};
use crate::result::{AppInterval, AppResult, Interval, IntervalSpan, RunResult, metric};

/// What a row is of.
pub(super) struct CsvRow<'r> {
    result: &'r RunResult,
    interval: &'r Interval,
    span: IntervalSpan,
    app: &'r AppResult,
    seen: &'r AppInterval,
}

/// A column that is no metric: its place among the metrics, its name, its text.
pub(super) type FactColumn = (u16, &'static str, fn(&CsvRow<'_>) -> String);

/// Units stand last in their names.
pub(super) const FACTS: [FactColumn; 12] = [
    (10, "scenario", |row| row.result.scenario.clone()),
    (20, "run", |row| row.result.run.clone()),
    (30, "started", |row| row.result.started.clone()),
    (35, "from_s", |row| row.interval.from_s.to_string()),
    (70, "app", |row| row.app.name.clone()),
    (100, "lag_s", |row| known(row.seen.lag_s)),
    (140, "valid", |row| row.result.verdict.valid.to_string()),
    (150, "to_s", |row| row.span.to_s.to_string()),
    (160, "clock_bound_ns", |row| known(row.app.clock.and_then(|clock| clock.bound_ns))),
    (170, "due_measured", |row| row.seen.count.to_string()),
    (180, "never_delivered", |row| row.seen.never_delivered.to_string()),
    (190, "host_stall_ns", |row| known(row.interval.host_stall_ns)),
];

/// What was not measured is empty; a latency without end is `inf`.
fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// One column.
enum CsvColumn {
    Fact(&'static FactColumn),
    Metric(FormEntry),
}

impl CsvColumn {
    fn all() -> Vec<Self> {
        let metrics = FormEntry::of(Form::Csv).into_iter().map(Self::Metric);
        let mut all: Vec<Self> = FACTS.iter().map(Self::Fact).chain(metrics).collect();
        all.sort_by_key(|column| match column {
            Self::Fact((place, ..)) => *place,
            Self::Metric(entry) => entry.shown.place,
        });
        all
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Fact((_, name, _)) => name,
            Self::Metric(entry) => entry.shown.key,
        }
    }

    /// Of the interval; where only the run has it, of the run.
    fn text(&self, row: &CsvRow<'_>) -> String {
        match self {
            Self::Fact((.., text)) => text(row),
            Self::Metric(entry) => {
                let metric = entry.metric(&row.app.name);
                let here = metric::in_interval(&metric, (row.interval, row.seen), row.app);
                known(here.unwrap_or_else(|| metric::value(&metric, row.result)))
            }
        }
    }
}

/// Every interval of some runs, oldest first; what was not measured is empty, and so is a latency
/// below `clock_bound_ns`: between two processes no more is known of it than that.
///
/// `sent`, `acked` and `seen` are what came through in the interval. The latencies are those of the
/// `due_measured` events that were due in it, whenever they came through; `inf` is one without end,
/// because so many of them were `never_delivered`.
///
/// # Errors
/// [`Error::Internal`] when memory can't be written, which does not happen.
pub fn csv<'r>(results: impl IntoIterator<Item = &'r RunResult>) -> Result<String> {
    let fault = |what: String| Error::Internal(format!("writing CSV: {what}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = CsvColumn::all();
    let heads = columns.iter().map(CsvColumn::name);
    writer.write_record(heads).map_err(|error| fault(error.to_string()))?;
    for result in results {
        let result = &*visible::shown(result);
        for (interval, span) in result.series.iter().zip(result.spans()) {
            for (app, seen) in result.apps.iter().zip(&interval.apps) {
                let row = CsvRow { result, interval, span, app, seen };
                let fields = columns.iter().map(|column| column.text(&row));
                writer.write_record(fields).map_err(|error| fault(error.to_string()))?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(|error| fault(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| fault(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::AppClock;
    use std::path::Path;

    const HEAD: [&str; 20] = [
        "scenario",
        "run",
        "started",
        "from_s",
        "offered",
        "sent",
        "acked",
        "app",
        "seen",
        "lag_records",
        "lag_s",
        "p50_ns",
        "p99_ns",
        "max_ns",
        "valid",
        "to_s",
        "clock_bound_ns",
        "due_measured",
        "never_delivered",
        "host_stall_ns",
    ];

    #[test]
    fn every_interval_of_every_application_is_a_row_that_can_be_read_back() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
        let saved = crate::result::load_all(&folder).unwrap();
        let text = csv(saved.iter().map(|saved| &saved.result)).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        // Further columns come behind these.
        let heads: Vec<&str> = reader.headers().unwrap().iter().take(HEAD.len()).collect();
        assert_eq!(heads, HEAD);
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        let expected: usize =
            saved.iter().map(|one| one.result.series.len() * one.result.apps.len()).sum();
        assert_eq!(rows.len(), expected);
        let first = &saved[0].result;
        let seen: u64 = rows
            .iter()
            .filter(|row| row[1] == first.run && row[7] == first.apps[0].name)
            .map(|row| row[8].parse::<u64>().unwrap())
            .sum();
        assert_eq!(seen, first.ledger.apps[0].seen);
        let lengths: Vec<f64> = rows
            .iter()
            .filter(|row| row[1] == first.run && row[7] == first.apps[0].name)
            .map(|row| row[15].parse::<f64>().unwrap() - row[3].parse::<f64>().unwrap())
            .collect();
        let (last, whole) = lengths.split_last().unwrap();
        assert!(whole.iter().all(|length| (length - 1.0).abs() < 1e-9), "{lengths:?}");
        assert!(*last < 1.0, "the run ended within its last interval: {last}");
    }

    #[test]
    fn a_latency_below_the_bound_of_the_clocks_is_left_out() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
        let mut run = crate::result::load_all(&folder).unwrap().remove(0).result;
        run.apps[1].clock = Some(AppClock { bound_ns: Some(3_600_000_000_000), usable: false });
        let text = csv([&run]).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        let of = |app: usize| {
            let name = run.apps[app].name.as_str();
            rows.iter().filter(move |row| &row[7] == name)
        };
        assert!(of(0).any(|row| !row[11].is_empty()) && of(0).all(|row| row[16].is_empty()));
        assert!(of(1).all(|row| [11, 12, 13].iter().all(|column| row[*column].is_empty())));
        assert!(of(1).all(|row| &row[16] == "3600000000000"));
    }
}
