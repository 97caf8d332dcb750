//! `[thresholds]`: what a run's figures must keep to. Checked before anything is opened: a
//! threshold on a name that matches nothing must not pass.

use serde::Serialize;

use super::metric::{Metric, Unit};
use super::toml::diagnostics::ValueLocation;
use super::toml::reader::TomlTable;
use super::toml::tree::{Entries, Node, TomlValue};

/// How a figure relates to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Relation {
    /// `<`
    #[serde(rename = "<")]
    Less,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `>`
    #[serde(rename = ">")]
    More,
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
    /// `==`
    #[serde(rename = "==")]
    Equal,
}

/// Longer signs first: `<=` starts with `<`.
const RELATIONS: [(&str, Relation); 5] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("==", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::More),
];

impl Relation {
    /// Cuts the sign off the front of a text.
    #[must_use]
    pub fn cut(text: &str) -> Option<(Self, &str)> {
        RELATIONS.iter().find_map(|(sign, relation)| {
            text.trim_start().strip_prefix(sign).map(|rest| (*relation, rest.trim()))
        })
    }

    /// Whether what holds for a figure holds for all that are less.
    #[must_use]
    pub const fn is_upper(self) -> bool {
        matches!(self, Self::Less | Self::AtMost)
    }

    /// Whether it holds.
    #[must_use]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::More => value > limit,
            Self::AtLeast => value >= limit,
            // Counts: whole numbers, far below where they lose their last digit.
            Self::Equal => (value - limit).abs() < 0.5,
        }
    }
}

/// What one figure must keep to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// The figure.
    pub metric: Metric,
    /// How it relates to the limit when all is well.
    pub relation: Relation,
    /// In the metric's unit.
    pub limit: f64,
    /// The relation and the limit as they were written.
    pub text: String,
}

impl Threshold {
    /// Reads `< 50ms` for a metric.
    ///
    /// # Errors
    /// What is wrong, and what was expected.
    pub fn parse(metric: Metric, text: &str) -> Result<Self, String> {
        let expected = example(metric.unit());
        let Some((relation, limit)) = Relation::cut(text) else {
            return Err(format!("{text:?} has no <, <=, >, >= or ==; expected {expected}"));
        };
        let limit = limit_of(metric.unit(), limit)
            .map_err(|what| format!("{text:?}: {what}; expected {expected}"))?;
        if relation == Relation::Equal && metric.unit() != Unit::Count {
            return Err(format!(
                "{text:?}: what is measured is never equal to the last digit; expected {expected}"
            ));
        }
        Ok(Self { metric, relation, limit, text: text.trim().to_owned() })
    }
}

const fn example(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanoseconds => "a time, such as \"< 50ms\"",
        Unit::Microseconds => "microseconds, such as \"< 40us\"",
        Unit::PerSecond => "events per second, such as \"> 9_900/s\"",
        Unit::Count => "a count, such as \"== 0\"",
        Unit::Ratio => "a number, such as \"> 2.5\"",
    }
}

fn limit_of(unit: Unit, text: &str) -> Result<f64, String> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_')));
    let (digits, suffix) = text.split_at(split.unwrap_or(text.len()));
    let suffix = suffix.trim_start();
    let number: f64 = match digits.replace('_', "").parse() {
        Ok(number) if digits.starts_with(|c: char| c.is_ascii_digit()) => number,
        _ => return Err(format!("{text:?} is not a limit")),
    };
    let factor = match (unit, suffix) {
        (Unit::Nanoseconds, "ns")
        | (Unit::Microseconds, "us" | "µs")
        | (Unit::PerSecond, "/s")
        | (Unit::Ratio, "") => 1.0,
        (Unit::Nanoseconds, "us" | "µs") => 1e3,
        (Unit::Nanoseconds, "ms") => 1e6,
        (Unit::Nanoseconds, "s") => 1e9,
        (Unit::Count, "") if number.fract() == 0.0 => 1.0,
        (Unit::Count, "") => return Err(format!("{digits} is not a whole number")),
        (_, "") => return Err(format!("{digits} has no unit")),
        _ => return Err(format!("{suffix:?} is not a unit of it")),
    };
    Ok(number * factor)
}

/// Reads the table; `apps` are those that run.
pub(crate) fn resolve(table: &TomlTable<'_>, apps: &[&str]) -> Vec<Threshold> {
    let mut found = Vec::new();
    collect(table.all(), "", &mut found);
    // A flag wins over the file.
    let given = |node: &Node| !matches!(node.place, ValueLocation::File { .. });
    let overruled: Vec<String> =
        found.iter().filter(|found| given(found.2)).map(|found| found.0.clone()).collect();
    found.retain(|(name, _, node)| given(node) || !overruled.contains(name));
    let mut thresholds = Vec::new();
    for (name, place, node) in found {
        let fault = |place: ValueLocation, what: &str| {
            table.faults().add(place, format!("{}: {what}", table.path(&name)));
        };
        let metric = match Metric::find(&name, apps.iter().copied()) {
            Ok(metric) => metric,
            Err(what) => {
                fault(place, &what);
                continue;
            }
        };
        let items = match &node.value {
            TomlValue::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        for item in items {
            let read = match &item.value {
                TomlValue::Text(text) => Threshold::parse(metric.clone(), text),
                other => {
                    let expected = example(metric.unit());
                    Err(format!("{} is wrong here; expected {expected}", other.shown()))
                }
            };
            match read {
                Ok(threshold) => thresholds.push(threshold),
                Err(what) => fault(item.place, &what),
            }
        }
    }
    thresholds
}

/// Nested tables and quoted keys alike: `fraud.e2e.p99 = "..."` is both to a user.
fn collect<'a>(
    entries: &'a Entries,
    prefix: &str,
    found: &mut Vec<(String, ValueLocation, &'a Node)>,
) {
    for (key, entry) in entries {
        let name = format!("{prefix}{key}");
        match &entry.node.value {
            TomlValue::Table(inner) => collect(inner, &format!("{name}."), found),
            _ => found.push((name, entry.key_place, &entry.node)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str) -> Result<(Relation, f64), String> {
        let metric = Metric::find(name, ["fraud"]).unwrap();
        Threshold::parse(metric, text).map(|threshold| (threshold.relation, threshold.limit))
    }

    #[test]
    fn limits_have_the_unit_of_their_metric() {
        assert_eq!(parse("fraud.e2e.p99", "< 50ms"), Ok((Relation::Less, 50e6)));
        assert_eq!(parse("fraud.e2e.p99", "<=1.5s"), Ok((Relation::AtMost, 1.5e9)));
        assert_eq!(parse("fraud.e2e.p99", " < 700 us "), Ok((Relation::Less, 700e3)));
        assert_eq!(parse("throughput", ">= 9_900/s"), Ok((Relation::AtLeast, 9_900.0)));
        assert_eq!(parse("cpu_us_per_event", "< 40us"), Ok((Relation::Less, 40.0)));
        assert_eq!(parse("ledger.missing", "== 0"), Ok((Relation::Equal, 0.0)));
        assert_eq!(parse("wire.ratio", "> 2.5"), Ok((Relation::More, 2.5)));
    }

    #[test]
    fn a_wrong_limit_says_what_was_expected() {
        let says = |name: &str, text: &str, words: &str| {
            let error = parse(name, text).unwrap_err();
            assert!(error.contains(words) && error.contains("expected"), "{text}: {error}");
        };
        says("fraud.e2e.p99", "< 50", "has no unit");
        says("fraud.e2e.p99", "50ms", "has no <");
        says("fraud.e2e.p99", "< 50 apples", "is not a unit");
        says("fraud.e2e.p99", "== 50ms", "never equal");
        says("fraud.e2e.p99", "< -5ms", "is not a limit");
        says("fraud.e2e.p99", "<", "is not a limit");
        says("throughput", "> 5ms", "is not a unit");
        says("throughput", "> 99", "has no unit");
        says("ledger.missing", "< 0.5", "not a whole number");
        says("ledger.missing", "== 0/s", "is not a unit");
    }

    #[test]
    fn relations_hold_or_not() {
        let holds = |text: &str, value: f64| Relation::cut(text).unwrap().0.holds(value, 2.0);
        assert!(holds("<", 1.9) && !holds("<", 2.0) && holds("<=", 2.0) && !holds("<=", 2.1));
        assert!(holds(">", 2.1) && !holds(">", 2.0) && holds(">=", 2.0) && !holds(">=", 1.9));
        assert!(holds("==", 2.0) && !holds("==", 3.0));
    }
}
