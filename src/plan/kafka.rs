//! `[kafka]`: the clients' properties as typed, from the file, a properties file and `-X`. The
//! client that will have them checks them.

pub(crate) mod bootstrap;
pub(crate) mod checker;
pub(crate) mod config_file;
pub(crate) mod dotted_keys;
pub(crate) mod secret;

use super::inputs::Inputs;
use super::toml::diagnostics::{Diagnostics, ValueLocation};
use super::toml::reader::TomlTable;
use super::{ClientKind, KafkaPlan};

use checker::{CheckedProperties, ClientSide, GivenProperty, PropertyChecker};
use dotted_keys::{Setting, flatten};

/// The clients' properties, and the producer's limit of a record where that is set.
pub(crate) fn resolve(table: TomlTable<'_>, inputs: &Inputs<'_>) -> (KafkaPlan, Option<Setting>) {
    let faults = table.faults();
    let mut given = Vec::new();
    // From the weakest to the strongest: what comes later wins.
    for (side, key) in [(ClientSide::Producer, "producer"), (ClientSide::Consumer, "consumer")] {
        let set = flatten(&table.table(key)).into_iter();
        given.extend(set.map(|(name, setting)| GivenProperty { side, name, setting }));
    }
    let client = table.word("client", &ClientKind::NAMES);
    let named = client.map(|index| ClientKind::ALL[index]);
    // Until it is chosen: names and values are judged alike, whichever it will be.
    let client = named.unwrap_or(ClientKind::Librdkafka);
    let checker = inputs.clients.checker(client);
    let config_servers = add_config(&mut given, inputs, checker, faults);
    let bootstrap_servers = bootstrap::resolve(&table, inputs, config_servers);
    table.finish();
    let flags = inputs.overrides.properties.iter().enumerate();
    let flags = flags.filter_map(|(index, assignment)| flag(index, assignment, faults));
    let mut given = given.into_iter().chain(flags);
    let checked = checker.check(&mut given, bootstrap_servers.is_none(), faults);
    let CheckedProperties { producer, consumer, record_limit } = checked;
    let mut plan = KafkaPlan { bootstrap_servers, client, client_reason: None, producer, consumer };
    if named.is_none() {
        (plan.client, plan.client_reason) = inputs.clients.choose(&plan);
    }
    (plan, record_limit)
}

/// One `-X`.
fn flag(index: usize, assignment: &str, faults: &Diagnostics) -> Option<GivenProperty> {
    let place = ValueLocation::Given("-X");
    // Without a key the text is not shown: it may be a password that lost its name.
    let Some((path, text)) = assignment.split_once('=') else {
        faults.add(place, format!("number {} has no '='; expected KEY=VALUE", index + 1));
        return None;
    };
    let path = path.trim();
    let (side, name) = if let Some(name) = path.strip_prefix("producer.") {
        (ClientSide::Producer, name)
    } else if let Some(name) = path.strip_prefix("consumer.") {
        (ClientSide::Consumer, name)
    } else {
        (ClientSide::Both, path)
    };
    if name.is_empty() {
        faults.add(place, format!("number {} has no name; expected KEY=VALUE", index + 1));
        return None;
    }
    let setting = Setting { place, path: path.to_owned(), text: text.to_owned() };
    Some(GivenProperty { side, name: name.to_owned(), setting })
}

/// Takes the file of `--command-config`; gives the servers that it names.
fn add_config(
    given: &mut Vec<GivenProperty>,
    inputs: &Inputs<'_>,
    checker: &dyn PropertyChecker,
    faults: &Diagnostics,
) -> Option<(ValueLocation, String)> {
    let (_, text) = inputs.overrides.command_config.as_ref()?;
    let mut servers = None;
    for (place, name, text) in config_file::parse(text, faults) {
        if checker.canonical(&name) == "bootstrap.servers" {
            servers = Some((place, text));
            continue;
        }
        let setting = Setting { place, path: name.clone(), text };
        given.push(GivenProperty { side: ClientSide::Both, name, setting });
    }
    servers
}
