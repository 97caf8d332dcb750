//! Events as lines for a person: aligned columns, and colours where a terminal shows them.

use std::fmt::Write as _;
use std::io::Write as _;

use chrono::DateTime;

use crate::event::codec::{Codec, EventParser};
use crate::event::{Event, EventType, Properties};

const PLAIN: &str = "\x1b[0m";

/// Writes lines; keeps its buffers from one to the next.
#[derive(Debug)]
pub struct EventLines {
    color: bool,
    parser: Box<dyn EventParser>,
    text: String,
}

impl EventLines {
    /// Lines with or without colours, of this codec's events.
    #[must_use]
    pub fn new(color: bool, codec: &dyn Codec) -> Self {
        Self { color, parser: codec.parser(), text: String::new() }
    }

    /// Appends one event, without a line end: time of day, user, session, type, page, and what
    /// it is about. `due_wall_us` is microseconds since 1970, UTC.
    pub fn append(&mut self, due_wall_us: i64, payload: &[u8], out: &mut Vec<u8>) {
        self.text.clear();
        let written = match self.parser.parse(payload) {
            Ok(event) => write(&mut self.text, self.color, due_wall_us, &event),
            Err(fault) => write!(self.text, "({fault})"),
        };
        debug_assert!(written.is_ok(), "writing to a string can't fail");
        // Nor can writing to a vector.
        let _ = out.write_all(self.text.as_bytes());
    }
}

fn write(out: &mut String, color: bool, due_wall_us: i64, event: &Event<'_>) -> std::fmt::Result {
    match DateTime::from_timestamp_micros(due_wall_us) {
        Some(time) => write!(out, "{}", time.format("%H:%M:%S%.6f"))?,
        None => write!(out, "{due_wall_us:>15}")?,
    }
    let kind = event.event_type;
    let (paint, plain) = if color { (paint(kind), PLAIN) } else { ("", "") };
    write!(
        out,
        "  {:<13} {:<21} {paint}{:<11}{plain} {:<32}",
        event.user_id,
        event.session_id,
        kind.name(),
        event.page_url
    )?;
    let about = about(&event.properties);
    if !about.is_empty() {
        write!(out, " {about}")?;
    }
    out.truncate(out.trim_end().len());
    Ok(())
}

/// What an event is about: product and price, query, cart; empty for nothing.
#[must_use]
pub(crate) fn about(properties: &Properties<'_>) -> String {
    let mut parts = Vec::new();
    if let (Some(name), Some(price)) = (properties.product_name, properties.price) {
        parts.push(format!("{name} {price:.2}"));
    }
    if let Some(query) = properties.search_query {
        parts.push(format!("\"{query}\""));
    }
    if let Some(cart) = properties.cart_value {
        parts.push(format!("cart {cart:.2}"));
    }
    parts.join("  ")
}

/// The rarer a type, the brighter.
const fn paint(kind: EventType) -> &'static str {
    match kind {
        EventType::PageView => "",
        EventType::Click => "\x1b[36m",
        EventType::Search => "\x1b[34m",
        EventType::AddToCart => "\x1b[33m",
        EventType::Purchase => "\x1b[1;32m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::format::JSON;

    const PURCHASE: &str = r#"{"event_id":"x","timestamp":"x","user_id":"user-00042",
        "session_id":"sess-00000000000000ff","event_type":"purchase","page_url":"/checkout",
        "properties":{"product_id":"PROD-002","product_name":"Mouse","price":29.99,
        "cart_value":1029.98}}"#;

    fn line(color: bool, payload: &str) -> String {
        let mut out = Vec::new();
        EventLines::new(color, JSON).append(1_705_314_645_000_123, payload.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_has_its_columns_and_colours_only_where_wanted() {
        let plain = "10:30:45.000123  user-00042    sess-00000000000000ff purchase    \
                     /checkout                        Mouse 29.99  cart 1029.98";
        assert_eq!(line(false, PURCHASE), plain);
        let painted = plain.replace("purchase   ", "\x1b[1;32mpurchase   \x1b[0m");
        assert_eq!(line(true, PURCHASE), painted);
    }

    #[test]
    fn what_is_no_event_is_called_so() {
        assert_eq!(line(false, "{"), "(not JSON)");
    }
}
