//! Writes an event: prebuilt fragments around the few parts that change with every event.
//!
//! What stays the same for a session, a product or a page is turned into JSON once, by the
//! functions below, and copied after that. Escaping happens there and nowhere else.

use crate::event::{EventType, PROBE_SHARD, Stamp};
use crate::wire::stamp;

/// One event without its stamp, in the order of the specification.
///
/// Every text is JSON already: as the named function of this module makes it, or [`escape`]d.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// `user_id` and `session_id`, from [`who`].
    pub who: &'a str,
    /// What happened.
    pub event_type: EventType,
    /// The page, escaped.
    pub page_url: &'a str,
    /// The page or site before, escaped; may be empty.
    pub referrer: &'a str,
    /// The browser's own words, escaped.
    pub user_agent: &'a str,
    /// The address as text.
    pub ip_address: &'a str,
    /// The first properties, from [`product`] or [`category`]; empty when there are none.
    pub about: &'a str,
    /// What was searched for, escaped.
    pub search_query: Option<&'a str>,
    /// The sum of the cart in cents.
    pub cart_cents: Option<u64>,
    /// `device`, from [`device`].
    pub device: &'a str,
    /// `location` and the event's end, from [`location`].
    pub location: &'a str,
}

/// Appends one event as JSON.
pub fn encode(stamp: &Stamp, parts: &Parts<'_>, out: &mut Vec<u8>) {
    // Room for all but the longest event, so that no later step has to grow the buffer.
    out.reserve(1_024);
    stamp::write(stamp, out);
    put(out, parts.who);
    put(out, ",\"event_type\":\"");
    put(out, parts.event_type.name());
    put(out, "\",\"page_url\":\"");
    put(out, parts.page_url);
    put(out, "\",\"referrer\":\"");
    put(out, parts.referrer);
    put(out, "\",\"user_agent\":\"");
    put(out, parts.user_agent);
    put(out, "\",\"ip_address\":\"");
    put(out, parts.ip_address);
    put(out, "\",\"properties\":{");
    put(out, parts.about);
    let mut comma = if parts.about.is_empty() { "" } else { "," };
    if let Some(query) = parts.search_query {
        put(out, comma);
        put(out, "\"search_query\":\"");
        put(out, query);
        put(out, "\"");
        comma = ",";
    }
    if let Some(cents) = parts.cart_cents {
        put(out, comma);
        put(out, "\"cart_value\":");
        put_dollars(out, cents);
    }
    put(out, "}");
    put(out, parts.device);
    put(out, parts.location);
}

/// Appends a probe: a small whole event of shard [`PROBE_SHARD`], whatever the stamp's shard.
///
/// It finds out whether every group reads every partition; no application gets to see it.
pub fn probe(stamp: &Stamp, out: &mut Vec<u8>) {
    stamp::write(
        &Stamp {
            shard: PROBE_SHARD,
            ..*stamp
        },
        out,
    );
    put(
        out,
        ",\"user_id\":\"probe\",\"session_id\":\"probe\",\"event_type\":\"page_view\"",
    );
    put(
        out,
        ",\"page_url\":\"/\",\"referrer\":\"\",\"user_agent\":\"kbench\"",
    );
    put(
        out,
        ",\"ip_address\":\"127.0.0.1\",\"properties\":{},\"device\":{},\"location\":{}}",
    );
}

/// The fragment of a session: `user_id` and `session_id`.
pub fn who(user_id: &str, session_id: &str, out: &mut String) {
    field(out, ",\"user_id\":\"", user_id);
    field(out, ",\"session_id\":\"", session_id);
}

/// The fragment of a product among the properties; the price in cents.
pub fn product(id: &str, name: &str, price_cents: u64, category_name: &str, out: &mut String) {
    field(out, "\"product_id\":\"", id);
    field(out, ",\"product_name\":\"", name);
    out.push_str(&format!(
        ",\"price\":{}.{:02},",
        price_cents / 100,
        price_cents % 100
    ));
    category(category_name, out);
}

/// The fragment of a category among the properties.
pub fn category(name: &str, out: &mut String) {
    field(out, "\"category\":\"", name);
}

/// The fragment of a device.
pub fn device(kind: &str, os: &str, browser: &str, out: &mut String) {
    field(out, ",\"device\":{\"type\":\"", kind);
    field(out, ",\"os\":\"", os);
    field(out, ",\"browser\":\"", browser);
    out.push('}');
}

/// The fragment of a place, which ends the event.
pub fn location(country: &str, city: &str, timezone: &str, out: &mut String) {
    field(out, ",\"location\":{\"country\":\"", country);
    field(out, ",\"city\":\"", city);
    field(out, ",\"timezone\":\"", timezone);
    out.push_str("}}");
}

/// Appends a text as it stands between the quotation marks of JSON (RFC 8259, section 7).
pub fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
}

fn field(out: &mut String, opening: &str, value: &str) {
    out.push_str(opening);
    escape(value, out);
    out.push('"');
}

#[inline]
fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Cents as dollars with two decimals, as JSON's number.
fn put_dollars(out: &mut Vec<u8>, cents: u64) {
    // 20 digits and the point.
    let mut text = [0_u8; 21];
    let mut at = text.len();
    let mut rest = cents;
    while rest > 0 || at > text.len() - 4 {
        if at == text.len() - 2 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::event::cents;

    const STAMP: Stamp = Stamp {
        run: 7,
        shard: 1,
        seq: 9,
        due_wall_us: 1_767_225_600_000_000,
    };

    fn built(build: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        build(&mut out);
        out
    }

    #[test]
    fn dollars_have_two_decimals() {
        for (cents, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (10, "0.10"),
            (99_999, "999.99"),
            (100_000, "1000.00"),
        ] {
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
        assert_eq!(
            stamp::read(&out),
            Some(Stamp {
                shard: PROBE_SHARD,
                ..STAMP
            })
        );
        let event: crate::event::Event<'_> = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (event.user_id, event.event_type),
            ("probe", EventType::PageView)
        );
    }

    #[test]
    fn the_fields_stand_in_the_specification_s_order() {
        let mut out = Vec::new();
        let parts = Parts {
            who: &built(|out| who("user-1", "sess-2", out)),
            event_type: EventType::AddToCart,
            page_url: "/products/laptop",
            referrer: "https://google.com",
            user_agent: "Mozilla/5.0",
            ip_address: "10.0.0.1",
            about: &built(|out| product("PROD-001", "Laptop", 99_999, "electronics", out)),
            search_query: None,
            cart_cents: Some(99_999),
            device: &built(|out| device("desktop", "Windows", "Chrome", out)),
            location: &built(|out| location("US", "New York", "America/New_York", out)),
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
                texts.iter().map(|text| built(|out| escape(text, out))).collect();
            let event_type = EventType::ALL[kind];
            let parts = Parts {
                who: &built(|out| who(&texts[0], &texts[1], out)),
                event_type,
                page_url: &escaped[2],
                referrer: &escaped[3],
                user_agent: &escaped[4],
                ip_address: &escaped[5],
                about: &built(|out| if with.0 {
                    product(&texts[6], &texts[7], price_cents, &texts[8], out);
                }),
                search_query: with.1.then_some(&escaped[9]),
                cart_cents: with.2.then_some(price_cents * 3),
                device: &built(|out| device(&texts[10], &texts[11], &texts[12], out)),
                location: &built(|out| location(&texts[13], &texts[14], &texts[15], out)),
            };
            let mut out = Vec::new();
            encode(&STAMP, &parts, &mut out);
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
}
