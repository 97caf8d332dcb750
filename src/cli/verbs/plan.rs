//! `kbench plan`: what a run would do, without opening anything.

use super::shared::{self, Job};
use crate::base::clock::wall_clock_us;
use crate::base::error::{ExitCode, Result};
use crate::base::json;
use crate::cli::PlanArgs;
use crate::cli::shared::Format;
use crate::load::preview::outline::Outline;
use crate::output::sweep_outline;
use crate::plan::Plan;

pub(crate) fn run(args: &PlanArgs) -> Result<ExitCode> {
    for (_, job) in shared::jobs(&args.scenarios, &args.scenario)? {
        let (sweep, plan) = match &job {
            Job::Run(plan) => (None, Some(&**plan)),
            Job::Sweep(sweep) => (Some(sweep), sweep.points.first().map(|point| &point.plan)),
        };
        let outline = plan.map(outline).transpose()?;
        match (args.format, sweep, outline) {
            (Format::Json, Some(sweep), outline) => {
                show_json(&serde_json::json!({ "sweep": sweep, "first": outline }))?;
            }
            (Format::Json, None, outline) => show_json(&outline)?,
            (_, sweep, outline) => {
                let trials = sweep.map(|sweep| {
                    format!("{}\nThe first of its points:\n\n", sweep_outline::outline(sweep))
                });
                let outline = outline.map(|outline| outline.text());
                let text: String = trials.into_iter().chain(outline).collect();
                shared::show(&text)?;
            }
        }
    }
    Ok(ExitCode::Ok)
}

fn outline(plan: &Plan) -> Result<Outline<'_>> {
    for warning in &plan.warnings {
        super::tell(&format!("warning: {warning}"));
    }
    Outline::new(plan, wall_clock_us())
}

fn show_json(value: &impl serde::Serialize) -> Result<()> {
    let text = json::pretty(value, "plan")?;
    shared::show(&format!("{text}\n"))
}
