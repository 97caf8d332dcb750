//! A producer by itself, with or without a part to record.

use std::path::{Path, PathBuf};

use super::part::{self, PRODUCER, ProducerPart, Started};
use crate::base::error::{Error, Result};
use crate::plan::Plan;
use crate::result::run_event::Listener;
use crate::result::{RunResult, mask_arguments, mask_toml};
use crate::run::assemble::Kept;
use crate::run::keep::Keep;
use crate::run::merge::{RunExtent, SendingPart};
use crate::run::{RunOptions, perform};
use crate::workers::produce::Sending;

/// Sends a plan's load, and saves nothing: a producer by itself. The plan has no applications.
///
/// # Errors
/// As [`crate::run::run`].
pub fn produce(
    plan: &Plan,
    sending: Sending,
    options: RunOptions,
    listener: &mut dyn Listener,
) -> Result<RunResult> {
    perform(plan, sending, options, listener, &mut Nowhere)
}

/// Where nothing is kept.
struct Nowhere;

impl Keep for Nowhere {
    fn save(&mut self, _: &mut RunResult, _: &Kept) -> Option<&Path> {
        None
    }
}

/// Sends a plan's load, and saves the producer's part of a run below `options.results_dir`. The
/// plan's applications are the ones that the other parts are expected of. Gives the part's folder,
/// or why there is none.
///
/// # Errors
/// As [`crate::run::run`]; [`Error::Usage`] when the warm-up can't be cut from what consumers
/// record.
pub fn produce_part(
    plan: &Plan,
    scenario_text: &str,
    sending: Sending,
    options: RunOptions,
    listener: &mut dyn Listener,
) -> Result<(RunResult, Result<PathBuf>)> {
    check(plan)?;
    let mut command_line = options.command_line.clone();
    mask_arguments(&mut command_line);
    let started = Started::begin(&options.results_dir, "producer", Vec::new(), command_line)?;
    let sent = Plan { apps: Vec::new(), ..plan.clone() };
    let mut kept = PartKept { plan, scenario_text, started, saved: None };
    let result = perform(&sent, sending, options, listener, &mut kept)?;
    let none = || Err(Error::Internal("nothing was saved".to_owned()));
    Ok((result, kept.saved.unwrap_or_else(none)))
}

/// A producer's part, and what came of it.
struct PartKept<'a> {
    plan: &'a Plan,
    scenario_text: &'a str,
    started: Started,
    saved: Option<Result<PathBuf>>,
}

impl Keep for PartKept<'_> {
    fn save(&mut self, _: &mut RunResult, kept: &Kept) -> Option<&Path> {
        let part = part(self.plan, self.scenario_text, kept);
        self.saved = Some(self.started.save(PRODUCER, &part));
        self.saved.as_ref()?.as_deref().ok()
    }
}

fn part(plan: &Plan, scenario_text: &str, kept: &Kept) -> ProducerPart {
    let SendingPart { interval_ns, start_wall_us, .. } = kept.sent;
    let start_interval = start_wall_us.max(0).unsigned_abs() * 1_000 / interval_ns;
    let RunExtent { measured, intervals } = kept.sent.reached.clone();
    ProducerPart {
        file: PathBuf::new(),
        part_version: part::VERSION,
        anchor: kept.clock.anchor(),
        start_interval,
        interval_ns,
        measured,
        intervals,
        steady: kept.sent.steady.clone(),
        stalls_ns: kept.sent.stalls_ns.clone(),
        apps: plan.apps.iter().map(part::AppName::of).collect(),
        planted: kept
            .sent
            .result
            .books
            .planted
            .iter()
            .map(|(session, kind)| (part::SessionNumber(*session), *kind))
            .collect(),
        outcomes: kept.ledger.outcomes(),
        scenario: mask_toml(scenario_text),
        log: kept.sent.log.clone(),
        pid: std::process::id(),
        waited_ns: kept.sent.waited_ns,
        result: kept.sent.result.clone(),
    }
}

/// Consumers tell samples apart by the interval in which they were due.
fn check(plan: &Plan) -> Result<()> {
    let interval_ns = plan.measure.interval_ms * 1_000_000;
    let warmup_ns = plan.load.warmup_ns();
    if warmup_ns.is_multiple_of(interval_ns) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "--record: a warm-up of {} s can't be cut out of what consumers record by intervals of \
         {} s; expected whole intervals",
        warmup_ns as f64 / 1e9,
        interval_ns as f64 / 1e9
    )))
}
