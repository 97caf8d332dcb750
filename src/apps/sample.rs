//! A tiny stream of events for the tests of the applications: a few users in overlapping sessions.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::event::{Device, Event, EventType, Location, Properties};
use crate::plan::AppPlan;

/// One event that owns its words.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) due_us: i64,
    pub(super) user_id: String,
    pub(super) session_id: String,
    pub(super) event_type: EventType,
    pub(super) page_url: String,
    pub(super) product: usize,
    pub(super) ip_address: String,
    pub(super) cart_value: f64,
    pub(super) place: usize,
}

const PRODUCTS: [(&str, f64); 4] =
    [("Laptop", 999.99), ("Mouse", 29.99), ("Keyboard", 79.99), ("Monitor", 299.99)];
const PLACES: [(&str, &str, &str); 3] =
    [("US", "New York", "desktop"), ("GB", "London", "mobile"), ("CA", "London", "watch")];
const PAGES: [&str; 8] = [
    "/",
    "/products/laptop",
    "/products/mouse",
    "/search?q=a",
    "/cart#top",
    "/category/electronics",
    "/checkout",
    "/help",
];

impl Sample {
    /// The event, borrowed.
    pub(super) fn event(&self) -> Event<'_> {
        let (product_name, price) = PRODUCTS[self.product];
        let (country, city, device) = PLACES[self.place];
        let bought = matches!(self.event_type, EventType::AddToCart | EventType::Purchase);
        let shown = self.page_url.starts_with("/products") && self.product > 0;
        Event {
            event_id: "e",
            timestamp: "t",
            user_id: &self.user_id,
            session_id: &self.session_id,
            event_type: self.event_type,
            page_url: &self.page_url,
            referrer: None,
            user_agent: None,
            ip_address: Some(&self.ip_address),
            properties: Properties {
                product_name: (bought || shown).then_some(product_name),
                price: bought.then_some(price),
                cart_value: bought.then_some(self.cart_value),
                search_query: (self.event_type == EventType::Search).then_some(product_name),
                ..Properties::default()
            },
            device: Device { kind: Some(device), ..Device::default() },
            location: Location { country: Some(country), city: Some(city), timezone: None },
        }
    }
}

/// `count` events of some `users` users, in the order of their times. Two events are some sixths
/// of `step_max_us` apart, so that events lie on the very edges of windows too.
pub(super) fn events(seed: u64, count: usize, users: u64, step_max_us: i64) -> Vec<Sample> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut due_us = 1_705_314_645_123_000;
    (0..count)
        .map(|_| {
            due_us += random.random_range(0..=6) * (step_max_us / 6);
            let user = random.random_range(0..users).min(random.random_range(0..users));
            Sample {
                due_us,
                user_id: format!("user-{user}"),
                // Session ids come again among users, and with one user in two browsers.
                session_id: format!("sess-{}", random.random_range(0..3)),
                event_type: EventType::ALL[random.random_range(0..5)],
                page_url: PAGES[random.random_range(0..PAGES.len())].to_owned(),
                product: random.random_range(0..PRODUCTS.len()),
                ip_address: format!("10.0.0.{}", random.random_range(0..20) / 19),
                cart_value: random.random_range(0..300_000) as f64 / 100.0,
                place: (user % 3) as usize,
            }
        })
        .collect()
}

/// A plan with all options at their defaults but for those given.
pub(super) fn plan(options: &[(&str, f64)]) -> AppPlan {
    AppPlan {
        name: String::new(),
        group: String::new(),
        workers: 1,
        options: options.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect(),
    }
}
