//! Whether a run's figures are Kafka's, or those of the harness and its machine: one rule for
//! comparisons and for sweeps.

use super::RunResult;

/// How the flags begin that say what the limit was.
const LIMITS: [&str; 3] = ["harness limited", "starved", "built without optimisation"];

/// What of the harness or its machine limited the run, in words; `None` where nothing did. Such a
/// run is left out of what is said about Kafka, and named.
#[must_use]
pub fn limited(result: &RunResult) -> Option<String> {
    if !result.watch.limits_harness() {
        return None;
    }
    let flags = result.watch.flags();
    let of_limit = |flag: &&String| LIMITS.iter().any(|limit| flag.starts_with(limit));
    Some(flags.iter().find(of_limit).cloned().unwrap_or_else(|| "harness limited".to_owned()))
}
