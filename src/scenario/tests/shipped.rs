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
    assert!(count >= 3, "{count} scenarios");
}

#[test]
fn peak_lasts_a_minute_and_smoke_ten_seconds() {
    assert_eq!(shipped("peak.toml").load.duration_ns(), 65_000_000_000);
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
    assert_eq!(peak.apps, least.apps);
    assert_eq!(peak.kafka, least.kafka);
    assert_eq!(peak.measure, least.measure);
    assert_eq!(peak.load.producers, least.load.producers);
    assert_eq!(peak.load.arrivals, least.load.arrivals);
    assert_eq!(
        peak.load.phases[0].duration_ns(),
        least.load.phases[0].duration_ns()
    );
}
