//! The run over time: the applications' rows on the senders' intervals.

use super::reading::CompletePart;
use super::sending::SendingPart;
use crate::result::{AppInterval, Interval};

/// Lays the applications' rows on the senders' intervals, up to the last sign of life.
pub(super) fn lay(series: &mut Vec<Interval>, apps: &[CompletePart], sent: &SendingPart) {
    let last = |app: &CompletePart| app.rows.keys().next_back().map_or(0, |at| at + 1);
    let end = apps.iter().map(last).fold(series.len() as u64, u64::max);
    for at in series.len() as u64..end {
        let from_s = (at * sent.interval_ns) as f64 / 1e9;
        let unanswered = sent.unanswered.get(&at).copied();
        series.push(Interval { from_s, unanswered, ..Interval::default() });
    }
    for (at, interval) in (0..).zip(series) {
        let app = |app: &CompletePart| AppInterval {
            lag_records: app.part.lags.get(&at).map(|lag| lag.records),
            lag_s: app.part.lags.get(&at).and_then(|lag| lag.seconds),
            ..app.rows.get(&at).map_or_else(AppInterval::default, AppInterval::of)
        };
        interval.apps = apps.iter().map(app).collect();
        interval.host_stall_ns = sent.stalls_ns.get(&at).copied();
    }
}
