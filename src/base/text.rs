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
}
