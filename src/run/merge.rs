//! The one way from the parts of a run to its result: what its senders left, and of each
//! application what its processes have read. A run in one process has one of each.

mod answers;
mod extent;
mod reading;
mod rows;
mod sending;

use super::observe;
use crate::base::error::Result;
use crate::measure::ledger::Ledger;
use crate::output::hlog;
use crate::result::end_lag::EndLag;
use crate::result::timeline_event::TimelineEvent;
use crate::result::{RunResult, Verdict, compare, keep_up};

pub(super) use answers::FLAGS_KEPT;
pub(super) use extent::{LagAt, RunExtent, events};
use reading::CompletePart;
pub(super) use reading::{Clocks, ReadingPart};
pub(super) use sending::SendingPart;

/// A run's result, and its `latency.hlog`.
///
/// # Errors
/// [`Error::Internal`](crate::base::error::Error::Internal) when a histogram can't be read back.
pub(super) fn merge(
    sent: &SendingPart,
    apps: Vec<ReadingPart>,
    ledger: &Ledger,
) -> Result<(RunResult, String)> {
    let missed = ledger.undelivered().apps;
    let complete = |(app, missed): (ReadingPart, Vec<u64>)| app.complete(&missed, sent.waited_ns);
    let mut apps: Vec<CompletePart> = apps.into_iter().zip(missed).map(complete).collect();
    let mut result = sent.result.clone();
    result.ledger = ledger.close();
    rows::lay(&mut result.series, &apps, sent);
    let names: Vec<String> = apps.iter().map(|app| app.part.name.clone()).collect();
    let interval_ns = sent.interval_ns;
    let drifts = observe::drifts(&sent.steady, interval_ns, &result.series, &names);
    result.watch.drift.extend(drifts);
    result.apps = apps.iter().map(|app| app.result(&sent.reached, interval_ns)).collect();
    answers::judge(&mut result);
    keep_up::tell(&mut result);
    result.verdict = verdict(&result, &apps, &sent.strangers);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    result.thresholds = compare::thresholds_again(&result.thresholds, &names, &result);
    let read = reading::log(&mut apps, sent.start_wall_us, interval_ns)?;
    Ok((result, hlog::joined(&sent.log, &read)))
}

/// What went wrong, by the loops and by the figures, and what has to stand above these.
pub(super) fn verdict(result: &RunResult, apps: &[CompletePart], strangers: &[String]) -> Verdict {
    let names: Vec<&str> = result.apps.iter().map(|app| app.name.as_str()).collect();
    let mut reasons = result.verdict.reasons.clone();
    reasons.extend(result.events.iter().filter_map(TimelineEvent::fault));
    reasons.extend(result.end_lag.iter().flat_map(EndLag::faults));
    let mut flags = Vec::new();
    for (CompletePart { part: app, .. }, ledger) in apps.iter().zip(&result.ledger.apps) {
        reasons.extend(app.faults.iter().cloned());
        // Where nothing is missing, who left no part did no harm.
        let absent = if ledger.missing > 0 { &mut reasons } else { &mut flags };
        absent.extend(app.absent.iter().cloned());
        flags.extend(app.notices.iter().cloned());
    }
    reasons.extend(result.ledger.faults(&names));
    // Where the ledger has found something, the answers differ because of it.
    if reasons.is_empty() {
        reasons.extend(result.differences());
    }
    let valid = reasons.is_empty();
    flags.extend(result.flags_told());
    // Where nothing is missing they did no harm.
    let named = if valid { &mut flags } else { &mut reasons };
    named.splice(0..0, strangers.iter().cloned());
    let Verdict { interrupted_by, broken_off, .. } = result.verdict.clone();
    Verdict { valid, reasons, flags, interrupted_by, broken_off }
}

#[cfg(test)]
mod tests;
