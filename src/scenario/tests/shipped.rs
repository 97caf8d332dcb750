//! The scenarios that kbench ships.

use super::*;

/// Plans a file under `scenarios/`.
fn shipped(name: &str) -> Plan {
    let path = format!("{}/scenarios/{name}", env!("CARGO_MANIFEST_DIR"));
    let source = Source::read(&path).unwrap();
    plan(&source, &Overrides::default(), &environment(), &schemas()).unwrap()
}

#[test]
fn each_is_planned_without_a_warning() {
    let folder = format!("{}/scenarios", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let plan = shipped(&name);
        assert_eq!(format!("{}.toml", plan.name), name);
        assert_eq!(plan.warnings, [""; 0], "{name}");
        count += 1;
    }
    assert!(count >= 5, "{count} scenarios");
}

#[test]
fn peak_holds_for_a_minute_and_smoke_lasts_ten_seconds() {
    assert_eq!(shipped("peak.toml").load.duration_ns(), 95_000_000_000);
    assert_eq!(shipped("peak.toml").load.phases[2].duration_ns(), 60_000_000_000);
    assert_eq!(shipped("peak.toml").load.warmup_ns(), 5_000_000_000);
    assert_eq!(shipped("smoke.toml").load.duration_ns(), 10_000_000_000);
    assert_eq!(shipped("spec.toml").load.duration_ns(), 65_000_000_000);
}

/// The comments of `peak.toml` give the defaults; here they are compared with the code's.
#[test]
fn what_peak_calls_a_default_is_one() {
    let peak = shipped("peak.toml");
    let least = Source::new("least.toml", LEAST);
    let least = plan(&least, &Overrides::default(), &environment(), &schemas()).unwrap();
    assert_eq!(peak.topic, least.topic);
    assert_eq!(peak.population, least.population);
    assert_eq!(peak.event, least.event);
    assert_eq!(peak.apps, least.apps);
    assert_eq!(peak.kafka, least.kafka);
    assert_eq!(peak.measure, least.measure);
    assert_eq!(peak.load.producers, least.load.producers);
    assert_eq!(peak.load.arrivals, least.load.arrivals);
    assert_eq!(peak.load.phases[0].duration_ns(), least.load.phases[0].duration_ns());
}

/// A new setting of an application has to be explained to newcomers too.
#[test]
fn peak_shows_every_setting_of_the_applications() {
    let text = include_str!("../../../scenarios/peak.toml");
    let table: toml::Table = text.parse().unwrap();
    for schema in schemas() {
        let shown = table["apps"][schema.name].as_table().unwrap();
        let options = schema.options.iter().map(|option| option.key.trim_end_matches("_ms"));
        let mut expected: Vec<&str> = ["workers", "group"].into_iter().chain(options).collect();
        expected.sort_unstable();
        assert_eq!(shown.keys().collect::<Vec<_>>(), expected, "{}", schema.name);
    }
}

/// Each key is followed by what it means, except where the lines above speak for a whole table.
#[test]
fn every_key_says_its_default_or_that_it_has_none() {
    for name in ["peak.toml", "smoke.toml", "steady.toml", "spec.toml", "fraud-burst.toml"] {
        let path = format!("{}/scenarios/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for line in text.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')) {
            let key = line.split(" = ").next().unwrap();
            let first = seen.insert(key.to_owned());
            assert!(!first || line.contains('#') || told_above(key), "{name}: {line}");
        }
    }
}

/// Keys of tables whose defaults stand in one comment for the table.
fn told_above(key: &str) -> bool {
    let mix = ["page_view", "click", "search", "add_to_cart", "purchase"];
    mix.contains(&key) || key == "workers"
}
