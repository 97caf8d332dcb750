//! What the books count of a recorded event: taken from its JSON, since nobody made it up here.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::event::{Event, cents};
use crate::generate::Facts;

/// The facts of an event; whether it begins a session is for whoever saw the events before.
pub(super) fn facts(event: &Event<'_>) -> Facts {
    Facts {
        event_type: event.event_type,
        user: user(event.user_id),
        session: session(event.session_id),
        session_starts: false,
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

/// The digits at the end of `user-00042`, or a hash of a name without any.
fn user(user_id: &str) -> u64 {
    let head = user_id.trim_end_matches(|letter: char| letter.is_ascii_digit());
    user_id[head.len()..].parse().unwrap_or_else(|_| hash(user_id.as_bytes()))
}

/// The hexadecimal number of `sess-00000000000000ff`, or a hash of any other name.
fn session(session_id: &str) -> u64 {
    session_id
        .strip_prefix("sess-")
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or_else(|| hash(session_id.as_bytes()))
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
    fn kbenchs_own_names_give_their_numbers_back() {
        assert_eq!(user("user-00042"), 42);
        assert_eq!(user("user-18446744073709551615"), u64::MAX);
        assert_eq!(session("sess-00000000000000ff"), 255);
        assert_eq!(product("PROD-001"), Some(0));
        assert_eq!(product("PROD-1234"), Some(1_233));
    }

    #[test]
    fn foreign_names_are_told_apart() {
        assert_ne!(user("anna"), user("berta"));
        assert_eq!(user("42"), 42);
        // Too long for a number.
        assert_ne!(user("99999999999999999999"), user("99999999999999999998"));
        assert_ne!(session("sess-+1"), 1);
        assert_ne!(session("a"), session("b"));
        for name in ["", "PROD-", "PROD-000", "PROD-x", "SKU-7", "PROD-99999999999"] {
            assert_eq!(product(name), None, "{name}");
        }
    }
}
