//! The conditions of a run as facts: every leaf of its host, build, broker, clients and plan, by
//! its path in `result.json`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::client::facts::{BrokerInfo, ClientProperties};
use crate::plan::ClientKind;
use crate::result::RunResult;

/// Who speaks to the brokers, in the plan.
pub(super) const CLIENT: &str = "kafka.client";

/// Values by their paths. What is not set has none.
pub(super) type ConditionValues = BTreeMap<String, String>;

/// Everything that a run ran under, but for its plan.
pub(super) fn surroundings(result: &RunResult) -> ConditionValues {
    let mut facts = ConditionValues::new();
    fold("host", &json(&result.host), &mut facts);
    fold("build", &json(&result.build), &mut facts);
    broker(&result.broker, &mut facts);
    clients(&result.clients, &mut facts);
    if let Some(recording) = &result.recording {
        fold("recording", &json(recording), &mut facts);
    }
    let shared = result.watch.broker_on_this_host;
    facts.insert("watch.broker_on_this_host".to_owned(), shared.to_string());
    if let Some(broker) = &result.embedded_broker {
        let bytes = broker.memory_limit_bytes.to_string();
        facts.insert("embedded_broker.memory_limit_bytes".to_owned(), bytes);
    }
    let roles: Vec<&str> = result.processes.iter().map(|process| process.role.as_str()).collect();
    if !roles.is_empty() {
        facts.insert("processes.role".to_owned(), counted(&roles));
    }
    facts
}

/// The plan by path; applications by their names, so that one more shows as one more.
pub(super) fn plan(result: &RunResult) -> ConditionValues {
    let mut facts = ConditionValues::new();
    flatten("", &result.plan, &mut facts);
    let before = || ClientKind::before_the_choice().name().to_owned();
    facts.entry(CLIENT.to_owned()).or_insert_with(before);
    facts
}

fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

/// The broker's facts. Which broker leads or holds which partition is chosen anew for each topic:
/// what counts is how the partitions are spread.
fn broker(broker: &BrokerInfo, facts: &mut ConditionValues) {
    let mut whole = json(broker);
    if let Some(entries) = whole.as_object_mut() {
        entries.remove("advertised");
        entries.remove("leaders_after");
        if let Some(topic) = entries.get_mut("topic").and_then(Value::as_object_mut) {
            topic.remove("leaders");
        }
    }
    fold("broker", &whole, facts);
    let mut tell = |path: &str, value: String| drop(facts.insert(path.to_owned(), value));
    if !broker.advertised.is_empty() {
        let hosts: Vec<&str> = broker.advertised.iter().map(|broker| host(broker)).collect();
        tell("broker.advertised", counted(&hosts));
    }
    let leaders = &broker.topic.leaders;
    if !leaders.is_empty() {
        tell("broker.topic.leaders", spread(leaders));
    }
    if !broker.leaders_after.is_empty() {
        let both = leaders.iter().zip(&broker.leaders_after);
        let moved = both.filter(|(before, after)| before != after).count()
            + leaders.len().abs_diff(broker.leaders_after.len());
        tell("broker.leaders_after", format!("{moved} moved"));
    }
}

/// `1@kafka-1:9092` is on `kafka-1`.
fn host(advertised: &str) -> &str {
    let address = advertised.split_once('@').map_or(advertised, |(_, address)| address);
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// How many partitions each broker leads, most first, whichever it is: `2 + 2 + 1`.
fn spread(leaders: &[i32]) -> String {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for leader in leaders {
        *counts.entry(*leader).or_default() += 1;
    }
    let mut counts: Vec<usize> = counts.into_values().collect();
    counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
    counts.iter().map(usize::to_string).collect::<Vec<_>>().join(" + ")
}

/// Each client's properties by its name.
fn clients(clients: &[ClientProperties], facts: &mut ConditionValues) {
    for ClientProperties { client, properties } in clients {
        for (key, value) in properties {
            facts.insert(format!("clients.{client}.{key}"), value.clone());
        }
    }
}

/// Leaves by path, a list's under that of the list: how often which value comes.
fn fold(path: &str, value: &Value, facts: &mut ConditionValues) {
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    leaves(path, value, &mut lists);
    for (path, values) in lists {
        let first = values.first().cloned().unwrap_or_default();
        let is_one = values.iter().all(|value| *value == first);
        facts.insert(path, if is_one { first } else { counted(&values) });
    }
}

fn leaves(path: &str, value: &Value, found: &mut BTreeMap<String, Vec<String>>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                leaves(&format!("{path}.{name}"), value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|value| leaves(path, value, found)),
        Value::Null => {}
        leaf => found.entry(path.to_owned()).or_default().push(word(leaf)),
    }
}

/// `kafka-1, 2 × kafka-2`: each value once, in order.
fn counted(values: &[impl AsRef<str>]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value.as_ref()).or_default() += 1;
    }
    let one = |(value, count): (&str, usize)| match count {
        1 => value.to_owned(),
        _ => format!("{count} × {value}"),
    };
    counts.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

fn flatten(path: &str, value: &Value, facts: &mut ConditionValues) {
    let below =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                flatten(&below(name), value, facts);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                let name = value.get("name").and_then(Value::as_str);
                let place = name.map_or_else(|| place.to_string(), str::to_owned);
                flatten(&below(&place), value, facts);
            }
        }
        // What an older plan does not have is what a newer one has left off.
        Value::Null => {}
        leaf => drop(facts.insert(path.to_owned(), word(leaf))),
    }
}

fn word(leaf: &Value) -> String {
    leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_chosen_anew_for_each_topic_makes_no_difference_and_how_it_is_spread_does() {
        assert_eq!(spread(&[1, 2, 3, 1, 2]), spread(&[3, 1, 2, 3, 1]));
        assert_eq!(spread(&[1, 2, 3, 1, 2]), "2 + 2 + 1");
        assert_eq!(spread(&[1, 1, 1, 1, 2]), "4 + 1");
    }

    #[test]
    fn a_list_is_its_values_and_how_often_each_comes() {
        let of = |value: Value| {
            let mut facts = ConditionValues::new();
            fold("broker", &value, &mut facts);
            facts
        };
        let three = json!({ "versions": [{ "release": "4.3" }, { "release": "4.3" }] });
        assert_eq!(of(three)["broker.versions.release"], "4.3");
        let mixed = json!({ "versions": [{ "release": "4.3" }, { "release": "3.7" },
            { "release": "4.3" }] });
        assert_eq!(of(mixed)["broker.versions.release"], "3.7, 2 × 4.3");
        assert_eq!(of(json!({ "governor": null, "replicas": [] })), ConditionValues::new());
    }

    #[test]
    fn partitions_whose_leader_moved_are_counted_with_those_that_came_or_went() {
        let moved = |leaders: &[i32], after: &[i32]| {
            let mut world = crate::result::compare::tests::run().broker;
            world.advertised.clear();
            world.topic.leaders = leaders.to_vec();
            world.leaders_after = after.to_vec();
            let mut facts = ConditionValues::new();
            broker(&world, &mut facts);
            assert!(!facts.contains_key("broker.advertised"));
            assert_eq!(facts.contains_key("broker.topic.leaders"), !leaders.is_empty());
            facts.get("broker.leaders_after").cloned()
        };
        assert_eq!(moved(&[1, 2, 3], &[1, 2, 3]).as_deref(), Some("0 moved"));
        assert_eq!(moved(&[1, 2, 3], &[1, 3, 2, 4, 4, 4]).as_deref(), Some("5 moved"));
        assert_eq!(moved(&[1, 2, 3], &[]), None, "nobody looked");
        assert_eq!(moved(&[], &[]), None);
    }

    #[test]
    fn a_plan_has_its_applications_by_their_names_and_other_lists_by_their_places() {
        let plan = json!({
            "seed": 7,
            "apps": [{ "name": "fraud", "workers": 2 }],
            "phases": [1.5, null, { "x": true }],
        });
        let mut facts = ConditionValues::new();
        flatten("", &plan, &mut facts);
        let expected = [
            ("apps.fraud.name", "fraud"),
            ("apps.fraud.workers", "2"),
            ("phases.0", "1.5"),
            ("phases.2.x", "true"),
            ("seed", "7"),
        ];
        assert_eq!(facts, expected.map(|(path, value)| (path.into(), value.into())).into());
    }

    #[test]
    fn the_roles_of_a_run_s_processes_are_counted_where_it_had_more_than_one_process() {
        let roles = |roles: &[&str]| {
            let mut run = crate::result::compare::tests::run();
            let process = |role: &&str| crate::result::ProcessResult {
                role: (*role).to_owned(),
                ..Default::default()
            };
            run.processes = roles.iter().map(process).collect();
            surroundings(&run).remove("processes.role")
        };
        assert_eq!(roles(&["consumer", "producer", "consumer"]).unwrap(), "2 × consumer, producer");
        assert_eq!(roles(&[]), None, "one process that did everything");
    }

    #[test]
    fn a_broker_is_known_by_its_host_whatever_its_port() {
        assert_eq!(host("1@127.0.0.1:39811"), "127.0.0.1");
        assert_eq!(host("1@[::1]:9092"), "[::1]");
        assert_eq!(counted(&["b", "a", "b"]), "a, 2 × b");
    }
}
