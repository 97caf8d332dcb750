//! Reads events back from their bytes and checks each against its session so far.

use std::collections::{HashMap, HashSet};

use crate::event::{Event, EventType, FraudKind, cents};
use crate::load::generate::{Draft, EventFacts};

/// Whether an event is of a session that has come from within the shop.
pub(super) fn is_under_way(draft: &Draft<'_>) -> bool {
    draft.facts.session_starts && draft.parts.referrer.starts_with(b"/")
}

/// All sessions so far.
#[derive(Default)]
pub(super) struct Visits {
    pub(super) carts: u64,
    pub(super) purchases: u64,
    sessions: HashMap<String, Visit>,
    /// The session that each user is in, or was in last.
    users: HashMap<String, String>,
    /// Device, address and place of each user.
    homes: HashMap<String, String>,
    prices: HashMap<String, u64>,
}

#[derive(Default)]
struct Visit {
    user: String,
    home: String,
    timestamp: String,
    page: String,
    viewed: HashSet<String>,
    queries: Vec<String>,
    cart: Vec<(String, u64)>,
    /// Whether it has a past that nobody saw.
    was_under_way: bool,
    /// What its past has left in its cart, once a cart's value has told it.
    before_cents: Option<u64>,
}

impl Visits {
    /// Checks one event; panics when it makes no sense.
    pub(super) fn see(&mut self, bytes: &[u8], draft: &Draft<'_>) {
        let text = std::str::from_utf8(bytes).unwrap();
        let event: Event<'_> = serde_json::from_str(text).unwrap();
        let facts = draft.facts;
        assert_eq!(event.user_id, draft.key);
        assert_eq!(event.event_type, facts.event_type);
        assert_eq!(event.user_id[5..].parse(), Ok(facts.user));
        assert_eq!(u64::from_str_radix(&event.session_id[5..], 16), Ok(facts.session));
        let home = self.check_user(&event, &facts);
        self.check_properties(&event, draft);

        let starts = !self.sessions.contains_key(event.session_id);
        assert_eq!(starts, facts.session_starts, "{text}");
        let visit = self.sessions.entry(event.session_id.to_owned()).or_default();
        if starts {
            event.user_id.clone_into(&mut visit.user);
            home.clone_into(&mut visit.home);
            visit.was_under_way = is_under_way(draft);
            let referrer = event.referrer.unwrap();
            let from_outside = referrer.is_empty() || referrer.starts_with("https://");
            assert!(from_outside || visit.was_under_way, "{text}");
        } else {
            assert_eq!(event.user_id, visit.user, "{text}");
            assert_eq!(home, visit.home, "{text}");
            // RFC 3339 with microseconds sorts as text.
            assert!(*event.timestamp >= *visit.timestamp, "{text}");
            assert_eq!(event.referrer, Some(visit.page.as_str()), "{text}");
        }
        visit.step(&event, text);
        self.carts += u64::from(event.event_type == EventType::AddToCart);
        self.purchases += u64::from(event.event_type == EventType::Purchase);
        event.page_url.clone_into(&mut visit.page);
        event.timestamp.clone_into(&mut visit.timestamp);
    }

    /// One live session per user, always the same device and place unless the account was taken
    /// over. Gives these.
    fn check_user(&mut self, event: &Event<'_>, facts: &EventFacts) -> String {
        let current = self.users.entry(event.user_id.to_owned()).or_default();
        if facts.session_starts {
            event.session_id.clone_into(current);
        }
        // A session that goes on after the user's next one began would be caught here.
        assert_eq!(current, event.session_id);
        let home = format!(
            "{:?} {:?} {:?} {:?}",
            event.user_agent, event.ip_address, event.device, event.location
        );
        let address = event.ip_address.unwrap();
        assert!(address.parse::<std::net::Ipv4Addr>().unwrap().is_private(), "{address}");
        assert!(event.device.kind.is_some() && event.location.timezone.is_some());
        if facts.fraud == Some(FraudKind::AccountTakeover) {
            // Its owner was here before, from elsewhere.
            assert_ne!(self.homes[event.user_id], home);
        } else {
            let known = self.homes.entry(event.user_id.to_owned()).or_insert_with(|| home.clone());
            assert_eq!(*known, home);
        }
        home
    }

    /// The properties are those of the type and the page, and agree with the facts.
    fn check_properties(&mut self, event: &Event<'_>, draft: &Draft<'_>) {
        let properties = event.properties;
        let kind = event.event_type;
        let number = properties.product_id.map(|id| id[5..].parse::<u32>().unwrap() - 1);
        assert_eq!(number, draft.facts.product);
        let price_cents = properties.price.map_or(0, cents);
        assert_eq!(price_cents, draft.facts.price_cents);
        if let Some(id) = properties.product_id {
            let price = self.prices.entry(id.to_owned()).or_insert(price_cents);
            assert_eq!(*price, price_cents);
            assert!(properties.product_name.is_some() && properties.category.is_some());
        }
        let has_cart = matches!(kind, EventType::AddToCart | EventType::Purchase);
        assert_eq!(properties.cart_value.is_some(), has_cart);
        assert_eq!(properties.cart_value.map_or(0, cents), draft.facts.cart_cents);
        assert_eq!(properties.search_query.is_some(), kind == EventType::Search);
        let about_product = event.page_url.starts_with("/products/") || has_cart;
        assert_eq!(properties.product_id.is_some(), about_product, "{event:?}");
        if let Some(query) = properties.search_query {
            let url = format!("/search?q={}", query.replace(' ', "+"));
            assert_eq!(event.page_url, url);
        }
        if let Some(name) = properties.product_name.filter(|_| !has_cart) {
            let url = format!("/products/{}", name.to_lowercase().replace(' ', "-"));
            assert_eq!(event.page_url, url);
        }
    }
}

impl Visit {
    fn step(&mut self, event: &Event<'_>, text: &str) {
        let product = event.properties.product_id.map(str::to_owned);
        let price_cents = event.properties.price.map_or(0, cents);
        let cart_cents = event.properties.cart_value.map_or(0, cents);
        match event.event_type {
            EventType::PageView => self.viewed.extend(product),
            EventType::Search => {
                self.queries.push(event.properties.search_query.unwrap().to_owned());
            }
            EventType::Click => {}
            EventType::AddToCart => {
                let (product, name) = (product.unwrap(), event.properties.product_name.unwrap());
                let name = name.to_lowercase();
                let found = self.queries.iter().any(|query| query.contains(&name));
                let is_known = found || self.viewed.contains(&product) || self.was_under_way;
                assert!(is_known, "never seen: {text}");
                self.cart.push((product, price_cents));
                self.check_cart(cart_cents, text);
            }
            EventType::Purchase => {
                self.check_cart(cart_cents, text);
                let bought = (product.unwrap(), price_cents);
                // What was in the cart before anybody looked is bought first.
                match self.before_cents {
                    Some(before_cents) if before_cents > 0 => {
                        let left = before_cents.checked_sub(price_cents);
                        self.before_cents = Some(left.unwrap_or_else(|| panic!("{text}")));
                    }
                    _ => {
                        let at = self.cart.iter().position(|item| *item == bought);
                        self.cart.remove(at.unwrap_or_else(|| panic!("not in the cart: {text}")));
                    }
                }
            }
        }
    }

    /// A cart's value is that of all that was put in and not bought.
    fn check_cart(&mut self, cart_cents: u64, text: &str) {
        let sum = self.sum();
        let past = self.was_under_way.then(|| cart_cents.checked_sub(sum)).flatten();
        let before_cents = *self.before_cents.get_or_insert(past.unwrap_or(0));
        assert_eq!(cart_cents, before_cents + sum, "{text}");
    }

    fn sum(&self) -> u64 {
        self.cart.iter().map(|(_, price_cents)| price_cents).sum()
    }
}
