//! Dates by RFC 3339.

/// How long the one form is that [`write`] has: `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
pub(in crate::event) const TIME_LEN: usize = 27;

const US_PER_DAY: i64 = 86_400_000_000;
/// 0000-01-01 and the last microsecond of 9999, the dates that four digits can write.
pub(in crate::event) const WALL_US_RANGE: (i64, i64) =
    (-62_167_219_200_000_000, 253_402_300_799_999_999);

/// Both digits of every number below 100.
static DECIMAL: [[u8; 2]; 100] = decimal_table();

/// A date by RFC 3339 to microseconds since 1970, UTC; `None` when it is none.
///
/// Any number of digits of a second is read and cut off at the microsecond; the offset is `Z`
/// or `+hh:mm`; a leap second counts as the second after it.
#[must_use]
pub fn timestamp_us(text: &str) -> Option<i64> {
    let text = text.as_bytes();
    if let Ok(own) = text.try_into()
        && let Some(wall_us) = read_own(own)
    {
        return Some(wall_us);
    }
    let (head, mut rest) = text.split_first_chunk::<19>()?;
    if !matches!(head[10], b'T' | b't' | b' ') {
        return None;
    }
    let mut wall_us = read_to_second(head)?;
    if let [b'.', fraction @ ..] = rest {
        let len = fraction.iter().take_while(|digit| digit.is_ascii_digit()).count();
        if len == 0 {
            return None;
        }
        let mut unit_us = 100_000;
        for digit in &fraction[..len] {
            wall_us += i64::from(digit - b'0') * unit_us;
            unit_us /= 10;
        }
        rest = &fraction[len..];
    }
    Some(wall_us - offset_us(rest)?)
}

/// Writes a date; one outside the years 0 to 9999 moves to the nearest end.
pub(in crate::event) fn write(wall_us: i64, text: &mut [u8]) {
    let wall_us = wall_us.clamp(WALL_US_RANGE.0, WALL_US_RANGE.1);
    let (year, month, day) = civil_of_days(wall_us.div_euclid(US_PER_DAY));
    let of_day_us = wall_us.rem_euclid(US_PER_DAY);
    let (of_day_s, fraction_us) = ((of_day_us / 1_000_000) as u32, (of_day_us % 1_000_000) as u32);
    text.copy_from_slice(b"0000-00-00T00:00:00.000000Z");
    let pairs = [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, of_day_s / 3_600),
        (14, of_day_s / 60 % 60),
        (17, of_day_s % 60),
        (20, fraction_us / 10_000),
        (22, fraction_us / 100 % 100),
        (24, fraction_us % 100),
    ];
    for (at, pair) in pairs {
        text[at..at + 2].copy_from_slice(&DECIMAL[pair as usize]);
    }
}

/// Reads a date of the one form that [`write`] has: 27 characters, six digits of a second.
pub(in crate::event) fn read_own(text: &[u8; TIME_LEN]) -> Option<i64> {
    if text[10] != b'T' || text[19] != b'.' || text[26] != b'Z' {
        return None;
    }
    let to_second_us = read_to_second(text.first_chunk()?)?;
    let fraction_us = pair(text, 20)? * 10_000 + pair(text, 22)? * 100 + pair(text, 24)?;
    Some(to_second_us + i64::from(fraction_us))
}

/// `YYYY-MM-DD?HH:MM:SS`, whatever stands between date and time.
fn read_to_second(text: &[u8; 19]) -> Option<i64> {
    if text[4] != b'-' || text[7] != b'-' || text[13] != b':' || text[16] != b':' {
        return None;
    }
    let year = pair(text, 0)? * 100 + pair(text, 2)?;
    let (month, day) = (pair(text, 5)?, pair(text, 8)?);
    let (hour, minute, second) = (pair(text, 11)?, pair(text, 14)?, pair(text, 17)?);
    let legal = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    if !legal || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_of_civil(year, month, day);
    let of_day_s = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Some(days * US_PER_DAY + of_day_s * 1_000_000)
}

/// Two decimal digits.
fn pair(text: &[u8], at: usize) -> Option<u32> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// `Z`, `+hh:mm` or `-hh:mm` to microseconds ahead of UTC.
fn offset_us(text: &[u8]) -> Option<i64> {
    if let [b'Z' | b'z'] = text {
        return Some(0);
    }
    let text: &[u8; 6] = text.try_into().ok()?;
    let (hour, minute) = (pair(text, 1)?, pair(text, 4)?);
    if text[3] != b':' || hour > 23 || minute > 59 {
        return None;
    }
    let ahead_us = i64::from(hour * 60 + minute) * 60_000_000;
    match text[0] {
        b'+' => Some(ahead_us),
        b'-' => Some(-ahead_us),
        _ => None,
    }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar, after Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms" (`days_from_civil`): years begin in March, so
/// that the leap day is the last one, and repeat every 400.
fn days_of_civil(year: u32, month: u32, day: u32) -> i64 {
    // 400 years up, so that January of year 0 stays above zero.
    let year = i64::from(year) + 400 - i64::from(month <= 2);
    let month = i64::from((month + 9) % 12);
    let of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + of_year;
    days - 719_468 - 146_097
}

/// The inverse of [`days_of_civil`] for the years 0 to 9999, after the same source
/// (`civil_from_days`).
fn civil_of_days(days: i64) -> (u32, u32, u32) {
    let days = (days + 719_468 + 146_097) as u32;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u32::from(month <= 2) - 400, month, day)
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const fn decimal_table() -> [[u8; 2]; 100] {
    let mut table = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        table[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    table
}
