//! `kbench run`: every scenario, one after the other.

use super::signals::Signals;
use crate::cli::{Format, RunArgs};
use crate::error::{Error, ExitCode, Result};
use crate::harness::{self, Finished, Options};
use crate::progress::Progress;
use crate::result;

pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    let plans = super::plans(&args.scenarios, &args.scenario)?;
    let program = std::env::current_exe()
        .map_err(|error| Error::io("finding this program, to start the broker", error))?;
    let signals = Signals::listen()?;
    let mut worst = ExitCode::Ok;
    for (source, plan) in plans {
        for warning in &plan.warnings {
            eprintln!("kbench: {}: {warning}", source.name);
        }
        let options = Options {
            command_line: std::env::args().collect(),
            program: program.clone(),
            results_dir: args.out.clone(),
            signal: signals.code(),
            loopback: None,
            start_wall_us: None,
        };
        let mut progress = Progress::on_stderr(args.quiet);
        let finished = harness::run(&plan, &source.text, options, &mut progress)?;
        print(&finished, args.format)?;
        let code = exit_code(&finished, args.strict);
        if code != ExitCode::Ok {
            worst = code;
        }
        if signals.came() {
            break;
        }
    }
    Ok(worst)
}

fn print(finished: &Finished, format: Format) -> Result<()> {
    let result = &finished.result;
    match format {
        Format::Text => {
            print!("{}", result::terminal(result, super::color()));
            println!("result: {}", finished.folder.display());
        }
        Format::Markdown => print!("{}", result::markdown(result)),
        Format::Json => {
            let text = serde_json::to_string_pretty(result)
                .map_err(|error| Error::Internal(format!("writing the result: {error}")))?;
            println!("{text}");
        }
    }
    Ok(())
}

/// A signal decides first: whoever pressed Ctrl-C knows that the run is partial.
fn exit_code(finished: &Finished, strict: bool) -> ExitCode {
    let verdict = &finished.result.verdict;
    match verdict.interrupted_by {
        Some(143) => ExitCode::Terminated,
        Some(_) => ExitCode::Interrupted,
        None if !verdict.valid => ExitCode::Invalid,
        None if strict && !verdict.flags.is_empty() => ExitCode::Invalid,
        None => ExitCode::Ok,
    }
}
