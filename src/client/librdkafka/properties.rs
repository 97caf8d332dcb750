//! The properties that users set, checked before anything is opened: by librdkafka's table, by what
//! kbench keeps for itself, and by librdkafka's own word.

mod defaults;
mod forbidden;
mod java;
mod own_word;
mod property;
mod property_kind;
mod property_table;

use super::Librdkafka;
use crate::plan::is_secret;
use crate::plan::kafka::checker::{CheckedProperties, ClientSide, GivenProperty, PropertyChecker};
use crate::plan::kafka::dotted_keys::{PropertySet, Setting};
use crate::plan::toml::diagnostics::{Diagnostics, ValueLocation};

use java::Java;
pub(super) use own_word::words;
pub(super) use property::canonical;

impl PropertyChecker for Librdkafka {
    fn canonical<'n>(&self, name: &'n str) -> &'n str {
        canonical(name)
    }

    fn check(
        &self,
        given: &mut dyn Iterator<Item = GivenProperty>,
        is_embedded: bool,
        faults: &Diagnostics,
    ) -> CheckedProperties {
        let mut known = Given::default();
        for property in given {
            known.take(property, faults);
        }
        if is_embedded {
            check_embedded(&known, faults);
        }
        defaults::check_protection([&known.producer, &known.consumer], faults);
        CheckedProperties {
            producer: defaults::producer(&known.producer, faults),
            consumer: defaults::consumer(&known.consumer, faults),
            record_limit: known.producer.remove("message.max.bytes"),
        }
    }
}

/// What the user set, for both sides.
#[derive(Debug, Default)]
struct Given {
    producer: PropertySet,
    consumer: PropertySet,
}

impl Given {
    /// Takes a property as typed; one of a properties file may be Java's.
    fn take(&mut self, given: GivenProperty, faults: &Diagnostics) {
        let GivenProperty { side, name, setting } = given;
        if !matches!(setting.place, ValueLocation::Config(_)) {
            return self.add(side, &name, setting, faults);
        }
        match java::meaning(&name, &setting.text) {
            Java::Same => self.add(side, &name, setting, faults),
            Java::Means(properties) => {
                for (name, text) in properties {
                    let setting = Setting { place: setting.place, path: name.to_owned(), text };
                    self.add(side, name, setting, faults);
                }
            }
            Java::Dropped => {
                faults.warn(setting.place, &format!("{name}: has no meaning here, left out"));
            }
        }
    }

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
    if let Some(hint) = forbidden::java_only(typed) {
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
    if let Some(reason) = forbidden::reserved(name, "") {
        return Err(format!("is kbench's to set; {reason}"));
    }
    let text = property::check(name, kind, &setting.text)?;
    if let Some(reason) = forbidden::reserved(name, &text) {
        return Err(format!("can't be {text}; {reason}"));
    }
    if let Some(lacking) = property::lacking(name, &text) {
        let shown = if is_secret(name) { "***" } else { text.as_str() };
        return Err(format!("{shown}: {lacking}"));
    }
    own_word::check(name, &text)?;
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
