//! The parts that several processes have recorded of one run, put together: whatever a process by
//! itself can't know, and how far the clocks of the processes may lie apart. The rest is
//! `crate::run::merge`'s, as for a run in one process.

mod app;
mod cost;
mod stalls;

use std::collections::BTreeMap;
use std::fmt::Display;

use super::part::{AppName, Begun, ConsumerPart, ProducerPart};
use crate::base::error::{Error, Result};
use crate::base::files;
use crate::measure::ledger::Ledger;
use crate::result::{ClockBound, ProcessResult, RunResult, verify};
use crate::run;
use crate::run::merge::{RunExtent, SendingPart};

use app::{AppParts, clock};

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
    let of_app: Vec<AppParts<'_>> =
        names.iter().map(|name| parts_of(&name.name, &consumers)).collect();
    let notes: Vec<_> =
        of_app.iter().map(|parts| parts.iter().map(|(_, part)| &part.notes).collect()).collect();
    let ledger = Ledger::restore(&producer.outcomes, &notes);
    let mut sent = sending(producer);
    stalls::fill(&mut sent, producer, &consumers);
    sent.result.processes = processes(producer, &consumers);
    let is_whole = !begun
        .iter()
        .any(|left| left.apps.iter().any(|app| names.iter().any(|name| name.name == *app)));
    cost::fill(&mut sent.result, producer, &consumers, is_whole);
    let mut apps = Vec::new();
    for (name, parts) in names.iter().zip(&of_app) {
        apps.push(app::reading(name, parts, producer, begun)?);
    }
    app::lag_at_end(&mut sent.result, &apps, producer);
    let (mut result, log) = run::merge::merge(&sent, apps, &ledger)?;
    let stalls = [stalls::of_sender(producer), stalls::flag(&result, producer)];
    result.verdict.flags.extend(stalls.into_iter().flatten().map(|flag| flag.to_string()));
    hold(&mut result, producer)?;
    Ok((result, log))
}

/// The producer's part as a run by itself would have it.
fn sending(producer: &ProducerPart) -> SendingPart {
    let mut result = producer.result.clone();
    result.books.planted =
        producer.planted.iter().map(|(session, kind)| (session.0, *kind)).collect();
    let start_us = producer.start_interval * producer.interval_ns / 1_000;
    let (measured, intervals) = (producer.measured.clone(), producer.intervals);
    SendingPart {
        result,
        log: producer.log.clone(),
        reached: RunExtent { measured, intervals },
        interval_ns: producer.interval_ns,
        start_wall_us: i64::try_from(start_us).unwrap_or(0),
        waited_ns: producer.waited_ns,
        steady: producer.steady.clone(),
        stalls_ns: producer.stalls_ns.clone(),
        unanswered: BTreeMap::new(),
        strangers: Vec::new(),
    }
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
