//! Recomputes a saved result from its own raw parts: what `kbench verify` says, and what whoever
//! judges results asks before.
//!
//! A figure is recomputed by code that has as little as possible in common with what made it:
//! percentiles by another decoder and another walk, sums and rates by other sums, the load from
//! plan and seed. What follows from nothing else in the result (CPU, the host, what a client was
//! set up with) only the digest holds; `docs/verify.md` names it.

pub mod audit;
mod histogram;
mod latencies;
mod load;
mod log;
mod rates;
mod sums;
mod texts;
mod timeline;

use serde_json::Value;

use super::{RunResult, digest};

use audit::plan_of;
pub use audit::{Audit, AuditFault, Drawn, SavedFiles, is_ours};
pub use load::same_plan;

/// Recomputes what `result.json` holds in itself: some milliseconds, for whoever judges results.
#[must_use]
pub fn figures(value: &Value, result: &RunResult) -> Audit {
    let mut audit = Audit::default();
    check_digest(value, result, &mut audit);
    latencies::check(value, result, &mut audit);
    sums::check(result, &mut audit);
    rates::check(result, &mut audit);
    load::check_hash(result, &mut audit);
    audit
}

/// Recomputes everything: the figures, the load from plan and seed, and the files beside them;
/// `draw` makes those that follow from the result.
#[must_use]
pub fn everything(
    evidence: &SavedFiles,
    result: &RunResult,
    draw: fn(&RunResult) -> Drawn,
) -> Audit {
    let mut audit = figures(&evidence.value, result);
    load::check(result, &mut audit);
    check_files(evidence, result, &mut audit);
    log::check(evidence.log.as_deref(), result, &mut audit);
    texts::check(evidence, result, draw, &mut audit);
    audit
}

/// The digest that a `result.json` should have, whatever it has.
#[must_use]
pub fn digest_of(value: &Value) -> String {
    digest::of_result(value)
}

fn check_digest(value: &Value, result: &RunResult, audit: &mut Audit) {
    let saved = value.get(digest::MEMBER).and_then(Value::as_str);
    audit.has_digest = saved.is_some();
    if let Some(saved) = saved {
        audit.same(digest::MEMBER, saved, &digest::of_result(value));
    } else if !result.files.is_empty() {
        audit.fault(digest::MEMBER, "null", "a digest: whoever wrote the others wrote one");
    }
}

fn check_files(evidence: &SavedFiles, result: &RunResult, audit: &mut Audit) {
    for (name, text) in [("latency.hlog", &evidence.log), ("scenario.toml", &evidence.scenario)] {
        match (text, result.files.get(name)) {
            (Some(text), Some(saved)) => {
                let is = digest::of_bytes(text.as_bytes());
                audit.same(format!("files.{name}"), saved, &is);
            }
            (None, Some(_)) => audit.notes.push(format!("{name} is not there")),
            (_, None) => {}
        }
    }
}
