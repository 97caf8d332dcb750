//! Tables of foreign keys, such as Kafka's: `linger.ms = 5` is a table in TOML and a name in Kafka.

use std::collections::BTreeMap;

use crate::plan::toml::fault::{Faults, Place};
use crate::plan::toml::reader::Table;
use crate::plan::toml::tree::{Entries, Value};

/// The text of a setting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Where the value was given.
    pub(crate) place: Place,
    /// The path that messages show; its origin says how the user typed it.
    pub(crate) path: String,
    /// Numbers and booleans as they are written.
    pub(crate) text: String,
}

/// Reads nested tables and quoted keys alike into dotted names.
pub(crate) fn flatten(table: &Table<'_>) -> BTreeMap<String, Setting> {
    let mut flat = BTreeMap::new();
    collect(table.all(), "", &table.path(""), table.faults(), &mut flat);
    flat
}

fn collect(
    entries: &Entries,
    prefix: &str,
    path: &str,
    faults: &Faults,
    flat: &mut BTreeMap<String, Setting>,
) {
    for (key, entry) in entries {
        let name = format!("{prefix}{key}");
        let place = entry.node.place;
        let text = match (&entry.node.value, &entry.node.raw) {
            (Value::Table(inner), _) => {
                collect(inner, &format!("{name}."), path, faults, flat);
                continue;
            }
            (Value::Text(text), _) => text.clone(),
            (Value::Whole(_) | Value::Float(_) | Value::Flag(_), Some(raw)) => raw.clone(),
            (Value::Whole(number), None) => number.to_string(),
            (Value::Float(number), None) => number.to_string(),
            (Value::Flag(flag), None) => flag.to_string(),
            (Value::List(_) | Value::Date(_), _) => {
                let shown = entry.node.value.shown();
                let expected = "expected text, a number, true or false";
                faults.add(place, format!("{path}{name}: {shown} is wrong here; {expected}"));
                continue;
            }
        };
        let setting = Setting { place, path: format!("{path}{name}"), text };
        insert(flat, name, setting, faults);
    }
}

/// A flag wins over the file; the same name twice in the file, once nested and once in quotes, is
/// a mistake that TOML itself can't see.
fn insert(flat: &mut BTreeMap<String, Setting>, name: String, new: Setting, faults: &Faults) {
    let Some(old) = flat.get(&name) else {
        flat.insert(name, new);
        return;
    };
    match (old.place, new.place) {
        (Place::File { .. }, Place::File { .. }) => {
            let later = old.place.max(new.place);
            faults.add(later, format!("{}: set twice; expected it once", new.path));
        }
        (Place::File { .. }, _) => {
            flat.insert(name, new);
        }
        _ => {}
    }
}

/// The properties of one side, by canonical name.
pub(super) type Settings = BTreeMap<String, Setting>;
