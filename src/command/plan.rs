//! `kbench plan`: what a run would do, without opening anything.

use crate::cli::{Format, PlanArgs};
use crate::clock::wall_clock_us;
use crate::error::{Error, ExitCode, Result};
use crate::harness::outline::Outline;

pub(super) fn run(args: &PlanArgs) -> Result<ExitCode> {
    for (_, plan) in super::plans(&args.scenarios, &args.scenario)? {
        for warning in &plan.warnings {
            super::tell(&format!("warning: {warning}"));
        }
        let outline = Outline::new(&plan, wall_clock_us())?;
        match args.format {
            Format::Json => {
                let text = serde_json::to_string_pretty(&outline)
                    .map_err(|error| Error::Internal(format!("writing the plan: {error}")))?;
                super::show(format!("{text}\n").as_bytes())?;
            }
            Format::Text | Format::Markdown => super::show(outline.text().as_bytes())?,
        }
    }
    Ok(ExitCode::Ok)
}
