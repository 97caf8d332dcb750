//! The generator's own books: what the applications must come to, if nothing was lost.
//!
//! Counted from the structure of each event before it becomes text, and with no line of code in
//! common with the applications, so that both can only agree by both being right.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::{EventType, FraudKind};
use crate::load::generate::{EventFacts, Persona};

/// Most planted sessions that the books know one by one, over all shards: some 50 MB. The rest
/// is only counted.
pub const PLANTED_MAX: usize = 1_000_000;

/// Totals over the events sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Books {
    /// All events.
    pub events: u64,
    /// Events by [`EventType::index`].
    pub by_type: [u64; 5],
    /// Sum of the prices of all purchases, in cents.
    pub revenue_cents: u64,
    /// Products put into carts.
    pub carts: u64,
    /// Sum of the prices of all products put into carts, in cents.
    pub carted_cents: u64,
    /// Products bought.
    pub purchases: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions begun, by [`Persona::index`].
    pub sessions_by_persona: [u64; 3],
    /// Events by [`Persona::index`].
    pub by_persona: [u64; 3],
    /// Products bought, by [`Persona::index`].
    pub purchases_by_persona: [u64; 3],
    /// Planted fraud, by [`crate::event::FraudKind::index`].
    // Results from before there was any are still read.
    #[serde(default)]
    pub fraud: [PlantedFraud; 4],
    /// The planted sessions by their number, up to [`PLANTED_MAX`]. A result is no place for
    /// them, so they are lost when it is saved.
    #[serde(skip)]
    pub planted: BTreeMap<u64, FraudKind>,
    /// The users of the planted sessions in that list; lost when it is saved, too.
    #[serde(skip)]
    pub planted_users: BTreeSet<u64>,
    /// Events of planted sessions that found no place in that list.
    #[serde(default)]
    pub planted_unlisted: u64,
}

/// What was planted of one kind of fraud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlantedFraud {
    /// Sessions that were planted for it.
    pub sessions: u64,
    /// Their events.
    pub events: u64,
    /// What they bought, in cents.
    pub bought_cents: u64,
}

impl Books {
    /// Enters one event.
    pub fn observe(&mut self, facts: &EventFacts) {
        let starts = u64::from(facts.session_starts);
        let bought = facts.event_type == EventType::Purchase;
        self.events += 1;
        self.by_type[facts.event_type.index()] += 1;
        self.sessions += starts;
        if let Some(persona) = facts.persona.map(Persona::index) {
            self.by_persona[persona] += 1;
            self.sessions_by_persona[persona] += starts;
            self.purchases_by_persona[persona] += u64::from(bought);
        }
        if let Some(fraud) = facts.fraud {
            let planted = &mut self.fraud[fraud.index()];
            planted.sessions += starts;
            planted.events += 1;
            planted.bought_cents += u64::from(bought) * facts.price_cents;
            if self.list(facts.session, fraud) {
                self.planted_users.insert(facts.user);
            }
        }
        match facts.event_type {
            EventType::AddToCart => {
                self.carts += 1;
                // A foreign price may be absurd: the sum stays at the greatest number there is.
                self.carted_cents = self.carted_cents.saturating_add(facts.price_cents);
            }
            EventType::Purchase => {
                self.purchases += 1;
                self.revenue_cents = self.revenue_cents.saturating_add(facts.price_cents);
            }
            EventType::PageView | EventType::Click | EventType::Search => {}
        }
    }

    /// Whether there was a place for it.
    fn list(&mut self, session: u64, fraud: FraudKind) -> bool {
        let has_place = self.planted.len() < PLANTED_MAX || self.planted.contains_key(&session);
        if has_place {
            self.planted.insert(session, fraud);
        } else {
            self.planted_unlisted += 1;
        }
        has_place
    }

    /// Those of all shards together.
    #[must_use]
    pub fn of_all(shards: &[Self]) -> Self {
        let mut all = Self::default();
        shards.iter().for_each(|shard| all.merge(shard));
        all
    }

    /// Adds the books of another shard.
    pub fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.revenue_cents = self.revenue_cents.saturating_add(other.revenue_cents);
        self.carts += other.carts;
        self.carted_cents = self.carted_cents.saturating_add(other.carted_cents);
        self.purchases += other.purchases;
        self.sessions += other.sessions;
        add(&mut self.by_type, &other.by_type);
        add(&mut self.by_persona, &other.by_persona);
        add(&mut self.sessions_by_persona, &other.sessions_by_persona);
        add(&mut self.purchases_by_persona, &other.purchases_by_persona);
        for (own, other) in self.fraud.iter_mut().zip(&other.fraud) {
            own.sessions += other.sessions;
            own.events += other.events;
            own.bought_cents += other.bought_cents;
        }
        self.planted_unlisted += other.planted_unlisted;
        for (session, fraud) in &other.planted {
            self.list(*session, *fraud);
        }
        self.planted_users.extend(&other.planted_users);
    }
}

fn add<const N: usize>(own: &mut [u64; N], other: &[u64; N]) {
    for (own, other) in own.iter_mut().zip(other) {
        *own += other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(event_type: EventType, price_cents: u64, session_starts: bool) -> EventFacts {
        EventFacts {
            event_type,
            user: 1,
            session: 2,
            session_starts,
            session_ends: false,
            was_under_way: false,
            product: None,
            price_cents,
            cart_cents: 5_000,
            persona: Some(Persona::Buyer),
            fraud: Some(FraudKind::CardTesting),
        }
    }

    #[test]
    fn only_purchases_make_revenue() {
        let mut books = Books::default();
        books.observe(&facts(EventType::PageView, 999, true));
        books.observe(&facts(EventType::AddToCart, 999, false));
        books.observe(&facts(EventType::Purchase, 999, false));
        let expected = Books {
            events: 3,
            by_type: [1, 0, 0, 1, 1],
            revenue_cents: 999,
            carts: 1,
            carted_cents: 999,
            purchases: 1,
            sessions: 1,
            sessions_by_persona: [0, 1, 0],
            by_persona: [0, 3, 0],
            purchases_by_persona: [0, 1, 0],
            fraud: [
                PlantedFraud { sessions: 1, events: 3, bought_cents: 999 },
                PlantedFraud::default(),
                PlantedFraud::default(),
                PlantedFraud::default(),
            ],
            planted: BTreeMap::from([(2, FraudKind::CardTesting)]),
            planted_users: BTreeSet::from([1]),
            planted_unlisted: 0,
        };
        assert_eq!(books, expected);
    }

    #[test]
    fn merged_books_are_those_of_all_events() {
        let (mut whole, mut parts) = (Books::default(), [Books::default(), Books::default()]);
        for number in 0..100_u64 {
            let kind = EventType::ALL[(number * 7 % 5) as usize];
            let one = EventFacts {
                user: number % 10,
                session: number % 5,
                persona: Persona::ALL.get((number % 4) as usize).copied(),
                fraud: FraudKind::ALL.get((number % 5) as usize).copied(),
                ..facts(kind, number, number % 11 == 0)
            };
            whole.observe(&one);
            parts[(number % 2) as usize].observe(&one);
        }
        let [mut merged, other] = parts;
        merged.merge(&other);
        assert_eq!(merged, whole);
        assert!(merged.revenue_cents > 0 && merged.sessions > 0);
        assert_eq!(merged.planted_users, BTreeSet::from([0, 1, 2, 3, 5, 6, 7, 8]));
    }
}
