//! Stages as they stand in a result and as tables: corrected, uncorrected, and stacked.

use comfy_table::{CellAlignment, Table, TableStyle};

use super::table::{count, duration};
use super::{LatencySummary, RunResult, StackedPercentile};
use crate::record::{Slice, Stack};

/// The percentiles that are taken apart.
const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// The stages near each percentile that has enough samples, and those of the slowest event.
#[must_use]
pub fn stacked(stack: &Stack) -> Vec<StackedPercentile> {
    let percentiles = QUANTILES.iter().map(|&(name, quantile)| (name, stack.at(quantile)));
    percentiles
        .chain([("max", stack.slowest())])
        .filter_map(|(name, slice)| slice.map(|slice| one(name, &slice)))
        .collect()
}

fn one(name: &str, slice: &Slice) -> StackedPercentile {
    StackedPercentile {
        percentile: name.to_owned(),
        events: slice.events,
        end_to_end_ns: slice.arrival_ns + slice.service_ns,
        send_delay_ns: slice.delay_ns,
        broker_ns: slice.arrival_ns - slice.delay_ns.unwrap_or(0.0),
        service_ns: slice.service_ns,
        stalled_ns: slice.stalled_ns,
        host_ns: slice.host_ns,
    }
}

/// A latency in words: of a percentile by its name, or of another figure without one.
type Form<'a> = dyn Fn(&str, Option<i64>) -> String + 'a;

/// Every stage with its percentiles, in one of comfy-table's styles.
pub(super) fn stages(result: &RunResult, style: TableStyle) -> String {
    const HEAD: [&str; 9] =
        ["stage", "samples", "mean", "p50", "p90", "p99 (95 % bounds)", "p99.9", "p99.99", "max"];
    let mut table = Table::new();
    table.load_style(style).set_header(HEAD);
    let mut row = |name: String, stage: &LatencySummary, named: &Form<'_>| {
        let form = |value_ns| named("", value_ns);
        let p99 = match (stage.p99_low_ns, stage.p99_high_ns) {
            (Some(low), Some(high)) => {
                format!(
                    "{} ({} – {})",
                    named("p99", stage.p99_ns),
                    form(Some(low)),
                    form(Some(high))
                )
            }
            _ => named("p99", stage.p99_ns),
        };
        table.add_row([
            name,
            count(stage.count),
            form(stage.mean_ns.map(|mean| mean.round() as i64)),
            named("p50", stage.p50_ns),
            named("p90", stage.p90_ns),
            p99,
            named("p99.9", stage.p99_9_ns),
            named("p99.99", stage.p99_99_ns),
            named("max", stage.max_ns),
        ]);
    };
    let plain = |_: &str, value_ns| duration(value_ns);
    let ack = |name: &str, value_ns| match name {
        "" => duration(value_ns),
        name => result.ack_shown(name),
    };
    row("send delay".to_owned(), &result.send_delay, &plain);
    row("ack".to_owned(), &result.ack, &ack);
    row("ack, uncorrected".to_owned(), &result.ack_uncorrected, &plain);
    for app in &result.apps {
        // Between two processes nothing is known below the bound of their clocks.
        let known = |_: &str, value_ns| app.shown_ns(value_ns);
        let marked = |name: &str, value_ns| match name {
            "" => app.shown_ns(value_ns),
            name => result.end_to_end_shown(app, name),
        };
        row(format!("{}: arrival", app.name), &app.arrival, &known);
        row(format!("{}: service", app.name), &app.service, &plain);
        row(format!("{}: end to end", app.name), &app.end_to_end, &marked);
        let uncorrected = format!("{}: end to end, uncorrected", app.name);
        row(uncorrected, &app.end_to_end_uncorrected, &known);
    }
    drawn(table, 1)
}

/// Where the time of the events near each percentile went.
pub(super) fn stacks(result: &RunResult, style: TableStyle) -> String {
    const HEAD: [&str; 9] = [
        "app",
        "near",
        "events",
        "end to end",
        "send delay",
        "client and broker",
        "service",
        "host",
        "harness",
    ];
    let mut table = Table::new();
    table.load_style(style).set_header(HEAD);
    let mean = |ns: f64| duration(Some(ns.round() as i64));
    let known = |ns: Option<f64>| ns.map_or_else(|| "n/a".to_owned(), mean);
    let share = |slice: &StackedPercentile| {
        let mark = if slice.is_marked() { "*" } else { "" };
        let share = slice.harness_share();
        share.map_or_else(|| "n/a".to_owned(), |share| format!("{:.0} %{mark}", share * 1e2))
    };
    for (name, stack) in result.stacks() {
        for slice in stack {
            table.add_row([
                name.to_owned(),
                slice.percentile.clone(),
                count(slice.events),
                mean(slice.end_to_end_ns),
                known(slice.send_delay_ns),
                mean(slice.broker_ns),
                mean(slice.service_ns),
                known(slice.stalled_ns),
                share(slice),
            ]);
        }
    }
    drawn(table, 2)
}

/// The table's lines, with the columns from `numbers` on set to the right.
fn drawn(mut table: Table, numbers: usize) -> String {
    for column in table.column_iter_mut().skip(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
