//! How people behave in the load: the events of shipped scenarios, read as JSON by a program that
//! shares no code with the generator, against what the scenario says. What it measures is shown in
//! docs/load.md:
//!
//! ```text
//! KBENCH_REWRITE=1 cargo test --release --test cli -- pace::
//! ```
//!
//! writes that page's figures and plots anew, and `scenarios/day.csv`.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "pace/day.rs"]
mod day;
#[path = "pace/events.rs"]
mod events;
#[path = "pace/measure.rs"]
mod measure;
#[path = "pace/own.rs"]
mod own;
#[path = "pace/page.rs"]
mod page;
#[path = "pace/pictures.rs"]
mod pictures;
#[path = "pace/plot.rs"]
mod plot;
#[path = "pace/sessions.rs"]
mod sessions;
#[path = "pace/stats.rs"]
mod stats;

use std::path::PathBuf;

use measure::{CALM_PER_S, HONEST, PAUSE_MAX_S, SHIPPED, file};
use stats::{chi_square_max, distance_max};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_shipped_scenario_is_looked_at() {
    let names = std::fs::read_dir(root().join("scenarios")).unwrap();
    let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut there: Vec<_> =
        names.filter_map(|name| Some(name.strip_suffix(".toml")?.to_owned())).collect();
    there.sort();
    let mut known = SHIPPED.map(|shipped| shipped.name);
    known.sort_unstable();
    assert_eq!(there, known);
}

#[test]
fn people_keep_their_pace_from_the_first_second_at_the_rates_of_the_shipped_scenarios() {
    for shipped in &SHIPPED {
        let (name, load) = (shipped.name, shipped.own());
        let found = measure::people(&load, shipped.median_s);
        assert!(found.mix_off < 0.005, "{name}: the mix is off by {}", found.mix_off);
        assert!(found.pauses > 15_000, "{name}: {} pauses", found.pauses);
        // Where the rate falls some leave in the middle of a pause, the longer the likelier.
        let most = if name == "day" { 0.025 } else { 0.02 };
        assert!(found.off < most, "{name}: pauses are off by {}", found.off);
        // Beyond what the distribution gives: planted bots are quick.
        assert!(found.short < 0.002, "{name}: {} follow within 100 ms", found.short);
        let length = found.length / 12.0 - 1.0;
        assert!(length.abs() < 0.03, "{name}: {} events for each that begins", found.length);
    }
}

#[test]
fn where_sessions_are_too_few_all_hurry_alike() {
    let load = own::few();
    let found = measure::people(&load, 8.0 / own::few::factor());
    assert!(found.off < 0.02, "pauses are off by {}", found.off);
    assert!((found.length / 12.0 - 1.0).abs() < 0.03, "{} events", found.length);
    let seen = (0.0, load.whole_s() - PAUSE_MAX_S / own::few::factor());
    let (.., off) = measure::alive_off(&load, true, seen, |_| own::few::MOST);
    assert!(off < 0.1, "{off} more or less than there may be are alive");
}

#[test]
fn bots_and_hot_users_have_a_pace_of_their_own() {
    // In a load in which everybody else runs four times as fast.
    let (bots, least_s, most_s) = measure::bots(&own::few());
    assert!(bots >= 2, "{bots} bots");
    assert!(least_s > 0.049 && most_s < 0.21, "a bot's pauses are {least_s} s to {most_s} s");
    // Two users send a tenth of the last third of fraud-burst.toml.
    let [first, second, third] = measure::busiest(&own::burst(), (46.0, 64.0));
    assert!((first + second - 0.1).abs() < 0.005, "{first} and {second} of the events");
    assert!((first / second - 1.0).abs() < 0.1, "{first} and {second} of the events");
    assert!(third < 0.01, "{third} of the events are from the next one");
}

#[test]
fn sessions_are_as_long_as_the_scenario_says() {
    for shipped in SHIPPED.iter().filter(|shipped| shipped.has_own_people()) {
        let (count, mean, off) = measure::session_lengths(&shipped.calm());
        let name = shipped.name;
        assert!(count > 10_000, "{name}: {count} sessions");
        assert!((mean / 12.0 - 1.0).abs() < 0.03, "{name}: {mean} events in the mean");
        assert!(off < 0.02, "{name}: lengths are off by {off}");
    }
}

#[test]
fn what_fraud_detection_judges_takes_as_long_as_any_other_pause() {
    for (name, before, after) in measure::BEFORE_BUYING {
        let (count, off) = measure::pauses_between(before, after);
        assert!(count > 5_000, "{name}: {count} pauses");
        assert!(off < distance_max(count), "{name}: {count} pauses are off by {off}");
    }
}

#[test]
fn as_many_sessions_are_alive_as_the_plan_says() {
    for shipped in SHIPPED.iter().filter(|shipped| shipped.has_own_people()) {
        let (name, load) = (shipped.name, shipped.calm());
        let planned =
            CALM_PER_S * measure::sessions_per_rate(&[&[file(name).as_str()], HONEST].concat());
        let seen = (0.0, load.whole_s() - PAUSE_MAX_S);
        let (.., off) = measure::alive_off(&load, true, seen, |_| planned);
        assert!(off < 0.1, "{name}: {off} more or less than planned are alive");
    }
    let planned = measure::sessions_per_rate(&[&[own::slope_file().as_str()], HONEST].concat());
    let (from_s, to_s) = (2.0, own::slope::WHOLE_S - 8.0);
    let planned = |at_s| planned * own::slope::rate_per_s(at_s);
    let (.., off) = measure::alive_off(&own::slope(), false, (from_s, to_s), planned);
    assert!(off < 0.1, "up and down a slope: {off} more or less than planned are alive");
    let (_, _, off) = pictures::day_alive();
    assert!(off < 0.1, "over a day: {off} more or less than planned are alive");
}

#[test]
fn users_are_as_active_as_zipf_s_law_says() {
    let slope = measure::activity_slope(&own::sparse());
    assert!((slope / -0.8 - 1.0).abs() < 0.03, "{slope}");
    // Who is there can't come: where half are, the busiest come less often than they would.
    let crowded = measure::activity_slope(&own::crowded());
    assert!(crowded > slope + 0.2, "{crowded}");
}

#[test]
fn people_arrive_at_random() {
    for (name, stretch, per_s) in measure::CONSTANT {
        let shipped = SHIPPED.iter().find(|shipped| shipped.name == name).unwrap();
        let (dispersion, windows, off) = measure::arrivals_off(&shipped.own(), stretch, per_s);
        // Of counts by Poisson's law the index scatters by the root of 2 / n.
        let most = 3.3 * (2.0 / windows as f64).sqrt();
        assert!((dispersion - 1.0).abs() < most, "{name}: {dispersion} in {windows} windows");
        assert!(off < 0.005, "{name}: gaps are off by {off}");
    }
}

#[test]
fn cities_and_devices_have_their_shares() {
    let (cities, devices) = (page::cities(), page::devices());
    for shipped in SHIPPED.iter().filter(|shipped| shipped.has_own_people()) {
        let (lives, uses) = measure::places_off(&[shipped.calm()], &cities, &devices);
        let name = shipped.name;
        assert!(lives < chi_square_max(cities.len()), "{name}: cities: {lives}");
        assert!(uses < chi_square_max(devices.len()), "{name}: devices: {uses}");
    }
    // So many together show less of a difference.
    let (lives, uses) = measure::places_off(&measure::strangers(), &cities, &devices);
    assert!(lives < chi_square_max(cities.len()), "all: cities: {lives}");
    assert!(uses < chi_square_max(devices.len()), "all: devices: {uses}");
}
