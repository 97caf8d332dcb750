//! Bad inputs that only a broker can tell: code 3, with both sides' values.

use std::path::Path;

use kbench::result::RunResult;
use kbench::run::embedded::EmbeddedBroker;

use super::program::{Case, Ended, LEAST};

/// A scenario of one second for a topic that is there to be used again.
pub fn scenario(further: &str) -> String {
    format!("{LEAST}warmup = \"0s\"\n[topic]\nname = \"shared\"\nreuse = true\n{further}")
}

/// A broker of its own for each test; it ends with the value.
pub fn start() -> EmbeddedBroker {
    EmbeddedBroker::start(Path::new(env!("CARGO_BIN_EXE_kbench")), 3).unwrap()
}

/// Runs a case against a broker.
fn run(broker: &EmbeddedBroker, case: &Case, args: &[&str]) -> Ended {
    let address = broker.address().to_string();
    let mut command = case.command(&["run", "case.toml", "--quiet", "-b", &address]);
    case.end(command.args(args))
}

/// The one result of a case.
pub fn result(case: &Case) -> RunResult {
    let folders: Vec<_> = std::fs::read_dir(case.folder().join("results")).unwrap().collect();
    assert_eq!(folders.len(), 1);
    let path = folders[0].as_ref().unwrap().path().join("result.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The broker's refusal ends the run with one line, and with nothing in the results' folder.
fn assert_refused(broker: &EmbeddedBroker, case: &Case, args: &[&str], expected: &str) {
    let ended = run(broker, case, args);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{}", ended.stderr);
    assert_eq!(ended.faults, [expected]);
    let results = std::fs::read_dir(case.folder().join("results")).unwrap();
    assert_eq!(results.count(), 0);
}

#[test]
fn item_11_more_workers_than_partitions_warn_and_run() {
    let broker = start();
    let case = Case::new(&scenario("partitions = 2\n[apps.fraud]\nworkers = 3\n"));
    let ended = run(&broker, &case, &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(
        ended.faults,
        ["warning: case.toml:11:11: apps.fraud.workers: 3 workers for 2 partitions; 1 will \
             be idle"]
    );
    let result = result(&case);
    assert!(result.verdict.valid && result.ledger.offered > 0);
}

#[test]
fn item_12_a_topic_of_another_shape_is_refused_with_both_values() {
    let broker = start();
    assert_eq!(run(&broker, &Case::new(&scenario("partitions = 3\n")), &[]).code, 0);
    assert_refused(
        &broker,
        &Case::new(&scenario("partitions = 5\n")),
        &[],
        "topic shared has 3 partitions, the scenario wants 5",
    );
    let stamped = "configs.\"message.timestamp.type\" = \"LogAppendTime\"\n";
    let name = "topic.name=stamped";
    assert_eq!(run(&broker, &Case::new(&scenario(stamped)), &["--set", name]).code, 0);
    assert_refused(
        &broker,
        &Case::new(&scenario("")),
        &["--set", name],
        "topic stamped has message.timestamp.type=LogAppendTime, the scenario CreateTime",
    );
}

/// Without `reuse` a run has a topic of its own; with it, it reads nothing of what was there.
#[test]
fn item_13_what_is_in_a_topic_already_is_not_read() {
    let broker = start();
    for args in [&[][..], &[], &["--set", "topic.reuse=false"]] {
        let case = Case::new(&scenario("partitions = 3\n"));
        let ended = run(&broker, &case, args);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let result = result(&case);
        assert_eq!(result.broker.topic.name == "shared", args.is_empty());
        for app in &result.ledger.apps {
            assert_eq!((app.seen, app.foreign), (result.ledger.acked, 0), "{app:?}");
        }
    }
}

#[test]
fn item_14_a_topic_that_the_broker_refuses_is_told_with_what_was_asked() {
    let broker = start();
    let asked = "partitions=6 replication_factor=1 retention.ms=604800000";
    for (further, expected) in [
        (
            "replication_factor = 3\n",
            "topic shared: InvalidReplicationFactor (Broker: Invalid replication factor); asked \
             for partitions=6 replication_factor=3 retention.ms=604800000"
                .to_owned(),
        ),
        (
            // Without applications, whose tables would need more memory than most hosts have.
            "partitions = 100000\n[apps]\nrun = []\n",
            "topic shared: PolicyViolation (Broker: Policy violation); asked for \
             partitions=100000 replication_factor=1 retention.ms=604800000"
                .to_owned(),
        ),
        (
            "configs.max.message.bytez = 5\n",
            format!(
                "topic shared: InvalidConfig (Broker: Configuration is invalid); asked for {asked} \
                 max.message.bytez=5"
            ),
        ),
    ] {
        assert_refused(&broker, &Case::new(&scenario(further)), &[], &expected);
    }
    for (count, shown) in [("0", "0"), ("1_000_000", "1000000"), ("-1", "-1")] {
        let expected = format!(
            "case.toml:9:14: topic.partitions: {shown} is out of range; expected 1 to 100000 part"
        );
        Case::new(&scenario(&format!("partitions = {count}\n"))).refused(&[&expected]);
    }
}
