//! A whole run in another payload format, whose stamps lie in a header: nothing between the
//! generator and the answers relies on JSON, or on where a stamp is.

use super::*;
use crate::client::loopback::hooks::{LoopbackHooks, WriteHook};
use crate::client::tests::planned;
use crate::event::format::PayloadFormat;
use crate::plan::toml::source::ScenarioSource;

/// 2026-01-01.
const START_WALL_US: i64 = 1_767_225_600_000_000;

const SCENARIO: &str = "seed = 7\n[load]\nrate_per_s = 2000\nduration = \"1s\"\nwarmup = \"0s\"\n\
                        producers = 2\n[topic]\npartitions = 3\n[event]\nsize_median = \"600B\"\n\
                        [population]\nusers = 300\nthink_median = \"20ms\"\n";

fn run_in(format: PayloadFormat, faults: LoopbackHooks) -> RunResult {
    let source = ScenarioSource::new("format.toml", SCENARIO);
    let mut plan = planned(&source);
    plan.event.format = format;
    let folder = tempfile::tempdir().unwrap();
    let options = RunOptions {
        results_dir: folder.path().to_owned(),
        loopback: Some(faults),
        start_wall_us: Some(START_WALL_US),
        ..RunOptions::default()
    };
    run(&plan, SCENARIO, options, &mut ()).unwrap().result
}

/// What each application has found, as it is saved.
fn answers(run: &RunResult) -> Vec<String> {
    run.apps.iter().map(|app| serde_json::to_string(&app.summary).unwrap()).collect()
}

#[test]
fn a_run_in_another_format_loses_nothing_and_gives_the_same_answers() {
    let [lines, json] = [PayloadFormat::Lines, PayloadFormat::Json].map(|format| {
        let run = run_in(format, LoopbackHooks::default());
        let (ledger, offered) = (&run.ledger, run.ledger.offered);
        assert!(offered > 1_500 && ledger.closes, "{format:?}: {ledger:?}");
        assert_eq!((ledger.acked, ledger.unknown), (offered, 0), "{format:?}");
        for app in &ledger.apps {
            assert_eq!((app.seen, app.corrupt, app.foreign), (offered, 0, 0), "{format:?}");
        }
        assert_eq!((run.apps.len(), run.checks.is_empty()), (4, false));
        for check in &run.checks {
            assert_eq!(check.difference(), 0, "{format:?}: {check:?}");
        }
        run
    });
    assert_eq!(answers(&lines), answers(&json));
}

/// The same finds what was lost, written twice or changed: the stamps are really read, and so are
/// the events.
#[test]
fn a_run_in_another_format_finds_what_was_planted() {
    let plant =
        |event, fault| LoopbackHooks { write: [(event, fault)].into(), ..Default::default() };
    let found = |fault| run_in(PayloadFormat::Lines, plant((1, 100), fault));
    let lost = found(WriteHook::Drop);
    assert!(lost.ledger.apps.iter().all(|app| app.seen + 1 == lost.ledger.offered));
    let double = found(WriteHook::Double);
    assert!(double.ledger.apps.iter().all(|app| app.duplicates == 1));
    let cut = found(WriteHook::Cut);
    assert!(cut.ledger.apps.iter().all(|app| app.corrupt == 1));
    let forged = found(WriteHook::Forge);
    assert!(forged.ledger.closes && forged.checks.iter().any(|check| check.difference() == 1));
    // In doubt, so that the log is read once more.
    let doubtful = found(WriteHook::Lose);
    assert!(doubtful.ledger.closes, "{:?}", doubtful.ledger);
    assert_eq!((doubtful.ledger.unknown, doubtful.ledger.unknown_written), (1, 1));
}
