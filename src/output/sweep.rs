//! A sweep for people: the answer in words, then a row for each point.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, TableStyle, presets};

use crate::base::visible;
use crate::plan::metric::{AppStage, Figure, Form, FormEntry};
use crate::plan::sweep::shown;
use crate::result::metric::bare;
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
    let heads: Vec<&str> = end_to_end().iter().map(|column| column.shown.words).collect();
    let _ = write!(out, "end to end, {} in ms\n{}", heads.join(" "), matrix(book));
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
    let columns = PointColumn::all();
    let mut table = Table::new();
    let mut heads: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    for column in &columns {
        heads.push(column.head());
    }
    table.load_style(style).set_header(heads);
    for point in &book.points {
        let settings = keys.iter().map(|key| point.settings.get(*key).cloned().unwrap_or_default());
        let cells = columns.iter().map(|column| column.cell(point));
        table.add_row(settings.chain(cells).collect::<Vec<_>>());
    }
    finished(table, 0)
}

/// A column that is no metric: its place among the metrics, its head, its text.
type PointFact = (u16, &'static str, fn(&PointSummary) -> String);

const FACTS: [PointFact; 4] = [
    (10, "runs", |point| {
        let runs = point.acked_per_s.map_or(0, |acked| acked.runs);
        // A point of which no run counts shows its figures, and that they don't.
        let mark = if point.counts { "" } else { "*" };
        format!("{runs}{mark}")
    }),
    (60, "lag", |point| {
        point.lag_at_end_s.map_or_else(|| "n/a".to_owned(), |lag| format!("{:.1} s", lag.max))
    }),
    (80, "idle", |point| point.idle_workers.to_string()),
    (90, "limit", |point| point.limit.to_string()),
];

/// One column of a sweep's points.
pub(crate) enum PointColumn {
    /// What is no metric.
    Fact(&'static PointFact),
    /// A metric over a point's runs.
    Metric(FormEntry),
}

impl PointColumn {
    /// All of them, in their order.
    pub(crate) fn all() -> Vec<Self> {
        let metrics = FormEntry::of(Form::Sweep).into_iter().map(Self::Metric);
        let mut all: Vec<Self> = FACTS.iter().map(Self::Fact).chain(metrics).collect();
        all.sort_by_key(|column| match column {
            Self::Fact((place, ..)) => *place,
            Self::Metric(entry) => entry.shown.place,
        });
        all
    }

    /// Its head.
    pub(crate) fn head(&self) -> &'static str {
        match self {
            Self::Fact((_, head, _)) => head,
            Self::Metric(entry) => entry.shown.words,
        }
    }

    /// What it says of a point.
    pub(crate) fn cell(&self, point: &PointSummary) -> String {
        match self {
            Self::Fact((.., text)) => text(point),
            Self::Metric(entry) => in_words(entry, point.spread(entry)),
        }
    }
}

/// A metric over several runs, rates without their unit.
fn in_words(entry: &FormEntry, over_runs: Option<Spread>) -> String {
    spread(over_runs, |value| bare(entry.row.unit, value))
}

fn apps(book: &SweepManifest, style: TableStyle) -> String {
    let columns = FormEntry::of(Form::SweepApps);
    let mut table = Table::new();
    let heads = columns.iter().map(|column| column.shown.words);
    let heads = ["point", "app", "workers"].into_iter().chain(heads).chain(["scaling"]);
    table.load_style(style).set_header(heads.collect::<Vec<_>>());
    for point in &book.points {
        for app in &point.apps {
            let scaling = app.efficiency.map(|share| format!("{:.0} %", share * 100.0));
            let facts = [shown(&point.settings), app.name.clone(), app.workers.to_string()];
            let cells = columns.iter().map(|column| in_words(column, app.spread(column)));
            let scaling = scaling.unwrap_or_else(|| "-".to_owned());
            table.add_row(facts.into_iter().chain(cells).chain([scaling]).collect::<Vec<_>>());
        }
    }
    finished(table, 2)
}

/// The end-to-end figures among those of an application.
fn end_to_end() -> Vec<FormEntry> {
    let is_end_to_end =
        |entry: &FormEntry| matches!(entry.figure, Figure::App(AppStage::EndToEnd, _));
    FormEntry::of(Form::SweepApps).into_iter().filter(is_end_to_end).collect()
}

/// The applications side by side, for a terminal: what they say in few words.
fn matrix(book: &SweepManifest) -> String {
    let Some(first) = book.points.iter().find(|point| !point.apps.is_empty()) else {
        return String::new();
    };
    let columns = end_to_end();
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
            let all: Vec<String> = columns.iter().map(|column| ms(app.spread(column))).collect();
            let scaling = app.efficiency.map(|share| format!(" scaling {:.0} %", share * 100.0));
            all.join(" ") + &scaling.unwrap_or_default()
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
