//! Revenue in tumbling windows of an hour, and in days made of them.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use chrono::DateTime;

use super::summary::{Section, Value};
use super::tally::Amount;

const HOUR_US: i64 = 3_600_000_000;

/// What was sold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sales {
    /// Products.
    pub(super) units: u64,
    /// Their prices, in cents.
    pub(super) cents: u64,
}

impl AddAssign for Sales {
    fn add_assign(&mut self, more: Self) {
        self.units += more.units;
        self.cents = self.cents.saturating_add(more.cents);
    }
}

impl Amount for Sales {
    fn size(&self) -> u64 {
        self.units
    }

    fn value(&self) -> Value {
        Value::Count(self.units)
    }
}

/// Sales by the hour they fall into. The newest `hours_max` hours with sales stand by themselves,
/// everything older in one sum: the same hours for any order of arrival and any merging.
#[derive(Debug, Clone)]
pub(super) struct Hours {
    /// By hours since 1970.
    by_hour: BTreeMap<i64, Sales>,
    hours_max: usize,
    earlier: Sales,
}

impl Hours {
    pub(super) fn new(hours_max: usize) -> Self {
        Self { by_hour: BTreeMap::new(), hours_max: hours_max.max(1), earlier: Sales::default() }
    }

    pub(super) fn add(&mut self, at_us: i64, sales: Sales) {
        *self.by_hour.entry(at_us.div_euclid(HOUR_US)).or_default() += sales;
        self.trim();
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (hour, sales) in &other.by_hour {
            *self.by_hour.entry(*hour).or_default() += *sales;
        }
        self.earlier += other.earlier;
        self.trim();
    }

    fn trim(&mut self) {
        while self.by_hour.len() > self.hours_max
            && let Some((_, sales)) = self.by_hour.pop_first()
        {
            self.earlier += sales;
        }
    }

    /// Revenue per hour and per day, oldest first, in UTC.
    pub(super) fn sections(&self) -> [Section; 2] {
        let mut days = BTreeMap::<i64, u64>::new();
        for (hour, sales) in &self.by_hour {
            let cents = days.entry(hour.div_euclid(24)).or_default();
            *cents = cents.saturating_add(sales.cents);
        }
        let by_hour = self
            .by_hour
            .iter()
            .map(|(hour, sales)| (date(*hour, "%Y-%m-%dT%H:00Z"), Value::Cents(sales.cents)));
        let by_day = days
            .iter()
            .map(|(day, cents)| (date(day.saturating_mul(24), "%Y-%m-%d"), Value::Cents(*cents)));
        let mut sections = [
            Section::new("revenue per hour").rows(by_hour),
            Section::new("revenue per day").rows(by_day),
        ];
        if self.earlier.units > 0 {
            for section in &mut sections {
                let row = (String::from("earlier"), Value::Cents(self.earlier.cents));
                *section = std::mem::replace(section, Section::new("")).rows([row]);
            }
        }
        sections
    }
}

/// The date of an hour since 1970; the bare number where it lies beyond the calendar.
fn date(hour: i64, format: &str) -> String {
    hour.checked_mul(3_600)
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map_or_else(|| format!("hour {hour}"), |date| date.format(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let [by_hour, by_day] = hours.sections();
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
        assert_eq!(merged.sections(), forward.sections());
        assert_eq!(forward.earlier, Sales { units: 3, cents: 4 });
    }
}
