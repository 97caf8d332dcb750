//! A sweep for people: the answer in words, then a row for each point.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, TableStyle, presets};

use crate::base::text::{count, ns};
use crate::base::visible;
use crate::plan::sweep::shown;
use crate::result::sweep::manifest::{SweepManifest, TrialState};
use crate::result::sweep::points::{PointSummary, Spread, spread};

/// The sweep for a terminal.
#[must_use]
pub fn terminal(book: &SweepManifest) -> String {
    let book = &*visible::shown(book);
    let mut out = format!("{}\n", head(book));
    for line in &book.conclusions {
        let _ = writeln!(out, "  {line}");
    }
    let _ = write!(out, "\n{}\n", points(book, presets::NOTHING));
    let _ = write!(out, "end to end, p50 p99 p99.9 in ms\n{}", matrix(book));
    for line in left_out(book) {
        let _ = writeln!(out, "  ! {line}");
    }
    if book.points.iter().any(|point| !point.counts) {
        let _ = writeln!(out, "  * {STARRED}");
    }
    out
}

/// What a star beside a number of runs means.
const STARRED: &str = "no run of the point is free of a limit of the harness: its figures are \
                       those of the harness, and no conclusion rests on them";

/// The sweep as Markdown.
#[must_use]
pub fn markdown(book: &SweepManifest) -> String {
    let book = &visible::in_markdown(book, &[]);
    let mut out = format!("# {}\n\n", head(book));
    for line in &book.conclusions {
        let _ = writeln!(out, "- {line}");
    }
    let style = presets::ASCII_MARKDOWN;
    let _ = write!(out, "\n## Points\n\n{}\n", points(book, style));
    let _ = write!(out, "## Applications\n\n{}", apps(book, style));
    let left_out = left_out(book);
    if !left_out.is_empty() {
        out.push_str("\n## Left out\n\n");
        for line in left_out {
            let _ = writeln!(out, "- {line}");
        }
    }
    out.push_str(
        "\nFigures are medians over whole runs, with half of their range as a share of it.\n",
    );
    if book.points.iter().any(|point| !point.counts) {
        let _ = writeln!(out, "\n\\* {STARRED}.");
    }
    out
}

fn head(book: &SweepManifest) -> String {
    let state = if book.is_complete() { "" } else { " (not complete: it can be resumed)" };
    format!(
        "sweep {} on {}: {} of {} runs, {} points{state}",
        book.scenario,
        book.broker,
        book.done(),
        book.trials.len(),
        book.points.len(),
    )
}

/// Why runs and points are missing from the conclusions.
fn left_out(book: &SweepManifest) -> Vec<String> {
    let mut lines = Vec::new();
    for (settings, why) in &book.excluded {
        let why = why.first().map_or("", String::as_str);
        lines.push(format!("{}: can't be run: {why}", shown(settings)));
    }
    for (place, entry) in (1..).zip(&book.trials) {
        match &entry.state {
            TrialState::Failed { why } => lines.push(format!("trial {place}: {why}")),
            TrialState::Interrupted => lines.push(format!("trial {place}: interrupted")),
            TrialState::Planned | TrialState::Done { .. } => {}
        }
    }
    lines.extend(book.points.iter().flat_map(|point| point.left_out.clone()));
    // By the number of the trial, whatever point it was of.
    let number = |line: &String| {
        let rest = line.strip_prefix("trial ")?;
        rest.split(':').next()?.parse::<u32>().ok()
    };
    lines.sort_by_key(number);
    lines
}

fn points(book: &SweepManifest, style: TableStyle) -> String {
    let keys: Vec<&String> = book.axes.iter().map(|(key, _)| key).collect();
    let mut table = Table::new();
    let figures = ["runs", "acked/s", "p50", "p99", "p99.9", "lag", "CPU/event", "idle", "limit"];
    table
        .load_style(style)
        .set_header(keys.iter().map(|key| key.as_str()).chain(figures).collect::<Vec<_>>());
    for point in &book.points {
        let mut row: Vec<String> =
            keys.iter().map(|key| point.settings.get(*key).cloned().unwrap_or_default()).collect();
        row.extend(figures_of(point));
        table.add_row(row);
    }
    finished(table, 0)
}

fn figures_of(point: &PointSummary) -> [String; 9] {
    let lag = |seconds: f64| format!("{seconds:.1} s");
    let runs = point.acked_per_s.map_or(0, |acked| acked.runs);
    // A point of which no run counts shows its figures, and that they don't.
    let mark = if point.counts { "" } else { "*" };
    [
        format!("{runs}{mark}"),
        spread(point.acked_per_s, |rate| count(rate.round() as u64)),
        spread(point.worst(|app| app.p50_ns), ns),
        spread(point.worst(|app| app.p99_ns), ns),
        spread(point.worst(|app| app.p99_9_ns), ns),
        point.lag_at_end_s.map_or_else(|| "n/a".to_owned(), |spread| lag(spread.max)),
        spread(point.cpu_us_per_event, |us| format!("{us:.1} µs")),
        point.idle_workers.to_string(),
        point.limit.to_string(),
    ]
}

fn apps(book: &SweepManifest, style: TableStyle) -> String {
    let mut table = Table::new();
    table
        .load_style(style)
        .set_header(["point", "app", "workers", "events/s", "p50", "p99", "p99.9", "scaling"]);
    for point in &book.points {
        for app in &point.apps {
            let scaling = app.efficiency.map(|share| format!("{:.0} %", share * 100.0));
            table.add_row([
                shown(&point.settings),
                app.name.clone(),
                app.workers.to_string(),
                spread(app.consumed_per_s, |rate| count(rate.round() as u64)),
                spread(app.p50_ns, ns),
                spread(app.p99_ns, ns),
                spread(app.p99_9_ns, ns),
                scaling.unwrap_or_else(|| "-".to_owned()),
            ]);
        }
    }
    finished(table, 2)
}

/// The applications side by side, for a terminal: what they say in few words.
fn matrix(book: &SweepManifest) -> String {
    let Some(first) = book.points.iter().find(|point| !point.apps.is_empty()) else {
        return String::new();
    };
    let ms = |spread: Option<Spread>| match spread.map(|spread| spread.median) {
        None => "n/a".to_owned(),
        Some(median) if median.is_infinite() => "endless".to_owned(),
        Some(median) => format!("{:.2}", median / 1e6),
    };
    let mut table = Table::new();
    let names = first.apps.iter().map(|app| app.name.as_str());
    table
        .load_style(presets::NOTHING)
        .set_header(["point"].into_iter().chain(names).collect::<Vec<_>>());
    for point in &book.points {
        let figures = point.apps.iter().map(|app| {
            let all = [app.p50_ns, app.p99_ns, app.p99_9_ns].map(ms).join(" ");
            let scaling = app.efficiency.map(|share| format!(" scaling {:.0} %", share * 100.0));
            all + &scaling.unwrap_or_default()
        });
        table.add_row([shown(&point.settings)].into_iter().chain(figures).collect::<Vec<_>>());
    }
    finished(table, 1)
}

fn finished(mut table: Table, text_columns: usize) -> String {
    for column in table.column_iter_mut().skip(text_columns) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
