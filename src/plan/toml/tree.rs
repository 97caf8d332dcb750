//! The scenario as typed: values with their places, before anyone asks what they mean.
//!
//! The tree owns its values, so that what came by a flag can stand among what came from the file.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostics::{Diagnostics, ValueLocation};

/// The entries of a table, by key.
pub(crate) type Entries = BTreeMap<String, TreeEntry>;

/// A key and what stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TreeEntry {
    /// Where the key stands.
    pub(crate) key_place: ValueLocation,
    /// The value.
    pub(crate) node: Node,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Where the value starts.
    pub(crate) place: ValueLocation,
    /// What it is.
    pub(crate) value: TomlValue,
    /// The text as typed, where it came by a flag: `--set name=42` means the name "42".
    pub(crate) raw: Option<String>,
}

/// A TOML value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TomlValue {
    /// In quotes, or a bare word of a flag.
    Text(String),
    /// A whole number; TOML's own limit of 64 bits is left to the check, which knows the range.
    Whole(i128),
    /// A number with a point or exponent, nan or inf.
    Float(f64),
    /// `true` or `false`.
    Flag(bool),
    /// A date or time, which no key wants.
    Date(String),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(Entries),
}

impl TomlValue {
    /// The value for a message, short and on one line.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) if text.chars().count() > 40 => {
                format!("{:?}...", text.chars().take(40).collect::<String>())
            }
            Self::Text(text) => format!("{text:?}"),
            Self::Whole(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Flag(flag) => flag.to_string(),
            Self::Date(date) => date.clone(),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }
}

/// Reads TOML. Faults of syntax are recorded, one a line; the entries hold what could be read.
pub(crate) fn parse(text: &str, faults: &Diagnostics) -> Entries {
    let lines = LineIndex::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut last_line = 0;
    for error in errors {
        let place = lines.place(error.span().map_or(0, |span| span.start));
        // What follows on the same line is mostly an echo of the first fault.
        if let ValueLocation::File { line, .. } = place
            && line != last_line
        {
            last_line = line;
            faults.add(place, format!("not TOML: {}", error.message().replace('\n', ", ")));
        }
    }
    entries(table.get_ref(), &|offset| lines.place(offset))
}

/// Reads the value of a flag: TOML where it is TOML, otherwise the bare text.
pub(crate) fn parse_flag(text: &str, place: ValueLocation) -> Node {
    let value = match DeValue::parse(text) {
        Ok(value) => node(&value, &|_| place).value,
        Err(_) => TomlValue::Text(text.to_owned()),
    };
    Node { place, value, raw: Some(text.to_owned()) }
}

fn entries(table: &DeTable<'_>, place: &impl Fn(usize) -> ValueLocation) -> Entries {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        let key_place = place(key.span().start);
        (key.get_ref().to_string(), TreeEntry { key_place, node: node(value, place) })
    };
    table.iter().map(entry).collect()
}

fn node(value: &Spanned<DeValue<'_>>, place: &impl Fn(usize) -> ValueLocation) -> Node {
    let read = match value.get_ref() {
        DeValue::String(text) => TomlValue::Text(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| TomlValue::Float(far(number.as_str())), TomlValue::Whole),
        DeValue::Float(number) => TomlValue::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => TomlValue::Flag(*flag),
        DeValue::Datetime(date) => TomlValue::Date(date.to_string()),
        DeValue::Array(items) => {
            TomlValue::List(items.iter().map(|item| node(item, place)).collect())
        }
        DeValue::Table(table) => TomlValue::Table(entries(table, place)),
    };
    Node { place: place(value.span().start), value: read, raw: None }
}

/// A whole number too long for 128 bits: out of every range, whatever its exact value.
fn far(digits: &str) -> f64 {
    if digits.starts_with('-') { f64::MIN } else { f64::MAX }
}

/// Byte offsets to lines and columns.
struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    fn new(text: &'a str) -> Self {
        let after_each_newline = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_each_newline).collect() }
    }

    fn place(&self, offset: usize) -> ValueLocation {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        ValueLocation::File { line: count(line), column: count(before.chars().count() + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_know_their_places() {
        let faults = Diagnostics::new("a.toml", "");
        let tree = parse("x = 1\r\n[t]\r\n\"ä\" = 'ö'\r\n", &faults);
        faults.check().unwrap();
        assert_eq!(tree["x"].node.place, ValueLocation::File { line: 1, column: 5 });
        let TomlValue::Table(inner) = &tree["t"].node.value else { panic!("t is a table") };
        assert_eq!(inner["ä"].key_place, ValueLocation::File { line: 3, column: 1 });
        assert_eq!(inner["ä"].node.place, ValueLocation::File { line: 3, column: 7 });
    }

    #[test]
    fn each_broken_line_is_one_fault() {
        let faults = Diagnostics::new("a.toml", "");
        let tree = parse("seed = = 1\nname = \"x\"\nname = \"y\"\n[load\n", &faults);
        let lines = faults.check().unwrap_err().to_string();
        let starts: Vec<&str> = lines.lines().map(|line| &line[..12]).collect();
        assert_eq!(starts, ["a.toml:1:8: ", "a.toml:3:1: ", "a.toml:4:6: "], "{lines}");
        assert_eq!(tree["name"].node.value, TomlValue::Text("x".into()));
    }

    #[test]
    fn a_flag_is_toml_or_a_bare_word() {
        let value = |text| parse_flag(text, ValueLocation::Given("--set")).value;
        assert_eq!(value("30s"), TomlValue::Text("30s".into()));
        assert_eq!(value("\"30s\""), TomlValue::Text("30s".into()));
        assert_eq!(value("5"), TomlValue::Whole(5));
        assert_eq!(value("true"), TomlValue::Flag(true));
        assert!(matches!(value("[\"a\", \"b\"]"), TomlValue::List(items) if items.len() == 2));
    }
}
