//! What is known of one user. It stands in the table itself, so that an event costs one look-up,
//! and is packed into two cache lines with the name: in a table of a million users, each line
//! more is waited for.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

use compact_str::ToCompactString;
use foldhash::fast::FixedState;

use super::home::{HOMES_MAX, code, code_text, is_other, learn, network, network_text};
use super::rules::{Evidence, Met, Rule};
use super::sessions::{Marks, Session, enter};
use crate::apps::users::PerUser;
use crate::event::{Event, EventType, cents};

/// The minute slides by this much.
const SLICE_US: i64 = 10_000_000;
/// Slices in a minute.
const SLICES: usize = 6;
/// How many purchases an alert can tell apart at least.
const PURCHASES_TOLD: usize = 256;

/// What makes a user suspicious.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) velocity_per_min: u64,
    pub(super) purchases_max: usize,
    pub(super) purchase_window_us: i64,
    pub(super) high_value_cents: u64,
    pub(super) hasty_purchase_us: i64,
    pub(super) home_sessions: u8,
    pub(super) session_idle_us: i64,
}

/// One user.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspect {
    sessions: [Session; 2],
    marks: Marks,
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
    /// Few buy, so this is elsewhere.
    purchases: Option<Box<Recent>>,
    /// Most events in a minute.
    pub(super) events_most: u32,
}

/// What an event comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub(super) met: Met,
    /// The address, where it isn't that of the user's event before.
    pub(super) moved_to: Option<IpAddr>,
}

impl Suspect {
    /// Takes in an event of the user.
    pub(super) fn judge(&mut self, event: &Event<'_>, due_us: i64, limits: &Limits) -> Judged {
        let mut met = Met::default();
        let events = self.minute.count(due_us);
        self.events_most = self.events_most.max(events);
        let moved_to = self.follow_address(event);
        let Self { sessions, marks, .. } = self;
        if enter(sessions, marks, event.session_id, due_us, limits.session_idle_us) {
            if self.sessions_begun < limits.home_sessions {
                self.marks.set(Marks::LEARNS);
            }
            self.sessions_begun = self.sessions_begun.saturating_add(1);
        }
        let session = &mut self.sessions[0];
        session.events = session.events.saturating_add(1);
        let too_fast = u64::from(events) > limits.velocity_per_min;
        let own = is_own(session.events.into(), limits.velocity_per_min);
        met.set(Rule::Velocity, too_fast && own);
        let device = device(event);
        met.set(Rule::DeviceChange, session.device != 0 && device != 0 && session.device != device);
        if device != 0 {
            session.device = device;
        }
        let country = event.location.country.map_or(0, code);
        if self.marks.has(Marks::LEARNS) {
            learn(&mut self.countries, country);
            learn(&mut self.networks, self.network);
        } else {
            met.set(Rule::UnusualCountry, is_other(&self.countries, country));
            met.set(Rule::UnusualNetwork, is_other(&self.networks, self.network));
        }
        match event.event_type {
            EventType::PageView | EventType::Search => self.marks.set(Marks::LOOKED),
            EventType::Click => {}
            EventType::AddToCart => session.cart(due_us),
            EventType::Purchase => {
                met.set(Rule::BlindPurchase, !self.marks.has(Marks::LOOKED));
                let pause_us = session.since_cart_us(due_us);
                let is_hasty = pause_us.is_some_and(|us| us < limits.hasty_purchase_us);
                met.set(Rule::HastyPurchase, is_hasty);
                met.set(Rule::HighValue, cart_cents(event) >= limits.high_value_cents);
                let count = self.purchases.get_or_insert_default().count(due_us, limits);
                session.purchases = session.purchases.saturating_add(1);
                let own = is_own(session.purchases.into(), limits.purchases_max as u64);
                met.set(Rule::PurchaseVelocity, count > limits.purchases_max && own);
            }
        }
        Judged { met, moved_to }
    }

    /// Most purchases in the window.
    pub(super) fn purchases_most(&self) -> u32 {
        self.purchases.as_ref().map_or(0, |recent| recent.most)
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
        rule: Rule,
        event: &Event<'_>,
        due_us: i64,
        limits: &Limits,
    ) -> Evidence {
        match rule {
            Rule::Velocity => Evidence::Events(self.minute.sum().into()),
            Rule::PurchaseVelocity => {
                let count = self.purchases.as_ref().map_or(0, |recent| recent.times.len());
                Evidence::Purchases(count as u64, limits.purchase_window_us)
            }
            Rule::HighValue => Evidence::Cart(cart_cents(event)),
            Rule::UnusualCountry => {
                let now = event.location.country.unwrap_or_default().to_compact_string();
                Evidence::Place(now, code_text(self.countries[0]))
            }
            Rule::UnusualNetwork | Rule::CrowdedAddress => {
                Evidence::Place(network_text(self.network), network_text(self.networks[0]))
            }
            Rule::BlindPurchase => Evidence::Blind,
            Rule::HastyPurchase => {
                Evidence::Haste(self.sessions[0].since_cart_us(due_us).unwrap_or(i64::MAX))
            }
            Rule::DeviceChange => {
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
            self.purchases.get_or_insert_default().most = purchases_most;
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

/// The last purchases.
#[derive(Debug, Clone, Default)]
struct Recent {
    times: VecDeque<i64>,
    /// Most in the window.
    most: u32,
}

impl Recent {
    /// Counts a purchase, and gives how many there are in the window that ends with it; one
    /// exactly a window ago is outside. Beyond what a rule or an alert needs the count stands.
    fn count(&mut self, due_us: i64, limits: &Limits) -> usize {
        let since_us = due_us.saturating_sub(limits.purchase_window_us);
        while self.times.front().is_some_and(|at_us| *at_us <= since_us) {
            self.times.pop_front();
        }
        if self.times.len() > limits.purchases_max.max(PURCHASES_TOLD) {
            self.times.pop_front();
        }
        self.times.push_back(due_us);
        self.most = self.most.max(u32::try_from(self.times.len()).unwrap_or(u32::MAX));
        self.times.len()
    }
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
mod tests {
    use super::*;

    #[test]
    fn the_minute_slides_by_slices() {
        let mut minute = Minute::default();
        // At 0 s, 9 s, 10 s, 59 s, 60 s (the first slice is over), 200 s, and much too late.
        let counts = [0, 9, 10, 59, 60, 200, 100].map(|s| minute.count(s * 1_000_000));
        assert_eq!(counts, [1, 2, 3, 4, 3, 1, 0]);
    }

    #[test]
    fn purchases_are_counted_in_a_window_that_is_open_at_its_far_end() {
        let limits = Limits { purchase_window_us: 10, purchases_max: 2, ..LIMITS };
        let mut recent = Recent::default();
        let counts = [0, 5, 10, 11, 15, 25].map(|due_us| recent.count(due_us, &limits));
        assert_eq!(counts, [1, 2, 2, 3, 3, 1]);
        for _ in 0..10_000 {
            recent.count(26, &limits);
        }
        assert!(recent.times.len() <= PURCHASES_TOLD + 1);
    }

    const LIMITS: Limits = Limits {
        velocity_per_min: 90,
        purchases_max: 8,
        purchase_window_us: 600_000_000,
        high_value_cents: 300_000,
        hasty_purchase_us: 100_000,
        home_sessions: 1,
        session_idle_us: 1_800_000_000,
    };

    #[test]
    fn a_user_takes_two_cache_lines_with_the_name() {
        assert_eq!(size_of::<(compact_str::CompactString, Suspect)>(), 128);
    }
}
