use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::{EventType, cents};

const STAMP: Stamp = Stamp { run: 7, shard: 1, seq: 9, due_wall_us: 1_767_225_600_000_000 };

fn built(piece: EventPiece<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    prepare(&piece, &mut out);
    out
}

fn session<'a>(user_id: &'a str, session_id: &'a str) -> EventPiece<'a> {
    EventPiece::Session { user_id, session_id }
}

fn device<'a>(kind: &'a str, os: &'a str, browser: &'a str) -> EventPiece<'a> {
    EventPiece::Device { kind, os, browser }
}

fn place<'a>(country: &'a str, city: &'a str, timezone: &'a str) -> EventPiece<'a> {
    EventPiece::Place { country, city, timezone }
}

#[test]
fn dollars_have_two_decimals() {
    for (cents, text) in
        [(0, "0.00"), (5, "0.05"), (10, "0.10"), (99_999, "999.99"), (100_000, "1000.00")]
    {
        let mut out = Vec::new();
        put_dollars(&mut out, cents);
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }
    let mut out = Vec::new();
    put_dollars(&mut out, u64::MAX);
    assert_eq!(out, b"184467440737095516.15");
}

#[test]
fn a_probe_is_a_whole_event_of_its_own_shard() {
    let mut out = Vec::new();
    probe(&STAMP, &mut out);
    assert_eq!(stamp::read(&out), Some(Stamp { shard: PROBE_SHARD, ..STAMP }));
    let event: crate::event::Event<'_> = serde_json::from_slice(&out).unwrap();
    assert_eq!((event.user_id, event.event_type), ("probe", EventType::PageView));
}

#[test]
fn the_fields_stand_in_the_specification_s_order() {
    let mut out = Vec::new();
    let parts = EventParts {
        who: &built(session("user-1", "sess-2")),
        event_type: EventType::AddToCart,
        page_url: b"/products/laptop",
        referrer: b"https://google.com",
        user_agent: b"Mozilla/5.0",
        ip_address: "10.0.0.1",
        about: &built(EventPiece::Product {
            id: "PROD-001",
            name: "Laptop",
            price_cents: 99_999,
            category: "electronics",
        }),
        search_query: None,
        cart_cents: Some(99_999),
        padding: None,
        device: &built(device("desktop", "Windows", "Chrome")),
        location: &built(place("US", "New York", "America/New_York")),
    };
    encode(&STAMP, &parts, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(
        &text[stamp::STAMP_LEN..],
        ",\"user_id\":\"user-1\",\"session_id\":\"sess-2\",\"event_type\":\"add_to_cart\",\
         \"page_url\":\"/products/laptop\",\"referrer\":\"https://google.com\",\
         \"user_agent\":\"Mozilla/5.0\",\"ip_address\":\"10.0.0.1\",\
         \"properties\":{\"product_id\":\"PROD-001\",\"product_name\":\"Laptop\",\
         \"price\":999.99,\"category\":\"electronics\",\"cart_value\":999.99},\
         \"device\":{\"type\":\"desktop\",\"os\":\"Windows\",\"browser\":\"Chrome\"},\
         \"location\":{\"country\":\"US\",\"city\":\"New York\",\
         \"timezone\":\"America/New_York\"}}"
    );
}

proptest! {
    #[test]
    fn whatever_the_texts_it_is_json_with_the_same_values(
        texts in prop::collection::vec(any::<String>(), 16),
        price_cents in 0..10_000_000_000_u64,
        with in any::<(bool, bool, bool)>(),
        kind in 0..5_usize,
    ) {
        let escaped: Vec<_> =
            texts.iter().map(|text| built(EventPiece::Text(text))).collect();
        let event_type = EventType::ALL[kind];
        let parts = EventParts {
            who: &built(session(&texts[0], &texts[1])),
            event_type,
            page_url: &escaped[2],
            referrer: &escaped[3],
            user_agent: &escaped[4],
            ip_address: std::str::from_utf8(&escaped[5]).unwrap(),
            about: &if with.0 {
                let (id, name, category) = (&texts[6], &texts[7], &texts[8]);
                built(EventPiece::Product { id, name, price_cents, category })
            } else {
                Vec::new()
            },
            search_query: with.1.then_some(&escaped[9][..]),
            cart_cents: with.2.then_some(price_cents * 3),
            padding: None,
            device: &built(device(&texts[10], &texts[11], &texts[12])),
            location: &built(place(&texts[13], &texts[14], &texts[15])),
        };
        let mut out = Vec::new();
        encode(&STAMP, &parts, &mut out);
        prop_assert_eq!(out.len(), encoded_len(&parts));
        let mut read: Value = serde_json::from_slice(&out).unwrap();
        let mut properties = read["properties"].take();
        if with.0 {
            prop_assert_eq!(cents(properties["price"].take().as_f64().unwrap()), price_cents);
            prop_assert_eq!(properties["product_id"].take(), json!(texts[6]));
            prop_assert_eq!(properties["product_name"].take(), json!(texts[7]));
            prop_assert_eq!(properties["category"].take(), json!(texts[8]));
        }
        if with.1 {
            prop_assert_eq!(properties["search_query"].take(), json!(texts[9]));
        }
        if with.2 {
            let sum = properties["cart_value"].take().as_f64().unwrap();
            prop_assert_eq!(cents(sum), price_cents * 3);
        }
        prop_assert!(properties.as_object().unwrap().values().all(Value::is_null));
        let id = read["event_id"].clone();
        prop_assert_eq!(read, json!({
            "event_id": id, "timestamp": "2026-01-01T00:00:00.000000Z",
            "user_id": texts[0], "session_id": texts[1], "event_type": event_type.name(),
            "page_url": texts[2], "referrer": texts[3], "user_agent": texts[4],
            "ip_address": texts[5], "properties": null,
            "device": {"type": texts[10], "os": texts[11], "browser": texts[12]},
            "location": {"country": texts[13], "city": texts[14], "timezone": texts[15]},
        }));
    }
}
