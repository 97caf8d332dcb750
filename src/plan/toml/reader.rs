//! A reader of one table: takes known keys by type, records what is wrong, and goes on.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::diagnostics::{Diagnostics, ValueLocation};
use super::tree::{Entries, Node, TomlValue, TreeEntry};
use super::units;
use crate::base::suggest::nearest;

/// What stands in for a table that isn't there.
static NOTHING: Entries = Entries::new();

/// A legal range, with the unit for the message (empty, or with a leading blank).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    /// The least legal value.
    pub(crate) least: f64,
    /// The greatest legal value.
    pub(crate) most: f64,
    /// For example `" events/s"`.
    pub(crate) unit: &'static str,
}

/// Shorthand for a [`Range`].
pub(crate) const fn range(least: f64, most: f64, unit: &'static str) -> Range {
    Range { least, most, unit }
}

/// One table of the scenario.
///
/// Each getter marks its key as known; [`TomlTable::finish`] then refuses the others.
#[derive(Debug)]
pub(crate) struct TomlTable<'a> {
    path: String,
    place: ValueLocation,
    entries: &'a Entries,
    known: RefCell<Vec<&'static str>>,
    faults: &'a Diagnostics,
}

impl<'a> TomlTable<'a> {
    /// The whole scenario.
    pub(crate) fn root(entries: &'a Entries, faults: &'a Diagnostics) -> Self {
        Self::new(String::new(), ValueLocation::START, entries, faults)
    }

    fn new(
        path: String,
        place: ValueLocation,
        entries: &'a Entries,
        faults: &'a Diagnostics,
    ) -> Self {
        Self { path, place, entries, known: RefCell::default(), faults }
    }

    /// Where the faults go.
    pub(crate) fn faults(&self) -> &'a Diagnostics {
        self.faults
    }

    /// The full path of a key, as messages and `--set` name it.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether the key is there, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where the key's value stands; the table's own place when there is none.
    pub(crate) fn place(&self, key: &str) -> ValueLocation {
        self.entries.get(key).map_or(self.place, |entry| entry.node.place)
    }

    /// Records a fault of a key.
    pub(crate) fn fault(&self, key: &str, what: &str) {
        self.faults.add(self.place(key), format!("{}: {what}", self.path(key)));
    }

    /// Records a fault of the table as a whole.
    pub(crate) fn fault_here(&self, what: &str) {
        self.faults.add(self.place, format!("{}: {what}", self.path));
    }

    /// Hands a value on, or records that it is missing. One that is there but wrong has its fault
    /// already.
    pub(crate) fn require<T>(&self, key: &str, value: Option<T>, expected: &str) -> Option<T> {
        if value.is_none() && !self.has(key) {
            self.faults.add(self.place, format!("{}: missing; {expected}", self.path(key)));
        }
        value
    }

    fn node(&self, key: &'static str) -> Option<&'a Node> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.entries.get(key).map(|entry| &entry.node)
    }

    fn wrong(&self, key: &str, node: &Node, expected: &str) {
        self.fault(key, &format!("{} is wrong here; expected {expected}", node.value.shown()));
    }

    /// Passes over a key that is known, and whose value doesn't matter.
    pub(crate) fn pass(&self, key: &'static str) {
        let _ = self.node(key);
    }

    /// Text.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        let node = self.node(key)?;
        match (&node.value, &node.raw) {
            (TomlValue::Text(text), _) => Some(text.clone()),
            (TomlValue::List(_) | TomlValue::Table(_), _) | (_, None) => {
                self.wrong(key, node, "text in quotes");
                None
            }
            (_, Some(raw)) => Some(raw.clone()),
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        if let TomlValue::Flag(flag) = node.value {
            return Some(flag);
        }
        self.wrong(key, node, "true or false");
        None
    }

    /// A number within the range, ends included.
    pub(crate) fn number(&self, key: &'static str, range: Range) -> Option<f64> {
        let node = self.node(key)?;
        let number = match node.value {
            TomlValue::Whole(number) => number as f64,
            TomlValue::Float(number) => number,
            _ => {
                self.wrong(key, node, "a number");
                return None;
            }
        };
        self.within(key, node, number, range)
    }

    /// A whole number within the range, ends included; the unit is for the message.
    pub(crate) fn whole(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> Option<u64> {
        self.whole_as(key, range, unit, "a whole number")
    }

    /// The same, where a word may stand instead; none if it does.
    pub(crate) fn whole_or(
        &self,
        key: &'static str,
        word: &str,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> Option<u64> {
        let node = self.node(key)?;
        if matches!(&node.value, TomlValue::Text(text) if text == word) {
            return None;
        }
        self.whole_as(key, range, unit, &format!("a whole number or \"{word}\""))
    }

    fn whole_as(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
        unit: &str,
        expected: &str,
    ) -> Option<u64> {
        let node = self.node(key)?;
        let whole = match node.value {
            TomlValue::Whole(number) => u64::try_from(number).ok(),
            // Beyond 128 bits: a whole number all the same, and out of every range.
            TomlValue::Float(number) if number.abs() > 1e18 => None,
            _ => {
                self.wrong(key, node, expected);
                return None;
            }
        };
        let found = whole.filter(|number| range.contains(number));
        if found.is_none() {
            self.out_of_range(key, node, range.start(), range.end(), unit);
        }
        found
    }

    fn within(&self, key: &str, node: &Node, number: f64, range: Range) -> Option<f64> {
        let Range { least, most, unit } = range;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.out_of_range(key, node, &least, &most, unit);
        None
    }

    fn out_of_range(
        &self,
        key: &str,
        node: &Node,
        least: &dyn Display,
        most: &dyn Display,
        unit: &str,
    ) {
        let shown = node.value.shown();
        let what = format!("{shown} is out of range; expected {least} to {most}{unit}");
        self.fault(key, &what);
    }

    /// A duration such as `"30s"` within the limits, both included.
    pub(crate) fn duration(
        &self,
        key: &'static str,
        least: Duration,
        most: Duration,
    ) -> Option<Duration> {
        let node = self.node(key)?;
        let TomlValue::Text(text) = &node.value else {
            let shown = node.value.shown();
            match node.value {
                TomlValue::Whole(_) | TomlValue::Float(_) => self.fault(
                    key,
                    &format!("{shown} has no unit; expected a duration such as \"30s\" or \"5m\""),
                ),
                _ => self.wrong(key, node, "a duration such as \"30s\" or \"5m\""),
            }
            return None;
        };
        match units::duration(text) {
            Err(what) => self.fault(key, &what),
            Ok(duration) if duration < least || duration > most => {
                let (least, most) = (units::shown(least), units::shown(most));
                self.fault(key, &format!("{text:?} is out of range; expected {least} to {most}"));
            }
            Ok(duration) => return Some(duration),
        }
        None
    }

    /// A size such as `"2kB"` within the limits in bytes, both included.
    pub(crate) fn size(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let node = self.node(key)?;
        let text = match &node.value {
            TomlValue::Text(text) => text.clone(),
            TomlValue::Whole(_) | TomlValue::Float(_) => node.value.shown(),
            _ => {
                self.wrong(key, node, "a size such as \"2kB\"");
                return None;
            }
        };
        match units::size(&text) {
            Err(what) => self.fault(key, &what),
            Ok(bytes) if !range.contains(&bytes) => {
                self.out_of_range(key, node, range.start(), range.end(), " bytes");
            }
            Ok(bytes) => return Some(bytes),
        }
        None
    }

    /// One of the words; gives its index.
    pub(crate) fn word(&self, key: &'static str, words: &[&str]) -> Option<usize> {
        let node = self.node(key)?;
        let expected = words.iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(", ");
        let TomlValue::Text(text) = &node.value else {
            self.wrong(key, node, &format!("one of {expected}"));
            return None;
        };
        let index = words.iter().position(|word| word == text);
        if index.is_none() {
            let known = words.iter().copied();
            let guess =
                nearest(text, known).map_or(String::new(), |w| format!(" did you mean {w:?}?"));
            self.fault(key, &format!("no such word: {text:?};{guess} expected one of {expected}"));
        }
        index
    }

    /// A list of texts, each with its place.
    pub(crate) fn texts(&self, key: &'static str) -> Option<Vec<(ValueLocation, String)>> {
        let node = self.node(key)?;
        let TomlValue::List(items) = &node.value else {
            self.wrong(key, node, "a list of names such as [\"analytics\"]");
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            if let TomlValue::Text(text) = &item.value {
                texts.push((item.place, text.clone()));
            } else {
                let what = format!("{}: {} is not a name", self.path(key), item.value.shown());
                self.faults.add(item.place, what);
            }
        }
        Some(texts)
    }

    /// The table behind a key; an empty one when it isn't there.
    pub(crate) fn table(&self, key: &'static str) -> TomlTable<'a> {
        let found = self.node(key);
        let (place, entries) = match found {
            Some(Node { place, value: TomlValue::Table(entries), .. }) => (*place, entries),
            Some(node) => {
                self.wrong(key, node, &format!("a table, [{}]", self.path(key)));
                (node.place, &NOTHING)
            }
            None => (self.place, &NOTHING),
        };
        TomlTable::new(self.path(key), place, entries, self.faults)
    }

    /// The tables of a list; none when it isn't there.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<TomlTable<'a>> {
        let path = self.path(key);
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let TomlValue::List(items) = &node.value else {
            self.wrong(key, node, &format!("a list of tables, [[{path}]]"));
            return Vec::new();
        };
        if items.is_empty() {
            self.fault(key, &format!("is an empty list; expected at least one [[{path}]]"));
        }
        let mut tables = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if let TomlValue::Table(entries) = &item.value {
                tables.push(TomlTable::new(path, item.place, entries, self.faults));
            } else {
                let what =
                    format!("{path}: {} is wrong here; expected a table", item.value.shown());
                self.faults.add(item.place, what);
            }
        }
        tables
    }

    /// All entries, for a table whose keys are not kbench's own.
    pub(crate) fn all(&self) -> &'a Entries {
        self.entries
    }

    /// Refuses the keys that nobody asked for, each with the nearest known one.
    pub(crate) fn finish(self) {
        for (key, entry) in self.unknown() {
            let known = self.known.borrow();
            let what = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean {}?", self.path(near)),
                None => format!("expected one of {}", listed(&known)),
            };
            self.faults.add(entry.key_place, format!("{}: unknown key; {what}", self.path(key)));
        }
    }

    /// As [`TomlTable::finish`], where the keys depend on what the table describes ("a ramp").
    pub(crate) fn finish_as(self, what: &str) {
        for (key, entry) in self.unknown() {
            let known = listed(&self.known.borrow());
            let what = format!("{}: unknown key; {what} has {known}", self.path(key));
            self.faults.add(entry.key_place, what);
        }
    }

    fn unknown(&self) -> Vec<(&'a str, &'a TreeEntry)> {
        let known = self.known.borrow();
        let entries = self.entries.iter().map(|(key, entry)| (key.as_str(), entry));
        entries.filter(|(key, _)| !known.contains(key)).collect()
    }
}

/// Keys for a message: `a, b and c`.
fn listed(known: &[&str]) -> String {
    match known {
        [] => "no keys".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
