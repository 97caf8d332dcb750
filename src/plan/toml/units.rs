//! Durations as people write them.

use std::time::Duration;

/// What to write, for the messages.
const EXAMPLE: &str = r#"expected a duration such as "30s" or "5m""#;

/// Reads a duration such as `"500ms"`, `"1.5s"` or `"1m30s"`.
///
/// Stricter than `humantime`, which also takes words, blanks, a bare 0, and `M` for months: in a
/// load test `"5M"` is a slip for `"5m"`.
///
/// # Errors
///
/// One line that says what is wrong and what was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    if text.trim().is_empty() {
        return Err(format!("is empty; {EXAMPLE}"));
    }
    if text.starts_with('-') {
        return Err(format!("{text:?} is negative; {EXAMPLE}"));
    }
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(format!("{text:?} has no unit; {EXAMPLE}"));
    }
    if !well_formed(text) {
        return Err(format!(
            "{text:?} is not a duration; {EXAMPLE} (units are us, ms, s, m, h and d)"
        ));
    }
    let duration = humantime::parse_duration(text)
        .map_err(|_| format!("{text:?} is too long or too fine; {EXAMPLE}"))?;
    if !duration.subsec_nanos().is_multiple_of(1000) {
        return Err(format!("{text:?} is finer than a microsecond; {EXAMPLE}"));
    }
    Ok(duration)
}

/// What to write for a size.
const SIZE_EXAMPLE: &str = r#"expected a size such as "512B", "2kB" or "1MiB""#;

/// Reads a size such as `"512B"`, `"2kB"` or `"1.5MiB"`, in bytes.
///
/// # Errors
///
/// One line that says what is wrong and what was expected.
pub(super) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u128); 5] = [
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("KiB", 1_024),
        ("MiB", 1_048_576),
        // Last: the others end with it too.
        ("B", 1),
    ];
    if text.trim().is_empty() {
        return Err(format!("is empty; {SIZE_EXAMPLE}"));
    }
    if text.starts_with('-') {
        return Err(format!("{text:?} is negative; {SIZE_EXAMPLE}"));
    }
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(format!("{text:?} has no unit; {SIZE_EXAMPLE}"));
    }
    let split = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let Some((digits, unit_bytes)) = split.filter(|(digits, _)| is_decimal(digits)) else {
        return Err(format!(
            "{text:?} is not a size; {SIZE_EXAMPLE} (units are B, kB, MB, KiB and MiB)"
        ));
    };
    exact(digits, unit_bytes).ok_or_else(|| {
        format!("{text:?} is too large or not a whole number of bytes; {SIZE_EXAMPLE}")
    })
}

/// `digits` times `unit`, where that is a whole number. Binary fractions would miss `"1.001kB"`.
fn exact(digits: &str, unit: u128) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let parts = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let all = format!("{whole}{fraction}").parse::<u128>().ok()?.checked_mul(unit)?;
    all.is_multiple_of(parts).then_some(all / parts).and_then(|bytes| u64::try_from(bytes).ok())
}

/// Digits, with at most one point among them.
fn is_decimal(text: &str) -> bool {
    let framed = text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit());
    framed && text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.matches('.').count() <= 1
}

/// Numbers, each with a unit right behind it, and nothing else.
fn well_formed(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let number =
            rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (digits, tail) = rest.split_at(number);
        let unit = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        let (unit, tail) = tail.split_at(unit);
        if !is_decimal(digits) || !["us", "ms", "s", "m", "h", "d"].contains(&unit) {
            return false;
        }
        rest = tail;
    }
    true
}

/// A duration as one number with a unit, in the form that [`duration`] reads back.
pub(super) fn shown(duration: Duration) -> String {
    const UNITS_US: [(u128, &str); 5] = [
        (86_400_000_000, "d"),
        (3_600_000_000, "h"),
        (60_000_000, "m"),
        (1_000_000, "s"),
        (1_000, "ms"),
    ];
    let us = duration.as_micros();
    let whole = UNITS_US.iter().find(|(unit_us, _)| us >= *unit_us && us.is_multiple_of(*unit_us));
    match whole {
        Some((unit_us, unit)) => format!("{}{unit}", us / unit_us),
        None if us == 0 => "0s".to_owned(),
        None => format!("{us}us"),
    }
}

/// A duration in milliseconds; limits keep it far from overflow.
pub(crate) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_forms_are_read() {
        for (text, us) in [
            ("500ms", 500_000),
            ("1.5s", 1_500_000),
            ("1m30s", 90_000_000),
            ("7d", 604_800_000_000),
            ("0s", 0),
            ("250us", 250),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_micros(us)), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_their_units_and_nothing_else() {
        for (text, bytes) in [
            ("512B", 512),
            ("2kB", 2_000),
            ("1.5MiB", 1_572_864),
            ("1MB", 1_000_000),
            ("3KiB", 3_072),
            ("1.001kB", 1_001),
            ("0.5KiB", 512),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for (text, reason) in [
            ("2000", "has no unit"),
            ("2k", "is not a size"),
            ("2 kB", "is not a size"),
            ("-1B", "is negative"),
            ("1.kB", "is not a size"),
            (".5kB", "is not a size"),
            ("1.2.3kB", "is not a size"),
            ("1e3B", "is not a size"),
            ("2KB", "is not a size"),
            ("kB", "is not a size"),
            ("", "is empty"),
            ("1.0001kB", "not a whole number"),
            ("99999999999999MiB", "too large"),
            ("9999999999999999999999999999999999999999B", "too large"),
        ] {
            let fault = size(text).unwrap_err();
            assert!(fault.contains(reason), "{text}: {fault}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for (text, reason) in [
            ("30", "has no unit"),
            ("0", "has no unit"),
            ("-1s", "is negative"),
            ("5 mins", "is not a duration"),
            ("5M", "is not a duration"),
            ("1.2.3s", "is not a duration"),
            (".s", "is not a duration"),
            ("s", "is not a duration"),
            ("1e3s", "is not a duration"),
            ("٣s", "is not a duration"),
            ("", "is empty"),
            ("99999999999999999999d", "is too long or too fine"),
            ("0.5us", "is finer than a microsecond"),
        ] {
            let fault = duration(text).unwrap_err();
            assert!(fault.contains(reason), "{text}: {fault}");
        }
    }

    #[test]
    fn what_is_shown_is_one_number_and_reads_back() {
        for text in ["30d", "36500d", "90s", "500ms", "1h", "0s", "1500us", "61m"] {
            let read = duration(text).unwrap();
            assert_eq!(shown(read), text);
        }
        assert_eq!(shown(Duration::from_secs(86_400 * 30)), "30d");
        assert_eq!(shown(Duration::from_secs(60)), "1m");
    }
}
