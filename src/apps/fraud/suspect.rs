//! What is known of one user. It stands in the table itself, so that an event costs one look-up,
//! and is packed into two cache lines with the name: in a table of a million users, each line
//! more is waited for.

use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

use compact_str::ToCompactString;
use foldhash::fast::FixedState;

use super::home::{HOMES_MAX, code, code_text, is_other, learn, network, network_text};
use super::rules::{Evidence, FraudRule, Met};
use super::sessions::{FraudSession, SessionMarks, enter};
use super::shopping::{CartPace, Shopping};
use crate::apps::state::users::PerUser;
use crate::apps::summary::price_cents;
use crate::event::{Event, EventType, cents};

/// The minute slides by this much.
const SLICE_US: i64 = 10_000_000;
/// Slices in a minute.
const SLICES: usize = 6;

/// What makes a user suspicious.
#[derive(Debug, Clone, Copy)]
pub(super) struct FraudLimits {
    pub(super) velocity_per_min: u64,
    pub(super) purchases_max: usize,
    pub(super) purchase_window_us: i64,
    pub(super) high_value_cents: u64,
    pub(super) high_value_pause_us: i64,
    pub(super) hasty_purchase_us: i64,
    pub(super) home_sessions: u8,
    pub(super) session_idle_us: i64,
}

/// One user.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspect {
    sessions: [FraudSession; 2],
    marks: SessionMarks,
    sessions_begun: u8,
    minute: Minute,
    /// Countries that are the user's own.
    countries: [u16; HOMES_MAX],
    /// Networks that are the user's own.
    networks: [u32; HOMES_MAX],
    /// Hash of the last event's address, 0 without one; a change is overlooked with a chance of
    /// 2^-32.
    address: u32,
    network: u32,
    /// Few have a cart, so this is elsewhere.
    shopping: Option<Box<Shopping>>,
    /// Most events in a minute.
    pub(super) events_most: u32,
}

/// What an event comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub(super) met: Met,
    /// How fast what is bought came out of the cart again.
    pub(super) pace: Option<CartPace>,
    /// The address, where it isn't that of the user's event before.
    pub(super) moved_to: Option<IpAddr>,
}

impl Suspect {
    /// Takes in an event of the user.
    pub(super) fn judge(&mut self, event: &Event<'_>, due_us: i64, limits: &FraudLimits) -> Judged {
        let mut met = Met::default();
        let events = self.minute.count(due_us);
        self.events_most = self.events_most.max(events);
        let moved_to = self.follow_address(event);
        let Self { sessions, marks, .. } = self;
        if enter(sessions, marks, event.session_id, due_us, limits.session_idle_us) {
            if self.sessions_begun < limits.home_sessions {
                self.marks.set(SessionMarks::LEARNS);
            }
            self.sessions_begun = self.sessions_begun.saturating_add(1);
            if let Some(shopping) = &mut self.shopping {
                shopping.forget(self.sessions[0].id);
            }
            // Whoever comes from a page of the shop was there before the stream began.
            if event.referrer.is_some_and(|page| page.starts_with('/')) {
                self.marks.set(SessionMarks::LOOKED);
            }
        }
        let session = &mut self.sessions[0];
        session.events = session.events.saturating_add(1);
        let too_fast = u64::from(events) > limits.velocity_per_min;
        let own = is_own(session.events.into(), limits.velocity_per_min);
        met.set(FraudRule::Velocity, too_fast && own);
        let device = device(event);
        met.set(
            FraudRule::DeviceChange,
            session.device != 0 && device != 0 && session.device != device,
        );
        if device != 0 {
            session.device = device;
        }
        let country = event.location.country.map_or(0, code);
        if self.marks.has(SessionMarks::LEARNS) {
            learn(&mut self.countries, country);
            learn(&mut self.networks, self.network);
        } else {
            met.set(FraudRule::UnusualCountry, is_other(&self.countries, country));
            met.set(FraudRule::UnusualNetwork, is_other(&self.networks, self.network));
        }
        let pace = match event.event_type {
            EventType::PageView | EventType::Search => {
                self.marks.set(SessionMarks::LOOKED);
                None
            }
            EventType::Click => None,
            EventType::AddToCart => {
                self.fill(due_us);
                None
            }
            EventType::Purchase => self.buy(event, due_us, limits, &mut met),
        };
        Judged { met, pace, moved_to }
    }

    /// A product comes into the session's cart.
    fn fill(&mut self, due_us: i64) {
        let [session, other] = &mut self.sessions;
        session.cart(due_us);
        let shopping = self.shopping.get_or_insert_default();
        shopping.fill(session.id, other.id, session.events, due_us);
    }

    /// A product is bought: gives how fast it came out of the cart again.
    fn buy(
        &mut self,
        event: &Event<'_>,
        due_us: i64,
        limits: &FraudLimits,
        met: &mut Met,
    ) -> Option<CartPace> {
        let session = &mut self.sessions[0];
        met.set(FraudRule::BlindPurchase, !self.marks.has(SessionMarks::LOOKED));
        let pause_us = session.since_cart_us(due_us);
        let is_hasty = pause_us.is_some_and(|us| us < limits.hasty_purchase_us);
        met.set(FraudRule::HastyPurchase, is_hasty);
        let shopping = self.shopping.get_or_insert_default();
        let pace = shopping.empty(session.id, session.events, due_us);
        let is_rush = pace.is_some_and(|pace| pace.is_rush(limits.high_value_pause_us));
        met.set(FraudRule::HighValue, is_rush && cart_cents(event) >= limits.high_value_cents);
        session.purchases = session.purchases.saturating_add(1);
        // What is bought product by product out of one cart is bought once, with the last one.
        if cart_cents(event) <= price_cents(event) {
            let count = shopping.buy(due_us, limits);
            let own = is_own(session.purchases.into(), limits.purchases_max as u64);
            met.set(FraudRule::PurchaseVelocity, count > limits.purchases_max && own);
        }
        pace
    }

    /// Most carts bought in the window.
    pub(super) fn purchases_most(&self) -> u32 {
        self.shopping.as_ref().map_or(0, |shopping| shopping.most)
    }

    fn follow_address(&mut self, event: &Event<'_>) -> Option<IpAddr> {
        let text = event.ip_address?;
        let hash = FixedState::default().hash_one(text) as u32 | 1;
        if hash == self.address {
            return None;
        }
        self.address = hash;
        let address = text.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        self.network = address.map_or(0, network);
        address
    }

    /// What speaks for a rule that the event just judged has met.
    pub(super) fn evidence(
        &self,
        rule: FraudRule,
        event: &Event<'_>,
        due_us: i64,
        pace: Option<CartPace>,
        limits: &FraudLimits,
    ) -> Evidence {
        match rule {
            FraudRule::Velocity => Evidence::Events(self.minute.sum().into()),
            FraudRule::PurchaseVelocity => {
                let count = self.shopping.as_ref().map_or(0, |shopping| shopping.count());
                Evidence::Purchases(count as u64, limits.purchase_window_us)
            }
            FraudRule::HighValue => {
                Evidence::Cart(cart_cents(event), pace.map_or(0, |pace| pace.us))
            }
            FraudRule::UnusualCountry => {
                let now = event.location.country.unwrap_or_default().to_compact_string();
                Evidence::Place(now, code_text(self.countries[0]))
            }
            FraudRule::UnusualNetwork | FraudRule::CrowdedAddress => {
                Evidence::Place(network_text(self.network), network_text(self.networks[0]))
            }
            FraudRule::BlindPurchase => Evidence::Blind,
            FraudRule::HastyPurchase => {
                Evidence::Haste(self.sessions[0].since_cart_us(due_us).unwrap_or(i64::MAX))
            }
            FraudRule::DeviceChange => {
                let device = &event.device;
                let words = [device.kind, device.os, device.browser];
                let words: Vec<_> = words.into_iter().flatten().collect();
                Evidence::Device(words.join(" ").into())
            }
        }
    }
}

impl PerUser for Suspect {
    fn last_us(&self) -> i64 {
        self.sessions[0].last_us.max(self.sessions[1].last_us)
    }

    fn absorb(&mut self, other: Self) {
        let purchases_most = self.purchases_most().max(other.purchases_most());
        let events_most = self.events_most.max(other.events_most);
        // A user of two partitions has no order of events: the later state goes on.
        if other.last_us() > self.last_us() {
            *self = other;
        }
        self.events_most = events_most;
        if purchases_most > 0 {
            self.shopping.get_or_insert_default().most = purchases_most;
        }
    }
}

/// Whether a session has its part in what its user did too much of: half of the limit or more.
/// What a session before it did is not its fault.
fn is_own(of_session: u64, limit: u64) -> bool {
    2 * of_session >= limit
}

/// What the cart is worth, in cents; the one price where a foreign event has no cart.
pub(super) fn cart_cents(event: &Event<'_>) -> u64 {
    event.properties.cart_value.or(event.properties.price).map_or(0, cents)
}

/// Events in the last minute, by slices.
#[derive(Debug, Clone)]
struct Minute {
    slice: i32,
    counts: [u16; SLICES],
}

impl Default for Minute {
    fn default() -> Self {
        Self { slice: i32::MIN, counts: [0; SLICES] }
    }
}

impl Minute {
    /// Counts an event, and gives how many there are in the minute; 0 for one that is older.
    fn count(&mut self, due_us: i64) -> u32 {
        let number = due_us.div_euclid(SLICE_US);
        // Times of the year 2600 and later share a slice.
        let slice = i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX });
        if slice > self.slice {
            let passed = slice.saturating_sub(self.slice).min(SLICES as i32);
            for gone in 0..passed {
                self.counts[index(slice - gone)] = 0;
            }
            self.slice = slice;
        } else if self.slice.saturating_sub(slice) >= SLICES as i32 {
            return 0;
        }
        let count = &mut self.counts[index(slice)];
        *count = count.saturating_add(1);
        self.sum()
    }

    fn sum(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).sum()
    }
}

fn index(slice: i32) -> usize {
    slice.rem_euclid(SLICES as i32) as usize
}

/// The hash of device and browser; 0 when the event names none.
fn device(event: &Event<'_>) -> u32 {
    let device = &event.device;
    let words = [event.user_agent, device.kind, device.os, device.browser];
    if words.iter().all(Option::is_none) {
        return 0;
    }
    let mut hasher = FixedState::default().build_hasher();
    for word in words {
        hasher.write(word.unwrap_or_default().as_bytes());
    }
    hasher.finish() as u32 | 1
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn the_minute_slides_by_slices() {
        let mut minute = Minute::default();
        // At 0 s, 9 s, 10 s, 59 s, 60 s (the first slice is over), 200 s, and much too late.
        let counts = [0, 9, 10, 59, 60, 200, 100].map(|s| minute.count(s * 1_000_000));
        assert_eq!(counts, [1, 2, 3, 4, 3, 1, 0]);
    }

    pub(in crate::apps::fraud) const LIMITS: FraudLimits = FraudLimits {
        velocity_per_min: 90,
        purchases_max: 8,
        purchase_window_us: 600_000_000,
        high_value_cents: 300_000,
        high_value_pause_us: 1_500_000,
        hasty_purchase_us: 100_000,
        home_sessions: 1,
        session_idle_us: 1_800_000_000,
    };

    #[test]
    fn a_user_takes_two_cache_lines_with_the_name() {
        assert_eq!(size_of::<(compact_str::CompactString, Suspect)>(), 128);
    }
}
