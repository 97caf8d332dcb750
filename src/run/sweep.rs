//! A sweep: every point of a scenario's axes as whole runs, saved one by one, and what they say
//! together.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Finished, RunOptions};
use crate::base::error::{Error, Result};
use crate::output::draw::draw_sweep;
use crate::plan::sweep::{Sweep, SweepTurn, TRIAL_OVERHEAD};
use crate::result::run_event::{Listener, RunEvent, SweepEvent};
use crate::result::run_outcome::RunOutcome;
use crate::result::sweep::manifest::{SweepManifest, TrialState};
use crate::result::{self, RunResult, Saved, Trial};
use crate::run;

/// A sweep stops when so many of its trials in a row could not be run.
const FAILURES_MAX: u32 = 3;

/// What a sweep leaves.
#[derive(Debug)]
pub struct Swept {
    /// Its folder.
    pub folder: PathBuf,
    /// Every trial, run or not.
    pub book: SweepManifest,
    /// The results there are, in the order of their runs.
    pub results: Vec<Saved>,
}

/// Runs every trial that has no result yet.
///
/// `options` are made anew for each trial, with the folder that its result goes to; `resume` is
/// the folder of a sweep that was cut short.
///
/// # Errors
/// [`Error::Usage`] when `resume` holds another sweep; [`Error::Broker`] when the broker is gone:
/// the trials that have run are saved, and the sweep can be resumed.
pub fn run(
    sweep: &Sweep,
    scenario_text: &str,
    results_dir: &Path,
    resume: Option<&Path>,
    options: &dyn Fn(PathBuf) -> RunOptions,
    listener: &mut dyn Listener,
) -> Result<Swept> {
    result::check_writable(results_dir)?;
    let (folder, mut book) = match resume {
        Some(folder) => (folder.to_owned(), SweepManifest::resume(folder, sweep)?),
        None => SweepManifest::open(sweep, scenario_text, results_dir)?,
    };
    for excluded in &sweep.excluded {
        listener.on(&RunEvent::Sweep(SweepEvent::LeftOut(excluded.clone())));
    }
    let outcome = trials(sweep, scenario_text, &folder, &mut book, options, listener);
    if outcome.is_err() {
        listener.on(&RunEvent::Sweep(SweepEvent::CutShort {
            done: book.done(),
            trials: book.trials.len(),
            folder: folder.clone(),
        }));
    }
    let results = book.results(&folder);
    let closed = results.as_ref().map_or(Ok(()), |results| {
        book.close(&folder, results)?;
        draw_sweep(&folder, &book, results)
    });
    // What ended it comes first.
    outcome?;
    closed?;
    Ok(Swept { folder, book, results: results? })
}

fn trials(
    sweep: &Sweep,
    scenario_text: &str,
    folder: &Path,
    book: &mut SweepManifest,
    options: &dyn Fn(PathBuf) -> RunOptions,
    listener: &mut dyn Listener,
) -> Result<()> {
    let turns = sweep.turns();
    let mut overhead = Overhead::default();
    let mut failures = 0;
    for (place, turn) in (0..).zip(&turns) {
        if book.has_run(place) {
            continue;
        }
        let point = &sweep.points[turn.point];
        let left = turns.iter().enumerate().skip(place as usize);
        let left: Duration = left.map(|(_, turn)| overhead.with(schedule(sweep, *turn))).sum();
        listener.on(&RunEvent::Sweep(SweepEvent::TrialBegan {
            place,
            trials: turns.len(),
            settings: point.settings.clone(),
            repeat: turn.repeat,
            repeats: sweep.repeats,
            left,
        }));
        let mut options = options(folder.to_owned());
        options.trial = Some(Trial {
            sweep: book.sweep.clone(),
            point: point.settings.clone(),
            repeat: turn.repeat,
            place,
        });
        let signal = options.signal.clone();
        let began = Instant::now();
        let ran = run::run(&point.plan, scenario_text, options, listener);
        let state = match ran.and_then(|ran| whole(ran, listener)) {
            Ok((result, saved)) => {
                overhead.add(began.elapsed().saturating_sub(schedule(sweep, *turn)));
                if result.verdict.interrupted_by.is_some() {
                    // Half a trial is none: it stays beside the sweep, and runs again.
                    set_aside(&saved);
                    return book.note(folder, place, TrialState::Interrupted);
                }
                failures = 0;
                listener.on(&RunEvent::Sweep(SweepEvent::TrialEnded(RunOutcome::of(&result))));
                let name = saved.file_name().map(|name| name.to_string_lossy().into_owned());
                TrialState::Done { folder: name.unwrap_or_default(), valid: result.verdict.valid }
            }
            Err(Error::Signal(_)) => return book.note(folder, place, TrialState::Interrupted),
            // What one point can't do, another may.
            Err(error @ (Error::Invalid(_) | Error::Broker(_))) if failures + 1 < FAILURES_MAX => {
                failures += 1;
                let why = error.to_string();
                let failed = SweepEvent::TrialFailed { place, why: why.clone() };
                listener.on(&RunEvent::Sweep(failed));
                TrialState::Failed { why }
            }
            Err(error) => {
                book.note(folder, place, TrialState::Failed { why: error.to_string() })?;
                return Err(error);
            }
        };
        book.note(folder, place, state)?;
        if signal.load(std::sync::atomic::Ordering::Relaxed) != 0 {
            break;
        }
    }
    Ok(())
}

/// A trial that ran as long as it should. One that the broker did not outlive says nothing of its
/// point: it stays beside the sweep, and runs again.
fn whole(ran: Finished, listener: &mut dyn Listener) -> Result<(RunResult, PathBuf)> {
    let (result, saved) = (ran.result, ran.folder?);
    if let Some(error) = &ran.unsaved {
        let (folder, why) = (saved.clone(), error.to_string());
        listener.on(&RunEvent::NotWhole { folder, why });
    }
    match (&result.verdict.broken_off, result.verdict.interrupted_by) {
        (Some(why), None) => {
            let why = format!("{}: {why}", set_aside(&saved).display());
            Err(Error::Broker(why))
        }
        _ => Ok((result, saved)),
    }
}

/// An interrupted run's folder no longer counts as one of the sweep's, or the race's, results.
/// Gives where it is now.
pub(crate) fn set_aside(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut aside = folder.with_file_name(format!("{name}-partial"));
    for number in 2..100 {
        if !aside.exists() {
            break;
        }
        aside = folder.with_file_name(format!("{name}-partial-{number}"));
    }
    // It was saved, and that is what matters; under its own name it only is replaced on resuming.
    if std::fs::rename(folder, &aside).is_err() {
        return folder.to_owned();
    }
    let _ = std::fs::rename(aside.join("result.json"), aside.join("partial-result.json"));
    aside
}

fn schedule(sweep: &Sweep, turn: SweepTurn) -> Duration {
    Duration::from_nanos(sweep.points[turn.point].plan.load.duration_ns())
}

/// What trials take besides their schedules.
#[derive(Default)]
struct Overhead {
    sum: Duration,
    count: u32,
}

impl Overhead {
    fn add(&mut self, overhead: Duration) {
        self.sum += overhead;
        self.count += 1;
    }

    fn with(&self, schedule: Duration) -> Duration {
        schedule + if self.count == 0 { TRIAL_OVERHEAD } else { self.sum / self.count }
    }
}
