//! A naive reader of events: it takes one line after the other and knows nothing of kbench.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::places::{is_agent, is_outside, is_place};

/// What was found so far; panics at the first event that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) events: u64,
    pub(crate) by_type: HashMap<String, u64>,
    pub(crate) users: HashSet<String>,
    /// Each product's id, name, price in cents and category, as they were first seen.
    pub(crate) products: HashMap<String, (String, u64, String)>,
    pub(crate) pages: HashSet<String>,
    ids: HashSet<String>,
    sessions: HashMap<String, Session>,
    last_time: String,
}

/// One session so far.
#[derive(Debug)]
struct Session {
    user: String,
    /// Device, place, user agent and address.
    stable: String,
    page: String,
    time: String,
    viewed: HashSet<String>,
    queries: Vec<String>,
    cart: Vec<(String, u64)>,
    /// Whether it comes from a page of the shop: what it saw before is not known.
    was_under_way: bool,
    /// What is left in its cart from before, once a cart's value has told it.
    before_cents: Option<u64>,
    events: u64,
}

const TOP: [&str; 12] = [
    "device",
    "event_id",
    "event_type",
    "ip_address",
    "location",
    "page_url",
    "properties",
    "referrer",
    "session_id",
    "timestamp",
    "user_agent",
    "user_id",
];

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is not a text in {value}"))
}

fn cents(value: &Value, key: &str) -> u64 {
    let dollars = value[key].as_f64().unwrap_or_else(|| panic!("{key} is not a number in {value}"));
    let cents = (dollars * 100.0).round();
    assert!(cents > 0.0 && (cents - dollars * 100.0).abs() < 1e-6, "{key} in {value}");
    cents as u64
}

impl Reader {
    /// Takes the next line.
    pub(crate) fn see(&mut self, line: &str) {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(keys(&event), TOP, "{line}");
        assert_eq!(keys(&event["device"]), ["browser", "os", "type"], "{line}");
        assert_eq!(keys(&event["location"]), ["city", "country", "timezone"], "{line}");
        self.identity(&event);
        let (device, place) = (&event["device"], &event["location"]);
        let browser = (text(device, "type"), text(device, "os"), text(device, "browser"));
        let agent = text(&event, "user_agent");
        assert!(is_agent(browser.0, browser.1, browser.2, agent), "{line}");
        let (country, city) = (text(place, "country"), text(place, "city"));
        assert!(is_place(country, city, text(place, "timezone")), "{line}");
        let kind = text(&event, "event_type").to_owned();
        self.product(&event["properties"], &kind, line);
        self.pages.insert(text(&event, "page_url").to_owned());
        self.visit(&event, &kind, line);
        *self.by_type.entry(kind).or_default() += 1;
        self.events += 1;
    }

    /// The numbers of event, user and session, and the time.
    fn identity(&mut self, event: &Value) {
        let id = text(event, "event_id");
        let hyphens: Vec<_> = id.match_indices('-').map(|(at, _)| at).collect();
        assert_eq!((id.len(), hyphens), (36, vec![8, 13, 18, 23]), "{id}");
        assert!(id.chars().all(|c| c == '-' || c.is_ascii_hexdigit() && !c.is_ascii_uppercase()));
        assert_eq!(&id[14..15], "8", "the version of {id}");
        assert!("89ab".contains(&id[19..20]), "the variant of {id}");
        assert!(self.ids.insert(id.to_owned()), "{id} comes twice");
        let user = text(event, "user_id");
        let number = user.strip_prefix("user-").unwrap();
        assert!(number.len() >= 5 && number.bytes().all(|b| b.is_ascii_digit()), "{user}");
        self.users.insert(user.to_owned());
        let session = text(event, "session_id").strip_prefix("sess-").unwrap();
        assert!(!session.is_empty() && session.bytes().all(|b| b.is_ascii_hexdigit()));
        let address = text(event, "ip_address");
        assert!(address.parse::<std::net::Ipv4Addr>().is_ok(), "{address}");
        let time = text(event, "timestamp");
        assert!(time.len() == 27 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
        // One form of one length: what sorts as text sorts by time.
        assert!(*time >= *self.last_time, "{time} after {}", self.last_time);
        self.last_time = time.to_owned();
    }

    /// The properties that a type has, and that a product is always the same.
    fn product(&mut self, properties: &Value, kind: &str, line: &str) {
        const PRODUCT: [&str; 4] = ["category", "price", "product_id", "product_name"];
        let keys = keys(properties);
        let fits = match kind {
            "page_view" | "click" => keys.is_empty() || keys == ["category"] || keys == PRODUCT,
            "search" => keys == ["search_query"],
            "add_to_cart" | "purchase" => {
                keys == ["cart_value", "category", "price", "product_id", "product_name"]
            }
            _ => false,
        };
        assert!(fits, "{line}");
        if let Some(id) = properties["product_id"].as_str() {
            assert!(id.starts_with("PROD-") && id.len() >= 8, "{id}");
            let name = text(properties, "product_name").to_owned();
            let category = text(properties, "category").to_owned();
            let product = (name, cents(properties, "price"), category);
            let known = self.products.entry(id.to_owned()).or_insert_with(|| product.clone());
            assert_eq!(*known, product, "{line}");
        }
    }

    /// The event as a step of its session.
    fn visit(&mut self, event: &Value, kind: &str, line: &str) {
        let page = text(event, "page_url");
        assert!(page.starts_with('/'), "{line}");
        let stable = ["device", "location", "user_agent", "ip_address"].map(|key| &event[key]);
        let stable = format!("{stable:?}");
        let first = || Session {
            user: text(event, "user_id").to_owned(),
            stable: stable.clone(),
            page: String::new(),
            time: String::new(),
            viewed: HashSet::new(),
            queries: Vec::new(),
            cart: Vec::new(),
            was_under_way: false,
            before_cents: None,
            events: 0,
        };
        let session =
            self.sessions.entry(text(event, "session_id").to_owned()).or_insert_with(first);
        assert_eq!(session.user, text(event, "user_id"), "{line}");
        assert_eq!(session.stable, stable, "{line}");
        assert!(*session.time <= *text(event, "timestamp"), "{line}");
        let referrer = text(event, "referrer");
        if session.events == 0 {
            session.was_under_way = referrer.starts_with('/');
            assert!(session.was_under_way || is_outside(referrer), "{line}");
            if !session.was_under_way {
                session.before_cents = Some(0);
            }
        } else {
            assert_eq!(referrer, session.page, "{line}");
        }
        session.step(&event["properties"], kind, line);
        session.events += 1;
        session.page = page.to_owned();
        session.time = text(event, "timestamp").to_owned();
    }

    /// Sessions that had so many events or more.
    pub(crate) fn sessions_of_at_least(&self, events: u64) -> usize {
        self.sessions.values().filter(|session| session.events >= events).count()
    }
}

impl Session {
    fn step(&mut self, properties: &Value, kind: &str, line: &str) {
        match kind {
            "search" => {
                let query = text(properties, "search_query");
                assert!(query == query.to_lowercase() && !query.is_empty(), "{line}");
                self.queries.push(query.to_owned());
            }
            "page_view" => {
                self.viewed.extend(properties["product_id"].as_str().map(str::to_owned));
            }
            "add_to_cart" => {
                let product = text(properties, "product_id");
                let name = text(properties, "product_name").to_lowercase();
                let seen = self.viewed.contains(product);
                let found = self.queries.iter().any(|query| query.contains(&name));
                assert!(seen || found || self.was_under_way, "{line}");
                self.cart.push((product.to_owned(), cents(properties, "price")));
                self.value(cents(properties, "cart_value"), line);
            }
            "purchase" => {
                let product = text(properties, "product_id");
                self.value(cents(properties, "cart_value"), line);
                let price_cents = cents(properties, "price");
                // What has been there for longest goes first.
                let before = self.before_cents.as_mut().filter(|before| **before > 0);
                if let Some(before) = before {
                    *before = before.checked_sub(price_cents).unwrap_or_else(|| panic!("{line}"));
                    return;
                }
                let place = self.cart.iter().position(|(id, _)| id == product);
                let place = place.unwrap_or_else(|| panic!("bought but not in the cart: {line}"));
                assert_eq!(self.cart.remove(place).1, price_cents, "{line}");
            }
            _ => {}
        }
    }

    /// A cart is worth what was put into it, and what was there before.
    fn value(&mut self, cart_cents: u64, line: &str) {
        let sum = self.sum();
        let before = *self
            .before_cents
            .get_or_insert_with(|| cart_cents.checked_sub(sum).unwrap_or_else(|| panic!("{line}")));
        assert_eq!(cart_cents, sum + before, "{line}");
    }

    fn sum(&self) -> u64 {
        self.cart.iter().map(|(_, cents)| cents).sum()
    }
}
