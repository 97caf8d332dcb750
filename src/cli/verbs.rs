//! The verbs. Together with `main` and `cli` the only place that prints or ends the process.

mod broker;
mod compare;
mod consume;
mod doctor;
mod list;
mod plan;
mod produce;
mod race;
mod replay;
mod report;
mod run;
pub mod shared;
mod signals;
mod verify;

use std::path::Path;
use std::process;

use clap::CommandFactory;

use super::{Cli, Command};
use crate::base::error::{Error, ExitCode, Result};
use crate::run::needs;

use shared::{show_raw, tell};

/// Writes a page for the program and for each verb.
fn man(dir: &Path) -> Result<ExitCode> {
    let write =
        std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::command(), dir));
    write.map_err(|source| Error::io(format!("writing {}", dir.display()), source))?;
    Ok(ExitCode::Ok)
}

/// Does what the command line says; prints the error if there is one.
#[must_use]
pub fn run(cli: Cli) -> process::ExitCode {
    needs::raise_handles();
    let outcome = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Consume(args) => consume::run(&args),
        Command::Produce(args) => produce::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Race(args) => race::run(&args),
        Command::List(args) => list::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Broker(args) => broker::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "kbench", &mut script);
            show_raw(&script).map(|()| ExitCode::Ok)
        }
        Command::Man { dir } => man(&dir),
    };
    let code = outcome.unwrap_or_else(|error| {
        for line in error.to_string().lines() {
            tell(line);
        }
        error.exit_code()
    });
    process::ExitCode::from(code as u8)
}
