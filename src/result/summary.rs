//! The summary in Markdown: for `summary.md`, and for a pull request.

use std::fmt::Write;

use comfy_table::presets;

use super::detected::detected;
use super::segmented::segmented;
use super::table::{accounts, applications, broker, count, rates, sender, thresholds, wire};
use super::{Check, RunResult};

/// The result as Markdown.
#[must_use]
pub fn markdown(result: &RunResult) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = write(result, &mut out);
    out
}

fn write(result: &RunResult, out: &mut String) -> std::fmt::Result {
    let verdict = &result.verdict;
    let word = match (verdict.valid, verdict.interrupted_by) {
        (false, _) => "INVALID",
        (true, Some(_)) => "PARTIAL",
        (true, None) => "VALID",
    };
    writeln!(out, "# {}: {word}\n", result.scenario)?;
    for reason in &verdict.reasons {
        writeln!(out, "- **{reason}**")?;
    }
    for flag in &verdict.flags {
        writeln!(out, "- flag: {flag}")?;
    }
    for threshold in thresholds(result) {
        writeln!(out, "- {threshold}")?;
    }
    let is_plain = verdict.reasons.is_empty() && verdict.flags.is_empty();
    if !(is_plain && result.thresholds.is_empty()) {
        writeln!(out)?;
    }
    writeln!(out, "On {}, {}.\n", broker(result), result.started)?;
    let lines = [accounts(result), rates(result), sender(result)];
    for line in lines.into_iter().chain(wire(result)) {
        writeln!(out, "- {line}")?;
    }
    writeln!(out)?;
    writeln!(out, "{}", applications(result, presets::ASCII_MARKDOWN))?;
    books(result, out)?;
    if let Some(table) = detected(result, presets::ASCII_MARKDOWN) {
        writeln!(out, "## Planted fraud\n\n{table}")?;
    }
    for (table, line) in segmented(result, presets::ASCII_MARKDOWN) {
        writeln!(out, "## Personas and segments\n\n{table}\n{line}\n")?;
    }
    conditions(result, out)
}

fn books(result: &RunResult, out: &mut String) -> std::fmt::Result {
    writeln!(out, "## Books and applications\n")?;
    write!(out, "| what | books |")?;
    for app in &result.apps {
        write!(out, " {} |", app.name)?;
    }
    writeln!(out, " |\n|---|--:|{}---|", "--:|".repeat(result.apps.len()))?;
    for Check { what, books, apps } in &result.checks {
        write!(out, "| {what} | {} |", count(*books))?;
        for app in apps {
            write!(out, " {} |", app.map_or_else(|| "-".to_owned(), count))?;
        }
        let agrees = apps.iter().flatten().all(|count| count == books);
        writeln!(out, " {} |", if agrees { "equal" } else { "**differ**" })?;
    }
    writeln!(out)
}

fn conditions(result: &RunResult, out: &mut String) -> std::fmt::Result {
    let host = &result.host;
    let unknown = || "unknown".to_owned();
    writeln!(out, "## Conditions\n")?;
    writeln!(
        out,
        "- kbench {} ({}), librdkafka {}, {} build",
        result.build.kbench,
        result.build.git.clone().unwrap_or_else(unknown),
        result.build.librdkafka,
        result.build.profile
    )?;
    writeln!(
        out,
        "- host: {} cores, {}, {}, kernel {}, clock {}",
        host.cores,
        host.cpu.clone().unwrap_or_else(unknown),
        host.os,
        host.kernel.clone().unwrap_or_else(unknown),
        host.clock_source.clone().unwrap_or_else(unknown)
    )?;
    writeln!(
        out,
        "- topic {}: {} partitions; brokers advertised: {}",
        result.broker.topic.name,
        result.broker.topic.partitions,
        if result.broker.advertised.is_empty() {
            "none".to_owned()
        } else {
            result.broker.advertised.join(", ")
        }
    )?;
    if let Some(recording) = &result.recording {
        writeln!(
            out,
            "- replayed topic {}: {} events of {:.1} s, from {} on; {} records read of {} offsets, \
             {} of them no events",
            recording.topic,
            count(recording.events),
            recording.span_s,
            recording.first,
            count(recording.read),
            count(recording.records),
            count(recording.read - recording.events)
        )?;
    }
    if let Some(broker) = &result.embedded_broker {
        writeln!(
            out,
            "- embedded broker: holds {} of at most {} MiB, dropped {} MiB that every group had \
             read, refused {} batches",
            broker.held_bytes >> 20,
            broker.memory_limit_bytes >> 20,
            broker.dropped_bytes >> 20,
            broker.refused_batches
        )?;
    }
    if result.watch.broker_on_this_host {
        writeln!(out, "- broker and harness share this host")?;
    }
    writeln!(out, "- command: `{}`", result.command_line.join(" "))
}
