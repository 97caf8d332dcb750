//! The run over time, with what the applications did in each interval.

use super::Merged;
use crate::result::{AppInterval, Interval, RunResult};
use crate::run::parts::part::ProducerPart;

/// Lays the applications' rows on the producer's intervals, and looks how far behind they were.
pub(super) fn fill(result: &mut RunResult, producer: &ProducerPart, merged: &mut [Merged<'_>]) {
    let interval_s = producer.interval_ns as f64 / 1e9;
    let last = |app: &Merged<'_>| app.rows.keys().next_back().map_or(0, |at| at + 1);
    let end = merged.iter().map(last).fold(result.series.len() as u64, u64::max);
    for at in result.series.len() as u64..end {
        let from_s = at as f64 * interval_s;
        result.series.push(Interval { from_s, ..Interval::default() });
    }
    let mut acked = 0;
    let mut seen = vec![0; merged.len()];
    for (at, interval) in (0..).zip(&mut result.series) {
        acked += interval.acked;
        interval.apps = merged
            .iter()
            .zip(&mut seen)
            .map(|(app, seen)| {
                let row = app.rows.get(&at);
                *seen += row.map_or(0, |row| row.events);
                AppInterval {
                    lag_records: Some(u64::saturating_sub(acked, *seen)),
                    ..row.map_or_else(AppInterval::default, AppInterval::of)
                }
            })
            .collect();
    }
    let seconds = producer.measured.clone().count() as f64 * interval_s;
    for app in merged.iter_mut() {
        let rows = app.rows.range(producer.measured.clone());
        let events: u64 = rows.map(|(_, row)| row.events).sum();
        app.consumed_per_s = if seconds > 0.0 { events as f64 / seconds } else { 0.0 };
    }
    lag(result, producer, interval_s);
}

/// Unread records of the slowest application when the schedule ended.
fn lag(result: &mut RunResult, producer: &ProducerPart, interval_s: f64) {
    let at_end = usize::try_from(producer.intervals.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(interval) = result.series.get(at_end) else {
        return;
    };
    let records = interval.apps.iter().filter_map(|app| app.lag_records).max().unwrap_or(0);
    let rate = (interval.offered as f64 / interval_s).max(1.0);
    result.watch.lag_at_end_records = records;
    result.watch.lag_at_end_s = records as f64 / rate;
}
