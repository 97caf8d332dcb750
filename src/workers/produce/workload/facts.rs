//! What the books count of a recorded event: taken from its fields, since nobody made it up here.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::event::{Event, cents};
use crate::load::generate::EventFacts;

/// The facts of an event; whether it begins a session is for whoever saw the events before.
pub(super) fn facts(event: &Event<'_>) -> EventFacts {
    EventFacts {
        event_type: event.event_type,
        user: hash(event.user_id.as_bytes()),
        session: hash(event.session_id.as_bytes()),
        session_starts: false,
        session_ends: false,
        was_under_way: false,
        product: event.properties.product_id.and_then(product),
        price_cents: event.properties.price.map_or(0, cents),
        cart_cents: event.properties.cart_value.map_or(0, cents),
        persona: None,
        fraud: None,
    }
}

/// A number for a name: the same in every run.
pub(super) fn hash(name: &[u8]) -> u64 {
    FixedState::default().hash_one(name)
}

/// `PROD-001` is product 0; other names have no number.
fn product(product_id: &str) -> Option<u32> {
    let number: u32 = product_id.strip_prefix("PROD-")?.parse().ok()?;
    number.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_kbenchs_own_names_have_numbers() {
        assert_eq!(product("PROD-001"), Some(0));
        assert_eq!(product("PROD-1234"), Some(1_233));
        for name in ["", "PROD-", "PROD-000", "PROD-x", "SKU-7", "PROD-99999999999"] {
            assert_eq!(product(name), None, "{name}");
        }
        assert_ne!(hash(b"anna"), hash(b"berta"));
    }
}
