//! Writes an event: prebuilt fragments around the few parts that change with every event.
//!
//! What stays the same for a session, a product or a page is turned into JSON once, by the
//! functions below, and copied after that. Escaping happens there and nowhere else.

use super::stamp;
use crate::event::{EventType, PROBE_SHARD, Stamp};

/// One event without its stamp, in the order of the specification.
///
/// Every text is JSON already: as the named function of this module makes it, or [`escape`]d.
#[derive(Debug, Clone, Copy)]
pub struct EventParts<'a> {
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
    /// What makes the event larger, from [`padding`]; empty for nothing.
    pub padding: &'a str,
    /// `device`, from [`device`].
    pub device: &'a str,
    /// `location` and the event's end, from [`location`].
    pub location: &'a str,
}

impl EventParts<'_> {
    /// How many bytes [`encode`] writes for it.
    #[must_use]
    pub fn len(&self) -> usize {
        const FRAME: usize = stamp::STAMP_LEN
            + ",\"event_type\":\"\",\"page_url\":\"\",\"referrer\":\"\",\"user_agent\":\"\"".len()
            + ",\"ip_address\":\"\",\"properties\":{}".len();
        let texts = [
            self.who,
            self.event_type.name(),
            self.page_url,
            self.referrer,
            self.user_agent,
            self.ip_address,
            self.about,
            self.padding,
            self.device,
            self.location,
        ];
        let mut comma = usize::from(!self.about.is_empty());
        let mut len = FRAME + texts.iter().map(|text| text.len()).sum::<usize>();
        if let Some(query) = self.search_query {
            len += comma + "\"search_query\":\"\"".len() + query.len();
            comma = 1;
        }
        if let Some(cents) = self.cart_cents {
            let digits = (cents.max(1).ilog10() as usize + 1).max(3);
            len += comma + "\"cart_value\":.".len() + digits;
        }
        len
    }

    /// An event is never empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }
}

/// Appends one event as JSON.
pub fn encode(stamp: &Stamp, parts: &EventParts<'_>, out: &mut Vec<u8>) {
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
    put(out, parts.padding);
    put(out, parts.device);
    put(out, parts.location);
}

/// Appends a probe: a small whole event of shard [`PROBE_SHARD`], whatever the stamp's shard.
///
/// It finds out whether every group reads every partition; no application gets to see it.
pub fn probe(stamp: &Stamp, out: &mut Vec<u8>) {
    stamp::write(&Stamp { shard: PROBE_SHARD, ..*stamp }, out);
    put(out, ",\"user_id\":\"probe\",\"session_id\":\"probe\",\"event_type\":\"page_view\"");
    put(out, ",\"page_url\":\"/\",\"referrer\":\"\",\"user_agent\":\"kbench\"");
    put(out, ",\"ip_address\":\"127.0.0.1\",\"properties\":{},\"device\":{},\"location\":{}}");
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
    out.push_str(&format!(",\"price\":{}.{:02},", price_cents / 100, price_cents % 100));
    category(category_name, out);
}

/// The fragment of a category among the properties.
pub fn category(name: &str, out: &mut String) {
    field(out, "\"category\":\"", name);
}

/// The fragment that makes an event larger, a field that no reader knows: `,"padding":"..."`. The
/// letters must be such as need no escaping.
pub fn padding(letters: &str, out: &mut String) {
    out.push_str(",\"padding\":\"");
    out.push_str(letters);
    out.push('"');
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
mod tests;
