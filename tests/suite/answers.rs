//! One seed gives one set of answers, to the byte: whatever the partitions, the workers, the client
//! and the broker are, and whoever comes and goes meanwhile.
//!
//! Every run takes its start for the same date, so nothing may differ in a summary: neither sums
//! nor windows nor the order of rows.

use std::sync::{Mutex, PoisonError};

use kbench::result::RunResult;

use crate::pipeline::assert_sound;
use crate::probe::Probe;
use crate::runs::{constant, run};
use crate::world::{Kind, World};

/// The first answers, of whichever world and client came first.
static ANSWERS: Mutex<Option<Vec<String>>> = Mutex::new(None);

const BROKERS: &[Kind] = &[Kind::Embedded, Kind::Kafka];

const APPS: [&str; 4] = ["analytics", "fraud", "dashboard", "behavior"];

pub fn probes() -> Vec<Probe> {
    let everywhere = &[Kind::Loopback, Kind::Embedded, Kind::Kafka];
    vec![
        Probe::new("answers::are_equal_under_any_scaling", scaled)
            .only(everywhere)
            .natively(&[Kind::Kafka]),
        Probe::new("answers::are_equal_in_every_codec", packed).natively(BROKERS),
    ]
}

/// However the records are packed.
fn packed(world: &World) {
    let shapes = [("none", 1, 1), ("gzip", 3, 2), ("snappy", 6, 1), ("lz4", 6, 4), ("zstd", 12, 2)];
    for (codec, partitions, workers) in shapes {
        let result = run(world, &in_codec(codec, partitions, workers));
        compare(&result);
        let payload = result.wire.expect("the client counts what it sends");
        let is_smaller = payload.ratio().unwrap() > 1.2;
        assert_eq!(is_smaller, codec != "none", "{codec}: {payload:?}");
        let groups: Vec<_> = result.apps.iter().flat_map(|app| &app.members).collect();
        assert_eq!(groups.len(), 4 * workers as usize);
        assert!(groups.iter().all(|member| member.partitions > 0), "{groups:?}");
    }
}

fn in_codec(codec: &str, partitions: u32, workers: u32) -> String {
    let mut text = scenario(partitions, workers);
    text.push_str(&format!("[kafka.producer]\ncompression.type = \"{codec}\"\n"));
    text
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
