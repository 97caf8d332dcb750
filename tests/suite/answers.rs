//! One seed gives one set of answers, to the byte: whatever the partitions, the workers and the
//! broker are, and whoever comes and goes meanwhile.
//!
//! Every run takes its start for the same date, so nothing may differ in a summary: neither sums
//! nor windows nor the order of rows.

use std::sync::{Mutex, PoisonError};

use kbench::result::RunResult;

use crate::pipeline::assert_sound;
use crate::probe::Probe;
use crate::runs::{constant, run};
use crate::world::{Kind, World};

/// The first answers, of whichever world came first.
static ANSWERS: Mutex<Option<Vec<String>>> = Mutex::new(None);

const APPS: [&str; 4] = ["analytics", "fraud", "dashboard", "behavior"];

pub fn probes() -> Vec<Probe> {
    let everywhere = &[Kind::Loopback, Kind::Embedded, Kind::Kafka];
    vec![Probe::new("answers::are_equal_under_any_scaling", scaled).only(everywhere)]
}

fn scaled(world: &World) {
    for partitions in [1, 3, 6, 12] {
        for workers in [1, 2, 4] {
            // A worker without a partition is another test.
            if workers <= partitions {
                compare(&run(world, &scenario(partitions, workers)));
            }
        }
    }
}

fn scenario(partitions: u32, workers: u32) -> String {
    let mut text = constant(3_000, 1, "poisson").replace("[load]", "[load]\nproducers = 2");
    // Few users who think little: whole sessions, and all kinds of alerts.
    text.push_str("[population]\nusers = 300\nthink_median = \"20ms\"\n");
    text.push_str(&format!("[topic]\npartitions = {partitions}\n"));
    for app in APPS {
        text.push_str(&format!("[apps.{app}]\nworkers = {workers}\n"));
    }
    text
}

/// Holds a run's answers against the first ones.
fn compare(result: &RunResult) {
    assert_sound(result);
    let summaries = result.apps.iter().map(|app| app.summary.as_ref().unwrap());
    let answers: Vec<String> =
        summaries.map(|summary| serde_json::to_string(summary).unwrap()).collect();
    let mut first = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    let first = first.get_or_insert_with(|| answers.clone());
    for (app, (answer, first)) in APPS.iter().zip(answers.iter().zip(first.iter())) {
        assert_eq!(answer, first, "{app}");
    }
}
