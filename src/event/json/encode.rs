//! Writes an event: prebuilt fragments around the few parts that change with every event.
//!
//! What stays the same for a session, a product or a page is turned into JSON once, by [`prepare`],
//! and copied after that. Escaping happens there and nowhere else.

use super::stamp;
use crate::event::codec::{EventParts, EventPiece};
use crate::event::{PROBE_SHARD, Stamp};

/// What the padding's field takes besides its letters.
pub(super) const PADDING_FRAME: usize = ",\"padding\":\"\"".len();

/// How many bytes [`encode`] writes.
pub(super) fn encoded_len(parts: &EventParts<'_>) -> usize {
    const FRAME: usize = stamp::STAMP_LEN
        + ",\"event_type\":\"\",\"page_url\":\"\",\"referrer\":\"\",\"user_agent\":\"\"".len()
        + ",\"ip_address\":\"\",\"properties\":{}".len();
    let texts = [
        parts.who,
        parts.event_type.name().as_bytes(),
        parts.page_url,
        parts.referrer,
        parts.user_agent,
        parts.ip_address.as_bytes(),
        parts.about,
        parts.device,
        parts.location,
    ];
    let mut comma = usize::from(!parts.about.is_empty());
    let mut len = FRAME + texts.iter().map(|text| text.len()).sum::<usize>();
    if let Some(query) = parts.search_query {
        len += comma + "\"search_query\":\"\"".len() + query.len();
        comma = 1;
    }
    if let Some(cents) = parts.cart_cents {
        let digits = (cents.max(1).ilog10() as usize + 1).max(3);
        len += comma + "\"cart_value\":.".len() + digits;
    }
    len + parts.padding.map_or(0, |letters| PADDING_FRAME + letters.len())
}

/// Appends one event as JSON.
#[inline]
pub(super) fn encode(stamp: &Stamp, parts: &EventParts<'_>, out: &mut Vec<u8>) {
    // Room for all but the longest event, so that no later step has to grow the buffer.
    out.reserve(1_024);
    stamp::write(stamp, out);
    put(out, parts.who);
    put(out, b",\"event_type\":\"");
    put(out, parts.event_type.name().as_bytes());
    put(out, b"\",\"page_url\":\"");
    put(out, parts.page_url);
    put(out, b"\",\"referrer\":\"");
    put(out, parts.referrer);
    put(out, b"\",\"user_agent\":\"");
    put(out, parts.user_agent);
    put(out, b"\",\"ip_address\":\"");
    put(out, parts.ip_address.as_bytes());
    put(out, b"\",\"properties\":{");
    put(out, parts.about);
    let mut comma: &[u8] = if parts.about.is_empty() { b"" } else { b"," };
    if let Some(query) = parts.search_query {
        put(out, comma);
        put(out, b"\"search_query\":\"");
        put(out, query);
        put(out, b"\"");
        comma = b",";
    }
    if let Some(cents) = parts.cart_cents {
        put(out, comma);
        put(out, b"\"cart_value\":");
        put_dollars(out, cents);
    }
    put(out, b"}");
    if let Some(letters) = parts.padding {
        put(out, b",\"padding\":\"");
        put(out, letters.as_bytes());
        put(out, b"\"");
    }
    put(out, parts.device);
    put(out, parts.location);
}

/// Appends a probe: a small whole event of shard [`PROBE_SHARD`], whatever the stamp's shard.
///
/// It finds out whether every group reads every partition; no application gets to see it.
pub(super) fn probe(stamp: &Stamp, out: &mut Vec<u8>) {
    stamp::write(&Stamp { shard: PROBE_SHARD, ..*stamp }, out);
    put(out, b",\"user_id\":\"probe\",\"session_id\":\"probe\",\"event_type\":\"page_view\"");
    put(out, b",\"page_url\":\"/\",\"referrer\":\"\",\"user_agent\":\"kbench\"");
    put(out, b",\"ip_address\":\"127.0.0.1\",\"properties\":{},\"device\":{},\"location\":{}}");
}

/// Appends the fragment of a piece.
pub(super) fn prepare(piece: &EventPiece<'_>, out: &mut Vec<u8>) {
    match *piece {
        EventPiece::Text(text) => escape(text, out),
        EventPiece::Session { user_id, session_id } => {
            field(out, ",\"user_id\":\"", user_id);
            field(out, ",\"session_id\":\"", session_id);
        }
        EventPiece::Product { id, name, price_cents, category } => {
            field(out, "\"product_id\":\"", id);
            field(out, ",\"product_name\":\"", name);
            put(out, b",\"price\":");
            put_dollars(out, price_cents);
            field(out, ",\"category\":\"", category);
        }
        EventPiece::Category(name) => field(out, "\"category\":\"", name),
        EventPiece::Device { kind, os, browser } => {
            field(out, ",\"device\":{\"type\":\"", kind);
            field(out, ",\"os\":\"", os);
            field(out, ",\"browser\":\"", browser);
            out.push(b'}');
        }
        // It ends the event.
        EventPiece::Place { country, city, timezone } => {
            field(out, ",\"location\":{\"country\":\"", country);
            field(out, ",\"city\":\"", city);
            field(out, ",\"timezone\":\"", timezone);
            put(out, b"}}");
        }
    }
}

/// Appends a text as it stands between the quotation marks of JSON (RFC 8259, section 7).
fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'"' => put(out, b"\\\""),
            b'\\' => put(out, b"\\\\"),
            0..=0x1f => put(out, format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
}

fn field(out: &mut Vec<u8>, opening: &str, value: &str) {
    put(out, opening.as_bytes());
    escape(value, out);
    out.push(b'"');
}

#[inline]
fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
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
