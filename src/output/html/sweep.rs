//! A sweep's page: the answer, its points as a table, heat maps and lines.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::chart::{Chart, ChartSeries};
use super::page;
use crate::output::sweep::PointColumn;
use crate::plan::metric::{Form, FormEntry, Unit};
use crate::plan::sweep::shown;
use crate::result::Saved;
use crate::result::sweep::manifest::SweepManifest;
use crate::result::sweep::points::{PointSummary, Spread, sorted_values};

/// The unit that a metric's charts show, and how many of it the metric's own unit is.
fn scale(unit: Unit) -> (&'static str, f64) {
    match unit {
        Unit::Nanoseconds => ("ms", 1e-6),
        Unit::Microseconds => ("µs", 1.0),
        Unit::PerSecond => ("events/s", 1.0),
        Unit::Count | Unit::Ratio => ("", 1.0),
    }
}

/// A heat map for each pair of the first two axes, and lines along the first with a line for each
/// value of the others.
pub(super) fn charts(book: &SweepManifest) -> Vec<Chart> {
    let keys: Vec<&str> = book.axes.iter().map(|(key, _)| key.as_str()).collect();
    let mut charts = Vec::new();
    if let [down, across] = keys.as_slice() {
        for entry in FormEntry::of(Form::HeatMap) {
            charts.extend(heat(book, &entry, across, down));
        }
    }
    if let Some(along) = along(book) {
        for entry in FormEntry::of(Form::LineChart) {
            charts.push(lines(book, &entry, along));
        }
    }
    charts
}

/// The axis that the lines go along: of those whose values are numbers the one with the most of
/// them, for a line between two words means little.
fn along(book: &SweepManifest) -> Option<&str> {
    let is_numeric = |values: &[String]| values.iter().all(|value| value.parse::<f64>().is_ok());
    let rank = |(_, values): &&(String, Vec<String>)| (is_numeric(values), values.len());
    // The first of equals.
    book.axes.iter().rev().max_by_key(rank).map(|(key, _)| key.as_str())
}

fn heat(book: &SweepManifest, entry: &FormEntry, across: &str, down: &str) -> Option<Chart> {
    let (unit, factor) = scale(entry.row.unit);
    let (xs, ys) = (sorted_values(&book.points, across), sorted_values(&book.points, down));
    let mut cells = Vec::new();
    let mut texts = Vec::new();
    for point in &book.points {
        let place = |values: &[String], key: &str| {
            values.iter().position(|value| Some(value) == point.settings.get(key))
        };
        let (x, y) = (place(&xs, across)?, place(&ys, down)?);
        let spread = point.spread(entry);
        cells.push(json!([x, y, spread.map(|spread| spread.median * factor)]));
        let mark = if point.counts { "" } else { " (limited by the harness)" };
        texts.push(format!("{}: {}{mark}", shown(&point.settings), range(entry, spread)));
    }
    Some(Chart {
        id: format!("heat-{}", entry.shown.key),
        title: format!("{} by {down} and {across}", capital(entry.shown.words)),
        note: if book.repeats > 1 {
            "The median of each point's runs; hover for their range."
        } else {
            "One run of each point."
        }
        .to_owned(),
        x: json!({ "name": across }),
        y: json!({ "name": down }),
        heat: Some(json!({
            "xs": xs, "ys": ys, "cells": cells, "texts": texts, "unit": unit,
        })),
        ..Chart::default()
    })
}

/// `5.1 ms, runs 4.9 to 5.4`.
fn range(entry: &FormEntry, spread: Option<Spread>) -> String {
    let Some(Spread { median, min, max, runs }) = spread else {
        return "n/a".to_owned();
    };
    if median.is_infinite() {
        return format!("endless: too much was never delivered, {runs} runs");
    }
    let (unit, factor) = scale(entry.row.unit);
    let [median, min, max] = [median, min, max].map(|value| value * factor);
    let digits = if median < 100.0 { 2 } else { 0 };
    if runs < 2 {
        format!("{median:.digits$} {unit}, one run")
    } else {
        format!("{median:.digits$} {unit}, {runs} runs from {min:.digits$} to {max:.digits$}")
    }
}

fn lines(book: &SweepManifest, entry: &FormEntry, along: &str) -> Chart {
    let values = sorted_values(&book.points, along);
    let (unit, factor) = scale(entry.row.unit);
    let mut series: Vec<ChartSeries> = Vec::new();
    let others = |point: &PointSummary| {
        let mut settings = point.settings.clone();
        settings.remove(along);
        if settings.is_empty() { entry.shown.words.to_owned() } else { shown(&settings) }
    };
    for point in &book.points {
        let name = others(point);
        if !series.iter().any(|one| one.name.starts_with(&name) && one.name.len() == name.len()) {
            let (color, median) = (series.len() / 3, series.len());
            for (what, pick) in [
                ("", (|spread| spread.median) as fn(Spread) -> f64),
                (" least", |spread| spread.min),
                (" greatest", |spread| spread.max),
            ] {
                let at = |value: &String| -> Value {
                    let here = book.points.iter().find(|other| {
                        others(other) == name && other.settings.get(along) == Some(value)
                    });
                    let spread = here.and_then(|point| point.spread(entry));
                    let value = json!(spread.map(|spread| pick(spread) * factor));
                    match here {
                        // Marked: the harness was the limit.
                        Some(point) if !point.counts => {
                            json!({ "value": value, "symbol": "triangle", "symbolSize": 10 })
                        }
                        _ => value,
                    }
                };
                let mut line =
                    ChartSeries::line(format!("{name}{what}"), values.iter().map(at).collect());
                (line.color, line.symbols) = (Some(color), true);
                if !what.is_empty() {
                    (line.dash, line.of) = (true, Some(median));
                }
                series.push(line);
            }
        }
    }
    let is_endless =
        |point: &PointSummary| point.spread(entry).is_some_and(|spread| spread.max.is_infinite());
    let has_spread = book.repeats > 1;
    if !has_spread {
        series.retain(|one| !one.dash);
        series.iter_mut().for_each(|one| one.of = None);
    }
    Chart {
        id: format!("line-{}", entry.shown.key),
        title: format!("{} along {along}", capital(entry.shown.words)),
        note: lines_note(book, has_spread, book.points.iter().any(is_endless)),
        x: json!({ "name": along, "type": "category", "values": values }),
        y: json!({ "name": unit, "unit": unit, "type": "value" }),
        series,
        ..Chart::default()
    }
}

fn lines_note(book: &SweepManifest, has_spread: bool, is_endless: bool) -> String {
    [
        if has_spread {
            "Medians over the runs of a point; dashed, their least and greatest."
        } else {
            "One run of each point: what looks like a difference may be chance."
        },
        if book.points.iter().all(|point| point.counts) {
            ""
        } else {
            " Triangles: the harness was the limit."
        },
        if is_endless { " Gaps: without end, because too much was never delivered." } else { "" },
    ]
    .concat()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(super) fn body(book: &SweepManifest, results: &[Saved], charts: &[Chart]) -> Markup {
    let below = format!(
        "On {}. Started {}, sweep {}: {} of {} runs{}.",
        book.broker,
        page::date(&book.started),
        book.sweep,
        book.done(),
        book.trials.len(),
        if book.is_complete() { "" } else { "; it can be resumed" },
    );
    html! {
        (page::heading(&format!("Sweep {}", book.scenario), &below))
        h2 { "The answer" }
        ul.said { @for line in &book.conclusions { li { (line) } } }
        h2 { "Points" }
        (points(book))
        (page::charts("Charts", charts))
        h2 { "Runs" }
        (runs(results))
        @if !book.excluded.is_empty() {
            h2 { "Left out: no run can be so" }
            ul.said {
                @for (settings, why) in &book.excluded {
                    li { (shown(settings)) ": " (why.first().map_or("", String::as_str)) }
                }
            }
        }
    }
}

fn points(book: &SweepManifest) -> Markup {
    let columns = PointColumn::all();
    // The page has room for what the lag is.
    let head = |column: &PointColumn| match column.head() {
        "lag" => "end lag",
        head => head,
    };
    html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th { "point" }
                        @for column in &columns { th scope="col" { (head(column)) } }
                    }
                }
                tbody {
                    @for point in &book.points {
                        tr {
                            th scope="row" { (shown(&point.settings)) }
                            @for column in &columns { td { (column.cell(point)) } }
                        }
                    }
                }
            }
        }
        p.note {
            "Latencies are end to end, of the slowest application. Medians over whole runs; ±: \
             half of their range. idle: workers without a partition."
            @if book.points.iter().any(|point| !point.counts) {
                " *: the harness was the limit of every run, so no conclusion rests on it."
            }
        }
    }
}

fn runs(results: &[Saved]) -> Markup {
    html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th { "run" } th.text scope="col" { "point" }
                        th scope="col" { "verdict" } th.text scope="col" { "flags" }
                    }
                }
                tbody {
                    @for saved in results {
                        @let name = saved.folder.file_name().unwrap_or_default().to_string_lossy();
                        @let (word, class) = page::word(&saved.result);
                        tr {
                            th scope="row" { a href={ (name) "/report.html" } { (name) } }
                            td.text {
                                (saved.result.trial.as_ref().map(|trial| shown(&trial.point))
                                    .unwrap_or_default())
                            }
                            td class=(class) { (word) }
                            td.text { (saved.result.verdict.flags.join("; ")) }
                        }
                    }
                }
            }
        }
    }
}
