//! What flags and environment set over the file.

use super::*;

/// A scenario with a list to reach into.
const PHASED: &str = "seed = 1\n[[load.phase]]\nkind = \"constant\"\nrate_per_s = 1\n\
                      duration = \"1s\"\n[kafka.producer]\nlinger.ms = 1\n";

#[test]
fn a_key_of_every_kind_can_be_set() {
    let set = set(&[
        "seed=7",
        "name=42",
        "description=a = b",
        "topic.reuse=true",
        "topic.partitions=12",
        "topic.retention=5m",
        "topic.configs.min.insync.replicas=2",
        "load.phase.0.rate_per_s=50000",
        "load.phase[0].duration=\"3s\"",
        "load.arrivals=uniform",
        "population.user_skew=1.5",
        "population.mix.click=24.5",
        "population.mix.search=10.5",
        "apps.run=[\"fraud\"]",
        "apps.fraud.window=90s",
        "kafka.producer.linger.ms=20",
        "kafka.consumer.fetch.min.bytes=1000",
        "kafka.bootstrap_servers=a:1,b:2",
    ]);
    let plan = planned(PHASED, &set).unwrap();
    assert_eq!((plan.seed, plan.name.as_str(), plan.description.as_str()), (7, "42", "a = b"));
    assert_eq!((plan.topic.reuse, plan.topic.partitions), (true, 12));
    assert_eq!(plan.topic.retention_ms, 300_000);
    assert_eq!(plan.topic.configs["min.insync.replicas"], "2");
    assert_eq!(plan.load.phases[1].duration_ns(), 3_000_000_000);
    assert_eq!(plan.load.phases[0].segments[0].shape, plan.load.phases[1].segments[0].shape);
    assert_eq!(plan.population.mix[1], 0.245);
    assert_eq!(plan.apps.len(), 1);
    assert_eq!(plan.apps[0].options["window_ms"], 90_000.0);
    assert_eq!(plan.kafka.producer["linger.ms"], "20");
    assert_eq!(plan.kafka.consumer["fetch.min.bytes"], "1000");
    assert_eq!(plan.kafka.bootstrap_servers.as_deref(), Some("a:1,b:2"));
}

#[test]
fn a_wrong_set_is_refused_with_a_suggestion() {
    let set = set(&[
        "load.rate=5",
        "topic.partitions=many",
        "load.phase.1.rate_per_s=1",
        "kafka.producer.lingr.ms=5",
        "hunter2",
    ]);
    assert_eq!(
        faults_with(PHASED, &set),
        "--set: load.phase.1.rate_per_s: phase is a list of 1; expected an index from 0, not \
         \"1\"\n\
         --set: number 5 has no '='; expected KEY=VALUE\n\
         --set: topic.partitions: \"many\" is wrong here; expected a whole number\n\
         --set: load.rate: unknown key; did you mean load.rate_per_s?\n\
         --set: kafka.producer.lingr.ms: unknown property; did you mean linger.ms?"
    );
}

#[test]
fn the_seed_flag_stands_above_the_file() {
    let seed = |seed| Overrides { seed: Some(seed), ..Overrides::default() };
    assert_eq!(planned(LEAST, &seed(9)).unwrap().seed, 9);
    assert_eq!(
        faults_with(LEAST, &seed(u64::MAX)),
        "--seed: seed: 18446744073709551615 is out of range; expected 0 to 9223372036854775807"
    );
}

#[test]
fn flag_then_environment_then_file_then_default() {
    let text = format!(
        "{LEAST}[topic]\nname = \"t-file\"\n[apps.fraud]\ngroup = \"g-file\"\n\
         [kafka]\nbootstrap_servers = \"file:1\"\n"
    );
    let environment = Environment::from_pairs([
        ("KAFKA_BOOTSTRAP_SERVERS", "env:1"),
        ("KAFKA_ACTIVITIES_TOPIC", "t-env"),
        ("KAFKA_FRAUD_GROUP", "g-env"),
        ("KAFKA_BEHAVIOR_GROUP", "b-env"),
        ("KAFKA_PORT", "tcp://10.0.0.1:9092"),
    ]);
    let given = |text: &str, flag: Option<&str>, environment: &Environment| -> [String; 4] {
        let bootstrap_servers = flag.map(str::to_owned);
        let overrides = Overrides { bootstrap_servers, ..Overrides::default() };
        let source = ScenarioSource::new("a.toml", text);
        let plan = plan(&source, &overrides, environment, APPS, client::CHECKERS).unwrap();
        let servers = plan.kafka.bootstrap_servers.unwrap_or_default();
        [servers, plan.topic.name, plan.apps[1].group.clone(), plan.apps[3].group.clone()]
    };
    let none = super::environment();
    assert_eq!(given(&text, Some("flag:1"), &environment), ["flag:1", "t-env", "g-env", "b-env"]);
    assert_eq!(given(&text, None, &environment), ["env:1", "t-env", "g-env", "b-env"]);
    assert_eq!(given(&text, None, &none), ["file:1", "t-file", "g-file", "behavior-analyzers"]);
    assert_eq!(
        given(LEAST, None, &none),
        ["", "user-activities", "fraud-detectors", "behavior-analyzers"]
    );
}

#[test]
fn a_bad_environment_is_refused_by_name() {
    let fault = |name: &str, value: &str| {
        let environment = Environment::from_pairs([(name, value)]);
        let source = ScenarioSource::new("a.toml", LEAST);
        let planned = plan(&source, &Overrides::default(), &environment, APPS, client::CHECKERS);
        planned.unwrap_err().to_string()
    };
    let servers = |value: &str| fault("KAFKA_BOOTSTRAP_SERVERS", value);
    assert_eq!(
        servers(""),
        "KAFKA_BOOTSTRAP_SERVERS: is set but empty; expected a value, or unset it"
    );
    assert_eq!(
        servers(" a:1"),
        "KAFKA_BOOTSTRAP_SERVERS: \" a:1\" has blanks around it; expected a value, or unset it"
    );
    assert_eq!(
        servers("a:1, b:2"),
        "KAFKA_BOOTSTRAP_SERVERS: \" b:2\" has a blank in it; expected host:port, such as \
         localhost:9092"
    );
    assert_eq!(
        servers("localhost"),
        "KAFKA_BOOTSTRAP_SERVERS: \"localhost\" has no port; expected host:port, such as \
         localhost:9092"
    );
    assert_eq!(
        servers("tcp://10.0.0.1:9092"),
        "KAFKA_BOOTSTRAP_SERVERS: \"tcp://10.0.0.1:9092\" has a scheme, tcp://; expected \
         \"10.0.0.1:9092\""
    );
    assert_eq!(
        fault("KAFKA_ACTIVITIES_TOPIC", "a/b"),
        "KAFKA_ACTIVITIES_TOPIC: \"a/b\" is not a topic name; expected up to 240 letters, digits, \
         '.', '_' and '-'"
    );
    assert_eq!(
        fault("KAFKA_ANALYTICS_GROUP", "fraud-detectors"),
        "KAFKA_ANALYTICS_GROUP: apps.analytics.group: \"fraud-detectors\" is the group of fraud \
         too; expected a group of its own, or each would see a part of the events"
    );
}
