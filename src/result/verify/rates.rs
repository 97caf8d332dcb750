//! Rates from the series, and the series against the ledger and the stages.

use super::{Audit, is_ours};
use crate::result::{Interval, RunResult};

/// From here on a slot is late, in ns.
const LATE_NS: u64 = 10_000_000;

/// The intervals that a plan may have, in ms: up to an hour.
const INTERVALS_MS: std::ops::RangeInclusive<u64> = 1..=3_600_000;

/// Recomputes all of them.
pub(super) fn check(result: &RunResult, audit: &mut Audit) {
    let Some(interval_ms) =
        result.plan["measure"]["interval_ms"].as_u64().filter(|ms| INTERVALS_MS.contains(ms))
    else {
        audit.notes.push("rates: the plan has no measure.interval".to_owned());
        return;
    };
    let measured = measured(result, interval_ms, audit);
    rates(result, &measured, interval_ms, audit);
    series(result, interval_ms, audit);
    rows(result, audit);
    watch(result, &measured, interval_ms, audit);
    cpu(result, audit);
}

/// The intervals that the rates are about: those that lie wholly within the measured part, of a
/// run that was cut short as far as it came.
fn measured(result: &RunResult, interval_ms: u64, audit: &mut Audit) -> std::ops::Range<usize> {
    let ns = |seconds: f64| (seconds * 1e9).round() as u64;
    let warm = result.phases.iter().filter(|phase| phase.warmup).map(|phase| ns(phase.to_s));
    let end = result.phases.iter().map(|phase| ns(phase.to_s)).max().unwrap_or(0);
    let interval_ns = interval_ms * 1_000_000;
    let first = warm.max().unwrap_or(0).div_ceil(interval_ns);
    let last = (end / interval_ns).max(first);
    let count = (result.throughput.measured_s * 1e3 / interval_ms as f64).round() as u64;
    let offered = result.series.iter().rposition(|row| row.offered > 0);
    let offered = offered.map_or(0, |last| last as u64 + 1);
    let is_cut = result.verdict.interrupted_by.is_some() || offered < end.div_ceil(interval_ns);
    let seconds = |count: u64| (count * interval_ms) as f64 / 1e3;
    if is_cut {
        let holds = count <= last - first;
        let most = format!("{} at most", seconds(last - first));
        audit.require("throughput.measured_s", holds, result.throughput.measured_s, most);
    } else {
        audit.near("throughput.measured_s", result.throughput.measured_s, seconds(last - first));
    }
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    place(first)..place(first + count.min(last - first))
}

fn rates(
    result: &RunResult,
    measured: &std::ops::Range<usize>,
    interval_ms: u64,
    audit: &mut Audit,
) {
    let seconds = (measured.len() as u64 * interval_ms) as f64 / 1e3;
    let rows = || result.series.iter().skip(measured.start).take(measured.len());
    let per_s = |count: &dyn Fn(&Interval) -> u64| {
        let sum: u64 = rows().map(count).sum();
        if seconds > 0.0 { sum as f64 / seconds } else { 0.0 }
    };
    let throughput = &result.throughput;
    audit.near("throughput.offered_per_s", throughput.offered_per_s, per_s(&|row| row.offered));
    audit.near("throughput.accepted_per_s", throughput.accepted_per_s, per_s(&|row| row.sent));
    audit.near("throughput.acked_per_s", throughput.acked_per_s, per_s(&|row| row.acked));
    for (place, app) in result.apps.iter().enumerate() {
        let seen = |row: &Interval| row.apps.get(place).map_or(0, |app| app.seen);
        let name = format!("apps.{}.consumed_per_s", app.name);
        audit.near(name, app.consumed_per_s, per_s(&seen));
    }
}

/// The series adds up to the ledger.
fn series(result: &RunResult, interval_ms: u64, audit: &mut Audit) {
    let ledger = &result.ledger;
    let sum = |count: &dyn Fn(&Interval) -> u64| result.series.iter().map(count).sum::<u64>();
    for (figure, sum, whole) in [
        ("offered", sum(&|row| row.offered), ledger.offered),
        ("acked", sum(&|row| row.acked), ledger.acked),
    ] {
        audit.same(format!("series.{figure}"), sum, whole);
    }
    // What the client refused for good was offered to it, and not taken.
    if result.verdict.valid {
        audit.same("series.sent", sum(&|row| row.sent), ledger.sent);
    }
    for (place, (app, ledger)) in result.apps.iter().zip(&ledger.apps).enumerate() {
        let seen = sum(&|row| row.apps.get(place).map_or(0, |app| app.seen));
        audit.same(format!("series.apps.{}.seen", app.name), seen, ledger.seen);
    }
    for (at, row) in result.series.iter().enumerate() {
        let from_s = (at as u64 * interval_ms) as f64 / 1e3;
        audit.near(format!("series[{at}].from_s"), row.from_s, from_s);
    }
}

/// Within a row the percentiles rise, and all rows together are the stage.
fn rows(result: &RunResult, audit: &mut Audit) {
    for (place, app) in result.apps.iter().enumerate() {
        let rows = || result.series.iter().filter_map(|row| row.apps.get(place));
        for (at, row) in rows().enumerate() {
            let figures: Vec<i64> =
                [row.p50_ns, row.p99_ns, row.max_ns].into_iter().flatten().collect();
            let name = format!("series[{at}].apps.{}", app.name);
            audit.require(name, figures.is_sorted(), format!("{figures:?}"), "p50 <= p99 <= max");
            let name = format!("series[{at}].apps.{}.endless_ns", app.name);
            audit.same(name, row.endless_ns.is_some(), row.never_delivered > 0);
        }
        let (name, stage) = (format!("series.apps.{}", app.name), &app.end_to_end);
        let greatest = rows().filter_map(|row| row.max_ns).max();
        if stage.never_delivered == 0 {
            audit.same(format!("{name}.max_ns"), greatest, stage.max_ns);
        }
        // Older rows have none.
        let count: u64 = rows().map(|row| row.count).sum();
        if count > 0 || is_ours(result) {
            audit.same(format!("{name}.count"), count, stage.count);
            let never: u64 = rows().map(|row| row.never_delivered).sum();
            audit.same(format!("{name}.never_delivered"), never, stage.never_delivered);
        }
    }
}

/// What the harness saw of itself, as far as it follows from the rest.
fn watch(
    result: &RunResult,
    measured: &std::ops::Range<usize>,
    interval_ms: u64,
    audit: &mut Audit,
) {
    let watch = &result.watch;
    let rows = result.series.iter().skip(measured.start).take(measured.len());
    let most = rows.map(|row| row.offered).max().unwrap_or(0);
    let peak = most as f64 * 1e3 / interval_ms as f64;
    // Older results have none.
    if watch.offered_peak_per_s > 0.0 || is_ours(result) {
        audit.near("watch.offered_peak_per_s", watch.offered_peak_per_s, peak);
    }
    let slip = result.send_delay.p99_ns.map(|ns| u64::try_from(ns).unwrap_or(0));
    audit.same("watch.slip_p99_ns", watch.slip_p99_ns, slip);
    if let Ok(counts) = super::histogram::NonZeroCounts::read(&result.send_delay.histogram)
        && result.send_delay.count > 0
    {
        // A place that the limit cuts may count on either side.
        let all = result.send_delay.count as f64;
        let above = counts.between(LATE_NS, u64::MAX) + result.send_delay.over_range;
        let cut = counts.between(LATE_NS - LATE_NS / 500, LATE_NS + LATE_NS / 500) as f64 / all;
        let share = above as f64 / all;
        let holds = (watch.late_share - share).abs() <= cut + 1e-9;
        audit.require("watch.late_share", holds, watch.late_share, share);
    }
}

/// CPU for an event is CPU over one number of events, whichever kind of thread it is; of several
/// processes it is that of all.
fn cpu(result: &RunResult, audit: &mut Audit) {
    if let Some(all_s) = result.watch.cpu_measured_s.filter(|_| !result.processes.is_empty()) {
        let each = result.processes.iter().filter_map(|process| process.cpu_measured_s);
        audit.near("watch.cpu_measured_s", all_s, each.sum());
    }
    let events = |cpu_s: f64, us: f64| cpu_s * 1e6 / us;
    let rows = result.cpu.iter().filter_map(|row| Some((row, row.cpu_us_per_event?)));
    let (used, mut idle): (Vec<_>, Vec<_>) =
        rows.partition(|(row, us)| *us > 0.0 && row.cpu_s > 0.0);
    // Threads that used nothing cost nothing.
    idle.retain(|(row, us)| *us != 0.0 || row.cpu_s != 0.0);
    for (row, us) in idle {
        audit.near(format!("cpu.{}.cpu_us_per_event", row.kind), us, row.cpu_s);
    }
    let Some(((first, us), others)) = used.split_first() else { return };
    let known = events(first.cpu_s, *us);
    for (row, us) in others {
        audit.near(format!("cpu.{}.cpu_us_per_event", row.kind), events(row.cpu_s, *us), known);
    }
}
