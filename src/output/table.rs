//! The summary on a terminal: the verdict first, then one table.

use comfy_table::{CellAlignment, Table, TableStyle, presets};

use super::cpu::cpu_cost;
use super::detected::{accused, detected};
use super::resting::resting;
use super::segmented::segmented;
use crate::base::text::{count, duration};
use crate::base::{error, visible};
use crate::plan::metric::{Form, FormEntry};
use crate::result::clocks::clocks;
use crate::result::compare::ThresholdResult;
use crate::result::hiccups::host_line;
use crate::result::{LatencySummary, RunResult, Worth, keep_up, metric};

/// The result for a person who has ten seconds.
#[must_use]
pub fn terminal(result: &RunResult, color: bool) -> String {
    let result = &*visible::shown(result);
    let mut out = verdict(result, color);
    for flag in &result.verdict.flags {
        out.push_str(&format!("  ! {flag}\n"));
    }
    for note in result.watch.notes() {
        out.push_str(&format!("  {note}\n"));
    }
    for (line, _) in threshold_lines(result) {
        out.push_str(&format!("  {line}\n"));
    }
    let lines = [accounts(result), rates(result)].into_iter().chain(keep_up::lines(result));
    let lines =
        lines.chain([sender(result)]).chain(metric::disturbed(result)).chain(undelivered(result));
    let lines = lines.chain(host_line(result)).chain(cpu_cost(result));
    for line in lines.chain(wire(result)).chain(clocks(result)) {
        out.push_str(&format!("{line}\n"));
    }
    out.push_str(&applications(result, presets::NOTHING));
    if let Some(marks) = result.marks() {
        out.push_str(&format!("{marks}\n"));
    }
    for line in resting(result) {
        out.push_str(&format!("  {line}\n"));
    }
    out.push('\n');
    out.push_str(&books(result));
    for table in [detected(result, presets::NOTHING), accused(result, presets::NOTHING)] {
        out.extend(table.map(|table| format!("{table}\n")));
    }
    for (table, line) in segmented(result, presets::NOTHING) {
        out.push_str(&format!("{table}{line}\n\n"));
    }
    out
}

/// How a producer by itself has done; `unpaced` where it had no schedule to keep.
#[must_use]
pub fn sent(result: &RunResult, unpaced: bool, color: bool) -> String {
    let result = &*visible::shown(result);
    let mut out = verdict(result, color);
    if unpaced {
        out.push_str("  as fast as they were taken: latencies count from the making of an event\n");
        for flag in result.throttling.flags() {
            out.push_str(&format!("  ! {flag}\n"));
        }
    } else {
        for flag in &result.verdict.flags {
            out.push_str(&format!("  ! {flag}\n"));
        }
    }
    let acked_per_s = result.ledger.acked as f64 / result.duration_s.max(1e-3);
    let rate =
        format!("{:.1} s, {}/s acknowledged", result.duration_s, count(acked_per_s.round() as u64));
    let lines = [accounts(result), rate, sender(result)]
        .into_iter()
        .chain(metric::disturbed(result))
        .chain(undelivered(result));
    let hosts = host_line(result).into_iter().chain(result.marks()).chain(cpu_cost(result));
    for line in lines.chain(hosts).chain(wire(result)) {
        out.push_str(&format!("{line}\n"));
    }
    out
}

fn verdict(result: &RunResult, color: bool) -> String {
    let worth = result.verdict.worth();
    let word = worth.word();
    let paint = match worth {
        Worth::Invalid => "\x1b[1;31m",
        Worth::Partial => "\x1b[1;33m",
        Worth::Valid | Worth::Flagged => "\x1b[1;32m",
    };
    let (paint, plain) = if color { (paint, "\x1b[0m") } else { ("", "") };
    let mut out = format!("{paint}{word}{plain}  {} on {}\n", result.scenario, result.place());
    for reason in &result.verdict.reasons {
        out.push_str(&format!("  - {reason}\n"));
    }
    out
}

/// Each threshold, with expected and actual; those that failed first.
#[must_use]
pub fn threshold_lines(result: &RunResult) -> Vec<(String, &ThresholdResult)> {
    fn line(threshold: &ThresholdResult) -> (String, &ThresholdResult) {
        let ThresholdResult { metric, expected, shown, passed, .. } = threshold;
        let word = if *passed { "kept" } else { "FAILED" };
        (format!("threshold {word}: {metric} {expected}: {shown}"), threshold)
    }
    let (passed, failed): (Vec<_>, Vec<_>) =
        result.thresholds.iter().partition(|threshold| threshold.passed);
    failed.into_iter().chain(passed).map(line).collect()
}

/// Every event, and how it ended.
pub(crate) fn accounts(result: &RunResult) -> String {
    metric::line(Form::Accounts, result) + &failures(result)
}

/// Most kinds of failures that are told in a line.
const FAILURES_TOLD: usize = 3;

/// The kinds of failures with their counts, the most frequent first; nothing without any.
fn failures(result: &RunResult) -> String {
    let mut kinds: Vec<(&String, &u64)> = result.failures.iter().collect();
    kinds.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    // What the wrapper says before each of them tells nobody anything.
    let named = |(why, times): &(&String, &u64)| {
        let why = why.strip_prefix("Message production error: ").unwrap_or(why);
        format!("{} {}", count(**times), error::one_line(why))
    };
    let told: Vec<String> = kinds.iter().take(FAILURES_TOLD).map(named).collect();
    let more = if kinds.len() > FAILURES_TOLD { ", ..." } else { "" };
    if told.is_empty() { String::new() } else { format!("; why: {}{more}", told.join(", ")) }
}

/// The rates of the measured part.
pub(crate) fn rates(result: &RunResult) -> String {
    let measured_s = result.throughput.measured_s;
    if measured_s <= 0.0 {
        return "measured for less than an interval: there are no rates".to_owned();
    }
    format!("measured {measured_s:.0} s {}", metric::line(Form::Rates, result))
}

pub(crate) fn sender(result: &RunResult) -> String {
    metric::line(Form::Sender, result)
}

/// What was never delivered, and what the figures of the rest alone are; nothing where all was.
pub(crate) fn undelivered(result: &RunResult) -> Vec<String> {
    let ends = result.apps.iter().map(|app| (app.name.as_str(), &app.end_to_end));
    let stages = std::iter::once(("ack", &result.ack)).chain(ends);
    let line = |(name, latency): (&str, &LatencySummary)| {
        let share = latency.never_delivered_shown()?;
        let delivered = latency.delivered.as_ref()?;
        Some(format!(
            "{name}: {share} ({} of {} offered in the measured part), samples without end; of the \
             delivered alone p50 {} p99 {} max {}",
            count(latency.never_delivered),
            count(latency.count),
            duration(delivered.p50_ns),
            duration(delivered.p99_ns),
            duration(delivered.max_ns),
        ))
    };
    stages.filter_map(line).collect()
}

/// The books and the applications: a line where they agree, one more for each difference.
fn books(result: &RunResult) -> String {
    if result.checks.is_empty() || result.apps.is_empty() {
        return String::new();
    }
    let differ = result.differences();
    if differ.is_empty() {
        return format!(
            "books and applications agree on {} events, {} sessions, {} and {} totals more\n\n",
            count(result.books.events),
            count(result.books.sessions),
            crate::apps::Value::Cents(result.books.revenue_cents),
            result.checks.len().saturating_sub(3),
        );
    }
    differ.join("\n") + "\n\n"
}

/// The size of the load, and what the codec made of it.
pub(crate) fn wire(result: &RunResult) -> Option<String> {
    let wire = result.wire.filter(|wire| wire.records > 0)?;
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    Some(format!(
        "{} of events ({} bytes each with their keys) took {} on the wire, {}",
        megabytes(wire.payload_bytes),
        count(wire.payload_bytes / wire.records),
        megabytes(wire.wire_bytes),
        wire.ratio().map(|_| metric::line(Form::Wire, result))?,
    ))
}

/// The table of applications, drawn in one of comfy-table's styles. Tens of millions of events fit
/// into a hundred columns.
pub(crate) fn applications(result: &RunResult, style: TableStyle) -> String {
    let mut table = Table::new();
    let columns = FormEntry::of(Form::Table);
    let heads = columns.iter().map(|column| column.shown.words);
    table.load_style(style).set_header(std::iter::once("app").chain(heads).collect::<Vec<_>>());
    for (app, _) in result.apps.iter().zip(&result.ledger.apps) {
        let cells = columns.iter().map(|column| metric::cell(&column.metric(&app.name), result));
        table.add_row(std::iter::once(app.name.clone()).chain(cells).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A result of somebody else may hold what a terminal obeys, and lines that look like ours.
    #[test]
    fn nothing_of_a_file_is_obeyed_by_a_terminal_or_by_markdown() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
        let mut result = crate::result::load_all(&folder).unwrap().remove(0).result;
        let hostile = "x\nVALID  forged \u{1b}]0;t\u{7}\u{9b}2J\u{202e}<img src=x>|`a`[b](c)";
        result.verdict.flags.push(hostile.to_owned());
        result.verdict.reasons.push(hostile.to_owned());
        result.phases[0].name = hostile.to_owned();
        result.host.cpu = Some(hostile.to_owned());
        result.broker.topic.name = hostile.to_owned();
        result.command_line.push(hostile.to_owned());
        let hidden = |text: &str| text.contains(|c| visible::is_hidden(c) && c != '\n');
        let text = terminal(&result, false);
        assert!(!hidden(&text), "{text:?}");
        assert!(text.lines().skip(1).all(|line| !line.starts_with("VALID")), "{text}");
        assert!(text.contains("  ! x\\nVALID  forged \\u001b]0;t\\u0007"), "{text}");
        let text = crate::output::summary::markdown(&result);
        assert!(!hidden(&text) && !text.contains("\nVALID"), "{text}");
        let escaped = "\\<img src=x>\\|\\`a\\`\\[b\\](c)";
        assert_eq!(text.matches(escaped).count(), 5, "{text}");
        assert!(text.contains("- command: ``") && text.ends_with("[b](c)``\n"), "{text}");
        assert!(!hidden(&crate::output::csv::csv([&result]).unwrap()));
    }
}
