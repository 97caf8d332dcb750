//! What a run leaves, and what its result makes of it.

mod wiring;

use std::path::Path;

use super::*;
use crate::measure::ledger::Ledger;
use crate::result::load_all;
use crate::run::merge::verdict;

/// A recorded result of which only what ran, and under what, is left.
fn nothing_seen() -> RunResult {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded/aa/embedded/a");
    let mut run = load_all(&folder).unwrap().remove(0).result;
    (run.apps, run.checks, run.ack_stack) = Default::default();
    (run.end_lag, run.hiccups, run.recording, run.broker_keeping_up) = Default::default();
    RunResult { ledger: Ledger::new(1, 1, 1).close(), watch: SelfWatch::default(), ..run }
}

fn verdict_of(end: &End) -> Verdict {
    let (end_lag, reasons) = (end.end_lag.clone(), end.faults.clone());
    let told = Verdict { reasons, ..Verdict::default() };
    verdict(&RunResult { end_lag, verdict: told, ..nothing_seen() }, &[], &[])
}

#[test]
fn a_broker_that_forgot_what_it_had_acknowledged_makes_the_run_invalid() {
    let lag = |broker: i64| EndLag {
        acked_ends: vec![10, 20],
        broker_ends: vec![10, broker],
        ..EndLag::default()
    };
    let found = verdict_of(&End { end_lag: Some(lag(18)), ..End::default() });
    assert!(!found.valid);
    let [reason] = found.reasons.as_slice() else { panic!("{:?}", found.reasons) };
    assert!(reason.starts_with("partition 1 ends at 18, though the broker"), "{reason}");
    // What a stranger writes is a flag, and no reason.
    let found = verdict_of(&End { end_lag: Some(lag(25)), ..End::default() });
    assert!(found.valid && found.flags.len() == 1, "{found:?}");
    assert!(found.flags[0].contains("somebody else writes to the topic"), "{:?}", found.flags);
    let found = verdict_of(&End { end_lag: Some(lag(20)), ..End::default() });
    assert_eq!(found, Verdict { valid: true, ..Verdict::default() });
}

#[test]
fn what_went_wrong_with_the_loops_makes_the_run_invalid() {
    let faults = vec!["fraud-0 panicked".to_owned()];
    let found = verdict_of(&End { faults: faults.clone(), ..End::default() });
    assert_eq!((found.valid, found.reasons), (false, faults));
}
