//! Whether a run's figures are Kafka's, or those of the harness and its machine: one rule for
//! comparisons and for sweeps.

use super::RunResult;
use super::flag::FlagKind;

/// What of the harness or its machine limited the run, in words; `None` where nothing did. Such a
/// run is left out of what is said about Kafka, and named.
#[must_use]
pub fn limited(result: &RunResult) -> Option<String> {
    if !result.watch.limits_harness() {
        return None;
    }
    let flags = result.watch.flags();
    let told = flags.iter().find(|flag| flag.kind().is_limit_of_harness());
    Some(told.map_or_else(|| FlagKind::HarnessLimited.words().to_owned(), ToString::to_string))
}
