//! `kbench verify`: saved results, recomputed from their own raw parts.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde::Serialize;

use super::shared;
use crate::apps;
use crate::base::error::{Error, ExitCode, Result};
use crate::base::{json, text};
use crate::cli::shared::Format;
use crate::cli::{Cli, Command, VerifyArgs};
use crate::output::draw::drawn;
use crate::plan::toml::environment::Environment;
use crate::plan::toml::source::ScenarioSource;
use crate::plan::{Plan, axes, scenario};
use crate::result::sweep::manifest::SweepManifest;
use crate::result::verify::{self, Audit, SavedFiles};
use crate::result::{self, RunResult};

/// One result, sweep, or file that should have been one.
#[derive(Debug, Serialize)]
struct Verified {
    folder: String,
    /// `ok`, `EDITED`, `DOES NOT HOLD`, or `UNREADABLE`.
    word: &'static str,
    #[serde(flatten)]
    audit: Audit,
}

pub(super) fn run(args: &VerifyArgs) -> Result<ExitCode> {
    let mut all = Vec::new();
    for folder in &args.folders {
        for path in found(folder)? {
            all.push(if SweepManifest::is_in(&path) { sweep(&path) } else { one(&path) });
        }
    }
    let text = match args.format {
        Format::Text => text(&all),
        Format::Markdown => markdown(&all),
        Format::Json => {
            let text = json::pretty(&all, "findings")?;
            format!("{text}\n")
        }
    };
    shared::show(&text)?;
    let holds = all.iter().all(|one| one.audit.holds());
    Ok(if holds { ExitCode::Ok } else { ExitCode::Invalid })
}

/// What a folder holds: itself, a sweep with its trials, or the results and sweeps within.
fn found(folder: &Path) -> Result<Vec<PathBuf>> {
    let refuse = |what: String| Error::usage(format!("{}: {what}", folder.display()));
    if !folder.exists() {
        return Err(refuse("not there; expected a result folder".to_owned()));
    }
    let is_result = |path: &Path| path.is_file() || path.join("result.json").exists();
    let with_trials = |path: PathBuf| -> Result<Vec<PathBuf>> {
        if !SweepManifest::is_in(&path) {
            return Ok(vec![path]);
        }
        // A sweep of which nothing has run is one all the same.
        let trials = result::folders(&path).unwrap_or_default();
        Ok(std::iter::once(path).chain(trials).collect())
    };
    if is_result(folder) || SweepManifest::is_in(folder) {
        return with_trials(folder.to_owned());
    }
    let entries = fs::read_dir(folder).map_err(|error| refuse(error.to_string()))?;
    let mut within: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && (is_result(path) || SweepManifest::is_in(path)))
        .collect();
    within.sort();
    if within.is_empty() {
        return Err(refuse("holds no result; expected a folder that a run or sweep left".into()));
    }
    let found: Result<Vec<Vec<PathBuf>>> = within.into_iter().map(with_trials).collect();
    Ok(found?.concat())
}

fn one(path: &Path) -> Verified {
    let (saved, value) = match result::open(path) {
        Ok(read) => read,
        Err(error) => return unreadable(path, &error),
    };
    let evidence = SavedFiles::beside(&saved.folder, value);
    let mut audit = verify::everything(&evidence, &saved.result, drawn);
    if let Some(text) = &evidence.scenario {
        match replanned(&saved.result, text) {
            Ok(plan) => verify::same_plan(&saved.result, &plan, &mut audit),
            Err(why) => audit.notes.push(format!("scenario.toml: not planned again: {why}")),
        }
    }
    verified(path, audit)
}

/// What a sweep says of its trials, summed up once more.
fn sweep(folder: &Path) -> Verified {
    match SweepManifest::load(folder).and_then(|saved| Ok((saved, SweepManifest::sum_up(folder)?)))
    {
        Ok((saved, (again, trials))) => {
            let mut audit = Audit { has_digest: true, ..Audit::default() };
            let is_ours = trials.iter().all(|trial| verify::is_ours(&trial.result));
            audit.points(&saved.points, &again.points, is_ours);
            if is_ours {
                audit.lines("sweep.json: conclusions", &saved.conclusions, &again.conclusions);
            } else {
                audit.notes.push("what limited its points: judged by another kbench".to_owned());
            }
            verified(folder, audit)
        }
        // What is wrong with a trial is said there.
        Err(Error::Refused(_)) => {
            let note = "not summed up: a trial of it does not hold".to_owned();
            verified(folder, Audit { has_digest: true, notes: vec![note], ..Audit::default() })
        }
        Err(error) => unreadable(folder, &error),
    }
}

fn verified(path: &Path, audit: Audit) -> Verified {
    let is_digest = |fault: &verify::AuditFault| fault.figure == "digest";
    let word = match (audit.holds(), audit.faults.iter().any(is_digest)) {
        (true, _) => "ok",
        (false, true) => "EDITED",
        (false, false) => "DOES NOT HOLD",
    };
    Verified { folder: path.display().to_string(), word, audit }
}

fn unreadable(path: &Path, error: &Error) -> Verified {
    let mut audit = Audit { has_digest: true, ..Audit::default() };
    audit.unreadable(error);
    Verified { folder: path.display().to_string(), word: "UNREADABLE", audit }
}

/// The plan of a saved scenario under the command line that the result has; the words say why
/// there is none.
fn replanned(result: &RunResult, text: &str) -> std::result::Result<Plan, String> {
    let cli = Cli::try_parse_from(&result.command_line)
        .map_err(|_| "this kbench does not know its command line".to_owned())?;
    let Command::Run(args) = cli.command else {
        return Err("it is not of kbench run".to_owned());
    };
    if args.scenario.command_config.is_some() {
        return Err("its --command-config is not in the result".to_owned());
    }
    if result.recording.is_some() {
        return Err("its phases are those of a recorded topic".to_owned());
    }
    let mut given = args.scenario;
    given.set.extend(args.interval.iter().map(|text| format!("measure.interval={text}")));
    let overrides = shared::flags(&given);
    let source = ScenarioSource::new(format!("{}.toml", result.scenario), text);
    let nothing = Environment::from_pairs::<String, String>([]);
    let schemas = apps::schemas();
    let said = |error: Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    let sweep = axes::sweep(&source, &overrides, &nothing, &schemas, crate::client::CHECKERS)
        .map_err(said)?;
    let Some(sweep) = sweep else {
        return scenario::plan(&source, &overrides, &nothing, &schemas, crate::client::CHECKERS)
            .map_err(said);
    };
    let settings = result.trial.as_ref().map(|trial| &trial.point);
    let point = sweep.points.into_iter().find(|point| Some(&point.settings) == settings);
    point.map(|point| point.plan).ok_or_else(|| "the sweep has no such point".to_owned())
}

/// The most faults of a result that are told; all are in the JSON.
const TOLD_MAX: usize = 12;

fn text(all: &[Verified]) -> String {
    let mut out = String::new();
    for one in all {
        out.push_str(&format!("{:<13} {}: {}\n", one.word, one.folder, counted(one)));
        for fault in one.audit.faults.iter().take(TOLD_MAX) {
            out.push_str(&format!("  {fault}\n"));
        }
        if let Some(more) = one.audit.faults.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
            out.push_str(&format!("  and {more} more; --format json has all\n"));
        }
        for note in &one.audit.notes {
            out.push_str(&format!("  note: {note}\n"));
        }
    }
    if all.len() > 1 {
        out.push_str(&format!("{}\n", total(all)));
    }
    out
}

fn markdown(all: &[Verified]) -> String {
    let mut out = "| | result | |\n|---|---|---|\n".to_owned();
    for one in all {
        let faults: Vec<String> =
            one.audit.faults.iter().take(TOLD_MAX).map(ToString::to_string).collect();
        let said = std::iter::once(counted(one)).chain(faults).collect::<Vec<_>>().join("<br>");
        out.push_str(&format!("| {} | {} | {said} |\n", one.word, one.folder));
    }
    out.push_str(&format!("\n{}\n", total(all)));
    out
}

fn counted(one: &Verified) -> String {
    let count = text::count(one.audit.recomputed);
    let mut text = format!("{count} figures recomputed");
    if !one.audit.holds() {
        let faults = one.audit.faults.len();
        text.push_str(&format!(
            ", {faults} of them {}",
            if faults == 1 { "differs" } else { "differ" }
        ));
    }
    if !one.audit.has_digest {
        text.push_str("; no digest: written by an older kbench, or never saved by one");
    }
    text
}

fn total(all: &[Verified]) -> String {
    let ok = all.iter().filter(|one| one.audit.holds()).count();
    format!("{ok} of {} hold", all.len())
}
