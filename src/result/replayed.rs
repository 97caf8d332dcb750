//! What a replay found: how fast each application read, and its answers.

use comfy_table::{CellAlignment, Table, TableStyle, presets};
use serde::Serialize;

use super::LatencySummary;
use crate::apps::Summary;
use crate::base::text::{count, duration};
use crate::client::librdkafka::Stretch;
use crate::output::said::{Look, said};
use crate::workers::consume::Read;

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

/// A topic, read again by some applications.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayResult {
    /// kbench's version.
    pub kbench: String,
    /// Where the brokers are.
    pub bootstrap_servers: String,
    /// The topic.
    pub topic: String,
    /// What was read of it, by partition.
    pub partitions: Vec<Stretch>,
    /// The run whose events alone were read, in hexadecimal; `None` for everything.
    pub run: Option<String>,
    /// How fast: `max`, or `10x`.
    pub speed: String,
    /// The exit code of the signal that ended it early.
    pub interrupted_by: Option<u8>,
    /// Each application; they read at the same time, each with a thread and a client of its own.
    pub apps: Vec<Replayed>,
}

/// One application and what it read.
#[derive(Debug, Clone, Serialize)]
pub struct Replayed {
    /// Its name.
    pub app: String,
    /// Whether it came to the end.
    pub complete: bool,
    /// What kept it from its end, where that was no signal.
    pub fault: Option<String>,
    /// The records by what became of them.
    pub read: Read,
    /// All records, but for `other_runs`.
    pub records: u64,
    /// Records that are not of the run that was asked for: passed over.
    pub other_runs: u64,
    /// Keys and values of `records`.
    pub bytes: u64,
    /// Offsets without a record: not reached, compacted away, or of transactions.
    pub left: u64,
    /// From the start to the first record: connecting and the first fetch.
    pub ready_s: f64,
    /// From the first record to the last.
    pub consume_s: f64,
    /// From the start to the last record; `None` when it did not come to the end.
    pub drain_s: Option<f64>,
    /// Records within `consume_s`; `None` for fewer than two.
    pub records_per_s: Option<f64>,
    /// Bytes within `consume_s`; `None` for fewer than two records.
    pub bytes_per_s: Option<f64>,
    /// How late the latest record was; `None` for a replay as fast as it goes.
    pub late_max_s: Option<f64>,
    /// Processed − polled, of events: parsing and the application's work.
    pub service: LatencySummary,
    /// How many users and rules the application points at.
    pub flags: u64,
    /// What the application has to say; of its flags only the first hundred, as in a run's result.
    pub summary: Summary,
}

impl ReplayResult {
    /// The answers, and a table with a row for each application; `at` is the time of day.
    #[must_use]
    pub fn terminal(&self, at: &str, look: Look) -> String {
        let mut out = String::new();
        for app in &self.apps {
            out.push_str(&said(at, &app.summary, &app.read, look));
            out.push('\n');
        }
        for line in self.lines() {
            out.push_str(&format!("{line}\n"));
        }
        out.push_str(&self.table(presets::NOTHING));
        out
    }

    /// The same for a pull request.
    #[must_use]
    pub fn markdown(&self, at: &str) -> String {
        let mut out = format!("# Replay of {}\n\n", self.topic);
        for line in self.lines() {
            out.push_str(&format!("- {line}\n"));
        }
        out.push_str(&format!("\n{}", self.table(presets::ASCII_MARKDOWN)));
        let look = Look { width: None, color: false };
        for app in &self.apps {
            let text = said(at, &app.summary, &app.read, look);
            out.push_str(&format!("\n## {}\n\n```text\n{text}```\n", app.app));
        }
        out
    }

    /// What was read, and what limits the figures.
    fn lines(&self) -> Vec<String> {
        let offsets: u64 = self.partitions.iter().map(Stretch::offsets).sum();
        let partitions = match self.partitions.len() {
            1 => "1 partition".to_owned(),
            many => format!("{many} partitions"),
        };
        let faults = self.apps.iter().any(|app| app.fault.is_some());
        let is_partial = self.interrupted_by.is_some() || faults;
        let mut lines = vec![format!(
            "{} {} at {}: {} offsets of {partitions}, speed {}",
            if is_partial { "PARTIAL replay of" } else { "replayed" },
            self.topic,
            self.bootstrap_servers,
            count(offsets),
            self.speed
        )];
        if let Some((run, app)) = self.run.as_ref().zip(self.apps.first()) {
            let others = count(app.other_runs);
            lines.push(format!("only run {run}: {others} records of others were passed over"));
        }
        for app in self.apps.iter().filter(|app| app.left > 0) {
            let why = if app.complete { "hold no record" } else { "were not reached" };
            lines.push(format!("! {}: {} offsets {why}", app.app, count(app.left)));
        }
        let late = self.apps.iter().filter_map(|app| Some((app, app.late_max_s?)));
        for (app, late_s) in late.filter(|(_, late_s)| *late_s > LATE_S) {
            lines.push(format!("! {}: up to {late_s:.1} s later than its speed asks", app.app));
        }
        lines
    }

    fn table(&self, style: TableStyle) -> String {
        let mut table = Table::new();
        table.load_style(style).set_header(HEAD);
        for app in &self.apps {
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
}

/// From here on a replay at a speed was not that fast.
const LATE_S: f64 = 0.1;

fn shown(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "n/a".to_owned(), show)
}

fn seconds(value_s: Option<f64>) -> String {
    duration(value_s.map(|value_s| (value_s * 1e9) as i64))
}
