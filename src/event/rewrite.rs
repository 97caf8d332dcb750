//! Writes an event as it was read, whatever its format.

use super::codec::{Codec, EventParts, EventPiece};
use super::{Event, Stamp, cents};

/// Appends an event as a record's value: prepares all of its pieces, so it is slow.
///
/// What it doesn't have is left out or empty; numbers are rounded to cents.
pub fn rewrite(codec: &dyn Codec, stamp: &Stamp, event: &Event<'_>, out: &mut Vec<u8>) {
    let prepared = |piece: EventPiece<'_>| {
        let mut bytes = Vec::new();
        codec.prepare(&piece, &mut bytes);
        bytes
    };
    let text = |text: Option<&str>| prepared(EventPiece::Text(text.unwrap_or_default()));
    let Event { properties, device, location, .. } = event;
    let about = match (properties.product_id, properties.category) {
        (Some(id), category) => prepared(EventPiece::Product {
            id,
            name: properties.product_name.unwrap_or_default(),
            price_cents: properties.price.map_or(0, cents),
            category: category.unwrap_or_default(),
        }),
        (None, Some(category)) => prepared(EventPiece::Category(category)),
        (None, None) => Vec::new(),
    };
    let query = properties.search_query.map(|query| text(Some(query)));
    let session = EventPiece::Session { user_id: event.user_id, session_id: event.session_id };
    let device = EventPiece::Device {
        kind: device.kind.unwrap_or_default(),
        os: device.os.unwrap_or_default(),
        browser: device.browser.unwrap_or_default(),
    };
    let place = EventPiece::Place {
        country: location.country.unwrap_or_default(),
        city: location.city.unwrap_or_default(),
        timezone: location.timezone.unwrap_or_default(),
    };
    let parts = EventParts {
        who: &prepared(session),
        event_type: event.event_type,
        page_url: &text(Some(event.page_url)),
        referrer: &text(event.referrer),
        user_agent: &text(event.user_agent),
        ip_address: event.ip_address.unwrap_or_default(),
        about: &about,
        search_query: query.as_deref(),
        cart_cents: properties.cart_value.map(cents),
        padding: None,
        device: &prepared(device),
        location: &prepared(place),
    };
    codec.encode(stamp, &parts, out);
}
