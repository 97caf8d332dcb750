use proptest::prelude::*;

use super::*;
use crate::event::EventType;
use crate::event::json::encode;

const NEW: Stamp = Stamp { run: 9, shard: 2, seq: 77, due_wall_us: 1_800_000_000_123_456 };

const FOREIGN: &str = r#" {"session_id": "s-1" , "user_id":"u\u002d1",
    "event_type":"purchase","timestamp":"2024-01-15T10:30:45.123Z","page_url":"/checkout?a=\"}{",
    "properties":{"price":9.5,"event_id":"inner","x":{"timestamp":[1,{"event_id":2}]}},
    "event_id":"0190c5d0-0000-4000-8000-000000000001","tags":[{},[],"},{"]} "#;

/// The payload under the new stamp, read again, and the time it had.
fn again(payload: &[u8]) -> Result<(String, Option<i64>), Garbage> {
    let mut restamper = Restamper::default();
    let recorded = restamper.take(payload)?;
    let mut out = Vec::new();
    join(&NEW, recorded.tail, &mut out);
    let at_us = recorded.at_us;
    let expected = format!("{:?}", (&recorded.event.user_id, &recorded.event.properties));
    assert_eq!(stamp::read(&out), Some(NEW));
    let mut parser = Parser::new();
    let event = parser.parse(&out).expect("what is sent again is an event");
    assert_eq!(format!("{:?}", (&event.user_id, &event.properties)), expected);
    Ok((String::from_utf8(out).unwrap(), at_us))
}

/// An event without its two fields, for comparing.
fn rest(payload: &str) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(payload).unwrap();
    let members = value.as_object_mut().unwrap();
    members.remove("event_id");
    members.remove("timestamp");
    value
}

#[test]
fn an_event_of_kbench_keeps_every_byte_behind_its_stamp() {
    let old = Stamp { run: 1, shard: 0, seq: 5, due_wall_us: 1_700_000_000_000_001 };
    let mut payload = Vec::new();
    encode::probe(&old, &mut payload);
    let (text, at_us) = again(&payload).unwrap();
    assert_eq!(at_us, Some(old.due_wall_us));
    assert_eq!(&text.as_bytes()[STAMP_LEN..], &payload[STAMP_LEN..]);
}

#[test]
fn a_foreign_event_keeps_all_but_the_two_fields() {
    let (text, at_us) = again(FOREIGN.as_bytes()).unwrap();
    assert_eq!(at_us, timestamp_us("2024-01-15T10:30:45.123Z"));
    assert_eq!(rest(&text), rest(FOREIGN));
    assert!(text.contains(r#""event_id":"inner""#), "nested members are not its own: {text}");
}

#[test]
fn the_two_fields_may_be_missing_odd_or_escaped() {
    let bare = r#"{"user_id":"u","session_id":"s","event_type":"click","page_url":"/"}"#;
    let with = |member: &str| format!("{{{member},{}", &bare[1..]);
    for (member, at_us) in [
        (r#""event_id":null"#, None),
        (r#""event_id":7,"timestamp":1705314645123"#, None),
        (r#""timestamp":"yesterday""#, None),
        (r#""timestamp":"\u0031970-01-01T00:00:01Z""#, Some(1_000_000)),
        (r#""ev\u0065nt_id":"x","\u0074imestamp":"1970-01-01T00:00:02Z""#, Some(2_000_000)),
    ] {
        let (text, found_us) = again(with(member).as_bytes()).unwrap();
        assert_eq!(found_us, at_us, "{member}");
        assert_eq!(rest(&text), rest(bare), "{member}");
    }
    assert_eq!(again(bare.as_bytes()).unwrap().1, None);
    for (member, name) in [
        (r#""event_id":"a","event_id":"b""#, "event_id"),
        (r#""timestamp":1,"times\u0074amp":2"#, "timestamp"),
    ] {
        let twice = Err(Garbage::NotAnEvent(Misfit::Twice(name)));
        assert_eq!(again(with(member).as_bytes()), twice);
    }
}

#[test]
fn each_kind_of_garbage_has_its_name() {
    let misfit = |misfit| Err(Garbage::NotAnEvent(misfit));
    for (text, expected) in [
        ("", Err(Garbage::Empty)),
        ("{", Err(Garbage::Malformed("JSON"))),
        ("{}", misfit(Misfit::Missing("user_id"))),
        ("[1,2]", misfit(Misfit::NotAnObject)),
        ("\"x\"", misfit(Misfit::NotAnObject)),
        ("7 7", Err(Garbage::Malformed("JSON"))),
        ("{\"event_id\":tru}", Err(Garbage::Malformed("JSON"))),
        ("{} {}", Err(Garbage::Malformed("JSON"))),
        ("{\"user_id\":\"u\",}", Err(Garbage::Malformed("JSON"))),
    ] {
        assert_eq!(again(text.as_bytes()), expected, "{text}");
    }
    assert_eq!(again(b"{\"a\":\"\xe2\x82\"}"), Err(Garbage::NotUtf8));
    let huge = vec![b' '; PAYLOAD_BYTES_MAX + 1];
    assert_eq!(again(&huge), Err(Garbage::TooLarge(PAYLOAD_BYTES_MAX + 1)));
    let deep = format!("{{\"x\":{}", "[".repeat(PAYLOAD_BYTES_MAX - 10));
    assert_eq!(again(deep.as_bytes()), Err(Garbage::Malformed("JSON")));
}

#[test]
fn every_cut_of_an_event_is_garbage() {
    let text = FOREIGN.trim();
    for end in 0..text.len() {
        assert!(again(&text.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        payload in prop::collection::vec(any::<u8>(), 0..300),
        text in "[{}\\[\\]\",:a-e\\\\0-9 ]{0,80}",
    ) {
        let mut restamper = Restamper::default();
        let _ = restamper.take(&payload);
        let _ = restamper.take(text.as_bytes());
        prop_assert!(restamper.take(FOREIGN.as_bytes()).is_ok());
    }

    #[test]
    fn mutated_events_stay_events_or_are_refused(
        edits in prop::collection::vec((0..FOREIGN.len(), any::<u8>()), 1..4),
    ) {
        let mut payload = FOREIGN.as_bytes().to_vec();
        for (at, byte) in edits {
            payload[at] = byte;
        }
        // `again` asserts that whatever is taken can be sent and read again.
        if let Ok((text, _)) = again(&payload) {
            let before = std::str::from_utf8(&payload).unwrap();
            prop_assert_eq!(rest(&text), rest(before));
        }
    }

    #[test]
    fn any_order_of_any_members_gives_the_same_event(
        words in prop::collection::vec("\\PC{0,12}", 5),
        names in prop::collection::btree_set("[a-z\"\\\\\u{e9}]{1,6}x", 0..4),
        order in Just((0..10_usize).collect::<Vec<_>>()).prop_shuffle(),
        kind in 0_usize..5,
        at_us in 0_i64..4_000_000_000_000_000,
        (has_id, has_time) in any::<(bool, bool)>(),
    ) {
        let json = |text: &str| serde_json::to_string(text).unwrap();
        let date = chrono::DateTime::from_timestamp_micros(at_us).unwrap()
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let mut members = vec![
            format!("\"user_id\":{}", json(&words[0])),
            format!("\"session_id\" :{}", json(&words[1])),
            format!("\"page_url\": {}", json(&words[2])),
            format!("\"event_type\":\"{}\"", EventType::ALL[kind].name()),
        ];
        members.extend(has_id.then(|| format!("\"event_id\":{}", json(&words[3]))));
        members.extend(has_time.then(|| format!("\"timestamp\":\"{date}\"")));
        members.extend(names.iter().map(|name| {
            format!("{}:{{\"timestamp\":[{}]}}", json(name), json(&words[4]))
        }));
        let ordered: Vec<&str> = order
            .iter()
            .filter_map(|&place| members.get(place).map(String::as_str))
            .collect();
        let payload = format!("{{\n{}\t}}", ordered.join(" ,\r"));
        let (text, found_us) = again(payload.as_bytes()).unwrap();
        prop_assert_eq!(rest(&text), rest(&payload));
        prop_assert_eq!(found_us, has_time.then_some(at_us));
    }
}
