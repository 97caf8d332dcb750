//! Tables of foreign keys, such as Kafka's: `linger.ms = 5` is a table in TOML and a name in Kafka.

use std::collections::BTreeMap;

use crate::plan::toml::diagnostics::{Diagnostics, ValueLocation};
use crate::plan::toml::reader::TomlTable;
use crate::plan::toml::tree::{Entries, TomlValue};

/// The text of a setting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Where the value was given.
    pub(crate) place: ValueLocation,
    /// The path that messages show; its origin says how the user typed it.
    pub(crate) path: String,
    /// Numbers and booleans as they are written.
    pub(crate) text: String,
}

/// Reads nested tables and quoted keys alike into dotted names.
pub(crate) fn flatten(table: &TomlTable<'_>) -> BTreeMap<String, Setting> {
    let mut flat = BTreeMap::new();
    collect(table.all(), "", &table.path(""), table.faults(), &mut flat);
    flat
}

fn collect(
    entries: &Entries,
    prefix: &str,
    path: &str,
    faults: &Diagnostics,
    flat: &mut BTreeMap<String, Setting>,
) {
    for (key, entry) in entries {
        let name = format!("{prefix}{key}");
        let place = entry.node.place;
        let text = match (&entry.node.value, &entry.node.raw) {
            (TomlValue::Table(inner), _) => {
                collect(inner, &format!("{name}."), path, faults, flat);
                continue;
            }
            (TomlValue::Text(text), _) => text.clone(),
            (TomlValue::Whole(_) | TomlValue::Float(_) | TomlValue::Flag(_), Some(raw)) => {
                raw.clone()
            }
            (TomlValue::Whole(number), None) => number.to_string(),
            (TomlValue::Float(number), None) => number.to_string(),
            (TomlValue::Flag(flag), None) => flag.to_string(),
            (TomlValue::List(_) | TomlValue::Date(_), _) => {
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
fn insert(flat: &mut BTreeMap<String, Setting>, name: String, new: Setting, faults: &Diagnostics) {
    let Some(old) = flat.get(&name) else {
        flat.insert(name, new);
        return;
    };
    match (old.place, new.place) {
        (ValueLocation::File { .. }, ValueLocation::File { .. }) => {
            let later = old.place.max(new.place);
            faults.add(later, format!("{}: set twice; expected it once", new.path));
        }
        (ValueLocation::File { .. }, _) => {
            flat.insert(name, new);
        }
        _ => {}
    }
}

/// The properties of one side, by canonical name.
pub(crate) type PropertySet = BTreeMap<String, Setting>;
