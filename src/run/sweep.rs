//! A sweep: every point of a scenario's axes as whole runs, saved one by one, and what they say
//! together.

use crate::base::text;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Finished, RunOptions};
use crate::base::error::{Error, Result};
use crate::measure::latency::Reading;
use crate::output::draw::draw_sweep;
use crate::output::progress::Progress;
use crate::plan::metric::Statistic;
use crate::plan::sweep::{Sweep, SweepTurn, shown};
use crate::result::sweep::manifest::{SweepManifest, TrialState};
use crate::result::{self, RunResult, Saved, Trial};
use crate::run;

/// A sweep stops when so many of its trials in a row could not be run.
const FAILURES_MAX: u32 = 3;

/// How long a trial takes besides its schedule, until one was timed: a broker to start, groups
/// to join, a drain.
const OVERHEAD: Duration = Duration::from_secs(4);

/// How many trials an outline names.
const OUTLINED_MAX: usize = 30;

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
    progress: &mut Progress,
) -> Result<Swept> {
    result::check_writable(results_dir)?;
    let (folder, mut book) = match resume {
        Some(folder) => (folder.to_owned(), SweepManifest::resume(folder, sweep)?),
        None => SweepManifest::open(sweep, scenario_text, results_dir)?,
    };
    for excluded in &sweep.excluded {
        let why = excluded.why.first().map_or("", String::as_str);
        progress.say(&format!("left out: {}: {why}", shown(&excluded.settings)));
    }
    let outcome = trials(sweep, scenario_text, &folder, &mut book, options, progress);
    if outcome.is_err() {
        let (done, of) = (book.done(), book.trials.len());
        let shown = folder.display();
        progress.say(&format!("{done} of {of} trials are saved; to go on: --resume {shown}"));
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
    progress: &mut Progress,
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
        progress.say(&format!(
            "trial {} of {}: {}, repeat {} of {}; {} left",
            place + 1,
            turns.len(),
            shown(&point.settings),
            turn.repeat + 1,
            sweep.repeats,
            minutes(left)
        ));
        let mut options = options(folder.to_owned());
        options.trial = Some(Trial {
            sweep: book.sweep.clone(),
            point: point.settings.clone(),
            repeat: turn.repeat,
            place,
        });
        let signal = options.signal.clone();
        let began = Instant::now();
        let ran = run::run(&point.plan, scenario_text, options, progress);
        let state = match ran.and_then(|ran| whole(ran, progress)) {
            Ok((result, saved)) => {
                overhead.add(began.elapsed().saturating_sub(schedule(sweep, *turn)));
                if result.verdict.interrupted_by.is_some() {
                    // Half a trial is none: it stays beside the sweep, and runs again.
                    set_aside(&saved);
                    return book.note(folder, place, TrialState::Interrupted);
                }
                failures = 0;
                progress.say(&format!("  {}", outcome(&result)));
                let name = saved.file_name().map(|name| name.to_string_lossy().into_owned());
                TrialState::Done { folder: name.unwrap_or_default(), valid: result.verdict.valid }
            }
            Err(Error::Signal(_)) => return book.note(folder, place, TrialState::Interrupted),
            // What one point can't do, another may.
            Err(error @ (Error::Invalid(_) | Error::Broker(_))) if failures + 1 < FAILURES_MAX => {
                failures += 1;
                progress.say(&format!("trial {}: {error}", place + 1));
                TrialState::Failed { why: error.to_string() }
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
fn whole(ran: Finished, progress: &mut Progress) -> Result<(RunResult, PathBuf)> {
    let (result, saved) = (ran.result, ran.folder?);
    if let Some(error) = &ran.unsaved {
        progress.say(&not_whole(&saved, error));
    }
    match (&result.verdict.broken_off, result.verdict.interrupted_by) {
        (Some(why), None) => {
            let why = format!("{}: {why}", set_aside(&saved).display());
            Err(Error::Broker(why))
        }
        _ => Ok((result, saved)),
    }
}

/// What to do where a result's data is saved and something else could not be.
pub(crate) fn not_whole(folder: &Path, error: &Error) -> String {
    let folder = folder.display();
    format!("{error}; the data is in {folder}: kbench report {folder} draws the page again")
}

/// What came of a trial, in a line.
pub(crate) fn outcome(result: &RunResult) -> String {
    let acked = text::count(result.throughput.acked_per_s.round() as u64);
    let p99 = match result.worst(Statistic::P99) {
        Some(Reading::Endless(ns)) => format!("> {}", text::duration(Some(ns))),
        worst => text::duration(worst.and_then(Reading::value_ns)),
    };
    let verdict = &result.verdict;
    let said = verdict.reasons.first().or(verdict.flags.first());
    let said = said.map_or_else(String::new, |said| format!("; {said}"));
    let word = if verdict.valid { "" } else { "INVALID: " };
    format!("{word}{acked}/s acknowledged, worst p99 {p99}{said}")
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
        schedule + if self.count == 0 { OVERHEAD } else { self.sum / self.count }
    }
}

/// What a sweep would do, for a terminal.
#[must_use]
pub fn outline(sweep: &Sweep) -> String {
    let turns = sweep.turns();
    let schedules = Duration::from_nanos(sweep.duration_ns());
    let runs = u32::try_from(turns.len()).unwrap_or(u32::MAX);
    let mut text = format!(
        "sweep {}: {} points x {} repeats = {runs} runs, some {} (schedules {})\n",
        sweep.name,
        sweep.points.len(),
        sweep.repeats,
        minutes(schedules + OVERHEAD * runs),
        minutes(schedules),
    );
    for axis in &sweep.axes {
        text.push_str(&format!("  {} = {}\n", axis.key, axis.values.join(", ")));
    }
    for excluded in &sweep.excluded {
        let why = excluded.why.first().map_or("", String::as_str);
        text.push_str(&format!("  left out: {}: {why}\n", shown(&excluded.settings)));
    }
    text.push_str("order:\n");
    for (place, turn) in turns.iter().enumerate().take(OUTLINED_MAX) {
        let settings = shown(&sweep.points[turn.point].settings);
        text.push_str(&format!("  {:>3} {settings}, repeat {}\n", place + 1, turn.repeat + 1));
    }
    if turns.len() > OUTLINED_MAX {
        text.push_str(&format!("  ... and {} more\n", turns.len() - OUTLINED_MAX));
    }
    text
}

/// `40 s`, `12 min`, `2 h 5 min`.
#[must_use]
pub fn minutes(time: Duration) -> String {
    match time.as_secs() {
        s if s < 90 => format!("{s} s"),
        s if s < 5_400 => format!("{} min", s.div_ceil(60)),
        s => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
    }
}
