//! Revenue in tumbling windows of event time: hours and days, in UTC.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use chrono::DateTime;

use crate::apps::summary::{Section, Value};

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;

/// What was sold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sales {
    /// Products.
    pub(crate) units: u64,
    /// Their prices, in cents.
    pub(crate) cents: u64,
}

impl AddAssign for Sales {
    fn add_assign(&mut self, more: Self) {
        self.units += more.units;
        self.cents = self.cents.saturating_add(more.cents);
    }
}

/// Sales by the window they fall into. The newest `windows_max` windows with sales stand by
/// themselves, everything older in one sum: the same ones for any order of arrival and merging.
#[derive(Debug, Clone)]
struct Windows {
    width_s: i64,
    /// By their number, counted from 1970.
    by_number: BTreeMap<i64, Sales>,
    windows_max: usize,
    earlier: Sales,
}

impl Windows {
    fn new(width_s: i64, windows_max: usize) -> Self {
        let by_number = BTreeMap::new();
        Self { width_s, by_number, windows_max: windows_max.max(1), earlier: Sales::default() }
    }

    fn add(&mut self, at_us: i64, sales: Sales) {
        *self.by_number.entry(at_us.div_euclid(1_000_000 * self.width_s)).or_default() += sales;
        self.trim();
    }

    fn merge(&mut self, other: &Self) {
        for (number, sales) in &other.by_number {
            *self.by_number.entry(*number).or_default() += *sales;
        }
        self.earlier += other.earlier;
        self.trim();
    }

    fn trim(&mut self) {
        while self.by_number.len() > self.windows_max
            && let Some((_, sales)) = self.by_number.pop_first()
        {
            self.earlier += sales;
        }
    }

    /// The newest `top` windows, oldest first, after the sum of all that is older.
    fn section(&self, title: &str, format: &str, top: usize) -> Section {
        let hidden = self.by_number.len().saturating_sub(top);
        let mut earlier = self.earlier;
        self.by_number.values().take(hidden).for_each(|sales| earlier += *sales);
        let mut section = Section::new(title);
        if earlier.units > 0 {
            section = section.row("earlier", Value::Cents(earlier.cents));
        }
        section.rows(self.by_number.iter().skip(hidden).map(|(number, sales)| {
            (date(number.saturating_mul(self.width_s), format), Value::Cents(sales.cents))
        }))
    }
}

/// Sales by the hour and by the day.
#[derive(Debug, Clone)]
pub(crate) struct Hours {
    hours: Windows,
    days: Windows,
}

impl Hours {
    /// At most so many hours, and as many days.
    pub(crate) fn new(hours_max: usize) -> Self {
        Self { hours: Windows::new(HOUR_S, hours_max), days: Windows::new(DAY_S, hours_max) }
    }

    pub(crate) fn add(&mut self, at_us: i64, sales: Sales) {
        self.hours.add(at_us, sales);
        self.days.add(at_us, sales);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.hours.merge(&other.hours);
        self.days.merge(&other.days);
    }

    /// Revenue of the newest `top` hours and days.
    pub(crate) fn sections(&self, top: usize) -> [Section; 2] {
        [
            self.hours.section("revenue per hour", "%Y-%m-%dT%H:00Z", top),
            self.days.section("revenue per day", "%Y-%m-%d", top),
        ]
    }
}

/// The date of a second since 1970; the bare number where it lies beyond the calendar.
fn date(second: i64, format: &str) -> String {
    DateTime::from_timestamp(second, 0)
        .map_or_else(|| format!("second {second}"), |date| date.format(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = HOUR_S * 1_000_000;

    fn sale(cents: u64) -> Sales {
        Sales { units: 1, cents }
    }

    #[test]
    fn windows_tumble_on_the_hour_and_on_the_day() {
        let mut hours = Hours::new(10);
        // 2024-01-15T23:59:59.999999Z and the microsecond after.
        let before_us = 1_705_363_199_999_999;
        hours.add(before_us, sale(100));
        hours.add(before_us + 1, sale(250));
        hours.add(-1, sale(7));
        let [by_hour, by_day] = hours.sections(10);
        let names: Vec<_> = by_hour.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["1969-12-31T23:00Z", "2024-01-15T23:00Z", "2024-01-16T00:00Z"]);
        assert_eq!(by_day.rows[1].name, "2024-01-15");
        assert_eq!(by_day.rows[2].value, Value::Cents(250));
    }

    #[test]
    fn the_limit_keeps_the_newest_hours_in_any_order_of_arrival() {
        let mut forward = Hours::new(2);
        let mut merged = Hours::new(2);
        for hour in [1, 2, 3, 4, 1] {
            forward.add(hour * HOUR_US, sale(hour.unsigned_abs()));
        }
        for part in [&[4, 1][..], &[1, 3, 2]] {
            let mut hours = Hours::new(2);
            for hour in part {
                hours.add(hour * HOUR_US, sale(hour.unsigned_abs()));
            }
            merged.merge(&hours);
        }
        assert_eq!(merged.sections(9), forward.sections(9));
        assert_eq!(forward.hours.earlier, Sales { units: 3, cents: 4 });
    }

    #[test]
    fn a_day_is_whole_though_its_hours_are_no_longer_kept() {
        let mut hours = Hours::new(2);
        (0..30).for_each(|hour| hours.add(hour * HOUR_US, sale(1)));
        let [by_hour, by_day] = hours.sections(1);
        let rows = |section: &Section| -> Vec<(String, Value)> {
            section.rows.iter().map(|row| (row.name.clone(), row.value)).collect()
        };
        let row = |name: &str, cents| (name.to_owned(), Value::Cents(cents));
        assert_eq!(rows(&by_hour), [row("earlier", 29), row("1970-01-02T05:00Z", 1)]);
        assert_eq!(rows(&by_day), [row("earlier", 24), row("1970-01-02", 6)]);
    }
}
