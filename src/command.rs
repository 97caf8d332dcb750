//! The verbs. Together with `main` and `cli` the only place that prints or ends the process.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the skin")]

mod broker;
mod consume;
mod plan;
mod produce;
mod run;
mod signals;

use std::io::IsTerminal;
use std::process;
use std::time::Duration;

use clap::CommandFactory;

use crate::apps;
use crate::cli::{Cli, Command, ScenarioArgs};
use crate::error::{Error, ExitCode, Result};
use crate::plan::Plan;
use crate::scenario::{self, Environment, Overrides, Source};

/// Does what the command line says; prints the error if there is one.
#[must_use]
pub fn run(cli: Cli) -> process::ExitCode {
    let outcome = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Consume(args) => consume::run(&args),
        Command::Produce(args) => produce::run(&args),
        Command::Broker(args) => broker::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "kbench", &mut std::io::stdout());
            Ok(ExitCode::Ok)
        }
    };
    let code = outcome.unwrap_or_else(|error| {
        for line in error.to_string().lines() {
            eprintln!("kbench: {line}");
        }
        error.exit_code()
    });
    process::ExitCode::from(code as u8)
}

/// Reads and checks every scenario before the first one runs.
fn plans(names: &[String], args: &ScenarioArgs) -> Result<Vec<(Source, Plan)>> {
    let mut plans = Vec::new();
    let mut faults = Vec::new();
    for name in names {
        let planned =
            Source::read(name).and_then(|source| plan(&source, args).map(|plan| (source, plan)));
        match planned {
            Ok(planned) => plans.push(planned),
            Err(Error::Usage(lines)) => faults.extend(lines),
            Err(error) => return Err(error),
        }
    }
    if faults.is_empty() { Ok(plans) } else { Err(Error::Usage(faults)) }
}

/// Checks a scenario under what the command line and the environment change.
fn plan(source: &Source, args: &ScenarioArgs) -> Result<Plan> {
    let command_config = match &args.command_config {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Error::usage(format!("{}: {error}", path.display())))?;
            Some((path.display().to_string(), text))
        }
    };
    let overrides = Overrides {
        set: args.set.clone(),
        seed: args.seed,
        bootstrap_servers: args.bootstrap_servers.clone(),
        properties: args.properties.clone(),
        command_config,
    };
    scenario::plan(source, &overrides, &Environment::from_process(), &apps::schemas())
}

/// The scenario of whoever names none: the specification's own load and applications.
const SPECIFICATION: &str = include_str!("../scenarios/spec.toml");

/// Where the parts go that run by themselves when nobody names a broker.
const LOCALHOST: &str = "localhost:9092";

/// What a part needs that runs by itself: the specification's plan, changed by the command line
/// and the environment, and the brokers.
fn alone(args: &ScenarioArgs) -> Result<(Plan, String)> {
    let source = Source::new("spec.toml", SPECIFICATION);
    let plan = plan(&source, args)?;
    let bootstrap = plan.kafka.bootstrap_servers.clone();
    Ok((plan, bootstrap.unwrap_or_else(|| LOCALHOST.to_owned())))
}

/// A duration of the command line.
fn duration(flag: &str, text: &str) -> Result<Duration> {
    scenario::duration(text).map_err(|what| Error::usage(format!("{flag}: {what}")))
}

/// The columns of the terminal that stdout goes to; `None` where it goes elsewhere.
fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// Whether stdout may be coloured: a terminal, and nobody said no.
fn color() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}
