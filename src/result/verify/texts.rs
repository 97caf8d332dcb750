//! `summary.md` and `report.html`, made once more.

use super::{Audit, Drawn, SavedFiles, is_ours};
use crate::result::RunResult;

/// Holds the texts against what this program makes of the result.
pub(super) fn check(
    evidence: &SavedFiles,
    result: &RunResult,
    draw: fn(&RunResult) -> Drawn,
    audit: &mut Audit,
) {
    if evidence.summary.is_none() && evidence.report.is_none() {
        return;
    }
    let drawn = draw(result);
    let texts = [
        ("summary.md", &evidence.summary, &drawn.summary),
        ("report.html", &evidence.report, &drawn.report),
    ];
    for (name, saved, made) in texts {
        if let Some(saved) = saved {
            one(name, saved, made, result, audit);
        }
    }
}

fn one(name: &str, saved: &str, made: &str, result: &RunResult, audit: &mut Audit) {
    if saved == made {
        audit.recomputed += 1;
        return;
    }
    if !is_ours(result) {
        let git = result.build.git.as_deref().unwrap_or("unknown");
        audit
            .notes
            .push(format!("{name} is that of another kbench ({git}): not held against ours"));
        return;
    }
    let line = saved.lines().zip(made.lines()).position(|(saved, made)| saved != made);
    let line = line.unwrap_or_else(|| saved.lines().count().min(made.lines().count()));
    let shown = |text: &str| -> String {
        text.lines().nth(line).unwrap_or("(its end)").chars().take(120).collect()
    };
    audit.fault(format!("{name}:{}", line + 1), shown(saved), shown(made));
}
