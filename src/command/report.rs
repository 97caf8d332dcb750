//! `kbench report`: saved results once more, and one result out of the parts of several
//! processes.

use std::fs;
use std::path::Path;

use crate::cli::{Format, ReportArgs};
use crate::error::{Error, ExitCode, Result};
use crate::harness::merge::merge;
use crate::harness::part::{ConsumerPart, Parts};
use crate::result::{self, Saved};

pub(super) fn run(args: &ReportArgs) -> Result<ExitCode> {
    let mut worst = ExitCode::Ok;
    for folder in &args.folders {
        for Saved { folder, result } in results(folder)? {
            let text = match args.format {
                Format::Text => {
                    let table = result::terminal(&result, super::color());
                    format!("{table}result: {}\n", folder.display())
                }
                Format::Markdown => result::markdown(&result),
                Format::Json => {
                    let text = serde_json::to_string_pretty(&result)
                        .map_err(|error| Error::Internal(format!("writing the result: {error}")))?;
                    format!("{text}\n")
                }
            };
            super::show(text.as_bytes())?;
            if !result.verdict.valid {
                worst = ExitCode::Invalid;
            }
        }
    }
    Ok(worst)
}

/// The results of a folder: those that its parts make, or those that are saved in it.
fn results(folder: &Path) -> Result<Vec<Saved>> {
    let parts = if folder.is_dir() { Parts::load(folder)? } else { Parts::default() };
    if parts.is_empty() { result::load_all(folder) } else { merged(folder, &parts) }
}

/// Puts each run's parts together, and saves the result beside them.
fn merged(folder: &Path, parts: &Parts) -> Result<Vec<Saved>> {
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
        let (result, log) = merge(producer, &consumers, &begun)?;
        // Of an earlier look at the same parts, perhaps at fewer of them.
        let before = folder.join(result::folder_name(&result));
        if before.join("result.json").is_file() {
            fs::remove_dir_all(&before)
                .map_err(|error| Error::io(format!("replacing {}", before.display()), error))?;
        }
        let saved = result::save(&result, &log, &producer.scenario, folder)?;
        all.push(Saved { folder: saved, result });
    }
    Ok(all)
}
