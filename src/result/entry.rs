//! What a result must be that comes from a file, checked where it is read: names that become
//! paths, tags and columns, dates, and rows that rise. What is wrong is told by serde with its
//! place in the file.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::Interval;
use crate::base::visible::{is_hidden, visible};
use crate::plan::toml::names::{NAME_CHARS_MAX, is_name_char};

/// Longest name of a consumer group, in bytes.
const GROUP_BYTES_MAX: usize = 255;

/// Most characters of a text that a message quotes.
const QUOTED_CHARS_MAX: usize = 60;

/// A text, or what was expected instead.
fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
    is_legal: impl Fn(&str) -> bool,
    expected: &str,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_legal(&text) {
        return Ok(text);
    }
    let quoted: String = visible(&text).chars().take(QUOTED_CHARS_MAX).collect();
    Err(D::Error::custom(format!("\"{quoted}\" is out of place; expected {expected}")))
}

/// The number of a run, a sweep or a race.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let is_legal = |text: &str| (1..=16).contains(&text.len()) && text.chars().all(is_digit);
    text(deserializer, is_legal, "a number of 1 to 16 hexadecimal digits")
}

/// The date of a start.
pub(crate) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let is_legal = |text: &str| {
        text.len() <= 40 && chrono::DateTime::parse_from_rfc3339(text).is_ok() && text.is_ascii()
    };
    text(deserializer, is_legal, "a date such as 2026-11-23T10:15:00Z")
}

/// The name of a scenario or an application: part of a path, of a tag, of a column.
pub(crate) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let expected = format!("a name of 1 to {NAME_CHARS_MAX} letters, digits, dots, '_' or '-'");
    text(deserializer, is_name, &expected)
}

fn is_name(text: &str) -> bool {
    // Of ASCII only, so that bytes are characters.
    (1..=NAME_CHARS_MAX).contains(&text.len()) && text.chars().all(is_name_char)
}

/// The name of a consumer group.
pub(crate) fn group<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let is_legal = |text: &str| text.len() <= GROUP_BYTES_MAX && !text.contains(is_hidden);
    text(deserializer, is_legal, "a group's name of at most 255 bytes")
}

/// A folder within another: one step down, and nothing else.
pub(crate) fn folder<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(deserializer, is_folder, "the name of a folder within the sweep's")
}

fn is_folder(text: &str) -> bool {
    let is_legal = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.len() <= 255 && !text.starts_with('.') && text.chars().all(is_legal)
}

/// Rows over time: they begin at 0 or later, and each is later than the one before.
pub(super) fn series<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Interval>, D::Error> {
    let rows = Vec::<Interval>::deserialize(deserializer)?;
    rising(rows.iter().map(|row| row.from_s), "series").map_err(D::Error::custom)?;
    Ok(rows)
}

pub(super) fn rising(times_s: impl Iterator<Item = f64>, what: &str) -> Result<(), String> {
    let mut before_s: Option<f64> = None;
    for at_s in times_s {
        if at_s < 0.0 || before_s.is_some_and(|before_s| at_s <= before_s) {
            let before = before_s.map_or("0".to_owned(), |before_s| format!("{before_s}"));
            return Err(format!("{what}: {at_s} s after {before} s; expected times that rise"));
        }
        before_s = Some(at_s);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_name_that_becomes_a_path_is_one_step_down_at_most() {
        let of = |read: fn(Value) -> Result<String, serde_json::Error>, text: &str| {
            read(json!(text)).map_err(|error| error.to_string())
        };
        for bad in ["", "x/../../escaped", "../x", "/x", "A", "0123456789abcdef0", "1\u{202e}"] {
            let said = of(number, bad).unwrap_err();
            assert!(said.ends_with("expected a number of 1 to 16 hexadecimal digits"), "{said}");
        }
        assert_eq!(of(number, "1a2b3c4d").unwrap(), "1a2b3c4d");
        for bad in ["", "../../x", "2026-11-23", "2026-11-23T10:15:00Z/../x", "yesterday\n"] {
            assert!(of(date, bad).is_err(), "{bad}");
        }
        assert!(of(date, "2026-11-23T10:15:00.123456Z").is_ok());
        for bad in ["", "a/b", "a,b", "a b", "a\nVALID", &"x".repeat(101), "ä"] {
            assert!(of(name, bad).is_err(), "{bad}");
        }
        assert!(of(name, "load-test_1.2").is_ok());
        for bad in ["", ".", "..", "../x", "/etc", "a/b", ".hidden", "a\0"] {
            assert!(of(folder, bad).is_err(), "{bad}");
        }
        assert!(of(folder, "007-partitions_3-workers_2").is_ok());
        assert!(of(group, "a\u{202e}b").is_err() && of(group, "fraud-detectors").is_ok());
    }

    #[test]
    fn times_rise() {
        for (times, holds) in [
            (&[0.0, 1.0, 2.0][..], true),
            (&[], true),
            (&[-1.0], false),
            (&[0.0, 0.0], false),
            (&[0.0, 2.0, 1.0], false),
        ] {
            assert_eq!(rising(times.iter().copied(), "series").is_ok(), holds, "{times:?}");
        }
    }
}
