//! Who a user is: segment, engagement, device, and the ways of the open sessions.

use crate::apps::journey::Recent;
use crate::apps::state::sessions::{UserSession, UserSessions};
use crate::apps::state::users::PerUser;
use crate::event::EventType;

/// What an event of each type adds to a user's engagement: the further down the funnel, the more.
pub(super) const ENGAGEMENT: [u64; 5] = [1, 2, 3, 5, 10];

/// Kinds of devices that are told apart; the last is for all others.
pub(super) const DEVICES: [&str; 4] = ["desktop", "mobile", "tablet", "other"];

/// What a user is, by what the user has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// Looks at pages.
    Browser,
    /// Puts into the cart, and buys.
    Buyer,
    /// Searches much, buys little.
    Researcher,
}

impl Segment {
    /// Every segment, in the order of their indices.
    pub const ALL: [Self; 3] = [Self::Browser, Self::Buyer, Self::Researcher];

    /// The name of those in it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browsers",
            Self::Buyer => "buyers",
            Self::Researcher => "researchers",
        }
    }

    /// The place in tables by segment.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Who is what. A user with few events gets the benefit of the doubt: as many events as the
/// margin are no evidence.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentRule {
    /// A buyer has at least this share of carts and purchases among the events beyond the margin.
    pub(super) buyer_share: f64,
    /// Who is not a buyer is a researcher from this share of searches on.
    pub(super) researcher_share: f64,
    pub(super) margin: f64,
}

/// One user.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// The first event: microseconds since 1970.
    pub(super) first_us: i64,
    /// The first purchase; beyond all times while there is none.
    pub(super) bought_us: i64,
    pub(super) by_type: [u32; 5],
    pub(super) devices: [u32; DEVICES.len()],
    pub(super) visits: UserSessions<SessionPath>,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            first_us: i64::MAX,
            bought_us: i64::MAX,
            by_type: [0; 5],
            devices: [0; DEVICES.len()],
            visits: UserSessions::default(),
        }
    }
}

impl Person {
    /// All events.
    pub(super) fn events(&self) -> u64 {
        self.by_type.iter().map(|count| u64::from(*count)).sum()
    }

    pub(super) fn segment(&self, rule: &SegmentRule) -> Segment {
        let of = |kind: EventType| f64::from(self.by_type[kind.index()]);
        let events = self.events() as f64;
        let stands_out = |count: f64, share: f64| count >= rule.margin + share * events;
        let carts = of(EventType::AddToCart) + of(EventType::Purchase);
        // Without a margin and with a share of 0, those who did nothing of it would be in too.
        if carts > 0.0 && stands_out(carts, rule.buyer_share) {
            Segment::Buyer
        } else if of(EventType::Search) > 0.0
            && stands_out(of(EventType::Search), rule.researcher_share)
        {
            Segment::Researcher
        } else {
            Segment::Browser
        }
    }

    pub(super) fn engagement(&self) -> u64 {
        self.by_type.iter().zip(ENGAGEMENT).map(|(count, weight)| u64::from(*count) * weight).sum()
    }

    /// The device that most events came from; the first of equals.
    pub(super) fn device(&self) -> usize {
        let most = self.devices.iter().max();
        self.devices.iter().position(|count| Some(count) == most).unwrap_or(0)
    }

    /// From the first event to the first purchase, in milliseconds.
    pub(super) fn time_to_purchase_ms(&self) -> Option<u64> {
        (self.bought_us < i64::MAX)
            .then(|| self.bought_us.saturating_sub(self.first_us).max(0).unsigned_abs() / 1_000)
    }

    /// The session with the latest event; the first of equals.
    pub(super) fn latest(&self) -> Option<&UserSession<SessionPath>> {
        self.visits.open().iter().rev().max_by_key(|visit| visit.last_us)
    }
}

impl PerUser for Person {
    fn last_us(&self) -> i64 {
        self.visits.last_us()
    }

    fn absorb(&mut self, other: Self) {
        self.first_us = self.first_us.min(other.first_us);
        self.bought_us = self.bought_us.min(other.bought_us);
        for (count, more) in self.by_type.iter_mut().zip(other.by_type) {
            *count = count.saturating_add(more);
        }
        for (count, more) in self.devices.iter_mut().zip(other.devices) {
            *count = count.saturating_add(more);
        }
        self.visits.absorb(other.visits);
    }
}

/// The way of one session.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionPath {
    /// The kinds of the latest pages.
    pub(super) recent: Recent,
    /// The page of the last event.
    pub(super) last_page: u32,
    /// The kind of that page.
    pub(super) last_kind: u8,
    /// The kinds of pages that the session came to, a bit for each.
    pub(super) kinds: u8,
    pub(super) bought: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(by_type: [u32; 5], margin: f64) -> Segment {
        let rule = SegmentRule { buyer_share: 0.05, researcher_share: 0.13, margin };
        Person { by_type, ..Person::default() }.segment(&rule)
    }

    #[test]
    fn few_events_of_a_kind_are_no_evidence() {
        // One purchase in ten events is less than one and a twentieth of ten.
        assert_eq!(segment([9, 0, 0, 0, 1], 1.0), Segment::Browser);
        assert_eq!(segment([8, 0, 0, 1, 1], 1.0), Segment::Buyer);
        assert_eq!(segment([9, 0, 0, 0, 1], 0.0), Segment::Buyer);
        assert_eq!(segment([18, 0, 2, 0, 0], 1.0), Segment::Browser);
        assert_eq!(segment([17, 0, 4, 0, 0], 1.0), Segment::Researcher);
        // Who searches and buys is a buyer.
        assert_eq!(segment([10, 0, 6, 2, 2], 1.0), Segment::Buyer);
    }

    #[test]
    fn nobody_is_what_they_never_did() {
        let rule = SegmentRule { buyer_share: 0.0, researcher_share: 0.0, margin: 0.0 };
        let person = |by_type| Person { by_type, ..Person::default() };
        assert_eq!(person([3, 0, 0, 0, 0]).segment(&rule), Segment::Browser);
        assert_eq!(person([3, 0, 1, 0, 0]).segment(&rule), Segment::Researcher);
    }
}
