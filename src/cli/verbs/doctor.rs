//! `kbench doctor`: what this host can measure.

use comfy_table::{Table, presets};

use super::shared;
use crate::base::error::{ExitCode, Result};
use crate::base::json;
use crate::cli::DoctorArgs;
use crate::cli::shared::{Format, ScenarioArgs};
use crate::run::doctor::finding::Grade;
use crate::run::doctor::{self, Checkup};

pub(super) fn run(args: &DoctorArgs) -> Result<ExitCode> {
    let given = &args.scenario;
    let wants_brokers = given.bootstrap_servers.is_some();
    // Asked first: who can't be reached is known before half a minute has gone.
    let brokers = if wants_brokers { brokers(given)? } else { Vec::new() };
    if !args.quiet {
        shared::tell("looking at this host for some 15 seconds; keep it as idle as for a run");
    }
    let mut checkup = doctor::examine()?;
    checkup.findings.extend(brokers);
    let text = match args.format {
        Format::Text => text(&checkup, presets::NOTHING),
        Format::Markdown => text(&checkup, presets::ASCII_MARKDOWN),
        Format::Json => {
            let text = json::pretty(&checkup, "findings")?;
            format!("{text}\n")
        }
    };
    shared::show(&text)?;
    Ok(exit_code(checkup.grade()))
}

/// Fair is fit: the runs tell their limits themselves.
const fn exit_code(grade: Grade) -> ExitCode {
    match grade {
        Grade::Good | Grade::Fair => ExitCode::Ok,
        Grade::Unfit => ExitCode::Invalid,
    }
}

fn brokers(given: &ScenarioArgs) -> Result<Vec<doctor::finding::Finding>> {
    let (plan, bootstrap) = shared::alone(None, given)?;
    doctor::examine_brokers(&bootstrap, &plan.kafka)
}

const fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "good",
        Grade::Fair => "fair",
        Grade::Unfit => "UNFIT",
    }
}

fn text(checkup: &Checkup, style: comfy_table::TableStyle) -> String {
    let mut table = Table::new();
    table.load_style(style).set_header(["", "what", "measured", "limit"]);
    for finding in &checkup.findings {
        let row = [word(finding.grade), &finding.what, &finding.measured, &finding.limits];
        table.add_row(row);
    }
    let mut out: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    out.push('\n');
    for finding in checkup.findings.iter().filter(|finding| finding.grade > Grade::Good) {
        if let Some(advice) = &finding.advice {
            out.push_str(&format!("{}: {}: {advice}\n", word(finding.grade), finding.what));
        }
    }
    out.push_str(match checkup.grade() {
        Grade::Good => "this host is fit to measure\n",
        Grade::Fair => "this host measures, with limits: see above\n",
        Grade::Unfit => "this host is unfit to measure: see above\n",
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Host;
    use crate::run::doctor::finding::Finding;

    #[test]
    fn the_worst_line_decides_words_and_exit_code() {
        let finding = |grade| Finding {
            what: "clock".to_owned(),
            grade,
            measured: "2 µs".to_owned(),
            limits: "good to 1 µs".to_owned(),
            advice: (grade > Grade::Good).then(|| "set the clock source to tsc".to_owned()),
            figures: Vec::new(),
        };
        let says = |grades: &[Grade]| {
            let findings = grades.iter().map(|grade| finding(*grade)).collect();
            let checkup = Checkup { host: Host::read(), findings };
            (text(&checkup, presets::NOTHING), exit_code(checkup.grade()))
        };
        let (words, code) = says(&[Grade::Good, Grade::Good]);
        assert!(words.ends_with("\n\nthis host is fit to measure\n"), "{words}");
        assert_eq!(code, ExitCode::Ok);
        let (words, code) = says(&[Grade::Fair, Grade::Good]);
        assert!(words.contains("fair: clock: set the clock source to tsc\n"), "{words}");
        assert!(words.ends_with("this host measures, with limits: see above\n"), "{words}");
        assert_eq!(code, ExitCode::Ok);
        let (words, code) = says(&[Grade::Unfit, Grade::Fair, Grade::Good]);
        assert!(words.contains("UNFIT  clock"), "{words}");
        assert!(words.ends_with("this host is unfit to measure: see above\n"), "{words}");
        assert_eq!(code, ExitCode::Invalid);
    }
}
