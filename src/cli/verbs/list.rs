//! `kbench list`: what a results folder holds.

use comfy_table::presets;

use super::shared;
use crate::base::error::{ExitCode, Result};
use crate::base::json;
use crate::cli::ListArgs;
use crate::cli::shared::Format;
use crate::output::list;
use crate::result;

pub(super) fn run(args: &ListArgs) -> Result<ExitCode> {
    let listed = result::list(&args.folder)?;
    let text = match args.format {
        Format::Json => {
            let text = json::pretty(&listed, "list")?;
            format!("{text}\n")
        }
        Format::Text if listed.is_empty() => {
            format!("{}: no results yet; kbench run leaves them there\n", args.folder.display())
        }
        Format::Text => list::list_table(&listed, presets::NOTHING),
        Format::Markdown => list::list_table(&listed, presets::ASCII_MARKDOWN),
    };
    shared::show(&text)?;
    Ok(ExitCode::Ok)
}
