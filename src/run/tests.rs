//! Whole runs on the loopback, and who listens to them.

mod target;
mod timeline;

use super::*;
use crate::client::loopback::hooks::LoopbackHooks;
use crate::client::tests::planned;
use crate::output::run_lines;
use crate::plan::toml::source::ScenarioSource;
use crate::result::Trial;
use crate::result::live::Live;
use crate::result::run_event::RunEvent;

const SCENARIO: &str = "name = \"heard\"\nseed = 1\n[topic]\npartitions = 2\n[load]\n\
    producers = 1\nrate_per_s = 500\nduration = \"1500ms\"\nwarmup = \"500ms\"\n\
    [measure]\ninterval = \"250ms\"\n[population]\nusers = 100\n[apps.analytics]\n";

fn plan() -> Plan {
    let source = ScenarioSource::new("heard.toml", SCENARIO);
    planned(&source)
}

fn options(folder: &tempfile::TempDir) -> RunOptions {
    RunOptions {
        results_dir: folder.path().to_owned(),
        loopback: Some(LoopbackHooks::default()),
        ..RunOptions::default()
    }
}

/// A listener of another kind than those of `output/`: it keeps what it hears.
#[derive(Default)]
struct Heard {
    events: Vec<RunEvent>,
    /// The phase and the events sent, at each look.
    looks: Vec<(Option<String>, u64)>,
}

impl Listener for Heard {
    fn on(&mut self, event: &RunEvent) {
        self.events.push(event.clone());
    }

    fn look(&mut self, live: &Live<'_>) {
        self.looks.push((live.phase.map(str::to_owned), live.sent));
    }
}

impl Heard {
    /// The events' names, but for what only a slow host has to tell.
    fn names(&self) -> Vec<String> {
        let names = self.events.iter().map(|event| {
            let text = format!("{event:?}");
            text.split([' ', '(']).next().unwrap_or_default().to_owned()
        });
        names.filter(|it| !["Waiting", "NotReadyYet", "Draining"].contains(&it.as_str())).collect()
    }
}

#[test]
fn a_second_listener_hears_a_whole_run_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut heard = (Heard::default(), Heard::default());
    let finished = run(&plan(), SCENARIO, options(&folder), &mut heard).unwrap();
    let Heard { events, looks } = &heard.0;
    let (before, load, after) = (
        ["Connected", "Started", "Ready"],
        ["PhaseBegan", "PhaseBegan", "MeasuringBegan", "LoadEnded"],
        ["Drained", "Stopped", "Saved"],
    );
    assert_eq!(heard.0.names(), [&before[..], &load, &after].concat());
    assert_eq!(*events, heard.1.events, "both hear the same");
    let apps = plan().apps.into_iter().map(|app| app.name).collect();
    let started = RunEvent::Started { scenario: "heard".to_owned(), apps };
    assert!(events.contains(&started), "{events:?}");
    let saved = RunEvent::Saved { folder: finished.folder.unwrap(), settled: true };
    assert_eq!(events.last(), Some(&saved));
    // The moments between: the phases in their order, and counts that grow.
    let phases: Vec<_> = looks.iter().map(|(phase, _)| phase.as_deref()).collect();
    assert!(phases.first() == Some(&Some("warm-up")), "{phases:?}");
    assert!(looks.is_sorted_by_key(|(_, sent)| *sent), "{looks:?}");
    assert!(looks.last().is_some_and(|(_, sent)| *sent > 400), "{looks:?}");
}

#[test]
fn what_the_first_trial_of_a_sweep_has_told_the_second_does_not_say_again() {
    for (place, lines) in [(0, 2), (1, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let mut heard = Heard::default();
        let trial = Some(Trial { place, ..Trial::default() });
        run(&plan(), SCENARIO, RunOptions { trial, ..options(&folder) }, &mut heard).unwrap();
        assert!(heard.names().contains(&"Connected".to_owned()));
        let begin = heard
            .events
            .iter()
            .filter(|event| matches!(event, RunEvent::Connected { .. } | RunEvent::Ready { .. }));
        assert_eq!(begin.filter_map(run_lines::line).count(), lines, "{place}");
    }
}
