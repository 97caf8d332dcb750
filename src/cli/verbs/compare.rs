//! `kbench compare`: two results beside each other.

use std::fs::OpenOptions;
use std::io::Write;

use super::shared;
use crate::base::error::{Error, ExitCode, Result};
use crate::base::json;
use crate::cli::shared::Format;
use crate::cli::{CompareArgs, GateArgs};
use crate::output::{compare_markdown, compare_text};
use crate::plan::metric::Metric;
use crate::result;
use crate::result::compare::options::CompareOptions;
use crate::result::compare::{self, Allow, Comparison, Gate, GateState, Sense, Side};

/// How often each row of `--simulate` is drawn.
const SIMULATED: u32 = 10_000;

/// How often each sweep of `--simulate` is drawn: they have hundreds of figures.
const SIMULATED_SWEEPS: u32 = 2_000;

const SIMULATED_SEED: u64 = 1;

/// Simulated runs of each kind whose bounds are looked at.
const COVERED_RUNS: usize = 200;

/// Runs a side that are drawn from real ones.
const SHUFFLED_RUNS: usize = 5;

pub(super) fn run(args: &CompareArgs) -> Result<ExitCode> {
    if args.simulate || args.coverage {
        let text = match (&args.baseline, &args.candidate) {
            (Some(one), Some(other)) if args.coverage => covered(one, other)?,
            (Some(one), Some(other)) => shuffled(&Side::read(one)?, &Side::read(other)?)?,
            _ if args.coverage => {
                compare::coverage::simulated(COVERED_RUNS, SIMULATED, SIMULATED_SEED)
            }
            _ => {
                let runs = compare::power::tables(SIMULATED, SIMULATED_SEED);
                runs + &crate::result::sweep::simulate::simulated(SIMULATED_SWEEPS, SIMULATED_SEED)
            }
        };
        shared::show(&text)?;
        return Ok(ExitCode::Ok);
    }
    let (Some(baseline), Some(candidate)) = (&args.baseline, &args.candidate) else {
        return Err(Error::usage("expected BASELINE and CANDIDATE, two result folders"));
    };
    let baseline = Side::read(baseline)?;
    let candidate = Side::read(candidate)?;
    let options = options(&args.gate, &candidate.apps())?;
    finish(&baseline, &candidate, &options, args.strict, args.format)
}

/// How often bounds of a percentile hold the truth: runs of both sides, of one configuration.
fn covered(one: &str, other: &str) -> Result<String> {
    let (one, other) = (Side::read(one)?, Side::read(other)?);
    same(&compare::compare(&one, &other, &CompareOptions::default())?)?;
    let runs: Vec<_> = one.points.values().chain(other.points.values()).flatten().collect();
    let results: Vec<_> = runs.iter().map(|saved| &saved.result).collect();
    Ok(compare::coverage::recorded(&results, SIMULATED, SIMULATED_SEED))
}

/// Refuses sides in which something differs that is only compared.
fn same(comparison: &Comparison) -> Result<()> {
    match comparison.pairs.iter().find_map(|pair| pair.compared.first()) {
        Some(difference) => {
            let what = &difference.what;
            Err(Error::Refused(vec![format!("{what} differs; expected runs of the same")]))
        }
        None => Ok(()),
    }
}

/// The false alarms of real runs: those of both sides, which are of one configuration.
fn shuffled(one: &Side, other: &Side) -> Result<String> {
    // They must be comparable, and what is compared must not differ.
    let comparison = compare::compare(one, other, &CompareOptions::default())?;
    same(&comparison)?;
    let repeats = SHUFFLED_RUNS;
    let mut out = format!(
        "| metric | runs | spread from run to run | false alarms, {repeats} against {repeats} |\n\
         |---|--:|--:|--:|\n"
    );
    for pair in &comparison.pairs {
        for row in &pair.rows {
            let figures: Vec<f64> =
                row.baseline.iter().chain(&row.candidate).flatten().copied().collect();
            let drawn = compare::power::shuffled(&figures, repeats, SIMULATED, SIMULATED_SEED);
            if let Some((spread, alarms)) = drawn {
                let (metric, runs) = (&row.metric, figures.len());
                let (spread, alarms) = (100.0 * spread, 100.0 * alarms);
                out.push_str(&format!("| {metric} | {runs} | {spread:.1} % | {alarms:.1} % |\n"));
            }
        }
    }
    Ok(out)
}

/// Compares, shows, and says how it ends.
pub(super) fn finish(
    baseline: &Side,
    candidate: &Side,
    options: &CompareOptions,
    strict: bool,
    format: Format,
) -> Result<ExitCode> {
    let comparison = compare::compare(baseline, candidate, options)?;
    if result::is_unverified() {
        shared::tell("warning: the results are not verified: KBENCH_UNVERIFIED is set");
    }
    let text = match format {
        Format::Text => compare_text::text(&comparison),
        Format::Markdown => compare_markdown::markdown(&comparison),
        Format::Json => {
            let text = json::pretty(&comparison, "comparison")?;
            format!("{text}\n")
        }
    };
    shared::show(&text)?;
    tell_github(&comparison);
    Ok(exit_code(&comparison, strict))
}

/// The gates and metrics of the command line, for runs of these applications.
pub(super) fn options(args: &GateArgs, apps: &[String]) -> Result<CompareOptions> {
    let apps = || apps.iter().map(String::as_str);
    let mut faults = Vec::new();
    let mut gates = Vec::new();
    for (flag, sense, texts) in
        [("--fail-on", Sense::FailOn, &args.fail_on), ("--require", Sense::Require, &args.require)]
    {
        for text in texts {
            match Gate::parse(text, sense, apps()) {
                Ok(gate) => gates.push(gate),
                Err(what) => faults.push(format!("{flag}: {what}")),
            }
        }
    }
    let mut metrics = Vec::new();
    for name in &args.metrics {
        match Metric::find(name, apps()) {
            Ok(metric) => metrics.push(metric),
            Err(what) => faults.push(format!("--metric: {what}")),
        }
    }
    let mut allow = Vec::new();
    for name in &args.allow {
        match Allow::ALL.into_iter().find(|it| it.name() == name) {
            Some(it) => allow.push(it),
            None => {
                let all = Allow::ALL.map(Allow::name).join(", ");
                faults.push(format!("--allow: {name:?} is none; expected any of {all}"));
            }
        }
    }
    if !faults.is_empty() {
        return Err(Error::Usage(faults));
    }
    Ok(CompareOptions { min_effect: args.min_effect, allow, metrics, gates })
}

fn exit_code(comparison: &Comparison, strict: bool) -> ExitCode {
    let failed = comparison.gates(GateState::Failed).next().is_some();
    let unsure = comparison.gates(GateState::Inconclusive).next().is_some();
    if failed || (strict && unsure) { ExitCode::Threshold } else { ExitCode::Ok }
}

/// In GitHub Actions: the job's summary, and annotations. The comparison stands without them, so
/// what goes wrong here is only told.
fn tell_github(comparison: &Comparison) {
    if std::env::var_os("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        return;
    }
    for line in compare_markdown::annotations(comparison) {
        // Not stdout, which may be JSON; GitHub reads both.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return;
    };
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(compare_markdown::markdown(comparison).as_bytes()));
    if let Err(error) = written {
        shared::tell(&format!("warning: the job's summary was not written: {error}"));
    }
}
