//! What an application has to say: totals to check against the books, tables to read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventType, cents};

/// The row of what a full table could not name.
pub const OTHER: &str = "(other)";

/// What an application has to say at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// The application's name.
    pub app: String,
    /// What can be compared with the generator's books.
    pub totals: Totals,
    /// Tables to read, in a fixed order.
    pub sections: Vec<Section>,
    /// What the application points at, by rule and user; compared with what was planted.
    pub flags: Vec<Flag>,
    /// How it went over time, one frame after the other; none where that is not of interest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
    /// Entries that no longer fitted into a bounded table. At 0 every figure is exact.
    pub dropped: u64,
}

/// The row of the events that came too late for an application.
pub(super) const LATE: &str = "late events";

impl Summary {
    /// Events that came further behind the newest of their partition than the application allows.
    #[must_use]
    pub fn late(&self) -> u64 {
        let rows = self.sections.iter().flat_map(|section| &section.rows);
        rows.filter(|row| row.name == LATE).fold(0, |late, row| match row.value {
            Value::Count(count) => late.saturating_add(count),
            _ => late,
        })
    }
}

/// Sums over all events, whatever the partitions were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    /// All events.
    pub events: u64,
    /// Events by [`EventType::index`].
    pub by_type: [u64; 5],
    /// Prices of all purchases, in cents.
    pub revenue_cents: u64,
    /// Products put into a cart.
    pub carts: u64,
    /// Products bought.
    pub purchases: u64,
    /// Sessions begun; `None` where the application doesn't follow sessions.
    pub sessions: Option<u64>,
    /// Different users; `None` where the application doesn't know all of them.
    pub users: Option<u64>,
}

impl Totals {
    /// Counts one event.
    pub(super) fn count(&mut self, event: &Event<'_>) {
        self.events += 1;
        self.by_type[event.event_type.index()] += 1;
        match event.event_type {
            EventType::AddToCart => self.carts += 1,
            EventType::Purchase => {
                self.purchases += 1;
                self.revenue_cents = self.revenue_cents.saturating_add(price_cents(event));
            }
            EventType::PageView | EventType::Click | EventType::Search => {}
        }
    }

    /// Adds the counts of another partition. Sessions and users are the application's to fill in.
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        for (count, more) in self.by_type.iter_mut().zip(other.by_type) {
            *count += more;
        }
        self.revenue_cents = self.revenue_cents.saturating_add(other.revenue_cents);
        self.carts += other.carts;
        self.purchases += other.purchases;
    }
}

/// What a purchase brings, in cents; 0 where a foreign event has no price.
pub(super) fn price_cents(event: &Event<'_>) -> u64 {
    event.properties.price.map_or(0, cents)
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Section {
    /// The heading.
    pub title: String,
    /// In the order of reading.
    pub rows: Vec<Row>,
}

impl Section {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new() }
    }

    /// Appends a row.
    pub(super) fn row(mut self, name: impl Into<String>, value: Value) -> Self {
        self.rows.push(Row { name: name.into(), value });
        self
    }

    /// Appends rows.
    pub(super) fn rows<N: Into<String>>(
        mut self,
        rows: impl IntoIterator<Item = (N, Value)>,
    ) -> Self {
        self.rows.extend(rows.into_iter().map(|(name, value)| Row { name: name.into(), value }));
        self
    }
}

/// One line of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Row {
    /// What is counted.
    pub name: String,
    /// How much of it.
    pub value: Value,
}

/// A figure. All are whole numbers, so that equal figures are equal bytes; a quotient keeps its
/// two parts, and is divided only to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A number of things.
    Count(u64),
    /// Money, in cents.
    Cents(u64),
    /// A duration, in milliseconds.
    Ms(u64),
    /// A part of a whole.
    Share {
        /// The part.
        part: u64,
        /// The whole; with 0 there is no share.
        whole: u64,
    },
    /// A part of a whole, of which the part itself is of interest.
    Part {
        /// The part.
        part: u64,
        /// The whole; with 0 there is no share.
        whole: u64,
    },
    /// A step on the way from a beginning to an end.
    Step {
        /// How many took it.
        count: u64,
        /// How many took the step before.
        before: u64,
        /// How many there were at the beginning.
        whole: u64,
    },
    /// A sum over several.
    Mean {
        /// The sum.
        sum: u64,
        /// Over how many; with 0 there is no mean.
        count: u64,
    },
    /// How many times as much as before.
    Factor {
        /// Now.
        part: u64,
        /// Before; with 0 there is no factor.
        whole: u64,
    },
    /// A number of things in a span of time.
    Rate {
        /// The number.
        count: u64,
        /// The span, in milliseconds; with 0 there is no rate.
        span_ms: u64,
    },
}

/// A stretch of event time, with what went on in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Frame {
    /// Its begin: microseconds since 1970, UTC.
    pub from_us: i64,
    /// Figures, the same ones in every frame.
    pub figures: Vec<Row>,
    /// What came most often, most first; the names differ from frame to frame.
    pub top: Vec<Row>,
}

/// What a rule of an application points at: a user in a session, or else what the evidence
/// names. Once, however often the rule was met.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Flag {
    /// The rule's name.
    pub rule: String,
    /// Who; empty where the rule is about an address.
    pub user_id: String,
    /// In which session; empty where the rule is about an address.
    pub session_id: String,
    /// Why, in a few words with the numbers.
    #[serde(default)]
    pub evidence: String,
    /// Events that met the rule.
    pub hits: u64,
    /// Time of the first hit: microseconds since 1970, UTC.
    pub first_us: i64,
    /// Time of the last hit: microseconds since 1970, UTC.
    pub last_us: i64,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quotient = |part: u64, of: u64| part as f64 / of as f64;
        let percent = |part, whole| Self::Share { part, whole };
        match *self {
            Self::Count(count) => f.pad(&grouped(count)),
            Self::Cents(cents) => f.pad(&format!("${}.{:02}", grouped(cents / 100), cents % 100)),
            Self::Ms(ms) => f.pad(&format!("{}.{:03} s", grouped(ms / 1_000), ms % 1_000)),
            Self::Share { whole: 0, .. }
            | Self::Factor { whole: 0, .. }
            | Self::Mean { count: 0, .. }
            | Self::Rate { span_ms: 0, .. } => f.pad("n/a"),
            Self::Share { part, whole } => {
                f.pad(&format!("{:.2} %", 100.0 * quotient(part, whole)))
            }
            Self::Factor { part, whole } => f.pad(&format!("x {:.2}", quotient(part, whole))),
            Self::Part { part, whole } => {
                f.pad(&format!("{} {:>9}", grouped(part), percent(part, whole)))
            }
            Self::Step { count, before, whole } => f.pad(&format!(
                "{} {:>9} {:>9}",
                grouped(count),
                percent(count, before),
                percent(count, whole)
            )),
            Self::Mean { sum, count } => f.pad(&format!("{:.2}", quotient(sum, count))),
            Self::Rate { count, span_ms } => {
                f.pad(&format!("{:.1}/s", 1_000.0 * quotient(count, span_ms)))
            }
        }
    }
}

/// A whole number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        write!(f, "{}: {} events", self.app, grouped(totals.events))?;
        for kind in EventType::ALL {
            write!(f, ", {} {}", grouped(totals.by_type[kind.index()]), kind.name())?;
        }
        writeln!(f, "; revenue {}", Value::Cents(totals.revenue_cents))?;
        if self.dropped > 0 {
            writeln!(f, "  {} entries fell out of full tables", grouped(self.dropped))?;
        }
        for section in &self.sections {
            let width = section.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
            writeln!(f, "  {}", section.title)?;
            for row in &section.rows {
                writeln!(f, "    {:width$}  {:>14}", row.name, row.value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_in_their_units() {
        let texts = [
            (Value::Count(1_234_567), "1,234,567"),
            (Value::Cents(99_999), "$999.99"),
            (Value::Ms(61_005), "61.005 s"),
            (Value::Share { part: 1, whole: 8 }, "12.50 %"),
            (Value::Share { part: 0, whole: 0 }, "n/a"),
            (Value::Part { part: 1_250, whole: 5_000 }, "1,250   25.00 %"),
            (Value::Part { part: 0, whole: 0 }, "0       n/a"),
            (Value::Step { count: 20, before: 40, whole: 20 }, "20   50.00 %  100.00 %"),
            (Value::Mean { sum: 7, count: 2 }, "3.50"),
            (Value::Factor { part: 9, whole: 4 }, "x 2.25"),
            (Value::Rate { count: 30, span_ms: 2_000 }, "15.0/s"),
        ];
        for (value, text) in texts {
            assert_eq!(value.to_string(), text);
        }
        assert_eq!(format!("[{:>6}]", Value::Count(12)), "[    12]");
    }

    #[test]
    fn a_summary_reads_well_and_survives_its_json() {
        let totals = Totals { events: 1_200, by_type: [1_200, 0, 0, 0, 0], ..Totals::default() };
        let section = Section::new("pages").row("/", Value::Count(3)).row("/cart", Value::Count(1));
        let (sections, dropped) = (vec![section], 2);
        let summary = Summary { app: "a".into(), totals, sections, dropped, ..Summary::default() };
        let text = summary.to_string();
        assert!(text.starts_with("a: 1,200 events, 1,200 page_view, 0 click"), "{text}");
        assert!(text.contains("  2 entries fell out"), "{text}");
        assert!(text.contains("    /cart               1\n"), "{text}");
        let json = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
    }
}
