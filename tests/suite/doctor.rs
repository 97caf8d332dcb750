//! What `kbench doctor -b` says of brokers whose distance is known: they are on this host.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::Consumer;

use crate::admin::{await_until, inquirer};
use crate::probe::Probe;
use crate::world::{Kind, World};
use kbench::plan::{ClientKind, KafkaPlan};
use kbench::run::doctor::examine_brokers;
use kbench::run::doctor::finding::Finding;

pub fn probes() -> Vec<Probe> {
    let probe = Probe::new("doctor::a_broker_of_this_host_is_near_and_has_its_clock", near);
    vec![probe.only(&[Kind::Embedded, Kind::Kafka])]
}

fn figure(finding: &Finding, name: &str) -> f64 {
    let found = finding.figures.iter().find(|(figure, _)| *figure == name);
    found.unwrap_or_else(|| panic!("no {name}: {finding:?}")).1
}

fn near(world: &World) {
    let none = BTreeMap::new();
    let client = ClientKind::Librdkafka;
    let kafka = KafkaPlan {
        bootstrap_servers: None,
        client,
        client_reason: None,
        producer: none.clone(),
        consumer: none,
    };
    let findings = examine_brokers(world.bootstrap(), &kafka).expect("the brokers");
    let of = |what: &str| {
        let found: Vec<&Finding> =
            findings.iter().filter(|finding| finding.what.starts_with(what)).collect();
        assert_eq!(found.len(), 1, "{findings:?}");
        found[0]
    };
    let trip = of("round trip to 1@");
    let (least, p50) = (figure(trip, "least_ms"), figure(trip, "p50_ms"));
    assert!(0.0 < least && least <= p50 && p50 < 1_000.0, "{trip:?}");
    let clock = of("clock of 1@");
    if world.kind() == Kind::Kafka {
        // One host, one clock: the bounds must hold 0, and are no wider than a round trip and
        // the millisecond of a stamp.
        let (low, high) = (figure(clock, "least_ahead_ms"), figure(clock, "most_ahead_ms"));
        assert!(low <= 0.0 && 0.0 <= high, "{clock:?}");
        assert!(high - low <= least + 1.0 + 0.5, "{clock:?} {trip:?}");
    }
    let inquirer = inquirer(world);
    await_until("its topic is gone", Duration::from_secs(10), || {
        let metadata = inquirer.fetch_metadata(None, Duration::from_secs(5)).expect("metadata");
        !metadata.topics().iter().any(|topic| topic.name().starts_with("kbench-doctor"))
    });
}
