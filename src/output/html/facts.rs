//! The plain members of an object of the result, in words: `slip_p99_ns: 157311` is "slip p99",
//! "157 µs". A result's names end with their units.

use maud::{Markup, html};
use serde_json::Value;

use crate::base::text::{count, duration};

/// An object's plain members, names and values.
pub(super) fn facts(title: &str, object: &Value) -> Markup {
    let empty = serde_json::Map::new();
    let members = object.as_object().unwrap_or(&empty).iter();
    html! {
        div.scroll tabindex="0" {
            table {
                caption { (title) }
                tbody {
                    @for (name, value) in members {
                        @if let Some((name, value)) = fact(name, value) {
                            tr { td { (name) } td.text { (value) } }
                        }
                    }
                }
            }
        }
    }
}

/// A member's name without its unit, and its value with it; lists of objects are elsewhere.
fn fact(name: &str, value: &Value) -> Option<(String, String)> {
    let (plain, unit) = unit_of(name);
    let text = match value {
        Value::Null => "n/a".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => unit.show(number.as_f64()?),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) if items.iter().all(|item| item.is_string() || item.is_number()) => {
            let words = items.iter().map(|item| item.to_string().trim_matches('"').to_owned());
            words.collect::<Vec<_>>().join(", ")
        }
        Value::Array(_) | Value::Object(_) => return None,
    };
    Some((plain, text))
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum NumberUnit {
    /// Time, in units of so many nanoseconds.
    Time(f64),
    PerSecond,
    Bytes,
    Share,
    Plain,
}

/// The units that names end with; the longer of two before the shorter.
const UNITS: [(&str, NumberUnit); 7] = [
    ("_per_s", NumberUnit::PerSecond),
    ("_ns", NumberUnit::Time(1.0)),
    ("_us", NumberUnit::Time(1e3)),
    ("_ms", NumberUnit::Time(1e6)),
    ("_s", NumberUnit::Time(1e9)),
    ("_bytes", NumberUnit::Bytes),
    ("_share", NumberUnit::Share),
];

fn unit_of(name: &str) -> (String, NumberUnit) {
    let words = |name: &str| name.replace('_', " ");
    let ending = UNITS.iter().find_map(|(end, unit)| Some((name.strip_suffix(end)?, *unit)));
    match (ending, name.split_once("_us_per_")) {
        (Some((_, NumberUnit::Share)), _) => (words(name), NumberUnit::Share),
        (Some((plain, unit)), _) => (words(plain), unit),
        (None, Some((cost, each))) => (words(&format!("{cost}_per_{each}")), NumberUnit::Time(1e3)),
        (None, None) => (words(name), NumberUnit::Plain),
    }
}

impl NumberUnit {
    fn show(self, value: f64) -> String {
        let whole = |value: f64| count(value.round().max(0.0) as u64);
        match self {
            Self::Time(ns) => duration(Some((value * ns).round() as i64)),
            Self::PerSecond => format!("{}/s", whole(value)),
            Self::Bytes if value < 1e6 => format!("{:.1} kB", value / 1e3),
            Self::Bytes if value < 1e9 => format!("{:.1} MB", value / 1e6),
            Self::Bytes => format!("{:.1} GB", value / 1e9),
            Self::Share => format!("{:.2} %", 100.0 * value),
            Self::Plain if value >= 0.0 && value.fract() == 0.0 => whole(value),
            Self::Plain => format!("{value:.2}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_value_has_its_unit_and_no_more_digits_than_it_means() {
        let said = |name: &str, value: Value| {
            fact(name, &value).map(|(name, value)| format!("{name}: {value}"))
        };
        let cases = [
            ("slip_p99_ns", json!(157_311), "slip p99: 157 µs"),
            ("wall_step_max_us", json!(-2), "wall step max: -2.00 µs"),
            ("cpu_us_per_event", json!(11.488_925_759_6), "cpu per event: 11.5 µs"),
            ("cpu_s", json!(91.949_843), "cpu: 91.9 s"),
            ("ceiling_per_s", json!(2_510_368.9), "ceiling: 2 510 369/s"),
            ("memory_peak_bytes", json!(320_270_336), "memory peak: 320.3 MB"),
            ("wire_bytes", json!(512), "wire: 0.5 kB"),
            ("late_share", json!(0.000_312), "late share: 0.03 %"),
            ("lag_at_end_records", json!(12_345), "lag at end records: 12 345"),
            ("load_before", json!(2.12), "load before: 2.12"),
            ("cores", json!(4), "cores: 4"),
            ("governor", Value::Null, "governor: n/a"),
            ("features", json!([]), "features: none"),
            ("leaders_after", json!([1, 1, 2]), "leaders after: 1, 1, 2"),
        ];
        for (name, value, expected) in cases {
            assert_eq!(said(name, value).as_deref(), Some(expected));
        }
        assert_eq!(said("versions", json!([{ "broker": "1" }])), None);
    }
}
