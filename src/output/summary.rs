//! The summary in Markdown: for `summary.md`, and for a pull request.

use std::fmt::Write;

use comfy_table::presets;

use super::cpu::{cpu_cost, cpu_table};
use super::detected::{accused, detected};
use super::resting::resting;
use super::segmented::segmented;
use super::stages::{stacks, stages as stage_table};
use super::table::{accounts, applications, rates, sender, threshold_lines, undelivered, wire};
use crate::base::text::count;
use crate::base::visible;
use crate::result::clocks::clocks;
use crate::result::hiccups::host_line;
use crate::result::{PhaseSessions, RunResult, keep_up, metric};

/// The result as Markdown.
#[must_use]
pub fn markdown(result: &RunResult) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = write(&visible::in_markdown(result, &["command_line"]), &mut out);
    out
}

fn write(result: &RunResult, out: &mut String) -> std::fmt::Result {
    let verdict = &result.verdict;
    let word = verdict.worth().word();
    writeln!(out, "# {}: {word}\n", result.scenario)?;
    for reason in &verdict.reasons {
        writeln!(out, "- **{reason}**")?;
    }
    for flag in &verdict.flags {
        writeln!(out, "- flag: {flag}")?;
    }
    for (line, _) in threshold_lines(result) {
        writeln!(out, "- {line}")?;
    }
    let is_plain = verdict.reasons.is_empty() && verdict.flags.is_empty();
    if !(is_plain && result.thresholds.is_empty()) {
        writeln!(out)?;
    }
    writeln!(out, "On {}, {}.\n", result.place(), result.started)?;
    for note in result.watch.notes() {
        writeln!(out, "- {note}")?;
    }
    let lines = [accounts(result), rates(result)].into_iter().chain(keep_up::lines(result));
    let lines =
        lines.chain([sender(result)]).chain(metric::disturbed(result)).chain(undelivered(result));
    let lines = lines.chain(host_line(result)).chain(cpu_cost(result));
    for line in lines.chain(wire(result)).chain(clocks(result)) {
        writeln!(out, "- {line}")?;
    }
    writeln!(out)?;
    writeln!(out, "{}", applications(result, presets::ASCII_MARKDOWN))?;
    if let Some(marks) = result.marks() {
        writeln!(out, "\\{marks}\n")?;
    }
    for line in resting(result) {
        writeln!(out, "- {line}")?;
    }
    stages(result, out)?;
    books(result, out)?;
    if let Some(table) = detected(result, presets::ASCII_MARKDOWN) {
        writeln!(out, "## Planted fraud\n\n{table}")?;
    }
    if let Some(table) = accused(result, presets::ASCII_MARKDOWN) {
        writeln!(out, "## Rules and false alarms\n\n{table}")?;
    }
    for (table, line) in segmented(result, presets::ASCII_MARKDOWN) {
        writeln!(out, "## Personas and segments\n\n{table}\n{line}\n")?;
    }
    phases(result, out)?;
    partitions(result, out)?;
    if let Some(table) = cpu_table(result, presets::ASCII_MARKDOWN) {
        writeln!(out, "## CPU by kind of thread\n\n{table}")?;
    }
    conditions(result, out)
}

fn stages(result: &RunResult, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "## Stages\n\nFrom the due time, but for service (polled to processed) and what is \
         uncorrected: that counts from the real send, and is blind to events that were sent \
         late.\n"
    )?;
    writeln!(out, "{}", stage_table(result, presets::ASCII_MARKDOWN))?;
    if result.apps.iter().all(|app| app.stack.is_empty()) {
        return Ok(());
    }
    writeln!(
        out,
        "## Where the time of slow events went\n\nMeans over the same \
         events, those within an eighth \
         of the percentile: they add up, as percentiles of stages don't. *Host* is how long a \
         core stood still meanwhile, whatever the stage; *harness* the share of send delay and \
         of what the host stood still beyond it.\n"
    )?;
    writeln!(out, "{}", stacks(result, presets::ASCII_MARKDOWN))
}

fn books(result: &RunResult, out: &mut String) -> std::fmt::Result {
    writeln!(out, "## Books and applications\n")?;
    write!(out, "| what | books |")?;
    for app in &result.apps {
        write!(out, " {} |", app.name)?;
    }
    writeln!(out, " difference |\n|---|--:|{}--:|", "--:|".repeat(result.apps.len()))?;
    for check in &result.checks {
        write!(out, "| {} | {} |", check.what, count(check.books))?;
        for app in &check.apps {
            write!(out, " {} |", app.map_or_else(|| "-".to_owned(), count))?;
        }
        let difference = check.difference();
        let bold = if difference == 0 { "" } else { "**" };
        writeln!(out, " {bold}{difference}{bold} |")?;
    }
    writeln!(out)
}

fn phases(result: &RunResult, out: &mut String) -> std::fmt::Result {
    let lived = result.phases.iter().any(|phase| phase.sessions.is_some());
    let row = |cells: [&str; 5]| format!(" {} |", cells.join(" | "));
    let heads = if lived { row(PhaseSessions::HEADS) } else { String::new() };
    writeln!(out, "## Phases\n\n| phase | from | to | events expected |{heads}")?;
    let more = if lived { "--:|".repeat(PhaseSessions::HEADS.len()) } else { String::new() };
    writeln!(out, "|---|--:|--:|--:|{more}")?;
    for phase in &result.phases {
        let cells = phase.sessions.as_ref().map(PhaseSessions::cells);
        let cells = cells.map(|cells| row(cells.each_ref().map(String::as_str)));
        writeln!(
            out,
            "| {}{} | {:.1} s | {:.1} s | {} |{}",
            phase.name,
            if phase.warmup { " (not measured)" } else { "" },
            phase.from_s,
            phase.to_s,
            count(phase.expected.round() as u64),
            cells.unwrap_or_default()
        )?;
    }
    writeln!(out)
}

fn partitions(result: &RunResult, out: &mut String) -> std::fmt::Result {
    let even = 1.0 / result.partitions.len().max(1) as f64;
    writeln!(out, "## Partitions\n\n| partition | records | share | of an even share |")?;
    writeln!(out, "|--:|--:|--:|--:|")?;
    for partition in &result.partitions {
        writeln!(
            out,
            "| {} | {} | {:.1} % | {:.2} |",
            partition.partition,
            count(partition.records),
            100.0 * partition.share,
            partition.share / even
        )?;
    }
    writeln!(out)
}

fn conditions(result: &RunResult, out: &mut String) -> std::fmt::Result {
    let host = &result.host;
    let unknown = || "unknown".to_owned();
    writeln!(out, "## Conditions\n")?;
    build(result, out)?;
    writeln!(
        out,
        "- host: {} cores, {}, {}, kernel {}, clock {}",
        host.cores,
        host.cpu.clone().unwrap_or_else(unknown),
        host.os,
        host.kernel.clone().unwrap_or_else(unknown),
        host.clock_source.clone().unwrap_or_else(unknown)
    )?;
    limits(result, out)?;
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
    writeln!(out, "- command: {}", visible::code(&result.command_line.join(" ")))
}

/// What ran, and what it was asked.
fn build(result: &RunResult, out: &mut String) -> std::fmt::Result {
    let unknown = || "unknown".to_owned();
    writeln!(
        out,
        "- kbench {} ({}), rdkafka {}, librdkafka {}, {} build with {}",
        result.build.kbench,
        result.build.git.clone().unwrap_or_else(unknown),
        result.build.rdkafka.clone().unwrap_or_else(unknown),
        result.build.librdkafka,
        result.build.profile,
        match result.build.features.as_deref() {
            None => "unknown features".to_owned(),
            Some([]) => "no features".to_owned(),
            Some(features) => features.join(", "),
        }
    )?;
    writeln!(
        out,
        "- plan {}, first 1 000 events {}",
        result.plan_hash.clone().unwrap_or_else(unknown),
        result.fingerprint.as_deref().unwrap_or("of a recording")
    )
}

/// What the host's owner has set.
fn limits(result: &RunResult, out: &mut String) -> std::fmt::Result {
    let host = &result.host;
    let unknown = || "unknown".to_owned();
    writeln!(
        out,
        "- processors {}, governor {}, SMT {}; virtual machine: {}; control group's limits: \
         {}, {}; load before {}",
        host.affinity.clone().unwrap_or_else(unknown),
        host.governor.clone().unwrap_or_else(unknown),
        host.smt.clone().unwrap_or_else(unknown),
        host.virtualisation.clone().unwrap_or_else(|| "no".to_owned()),
        host.cgroup_cpus
            .map_or_else(|| "all cores".to_owned(), |cpus| format!("{cpus:.1} cores' time")),
        host.cgroup_memory_bytes
            .map_or_else(|| "all memory".to_owned(), |bytes| format!("{} MiB", bytes >> 20)),
        host.load_before.clone().unwrap_or_else(unknown)
    )
}
