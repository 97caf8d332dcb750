use chrono::{DateTime, SecondsFormat, Utc};
use proptest::prelude::*;

use super::*;
use crate::event::date::{WALL_US_RANGE, timestamp_us};

fn written(stamp: &Stamp) -> Vec<u8> {
    let mut out = Vec::new();
    write(stamp, &mut out);
    out
}

fn chrono_text(wall_us: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(wall_us)
        .unwrap()
        .to_rfc3339_opts(SecondsFormat::Micros, true)
}

const SAMPLE: Stamp = Stamp { run: 1, shard: 2, seq: 3, due_wall_us: 1_767_225_600_000_001 };

#[test]
fn a_stamp_stands_at_fixed_places() {
    let text = String::from_utf8(written(&SAMPLE)).unwrap();
    assert_eq!(text.len(), STAMP_LEN);
    assert!(text.starts_with("{\"event_id\":\"00000001-0002-8"), "{text}");
    assert_eq!(&text[37..49], "000000000003");
    assert!(text.ends_with("\",\"timestamp\":\"2026-01-01T00:00:00.000001Z\""), "{text}");
}

#[test]
fn a_uuid_library_sees_version_8_and_the_standard_variant() {
    let text = String::from_utf8(written(&SAMPLE)).unwrap();
    let id = uuid::Uuid::parse_str(&text[13..49]).unwrap();
    assert_eq!(id.get_version_num(), 8);
    assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
}

#[test]
fn every_changed_byte_is_noticed_or_is_another_date() {
    let text = written(&SAMPLE);
    for at in 0..STAMP_LEN {
        for bit in 0..8 {
            let mut other = text.clone();
            other[at] ^= 1 << bit;
            if let Some(stamp) = read(&other) {
                assert!((TIME_AT..TIME_AT + TIME_LEN).contains(&at), "byte {at} bit {bit}");
                assert_eq!(written(&stamp), other, "byte {at} bit {bit}");
            }
        }
        assert_eq!(read(&text[..at]), None);
    }
}

#[test]
fn a_foreign_uuid_is_not_taken_for_ours() {
    let mut taken = 0;
    for number in 0..100_000_u64 {
        let low = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bytes = (u128::from(number) << 64 | u128::from(low)).to_be_bytes();
        let id = uuid::Builder::from_custom_bytes(bytes).into_uuid();
        let mut text = written(&SAMPLE);
        text[ID_AT..ID_AT + ID_LEN].copy_from_slice(id.to_string().as_bytes());
        taken += u32::from(read(&text).is_some());
    }
    // One in 2^26 by chance.
    assert_eq!(taken, 0);
}

#[test]
fn dates_outside_four_digits_move_to_the_nearest_end() {
    let far = Stamp { due_wall_us: i64::MAX, ..SAMPLE };
    assert!(written(&far).ends_with(b"9999-12-31T23:59:59.999999Z\""));
    let early = Stamp { due_wall_us: i64::MIN, ..SAMPLE };
    assert!(written(&early).ends_with(b"0000-01-01T00:00:00.000000Z\""));
}

#[test]
fn dates_of_others_are_read_or_refused() {
    let second = 1_705_314_645_000_000;
    for (text, wall_us) in [
        ("2024-01-15T10:30:45.123Z", second + 123_000),
        ("2024-01-15T10:30:45Z", second),
        ("2024-01-15t10:30:45z", second),
        ("2024-01-15 10:30:45+00:00", second),
        ("2024-01-15T12:00:45.5+01:30", second + 500_000),
        ("2024-01-15T05:30:45.123456789-05:00", second + 123_456),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000),
    ] {
        assert_eq!(timestamp_us(text), Some(wall_us), "{text}");
    }
    for text in [
        "",
        "2024-01-15",
        "2024-01-15T10:30:45",
        "2024-01-15T10:30:45.Z",
        "2024-01-15T10:30:45.1234",
        "2024-13-15T10:30:45Z",
        "2024-00-15T10:30:45Z",
        "2023-02-29T10:30:45Z",
        "1900-02-29T10:30:45Z",
        "2024-01-00T10:30:45Z",
        "2024-01-15T24:30:45Z",
        "2024-01-15T10:60:45Z",
        "2024-01-15T10:30:61Z",
        "2024-01-15T10:30:45+0100",
        "2024-01-15T10:30:45+24:00",
        "2024-01-15T10:30:45Zulu",
        "2024-01-15X10:30:45.123456Z",
        "2024-01-15T10:30:4५.123456Z",
    ] {
        assert_eq!(timestamp_us(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_stamp_is_read_as_it_was_written(
        run: u32,
        shard: u16,
        seq in 0..=SEQ_MAX,
        due_wall_us in WALL_US_RANGE.0..=WALL_US_RANGE.1,
    ) {
        let stamp = Stamp { run, shard, seq, due_wall_us };
        prop_assert_eq!(read(&written(&stamp)), Some(stamp));
    }

    #[test]
    fn dates_are_those_of_chrono(wall_us in WALL_US_RANGE.0..=WALL_US_RANGE.1) {
        let text = chrono_text(wall_us);
        let stamp = Stamp { due_wall_us: wall_us, ..SAMPLE };
        prop_assert_eq!(&written(&stamp)[TIME_AT..TIME_AT + TIME_LEN], text.as_bytes());
        prop_assert_eq!(timestamp_us(&text), Some(wall_us));
    }

    #[test]
    fn dates_with_an_offset_are_those_of_chrono(
        wall_us in 0..=4_102_444_800_000_000_i64,
        ahead_min in -1_439..=1_439_i32,
        digits in 0..3_usize,
    ) {
        let zone = chrono::FixedOffset::east_opt(ahead_min * 60).unwrap();
        let forms = [SecondsFormat::Secs, SecondsFormat::Millis, SecondsFormat::Nanos];
        let text = DateTime::<Utc>::from_timestamp_micros(wall_us)
            .unwrap()
            .with_timezone(&zone)
            .to_rfc3339_opts(forms[digits], false);
        let expected = DateTime::parse_from_rfc3339(&text).unwrap().timestamp_micros();
        prop_assert_eq!(timestamp_us(&text), Some(expected));
    }

    #[test]
    fn nothing_makes_the_readers_fail(bytes: Vec<u8>, text: String) {
        let _ = read(&bytes);
        let _ = timestamp_us(&text);
    }

    #[test]
    fn almost_dates_are_judged_as_chrono_judges_them(
        text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?Z",
    ) {
        let expected = DateTime::parse_from_rfc3339(&text).ok();
        // chrono keeps a leap second as a fraction of the second before.
        if text[17..19] != *"60" {
            prop_assert_eq!(timestamp_us(&text), expected.map(|date| date.timestamp_micros()));
        }
    }
}
