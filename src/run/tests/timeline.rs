//! The plan's timeline in whole runs, with a kind of action that only this test knows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::super::timeline::Actor;
use super::*;
use crate::base::error::Error;
use crate::output::draw::drawn;
use crate::plan::timeline::PlannedAction;
use crate::result::timeline_event::TimelineEvent;
use crate::result::verify::{self, SavedFiles};

/// Knocks at doors, and notes at which.
#[derive(Debug, Default)]
struct Knock {
    doors: Arc<Mutex<Vec<String>>>,
}

impl Actor for Knock {
    fn kind(&self) -> &str {
        "knock"
    }

    fn act(&mut self, settings: &BTreeMap<String, String>) -> Result<()> {
        let door = settings["door"].clone();
        if door == "locked" {
            return Err(Error::Broker("nobody opens".to_owned()));
        }
        self.doors.lock().unwrap().push(door);
        Ok(())
    }
}

fn knock(at_ms: u64, door: &str) -> PlannedAction {
    PlannedAction {
        at_ns: at_ms * 1_000_000,
        actor: "knock".to_owned(),
        settings: BTreeMap::from([("door".to_owned(), door.to_owned())]),
    }
}

/// What `kbench verify` finds in a result's events. Elsewhere it finds that the scenario's text has
/// no such action.
fn faults(folder: &std::path::Path, result: &RunResult) -> Vec<String> {
    let value = serde_json::to_value(result).unwrap();
    let audit = verify::everything(&SavedFiles::beside(folder, value), result, drawn);
    let of_events = audit.faults.iter().filter(|fault| fault.figure.starts_with("events["));
    of_events.map(ToString::to_string).collect()
}

fn kinds(result: &RunResult) -> Vec<&str> {
    result.events.iter().map(|event| event.kind.as_str()).collect()
}

#[test]
fn an_action_is_played_at_its_time_and_is_in_the_result_with_it() {
    let (folder, doors) = (tempfile::tempdir().unwrap(), Arc::default());
    let mut plan = plan();
    plan.actions = vec![knock(700, "front"), knock(60_000, "too late")];
    let actors: Vec<Box<dyn Actor>> = vec![Box::new(Knock { doors: Arc::clone(&doors) })];
    let options = RunOptions { actors, ..options(&folder) };
    let mut heard = Heard::default();
    let finished = run(&plan, SCENARIO, options, &mut heard).unwrap();
    assert_eq!(*doors.lock().unwrap(), ["front"]);
    let (result, saved) = (finished.result, finished.folder.unwrap());
    assert!(result.verdict.valid, "{:?}", result.verdict);
    let expected = ["phase_begins", "phase_begins", "measuring_begins", "knock", "load_ends"];
    assert_eq!(kinds(&result), expected);
    let planned: Vec<f64> = result.events.iter().map(|event| event.planned_s).collect();
    assert_eq!(planned, [0.0, 0.5, 0.5, 0.7, 2.0]);
    for event in &result.events[..4] {
        // Never early, and late by the host alone.
        assert!((event.planned_s..event.planned_s + 1.0).contains(&event.at_s), "{event:?}");
    }
    let acted: &TimelineEvent = &result.events[3];
    assert_eq!((acted.detail.as_str(), &acted.failed), ("door=front", &None));
    assert!(heard.events.contains(&RunEvent::Acted(acted.clone())), "{:?}", heard.events);
    // It is saved with the result, and an edited one is found.
    assert_eq!(crate::result::load(&saved).unwrap().result.events, result.events);
    assert_eq!(faults(&saved, &result), [""; 0]);
    let mut edited = result.clone();
    edited.events[3].detail = "door=back".to_owned();
    edited.events[3].at_s = 0.6;
    let found = faults(&saved, &edited);
    for figure in ["events[3].detail", "events[3].at_s"] {
        assert!(found.iter().any(|fault| fault.contains(figure)), "{figure}: {found:?}");
    }
}

#[test]
fn an_action_that_fails_makes_the_run_invalid_and_one_that_nobody_knows_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan();
    plan.actions = vec![knock(700, "locked")];
    let refused = run(&plan, SCENARIO, options(&folder), &mut ()).unwrap_err();
    assert!(matches!(refused, Error::Usage(_)), "{refused}");
    assert!(refused.to_string().contains("knock is no kind of action"), "{refused}");
    let actors: Vec<Box<dyn Actor>> = vec![Box::new(Knock::default())];
    let options = RunOptions { actors, ..options(&folder) };
    let result = run(&plan, SCENARIO, options, &mut ()).unwrap().result;
    let reason = "timeline: knock door=locked at 0.7 s could not be done: ";
    assert!(!result.verdict.valid);
    assert!(result.verdict.reasons[0].starts_with(reason), "{:?}", result.verdict);
}

/// Ends the run when the measured part begins.
struct Impatient(Arc<AtomicUsize>);

impl Listener for Impatient {
    fn on(&mut self, event: &RunEvent) {
        if matches!(event, RunEvent::MeasuringBegan { .. }) {
            self.0.store(130, Ordering::Relaxed);
        }
    }
}

#[test]
fn what_a_run_that_was_cut_did_not_reach_has_not_happened() {
    let (folder, doors) = (tempfile::tempdir().unwrap(), Arc::default());
    let mut plan = plan();
    plan.actions = vec![knock(1_900, "front")];
    let actors: Vec<Box<dyn Actor>> = vec![Box::new(Knock { doors: Arc::clone(&doors) })];
    let options = RunOptions { actors, ..options(&folder) };
    let mut listener = Impatient(options.signal.clone());
    let finished = run(&plan, SCENARIO, options, &mut listener).unwrap();
    let (result, saved) = (finished.result, finished.folder.unwrap());
    assert_eq!(result.verdict.interrupted_by, Some(130));
    assert_eq!(kinds(&result), ["phase_begins", "phase_begins", "measuring_begins", "load_ends"]);
    let end = &result.events[3];
    assert!(end.at_s >= 0.5 && end.at_s < end.planned_s, "{end:?}");
    assert!(doors.lock().unwrap().is_empty());
    assert_eq!(faults(&saved, &result), [""; 0]);
}
