//! What a generator gives for a slot.

use serde::Serialize;

use crate::event::codec::EventParts;
use crate::event::{EventType, FraudKind};

/// How a user shops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Persona {
    /// Looks around and buys little.
    Browser,
    /// Comes for something, and buys it.
    Buyer,
    /// Searches and compares for long.
    Researcher,
}

impl Persona {
    /// Every persona, in the order of the plan's shares.
    pub const ALL: [Self; 3] = [Self::Browser, Self::Buyer, Self::Researcher];

    /// The place in tables by persona.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The greatest [`Self::patience`].
    pub(super) const PATIENCE_MAX: f64 = 1.6;

    /// How long this persona's sessions are, relative to each other.
    pub(super) const fn patience(self) -> f64 {
        match self {
            Self::Browser => 0.8,
            Self::Buyer => 1.1,
            Self::Researcher => 1.6,
        }
    }
}

/// What an event is, without its text: what the books count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventFacts {
    /// What happened.
    pub event_type: EventType,
    /// The user's number, that of `user_id`; a hash of a recorded event's.
    pub user: u64,
    /// The session's number, that of `session_id`; no two sessions of a run share one. A hash of a
    /// recorded event's.
    pub session: u64,
    /// Whether this is the session's first event.
    pub session_starts: bool,
    /// Whether it is its last one.
    pub session_ends: bool,
    /// Whether the session was under way before its first event in the run.
    pub was_under_way: bool,
    /// The product among the event's properties, counted from 0 (`PROD-001`).
    pub product: Option<u32>,
    /// That product's price; 0 without one.
    pub price_cents: u64,
    /// The event's `cart_value`: the cart after an `add_to_cart`, and before a `purchase` is
    /// taken out of it; 0 for the other types, which have none.
    pub cart_cents: u64,
    /// How the user shops; not known of a recorded event.
    pub persona: Option<Persona>,
    /// The fraud that the session is planted for.
    pub fraud: Option<FraudKind>,
}

/// One event, all but its stamp.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// What the books count.
    pub facts: EventFacts,
    /// The record's key: the `user_id`.
    pub key: &'a str,
    /// What [`Codec::encode`](crate::event::codec::Codec::encode) writes.
    pub parts: EventParts<'a>,
}
