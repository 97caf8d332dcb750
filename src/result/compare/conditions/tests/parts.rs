//! What differs in one part alone: what is said of it, and that it is said once.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::client::facts::ClientProperties;
use crate::result::Trial;

fn of(what: &str, allow: Option<Allow>) -> (String, Option<Allow>) {
    (what.to_owned(), allow)
}

#[test]
fn an_allow_is_named_as_it_is_written_to_json() {
    for allow in Allow::ALL {
        assert_eq!(serde_json::to_value(allow).unwrap(), allow.name());
    }
}

#[test]
fn points_of_one_sweep_differ_by_what_it_varies_and_those_of_two_sweeps_do_not() {
    let trial = |sweep: &str| Some(Trial { sweep: sweep.to_owned(), ..Trial::default() });
    let between = |sweeps: [Option<Trial>; 2]| {
        let (mut one, mut other) = (run(), run());
        [one.trial, other.trial] = sweeps;
        other.plan_hash = None;
        other.plan["load"]["rate_per_s"] = json!(7);
        let by_rate = named(&one, &other);
        other.plan = one.plan.clone();
        other.fingerprint = Some("0c".to_owned());
        (by_rate, named(&one, &other))
    };
    let what = ["load.rate_per_s", "fingerprint of the first 1,000 events"];
    let both = |allow| (vec![of(what[0], allow)], vec![of(what[1], allow)]);
    assert_eq!(between([trial("ab"), trial("ab")]), both(None));
    for sweeps in [[trial("ab"), trial("cd")], [trial("ab"), None], [None, None]] {
        assert_eq!(between(sweeps), both(Some(Allow::Scenario)));
    }
}

#[test]
fn what_the_plan_asks_of_the_topic_is_said_once_and_what_came_of_it_only_where_it_is_another() {
    for (place, asked, path, value) in [
        ("partitions", "topic.partitions", "/topic/partitions", json!(9)),
        ("replication_factor", "topic.replication_factor", "/topic/replicas", json!([9, 9])),
        ("retention_ms", "topic.retention_ms", "/topic/configs/retention.ms", json!("9")),
    ] {
        let base = serde_json::to_value({
            let mut run = run();
            run.plan_hash = None;
            run.plan["topic"][place] = json!(8);
            run.broker.topic.replicas = vec![8, 8];
            run.broker.topic.partitions = 8;
            run.broker.topic.configs.insert("retention.ms".to_owned(), "8".to_owned());
            run
        })
        .unwrap();
        let read = |value: &Value| serde_json::from_value::<RunResult>(value.clone()).unwrap();
        let mut other = with(&base, &format!("/plan/topic/{place}"), json!(9));
        let alone = named(&read(&base), &read(&other));
        assert_eq!(alone, [of(asked, None)], "only asked for");
        other = with(&other, &format!("/broker{path}"), value);
        assert_eq!(named(&read(&base), &read(&other)), [of(asked, None)], "and so it came");
        // What came is neither what was asked for here nor there.
        let third = with(&other, &format!("/plan/topic/{place}"), json!(7));
        assert_eq!(named(&read(&base), &read(&third)).len(), 2, "{asked}");
        let third = with(&base, &format!("/plan/topic/{place}"), json!(9));
        assert_eq!(named(&read(&other), &read(&third)).len(), 1, "{asked}");
    }
}

#[test]
fn a_config_of_the_topic_and_a_property_of_a_client_are_said_once() {
    let mut base = run();
    base.plan_hash = None;
    base.plan["topic"]["configs"] = json!({ "cleanup.policy": "delete" });
    base.broker.topic.configs.insert("cleanup.policy".to_owned(), "delete".to_owned());
    let mut other = base.clone();
    other.plan["topic"]["configs"]["cleanup.policy"] = json!("compact");
    other.broker.topic.configs.insert("cleanup.policy".to_owned(), "compact".to_owned());
    assert_eq!(named(&base, &other), [of("topic.configs.cleanup.policy", None)]);
    let full: RunResult = serde_json::from_value(full()).unwrap();
    let mut other = full.clone();
    let client = other.clients.iter_mut().find(|it| it.client != "producer").unwrap();
    let what = format!("clients.{}.fetch.min.bytes", client.client);
    client.properties.insert("fetch.min.bytes".to_owned(), "77".to_owned());
    assert_eq!(named(&full, &other), [of(&what, Some(Allow::Versions))]);
    // Asked for of the consumers, it is theirs; a producer's property is not.
    other.plan["kafka"]["consumer"]["fetch.min.bytes"] = json!("78");
    let asked = of("kafka.consumer.fetch.min.bytes", None);
    assert_eq!(named(&full, &other), [asked.clone(), of(&what, None)]);
    let producer = other.clients.iter_mut().find(|it| it.client == "producer").unwrap();
    producer.properties.insert("linger.ms".to_owned(), "77".to_owned());
    let linger = of("clients.producer.linger.ms", Some(Allow::Versions));
    assert!(named(&full, &other).contains(&linger));
}

#[test]
fn a_run_that_is_worth_nothing_says_why() {
    let why = |change: &dyn Fn(&mut RunResult)| {
        let mut run = run();
        change(&mut run);
        worthless(&run)
    };
    assert_eq!(why(&|_| ()), None);
    let invalid = why(&|run| {
        run.verdict.valid = false;
        run.verdict.reasons = vec!["it lost some".to_owned(), "more".to_owned()];
    });
    assert_eq!(invalid.as_deref(), Some("an invalid run: it lost some"));
    let interrupted = why(&|run| run.verdict.interrupted_by = Some(130));
    assert_eq!(interrupted.as_deref(), Some("a run that was interrupted"));
    let debug = why(&|run| run.watch.debug_build = true);
    assert_eq!(debug.as_deref(), Some("built without optimisation"));
}

#[test]
fn a_side_whose_runs_are_not_alike_says_which_and_in_what() {
    let base = serde_json::to_value(run()).unwrap();
    let runs = |values: [&Value; 2]| -> Vec<Saved> {
        values.into_iter().enumerate().map(|(n, value)| saved(value, "a", n)).collect()
    };
    assert!(disagreements("a", &runs([&base, &base]), &[]).is_empty());
    let mut other = with(&base, "/host/cores", json!(64));
    let expected = "a: its runs are not alike: host.cores is 4 in results/a-0 and 64 in \
                    results/a-1";
    assert_eq!(disagreements("a", &runs([&base, &other]), &[]), [expected]);
    for (place, field) in ["kernel", "cpu", "os", "clock_source"].into_iter().enumerate() {
        other["host"][field] = json!(format!("other {place}"));
    }
    let said = disagreements("a", &runs([&base, &other]), &[]);
    assert!(said[0].ends_with("; so are host.cores, host.cpu, host.kernel, host.os"), "{said:?}");
    let mut twice = runs([&base, &base]);
    twice[1].result = twice[0].result.clone();
    let expected = "results/a-1: run a0000000 is on this side twice";
    assert_eq!(disagreements("a", &twice, &[]), [expected]);
    assert_eq!(disagreements("a", &[], &[]), ["a: no run; expected some"]);
}

#[test]
fn a_long_list_ends_with_how_many_more_there_are() {
    let all = ["a", "b", "c", "d", "e", "f", "g"];
    assert_eq!(listed(&all[..0], 5), "");
    assert_eq!(listed(&all[..5], 5), "a, b, c, d, e");
    assert_eq!(listed(&all[..6], 5), "a, b, c, d, e and 1 more");
    assert_eq!(listed(&all, 5), "a, b, c, d, e and 2 more");
}

#[test]
fn what_is_told_has_its_values_once_and_numbers_in_their_order() {
    let loads = |side: &str, loads: &[&str]| -> Vec<Saved> {
        let one = |(n, load): (usize, &&str)| {
            let mut run = run();
            run.host.cores = 1;
            run.host.load_before = Some((*load).to_owned());
            saved(&serde_json::to_value(run).unwrap(), side, n)
        };
        loads.iter().enumerate().map(one).collect()
    };
    let told = told(&loads("a", &["10.5", "9.5", "10.5"]), &loads("b", &["9.5"]));
    let expected = "host.load_before is not the same in all runs: 9.5, 10.5 in the baseline, 9.5 \
                    in the candidate";
    assert_eq!(told, [expected]);
}

#[test]
fn another_client_is_one_difference_and_what_it_brings_with_it_none() {
    let (mut one, mut other) = (run(), run());
    for (run, bytes) in [(&mut one, "1000000"), (&mut other, "16384")] {
        let properties = BTreeMap::from([("batch.size".to_owned(), bytes.to_owned())]);
        run.clients = vec![ClientProperties { client: "producer".to_owned(), properties }];
    }
    other.plan["kafka"]["client"] = json!("native");
    other.plan_hash = Some("0e".to_owned());
    let client = ("kafka.client".to_owned(), Some(Allow::Client));
    assert_eq!(named(&one, &other), std::slice::from_ref(&client));
    let found = &differences(&one, &other)[0];
    assert_eq!((&found.baseline[..], &found.candidate[..]), ("librdkafka", "native"));
    // What was asked for is another matter.
    other.plan["kafka"]["producer"]["linger.ms"] = json!("99");
    let linger = ("kafka.producer.linger.ms".to_owned(), None);
    assert_eq!(named(&one, &other), [client, linger]);
}
