//! `kbench run`: every scenario, one after the other.

use std::path::PathBuf;
use std::sync::Arc;

use super::shared::{self, Job};
use super::signals::Signals;
use crate::base::error::{Error, ExitCode, Result};
use crate::base::json;
use crate::cli::RunArgs;
use crate::cli::shared::Format;
use crate::output::progress::Progress;
use crate::output::prometheus::Exporter;
use crate::output::prometheus::metrics::Metrics;
use crate::output::{self, run_lines, summary, table};
use crate::plan::Plan;
use crate::plan::sweep::Sweep;
use crate::plan::toml::source::ScenarioSource;
use crate::result::Saved;
use crate::result::compare::{self, Side};
use crate::result::run_event::Listener;
use crate::run::sweep::{self, Swept};
use crate::run::{self, Finished, RunOptions};

/// A sweep of more runs than this wants to be meant.
const RUNS_UNASKED: usize = 200;

pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    let mut given = args.scenario.clone();
    given.set.extend(args.interval.iter().map(|text| format!("measure.interval={text}")));
    let jobs = shared::jobs(&args.scenarios, &given)?;
    check_sweeps(&jobs, args)?;
    let against = Against::read(&jobs, args)?;
    let program = std::env::current_exe()
        .map_err(|error| Error::io("finding this program, to start the broker", error))?;
    let signals = Signals::listen()?;
    let metrics = args.metrics_addr.as_ref().map(|_| Arc::<Metrics>::default());
    let exporter = args.metrics_addr.as_deref().zip(metrics.clone());
    let exporter = exporter.map(|(addr, metrics)| Exporter::start(addr, metrics)).transpose()?;
    if let Some(exporter) = exporter.as_ref().filter(|_| !args.quiet) {
        shared::tell(&exporter.announcement());
    }
    let options = |results_dir: PathBuf| RunOptions {
        // One that is not a text still belongs into the result; `args` would panic at it.
        command_line: std::env::args_os().map(|arg| arg.to_string_lossy().into()).collect(),
        program: program.clone(),
        results_dir,
        signal: signals.code(),
        remains: signals.remains(),
        ..RunOptions::default()
    };
    let mut listener = (Progress::on_stderr(args.quiet), metrics);
    let mut worst = ExitCode::Ok;
    for (source, job) in &jobs {
        let (mut code, runs) = match job {
            Job::Run(plan) => one(source, plan, options(args.out.clone()), args, &mut listener)?,
            Job::Sweep(sweep) => trials(source, sweep, &options, args, &mut listener)?,
        };
        // However far it came: who sent a signal wants to hear that it was that.
        if signals.came() {
            code = signals.exit_code();
        }
        if let Some(against) = &against {
            code = against.compare(code, runs, args)?;
        }
        if code != ExitCode::Ok {
            worst = code;
        }
        if signals.came() {
            break;
        }
    }
    Ok(worst)
}

/// What only the command line and the scenarios together can get wrong.
fn check_sweeps(jobs: &[(ScenarioSource, Job)], args: &RunArgs) -> Result<()> {
    let sweeps: Vec<(&ScenarioSource, &Sweep)> = jobs
        .iter()
        .filter_map(|(source, job)| match job {
            Job::Sweep(sweep) => Some((source, sweep)),
            Job::Run(_) => None,
        })
        .collect();
    if args.resume.is_some() && (jobs.len() != 1 || sweeps.len() != 1) {
        return Err(Error::usage("--resume: expected one scenario, with [sweep]"));
    }
    for (source, sweep) in sweeps {
        let runs = sweep.turns().len();
        if runs > RUNS_UNASKED && !args.yes {
            let schedules = std::time::Duration::from_nanos(sweep.duration_ns());
            return Err(Error::usage(format!(
                "{}: a sweep of {runs} runs, {} by their schedules alone; expected --yes for more \
                 than {RUNS_UNASKED}, or fewer values",
                source.name,
                run_lines::minutes(schedules)
            )));
        }
    }
    Ok(())
}

/// What a run is compared with afterwards.
struct Against {
    baseline: Side,
    options: compare::options::CompareOptions,
}

impl Against {
    /// Reads the baseline and the gates before anything runs.
    fn read(jobs: &[(ScenarioSource, Job)], args: &RunArgs) -> Result<Option<Self>> {
        let gate = &args.gate;
        let Some(name) = &args.compare_to else {
            if gate.is_empty() {
                return Ok(None);
            }
            return Err(Error::usage(
                "--fail-on, --require, --metric and --allow are for a comparison; expected \
                 --compare-to DIR",
            ));
        };
        let [(_, job)] = jobs else {
            return Err(Error::usage("--compare-to: expected one scenario"));
        };
        let plan = match job {
            Job::Run(plan) => Some(plan.as_ref()),
            Job::Sweep(sweep) => sweep.points.first().map(|point| &point.plan),
        };
        let apps = plan.into_iter().flat_map(|plan| &plan.apps).map(|app| app.name.clone());
        let options = super::compare::options(gate, &apps.collect::<Vec<_>>())?;
        Ok(Some(Self { baseline: Side::read(name)?, options }))
    }

    /// Compares what has run, if it came to its end.
    fn compare(&self, code: ExitCode, runs: Vec<Saved>, args: &RunArgs) -> Result<ExitCode> {
        if !matches!(code, ExitCode::Ok | ExitCode::Threshold) {
            shared::tell("not compared: the run did not come to a valid end");
            return Ok(code);
        }
        let name = match runs.as_slice() {
            [one] => one.folder.display().to_string(),
            _ => runs
                .first()
                .and_then(|run| run.folder.parent())
                .map_or_else(|| "this run".to_owned(), |folder| folder.display().to_string()),
        };
        let candidate = Side::of(&name, runs);
        let gates = super::compare::finish(
            &self.baseline,
            &candidate,
            &self.options,
            args.strict,
            args.format,
        )?;
        Ok(if code == ExitCode::Ok { gates } else { code })
    }
}

/// How a run ended, and what it left.
type Ran = (ExitCode, Vec<Saved>);

fn one(
    source: &ScenarioSource,
    plan: &Plan,
    options: RunOptions,
    args: &RunArgs,
    listener: &mut dyn Listener,
) -> Result<Ran> {
    warn(plan);
    let finished = run::run(plan, &source.text, options, listener)?;
    let mut code = finished.result.exit_code_of_run(args.strict);
    if let (Err(error), Ok(folder)) = (print(&finished, args.format), &finished.folder) {
        shared::tell(&format!("the result is in {}", folder.display()));
        // A terminal that is gone takes the output along.
        if finished.result.verdict.interrupted_by.is_none() {
            return Err(error);
        }
    }
    if let (Some(error), Ok(folder)) = (&finished.unsaved, &finished.folder) {
        shared::tell(&run_lines::not_whole(folder, &error.to_string()));
        code = if code == ExitCode::Ok { ExitCode::Unexpected } else { code };
    }
    // Told after the summary, which is all that is left of the run then.
    let saved = Saved { folder: finished.folder?, result: finished.result };
    Ok((code, vec![saved]))
}

fn trials(
    source: &ScenarioSource,
    sweep: &Sweep,
    options: &dyn Fn(PathBuf) -> RunOptions,
    args: &RunArgs,
    listener: &mut dyn Listener,
) -> Result<Ran> {
    let resume = args.resume.as_deref();
    let swept = sweep::run(sweep, &source.text, &args.out, resume, options, listener)?;
    let Swept { folder, book, results } = swept;
    let text = match args.format {
        Format::Text => {
            format!("{}sweep: {}\n", output::sweep::terminal(&book), folder.display())
        }
        Format::Markdown => output::sweep::markdown(&book),
        Format::Json => {
            let text = json::pretty(&book, "sweep")?;
            format!("{text}\n")
        }
    };
    shared::show(&text)?;
    if !book.is_complete() {
        shared::tell(&format!("to go on: --resume {}", folder.display()));
        return Ok((ExitCode::Invalid, results));
    }
    let mut codes = results.iter().map(|saved| saved.result.exit_code_of_run(args.strict));
    let code = codes.rfind(|code| *code != ExitCode::Ok).unwrap_or(ExitCode::Ok);
    Ok((code, results))
}

fn warn(plan: &Plan) {
    for warning in &plan.warnings {
        shared::tell(&format!("warning: {warning}"));
    }
}

fn print(finished: &Finished, format: Format) -> Result<()> {
    let result = &finished.result;
    let text = match format {
        Format::Text => {
            let table = table::terminal(result, shared::color());
            match &finished.folder {
                Ok(folder) => format!("{table}result: {}\n", folder.display()),
                Err(_) => table,
            }
        }
        Format::Markdown => summary::markdown(result),
        Format::Json => {
            let text = json::pretty(result, "result")?;
            format!("{text}\n")
        }
    };
    shared::show(&text)
}
