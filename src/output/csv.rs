//! The run over time as CSV: a row for each interval and application, for spreadsheets and for
//! tools that look for changes.

use crate::base::error::{Error, Result};
use crate::base::visible;
use crate::measure::latency::Reading;
use crate::plan::metric::Statistic;
use crate::result::RunResult;

/// The columns; units stand last in their names.
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
    writer.write_record(HEAD).map_err(|error| fault(error.to_string()))?;
    for result in results {
        let result = &*visible::shown(result);
        for (row, span) in result.series.iter().zip(result.spans()) {
            for (app, seen) in result.apps.iter().zip(&row.apps) {
                let known = |statistic| match seen.reading(statistic) {
                    Reading::Endless(_) => "inf".to_owned(),
                    reading => {
                        app.known_ns(reading.value_ns()).map_or(String::new(), |ns| ns.to_string())
                    }
                };
                let bound_ns = app.clock.and_then(|clock| clock.bound_ns);
                let fields = [
                    result.scenario.clone(),
                    result.run.clone(),
                    result.started.clone(),
                    row.from_s.to_string(),
                    row.offered.to_string(),
                    row.sent.to_string(),
                    row.acked.to_string(),
                    app.name.clone(),
                    seen.seen.to_string(),
                    seen.lag_records.map_or(String::new(), |lag| lag.to_string()),
                    seen.lag_s.map_or(String::new(), |lag| lag.to_string()),
                    known(Statistic::P50),
                    known(Statistic::P99),
                    known(Statistic::Max),
                    result.verdict.valid.to_string(),
                    span.to_s.to_string(),
                    bound_ns.map_or(String::new(), |ns| ns.to_string()),
                    seen.count.to_string(),
                    seen.never_delivered.to_string(),
                    row.host_stall_ns.map_or(String::new(), |ns| ns.to_string()),
                ];
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

    #[test]
    fn every_interval_of_every_application_is_a_row_that_can_be_read_back() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
        let saved = crate::result::load_all(&folder).unwrap();
        let text = csv(saved.iter().map(|saved| &saved.result)).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap(), HEAD.as_slice());
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
