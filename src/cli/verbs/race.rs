//! `kbench race`: two configurations in turns, and compared.

use super::shared;
use std::path::{Path, PathBuf};

use super::shared::{Job, job, overrides};
use super::signals::Signals;
use crate::base::error::{Error, ExitCode, Result};
use crate::cli::shared::ScenarioArgs;
use crate::cli::{PAIRS, PAIRS_MAX, RaceArgs, SideArgs};
use crate::output::progress::Progress;
use crate::plan::toml::source::ScenarioSource;
use crate::result;
use crate::result::compare::gate::GateLimit;
use crate::result::compare::{
    self, Call, Comparison, Gate, GateResult, GateState, MetricComparison, Sense,
};
use crate::result::run_event::{Listener, RaceEvent, RunEvent};
use crate::run::RunOptions;
use crate::run::race::side::{Laps, RaceSide, SIDES};
use crate::run::race::{self, Ended, RaceManifest};

/// Fewer pairs decide nothing.
const LOOK_FROM: usize = compare::stats::RUNS_MIN;

/// From so many pairs on a refusal is no matter of a run or two that do not count.
const REFUSED_FROM: usize = 2;

pub(super) fn run(args: &RaceArgs) -> Result<ExitCode> {
    let sides = sides(args)?;
    let apps: Vec<String> = sides[1].plan.apps.iter().map(|app| app.name.clone()).collect();
    let options = super::compare::options(&args.gate, &apps)?;
    if args.until.is_some() && options.gates.is_empty() && options.metrics.is_empty() {
        return Err(Error::usage(
            "--until decided: nothing to decide; expected --fail-on, --require or --metric",
        ));
    }
    let program = std::env::current_exe()
        .map_err(|error| Error::io("finding this program, to start the broker", error))?;
    let (folder, book) = open(args, &sides)?;
    race::check_writable(&folder)?;
    let signals = Signals::listen()?;
    let of_run = |results_dir: PathBuf| RunOptions {
        command_line: shared::command_line(),
        program: program.clone(),
        results_dir,
        signal: signals.code(),
        remains: signals.remains(),
        ..RunOptions::default()
    };
    let mut progress = Progress::on_stderr(args.quiet);
    let mut look = |laps: &Laps, listener: &mut dyn Listener| {
        look(laps, &folder, &options, args.until.is_some(), listener)
    };
    let ended = race::run(&sides, &folder, &book, &of_run, &mut look, &mut progress);
    if !matches!(ended, Ok(Ended::Done(_))) {
        shared::tell(&format!("the runs are in {}", folder.display()));
    }
    let laps = match ended? {
        Ended::Done(laps) => laps,
        Ended::Interrupted => {
            shared::tell(&format!("to go on: the same with --resume {}", folder.display()));
            return Ok(signals.exit_code());
        }
        Ended::Invalid(run, why) => {
            shared::tell(&format!("{}: the run is invalid: {why}", run.display()));
            shared::tell(&format!("to go on: the same with --resume {}", folder.display()));
            return Ok(ExitCode::Invalid);
        }
    };
    let kept = laps.iter().flatten().all(|run| run.result.thresholds.iter().all(|it| it.passed));
    let [a, b] = compared(&laps, &folder);
    let code = super::compare::finish(&a, &b, &options, args.strict, args.format)?;
    if !args.quiet {
        shared::tell(&format!("the runs are in {}", folder.display()));
    }
    Ok(if code == ExitCode::Ok && !kept { ExitCode::Threshold } else { code })
}

/// Both sides, checked before anything runs.
fn sides(args: &RaceArgs) -> Result<[RaceSide; 2]> {
    let mut faults = Vec::new();
    let mut found = Vec::new();
    let baseline = ScenarioSource::read(&args.baseline);
    let candidate = match (&args.candidate, &baseline) {
        (Some(name), _) => ScenarioSource::read(name),
        (None, Ok(source)) => Ok(source.clone()),
        // It is told once.
        (None, Err(_)) => Err(Error::Usage(Vec::new())),
    };
    for (source, own) in [(baseline, &args.a), (candidate, &args.b)] {
        let read = source.and_then(|source| {
            let given = overrides(&merged(&args.scenario, own.as_ref()))?;
            match job(&source, &given)? {
                Job::Run(plan) => Ok(RaceSide { plan: *plan, text: source.text }),
                Job::Sweep(_) => Err(Error::usage(format!(
                    "{}: has a [sweep]; expected a scenario of one run: the sides of a race are \
                     told by --a and --b, or by two scenarios",
                    source.name
                ))),
            }
        });
        match read {
            Ok(side) => found.push(side),
            Err(Error::Usage(lines)) => {
                faults.extend(
                    lines.into_iter().filter(|line| !faults.contains(line)).collect::<Vec<_>>(),
                );
            }
            Err(error) => return Err(error),
        }
    }
    let sides: [RaceSide; 2] = match found.try_into() {
        Ok(sides) => sides,
        Err(_) => return Err(Error::Usage(faults)),
    };
    for warning in sides.iter().flat_map(|side| &side.plan.warnings) {
        shared::tell(&format!("warning: {warning}"));
    }
    Ok(sides)
}

/// The flags of both sides, and of the one.
fn merged(both: &ScenarioArgs, own: Option<&SideArgs>) -> ScenarioArgs {
    let Some(SideArgs { scenario: own }) = own else { return both.clone() };
    let joined = |both: &[String], own: &[String]| [both, own].concat();
    ScenarioArgs {
        bootstrap_servers: own.bootstrap_servers.clone().or(both.bootstrap_servers.clone()),
        properties: joined(&both.properties, &own.properties),
        command_config: own.command_config.clone().or(both.command_config.clone()),
        set: joined(&both.set, &own.set),
        seed: own.seed.or(both.seed),
        client: own.client.or(both.client),
    }
}

fn open(args: &RaceArgs, sides: &[RaceSide; 2]) -> Result<(PathBuf, RaceManifest)> {
    let pairs = if args.until.is_some() { args.max } else { args.pairs };
    if let Some(folder) = &args.resume {
        let book = RaceManifest::resume(folder, sides, pairs)?;
        if book.until_decided != args.until.is_some() {
            let expected = if book.until_decided { "--until decided" } else { "no --until" };
            return Err(Error::usage(format!(
                "{}: began otherwise; expected {expected}",
                folder.display()
            )));
        }
        return Ok((folder.clone(), book));
    }
    result::check_writable(&args.out)?;
    let most = if args.until.is_some() { PAIRS_MAX } else { PAIRS };
    let goal = (pairs.unwrap_or(most), args.until.is_some());
    RaceManifest::open(sides, goal, args.order_seed, &args.out)
}

/// The runs as the sides of a comparison.
fn compared(laps: &Laps, folder: &Path) -> [compare::Side; 2] {
    let of = |place: usize| {
        let name = folder.join(SIDES[place]).display().to_string();
        compare::Side::of(&name, laps[place].clone())
    };
    [of(0), of(1)]
}

/// Looks at the pairs there are: whether they can be compared at all, and whether they are enough.
fn look(
    laps: &Laps,
    folder: &Path,
    options: &compare::options::CompareOptions,
    until_decided: bool,
    listener: &mut dyn Listener,
) -> Result<bool> {
    let pairs = laps[0].len();
    let [a, b] = compared(laps, folder);
    let comparison = match compare::compare(&a, &b, options) {
        Ok(comparison) => comparison,
        // Hours later it would be the same.
        Err(Error::Refused(reasons)) if pairs < REFUSED_FROM => {
            listener.on(&RunEvent::Race(RaceEvent::NotComparable { reasons }));
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    if !until_decided || pairs < LOOK_FROM {
        return Ok(false);
    }
    let open = undecided(&comparison, options);
    let is_enough = open.is_empty();
    listener.on(&RunEvent::Race(if is_enough {
        RaceEvent::Decided { pairs }
    } else {
        RaceEvent::Undecided { pairs, open }
    }));
    Ok(is_enough)
}

/// The gates and metrics that were named and are not decided, in words.
fn undecided(comparison: &Comparison, options: &compare::options::CompareOptions) -> Vec<String> {
    let mut open = Vec::new();
    for pair in &comparison.pairs {
        for (gate, result) in options.gates.iter().zip(&pair.gates) {
            if is_open(gate, result, &pair.rows) {
                open.push(format!("{}: {}", result.gate, result.why));
            }
        }
    }
    let rows = comparison.pairs.iter().flat_map(|pair| &pair.rows);
    for row in rows.filter(|row| options.metrics.contains(&row.metric)) {
        if row.call == Call::Inconclusive {
            let change = row.ratio.map_or_else(|| "n/a".to_owned(), compare::gate::change);
            open.push(format!("{}: {change} so far", row.metric));
        }
    }
    open
}

/// Whether more pairs may still decide a gate. What is required and not shown fails, but is open
/// as long as the interval lies on both sides of the limit.
fn is_open(gate: &Gate, result: &GateResult, rows: &[MetricComparison]) -> bool {
    match (gate.sense, &gate.limit) {
        (Sense::FailOn, _) => result.state == GateState::Inconclusive,
        (Sense::Require, GateLimit::Each(_)) => false,
        (Sense::Require, GateLimit::Above(limit) | GateLimit::Below(limit)) => {
            let row = rows.iter().find(|row| row.metric == gate.metric);
            result.state == GateState::Failed
                && row.is_some_and(|row| match row.interval {
                    Some((low, high)) => low < *limit && *limit < high,
                    // None yet; where figures are missing there will be none.
                    None => row.baseline_mean.is_some() && row.endless == (0, 0),
                })
        }
    }
}
