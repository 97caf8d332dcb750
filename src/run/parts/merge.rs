//! One result from the parts that several processes have recorded of one run: what a run by
//! itself would have given, and how far the clocks of the processes may lie apart.

mod app;
mod cost;
mod stalls;
mod timeline;

use std::collections::BTreeMap;
use std::fmt::Display;

use super::part::{AppName, Begun, ConsumerPart, ProducerPart};
use crate::base::error::{Error, Result};
use crate::base::files;
use crate::measure::latency::Series;
use crate::measure::latency::window::Stage;
use crate::measure::ledger::Ledger;
use crate::output::hlog::{LogSeries, Outside, interval_log};
use crate::result::flag::{Flag, FlagKind};
use crate::result::{
    AppResult, ClockBound, ProcessResult, RunResult, Verdict, compare, keep_up, verify,
};
use crate::run::assemble::{checks, detected};

use app::{AppParts, Merged, clock};

/// The result of the producer's run, and its `latency.hlog`. `consumers` are all that there are,
/// of this run or not; `begun` are the ones that left no part.
///
/// # Errors
/// [`Error::Usage`] when parts don't fit together, or one is damaged.
pub fn merge(
    producer: &ProducerPart,
    consumers: &[&ConsumerPart],
    begun: &[&Begun],
) -> Result<(RunResult, String)> {
    let consumers: Vec<&ConsumerPart> =
        consumers.iter().copied().filter(|part| belongs(part, producer)).collect();
    check(producer, &consumers)?;
    let names = names(producer, &consumers);
    let mut merged = Vec::new();
    for name in &names {
        let parts = parts_of(&name.name, &consumers);
        merged.push(Merged::new(name, parts, producer)?);
    }
    let notes: Vec<_> =
        merged.iter().map(|app| app.parts.iter().map(|(_, part)| &part.notes).collect()).collect();
    let ledger = Ledger::restore(&producer.outcomes, &notes);
    for (app, missed) in merged.iter_mut().zip(ledger.undelivered().apps) {
        app.never_seen(&missed, producer);
    }
    let ledger = ledger.close();
    let mut result = producer.result.clone();
    timeline::fill(&mut result, producer, &mut merged);
    stalls::fill(&mut result, producer, &consumers);
    result.processes = processes(producer, &consumers);
    let is_whole = !begun
        .iter()
        .any(|left| left.apps.iter().any(|app| names.iter().any(|name| name.name == *app)));
    cost::fill(&mut result, producer, &consumers, is_whole);
    result.apps = merged.iter().map(|app| app.result(producer)).collect();
    result.books.planted =
        producer.planted.iter().map(|(session, kind)| (session.0, *kind)).collect();
    let has_answers = result.apps.iter().any(|app| app.summary.is_some());
    let (detection, rules) = detected(&result.books, &mut result.apps);
    result.detection = if has_answers { detection } else { Vec::new() };
    result.rules = rules;
    result.checks = checks(&result.books, &result.apps, result.recording.as_ref());
    result.ledger = ledger;
    keep_up::tell(&mut result);
    result.verdict = verdict(producer, &result, &merged, begun);
    // The producer by itself knew of no application.
    let apps: Vec<_> = names.iter().map(|name| name.name.as_str()).collect();
    result.thresholds = compare::thresholds_again(&producer.result.thresholds, &apps, &result);
    hold(&mut result, producer)?;
    let log = log(producer, &mut merged)?;
    Ok((result, log))
}

/// Parts were written by somebody: what they make together must read back, and is not a valid run
/// where its figures contradict each other.
fn hold(result: &mut RunResult, producer: &ProducerPart) -> Result<()> {
    (result.files, result.digest) = (BTreeMap::new(), None);
    let refuse = |what: &dyn Display| {
        let file = producer.file.display();
        Error::usage(format!("{file}: no result can be made of it: {what}"))
    };
    let text = serde_json::to_string(result).map_err(|error| refuse(&error))?;
    let value = serde_json::from_str(&text).map_err(|error| refuse(&error))?;
    files::json::check(&value).map_err(|what| refuse(&what))?;
    let again: RunResult = serde_json::from_str(&text).map_err(|error| refuse(&error))?;
    if let Some(fault) = verify::figures(&value, &again).faults.first() {
        result.verdict.valid = false;
        result.verdict.reasons.push(format!("the parts contradict each other: {fault}"));
    }
    Ok(())
}

/// Whether a consumer's part has to do with the producer's run: it has read some of it, or could
/// have.
fn belongs(part: &ConsumerPart, producer: &ProducerPart) -> bool {
    part.topic == producer.result.broker.topic.name
        || part.apps.iter().any(|app| app.notes.runs.contains_key(&producer.outcomes.run))
}

fn check(producer: &ProducerPart, consumers: &[&ConsumerPart]) -> Result<()> {
    let mut faults: Vec<String> = Vec::new();
    for part in consumers.iter().filter(|part| part.interval_ns != producer.interval_ns) {
        faults.push(format!(
            "{}: recorded by intervals of {} s and the producer by {} s; expected one \
             measure.interval, by --set",
            part.file.display(),
            part.interval_ns as f64 / 1e9,
            producer.interval_ns as f64 / 1e9
        ));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Usage(faults)) }
}

/// The scenario's applications, and then whoever else has read the run.
fn names(producer: &ProducerPart, consumers: &[&ConsumerPart]) -> Vec<AppName> {
    let mut names = producer.apps.clone();
    for app in consumers.iter().flat_map(|part| &part.apps) {
        let seen = app.notes.runs.contains_key(&producer.outcomes.run);
        match names.iter_mut().find(|name| name.name == app.app.name) {
            // As it ran, and not as the producer's scenario has it.
            Some(name) => *name = app.app.clone(),
            None if seen => names.push(app.app.clone()),
            None => {}
        }
    }
    names
}

fn parts_of<'a>(name: &str, consumers: &[&'a ConsumerPart]) -> AppParts<'a> {
    consumers
        .iter()
        .flat_map(|part| part.apps.iter().map(move |app| (*part, app)))
        .filter(|(_, app)| app.app.name == name)
        .collect()
}

fn processes(producer: &ProducerPart, consumers: &[&ConsumerPart]) -> Vec<ProcessResult> {
    let watch = &producer.result.watch;
    let sender = ProcessResult {
        role: "producer".to_owned(),
        pid: producer.pid,
        apps: Vec::new(),
        command_line: producer.result.command_line.clone(),
        cpu_s: watch.cpu_s,
        cpu_measured_s: watch.cpu_measured_s,
        memory_peak_bytes: watch.memory_peak_bytes,
        wall_step_us: watch.wall_step_us,
        clock: Some(ClockBound { ahead_ns: 0, uncertain_ns: 0 }),
    };
    let reader = |part: &&ConsumerPart| ProcessResult {
        role: "consumer".to_owned(),
        pid: part.pid,
        apps: part.apps.iter().map(|app| app.app.name.clone()).collect(),
        command_line: part.command_line.clone(),
        cpu_s: part.cpu_s,
        cpu_measured_s: cost::measured_s(part, producer),
        memory_peak_bytes: part.memory_peak_bytes,
        wall_step_us: part.wall_step_us,
        clock: clock(producer, part),
    };
    std::iter::once(sender).chain(consumers.iter().map(reader)).collect()
}

fn verdict(
    producer: &ProducerPart,
    result: &RunResult,
    merged: &[Merged<'_>],
    begun: &[&Begun],
) -> Verdict {
    let before = &producer.result.verdict;
    // What the producer's ledger alone had to say, the whole ledger says better.
    let alone = producer.result.ledger.faults(&[]);
    let mut reasons: Vec<String> =
        before.reasons.iter().filter(|reason| !alone.contains(reason)).cloned().collect();
    // So do all together of the broker.
    let is_overload = |flag: &String| FlagKind::of(flag) == Some(FlagKind::Overload);
    let mut flags: Vec<String> =
        before.flags.iter().filter(|flag| !is_overload(flag)).cloned().collect();
    for (app, ledger) in merged.iter().zip(&result.ledger.apps) {
        let (faults, notices) = app.said(producer, ledger.missing > 0, begun);
        reasons.extend(faults);
        flags.extend(notices);
    }
    let names: Vec<&str> = result.apps.iter().map(|app| app.name.as_str()).collect();
    reasons.extend(result.ledger.faults(&names));
    if reasons.is_empty() {
        reasons.extend(result.differences());
    }
    let follow = result.flags_told().into_iter().filter(|flag| !flags.contains(flag));
    let follow: Vec<String> = follow.collect();
    flags.extend(follow);
    flags.extend(stalls::flag(result, producer).map(|flag| flag.to_string()));
    flags.extend(result.apps.iter().filter_map(clock_flag).map(|flag| flag.to_string()));
    let (interrupted_by, broken_off) = (before.interrupted_by, before.broken_off.clone());
    Verdict { valid: reasons.is_empty(), reasons, flags, interrupted_by, broken_off }
}

/// What has to stand above the numbers when clocks are not good enough for them.
fn clock_flag(app: &AppResult) -> Option<Flag> {
    let clock = app.clock.filter(|clock| !clock.usable)?;
    Some(Flag::ClocksApart { app: app.name.clone(), bound_ns: clock.bound_ns })
}

/// The producer's log, and behind it the applications' lines.
fn log(producer: &ProducerPart, merged: &mut [Merged<'_>]) -> Result<String> {
    let series = |app: &mut Merged<'_>| -> (String, Outside) {
        let outside = app.series.total(Stage::EndToEnd).map(Outside::of).unwrap_or_default();
        (format!("{}.end_to_end", app.name.name), outside)
    };
    let tags: Vec<_> = merged.iter_mut().map(series).collect();
    let all = tags.into_iter().zip(merged.iter_mut()).map(|((tag, outside), app)| {
        let log = Series::log(&mut app.series);
        LogSeries { tag, log, outside }
    });
    let start_wall_us =
        i64::try_from(producer.start_interval * producer.interval_ns / 1_000).unwrap_or(0);
    let theirs = interval_log(all.collect(), start_wall_us, 0, producer.interval_ns)?;
    let mut log = producer.log.clone();
    for line in theirs.lines().filter(|line| line.starts_with("Tag=") || is_notice(line)) {
        log.push_str(line);
        log.push('\n');
    }
    Ok(log)
}

/// A comment about what is not in the log.
fn is_notice(line: &str) -> bool {
    line.starts_with('#') && line.contains(" are not in here]")
}
