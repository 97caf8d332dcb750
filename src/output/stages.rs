//! Stages as they stand in a result and as tables: corrected, uncorrected, and stacked.

use comfy_table::{CellAlignment, Table, TableStyle};

use crate::base::text::{count, duration};
use crate::measure::latency::{Breakdown, BreakdownShare, Latency};
use crate::plan::metric::Statistic;
use crate::result::{LatencySummary, RunResult, StackedPercentile};

/// The percentiles that are taken apart.
const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// The stages near each percentile that has enough samples, and those of the slowest event; of a
/// percentile without end there are none.
#[must_use]
pub fn stacked(stack: &Breakdown, end_to_end: Option<&Latency>) -> Vec<StackedPercentile> {
    let never = end_to_end.map_or(0, Latency::never_delivered);
    let percentiles = QUANTILES.iter().map(|&(name, quantile)| (name, stack.at(quantile, never)));
    let slowest = if never > 0 { "max of the delivered" } else { "max" };
    percentiles
        .chain([(slowest, stack.slowest())])
        .filter_map(|(name, slice)| slice.map(|slice| one(name, &slice)))
        .collect()
}

fn one(name: &str, slice: &BreakdownShare) -> StackedPercentile {
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

/// A latency in words.
type LatencyForm<'a> = dyn Fn(Option<i64>) -> String + 'a;

/// A stage's figure in words, marks and all.
type Named<'a> = dyn Fn(&LatencySummary, Statistic) -> String + 'a;

/// Every stage with its percentiles, in one of comfy-table's styles.
pub(crate) fn stages(result: &RunResult, style: TableStyle) -> String {
    const HEAD: [&str; 9] =
        ["stage", "samples", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"];
    let mut table = Table::new();
    table.load_style(style).set_header(HEAD);
    let mut row =
        |name: String, stage: &LatencySummary, form: &LatencyForm<'_>, named: &Named<'_>| {
            let shown = |statistic| named(stage, statistic);
            let resting = |statistic| stage.with_episodes(statistic, named(stage, statistic));
            table.add_row([
                name.clone(),
                count(stage.count),
                shown(Statistic::Mean),
                shown(Statistic::P50),
                shown(Statistic::P90),
                resting(Statistic::P99),
                resting(Statistic::P99_9),
                resting(Statistic::P99_99),
                shown(Statistic::Max),
            ]);
            if let Some(delivered) = &stage.delivered {
                let shown = |statistic| form(delivered.value_ns(statistic));
                table.add_row([
                    format!("{name}, of the delivered"),
                    count(delivered.count),
                    shown(Statistic::Mean),
                    shown(Statistic::P50),
                    shown(Statistic::P90),
                    shown(Statistic::P99),
                    shown(Statistic::P99_9),
                    shown(Statistic::P99_99),
                    shown(Statistic::Max),
                ]);
            }
        };
    let plain = |stage: &LatencySummary, statistic| stage.shown(statistic, duration);
    let ack = |_: &LatencySummary, statistic| result.ack_shown(statistic);
    row("send delay".to_owned(), &result.send_delay, &duration, &plain);
    row("ack".to_owned(), &result.ack, &duration, &ack);
    row("ack, uncorrected".to_owned(), &result.ack_uncorrected, &duration, &plain);
    for app in &result.apps {
        // Between two processes nothing is known below the bound of their clocks.
        let known = |value_ns| app.shown_ns(value_ns);
        let all = |stage: &LatencySummary, statistic| stage.shown(statistic, known);
        let marked = |_: &LatencySummary, statistic| result.end_to_end_shown(app, statistic);
        row(format!("{}: arrival", app.name), &app.arrival, &known, &all);
        row(format!("{}: service", app.name), &app.service, &duration, &plain);
        row(format!("{}: end to end", app.name), &app.end_to_end, &known, &marked);
        let uncorrected = format!("{}: end to end, uncorrected", app.name);
        row(uncorrected, &app.end_to_end_uncorrected, &known, &all);
    }
    drawn(table, 1)
}

/// Where the time of the events near each percentile went.
pub(crate) fn stacks(result: &RunResult, style: TableStyle) -> String {
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
