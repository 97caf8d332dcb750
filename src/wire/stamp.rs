//! The stamp: run, shard, number and due time, at fixed places at the head of every event.
//!
//! ```text
//! {"event_id":"rrrrrrrr-ssss-8ccc-vccc-nnnnnnnnnnnn","timestamp":"YYYY-MM-DDTHH:MM:SS.ffffff Z"
//! ```
//!
//! (without the blank before `Z`): `r` the run, `s` the shard, `n` the number in the shard, all
//! big-endian hexadecimal; 26 check bits in `c` and the low bits of `v`, around the version 8
//! and the variant `10` of RFC 9562. The check bits depend on all three numbers, so that
//! somebody else's UUID of version 8 is not mistaken for ours.

use crate::event::Stamp;

/// How many bytes [`write`] appends; the next byte is a comma.
pub const STAMP_LEN: usize = ID_AT + ID_LEN + MIDDLE.len() + TIME_LEN + 1;

const HEAD: &[u8; 13] = b"{\"event_id\":\"";
const MIDDLE: &[u8; 15] = b"\",\"timestamp\":\"";
const ID_AT: usize = HEAD.len();
const ID_LEN: usize = 36;
const TIME_AT: usize = ID_AT + ID_LEN + MIDDLE.len();
const TIME_LEN: usize = 27;

const SEQ_MAX: u64 = (1 << 48) - 1;
const US_PER_DAY: i64 = 86_400_000_000;
/// 0000-01-01 and the last microsecond of 9999, the dates that four digits can write.
const WALL_US_RANGE: (i64, i64) = (-62_167_219_200_000_000, 253_402_300_799_999_999);

/// Both digits of every number below 100.
static DECIMAL: [[u8; 2]; 100] = decimal_table();

/// Appends the event's opening brace, its `event_id` and its `timestamp`.
///
/// Numbers above 48 bits lose their upper bits, and a date outside the years 0 to 9999 is
/// moved to the nearest end; neither happens within a run.
pub fn write(stamp: &Stamp, out: &mut Vec<u8>) {
    let mut text = [0_u8; STAMP_LEN];
    text[..ID_AT].copy_from_slice(HEAD);
    write_id(stamp, &mut text[ID_AT..ID_AT + ID_LEN]);
    text[ID_AT + ID_LEN..TIME_AT].copy_from_slice(MIDDLE);
    write_time(stamp.due_wall_us, &mut text[TIME_AT..TIME_AT + TIME_LEN]);
    text[STAMP_LEN - 1] = b'"';
    out.extend_from_slice(&text);
}

/// Reads a stamp back from the head of an event; `None` for every event that kbench didn't make.
#[must_use]
pub fn read(payload: &[u8]) -> Option<Stamp> {
    let text: &[u8; STAMP_LEN] = payload.first_chunk()?;
    if &text[..ID_AT] != HEAD
        || &text[ID_AT + ID_LEN..TIME_AT] != MIDDLE
        || text[STAMP_LEN - 1] != b'"'
    {
        return None;
    }
    let id = read_id(text[ID_AT..ID_AT + ID_LEN].try_into().ok()?)?;
    let due_wall_us = read_own_time(text[TIME_AT..TIME_AT + TIME_LEN].try_into().ok()?)?;
    let (run, shard, seq) = id;
    Some(Stamp {
        run,
        shard,
        seq,
        due_wall_us,
    })
}

/// A date by RFC 3339 to microseconds since 1970, UTC; `None` when it is none.
///
/// Any number of digits of a second is read and cut off at the microsecond; the offset is `Z`
/// or `+hh:mm`; a leap second counts as the second after it.
#[must_use]
pub fn timestamp_us(text: &str) -> Option<i64> {
    let text = text.as_bytes();
    if let Ok(own) = text.try_into()
        && let Some(wall_us) = read_own_time(own)
    {
        return Some(wall_us);
    }
    let (head, mut rest) = text.split_first_chunk::<19>()?;
    if !matches!(head[10], b'T' | b't' | b' ') {
        return None;
    }
    let mut wall_us = read_to_second(head)?;
    if let [b'.', fraction @ ..] = rest {
        let len = fraction
            .iter()
            .take_while(|digit| digit.is_ascii_digit())
            .count();
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

fn write_id(stamp: &Stamp, text: &mut [u8]) {
    let seq = stamp.seq & SEQ_MAX;
    let check = check_bits(stamp.run, stamp.shard, seq);
    let version = u32::from(stamp.shard) << 16 | 0x8000 | check >> 14;
    let variant = 0x8000_0000 | (check & 0x3FFF) << 16 | (seq >> 32) as u32;
    let (version, variant) = (hex_of(version), hex_of(variant));
    text[..8].copy_from_slice(&hex_of(stamp.run));
    text[9..13].copy_from_slice(&version[..4]);
    text[14..18].copy_from_slice(&version[4..]);
    text[19..23].copy_from_slice(&variant[..4]);
    text[24..28].copy_from_slice(&variant[4..]);
    text[28..].copy_from_slice(&hex_of(seq as u32));
    for at in [8, 13, 18, 23] {
        text[at] = b'-';
    }
}

fn read_id(text: &[u8; ID_LEN]) -> Option<(u32, u16, u64)> {
    if text[8] != b'-' || text[13] != b'-' || text[18] != b'-' || text[23] != b'-' {
        return None;
    }
    let run = number_of(*text.first_chunk()?)?;
    let version = number_of(joined(text, 9, 14)?)?;
    let variant = number_of(joined(text, 19, 24)?)?;
    let seq = u64::from(variant & 0xFFFF) << 32 | u64::from(number_of(*text.last_chunk()?)?);
    let shard = (version >> 16) as u16;
    let check = (version & 0xFFF) << 14 | variant >> 16 & 0x3FFF;
    let marks = version & 0xF000 == 0x8000 && variant >> 30 == 0b10;
    (marks && check == check_bits(run, shard, seq)).then_some((run, shard, seq))
}

/// Four bytes from one place and four from another.
fn joined(text: &[u8; ID_LEN], first: usize, second: usize) -> Option<[u8; 8]> {
    let mut both = [0; 8];
    both[..4].copy_from_slice(text.get(first..first + 4)?);
    both[4..].copy_from_slice(text.get(second..second + 4)?);
    Some(both)
}

/// One in every byte of a word; times n it is n in every byte.
const BYTES: u64 = 0x0101_0101_0101_0101;

/// Eight lower-case hexadecimal digits, all at once: a digit in each byte of a word.
const fn hex_of(number: u32) -> [u8; 8] {
    let mut digits = number as u64;
    digits = (digits << 16 | digits) & 0x0000_FFFF_0000_FFFF;
    digits = (digits << 8 | digits) & 0x00FF_00FF_00FF_00FF;
    digits = (digits << 4 | digits) & 0x0F0F_0F0F_0F0F_0F0F;
    let letters = (digits + 6 * BYTES) >> 4 & BYTES;
    (digits + b'0' as u64 * BYTES + letters * (b'a' - b'0' - 10) as u64).to_be_bytes()
}

/// The inverse of [`hex_of`]: reads whatever it is given, and refuses what reads otherwise.
fn number_of(text: [u8; 8]) -> Option<u32> {
    let word = u64::from_be_bytes(text);
    let letters = word >> 6 & BYTES;
    let mut digits = (word & 0x0F * BYTES).wrapping_add(letters * 9) & 0x0F * BYTES;
    digits = (digits | digits >> 4) & 0x00FF_00FF_00FF_00FF;
    digits = (digits | digits >> 8) & 0x0000_FFFF_0000_FFFF;
    let number = (digits | digits >> 16) as u32;
    (hex_of(number) == text).then_some(number)
}

/// 26 bits of all three numbers; the constants are those of splitmix64 (Steele et al. 2014).
const fn check_bits(run: u32, shard: u16, seq: u64) -> u32 {
    // One up, or the UUID of nothing but zeros would check.
    let mut mixed = ((run as u64) << 16 ^ shard as u64) + 1;
    mixed = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seq;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 38) as u32
}

fn write_time(wall_us: i64, text: &mut [u8]) {
    let wall_us = wall_us.clamp(WALL_US_RANGE.0, WALL_US_RANGE.1);
    let (year, month, day) = civil_of_days(wall_us.div_euclid(US_PER_DAY));
    let of_day_us = wall_us.rem_euclid(US_PER_DAY);
    let (of_day_s, fraction_us) = (
        (of_day_us / 1_000_000) as u32,
        (of_day_us % 1_000_000) as u32,
    );
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
fn read_own_time(text: &[u8; TIME_LEN]) -> Option<i64> {
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
    (
        era * 400 + year_of_era + u32::from(month <= 2) - 400,
        month,
        day,
    )
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

#[cfg(test)]
mod tests;
