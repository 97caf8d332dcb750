//! A replay for people: the answers, and a row for each application.

use comfy_table::{CellAlignment, Table, TableStyle, presets};

use super::standalone::{TextStyle, said};
use crate::base::text::{count, duration};
use crate::client::topic_reader::OffsetRange;
use crate::result::ReplayResult;

/// The columns of the table of applications.
const HEAD: [&str; 10] = [
    "app",
    "records",
    "no events",
    "records/s",
    "MB/s",
    "service p50",
    "p99",
    "max",
    "first record",
    "drain",
];

/// The answers, and a table with a row for each application; `at` is the time of day.
#[must_use]
pub fn terminal(result: &ReplayResult, at: &str, look: TextStyle) -> String {
    let mut out = String::new();
    for app in &result.apps {
        out.push_str(&said(at, &app.summary, &app.read, look));
        out.push('\n');
    }
    for line in lines(result) {
        out.push_str(&format!("{line}\n"));
    }
    out.push_str(&table(result, presets::NOTHING));
    out
}

/// The same for a pull request.
#[must_use]
pub fn markdown(result: &ReplayResult, at: &str) -> String {
    let mut out = format!("# Replay of {}\n\n", result.topic);
    for line in lines(result) {
        out.push_str(&format!("- {line}\n"));
    }
    out.push_str(&format!("\n{}", table(result, presets::ASCII_MARKDOWN)));
    let look = TextStyle { width: None, color: false };
    for app in &result.apps {
        let text = said(at, &app.summary, &app.read, look);
        out.push_str(&format!("\n## {}\n\n```text\n{text}```\n", app.app));
    }
    out
}

/// What was read, and what limits the figures.
fn lines(result: &ReplayResult) -> Vec<String> {
    let offsets: u64 = result.partitions.iter().map(OffsetRange::offsets).sum();
    let partitions = match result.partitions.len() {
        1 => "1 partition".to_owned(),
        many => format!("{many} partitions"),
    };
    let faults = result.apps.iter().any(|app| app.fault.is_some());
    let is_partial = result.interrupted_by.is_some() || faults;
    let mut lines = vec![format!(
        "{} {} at {}: {} offsets of {partitions}, speed {}",
        if is_partial { "PARTIAL replay of" } else { "replayed" },
        result.topic,
        result.bootstrap_servers,
        count(offsets),
        result.speed
    )];
    if let Some((run, app)) = result.run.as_ref().zip(result.apps.first()) {
        let others = count(app.other_runs);
        lines.push(format!("only run {run}: {others} records of others were passed over"));
    }
    for app in result.apps.iter().filter(|app| app.left > 0) {
        let why = if app.complete { "hold no record" } else { "were not reached" };
        lines.push(format!("! {}: {} offsets {why}", app.app, count(app.left)));
    }
    let late = result.apps.iter().filter_map(|app| Some((app, app.late_max_s?)));
    for (app, late_s) in late.filter(|(_, late_s)| *late_s > LATE_S) {
        lines.push(format!("! {}: up to {late_s:.1} s later than its speed asks", app.app));
    }
    lines
}

fn table(result: &ReplayResult, style: TableStyle) -> String {
    let mut table = Table::new();
    table.load_style(style).set_header(HEAD);
    for app in &result.apps {
        table.add_row([
            app.app.clone(),
            count(app.records),
            count(app.read.garbage + app.read.timeless),
            shown(app.records_per_s, |rate| count(rate.round() as u64)),
            shown(app.bytes_per_s, |rate| format!("{:.1}", rate / 1e6)),
            duration(app.service.p50_ns),
            duration(app.service.p99_ns),
            duration(app.service.max_ns),
            seconds(Some(app.ready_s)),
            seconds(app.drain_s),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// From here on a replay at a speed was not that fast.
const LATE_S: f64 = 0.1;

fn shown(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "n/a".to_owned(), show)
}

fn seconds(value_s: Option<f64>) -> String {
    duration(value_s.map(|value_s| (value_s * 1e9) as i64))
}
