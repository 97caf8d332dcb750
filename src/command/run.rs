//! `kbench run`: every scenario, one after the other.

use super::signals::Signals;
use crate::cli::{Format, RunArgs};
use crate::error::{Error, ExitCode, Result};
use crate::harness::{self, Finished, Options};
use crate::progress::Progress;
use crate::result;

pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    let mut given = args.scenario.clone();
    given.set.extend(args.interval.iter().map(|text| format!("measure.interval={text}")));
    let plans = super::plans(&args.scenarios, &given)?;
    let program = std::env::current_exe()
        .map_err(|error| Error::io("finding this program, to start the broker", error))?;
    let signals = Signals::listen()?;
    let mut worst = ExitCode::Ok;
    for (source, plan) in plans {
        for warning in &plan.warnings {
            super::tell(&format!("warning: {warning}"));
        }
        let options = Options {
            // One that is no text still belongs into the result; `args` would panic at it.
            command_line: std::env::args_os().map(|arg| arg.to_string_lossy().into()).collect(),
            program: program.clone(),
            results_dir: args.out.clone(),
            signal: signals.code(),
            loopback: None,
            start_wall_us: None,
        };
        let mut progress = Progress::on_stderr(args.quiet);
        let finished = harness::run(&plan, &source.text, options, &mut progress)?;
        if let (Err(error), Ok(folder)) = (print(&finished, args.format), &finished.folder) {
            super::tell(&format!("the result is in {}", folder.display()));
            return Err(error);
        }
        let code = exit_code(&finished, args.strict);
        // Told after the summary, which is all that is left of the run then.
        finished.folder?;
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
    let text = match format {
        Format::Text => {
            let table = result::terminal(result, super::color());
            match &finished.folder {
                Ok(folder) => format!("{table}result: {}\n", folder.display()),
                Err(_) => table,
            }
        }
        Format::Markdown => result::markdown(result),
        Format::Json => {
            let text = serde_json::to_string_pretty(result)
                .map_err(|error| Error::Internal(format!("writing the result: {error}")))?;
            format!("{text}\n")
        }
    };
    super::show(text.as_bytes())
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
