//! `kbench plan`: what a run would do, without opening anything.

use crate::cli::{Format, PlanArgs};
use crate::error::{Error, ExitCode, Result};
use crate::harness::outline;

pub(super) fn run(args: &PlanArgs) -> Result<ExitCode> {
    for (source, plan) in super::plans(&args.scenarios, &args.scenario)? {
        for warning in &plan.warnings {
            eprintln!("kbench: {}: {warning}", source.name);
        }
        match args.format {
            Format::Json => {
                let text = serde_json::to_string_pretty(&plan)
                    .map_err(|error| Error::Internal(format!("writing the plan: {error}")))?;
                println!("{text}");
            }
            Format::Text | Format::Markdown => print!("{}", outline::text(&plan)),
        }
    }
    Ok(ExitCode::Ok)
}
