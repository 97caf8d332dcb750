//! What the applications found, as charts. Which of an application's tables becomes a chart is
//! told by what its rows are, or by its heading; all of them stay tables beside it.

use serde_json::json;

use super::chart::{Chart, ChartSeries};
use crate::apps::{Frame, Row, Section, Segment, Summary, Value};
use crate::base::text::{count, percent_of};
use crate::load::generate::Persona;
use crate::measure::verify::segments::{SegmentMatrix, SegmentReport, segment_of};
use crate::result::RunResult;

/// Bars of a chart at most; the rest is in the table.
const BARS_MAX: usize = 12;

/// With fewer active users than this, all users are shown.
const ACTIVE_MIN: u64 = 100;

/// Every answer that makes a picture.
pub(super) fn charts(result: &RunResult) -> Vec<Chart> {
    let summaries: Vec<&Summary> =
        result.apps.iter().filter_map(|app| app.summary.as_ref()).collect();
    let mut charts: Vec<Chart> = Vec::new();
    for summary in &summaries {
        charts.extend(summary.sections.iter().enumerate().filter_map(|(place, section)| {
            funnel(&format!("funnel-{}-{place}", summary.app), section)
        }));
    }
    charts.extend(revenue(&summaries));
    charts.extend(pages(&summaries));
    charts.extend(detection(result));
    charts.extend(segments(&summaries));
    for app in &result.apps {
        charts.extend(app.segments.as_ref().and_then(|report| confusion(&app.name, report)));
    }
    for summary in &summaries {
        charts.extend(frames(summary, result));
    }
    charts
}

/// A value as this page writes figures: thousands stand apart by a space.
pub(super) fn words(value: Value) -> String {
    value.to_string().trim().replace(',', " ")
}

/// Lying bars with names, one series.
fn bars(id: &str, title: &str, unit: &str, rows: Vec<Bar>) -> Chart {
    let names: Vec<String> = rows.iter().map(|bar| bar.name.clone()).collect();
    let mut series = ChartSeries::bars(unit, rows.iter().map(|bar| json!(bar.size)).collect());
    series.labels = rows.iter().map(|bar| bar.label.clone()).collect();
    series.texts = rows.into_iter().map(|bar| bar.text).collect();
    Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        flat: true,
        x: json!({ "name": "", "type": "category", "values": names }),
        y: json!({
            "name": if unit == "$" { "revenue, $" } else { unit },
            "unit": unit, "type": "value", "min": 0,
        }),
        series: vec![series],
        ..Chart::default()
    }
}

/// One bar: how long it is, the letters at its end, and what it says when asked.
struct Bar {
    name: String,
    size: f64,
    label: String,
    text: String,
}

/// A table of steps is a funnel, whoever made it.
fn funnel(id: &str, section: &Section) -> Option<Chart> {
    let steps: Vec<(&str, u64, u64, u64)> = section
        .rows
        .iter()
        .map(|row| match row.value {
            Value::Step { count, before, whole } => Some((row.name.as_str(), count, before, whole)),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let (_, _, _, whole) = *steps.first()?;
    let mut rows = vec![Bar {
        name: "all sessions".to_owned(),
        size: whole as f64,
        label: count(whole),
        text: format!("{} sessions", count(whole)),
    }];
    rows.extend(steps.into_iter().map(|(name, taken, before, whole)| Bar {
        name: name.replace('_', " "),
        size: taken as f64,
        label: format!("{} · {}", count(taken), percent_of(taken, before)),
        text: format!(
            "{} sessions, {} of the step before, {} of all",
            count(taken),
            percent_of(taken, before),
            percent_of(taken, whole)
        ),
    }));
    let title = capital(section.title.split(':').next().unwrap_or_default());
    let mut chart = bars(id, &title, "sessions", rows);
    "Sessions that came so far, one step after the other, and their share of the step before."
        .clone_into(&mut chart.note);
    Some(chart)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The first table of that heading, of any application.
fn section<'s>(summaries: &[&'s Summary], titles: &[&str]) -> Option<&'s Section> {
    titles.iter().find_map(|title| {
        summaries
            .iter()
            .flat_map(|summary| &summary.sections)
            .find(|section| section.title.starts_with(title) && !section.rows.is_empty())
    })
}

fn bar(row: &Row, size: u64) -> Bar {
    let text = words(row.value);
    Bar { name: row.name.clone(), size: size as f64, label: text.clone(), text }
}

/// By hour or day where there are several; and by product, which a short run has too.
fn revenue(summaries: &[&Summary]) -> Vec<Chart> {
    let dollars = |row: &Row| match row.value {
        Value::Cents(cents) => {
            let short = format!("${}", count((cents + 50) / 100));
            Some(Bar { size: cents as f64 / 100.0, label: short, ..bar(row, 0) })
        }
        _ => None,
    };
    let mut charts = Vec::new();
    for (title, id) in [("revenue per hour", "revenue-hours"), ("revenue per day", "revenue-days")]
    {
        let Some(found) = section(summaries, &[title]).filter(|section| section.rows.len() > 1)
        else {
            continue;
        };
        let rows = found.rows.iter().filter_map(dollars).collect();
        let mut chart = bars(id, &capital(title), "$", rows);
        "Prices of what was bought, by the hour or day of the purchase (UTC)."
            .clone_into(&mut chart.note);
        charts.push(chart);
        break;
    }
    if let Some(found) = section(summaries, &["revenue by product"]) {
        let rows = found.rows.iter().filter_map(dollars).take(BARS_MAX).collect();
        let mut chart = bars("revenue", "Revenue by product", "$", rows);
        let all = section(summaries, &["revenue"]).and_then(|section| section.rows.first());
        chart.note = all.map_or_else(String::new, |row| {
            format!("Of {} in all; the products that brought most.", words(row.value))
        });
        charts.push(chart);
    }
    charts
}

fn pages(summaries: &[&Summary]) -> Option<Chart> {
    let found = section(summaries, &["page views", "top pages"])?;
    let views = |row: &Row| match row.value {
        Value::Count(views) => Some(bar(row, views)),
        _ => None,
    };
    let rows: Vec<Bar> = found.rows.iter().filter_map(views).take(BARS_MAX).collect();
    if rows.is_empty() {
        return None;
    }
    let mut chart = bars("pages", "Top pages", "views", rows);
    "The pages that were viewed most.".clone_into(&mut chart.note);
    Some(chart)
}

/// Precision and recall of each planted kind.
fn detection(result: &RunResult) -> Option<Chart> {
    let kinds: Vec<_> =
        result.detection.iter().filter(|kind| kind.planted > 0 || kind.alerts > 0).collect();
    if !kinds.iter().any(|kind| kind.planted > 0) {
        return None;
    }
    // Where there is no share there is no bar either, and the label says why.
    let share = |share: Option<f64>| json!(100.0 * share.unwrap_or(0.0));
    let label = |share: Option<f64>| {
        share.map_or_else(|| "n/a".to_owned(), |share| format!("{:.0} %", 100.0 * share))
    };
    let mut recall =
        ChartSeries::bars("recall", kinds.iter().map(|kind| share(kind.recall())).collect());
    recall.labels = kinds.iter().map(|kind| label(kind.recall())).collect();
    recall.texts = kinds
        .iter()
        .map(|kind| {
            let (found, planted) = (count(kind.found), count(kind.planted));
            format!("{}: {found} of {planted} planted sessions found", label(kind.recall()))
        })
        .collect();
    let mut precision =
        ChartSeries::bars("precision", kinds.iter().map(|kind| share(kind.precision())).collect());
    precision.labels = kinds.iter().map(|kind| label(kind.precision())).collect();
    precision.texts = kinds
        .iter()
        .map(|kind| {
            let right = count(kind.found + kind.other_kind);
            let alerts = count(kind.alerts);
            format!("{}: {right} of {alerts} alerted sessions planted", label(kind.precision()))
        })
        .collect();
    let names: Vec<String> = kinds.iter().map(|kind| kind.kind.name().replace('_', " ")).collect();
    Some(Chart {
        id: "detection".to_owned(),
        title: "Fraud found, by planted kind".to_owned(),
        note: "Recall: the share of the planted sessions that an alert of the kind's own rules \
               found. Precision: the share of the sessions with an alert that were planted. n/a: \
               nothing to take a share of."
            .to_owned(),
        flat: true,
        x: json!({ "name": "", "type": "category", "values": names }),
        y: json!({ "name": "share, %", "unit": "%", "type": "value", "min": 0, "max": 100 }),
        series: vec![recall, precision],
        ..Chart::default()
    })
}

fn segments(summaries: &[&Summary]) -> Option<Chart> {
    let found = section(summaries, &["segments, users"])?;
    let users = |row: &Row| {
        Some(match row.value {
            Value::Part { part, whole } => Bar {
                label: format!("{} · {}", count(part), percent_of(part, whole)),
                text: format!("{} users, {} of all", count(part), percent_of(part, whole)),
                ..bar(row, part)
            },
            Value::Count(users) => bar(row, users),
            _ => return None,
        })
    };
    let rows: Vec<Bar> = found.rows.iter().filter_map(users).collect();
    let mut chart = bars("segments", "Segments", "users", rows);
    "What the users were taken for, by what they did.".clone_into(&mut chart.note);
    Some(chart)
}

/// What the users were planted as beside what they were taken for; those with enough events for a
/// judgement where there are any.
fn confusion(app: &str, report: &SegmentReport) -> Option<Chart> {
    if report.all.users() == 0 {
        return None;
    }
    let is_active = report.active.users() >= ACTIVE_MIN;
    let matrix: &SegmentMatrix = if is_active { &report.active } else { &report.all };
    let (mut cells, mut labels, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for persona in Persona::ALL {
        let row = matrix.0[persona.index()];
        let sum: u64 = row.iter().sum();
        for segment in Segment::ALL {
            let users = row[segment.index()];
            let share = (sum > 0).then(|| 100.0 * users as f64 / sum as f64);
            cells.push(json!([segment.index(), persona.index(), share]));
            labels.push(format!("{}\n{}", count(users), percent_of(users, sum)));
            texts.push(format!(
                "{} users planted as {} and taken for {}: {}",
                count(users),
                segment_of(persona).name(),
                segment.name(),
                percent_of(users, sum)
            ));
        }
    }
    let who = if is_active {
        format!("Of the users with {} events or more", report.events_min)
    } else {
        format!(
            "Of all users; hardly any has the {} events that it takes to judge",
            report.events_min
        )
    };
    let right = percent_of(matrix.right(), matrix.users());
    let left_out = match report.planted {
        0 => String::new(),
        users => format!(" {} users with planted fraud are left out.", count(users)),
    };
    Some(Chart {
        id: format!("confusion-{app}"),
        title: format!("Planted personas against the segments of {app}"),
        note: format!(
            "{who}, {right} were taken for what they are. Each row adds up to all that were \
             planted so.{left_out}"
        ),
        x: json!({ "name": "taken for" }),
        y: json!({ "name": "planted as" }),
        heat: Some(json!({
            "xs": Segment::ALL.map(Segment::name),
            "ys": Persona::ALL.map(|persona| segment_of(persona).name()),
            "cells": cells, "labels": labels, "texts": texts, "unit": "%",
            "least": 0, "most": 100, "downwards": true,
        })),
        ..Chart::default()
    })
}

/// How it went over time by an application's own frames.
fn frames(summary: &Summary, result: &RunResult) -> Option<Chart> {
    let start = chrono::DateTime::parse_from_rfc3339(&result.started).ok()?;
    let frames = &summary.frames;
    if frames.len() < 2 {
        return None;
    }
    let spans = spans(frames, start.timestamp_micros(), result.schedule_end_s());
    let value = |row: &Row| match row.value {
        Value::Rate { count, span_ms } if span_ms > 0 => {
            Some(1_000.0 * count as f64 / span_ms as f64)
        }
        Value::Count(count) => Some(count as f64),
        _ => None,
    };
    let mut series = Vec::new();
    for (place, figure) in frames[0].figures.iter().enumerate() {
        let axis = match figure.value {
            Value::Rate { .. } => None,
            Value::Count(_) => Some(1),
            // A third unit has no axis.
            _ => continue,
        };
        let pairs = frames
            .iter()
            .zip(&spans)
            .map(|(frame, [middle, ..])| json!([middle, frame.figures.get(place).and_then(value)]));
        let mut line = ChartSeries::line(figure.name.clone(), pairs.collect());
        (line.axis, line.symbols, line.color) = (axis, frames.len() <= 60, Some(place));
        line.dash = axis.is_some();
        series.push(line);
    }
    if series.is_empty() {
        return None;
    }
    let has_users = series.iter().any(|line| line.axis.is_some());
    Some(Chart {
        id: format!("frames-{}", summary.app),
        title: format!("The shop as {} saw it", summary.app),
        note: "Frame by frame of the events' own time. The first and the last frame are not \
               whole: their rates are by the time that they had."
            .to_owned(),
        x: json!({
            "name": "time from the start of the schedule, s", "unit": "s", "type": "value",
            "min": 0, "max": spans.last().map(|[.., to_s]| to_s), "spans": spans,
        }),
        y: json!({ "name": "events/s", "unit": "events/s", "type": "value", "min": 0 }),
        y2: has_users.then(|| json!({ "name": "users", "unit": "users", "type": "value" })),
        series,
        ..Chart::default()
    })
}

/// The middle of each frame, and from when to when it goes, in seconds of the schedule.
fn spans(frames: &[Frame], start_us: i64, end_s: f64) -> Vec<[f64; 3]> {
    let at = |us: i64| (us.saturating_sub(start_us) as f64 / 1e6).max(0.0);
    let nexts = frames.iter().skip(1).map(|frame| at(frame.from_us)).chain([end_s]);
    frames
        .iter()
        .map(|frame| at(frame.from_us))
        .zip(nexts)
        .map(|(from_s, to_s)| [f64::midpoint(from_s, to_s.max(from_s)), from_s, to_s.max(from_s)])
        .collect()
}
