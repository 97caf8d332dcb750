//! The scenarios that kbench ships.

use super::*;
use crate::plan::PopulationPlan;

/// Plans a file under `scenarios/`.
fn shipped(name: &str) -> Plan {
    let path = format!("{}/scenarios/{name}", env!("CARGO_MANIFEST_DIR"));
    let source = ScenarioSource::read(&path).unwrap();
    plan(&source, &Overrides::default(), &environment(), &schemas(), client::CHECKERS).unwrap()
}

#[test]
fn each_is_planned_without_a_warning() {
    let folder = format!("{}/scenarios", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        // A curve lies beside its scenario.
        if !name.ends_with(".toml") {
            continue;
        }
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
    let least = ScenarioSource::new("least.toml", LEAST);
    let least =
        plan(&least, &Overrides::default(), &environment(), &schemas(), client::CHECKERS).unwrap();
    assert_eq!(peak.topic, least.topic);
    // As many users as each rate needs.
    assert!(peak.population.users > least.population.users);
    let (users, sessions_max) = (least.population.users, least.population.sessions_max);
    assert_eq!(PopulationPlan { users, sessions_max, ..peak.population }, least.population);
    assert_eq!(peak.event, least.event);
    assert_eq!(peak.apps, least.apps);
    assert_eq!(peak.kafka, least.kafka);
    assert_eq!(peak.measure, least.measure);
    assert_eq!(peak.load.producers, least.load.producers);
    assert_eq!(peak.load.arrivals, least.load.arrivals);
    assert_eq!(peak.load.phases[0].duration_ns(), least.load.phases[0].duration_ns());
}

/// What `peak.toml` shows in comments is legal as it stands there.
#[test]
fn what_peak_shows_as_an_example_can_be_used() {
    let text = include_str!("../../../../scenarios/peak.toml");
    // The lines of an example, from the one that starts with `first` to one that is none.
    let example = |first: &str| -> String {
        let lines = text.lines().skip_while(|line| !line.starts_with(&format!("# {first}")));
        let lines = lines.take_while(|line| line.starts_with("# ") || line.starts_with("     "));
        lines.map(|line| format!("{}\n", line.trim_start_matches("# "))).collect()
    };
    let planned = |name: &str, text: &str| {
        plan(
            &ScenarioSource::new(name, text),
            &Overrides::default(),
            &environment(),
            &schemas(),
            client::CHECKERS,
        )
        .unwrap()
    };
    let crowds = example("hot = ");
    let phase =
        "seed = 1\n[[load.phase]]\nkind = \"constant\"\nduration = \"1s\"\nrate_per_s = 9\n";
    let load = planned("a.toml", &format!("{phase}{crowds}")).load;
    assert!(load.phases[1].hot.is_some() && load.phases[1].sale.is_some());
    let event = planned("a.toml", &format!("{LEAST}{}", example("[event]"))).event;
    assert_eq!(event.padding.map(|padding| padding.max_bytes), Some(64_000));
    let thresholds = planned("a.toml", &format!("{LEAST}{}", example("[thresholds]"))).thresholds;
    assert_eq!(thresholds.len(), 4);
    let servers = "[kafka]\nbootstrap_servers = \"k:9092\"\n";
    let load =
        planned("a.toml", &format!("seed = 1\n[load]\n{}{servers}", example("replay = "))).load;
    assert_eq!(load.replay.unwrap().topic, "user-activities");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rates.csv"), "at_s,rate_per_s\n0,9\n1,5\n").unwrap();
    let name = folder.path().join("a.toml").display().to_string();
    let load = planned(&name, &format!("seed = 1\n{}", example("[[load.phase]]"))).load;
    assert_eq!(load.phases[1].duration_ns(), 600_000_000_000);
}

/// A new setting of an application has to be explained to newcomers too.
#[test]
fn peak_shows_every_setting_of_the_applications() {
    let text = include_str!("../../../../scenarios/peak.toml");
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
    for name in ["peak", "smoke", "steady", "spec", "fraud-burst", "day"] {
        let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
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
