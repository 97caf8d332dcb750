//! `kbench report`: saved results once more, and one result out of the parts of several
//! processes.

use std::fs;
use std::path::Path;

use super::shared;
use crate::base::error::{Error, ExitCode, Result};
use crate::base::{files, json};
use crate::cli::{ReportArgs, ReportFormat};
use crate::output::{csv, draw, html, summary, sweep, table};
use crate::result::sweep::manifest::SweepManifest;
use crate::result::{self, Saved};
use crate::run::parts::merge::merge;
use crate::run::parts::part::{ConsumerPart, PartsFound};

pub(super) fn run(args: &ReportArgs) -> Result<ExitCode> {
    let mut worst = ExitCode::Ok;
    let mut rows = Vec::new();
    for folder in &args.folders {
        let results = if SweepManifest::is_in(folder) {
            sweep(folder, args.format)?
        } else {
            let results = results(folder)?;
            for saved in &results {
                show(saved, args.format)?;
                page(&saved.folder, &html::html(&saved.result));
            }
            results
        };
        for Saved { result, .. } in &results {
            worst = match (worst, result.exit_code(false)) {
                (_, ExitCode::Invalid) => ExitCode::Invalid,
                (ExitCode::Ok, code) => code,
                (worst, _) => worst,
            };
        }
        rows.extend(results);
    }
    if args.format == ReportFormat::Csv {
        shared::show(&csv::csv(rows.iter().map(|saved| &saved.result))?)?;
    }
    Ok(worst)
}

/// One result once more.
fn show(saved: &Saved, format: ReportFormat) -> Result<()> {
    let Saved { folder, result } = saved;
    let text = match format {
        ReportFormat::Text => {
            let table = table::terminal(result, shared::color());
            format!("{table}result: {}\n", folder.display())
        }
        ReportFormat::Markdown => summary::markdown(result),
        ReportFormat::Json => json(result)?,
        ReportFormat::Hlog => {
            let file = folder.join("latency.hlog");
            files::text(&file, files::RESULT_BYTES_MAX).map_err(|what| {
                Error::usage(format!("{}: {what}; expected it beside the result", file.display()))
            })?
        }
        // All results have one head.
        ReportFormat::Csv => return Ok(()),
    };
    shared::show(&text)
}

/// A sweep summed up anew: of what has run, and by this version's rules.
fn sweep(folder: &Path, format: ReportFormat) -> Result<Vec<Saved>> {
    let (book, results) = SweepManifest::sum_up(folder)?;
    let text = match format {
        ReportFormat::Text => sweep::terminal(&book),
        ReportFormat::Markdown => sweep::markdown(&book),
        ReportFormat::Json => json(&book)?,
        ReportFormat::Hlog => {
            return Err(Error::usage(format!(
                "{}: a sweep has no latency.hlog of its own; expected the folder of one of its \
                 runs",
                folder.display()
            )));
        }
        ReportFormat::Csv => return Ok(results),
    };
    page(folder, &html::sweep_html(&book, &results));
    shared::show(&text)?;
    Ok(results)
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    let text = json::pretty(value, "result")?;
    Ok(format!("{text}\n"))
}

/// Makes the page again. Results may lie where nobody can write: then it stays as it is.
fn page(folder: &Path, html: &str) {
    if let Err(error) = result::write_file(&folder.join("report.html"), html) {
        shared::tell(&format!("no new report.html: {error}"));
    }
}

/// The results of a folder: those that its parts make, or those that are saved in it.
fn results(folder: &Path) -> Result<Vec<Saved>> {
    let parts = if folder.is_dir() { PartsFound::load(folder)? } else { PartsFound::default() };
    if parts.is_empty() { saved(folder) } else { merged(folder, &parts) }
}

/// Results as they were saved: one that is not what its own accounts make is not shown.
fn saved(folder: &Path) -> Result<Vec<Saved>> {
    if result::is_unverified() {
        shared::tell("warning: the results are not verified: KBENCH_UNVERIFIED is set");
    }
    result::load_all_verified(folder)
}

/// Puts each run's parts together, and saves the result beside them.
fn merged(folder: &Path, parts: &PartsFound) -> Result<Vec<Saved>> {
    if parts.producers.is_empty() {
        let begun = parts.begun.iter().find(|(_, begun)| begun.role == "producer");
        return Err(Error::usage(match begun {
            Some((_, begun)) => format!(
                "{}: the producer process {} of {} has left no part: killed, or still sending",
                folder.display(),
                begun.pid,
                begun.since
            ),
            None => format!(
                "{}: holds consumers' parts only; expected the producer's too, as kbench produce \
                 --record leaves it",
                folder.display()
            ),
        }));
    }
    let consumers: Vec<&ConsumerPart> = parts.consumers.iter().map(|(_, part)| part).collect();
    let begun: Vec<_> = parts.begun.iter().map(|(_, begun)| begun).collect();
    let mut all = Vec::new();
    for (_, producer) in &parts.producers {
        let (mut result, log) = merge(producer, &consumers, &begun)?;
        // Of an earlier look at the same parts, perhaps at fewer of them.
        let before = folder.join(result::folder_name(&result));
        if before.join("result.json").is_file() {
            fs::remove_dir_all(&before)
                .map_err(|error| Error::io(format!("replacing {}", before.display()), error))?;
        }
        let saved = result::save(&mut result, &log, &producer.scenario, folder)?;
        if let Err(error) = draw::draw(&saved, &result) {
            shared::tell(&format!(
                "the result is saved, but not all of what is drawn of it: {error}"
            ));
        }
        all.push(Saved { folder: saved, result });
    }
    Ok(all)
}
