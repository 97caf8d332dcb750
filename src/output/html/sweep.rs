//! A sweep's page: the answer, its points as a table, heat maps and lines.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::chart::{Chart, ChartSeries};
use super::page;
use crate::base::text::{count, ns};
use crate::plan::sweep::shown;
use crate::result::Saved;
use crate::result::sweep::manifest::SweepManifest;
use crate::result::sweep::points::{PointSummary, Spread, sorted_values, spread};

/// One figure of a point, in the unit that its charts show.
struct ChartFigure {
    id: &'static str,
    name: &'static str,
    unit: &'static str,
    pick: fn(&PointSummary) -> Option<Spread>,
    scale: f64,
}

const FIGURES: [ChartFigure; 4] = [
    ChartFigure {
        id: "p99",
        name: "end to end p99 of the slowest application",
        unit: "ms",
        pick: |point| point.worst(|app| app.p99_ns),
        scale: 1e-6,
    },
    ChartFigure {
        id: "p50",
        name: "end to end p50 of the slowest application",
        unit: "ms",
        pick: |point| point.worst(|app| app.p50_ns),
        scale: 1e-6,
    },
    ChartFigure {
        id: "acked",
        name: "acknowledged",
        unit: "events/s",
        pick: |point| point.acked_per_s,
        scale: 1.0,
    },
    ChartFigure {
        id: "cpu",
        name: "CPU of the harness per event",
        unit: "µs",
        pick: |point| point.cpu_us_per_event,
        scale: 1.0,
    },
];

/// A heat map for each pair of the first two axes, and lines along the first with a line for each
/// value of the others.
pub(super) fn charts(book: &SweepManifest) -> Vec<Chart> {
    let keys: Vec<&str> = book.axes.iter().map(|(key, _)| key.as_str()).collect();
    let mut charts = Vec::new();
    if let [down, across] = keys.as_slice() {
        for figure in &FIGURES[..3] {
            charts.extend(heat(book, figure, across, down));
        }
    }
    if let Some(along) = along(book) {
        for figure in &FIGURES {
            charts.push(lines(book, figure, along));
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

fn heat(book: &SweepManifest, figure: &ChartFigure, across: &str, down: &str) -> Option<Chart> {
    let (xs, ys) = (sorted_values(&book.points, across), sorted_values(&book.points, down));
    let mut cells = Vec::new();
    let mut texts = Vec::new();
    for point in &book.points {
        let place = |values: &[String], key: &str| {
            values.iter().position(|value| Some(value) == point.settings.get(key))
        };
        let (x, y) = (place(&xs, across)?, place(&ys, down)?);
        let spread = (figure.pick)(point);
        cells.push(json!([x, y, spread.map(|spread| spread.median * figure.scale)]));
        let mark = if point.counts { "" } else { " (limited by the harness)" };
        texts.push(format!("{}: {}{mark}", shown(&point.settings), range(figure, spread)));
    }
    Some(Chart {
        id: format!("heat-{}", figure.id),
        title: format!("{} by {down} and {across}", capital(figure.name)),
        note: if book.repeats > 1 {
            "The median of each point's runs; hover for their range."
        } else {
            "One run of each point."
        }
        .to_owned(),
        x: json!({ "name": across }),
        y: json!({ "name": down }),
        heat: Some(json!({
            "xs": xs, "ys": ys, "cells": cells, "texts": texts, "unit": figure.unit,
        })),
        ..Chart::default()
    })
}

/// `5.1 ms, runs 4.9 to 5.4`.
fn range(figure: &ChartFigure, spread: Option<Spread>) -> String {
    let Some(Spread { median, min, max, runs }) = spread else {
        return "n/a".to_owned();
    };
    if median.is_infinite() {
        return format!("endless: too much was never delivered, {runs} runs");
    }
    let [median, min, max] = [median, min, max].map(|value| value * figure.scale);
    let digits = if median < 100.0 { 2 } else { 0 };
    let unit = figure.unit;
    if runs < 2 {
        format!("{median:.digits$} {unit}, one run")
    } else {
        format!("{median:.digits$} {unit}, {runs} runs from {min:.digits$} to {max:.digits$}")
    }
}

fn lines(book: &SweepManifest, figure: &ChartFigure, along: &str) -> Chart {
    let values = sorted_values(&book.points, along);
    let mut series: Vec<ChartSeries> = Vec::new();
    let others = |point: &PointSummary| {
        let mut settings = point.settings.clone();
        settings.remove(along);
        if settings.is_empty() { figure.name.to_owned() } else { shown(&settings) }
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
                    let spread = here.and_then(|point| (figure.pick)(point));
                    let value = json!(spread.map(|spread| pick(spread) * figure.scale));
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
        |point: &PointSummary| (figure.pick)(point).is_some_and(|spread| spread.max.is_infinite());
    let has_spread = book.repeats > 1;
    if !has_spread {
        series.retain(|one| !one.dash);
        series.iter_mut().for_each(|one| one.of = None);
    }
    Chart {
        id: format!("line-{}", figure.id),
        title: format!("{} along {along}", capital(figure.name)),
        note: lines_note(book, has_spread, book.points.iter().any(is_endless)),
        x: json!({ "name": along, "type": "category", "values": values }),
        y: json!({ "name": figure.unit, "unit": figure.unit, "type": "value" }),
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
    let ns = |of: Option<Spread>| spread(of, ns);
    html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th { "point" }
                        @for name in ["runs", "acked/s", "p50", "p99", "p99.9", "end lag",
                                      "CPU/event", "idle", "limit"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for point in &book.points {
                        tr {
                            th scope="row" { (shown(&point.settings)) }
                            td {
                                (point.acked_per_s.map_or(0, |spread| spread.runs))
                                @if !point.counts { "*" }
                            }
                            td {
                                (spread(point.acked_per_s, |rate| count(rate.round() as u64)))
                            }
                            td { (ns(point.worst(|app| app.p50_ns))) }
                            td { (ns(point.worst(|app| app.p99_ns))) }
                            td { (ns(point.worst(|app| app.p99_9_ns))) }
                            td {
                                (point.lag_at_end_s.map_or_else(|| "n/a".to_owned(), |lag|
                                    format!("{:.1} s", lag.max)))
                            }
                            td { (spread(point.cpu_us_per_event, |us| format!("{us:.1} µs"))) }
                            td { (point.idle_workers) }
                            td { (point.limit.to_string()) }
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
