//! Figures as people read them.

/// A count with its thousands apart: `1 234 567`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Three digits and a unit; `n/a` where there were not enough samples.
#[must_use]
pub fn duration(value_ns: Option<i64>) -> String {
    let Some(value_ns) = value_ns else {
        return "n/a".to_owned();
    };
    let magnitude = value_ns.unsigned_abs() as f64;
    let (scale, unit) = match magnitude {
        v if v < 999.5 => return format!("{value_ns} ns"),
        v if v < 999_500.0 => (1e3, "µs"),
        v if v < 999_500_000.0 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let value = value_ns as f64 / scale;
    match value.abs() {
        v if v < 9.995 => format!("{value:.2} {unit}"),
        v if v < 99.95 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

/// A latency; of one without end, that it has none.
#[must_use]
pub fn ns(value_ns: f64) -> String {
    if value_ns.is_infinite() {
        return "endless".to_owned();
    }
    duration(Some(value_ns.round() as i64))
}

/// A share in percent, with a digit behind the point: `12.3 %`; `n/a` where it is not known.
#[must_use]
pub fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "n/a".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

/// A part of a whole in percent, in two digits: `9.9 %`, `10 %`; `n/a` of nothing.
#[must_use]
pub fn percent_of(part: u64, whole: u64) -> String {
    match whole {
        0 => "n/a".to_owned(),
        whole => match 100.0 * part as f64 / whole as f64 {
            share if share > 0.0 && share < 9.95 => format!("{share:.1} %"),
            share => format!("{share:.0} %"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let shown: Vec<String> =
            [0, 999, 1_234, 45_678, 999_600, 1_234_567, 99_960_000, 12_345_678_901, -1_500]
                .map(|value| duration(Some(value)))
                .to_vec();
        let expected = [
            "0 ns",
            "999 ns",
            "1.23 µs",
            "45.7 µs",
            "1.00 ms",
            "1.23 ms",
            "100 ms",
            "12.3 s",
            "-1.50 µs",
        ];
        assert_eq!(shown, expected);
        assert_eq!(duration(None), "n/a");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn a_share_has_a_digit_behind_the_point_where_it_needs_one() {
        assert_eq!([None, Some(0.1234), Some(1.0)].map(percent), ["n/a", "12.3 %", "100.0 %"]);
        let of = [(1, 0), (0, 7), (1, 1_000), (995, 10_000), (2, 3)];
        let shown = of.map(|(part, whole)| percent_of(part, whole));
        assert_eq!(shown, ["n/a", "0 %", "0.1 %", "10 %", "67 %"]);
    }
}
