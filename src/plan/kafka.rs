//! `[kafka]`: the clients' properties, from the file, a properties file and `-X`.

pub(crate) mod bootstrap;
pub(crate) mod client;
pub(crate) mod config_file;
pub(crate) mod dotted_keys;
pub(crate) mod forbidden;
pub(crate) mod librdkafka;
pub(crate) mod property;
pub(crate) mod property_kind;
pub(crate) mod property_table;

use super::KafkaPlan;
use super::inputs::Inputs;
use super::toml::diagnostics::{Diagnostics, ValueLocation};
use super::toml::reader::TomlTable;

use config_file::Java;
use dotted_keys::{PropertySet, Setting, flatten};
use property_kind::ClientSide;

/// What the user set, for both sides.
#[derive(Debug, Default)]
struct Given {
    producer: PropertySet,
    consumer: PropertySet,
}

/// The clients' properties, and the producer's `message.max.bytes` where that is set.
pub(crate) fn resolve(table: TomlTable<'_>, inputs: &Inputs<'_>) -> (KafkaPlan, Option<Setting>) {
    let faults = table.faults();
    let mut given = Given::default();
    // From the weakest to the strongest: what comes later wins.
    for (side, key) in [(ClientSide::Producer, "producer"), (ClientSide::Consumer, "consumer")] {
        for (name, setting) in flatten(&table.table(key)) {
            given.add(side, &name, setting, faults);
        }
    }
    let config_servers = given.add_config(inputs, faults);
    for (index, assignment) in inputs.overrides.properties.iter().enumerate() {
        given.add_flag(index, assignment, faults);
    }
    let bootstrap_servers = crate::plan::kafka::bootstrap::resolve(&table, inputs, config_servers);
    table.finish();
    if bootstrap_servers.is_none() {
        check_embedded(&given, faults);
    }
    client::check_protection([&given.producer, &given.consumer], faults);
    let plan = KafkaPlan {
        bootstrap_servers,
        producer: client::producer(&given.producer, faults),
        consumer: client::consumer(&given.consumer, faults),
    };
    (plan, given.producer.remove("message.max.bytes"))
}

impl Given {
    /// Takes a property for a side, or for whichever sides have it (`ClientSide::Both`).
    fn add(&mut self, side: ClientSide, name: &str, setting: Setting, faults: &Diagnostics) {
        match accept(side, name, &setting, faults) {
            Ok((sides, text)) => {
                let setting = Setting { text, ..setting };
                let name = property::canonical(name);
                if sides != ClientSide::Consumer {
                    put(&mut self.producer, name, &setting, faults);
                }
                if sides != ClientSide::Producer {
                    put(&mut self.consumer, name, &setting, faults);
                }
            }
            Err(what) => faults.add(setting.place, format!("{}: {what}", setting.path)),
        }
    }

    /// Takes one `-X`.
    fn add_flag(&mut self, index: usize, assignment: &str, faults: &Diagnostics) {
        let place = ValueLocation::Given("-X");
        // Without a key the text is not shown: it may be a password that lost its name.
        let Some((path, text)) = assignment.split_once('=') else {
            faults.add(place, format!("number {} has no '='; expected KEY=VALUE", index + 1));
            return;
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
            return;
        }
        let setting = Setting { place, path: path.to_owned(), text: text.to_owned() };
        self.add(side, name, setting, faults);
    }

    /// Takes the file of `--command-config`; gives the servers that it names.
    fn add_config(
        &mut self,
        inputs: &Inputs<'_>,
        faults: &Diagnostics,
    ) -> Option<(ValueLocation, String)> {
        let (_, text) = inputs.overrides.command_config.as_ref()?;
        let mut servers = None;
        for (place, name, text) in config_file::parse(text, faults) {
            if property::canonical(&name) == "bootstrap.servers" {
                servers = Some((place, text));
                continue;
            }
            let mut add = |name: &str, text: String| {
                let setting = Setting { place, path: name.to_owned(), text };
                self.add(ClientSide::Both, name, setting, faults);
            };
            match config_file::from_java(&name, &text) {
                Java::Same => add(&name, text),
                Java::Means(properties) => {
                    properties.into_iter().for_each(|(name, text)| add(name, text));
                }
                Java::Dropped => {
                    faults.warn(place, &format!("{name}: has no meaning here, left out"));
                }
            }
        }
        servers
    }
}

/// What only a Kafka has. Against the embedded broker it would end in a timeout.
fn check_embedded(given: &Given, faults: &Diagnostics) {
    for (key, value) in [("group.protocol", "classic"), ("security.protocol", "plaintext")] {
        let settings = [given.producer.get(key), given.consumer.get(key)];
        for setting in settings.into_iter().flatten().filter(|setting| setting.text != value) {
            let what = format!(
                "{}: {}: the embedded broker has {value} only; expected it left out, or a Kafka \
                 named by -b",
                setting.path, setting.text
            );
            faults.add(setting.place, what);
        }
    }
}

/// Checks a property; gives the sides that it goes to and its value in plain form.
fn accept(
    side: ClientSide,
    typed: &str,
    setting: &Setting,
    faults: &Diagnostics,
) -> Result<(ClientSide, String), String> {
    if let Some(hint) = crate::plan::kafka::forbidden::java_only(typed) {
        return Err(format!("is a property of Java's client; {hint}"));
    }
    let name = property::canonical(typed);
    let Some((has, kind)) = property::find(name) else {
        let guess = property::suggest(typed).map(|near| format!("did you mean {near}?"));
        let guess = guess.unwrap_or_else(|| "expected one of librdkafka's".to_owned());
        return Err(format!("unknown property; {guess}"));
    };
    let sides = match (side, has) {
        (ClientSide::Both, has) => has,
        (side, ClientSide::Both) => side,
        (side, has) if side == has => side,
        (_, ClientSide::Producer) => {
            return Err("only producers have it; expected [kafka.producer]".into());
        }
        (_, _) => return Err("only consumers have it; expected [kafka.consumer]".into()),
    };
    if let Some(reason) = crate::plan::kafka::forbidden::reserved(name, "") {
        return Err(format!("is kbench's to set; {reason}"));
    }
    let text = property::check(name, kind, &setting.text)?;
    if let Some(reason) = crate::plan::kafka::forbidden::reserved(name, &text) {
        return Err(format!("can't be {text}; {reason}"));
    }
    if let Some(lacking) = property::lacking(name, &text) {
        let shown = if property::is_secret(name) { "***" } else { text.as_str() };
        return Err(format!("{shown}: {lacking}"));
    }
    crate::plan::kafka::librdkafka::check(name, &text)?;
    if name == "acks" && text == "0" {
        let what = format!(
            "{}: with acks=0 the broker confirms nothing: every event is unknown until the log \
             is read again",
            setting.path
        );
        faults.warn(setting.place, &what);
    }
    Ok((sides, text))
}

/// The later wins, except that a file must not set one property by two names.
fn put(settings: &mut PropertySet, name: &str, setting: &Setting, faults: &Diagnostics) {
    let before = settings.insert(name.to_owned(), setting.clone());
    if let Some(Setting { place: before @ ValueLocation::File { .. }, path, .. }) = before
        && let now @ ValueLocation::File { .. } = setting.place
    {
        let what = format!("{}: is the same as {path}; expected one of them", setting.path);
        faults.add(now.max(before), what);
    }
}
