//! What the command line sets over the scenario's file.

use std::collections::btree_map;

use super::diagnostics::{Diagnostics, ValueLocation};
use super::tree::{self, Entries, Node, TomlValue, TreeEntry};
use crate::plan::kafka_plan::ClientKind;

/// The command line's part of a scenario. Everything here stands above environment and file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--set KEY=VALUE`: any key of the scenario, such as `load.phase.0.rate_per_s=50000`.
    pub set: Vec<String>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `-b/--bootstrap-servers`.
    pub bootstrap_servers: Option<String>,
    /// `--client`.
    pub client: Option<ClientKind>,
    /// `-X KEY=VALUE`: a librdkafka property; `producer.` or `consumer.` before it names a side.
    pub properties: Vec<String>,
    /// `--command-config`: the name and the text of a properties file, as Kafka's tools read it.
    pub command_config: Option<(String, String)>,
}

/// Puts `--set`, `--seed` and `--client` over what came from the file.
pub(crate) fn apply(overrides: &Overrides, entries: &mut Entries, faults: &Diagnostics) {
    for (index, assignment) in overrides.set.iter().enumerate() {
        let place = ValueLocation::Given("--set");
        // Without a key the text is not shown: it may be a password that lost its name.
        let Some((path, value)) = assignment.split_once('=') else {
            let what = format!("number {} has no '='; expected KEY=VALUE", index + 1);
            faults.add(place, what);
            continue;
        };
        // Kafka's names have dots, and TOML wants quotes around them; here they mean the same.
        let dotted = path.trim().replace('[', ".").replace([']', '"', '\''], "");
        let segments: Vec<&str> = dotted.split('.').collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            let what = format!("{path:?} is not a key; expected a path such as load.rate_per_s");
            faults.add(place, what);
        } else if let Err(what) = put(entries, &segments, tree::parse_flag(value.trim(), place)) {
            faults.add(place, format!("{path}: {what}"));
        }
    }
    if let Some(seed) = overrides.seed {
        let place = ValueLocation::Given("--seed");
        let node = Node { place, value: TomlValue::Whole(seed.into()), raw: None };
        entries.insert("seed".to_owned(), TreeEntry { key_place: place, node });
    }
    if let Some(client) = overrides.client {
        let place = ValueLocation::Given("--client");
        let value = TomlValue::Text(client.name().to_owned());
        if let Err(what) = put(entries, &["kafka", "client"], Node { place, value, raw: None }) {
            faults.add(place, format!("kafka.client: {what}"));
        }
    }
}

/// Sets what stands at the path, making tables on the way.
pub(crate) fn put(entries: &mut Entries, path: &[&str], node: Node) -> Result<(), String> {
    // A key in quotes may have dots of its own: `"linger.ms" = 5`.
    let dotted = (2..=path.len()).rev().find(|&len| entries.contains_key(&path[..len].join(".")));
    let (first, rest) = path.split_at(dotted.unwrap_or(1).min(path.len()));
    if first.is_empty() {
        return Ok(());
    }
    let (first, place) = (first.join("."), node.place);
    let slot = match entries.entry(first.clone()) {
        btree_map::Entry::Vacant(vacant) => {
            let empty = Node { place, value: TomlValue::Table(Entries::new()), raw: None };
            vacant.insert(TreeEntry { key_place: place, node: empty })
        }
        btree_map::Entry::Occupied(occupied) => occupied.into_mut(),
    };
    put_into(&mut slot.node, &first, rest, node)
}

fn put_into(slot: &mut Node, name: &str, rest: &[&str], node: Node) -> Result<(), String> {
    let Some((next, after)) = rest.split_first() else {
        *slot = node;
        return Ok(());
    };
    match &mut slot.value {
        TomlValue::Table(inner) => put(inner, rest, node),
        TomlValue::List(items) => {
            let count = items.len();
            let item = next.parse().ok().and_then(|index: usize| items.get_mut(index));
            match item {
                Some(item) => put_into(item, next, after, node),
                None => Err(format!(
                    "{name} is a list of {count}; expected an index from 0, not {next:?}"
                )),
            }
        }
        other => Err(format!("{name} is {} and has no key {next:?}", other.shown())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str, set: &[&str]) -> (Entries, String) {
        let faults = Diagnostics::new("a.toml", "");
        let mut entries = tree::parse(text, &faults);
        let set = set.iter().map(ToString::to_string).collect();
        apply(&Overrides { set, ..Overrides::default() }, &mut entries, &faults);
        (entries, faults.check().err().map_or(String::new(), |error| error.to_string()))
    }

    #[test]
    fn a_path_reaches_into_tables_and_lists() {
        let text = "[[load.phase]]\nrate_per_s = 1\n";
        for path in
            ["load.phase.0.rate_per_s", "load.phase[0].rate_per_s", "load.\"phase\".0.rate_per_s"]
        {
            let (entries, faults) = applied(text, &[&format!("{path} = 7"), "topic.partitions=3"]);
            assert_eq!(faults, "");
            assert_eq!(
                tree::parse_flag("3", ValueLocation::Given("--set")),
                at(&entries, &["topic", "partitions"])
            );
            let TomlValue::List(phases) = at(&entries, &["load", "phase"]).value else { panic!() };
            let TomlValue::Table(phase) = &phases[0].value else { panic!() };
            assert_eq!(phase["rate_per_s"].node.value, TomlValue::Whole(7));
        }
    }

    #[test]
    fn a_path_finds_a_key_whose_name_has_dots() {
        let text = "[kafka.producer]\n\"linger.ms\" = 7\n";
        let (entries, faults) = applied(text, &["kafka.producer.linger.ms=3"]);
        assert_eq!(faults, "");
        let linger = at(&entries, &["kafka", "producer", "linger.ms"]);
        assert_eq!(linger.value, TomlValue::Whole(3));
    }

    fn at(entries: &Entries, path: &[&str]) -> Node {
        let node = entries[path[0]].node.clone();
        match (&node.value, path.len()) {
            (_, 1) => node,
            (TomlValue::Table(inner), _) => at(inner, &path[1..]),
            _ => panic!("{path:?}"),
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_a_fault() {
        let text = "seed = 1\n[[load.phase]]\nrate_per_s = 1\n";
        let set = ["load.phase.3.rate_per_s=1", "seed.x=1", "secret", "a..b=1"];
        assert_eq!(
            applied(text, &set).1,
            "--set: load.phase.3.rate_per_s: phase is a list of 1; expected an index from 0, \
             not \"3\"\n\
             --set: seed.x: seed is 1 and has no key \"x\"\n\
             --set: number 3 has no '='; expected KEY=VALUE\n\
             --set: \"a..b\" is not a key; expected a path such as load.rate_per_s"
        );
    }
}
