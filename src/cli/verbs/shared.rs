//! What several verbs do: read a scenario, print, tell.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::Duration;

use crate::apps;
use crate::base::error::{Error, Result, one_line};
use crate::base::visible;
use crate::cli::shared::ScenarioArgs;
use crate::output::progress;
use crate::plan::axes;
use crate::plan::sweep::Sweep;
use crate::plan::toml::environment::Environment;
use crate::plan::toml::overrides::Overrides;
use crate::plan::toml::source::ScenarioSource;
use crate::plan::toml::units;
use crate::plan::{Plan, scenario};
use crate::run::needs;

/// How the program was called. One argument that is not a text still belongs into a result; `args`
/// would panic at it.
pub(super) fn command_line() -> Vec<String> {
    std::env::args_os().map(|arg| arg.to_string_lossy().into()).collect()
}

/// Writes a page to stdout, with nothing hidden in it.
pub(super) fn show(text: &str) -> Result<()> {
    show_raw(visible::page(text).as_bytes())
}

/// Writes to stdout. A reader that has seen enough and left, such as `head`, is not a failure.
pub(super) fn show_raw(text: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io("writing to standard output", error))
        }
        _ => Ok(()),
    }
}

/// Writes a line to stderr. Where nobody reads it, so be it: the exit code still tells.
pub(super) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "kbench: {}", one_line(line));
}

/// What a scenario asks for.
pub(super) enum Job {
    /// One run.
    Run(Box<Plan>),
    /// A run for each point of its axes.
    Sweep(Sweep),
}

/// Reads and checks every scenario before the first one runs.
pub(super) fn jobs(names: &[String], args: &ScenarioArgs) -> Result<Vec<(ScenarioSource, Job)>> {
    let mut faults = Vec::new();
    // A bad properties file is one fault, not one for each scenario.
    let overrides = match overrides(args) {
        Ok(overrides) => overrides,
        Err(Error::Usage(lines)) => {
            faults.extend(lines);
            Overrides { command_config: None, ..flags(args) }
        }
        Err(error) => return Err(error),
    };
    let mut jobs = Vec::new();
    if names.iter().filter(|name| *name == "-").count() > 1 {
        faults.push("-: standard input can be read once only; expected one \"-\"".to_owned());
    }
    for name in names {
        let read = ScenarioSource::read(name)
            .and_then(|source| job(&source, &overrides).map(|job| (source, job)));
        match read {
            Ok(read) => jobs.push(read),
            Err(Error::Usage(lines)) => faults.extend(lines),
            Err(error) => return Err(error),
        }
    }
    if faults.is_empty() { Ok(jobs) } else { Err(Error::Usage(faults)) }
}

pub(super) fn job(source: &ScenarioSource, overrides: &Overrides) -> Result<Job> {
    let environment = Environment::from_process();
    let sweep =
        axes::sweep(source, overrides, &environment, &apps::schemas(), crate::client::CHECKERS)?;
    let job = match sweep {
        Some(sweep) => Job::Sweep(sweep),
        None => Job::Run(Box::new(plan(source, overrides)?)),
    };
    let checked = match &job {
        Job::Sweep(sweep) => needs::check_all(sweep.points.iter().map(|point| &point.plan)),
        Job::Run(plan) => needs::check(plan, None),
    };
    checked.map_err(|error| named(&source.name, error)).map(|()| job)
}

/// A usage error whose lines begin with the scenario that they are about.
pub(super) fn named(scenario: &str, error: Error) -> Error {
    match error {
        Error::Usage(lines) => {
            Error::Usage(lines.into_iter().map(|line| format!("{scenario}: {line}")).collect())
        }
        error => error,
    }
}

/// Checks a scenario under what the command line and the environment change.
pub(super) fn plan(source: &ScenarioSource, overrides: &Overrides) -> Result<Plan> {
    scenario::plan(
        source,
        overrides,
        &Environment::from_process(),
        &apps::schemas(),
        crate::client::CHECKERS,
    )
}

/// The command line's part of a scenario, with the file that it names.
pub(super) fn overrides(args: &ScenarioArgs) -> Result<Overrides> {
    let read = args.command_config.as_ref().map(|path| {
        let ScenarioSource { name, text } =
            ScenarioSource::read_properties(&path.display().to_string())?;
        Ok((name, text))
    });
    Ok(Overrides { command_config: read.transpose()?, ..flags(args) })
}

/// The command line's part without any file.
pub(super) fn flags(args: &ScenarioArgs) -> Overrides {
    Overrides {
        set: args.set.clone(),
        seed: args.seed,
        client: args.client,
        bootstrap_servers: args.bootstrap_servers.clone(),
        properties: args.properties.clone(),
        command_config: None,
    }
}

/// The scenario of whoever names none: the specification's own load and applications.
pub(super) const SPECIFICATION: &str = include_str!("../../../scenarios/spec.toml");

/// Where the parts go that run by themselves when nobody names a broker.
pub(super) const LOCALHOST: &str = "localhost:9092";

/// What a part needs that runs by itself: the plan of a scenario or else the specification's,
/// changed by the command line and the environment, and the brokers.
pub(super) fn alone(source: Option<ScenarioSource>, args: &ScenarioArgs) -> Result<(Plan, String)> {
    let source = source.unwrap_or_else(|| ScenarioSource::new("spec.toml", SPECIFICATION));
    let plan = plan(&source, &overrides(args)?)?;
    let bootstrap = plan.kafka.bootstrap_servers.clone();
    Ok((plan, bootstrap.unwrap_or_else(|| LOCALHOST.to_owned())))
}

/// A duration of the command line.
pub(super) fn duration(flag: &str, text: &str) -> Result<Duration> {
    units::duration(text).map_err(|what| Error::usage(format!("{flag}: {what}")))
}

/// The columns of the terminal that stdout goes to; `None` where it goes elsewhere.
pub(super) fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// Whether stdout may be coloured: a terminal that can, and nobody said no.
pub(super) fn color() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !progress::is_dumb() && !refused
}
