//! How people behave in the load: the events of shipped scenarios, read as JSON by a program that
//! shares no code with the generator, against what the scenario says.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

/// The specification's mix, in the order of its types.
const MIX: [(&str, f64); 5] = [
    ("page_view", 0.60),
    ("click", 0.25),
    ("search", 0.10),
    ("add_to_cart", 0.03),
    ("purchase", 0.02),
];

/// The events of a window in which the mix has to hold.
const WINDOW: usize = 20_000;

/// One event, as a stranger reads it.
struct Seen {
    at_s: f64,
    session: String,
    kind: usize,
    /// Whether its visitor comes from elsewhere, or from nowhere: a visit begins.
    comes: bool,
}

/// The first events of a scenario.
fn events(args: &[&str], count: usize) -> Vec<Seen> {
    let mut command = crate::kbench();
    command.args(["produce", "--dry-run", "--start", "2024-01-15T10:00:00Z"]).args(args);
    command.args(["--count", &count.to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen: Vec<_> = lines.map(|line| read(&line.unwrap())).collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(seen.len(), count);
    seen
}

fn read(line: &str) -> Seen {
    let event: Value = serde_json::from_str(line).unwrap();
    let text = |key: &str| event[key].as_str().unwrap();
    let at = chrono::DateTime::parse_from_rfc3339(text("timestamp")).unwrap();
    Seen {
        at_s: at.timestamp_micros() as f64 / 1e6,
        session: text("session_id").to_owned(),
        kind: MIX.iter().position(|(kind, _)| *kind == text("event_type")).unwrap(),
        comes: !text("referrer").starts_with('/'),
    }
}

/// The part of a log-normal distribution below `x`.
fn log_normal(x: f64, median: f64, sigma: f64) -> f64 {
    0.5 * libm::erfc(-(x / median).ln() / sigma / std::f64::consts::SQRT_2)
}

/// The greatest distance between a sample and a distribution (Kolmogorov and Smirnov's).
fn distance(mut sample: Vec<f64>, below: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let count = sample.len() as f64;
    let each = sample.iter().enumerate().map(|(place, x)| {
        let expected = below(*x);
        (expected - place as f64 / count).abs().max((expected - (place + 1) as f64 / count).abs())
    });
    each.fold(0.0, f64::max)
}

/// Pauses within a session that began in a stretch of the load and are shorter than `longest`.
///
/// Whoever's pause is not over at the end has none yet: only pauses that would have been seen from
/// wherever in the stretch they began are looked at, against that part of the distribution.
fn pauses(events: &[Seen], from_s: f64, to_s: f64, longest_s: f64) -> Vec<f64> {
    let (origin_s, mut last) = (events[0].at_s, HashMap::new());
    let mut pauses = Vec::new();
    for event in events {
        let at_s = event.at_s - origin_s;
        if let Some(before_s) = last.insert(&event.session, at_s) {
            let is_within = (from_s..to_s).contains(&before_s) && at_s - before_s < longest_s;
            pauses.extend(is_within.then_some(at_s - before_s));
        }
    }
    pauses
}

/// How far the mix is off in its worst window.
fn mix_off(events: &[Seen]) -> f64 {
    let off = |window: &[Seen]| {
        let share = |kind| window.iter().filter(|event| event.kind == kind).count() as f64;
        let each = MIX.iter().enumerate();
        each.map(|(kind, (_, wanted))| (share(kind) / window.len() as f64 - wanted).abs())
            .fold(0.0, f64::max)
    };
    events.chunks_exact(WINDOW).map(off).fold(0.0, f64::max)
}

/// What has to hold from the first second on, in a load in which nobody hurries.
fn assert_people(name: &str, args: &[&str], count: usize, (median_s, length): (f64, f64)) {
    let events = events(args, count);
    let whole_s = events[count - 1].at_s - events[0].at_s;
    let off = mix_off(&events);
    assert!(off < 0.005, "{name}: the mix is off by {off} in a window of {WINDOW}");
    // By quarters: the beginning is as the middle is.
    for quarter in 0..3 {
        let (from_s, to_s) = (whole_s / 4.0 * f64::from(quarter), whole_s / 4.0);
        let longest_s = whole_s - from_s - to_s;
        let sample = pauses(&events, from_s, from_s + to_s, longest_s);
        assert!(sample.len() > 5_000, "{name}: {} pauses", sample.len());
        let whole = log_normal(longest_s, median_s, 1.0);
        let found = distance(sample, |x| log_normal(x, median_s, 1.0) / whole);
        assert!(found < 0.02, "{name}: pauses of quarter {quarter} are off by {found}");
    }
    // Beyond what the distribution gives: planted bots are quick.
    let short = pauses(&events, 0.0, whole_s, 0.1).len() as f64 / count as f64;
    let short = short - log_normal(0.1, median_s, 1.0);
    assert!(short < 0.002, "{name}: {short} of the events follow within 100 ms");
    let begun = events.iter().filter(|event| event.comes).count();
    assert!((count as f64 / begun as f64 / length - 1.0).abs() < 0.03, "{name}: {begun} visits");
}

#[test]
fn people_keep_their_pace_from_the_first_second_at_the_rates_of_the_shipped_scenarios() {
    let file = |name: &str| format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    for (name, count) in [("peak", 700_000), ("steady", 700_000), ("sweep-producer", 500_000)] {
        assert_people(name, &[&file(name)], count, (8.0, 12.0));
    }
    for name in ["smoke", "spec"] {
        // As long as it takes for many to come.
        assert_people(name, &[&file(name), "--rate", "100"], 300_000, (8.0, 12.0));
    }
}

#[test]
fn where_sessions_are_too_few_all_hurry_alike() {
    // At 2,000/s some 24,000 are needed, and 6,000 are possible.
    let scenario = "seed = 4\n[load]\nrate_per_s = 2000\nduration = \"5m\"\nwarmup = \"0s\"\n\
                    [population]\nusers = 50_000\nsessions_max = 6000\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("few.toml");
    std::fs::write(&path, scenario).unwrap();
    let needed = 2_000.0 * 8.0 * libm::exp(0.5) * 11.0 / 12.0;
    let median_s = 8.0 / (needed / 6_000.0);
    assert_people("few", &[path.to_str().unwrap()], 300_000, (median_s, 12.0));
}
