//! Points in time as text; all in UTC.

use chrono::{DateTime, SecondsFormat, Utc};

use super::clock::wall_clock_us;

/// RFC 3339 in whole seconds; of microseconds since 1970, as all here.
#[must_use]
pub fn seconds(wall_us: i64) -> String {
    rfc3339(wall_us, SecondsFormat::Secs)
}

/// RFC 3339 in milliseconds.
#[must_use]
pub fn millis(wall_us: i64) -> String {
    rfc3339(wall_us, SecondsFormat::Millis)
}

/// RFC 3339 in microseconds.
#[must_use]
pub fn micros(wall_us: i64) -> String {
    rfc3339(wall_us, SecondsFormat::Micros)
}

/// A date as part of a folder's name: `20261123T101500Z`.
#[must_use]
pub fn in_name(wall_us: i64) -> String {
    time(wall_us).format("%Y%m%dT%H%M%SZ").to_string()
}

/// The time of day: `10:15:00Z`.
#[must_use]
pub fn time_of_day(wall_us: i64) -> String {
    time(wall_us).format("%H:%M:%SZ").to_string()
}

/// The time of day now.
#[must_use]
pub fn now() -> String {
    time_of_day(wall_clock_us())
}

fn rfc3339(wall_us: i64, digits: SecondsFormat) -> String {
    time(wall_us).to_rfc3339_opts(digits, true)
}

/// 1970 where it lies beyond the calendar.
fn time(wall_us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(wall_us).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_has_the_digits_that_its_place_asks_for() {
        let at_us = 1_764_245_700_123_456;
        assert_eq!(seconds(at_us), "2025-11-27T12:15:00Z");
        assert_eq!(millis(at_us), "2025-11-27T12:15:00.123Z");
        assert_eq!(micros(at_us), "2025-11-27T12:15:00.123456Z");
        assert_eq!(in_name(at_us), "20251127T121500Z");
        assert_eq!(time_of_day(at_us), "12:15:00Z");
        assert_eq!(seconds(i64::MAX), "1970-01-01T00:00:00Z");
    }
}
