//! The verbs. Together with `main` and `cli` the only place that prints or ends the process.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the skin")]

mod broker;
mod plan;
mod run;
mod signals;

use std::io::IsTerminal;
use std::process;

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
    let environment = Environment::from_process();
    let mut plans = Vec::new();
    let mut faults = Vec::new();
    for name in names {
        let planned = Source::read(name).and_then(|source| {
            let plan = scenario::plan(&source, &overrides, &environment, &apps::schemas())?;
            Ok((source, plan))
        });
        match planned {
            Ok(planned) => plans.push(planned),
            Err(Error::Usage(lines)) => faults.extend(lines),
            Err(error) => return Err(error),
        }
    }
    if faults.is_empty() { Ok(plans) } else { Err(Error::Usage(faults)) }
}

/// Whether stdout may be coloured: a terminal, and nobody said no.
fn color() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}
